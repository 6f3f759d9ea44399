"""Commands for what people do, over HTTP: the same rules and messages as in Slack."""

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from bot.cli import output, views
from bot.cli.client import Client
from bot.cli.failures import NOT_FOUND, REFUSED, Failure

JSON = dict[str, Any]

cli = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Number = Annotated[str, typer.Argument(metavar="REQ", help="As in REQ-12.")]
Instance = Annotated[str, typer.Argument(metavar="INS", help="As in INS-7.")]
Reason = Annotated[str | None, typer.Option(help="People who look at the request read it.")]
Count = Annotated[int, typer.Option(min=1, help="At most so many.")]
Name = Annotated[str, typer.Argument(metavar="OFFERING")]
Version = Annotated[str | None, typer.Option(help="Of the contract; without it the newest.")]

#: What stands behind the first arguments is ours to read: its options come from a contract.
_TAIL: Any = {"allow_extra_args": True, "allow_interspersed_args": False}
_ENDED = frozenset({"fulfilled", "rejected", "withdrawn", "expired", "cancelled", "failed", "parked"})
_PAGE, _POLL = 100, 0.5


@cli.command()
def offerings(*, as_json: AsJson = False) -> None:
    """What can be asked for."""
    with Client() as client:
        answer = client.get("offerings")
    _tell(answer, views.offerings, as_json=as_json)


@cli.command()
def offering(name: Name, *, version: Version = None, as_json: AsJson = False) -> None:
    """One offering and its fields."""
    with Client() as client:
        answer = client.get("offerings", name, version=version)
    _tell(answer, views.offering, as_json=as_json)


@cli.command(context_settings=_TAIL)
def request(
    context: typer.Context,
    name: Name,
    *,
    reason: Reason = None,
    key: Annotated[str | None, typer.Option(help="The same key again is the same request.")] = None,
    version: Version = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; 1 if it is not fulfilled.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for an offering: OFFERING [@FILE] [--FIELD VALUE ...].

    The fields are the offering's: `frontdesk request OFFERING --help` lists them. `--network.cidr` is a field of a
    group, @FILE holds answers as YAML or JSON. An option of the command may stand on either side of OFFERING; if a
    field has its name too, it is the field's behind OFFERING.
    """
    own: JSON = {"reason": reason, "key": key, "version": version, "wait": wait, "json": as_json}
    with Client() as client:
        form, own = _answers(client, name, context, own)
        body = {"form": form, "reason": own["reason"], "version": own["version"]}
        record = client.post("offerings", name, "requests", body=body, key=own["key"])
        if own["wait"]:
            record = _wait(client, record)
    _moved(record, as_json=own["json"])
    if own["wait"] and record["state"] != "fulfilled":
        raise typer.Exit(REFUSED)


@cli.command(context_settings=_TAIL)
def plan(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """What a request would do; touches nothing. Fields as in `request`."""
    with Client() as client:
        form, own = _answers(client, name, context, {"json": as_json})
        answer = client.post("offerings", name, "plan", body={"form": form})
    _tell(answer, views.plan, as_json=own["json"])


@cli.command("list")
def list_requests(
    *,
    state: Annotated[str | None, typer.Option(help="As in awaiting_approval.")] = None,
    offering: Annotated[str | None, typer.Option()] = None,
    mine: Annotated[bool, typer.Option("--mine", help="That I asked for.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="That wait for me.")] = False,
    limit: Count = 50,
    as_json: AsJson = False,
) -> None:
    """Requests that I may see, newest first."""
    query: JSON = {"state": state, "offering": offering, "mine": mine or None, "waiting_for_me": waiting or None}
    with Client() as client:
        answer = _pages(client, "requests", limit, query)
    _tell(answer, partial(views.requests, empty="There are no such requests."), as_json=as_json)


@cli.command()
def waiting(*, limit: Count = 50, as_json: AsJson = False) -> None:
    """Requests that wait for my decision or my work, oldest first."""
    with Client() as client:
        answer = _pages(client, "requests", limit, {"waiting_for_me": True})
    _tell(answer, partial(views.requests, empty="Nothing waits for you."), as_json=as_json)


@cli.command()
def show(number: Number, *, as_json: AsJson = False) -> None:
    """One request with its story."""
    with Client() as client:
        answer = client.get("requests", number)
    _tell(answer, views.request, as_json=as_json)


@cli.command()
def approve(number: Number, *, reason: Reason = None, as_json: AsJson = False) -> None:
    """Approve a request."""
    _act(number, "approve", {"reason": reason}, as_json=as_json)


@cli.command()
def reject(
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="The requester reads it.")],
    as_json: AsJson = False,
) -> None:
    """Reject a request."""
    _act(number, "reject", {"reason": reason}, as_json=as_json)


@cli.command()
def withdraw(number: Number, *, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take back my own request before it is decided."""
    _act(number, "withdraw", {"reason": reason}, as_json=as_json)


@cli.command()
def cancel(number: Number, *, reason: Reason = None, as_json: AsJson = False) -> None:
    """Stop a request after its approval."""
    _act(number, "cancel", {"reason": reason}, as_json=as_json)


@cli.command()
def retry(number: Number, *, as_json: AsJson = False) -> None:
    """Run the failed step again."""
    _act(number, "retry", None, as_json=as_json)


@cli.command(context_settings=_TAIL)
def complete(
    context: typer.Context, number: Number, step: Annotated[str, typer.Argument()], *, as_json: AsJson = False
) -> None:
    """I did what a step asks: REQ STEP [@FILE] [--OUTPUT VALUE ...]."""
    from bot.cli import answers  # noqa: PLC0415 - --help needs no contract

    with Client() as client:
        found = next((each for each in client.get("requests", number)["steps"] if each["name"] == step), None)
        if found is None:
            raise Failure(NOT_FOUND, f"{number} has no step called {step}.")
        schema = (found["ask"] or {}).get("outputs") or {}
        prog = f"frontdesk complete {number} {step}"
        given = answers.read(schema, context.args, _own({"json": as_json}), prog=prog)
        body = {"outputs": answers.typed(schema, given, client.upload)}
        record = client.post("requests", number, "steps", step, "complete", body=body)
    _moved(record, as_json=as_json or "json" in given.own)


@cli.command()
def refuse(
    number: Number,
    step: Annotated[str, typer.Argument()],
    *,
    reason: Annotated[str, typer.Option(help="The requester reads it.")],
    as_json: AsJson = False,
) -> None:
    """I cannot do what a step asks: it fails."""
    with Client() as client:
        record = client.post("requests", number, "steps", step, "refuse", body={"reason": reason})
    _moved(record, as_json=as_json)


@cli.command(context_settings=_TAIL)
def edit(context: typer.Context, number: Number, *, as_json: AsJson = False) -> None:
    """Change answers while a request waits for approval: REQ [@FILE] [--FIELD VALUE ...].

    Options change single fields; @FILE holds all answers.
    """
    from bot.cli import answers  # noqa: PLC0415 - --help needs no contract

    with Client() as client:
        record = client.get("requests", number)
        schema = client.get("offerings", record["offering"], version=record["version"])["form"]
        given = answers.read(schema, context.args, _own({"json": as_json}), prog=f"frontdesk edit {number}")
        form = answers.typed(schema, given, client.upload, record["form"])
        record = client.call("PATCH", "requests", number, body={"form": form})
    _moved(record, as_json=as_json or "json" in given.own)


@cli.command()
def instances(*, limit: Count = 50, as_json: AsJson = False) -> None:
    """What I have."""
    with Client() as client:
        answer = _pages(client, "instances", limit, {})
    _tell(answer, views.instances, as_json=as_json)


@cli.command(context_settings=_TAIL)
def update(
    context: typer.Context, number: Annotated[str, typer.Argument(metavar="INS")], *, as_json: AsJson = False
) -> None:
    """Ask for a change of an instance: INS [@FILE] [--FIELD VALUE ...].

    Options change single fields; @FILE holds all answers.
    """
    from bot.cli import answers  # noqa: PLC0415 - --help needs no contract

    own: JSON = {"reason": None, "key": None, "json": as_json}
    with Client() as client:
        instance = client.get("instances", number)
        schema = client.get("offerings", instance["offering"], version=instance["version"])["form"]
        given = answers.read(schema, context.args, _own(own), prog=f"frontdesk update {number}")
        own |= given.own
        form = answers.typed(schema, given, client.upload, instance["form"])
        gone = {name: None for name in instance["form"] if name not in form}
        body = {"form": form | gone, "reason": own["reason"]}
        record = client.call("PATCH", "instances", number, body=body, key=own["key"])
    _moved(record, as_json=own["json"])


@cli.command()
def renew(number: Instance, *, as_json: AsJson = False) -> None:
    """Extend the time of an instance, as its offering allows."""
    with Client() as client:
        # What we saw goes with it: an answer that is lost on the way and a second try are not two renewals.
        seen = client.get("instances", number)["renewals"]
        answer = client.post("instances", number, "renew", body={"renewals": seen})
    _tell(answer, views.renewed, as_json=as_json)


@cli.command()
def delete(
    number: Instance,
    *,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the end of an instance."""
    with Client() as client:
        record = client.call("DELETE", "instances", number, query={"reason": reason})
    _moved(record, as_json=as_json)


def _answers(client: Client, name: str, context: typer.Context, own: JSON) -> tuple[JSON, JSON]:
    """The form that was given behind the offering's name, and the command's own options from both sides."""
    from bot.cli import answers  # noqa: PLC0415 - --help needs no contract

    prog = f"frontdesk {context.info_name} {name}"
    version = own.get("version")
    while True:
        schema = client.get("offerings", name, version=version)["form"]
        given = answers.read(schema, context.args, _own(own), prog=prog)
        behind = given.own.get("version", version)
        if behind == version:
            return answers.typed(schema, given, client.upload), own | given.own | (
                {"version": version} if version else {}
            )
        version = behind  # which decides what fields there are


_OWN = {
    "reason": "People who look at the request read it.",
    "key": "The same key again is the same request.",
    "version": "Of the contract; without it the newest.",
    "wait": "Until it has ended; 1 if it is not fulfilled.",
    "json": "For machines.",
}


def _own(names: JSON) -> dict[str, str]:
    return {name: _OWN[name] for name in names}


def _act(number: str, action: str, body: JSON | None, *, as_json: bool) -> None:
    with Client() as client:
        record = client.post("requests", number, action, body=body)
    _moved(record, as_json=as_json)


def _wait(client: Client, record: JSON) -> JSON:
    """Until the request has ended; tells each state on the way."""
    while record["state"] not in _ENDED:
        time.sleep(_POLL)
        before, record = record["state"], client.get("requests", record["id"])
        if record["state"] != before:
            output.note(f"{record['id']}: {record['state'].replace('_', ' ')}")
    return record


def _pages(client: Client, what: str, limit: int, query: JSON) -> JSON:
    """Up to `limit` items, over as many pages as that takes; says so when there are more."""
    items: list[JSON] = []
    cursor: str | None = None
    while True:
        page = client.get(what, **query, cursor=cursor, limit=min(limit, _PAGE))
        items += page["items"]
        cursor = page["next"]
        if cursor is None or len(items) >= limit:
            break
    if cursor is not None or len(items) > limit:
        output.note(f"There are more than {limit}: --limit shows them.")
    return {"items": items[:limit], "next": cursor}


def _moved(record: JSON, *, as_json: bool) -> None:
    _tell(record, views.moved, as_json=as_json)


def _tell(answer: JSON, view: Callable[[Any], None], *, as_json: bool) -> None:
    """For a machine the answer as it came, for a person a view of it (of its items, if it is a list)."""
    if as_json:
        output.as_json(answer)
    else:
        view(answer.get("items", answer))
