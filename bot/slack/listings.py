"""What `/platform list`, `waiting` and `help` answer, to one person only. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bot.slack import buttons, words
from bot.slack.buttons import Target
from bot.slack.messages import Message
from bot.slack.text import escape, mrkdwn
from bot.slack.words import Words
from bot.store.records import InstanceRecord, RequestRecord

JSON = dict[str, Any]
WordsOf = Callable[[RequestRecord], Words]

#: Entries of one answer, and how many of the 50 blocks of a message they may take.
MOST, ROOM = 12, 44

HELP = """*/platform* – the catalogue: what you can ask for
*/platform request OFFERING* `field=value ...` – its form, filled in
*/platform change INS-7* `field=value ...` – the form of what you have, with its answers
*/platform list* – what you have, and what you asked for
*/platform waiting* – what waits for you
*/platform show REQ-12* – the whole story of a request
*/platform help* – this"""  # noqa: RUF001 - dashes are meant


def mine(
    instances: Sequence[InstanceRecord],
    requests: Sequence[RequestRecord],
    title: Callable[[str, str], str],
    words_of: WordsOf,
    renewable: Callable[[InstanceRecord], object] = lambda _instance: None,
    *,
    room: int = ROOM,
) -> Message:
    """What somebody lives with, and what they asked for that is not over, in `room` blocks and three."""
    if not instances and not requests:
        return Message("You have nothing yet. /platform shows what you can ask for.")
    drawn = (_instance(each, title(each.offering, each.version), renewable=bool(renewable(each))) for each in instances)
    have, more_instances = _fitting(drawn, len(instances), room * 2 // 3)
    asked, more_requests = _fitting((_request(each, words_of(each)) for each in requests), len(requests), room // 3)
    text = f"You have {_count(instances, 'instance')} and {_count(requests, 'open request')}."
    more = [*_more(more_instances, "instances"), *_more(more_requests, "open requests")]
    return Message(text, [_section(text), *have, *asked, *more])


def waiting(records: Sequence[RequestRecord], words_of: WordsOf, *, more: bool = False, room: int = ROOM) -> Message:
    """What waits for somebody's decision or work, in `room` blocks and two; `more`: that is not all."""
    if not records:
        return Message("Nothing waits for you.")
    blocks, left = _fitting((_waiting(each, words_of(each)) for each in records), len(records), room)
    count = f"{'More than ' if more else ''}{len(records)}"
    text = "1 request waits for you." if len(records) == 1 else f"{count} requests wait for you."
    return Message(text, [_section(text), *blocks, *_more(left, "requests")])


def _fitting(entries: Iterable[list[JSON]], count: int, room: int) -> tuple[list[JSON], int]:
    """The first entries, as many as there is room for, each of them whole; and how many are left."""
    blocks: list[JSON] = []
    for shown, entry in enumerate(entries):
        if shown == MOST or len(blocks) + len(entry) > room:
            return blocks, count - shown
        blocks += entry
    return blocks, 0


def _waiting(record: RequestRecord, words_: Words) -> list[JSON]:
    blocks = _request(record, words_)
    if record.state == "awaiting_approval":
        blocks += buttons.for_approvers(record)
    for step in record.asking:
        blocks += [_section(words_.task(step)), *buttons.for_step(record, step.name)]
    return blocks


def _instance(instance: InstanceRecord, title: str, *, renewable: bool) -> list[JSON]:
    text = f"*{instance.number}* · {escape(title)} · {instance.state}"
    if instance.expires_at:
        text += f", until {words.end(instance.expires_at)}"
    if instance.outputs:
        text += f"\n{words.outputs(instance.outputs)}"
    sure = buttons.confirm("Delete it?", f"A request to delete {instance.number} is made.", "Delete")
    delete = buttons.button("delete", "Delete", Target(instance.number), "danger", sure)
    change = buttons.button("change", "Change", Target(instance.number))
    free = instance.open_request is None
    may_change = free and (instance.state == "ready" or (instance.state == "failed" and instance.outputs is not None))
    offered = [*([buttons.renew(instance)] if renewable else []), *([change] if may_change else [])]
    offered += [delete] if free and instance.state in ("ready", "failed") else []
    return [_section(text), *buttons.actions(f"instance-{instance.id}", *offered)]


def _request(record: RequestRecord, words_: Words) -> list[JSON]:
    text = f"*{record.number}* · {escape(words_.title(record))} · asked for by {words.person(record.requester)}"
    return [_section("\n".join(filter(None, [text, words_.in_short(record), words.headline(record, words_)])))]


def _count(things: Sequence[object], name: str) -> str:
    return f"1 {name}" if len(things) == 1 else f"{len(things) or 'no'} {name}s"


def _more(count: int, what: str) -> list[JSON]:
    if count <= 0:
        return []
    text = f"{count} more {what}: frontdesk list, or GET /v1/requests, has them all."
    return [{"type": "context", "elements": [mrkdwn(text)]}]


def _section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}
