"""How people, times, answers and states read in Slack. Pure; everything that people typed is escaped here."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot import contract
from bot.contract import Question
from bot.lifecycle import ENDED, ApprovalRule, RequestState, StepState
from bot.offering import Offering
from bot.slack.forms.asking import is_file
from bot.slack.forms.asking import label as told
from bot.slack.text import clip, escape
from bot.store.records import EventRecord, PersonRecord, RequestRecord, StepRecord

#: A channel's id; a name that looks a little like one is a name.
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}")
JSON = dict[str, Any]

#: A value in a section's field; Slack takes 2,000 characters and the label needs some.
_FIELD = 1800
#: The words of a link: it cannot be cut where it stands, or it is none any more.
_LINK = 100

_STATE = {
    RequestState.AWAITING_APPROVAL: "Waits for approval",
    RequestState.APPROVED: "Approved",
    RequestState.FULFILLING: "In work",
    RequestState.FULFILLED: "Done",
    RequestState.REJECTED: "Rejected",
    RequestState.WITHDRAWN: "Withdrawn",
    RequestState.EXPIRED: "Expired",
    RequestState.CANCELLED: "Cancelled",
    RequestState.FAILED: "Failed",
    RequestState.PARKED: "Needs a person of the platform",
}
_STEP = {
    StepState.WAITING: "Next",
    StepState.RUNNING: "Running",
    StepState.PENDING: "Waiting",
    StepState.DONE: "Done",
    StepState.FAILED: "Failed",
    StepState.PARKED: "Needs a person of the platform",
    StepState.SKIPPED: "Left out",
}


class Titled(Protocol):
    """A request, or one that has just been made."""

    @property
    def kind(self) -> str:
        """`create`, `update` or `delete`."""

    @property
    def offering(self) -> str:
        """The name of what is asked for."""


class Awaited(Protocol):
    """A request that may wait for a decision."""

    @property
    def decide_by(self) -> datetime | None:
        """Until when; None: for ever, or it does not."""


class Ruled(Protocol):
    """A request, or what would be one."""

    @property
    def rules(self) -> Sequence[ApprovalRule]:
        """Who has to approve it."""


@dataclass(frozen=True)
class Words:
    """Renders one offering's requests. `mention` gives a group's live mention, or None."""

    offering: Offering[Any] | None
    mention: Callable[[str], str | None] = lambda _who: None

    def title(self, record: Titled) -> str:
        """What was asked for, in plain text: `PostgreSQL`, `Change of PostgreSQL`, `End of PostgreSQL`."""
        name = self.offering.title if self.offering else record.offering
        return {"delete": f"End of {name}", "update": f"Change of {name}"}.get(record.kind, name)

    def who(self, who: str) -> str:
        """A group, an address or a Slack id."""
        live = self.mention(who)
        if live:
            return live
        return f"<@{who}>" if _is_user_id(who) else escape(who)

    def deciders(self, record: Ruled) -> str:
        """`@dba and 2 of @security`."""
        return " and ".join(self.rule(rule) for rule in record.rules)

    def rule(self, rule: ApprovalRule) -> str:
        """`2 of @security`."""
        return (f"{rule.count} of " if rule.count > 1 else "") + " or ".join(self.who(who) for who in rule.who)

    def until(self, record: Awaited) -> str:
        """` until TIME`, where a decision is not waited for for ever."""
        return f" until {moment(record.decide_by)}" if record.decide_by else ""

    def task(self, step: StepRecord) -> str:
        """What a step asks of people, and of whom."""
        asked = step.ask or {"group": "", "instructions": ""}
        return f"*To do for {self.who(asked['group'])}*\n{shortened(asked['instructions'], 2500)}"

    def answers(self, record: RequestRecord) -> list[tuple[str, str]]:
        """Label and value (mrkdwn) of each answer that a channel may see, shortened; secrets never."""
        return self._answers(record, self.offering.public, _FIELD) if self.offering else []

    def all_answers(self, record: RequestRecord) -> list[tuple[str, str]]:
        """The same for somebody who may read the request: each answer, in full; secrets never."""
        if self.offering is None:
            return [(escape(key), escape(plain(value))) for key, value in record.form.items()]
        return self._answers(record, None, None)

    def _answers(
        self, record: RequestRecord, public: Collection[str] | None, most: int | None
    ) -> list[tuple[str, str]]:
        fields = contract.fields(self.offering.presented) if self.offering else []
        shown = [
            (question, _at(record.form, question.path), _at(record.before, question.path))
            for question in fields
            if question.kind != "section" and not question.secret and (public is None or question.path[0] in public)
        ]
        if record.before is None:
            return [(escape(e.title), self.value(e, value, most)) for e, value, _ in shown if value is not None]
        changed = [(escape(e.title), self._change(e, value, old, most)) for e, value, old in shown if value != old]
        same = [
            (escape(e.title), self.value(e, value, most))
            for e, value, old in shown
            if value is not None and value == old
        ]
        return changed + same

    def _change(self, question: Question, value: Any, old: Any, most: int | None) -> str:
        """`small → *large*`."""
        each_most = most // 2 if most else None
        was, now = (self.value(question, each, each_most) if each is not None else "none" for each in (old, value))
        return f"{was} → *{now}*"

    def in_short(self, record: RequestRecord) -> str:
        """The first short answers on one line, as mrkdwn; long ones are left to the card."""
        short = [f"{label}: {value}" for label, value in self.answers(record) if len(value) <= 80 and "\n" not in value]
        return " · ".join(short[:5])

    def value(self, question: Question, value: Any, most: int | None = _FIELD) -> str:
        """One answer, as mrkdwn, of at most so many characters."""
        if question.kind in ("person", "group"):
            return self.who(str(value))
        if question.kind == "channel":
            return f"<#{value}>" if _CHANNEL.fullmatch(str(value)) else escape(str(value))
        if question.kind == "datetime" and contract.is_datetime(str(value)):
            return moment(datetime.fromisoformat(value.upper()).astimezone(UTC))
        if question.item is not None and question.item.kind == "datetime" and isinstance(value, list):
            return ", ".join(self.value(question.item, each) for each in value)
        if is_file(question):
            return shortened(told(question, value), _FIELD)
        label = next((choice.label for choice in question.choices if choice.value == value), None)
        text = label if label is not None else plain(value)
        return escape(text) if most is None else shortened(text, most)


def person(record: PersonRecord | None) -> str:
    """A person as a mention, or by name; None is Frontdesk itself."""
    if record is None:
        return "Frontdesk"
    return f"<@{record.slack_id}>" if record.slack_id else escape(record.label)


def moment(at: datetime) -> str:
    """A time in the reader's own zone.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(at.timestamp())}^{{date_short}} at {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def end(at: datetime) -> str:
    """The end of an instance: one that ends with a day ends as the next one begins, so this is its last moment."""
    return moment(at - timedelta(seconds=1))


def duration(length: timedelta) -> str:
    """`about 2 hours`, for a median that is no promise."""
    return "less than a minute" if length < timedelta(minutes=1) else f"about {in_units(length)}"


def in_units(length: timedelta) -> str:
    """`2 hours`, rounded to the largest unit that fits."""
    seconds = length.total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "no time"


def plain(value: Any) -> str:
    """An answer or an output as one line of text."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_inside, value)) or "none"
        case dict():
            return ", ".join(f"{key}: {_inside(each)}" for key, each in value.items()) or "none"
        case None:
            return "–"  # noqa: RUF001 - a dash is meant
    return str(value)


def _inside(value: Any) -> str:
    """Of several that belong together one sees where they begin and end."""
    return f"({plain(value)})" if isinstance(value, list | dict) and value else plain(value)


def shortened(text: str, most: int) -> str:
    """Escaped, and at most `most` characters after that; never cut within an escape."""
    kept = most
    while len(escaped := escape(clip(text, kept))) > most:
        kept -= max(1, (len(escaped) - most) // 5)
    return escaped


def state(record: RequestRecord) -> str:
    """The request's state in a word or two."""
    return _STATE[record.state]


def headline(record: RequestRecord, words: Words) -> str:
    """One line: the state, who brought it there and when, and what is missing."""
    if record.state is RequestState.AWAITING_APPROVAL:
        given = [d for d in record.decisions if d.current and d.verdict == "approve"]
        so_far = f" Approved so far by {', '.join(person(d.person) for d in given)}." if given else ""
        return (
            f"*Waits for approval* by {words.deciders(record)}{words.until(record)}.{so_far}{_escalated(record, words)}"
        )
    approvals = [d for d in record.decisions if d.current and d.verdict == "approve"]
    event = last(record, str(record.state))
    told = f"*{state(record)}*"
    if event:
        by = f" by {person(event.person)}" if event.person else ""
        reason = f": {shortened(str(event.data['reason']), _FIELD)}" if event.data.get("reason") else "."
        told += f"{by} on {moment(event.at)}{reason}"
    if approvals:
        names = " and ".join(f"{person(d.person)} on {moment(d.at)}{_because(d.reason)}" for d in approvals)
        told += f"\nApproved by {names}."
    return told


def _escalated(record: RequestRecord, words: Words) -> str:
    """That others were asked as well, since the answers are as they are."""
    since = last(record, "edited")
    asked = [e for e in record.events if e.name == "escalated" and (since is None or e.id > since.id)]
    whos = [words.who(who) for event in asked for who in event.data.get("who", ())]
    return f"\nNobody else decided in time, so {' and '.join(whos)} can decide too." if whos else ""


def _because(reason: str | None) -> str:
    return f" ({shortened(reason, 500)})" if reason else ""


def step_line(step: StepRecord, words: Words) -> str:
    """One step: its state, what it is, where it can be looked at, and why it waits."""
    name = _STEP[step.state]
    if step.state is StepState.WAITING and step.reason:
        name = "Trying again"
    if step.ask and step.state is StepState.PENDING:
        name = f"Waiting for {words.who(step.ask['group'])}"
    line = f"• *{name}* – {escape(step.description)}{link(step)}"  # noqa: RUF001 - a dash is meant
    if step.reason and not step.ask:
        line += "".join(f"\n    {each}" for each in shortened(step.reason, 500).splitlines())
    return line


def link(step: StepRecord, label: str = "") -> str:
    """A step whose outputs have a `url` can be looked at there."""
    outputs = step.outputs or {}
    url = str(outputs.get("url", ""))
    if not url.startswith(("https://", "http://")) or len(url) > _FIELD:
        return ""
    target = escape(url.replace("|", "%7C").replace(" ", "%20"))
    return f" <{target}|{escape(label or clip(str(outputs.get('key', 'look')), _LINK))}>"


def last(record: RequestRecord, name: str) -> EventRecord | None:
    """The latest event of that name."""
    return next((event for event in reversed(record.events) if event.name == name), None)


def said(record: RequestRecord, event: EventRecord) -> str:
    """What a person did where a resource stands, with their words as a quotation and where to answer."""
    who = shortened(str(event.data.get("by", "Somebody")), 150)
    did = shortened(str(event.data.get("did", "did something")), 500)
    step = next((each for each in record.steps if each.name == event.data.get("step")), None)
    where = link(step, "See it there") if step else ""
    quote = shortened(str(event.data.get("quote", "")), 2000)
    if not quote:
        return f"*{who}* {did}.{where}"
    lines = "\n".join(f">{line}" for line in quote.splitlines())
    return f"*{who}* {did}:\n{lines}\n{where.strip()}".rstrip()


def outputs(given: Mapping[str, Any], *, most: int | None = 500) -> str:
    """Outputs as lines of mrkdwn, in code so that they can be copied as they are, each of at most so many characters."""

    def code(value: Any) -> str:
        text = plain(value).replace("`", chr(0x2CB))
        return escape(text) if most is None else shortened(text, most)

    return "\n".join(f"• {escape(key)}: `{code(value)}`" for key, value in given.items())


def is_over(record: RequestRecord) -> bool:
    """Whether nothing can happen to the request any more."""
    return record.state in ENDED


def _is_user_id(who: str) -> bool:
    return len(who) > 2 and who[0] in "UW" and who.isalnum() and who.isupper()


def _at(form: Mapping[str, Any] | None, path: tuple[str, ...]) -> Any:
    value: Any = form
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
