"""Commands that are processes, or that need the database: the server's code is imported where it is used."""

from typing import Annotated

import typer

from bot import settings

cli = typer.Typer()
token = typer.Typer(no_args_is_help=True, help="Tokens for the API and the command line.")
cli.add_typer(token, name="token")

Person = Annotated[str, typer.Argument(metavar="PERSON", help="An e-mail address or a Slack id.")]


@cli.command()
def run() -> None:
    """Web and worker in one process."""
    _run(web=True, worker=True)


@cli.command()
def web() -> None:
    """Slack and HTTP only."""
    _run(web=True, worker=False)


@cli.command()
def worker() -> None:
    """Steps and deliveries only."""
    _run(web=False, worker=True)


@cli.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from bot import app  # noqa: PLC0415 - the whole server

    app.migrate(settings.read())
    typer.echo("The database is at the schema of this version.")


@cli.command()
def check(
    *,
    record: Annotated[
        bool, typer.Option("--record", help="Record the contracts anew, if they are compatible.")
    ] = False,
) -> None:
    """Load and lint every offering."""
    from bot import app  # noqa: PLC0415 - the whole server

    told = settings.read()
    for line in app.record_contracts(told) if record else app.check(told):
        typer.echo(line)


@cli.command()
def demo(
    *,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    tour: Annotated[bool, typer.Option("--tour", help="Play the story in the terminal, then end.")] = False,
) -> None:
    """A workspace, a Jira and Frontdesk on this machine, to try it."""
    from bot.demo import main  # noqa: PLC0415 - the whole server and more

    raise typer.Exit(main.run(open_browser=open_browser, tour=tour))


@token.command()
def create(person: Person) -> None:
    """A new token for somebody; it is shown this once."""
    from bot import app  # noqa: PLC0415 - the whole server

    typer.echo(app.create_token(settings.read(), person))


@token.command()
def revoke(person: Person) -> None:
    """End all tokens of somebody."""
    from bot import app  # noqa: PLC0415 - the whole server

    ended = app.revoke_tokens(settings.read(), person)
    typer.echo(f"{ended} ended.")


def _run(*, web: bool, worker: bool) -> None:
    from bot import app  # noqa: PLC0415 - the whole server

    app.run(settings.read(), web=web, worker=worker)
