"""What is wrong, and what to do about it: facts of the store as findings. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot import story
from bot.store.checkup import Alive, Checkup, Ending, Some, StuckStep, Trouble
from bot.store.records import UnsaidRecord
from bot.story import when

#: A clock may be so far from the database's.
_CLOCK = timedelta(seconds=5)


@dataclass(frozen=True)
class Finding:
    """One line. `wrong`: somebody has to do something; else it is good to know."""

    kind: str
    about: str
    says: str
    next: str
    wrong: bool = True


def findings(facts: Checkup, *, slack: bool) -> list[Finding]:
    """All that the database tells, the worst first. `slack`: whether there is a Slack to say things in."""
    return [
        *_clock(facts.ahead),
        *_processes(facts.processes),
        *_of(facts.overrun, _overrun),
        *_of(facts.overdue, _overdue),
        *_of(facts.stopped, _stopped),
        *_of(facts.troubles, _trouble),
        *_of(facts.cards, _unsaid),
        *_of(facts.deliveries, _unsaid),
        *(_of(facts.late, _late) if slack else _no_slack(facts.late)),
        *_of(facts.waiting, _waiting),
        *_of(facts.decisions, _decision),
        *_of(facts.instances, _instance),
    ]


def _clock(ahead: timedelta) -> Iterator[Finding]:
    if abs(ahead) > _CLOCK:
        seconds = abs(ahead).total_seconds()
        where = "before" if ahead > timedelta() else "behind"
        says = f"This machine's clock is {seconds:.0f} s {where} the database's."
        yield Finding("clock", "this machine", says, "Set it by NTP: times in texts and logs are wrong meanwhile.")


def _processes(alive: list[Alive]) -> Iterator[Finding]:
    for each in alive:
        says = f"{each.owner} runs {each.parts} ({each.version}), heard of {each.silent.total_seconds():.0f} s ago."
        yield Finding("process", each.owner, says, "Nothing to do.", wrong=False)
    if not any("worker" in each.parts for each in alive):
        says = "No worker has been heard of for a minute: no step runs and nothing is said."
        yield Finding("no worker", "the platform", says, "Start one: frontdesk worker (or frontdesk run).")
    if not any("web" in each.parts for each in alive):
        says = "No web process has been heard of for a minute: nobody can ask for anything."
        yield Finding("no web", "the platform", says, "Start one: frontdesk web (or frontdesk run).")


def _of(some: Some, told: Callable[..., Finding]) -> Iterator[Finding]:
    found = [told(*(item if isinstance(item, tuple) else (item,))) for item in some.items]
    yield from found
    if some.more:
        first = found[0]
        says = f"{some.more} more like these."
        yield Finding(first.kind, "more", says, "Mend the first ones; then look again.", wrong=first.wrong)


def _overrun(step: StuckStep) -> Finding:
    says = f"{step.key} has been run by {step.worker}, which was heard of no more; the lease ended on {when(step.at)}."
    return Finding("stuck", step.key, says, "Start a worker: it takes the step over at once.")


def _overdue(step: StuckStep) -> Finding:
    why = f" ({step.reason})" if step.reason else ""
    says = f"{step.key} has been due since {when(step.at)} and nobody runs it{why}."
    return Finding("stuck", step.key, says, "Start a worker, or more of them: those that run are busy or cut off.")


def _stopped(step: StuckStep) -> Finding:
    says = f"{step.key} stands still since {when(step.at)}: {step.reason or 'it is not known why'}"
    return Finding("stopped", step.key, says, f"Mend it, then frontdesk retry {step.number}; or frontdesk cancel it.")


def _trouble(trouble: Trouble) -> Finding:
    says = f"{trouble.identity} ({trouble.handler}): {trouble.reason}"
    next_ = f"Mend it where it stands; or, if nobody needs it, have {trouble.number} deleted: frontdesk delete."
    return Finding("trouble", trouble.identity, says, next_)


def _unsaid(about: str, record: UnsaidRecord) -> Finding:
    what = "Invite the bot there, or name another channel" if record.kind == "card" else "Tell them in another way"
    return Finding("undeliverable", about, f"{about}: {story.unsaid(record)}.", f"{what}. See frontdesk show.")


def _late(about: str, record: UnsaidRecord) -> Finding:
    since = f" since {when(record.since)}" if record.since else ""
    says = f"{about}: what is to be said to {record.to} waits{since}: {record.error or 'its card is not posted, or nobody has taken it'}."
    return Finding("late", about, says, "Look at the line about Slack here, and at the worker's log.")


def _no_slack(late: Some) -> Iterator[Finding]:
    if late.count:
        says = f"{late.count} messages wait for a Slack; none is configured here."
        yield Finding("no slack", "the platform", says, "Set SLACK_BOT_TOKEN if there should be one.", wrong=False)


def _waiting(step: StuckStep) -> Finding:
    whom = step.group or step.reason or "what it asked for"
    says = f"{step.key} has been waiting since {when(step.at)} for {whom}."
    return Finding("waiting", step.key, says, f"Ask them, or end it: frontdesk cancel {step.number}.", wrong=False)


def _decision(ending: Ending) -> Finding:
    says = f"{ending.number} expires on {when(ending.at)} if nobody decides."
    return Finding(
        "expires", ending.number, says, f"Approve or reject it: frontdesk show {ending.number}.", wrong=False
    )


def _instance(ending: Ending) -> Finding:
    says = f"{ending.number} ends on {when(ending.at)}."
    return Finding(
        "expires", ending.number, says, "Its owner can renew it, where its offering allows that.", wrong=False
    )
