"""A request as messages: its card, the notes in the card's thread, what the requester hears. Pure.

`text` is the whole story in words, because screen readers and notifications read nothing else:
https://docs.slack.dev/reference/methods/chat.postMessage
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.lifecycle import AT_WORK, ApprovalRule, RequestState, StepState
from bot.slack import buttons, words
from bot.slack.text import cut, escape, mrkdwn, plain_text
from bot.slack.words import Words
from bot.store.records import CardRecord, EventRecord, RequestRecord

JSON = dict[str, Any]

#: A section's text and its fields: https://docs.slack.dev/reference/block-kit/blocks/section-block
_SECTION, _FIELDS, _TEXT = 3000, 10, 3900
#: Sections that answers, and lines, may take of a message's 50 blocks.
_PAGES = 12
#: Tasks with their buttons on one card.
_TASKS = 8


@dataclass(frozen=True)
class Message:
    """What is sent: a text that says it all, and blocks."""

    text: str
    blocks: list[JSON] = field(default_factory=list)


def card(record: RequestRecord, words_: Words, remarks: Sequence[str] = ()) -> Message:
    """The one message about a request for its team: what was asked, where it stands, what can be done.

    `remarks` (mrkdwn) say what is odd about it: that it stands in another place, that nobody is left who could approve.
    """
    title = f"{record.number} · {words_.title(record)}"
    asked = f"Asked for by {words.person(record.requester)} on {words.moment(record.created_at)}"
    headline = words.headline(record, words_)
    blocks = [
        {"type": "header", "text": plain_text(title, 150)},
        _context(asked),
        *_answers(words_.answers(record)),
        *([_section(f"*Reason:* {words.shortened(record.reason, 2500)}")] if record.reason else []),
        _section(headline),
        *map(_context, remarks),
        *_steps(record, words_),
        *_tasks(record, words_),
        *acts(record),
    ]
    text = " ".join([f"{escape(title)}. {asked}. {headline}", *remarks])
    return Message(in_short(text), blocks)


def moved(record: RequestRecord, words_: Words, card_: CardRecord) -> Message:
    """A card that stood in for another, once that one is where it belongs again."""
    place = f"<#{card_.channel}>" if card_.channel else escape(card_.place)
    there = f"<{card_.link}|See its card>" if card_.link else "Look there"
    return Message(f"*{record.number} · {escape(words_.title(record))}*: its card is in {place} again. {there}.")


def out_of_order(place: str, error: str) -> str:
    """The remark on a card that stands in for another."""
    return f"Its card belongs in {escape(place)}, and is here because nothing can be said there. {escape(error)}"


def nobody_left(record: RequestRecord, rule: str) -> str:
    """The remark on a card whose rule nobody can meet any more."""
    return (
        f"*Nobody is left who could approve this for {rule}*: they have left, or asked for it themselves. The people of "
        f"the platform were told; {words.person(record.requester)} can withdraw it."
    )


def stuck_alarm(record: RequestRecord, rules: Sequence[ApprovalRule]) -> str:
    """The same for those who look after the platform, in plain words."""
    return (
        f"Nobody is left who could approve {record.number} for {' and '.join(map(str, rules))}: they have left, or asked "
        "for it themselves. Put somebody into the group; the request waits until then."
    )


def in_words(message: Message) -> Message:
    """The same message without blocks, word for word: for when Slack refuses them."""
    lines = [line for block in message.blocks for line in _words(block)]
    return Message(cut("\n".join(lines), _TEXT) if lines else message.text)


def _words(block: JSON) -> Iterable[str]:
    if block["type"] == "actions":
        yield f"({', '.join(e['text']['text'] for e in block['elements'])}: with /platform show, where the buttons are.)"
        return
    for each in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
        if isinstance(each, dict) and isinstance(each.get("text"), str):
            yield escape(each["text"]) if each.get("type") == "plain_text" else each["text"]


def told(record: RequestRecord, event: EventRecord, words_: Words, card_: CardRecord | None) -> Message:
    """What the requester hears of an event, in a direct message."""
    text = f"*{record.number} · {escape(words_.title(record))}*: {_news(record, event, words_)}"
    if card_ and card_.link:
        text += f"\n<{card_.link}|See its card>"
    elif card_ and card_.error:
        text += f"\nIts card could not be posted in {escape(card_.place)}, so the approvers were asked directly."
    blocks = [_section(text)]
    if event.name in ("submitted", "edited") and record.state is RequestState.AWAITING_APPROVAL:
        blocks += buttons.for_requester(record)
    elif event.name in ("submitted", "approved", "retried") and record.state in AT_WORK:
        blocks += buttons.for_cancel(record)
    return Message(in_short(text), blocks)


def note(record: RequestRecord, event: EventRecord, words_: Words, *, together: bool = False) -> Message:
    """What the card's thread says of an event; `together`: it speaks to people whom nothing else tells."""
    return Message(cut(_noted(record, event, words_, together=together), _TEXT))


#: What the requester hears, by event; a variant of an event stands behind a slash.
_NEWS = {
    "submitted": "asked for. It waits for {deciders}{until}; you hear of it here.",
    "submitted/free": "asked for, and under way: nobody needs to approve it.",
    "submitted/end": "{instance} is taken back; nobody needs to approve that. {reason}",
    "edited": "changed. {deciders} decides on it as it is now{until}.",
    "escalated": "nobody has decided yet, so {who} can decide too. It waits{until}.",
    "renewed": "renewed by {by}: {instance} is yours until {end}.",
    "approved": "approved by {by}. It is under way.",
    "rejected": "rejected by {by}. {reason}\nAsk again when that is sorted out.",
    "withdrawn": "withdrawn by {by}. {reason}",
    "cancelled": "cancelled by {by}. {reason}",
    "expired": "nobody decided in time ({deciders}), so it ended. Ask again if you still need it.",
    "fulfilled": "ready. It is {instance} in /platform list.{outputs}",
    "fulfilled/update": "{instance} is changed.{outputs}",
    "fulfilled/delete": "{instance} is gone.",
    "parked": "it needs somebody who looks after the platform, and goes on after that; nothing is lost.",
    "resumed": "it goes on.",
    "failed": "it could not be finished yet. Its team sees why on the card and can retry; nothing is lost.",
    "retried": "{by} tries again.",
    "commented": "{said}",
}
#: What the card's thread says, by event.
_NOTED = {
    "task_opened": "{group}: {instructions}\nPress Done or Can't do on the card above.",
    "task_opened/answered": "A task was opened, and has been answered already.",
    "task_done": "{by} did it: {step}",
    "task_refused": "{by} cannot do it: {reason}",
    "approval_given": "{by} approved. More approvals are needed: {deciders}.",
    "approved": "Approved by {by}.",
    "rejected": "Rejected by {by}: {reason}",
    "withdrawn": "Withdrawn by {by}. {reason}",
    "cancelled": "Cancelled by {by}. {reason}",
    "expired": "Nobody decided in time ({deciders}), so it ended.",
    "reminded": "It still waits for a decision{until}. Whoever has not decided was reminded.",
    "reminded/together": "{deciders}: it still waits for a decision{until}. Decide on the card above.",
    "escalated": "Nobody decided in time, so {who} can decide too. It waits{until}.",
    "renewed": "Renewed by {by}: {instance} stays until {end}.",
    "edited": "{by} changed {fields}: decide on the card as it is now.",
    "failed": "Failed at {step}. {why}\nPress Retry on the card once it is mended.",
    "retried": "{by} tries again.",
    "fulfilled": "Done.",
    "parked": "Stands still at {step}. {why}\nPress Retry on the card once it is mended.",
    "resumed": "{by} lets it go on.",
    "commented": "{said}",
    "noticed": "{said}",
    "troubled": "Trouble with “{step}”: {reason}",
    "recovered": "No trouble any more with “{step}”.",
}


def in_short(text: str) -> str:
    """The words of a message whose blocks say it all: as much as Slack takes."""
    return cut(text, _TEXT)


def _news(record: RequestRecord, event: EventRecord, words_: Words) -> str:
    variant = event.name
    if event.name == "submitted" and not record.rules:
        variant += "/end" if record.kind == "delete" else "/free"
    if event.name == "fulfilled" and record.kind != "create":
        variant += f"/{record.kind}"
    outputs = f"\n{words.outputs(record.outputs)}" if record.outputs else ""
    return _NEWS[variant].format(
        reason=_reason(event) or (words.shortened(record.reason or "", 2000) if variant == "submitted/end" else ""),
        outputs=outputs,
        said=words.said(record, event),
        **_said(record, event, words_),
    )


def _noted(record: RequestRecord, event: EventRecord, words_: Words, *, together: bool) -> str:
    failed = event.name in ("failed", "parked")
    step = next((s for s in record.steps if s.name == event.data.get("step")), None)
    asked = step.ask if step else None
    variant = event.name + ("/answered" if event.name == "task_opened" and not asked else "")
    variant += "/together" if together else ""
    return _NOTED[variant].format(
        reason=_reason(event),
        fields=", ".join(escape(name) for name in event.data.get("fields", [])),
        step=escape(step.description.rstrip(".")) if step else "a step",
        why=words.shortened(step.reason or "", 2500) if step and failed else "",
        group=words_.who(asked["group"]) if asked else "",
        instructions=words.shortened(asked["instructions"], 2500) if asked else "",
        said=words.said(record, event),
        **_said(record, event, words_),
    )


def _said(record: RequestRecord, event: EventRecord, words_: Words) -> dict[str, str]:
    """What both the requester and the thread read of an event."""
    end = event.data.get("until")
    return {
        "by": words.person(event.person),
        "deciders": words_.deciders(record),
        "until": words_.until(record),
        "instance": record.instance,
        "who": " and ".join(words_.who(who) for who in event.data.get("who", ())),
        "end": words.end(datetime.fromisoformat(end)) if end else "",
    }


def _reason(event: EventRecord) -> str:
    return words.shortened(str(event.data.get("reason", "")), 2000)


def _steps(record: RequestRecord, words_: Words) -> list[JSON]:
    return _lines([words.step_line(step, words_) for step in record.steps])


def _tasks(record: RequestRecord, words_: Words) -> Iterable[JSON]:
    for step in record.asking[:_TASKS]:
        yield _section(words_.task(step))
        yield from buttons.for_step(record, step.name)
    if len(record.asking) > _TASKS:
        yield _context(f"{len(record.asking) - _TASKS} more things to do: /platform waiting")


def acts(record: RequestRecord) -> list[JSON]:
    """What can be done about the request as it is."""
    if record.state is RequestState.AWAITING_APPROVAL:
        decide = buttons.for_approvers(record)
        return decide + (buttons.for_retry(record) if has_failed(record) else [])
    return buttons.for_retry(record) if has_failed(record) and not words.is_over(record) else []


def has_failed(record: RequestRecord) -> bool:
    """Whether one of its steps has."""
    """Whether something stands still until somebody presses Retry."""
    return any(step.state in (StepState.FAILED, StepState.PARKED) for step in record.steps)


def _answers(answers: list[tuple[str, str]]) -> list[JSON]:
    texts = [f"*{label}*\n{value}" for label, value in answers]
    pages = [texts[start : start + _FIELDS] for start in range(0, len(texts), _FIELDS)]
    return [{"type": "section", "fields": [mrkdwn(text, 2000) for text in page]} for page in pages[:_PAGES]] + [
        _context(f"{sum(map(len, pages[_PAGES:]))} more answers: /platform show")
    ] * (len(pages) > _PAGES)


def _lines(lines: list[str]) -> list[JSON]:
    """Lines in as few sections as they fit into."""
    sections: list[str] = []
    for line in lines:
        if sections and len(sections[-1]) + len(line) < _SECTION:
            sections[-1] += f"\n{line}"
        else:
            sections.append(line)
    rest = [_context("There is more: GET /v1/requests has all of it.")] if len(sections) > _PAGES else []
    return [*map(_section, sections[:_PAGES]), *rest]


def _section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def _context(text: str) -> JSON:
    return {"type": "context", "elements": [mrkdwn(text)]}
