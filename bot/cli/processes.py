"""Commands that are processes, or that need the database: the server's code is imported where it is used."""

from pathlib import Path
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
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """What is wrong, and what to do: 0 if nothing is, 1 if something is. Works while nothing runs."""
    from dataclasses import asdict  # noqa: PLC0415 - as below

    from bot import examining  # noqa: PLC0415 - the whole server
    from bot.cli import output  # noqa: PLC0415 - as above

    found = examining.examine(settings.read())
    if as_json:
        output.as_json([asdict(each) for each in found])
    else:
        rows = [["wrong" if each.wrong else "", each.says, each.next] for each in found]
        output.table(["", "What", "What to do"], rows, empty="Nothing is wrong.")
    raise typer.Exit(int(any(each.wrong for each in found)))


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; one that is there is never overwritten.")],
) -> None:
    """Copy the SQLite database into a file, while it is in use."""
    from bot.store import backups  # noqa: PLC0415 - the whole store

    size = backups.backup(settings.read().database_url, file)
    typer.echo(f"{file} holds the database as it was now: {size:,} bytes, checked. frontdesk restore puts it back.")


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `frontdesk backup` or litestream made.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the database that is there.")] = False,
) -> None:
    """Put a copy in the place of the SQLite database, while nothing runs."""
    from bot.store import backups  # noqa: PLC0415 - the whole store

    schema = backups.restore(settings.read().database_url, file, force=force)
    typer.echo(
        f"The database is as {file} was (schema {schema}). frontdesk migrate brings an older one to this version's."
    )


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
def key() -> None:
    """A new key for FRONTDESK_KEY, which encrypts the secrets that people give in forms."""
    from bot import safe  # noqa: PLC0415 - cryptography

    typer.echo(safe.new_key())


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The document, or the folder of a Terraform module.")],
    *,
    name: Annotated[str | None, typer.Option(help="What people type to ask for it.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write to. [default: OFFERINGS]")] = None,
    owner: Annotated[str, typer.Option(help="The team that answers for it, and does it for now.")] = "@platform",
    notify: Annotated[str, typer.Option(help="The channel of its cards.")] = "#platform",
    force: Annotated[bool, typer.Option("--force", help="Replace the files that are there.")] = False,
) -> None:
    """An offering file from a contract that you have: Kratix, Backstage, Crossplane, Terraform, Helm, JSON Schema."""
    from bot.imports import files, writing  # noqa: PLC0415 - needs pydantic, as the server does

    found = files.load(file)
    texts = writing.offering_file(found, name=name, document=file.resolve().name, owner=owner, notify=notify)
    written = files.write(texts, out or settings.read().folder, force=force)
    for line in (*(f"Not carried over: {each}" for each in found.notes), *(f"Look: {each}" for each in found.warnings)):
        typer.echo(line)
    typer.echo(f"Wrote {' and '.join(str(path) for path in written)}. Say who owns it, then: frontdesk check")


@cli.command()
def demo(
    *,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    tour: Annotated[bool, typer.Option("--tour", help="Play the story in the terminal, then end.")] = False,
) -> None:
    """A workspace, a Jira and Frontdesk on this machine, to try it."""
    from bot.demo import main  # noqa: PLC0415 - the whole server and more

    raise typer.Exit(main.run(open_browser=open_browser, tour=tour))


@cli.command()
def preview(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="An offering's name or file, or a contract's document.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the views instead.")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """The form that people will see, drawn anew at each save."""
    from bot.demo import preview as previews  # noqa: PLC0415 - the whole server and more

    raise typer.Exit(previews.dump(source) if as_json else previews.show(source, open_browser=open_browser))


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
