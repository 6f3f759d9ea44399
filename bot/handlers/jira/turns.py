"""What an issue says and where it goes when its request takes a turn. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.handler import Event
from bot.handlers.jira.markup import escape
from bot.handlers.jira.resource import Issue
from bot.handlers.jira.workflow import Category

#: Names of resolutions to prefer where a screen asks for one, best first.
FULFILLED = ("Done", "Fixed", "Resolved")
DECLINED = ("Won't Do", "Won't Fix", "Declined", "Cancelled", "Canceled")

_NOTHING_CAME_OF_IT = ("rejected", "withdrawn", "cancelled", "expired")


@dataclass(frozen=True)
class Target:
    """A status category, the name that the author prefers, and resolutions."""

    category: Category
    preferred: str | None = None
    resolutions: tuple[str, ...] = FULFILLED


def target(issue: Issue, event: Event) -> Target | None:
    """Where the issue belongs after this event; None: it stays.

    A request to delete or to change a thing leaves the issue of its creation alone until the thing is gone.
    """
    if event.name == "fulfilled" and event.kind in {"create", "delete"}:
        return closed(issue)
    if event.kind != "create":
        return None
    if event.name == "approved":
        return Target("indeterminate", issue.started)
    return Target("done", issue.declined, DECLINED) if event.name in _NOTHING_CAME_OF_IT else None


def closed(issue: Issue) -> Target:
    """Done, and well."""
    return Target("done", issue.done, FULFILLED)


def mark(*parts: str) -> str:
    """Twelve hex digits that are the same whenever the same thing is said again."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:12]


def event_mark(event: Event) -> str:
    """A request can fail twice, so the moment belongs to it."""
    return mark(event.request, event.name, event.at.isoformat())


def signed(text: str, said: str) -> tuple[str, str]:
    """The text and the footer by which `said` is found among our comments."""
    return text, f"{{color:#707070}}{signature(said)}{{color}}"


#: What `signed` puts under our comments, whatever they say.
FOOTER = r"\{color:#707070\}frontdesk [0-9a-f]{12}\{color\}"


def signature(said: str) -> str:
    """What a comment with this mark contains."""
    return f"frontdesk {said}"


def comment(event: Event) -> str:
    """Wiki markup: who decided what and why, and what came out."""
    about = "" if event.kind == "create" else f" (to {event.kind} it)"
    by = f" by {escape(event.by)}" if event.by else ""
    reason = f": {escape(event.reason)}" if event.reason else ""
    lines = [f"*{escape(event.request)} {event.name}*{about}{by}{reason}", *_outputs(event.outputs)]
    return "\n".join(lines)


def _outputs(outputs: Mapping[str, Any]) -> list[str]:
    return [f"* {escape(name)}: {escape(str(value))}" for name, value in outputs.items()]


def stuck(wanted: Target) -> str:
    """For the people who look after the issue."""
    where = escape(f"“{wanted.preferred}”" if wanted.preferred else _WORDS[wanted.category])
    return f"Frontdesk could not move this issue to {where}: no transition leads there from here. Please move it."


_WORDS = {"new": "to do", "indeterminate": "in progress", "done": "done"}
