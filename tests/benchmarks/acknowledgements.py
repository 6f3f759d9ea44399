"""How soon Slack has its acknowledgement, against a bare Bolt app behind the same server and the same route.

The floor is a bare app as Bolt comes, for both bars. Both tables also tell the ratio to one that is configured as the
bot is (process_before_response): stricter, without a bar.

`/platform` is acknowledged before anything is read; the submission of postgres's form is acknowledged when its
transaction is committed (SQLite, WAL, synchronous=FULL). The bot runs as `frontdesk run`: its worker works meanwhile.
"""

import itertools
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from bot import catalogue
from bot.slack.forms.about import FORM, About
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.benchmarks import commits, figures, processes
from tests.benchmarks.processes import ROOT, Door

AT_ONCE, ROUNDS, ALONE = 50, 20, 60
#: Seconds that the bot gets to finish a batch's messages and tickets, so that the next one finds it idle.
PATIENCE = 60.0

Bodies = Callable[[int], list[bytes]]
_numbers = itertools.count(1)


def main(rounds: int = ROUNDS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = {"bot": stack.enter_context(processes.bot(Path(folder))).port}
        ports |= {kind: stack.enter_context(processes.bare(kind)).port for kind in ("before", "default")}
        quiet = _Quiet(Path(folder) / "frontdesk.db")
        form = _form()
        kinds: dict[str, Bodies] = {"slash command": _commands, "submission": lambda n: _submissions(form, n)}
        for bodies in kinds.values():  # the first of everything is of no interest: people are looked up, code is loaded
            _warm(ports, bodies, quiet)
        commit = stack.enter_context(commits.bare(Path(folder) / "bare.db"))
        disk = [figures.milliseconds(lambda: commit("x" * 1000)) for _ in range(50)]
        figures.title("The disk, for what follows: a submission is acknowledged after such a commit")
        figures.told("one bare commit of SQLite, WAL, synchronous=FULL", figures.spread(disk))
        for name, bodies in kinds.items():
            _at_once(name, ports, bodies, quiet, rounds)
        for name, bodies in kinds.items():
            _alone(name, ports, bodies, quiet, ALONE if rounds == ROUNDS else rounds * 3)


def _at_once(name: str, ports: dict[str, int], bodies: Bodies, quiet: "_Quiet", rounds: int) -> None:
    figures.title(f"{AT_ONCE} acknowledgements at once: {name}; each batch's slowest, {rounds} batches in turn")
    taken = _taken(ports, bodies, quiet, rounds, AT_ONCE)
    _told(taken, 1.5)


def _alone(name: str, ports: dict[str, int], bodies: Bodies, quiet: "_Quiet", rounds: int) -> None:
    figures.title(f"One acknowledgement at a time: {name}; {rounds} of each in turn")
    taken = _taken(ports, bodies, quiet, rounds, 1)
    _told(taken, 0.6)


def _told(taken: dict[str, list[float]], bar: float) -> None:
    figures.told("bare Bolt, its default configuration (floor)", figures.spread(taken["default"]))
    figures.told("bare Bolt, process_before_response as the bot", figures.spread(taken["before"]))
    figures.told("the bot", figures.spread(taken["bot"]))
    figures.at_most("bot / bare, default", figures.ratio(taken, "bot", "default"), bar, "times")
    figures.told("bot / bare, process_before_response", f"{figures.ratio(taken, 'bot', 'before'):.2f} times")


def _taken(ports: dict[str, int], bodies: Bodies, quiet: "_Quiet", rounds: int, at_once: int) -> dict[str, list[float]]:
    def one(name: str) -> float:
        quiet.wait()
        prepared = bodies(at_once)
        with Door(ports[name], at_once) as door:
            answers: list[list[bytes]] = []
            took = figures.milliseconds(lambda: answers.append(door.send(prepared)))
        if name == "bot":
            _require_done(answers[0])
        return took

    return figures.in_turn(rounds, {name: lambda name=name: one(name) for name in ports})  # type: ignore[misc]


def _require_done(answers: list[bytes]) -> None:
    """A refusal would be quick too, and no figure."""
    for each in answers:
        if each and json.loads(each).get("response_action") != "update":
            raise RuntimeError(f"the bot did not do it: {each[:300]!r}")


def _warm(ports: dict[str, int], bodies: Bodies, quiet: "_Quiet") -> None:
    for port in ports.values():
        for _ in range(2):
            with Door(port, AT_ONCE) as door:
                door.send(bodies(AT_ONCE))
    quiet.wait()


def _commands(count: int) -> list[bytes]:
    return [processes.command(f"UPERSON{n}") for n in range(count)]


def _submissions(form: dict[str, Any], count: int) -> list[bytes]:
    """Each by another person, from a modal that was never submitted."""
    views_ = [form | {"id": f"V{next(_numbers)}"} for _ in range(count)]
    return [processes.submission(f"UPERSON{n}", view | {"root_view_id": view["id"]}) for n, view in enumerate(views_)]


def _form() -> dict[str, Any]:
    """postgres's modal, filled in, as Slack sends it back."""
    offering = catalogue.load(ROOT / "offerings", _JIRA).offering("postgres")
    assert offering is not None
    about = About(offering=offering.name, version=offering.version)
    view = Sheet(Filled(offering.presented), about, offering.title, FORM, "Request", Draft()).view()
    small = {"text": {"type": "plain_text", "text": "small"}, "value": "small"}
    given: dict[str, dict[str, Any]] = {"/name": {"value": "orders"}, "/size": {"selected_option": small}}
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    values = {
        name: {element["action_id"]: {"type": element["type"], **given[name]}} for name, element in elements.items()
    }
    return view | {"hash": "1.2", "team_id": "T1", "state": {"values": values}}


_JIRA = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "frontdesk@example.com", "JIRA_TOKEN": "secret"}
_BUSY = """SELECT (SELECT count(*) FROM delivery WHERE state = 'waiting') + (SELECT count(*) FROM card WHERE dirty)
    + (SELECT count(*) FROM step WHERE run_at IS NOT NULL)"""


class _Quiet:
    """Knows from the store whether the bot still works off what it was asked."""

    def __init__(self, database: Path) -> None:
        self._database = f"file:{database}?mode=ro"

    def wait(self) -> None:
        """Until it has nothing to do. Raises RuntimeError when it does not come to rest."""
        until = time.monotonic() + PATIENCE
        while left := self._left():
            if time.monotonic() > until:
                raise RuntimeError(f"{left} things are still to be done")
            time.sleep(0.05)
        time.sleep(0.1)  # what no row tells of: views that are being opened

    def _left(self) -> int:
        with closing(sqlite3.connect(self._database, uri=True)) as connection:
            count: int = connection.execute(_BUSY).fetchone()[0]
            return count


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
