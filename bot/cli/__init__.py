"""Door: the command line. What people do goes over HTTP; processes import the server where they need it.

use_cases   request, approve, show, ... over HTTP
processes   run, web, worker, migrate, doctor, backup, restore, check, demo, token
answers     options from a contract
client      HTTP, and the exit code for each answer
views       what a person reads; output: tables, JSON, colours
failures    exit codes

`frontdesk --help` has 0.3 s: nothing heavy (pydantic, httpx, rich, the server) is imported before a command needs it.
"""

import sys

import typer

from bot.cli import output, processes, use_cases
from bot.cli.failures import EPILOG, NOT_FOUND, REFUSED, UNREACHABLE, Failure
from bot.errors import FrontdeskError, NotFound, Unavailable

cli = typer.Typer(
    name="frontdesk",
    help="The front desk of an internal platform.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cli.add_typer(use_cases.cli)
cli.add_typer(processes.cli)


def main() -> None:
    """Run one command; what goes wrong on purpose is told in a line, without a traceback."""
    try:
        cli()
    except Failure as failure:
        for line in failure.lines:
            output.note(line)
        sys.exit(failure.code)
    except FrontdeskError as error:
        output.note(str(error))
        sys.exit(_code(error))


def _code(error: FrontdeskError) -> int:
    if isinstance(error, NotFound):
        return NOT_FOUND
    return UNREACHABLE if isinstance(error, Unavailable) else REFUSED
