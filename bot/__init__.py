"""Frontdesk: the front desk of an internal platform. This is what an offering's author imports."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import Field

    from bot.deadlines import Deadline, Escalation, Renewal
    from bot.handler import Outputs, Secret
    from bot.imports import ImportedForm
    from bot.offering import Approval, Channel, File, Form, Group, Offering, Person, Request

__all__ = [
    "Approval",
    "Channel",
    "Deadline",
    "Escalation",
    "Field",
    "File",
    "Form",
    "Group",
    "ImportedForm",
    "Offering",
    "Outputs",
    "Person",
    "Renewal",
    "Request",
    "Secret",
]

_HOMES = {
    "Deadline": "bot.deadlines",
    "Escalation": "bot.deadlines",
    "Field": "pydantic",
    "ImportedForm": "bot.imports",
    "Outputs": "bot.handler",
    "Renewal": "bot.deadlines",
    "Secret": "bot.handler",
}


def __getattr__(name: str) -> Any:
    # Lazily, because every `frontdesk` command passes through here and most need no pydantic.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "bot.offering")), name)
