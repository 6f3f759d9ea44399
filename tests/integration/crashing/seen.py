"""What a story left, inside and outside, in a shape that two runs of it can be compared by."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlmodel import select

from bot.store import tables
from tests.integration.crashing.world import Life

#: Moments, ids of messages and numbers made of them differ when a crash takes its time.
_MOMENTS = (
    (re.compile(r"[\w-]+:\d+:[0-9a-f]{6}"), "<worker>"),
    (re.compile(r"(died|stopped) \d+ times"), "<often>"),
    # A new process asks first who it is there, and is refused that.
    (re.compile(r"Jira did not (show the issues|say what it is)"), "Jira did not answer"),
    (re.compile(r"frontdesk [0-9a-f]{12}"), "<mark>"),
    (re.compile(r"FILE-[0-9a-f]{32}"), "<file>"),
    (re.compile(r"<!date\^[^>]*>"), "<moment>"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d[\d:.]*"), "<moment>"),
    (re.compile(r"\d{9,}(\.\d+)?"), "<number>"),
)
#: A crash may let a step wait once more or less often.
_MAY_DIFFER = {"step_waits", "step_taken_over"}


def seen(life: Life) -> dict[str, Any]:
    """Everything, by where it is."""
    with life.process.database.read() as session:
        requests = session.exec(select(tables.Request).order_by(tables.Request.id)).all()  # type: ignore[arg-type]
        events = session.exec(select(tables.Event).order_by(tables.Event.id)).all()  # type: ignore[arg-type]
        steps = session.exec(select(tables.Step).order_by(tables.Step.id)).all()  # type: ignore[arg-type]
        found = {
            "requests": [
                (row.id, row.kind, row.state, _timeless(json.dumps(row.form)), row.outputs) for row in requests
            ],
            "events": _events(requests, events),
            "steps": [(row.request_id, row.name, row.state, _timeless(row.reason or "")) for row in steps],
            "instances": [(row.state, row.outputs) for row in session.exec(select(tables.Instance)).all()],
            "resources": sorted(
                (row.step, bool(row.deleted_at)) for row in session.exec(select(tables.InstanceResource)).all()
            ),
            "deliveries": Counter((row.kind, row.state) for row in session.exec(select(tables.Delivery)).all()),
            "cards": Counter((row.place, row.dirty, row.error) for row in session.exec(select(tables.Card)).all()),
            "secrets": len(session.exec(select(tables.Secret)).all()),
            "people": len(session.exec(select(tables.Person)).all()),
            "files": Counter(row.used for row in session.exec(select(tables.File)).all()),
            "drafts": len(session.exec(select(tables.Draft)).all()),
        }
    return found | {"messages": _messages(life), "issues": _issues(life), "calls": life.outside.ledger.effects}


def _events(requests: Sequence[tables.Request], events: Sequence[tables.Event]) -> list[tuple[int, str]]:
    """In their order, where steps do not run side by side."""
    found = [(row.request_id, row.name) for row in events if row.name not in _MAY_DIFFER]
    side_by_side = any(row.offering == "party" for row in requests)
    return sorted(found) if side_by_side else found


def _messages(life: Life) -> Counter[str]:
    workspace = life.outside.workspace
    return Counter(
        _timeless(f"{channel.name or channel.members} {bool(message.thread_ts)} {message.text}")
        + ("" if channel.direct else _timeless(_blocks(message.blocks)))  # to a person it offers what is possible then
        for channel in workspace.channels.values()
        for message in workspace.messages(channel.id)
    )


def _blocks(blocks: list[dict[str, Any]]) -> str:
    return json.dumps([{key: value for key, value in block.items() if key != "block_id"} for block in blocks])


def _issues(life: Life) -> list[Any]:
    return [
        (issue.fields["summary"], issue.status.name, [_timeless(comment.body) for comment in issue.comments])
        for issue in life.outside.jira.issues.values()
    ]


def _timeless(text: str) -> str:
    for pattern, instead in _MOMENTS:
        text = pattern.sub(instead, text)
    return text
