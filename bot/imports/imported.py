"""What an import gives: a contract, and what did not come with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.contract import Schema, humanised
from bot.errors import Misconfigured

#: So many places are named for one finding; the rest is counted.
_MOST_PLACES = 3
Hints = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Imported:
    """A document of somebody else's as a contract. `version` is the document's own word for it, or empty."""

    #: a-z, 0-9 and `-`: the offering's name.
    name: str
    title: str
    description: str
    version: str
    #: What it was: `Kratix Promise`.
    source: str
    schema: Schema
    #: What was not carried over, where and why.
    notes: tuple[str, ...] = ()
    #: What the document gets wrong, and what was made of it.
    warnings: tuple[str, ...] = ()
    #: How its author wants a field shown, by pointer: `{"/size": {"widget": "radio", "help": "..."}}`; never part of
    #: the contract. Under the empty pointer: `pages` and `order`.
    hints: Hints = field(default_factory=dict)


class Findings:
    """Collects notes, warnings and hints; the same finding at several places is told once."""

    def __init__(self) -> None:
        self._notes: dict[str, list[str]] = {}
        self._warnings: dict[str, list[str]] = {}
        self.hints: dict[str, dict[str, Any]] = {}

    def note(self, where: str, text: str) -> None:
        """Something is not carried over."""
        self._notes.setdefault(text, []).append(where)

    def warn(self, where: str, text: str) -> None:
        """Something is wrong or odd in the document."""
        self._warnings.setdefault(text, []).append(where)

    def hint(self, where: str, **said: Any) -> None:
        """How a field wants to be shown."""
        self.hints.setdefault(where, {}).update(said)

    @property
    def notes(self) -> tuple[str, ...]:
        """A line each: `place, place: text`."""
        return tuple(_lines(self._notes))

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line each: `place, place: text`."""
        return tuple(_lines(self._warnings))

    def imported(self, source: str, name: str, schema: Schema, *, title: str = "", version: str = "") -> Imported:
        """Everything together; title and description are the schema's own where nothing better is known."""
        return Imported(
            name=slug(name),
            title=title or str(schema.get("title") or "").strip() or humanised(name),
            description=str(schema.get("description") or "").strip(),
            version=version,
            source=source,
            schema=schema,
            notes=self.notes,
            warnings=self.warnings,
            hints=self.hints,
        )


def _lines(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for text, places in found.items():
        named = list(dict.fromkeys(place or "/" for place in places))
        more = f" and {len(named) - _MOST_PLACES} more" if len(named) > _MOST_PLACES else ""
        yield f"{', '.join(named[:_MOST_PLACES])}{more}: {text}"


def slug(text: str) -> str:
    """A name that can be typed after a command: `XPostgreSQL_v2` is `xpostgresql-v2`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "imported"


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else nothing."""
    return value if isinstance(value, dict) else {}


def refused(what: str, where: str = "", hint: str = "") -> Misconfigured:
    """The document cannot be imported."""
    return Misconfigured(what, where=where, hint=hint)
