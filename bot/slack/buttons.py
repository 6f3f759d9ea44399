"""Buttons: each carries the request, the revision that its clicker saw, and the step, if it is about one."""

from dataclasses import dataclass
from typing import Any

from bot.slack.text import plain_text
from bot.store.records import InstanceRecord, RequestRecord

JSON = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What a click is about. `number` is a request's or an instance's."""

    number: str
    revision: int | None = None
    step: str | None = None
    #: Of a story, from 1.
    page: int | None = None

    def __str__(self) -> str:
        page = (self.page,) if self.page else ()
        return "|".join(str(part or "") for part in (self.number, self.revision, self.step, *page))

    @classmethod
    def read(cls, value: str) -> "Target":
        """Back from a button's value; never raises: what is odd names a request that does not exist."""
        number, revision, step, page = (*value.split("|"), "", "", "", "")[:4]
        return cls(number, _whole(revision), step or None, _whole(page))


def _whole(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() and len(digits) < 16 else None


def button(action: str, text: str, target: Target, style: str | None = None, confirm: JSON | None = None) -> JSON:
    """A button whose action names a use case. The label for screen readers says what it is about."""
    made = {
        "type": "button",
        "action_id": action,
        "text": plain_text(text, 75),
        "value": str(target),
        "accessibility_label": f"{text} {target.number}"[:75],
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def confirm(title: str, text: str, yes: str) -> JSON:
    """Slack's own question before a click counts."""
    return {
        "title": plain_text(title, 100),
        "text": plain_text(text, 300),
        "confirm": plain_text(yes, 30),
        "deny": plain_text("No", 30),
    }


def actions(block_id: str, *buttons: JSON) -> list[JSON]:
    """A row of buttons; none for no buttons."""
    return [{"type": "actions", "block_id": block_id, "elements": list(buttons)}] if buttons else []


def for_approvers(record: RequestRecord) -> list[JSON]:
    """Approve and Reject, for a request that waits for approval."""
    target = Target(record.number, record.revision)
    return actions(
        f"decide-{record.id}-{record.revision}",
        button("approve", "Approve", target, "primary"),
        button("reject", "Reject", target, "danger"),
    )


def for_step(record: RequestRecord, step: str) -> list[JSON]:
    """Done and Can't do, for a step that waits for a person."""
    target = Target(record.number, record.revision, step)
    return actions(
        f"task-{record.id}-{step}"[:255],
        button("complete", "Done", target, "primary"),
        button("refuse", "Can't do", target),
    )


def for_retry(record: RequestRecord) -> list[JSON]:
    """Retry and Cancel, for a request with a failed step."""
    target = Target(record.number, record.revision)
    sure = confirm("Cancel it?", f"{record.number} ends; what was made so far can be deleted.", "Cancel it")
    cancel = [button("cancel", "Cancel", target, confirm=sure)] if record.state in ("failed", "parked") else []
    return actions(f"retry-{record.id}", button("retry", "Retry", target, "primary"), *cancel)


def for_cancel(record: RequestRecord) -> list[JSON]:
    """Cancel, while it is at work."""
    target = Target(record.number, record.revision)
    sure = confirm("Cancel it?", f"{record.number} stops; what was made so far can be deleted.", "Cancel it")
    return actions(f"cancel-{record.id}", button("cancel", "Cancel", target, confirm=sure))


def renew(instance: InstanceRecord) -> JSON:
    """Renew, of an instance that ends. It carries how often that was done, so that a second click does not count."""
    return button("renew", "Renew", Target(instance.number, instance.renewals))


def for_owner(instance: InstanceRecord) -> list[JSON]:
    """Renew, below the warning that an instance ends."""
    return actions(f"ending-{instance.id}-{instance.renewals}", renew(instance))


def for_requester(record: RequestRecord) -> list[JSON]:
    """Edit and Withdraw, while nobody has decided."""
    target = Target(record.number, record.revision)
    sure = confirm("Withdraw it?", f"{record.number} ends, and nobody needs to decide.", "Withdraw")
    edit = [button("edit", "Edit", target)] if record.kind != "delete" else []
    return actions(f"mine-{record.id}", *edit, button("withdraw", "Withdraw", target, confirm=sure))
