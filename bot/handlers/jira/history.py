"""What people did to an issue, from its history and its comments. What we did ourselves is no news. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.handler import JSON, Note
from bot.handlers.jira.markup import clean, fit, plain
from bot.handlers.jira.site import person
from bot.handlers.jira.turns import FOOTER

#: Entries may become visible out of their order by so much (several nodes number and save them).
OVERLAP = timedelta(minutes=10)
#: What is older than this at the first look has been there before we were.
OLD = timedelta(days=1)
#: Of a comment, for Slack; the rest is read in Jira.
_QUOTED = 2000


@dataclass(frozen=True)
class Entry:
    """Something that was done at a moment of Jira's clock; without notes if it is ours, or of no interest."""

    key: str
    at: datetime
    notes: tuple[Note, ...] = ()


def changes(histories: Iterable[Mapping[str, Any]], me: str, key: str) -> list[Entry]:
    """Of a changelog. `me` is our account, `key` the issue's key as it is now."""
    return [_change(one, me, key) for one in histories]


def comments(found: Iterable[Mapping[str, Any]], me: str, key: str) -> list[Entry]:
    """Of comments."""
    return [_comment(one, me, key) for one in found]


def unseen(entries: Iterable[Entry], seen: Mapping[str, Any], now: datetime) -> tuple[list[Note], JSON]:
    """The notes that were not told yet, oldest first; and what to remember: `since` and what was `told` about then."""
    since = moment(str(seen["since"])) if seen.get("since") else now - OLD
    told = set(seen.get("told", ()))
    recent = sorted((one for one in entries if one.at >= since - OVERLAP), key=lambda one: one.at)
    notes = [note for one in recent if one.key not in told for note in one.notes]
    newest = max([since, *(one.at for one in recent)])
    kept = told if newest == since else set()
    kept |= {one.key for one in recent if one.at >= newest - OVERLAP}
    return notes, {"since": newest.isoformat(), "told": sorted(kept)}


def moment(text: str) -> datetime:
    """`2026-11-22T06:00:00.000+0000`. Raises ValueError."""
    return datetime.fromisoformat(text)


def _change(one: Mapping[str, Any], me: str, key: str) -> Entry:
    number, at = f"change {one['id']}", moment(str(one["created"]))
    if person(one.get("author")) == me:
        return Entry(number, at)
    did = [(str(item.get("fieldId") or item.get("field")), text) for item in one["items"] if (text := _did(item, key))]
    return Entry(number, at, tuple(Note(f"{number} {field}", _name(one), text) for field, text in did))


def _did(item: Mapping[str, Any], key: str) -> str:
    old, new = str(item.get("fromString") or ""), str(item.get("toString") or "")
    match item.get("fieldId") or item.get("field"):
        case "status":
            return f"moved {key} from {old} to {new}"
        case "assignee" if new:
            return f"assigned {key} to {new}"
        case "assignee":
            return f"took {key} from {old}: nobody has it now"
        case "Key":
            return f"moved {old} to another project: it is {new} now"
    return ""


def _comment(one: Mapping[str, Any], me: str, key: str) -> Entry:
    number, at, body = f"comment {one['id']}", moment(str(one["created"])), str(one.get("body") or "")
    if person(one.get("author")) == me or _is_marked(body):
        return Entry(number, at)
    if one.get("visibility") or one.get("jsdPublic") is False:
        did = f"wrote a comment on {key} that not everybody may read: see it in Jira"
        return Entry(number, at, (Note(number, _name(one), did),))
    return Entry(number, at, (Note(number, _name(one), f"commented on {key}", fit(plain(body), _QUOTED)),))


def _is_marked(body: str) -> bool:
    """It ends with our footer: from an account that we had before. Who quotes us has words around it."""
    return re.search(rf"{FOOTER}\s*$", body) is not None


def _name(one: Mapping[str, Any]) -> str:
    """Said to be Jira's: anybody may call themselves there like a person in Slack."""
    name = clean(str((one.get("author") or {}).get("displayName") or "Somebody"))
    return f"{fit(' '.join(name.split()), 100)} (Jira)"
