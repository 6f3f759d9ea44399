"""What a command says: tables for people (colours only in a terminal), JSON for machines. rich is imported here only."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

JSON = dict[str, Any]

#: Where nobody looks, nothing is cut to a width.
_WIDE = 1000
_STYLES = {
    "fulfilled": "green",
    "ready": "green",
    "done": "green",
    "failed": "red",
    "rejected": "red",
    "parked": "red",
    "awaiting_approval": "yellow",
    "pending": "yellow",
}


def as_json(answer: Any) -> None:
    """For machines: what the server said."""
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """One line."""
    _console().print(_text(text), soft_wrap=True)


def note(text: str) -> None:
    """One line that is not part of the result."""
    sys.stderr.write(clean(text) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table, or `empty` when there is nothing in it."""
    from rich.table import Column, Table  # noqa: PLC0415 - only where a table is shown

    named = [Column(_text(name), overflow="fold", no_wrap=not position) for position, name in enumerate(columns)]
    made = Table(*named, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    if made.row_count:
        _console().print(made)
    else:
        note(empty)


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values below each other; nothing for None."""
    from rich.table import Column, Table  # noqa: PLC0415 - as above

    made = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2))
    for name, value in pairs:
        if value is not None:
            made.add_row(_text(name, "bold"), _cell(value))
    _console().print(made)


def heading(text: str) -> None:
    """The name of what follows."""
    console = _console()
    console.print()
    console.print(_text(text, "bold"))


def flat(answers: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Answers as `network.cidr` and text, in their order; what is empty is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in answers.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{before}{name}.")
        elif value is not None:
            pairs.append((before + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return pairs


def moment(text: str | None) -> str:
    """`2026-11-22 09:15` in UTC."""
    return f"{text[:10]} {text[11:16]}" if text else ""


def clean(text: str) -> str:
    """Without the control characters by which a text could write elsewhere on the terminal."""
    return "".join(each if each in "\n\t" or unicodedata.category(each) != "Cc" else "\ufffd" for each in text)


def _cell(value: Any) -> "Text":
    text = "" if value is None else str(value)
    return _text(text.replace("_", " ") if text in _STYLES else text, _STYLES.get(text, ""))


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(clean(text), style)


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415 - as above

    terminal = sys.stdout.isatty()
    return Console(width=None if terminal else _WIDE, no_color=not terminal, highlight=False, markup=False, emoji=False)
