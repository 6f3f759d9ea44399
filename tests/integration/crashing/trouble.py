"""Stories of trouble: systems that are away or let nobody in, code and data of before, processes that come and go."""

from sqlmodel import delete, select

from bot.demo.jira.site import Answer
from bot.store import tables
from tests.integration.crashing.acts import Act, acting, ask, look, sweep, wait
from tests.integration.crashing.world import OFFERINGS, Life

_OLDER = OFFERINGS.parent / "older"


def _deploy(older: bool) -> Act:
    """Other code over the same database."""

    def act(life: Life) -> None:
        life.outside.environment["OFFERINGS"] = str(_OLDER if older else OFFERINGS)
        life.close()
        life.boot()

    return act


def _jira_lets_nobody_in(life: Life) -> None:
    life.outside.jira.expired = True
    look(life)
    life.outside.jira.expired = False


def _jira_hides_comments(life: Life) -> None:
    life.outside.jira.fail("GET", "issue/[^/]+/comment", Answer(403, {"errorMessages": None}), times=1000)
    look(life)
    life.outside.jira.faults.clear()


def _as_before_timers(life: Life) -> None:
    """An older version has written all this, and knew of no timers."""
    with life.process.database.write() as tx:
        tx.exec(delete(tables.Timer))


def _adopt(life: Life) -> None:
    life.process.service.adopt()


def _lives(life: Life) -> None:
    life.process.presence._say(goodbye=False)
    life.process.presence._say(goodbye=True)


def _says(life: Life) -> None:
    """What could not be answered at once; nobody repeats it once it is kept."""
    with life.process.database.read() as session:
        kept = session.exec(select(tables.Delivery).where(tables.Delivery.kind == "notice")).first()
    if kept is None:
        life.process.service.say(life.outside.workspace.find_person("ada").id, "The list is ready. Ask for it again.")


STORIES: dict[str, list[Act]] = {
    "while Jira lets nobody in, and hides what it has": [
        ask("garden", {"name": "roses"}),
        _jira_lets_nobody_in,
        _jira_hides_comments,
        look,
        acting("grace", "reject", "REQ-1", "no roses"),
    ],
    "under older code, and newer code again": [
        ask("loan", {"name": "spade"}),
        _deploy(older=True),
        acting("grace", "approve", "REQ-1"),
        _deploy(older=False),
        sweep,
    ],
    "by a version that knew of no timers": [
        ask("loan", {"name": "spade"}),
        acting("grace", "approve", "REQ-1"),
        acting("ada", "submit", "loan", {"name": "rake"}, key="another loan"),
        _as_before_timers,
        _adopt,
        wait(days=15),
        sweep,
    ],
    "whose end comes while it is changed": [
        ask("loan", {"name": "spade"}),
        acting("grace", "approve", "REQ-1"),
        wait(hours=23, minutes=30),
        acting("ada", "update", "INS-1", {"name": "rake"}, key="other"),
        wait(hours=1),
        sweep,
        acting("grace", "reject", "REQ-2", "no rakes"),
        wait(minutes=10),
        sweep,
    ],
    "in a process that lives, ends and says something": [_lives, ask("loan", {"name": "spade"}), _says],
}
