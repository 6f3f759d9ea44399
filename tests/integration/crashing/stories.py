"""Stories as lists of acts."""

from tests.integration.crashing.acts import Act, acting, ask, sweep, wait
from tests.integration.crashing.world import Life


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


def _given_back(life: Life) -> None:
    """A worker that is told to stop gives back what it has in hand."""
    life.process.worker.engine.claim()
    life.process.worker.engine.leases.release()


def _draft(life: Life) -> None:
    life.process.service.keep(life.who("ada"), "garden", "v1", lambda draft: {"name": "tulips"})


STORIES: dict[str, list[Act]] = {
    "asked for, made and taken back": [
        _draft,
        ask("garden", {"name": "roses"}),
        acting("ada", "forget", "garden"),
        acting("grace", "approve", "REQ-1"),
        acting("margaret", "complete", "REQ-1", "plant"),
        acting("ada", "delete", "INS-1", key="end"),
        acting("linus", "approve", "REQ-2"),
        acting("grace", "complete", "REQ-2", "plant"),
    ],
    "changed and rejected": [
        _slack_is_busy,
        ask("garden", {"name": "roses"}),
        acting("ada", "edit", "REQ-1", {"name": "tulips"}),
        acting("grace", "reject", "REQ-1", "no tulips"),
    ],
    "failing, tried again and given up": [
        _calls(refused=400, busy=True),
        ask("garden", {"name": "roses"}),
        acting("grace", "approve", "REQ-1"),
        _calls(),
        _slack_refuses,
        acting("margaret", "retry", "REQ-1"),
        _slack_is_well,
        acting("margaret", "refuse", "REQ-1", "plant", "no spade"),
        acting("ada", "cancel", "REQ-1"),
    ],
    "in an archived channel that comes back, with a secret": [
        ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _archive(life, archived=False),
        wait(hours=2),
        sweep,
        acting("grace", "approve", "REQ-1"),
    ],
    "a step that kills its workers": [
        ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _unsettled(life, acting("grace", "approve", "REQ-1"), _crash_loop),
        acting("ada", "cancel", "REQ-1"),
    ],
    "a step that takes its time": [
        ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _unsettled(life, acting("grace", "approve", "REQ-1"), _hold_on),
        wait(minutes=1),
    ],
    "a step whose worker is told to stop": [
        ask("noise", {"name": "drums", "password": "boom"}),
        lambda life: _unsettled(life, acting("grace", "approve", "REQ-1"), _given_back),
    ],
    "changed while it lives": [
        ask("garden", {"name": "roses"}),
        acting("grace", "approve", "REQ-1"),
        acting("margaret", "complete", "REQ-1", "plant"),
        acting("ada", "update", "INS-1", {"name": "tulips"}, key="other flowers"),
        acting("grace", "approve", "REQ-2"),
        acting("margaret", "complete", "REQ-2", "plant"),
    ],
    "side by side, failed, cleaned up, tried again, and over": [
        _calls(refused=400),
        ask("party", {"name": "birthday"}),
        _calls(),
        acting("margaret", "retry", "REQ-1"),
        acting("margaret", "complete", "REQ-1", "invite"),
        acting("margaret", "renew", "INS-1", seen=0),
        wait(days=4),
        sweep,
        acting("margaret", "complete", "REQ-2", "invite"),
    ],
    "too slow": [
        ask("party", {"name": "birthday"}),
        wait(hours=3),
        sweep,
        acting("ada", "cancel", "REQ-1"),
    ],
    "nobody decides": [
        ask("garden", {"name": "roses"}),
        wait(days=13),
        sweep,
        wait(days=2),
        sweep,
    ],
    "withdrawn": [
        ask("garden", {"name": "roses"}),
        _slack_is_busy,
        acting("ada", "withdraw", "REQ-1"),
    ],
}


def _archive(life: Life, *, archived: bool) -> None:
    life.outside.workspace.channel("old-stuff").archived = archived


def _unsettled(life: Life, *acts: Act) -> None:
    for act in acts:
        act(life)
