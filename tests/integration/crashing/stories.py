"""Stories as lists of acts, one person's each. Who was cut off acts again, and may find that it has been done."""

from collections.abc import Callable
from typing import Any

from bot.errors import Conflict
from tests.integration.crashing.world import Life

Act = Callable[[Life], object]


def _as(handle: str, what: str, *given: Any, **named: Any) -> Act:
    """One use case, as somebody."""

    def act(life: Life) -> None:
        try:
            getattr(life.process.service, what)(life.who(handle), *given, **named)
        except Conflict:
            if not life.deaths:
                raise

    return act


def _ask(offering: str, answers: dict[str, Any]) -> Act:
    return _as("ada", "submit", offering, answers, key=f"one {offering}")


def _wait(**by: float) -> Act:
    return lambda life: life.clock.forward(**by)


def _calls(*, refused: int | None = None, busy: bool = False) -> Act:
    """A mood of the system behind the webhooks, which lasts: what comes again after a crash meets the same."""

    def act(life: Life) -> None:
        life.outside.ledger.refuses, life.outside.ledger.busy = refused, set() if busy else None

    return act


def _slack_is_busy(life: Life) -> None:
    life.outside.workspace.refuse("chat.postMessage", retry_after=5, times=2)
    life.outside.workspace.refuse("chat.update", retry_after=5)


def _slack_refuses(life: Life) -> None:
    life.outside.workspace.refuse("chat.postMessage", error="msg_too_long", times=1000)


def _slack_is_well(life: Life) -> None:
    life.outside.workspace._refusals.clear()


def _crash_loop(life: Life) -> None:
    """Three workers take the step and are never seen again."""
    for _ in range(4):
        life.process.worker.engine.claim()
        life.clock.forward(minutes=1)


def _hold_on(life: Life) -> None:
    """A step that takes longer than its lease is held by renewing it."""
    claim = life.process.worker.engine.claim()
    if claim is None and life.deaths:
        return  # it is held by who died, until the lease is over
    assert claim
    life.process.worker.engine.renew()
    life.process.worker.engine.run(claim)


def _draft(life: Life) -> None:
    life.process.service.keep(life.who("ada"), "garden", "v1", lambda draft: {"name": "tulips"})


def _sweep(life: Life) -> None:
    """What a worker's timers do every minute."""
    life.process.service.sweep()
    life.process.service.look_around()
    life.process.worker.engine.sweep()


STORIES: dict[str, list[Act]] = {
    "asked for, made and taken back": [
        _draft,
        _ask("garden", {"name": "roses"}),
        _as("ada", "forget", "garden"),
        _as("grace", "approve", "REQ-1"),
        _as("margaret", "complete", "REQ-1", "plant"),
        _as("ada", "delete", "INS-1", key="end"),
        _as("linus", "approve", "REQ-2"),
        _as("grace", "complete", "REQ-2", "plant"),
    ],
    "changed and rejected": [
        _slack_is_busy,
        _ask("garden", {"name": "roses"}),
        _as("ada", "edit", "REQ-1", {"name": "tulips"}),
        _as("grace", "reject", "REQ-1", "no tulips"),
    ],
    "failing, tried again and given up": [
        _calls(refused=400, busy=True),
        _ask("garden", {"name": "roses"}),
        _as("grace", "approve", "REQ-1"),
        _calls(),
        _slack_refuses,
        _as("margaret", "retry", "REQ-1"),
        _slack_is_well,
        _as("margaret", "refuse", "REQ-1", "plant", "no spade"),
        _as("ada", "cancel", "REQ-1"),
    ],
    "in an archived channel that comes back, with a secret": [
        _ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _archive(life, archived=False),
        _wait(hours=2),
        _sweep,
        _as("grace", "approve", "REQ-1"),
    ],
    "a step that kills its workers": [
        _ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _unsettled(life, _as("grace", "approve", "REQ-1"), _crash_loop),
        _as("ada", "cancel", "REQ-1"),
    ],
    "a step that takes its time": [
        _ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _unsettled(life, _as("grace", "approve", "REQ-1"), _hold_on),
        _wait(minutes=1),
    ],
    "changed while it lives": [
        _ask("garden", {"name": "roses"}),
        _as("grace", "approve", "REQ-1"),
        _as("margaret", "complete", "REQ-1", "plant"),
        _as("ada", "update", "INS-1", {"name": "tulips"}, key="other flowers"),
        _as("grace", "approve", "REQ-2"),
        _as("margaret", "complete", "REQ-2", "plant"),
    ],
    "side by side, failed, cleaned up, tried again, and over": [
        _calls(refused=400),
        _ask("party", {"name": "birthday"}),
        _calls(),
        _as("margaret", "retry", "REQ-1"),
        _as("margaret", "complete", "REQ-1", "invite"),
        _as("margaret", "renew", "INS-1", seen=0),
        _wait(days=4),
        _sweep,
        _as("margaret", "complete", "REQ-2", "invite"),
    ],
    "too slow": [
        _ask("party", {"name": "birthday"}),
        _wait(hours=3),
        _sweep,
        _as("ada", "cancel", "REQ-1"),
    ],
    "nobody decides": [
        _ask("garden", {"name": "roses"}),
        _wait(days=13),
        _sweep,
        _wait(days=2),
        _sweep,
    ],
    "withdrawn": [
        _ask("garden", {"name": "roses"}),
        _slack_is_busy,
        _as("ada", "withdraw", "REQ-1"),
    ],
}


def _archive(life: Life, *, archived: bool) -> None:
    life.outside.workspace.channel("old-stuff").archived = archived


def _unsettled(life: Life, *acts: Act) -> None:
    for act in acts:
        act(life)
