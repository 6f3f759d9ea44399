"""Which transition to take. By the status category it leads to, since names are custom and translated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Category = Literal["new", "indeterminate", "done"]


@dataclass(frozen=True)
class Move:
    """A transition and the fields that its screen needs, as `POST issue/{id}/transitions` takes them."""

    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def choose(
    transitions: Iterable[Mapping[str, Any]], category: Category, preferred: str | None, resolutions: Sequence[str] = ()
) -> Move | None:
    """The best way into `category`, or None if a person has to move it.

    `transitions` are those of `GET issue/{id}/transitions?expand=transitions.fields`. The preferred name or id wins,
    then those without a screen, then the lowest id. One whose screen asks for what we do not know is out.
    """
    ways = [
        (_rank(transition, preferred), Move(str(transition["id"]), fields))
        for transition in transitions
        if _leads_to(transition, category) and (fields := _screen(transition, resolutions)) is not None
    ]
    return min(ways, key=lambda way: way[0])[1] if ways else None


def _leads_to(transition: Mapping[str, Any], category: str) -> bool:
    status = transition.get("to") or {}
    return (status.get("statusCategory") or {}).get("key") == category and transition.get("isAvailable") is not False


def _rank(transition: Mapping[str, Any], preferred: str | None) -> tuple[bool, bool, int, str]:
    status, number = transition["to"], str(transition["id"])
    names = {str(name).casefold() for name in (transition.get("name"), status.get("name"), status.get("id"))}
    wanted = preferred is not None and preferred.casefold() in names
    return (not wanted, bool(transition.get("hasScreen")), int(number) if number.isdecimal() else 0, number)


def _screen(transition: Mapping[str, Any], resolutions: Sequence[str]) -> dict[str, Any] | None:
    """The fields to send; None if the screen requires one that we cannot fill."""
    fields = transition.get("fields") or {}
    sent: dict[str, Any] = {}
    if value := _resolution(fields.get("resolution") or {}, resolutions):
        sent["resolution"] = {"id": value}
    missing = [
        name
        for name, meta in fields.items()
        if meta.get("required") and not meta.get("hasDefaultValue") and name not in sent
    ]
    return None if missing else sent


def _resolution(meta: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """A resolution's id. One that is on the screen is set: `done` without a resolution counts as open in reports."""
    values = {str(value.get("name")).casefold(): str(value["id"]) for value in meta.get("allowedValues") or []}
    wanted = [values[name.casefold()] for name in names if name.casefold() in values]
    return next(iter(wanted or values.values()), None)
