"""Answers that arrive as text (a slash command, a command line option, a modal's element) as typed values."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import tzinfo
from decimal import Decimal
from functools import cache
from itertools import accumulate
from typing import Any

from bot.contract import moments
from bot.contract.formats import FORMATS, is_date, is_time
from bot.contract.questions import Question
from bot.contract.wording import quoted

_YES = frozenset({"yes", "y", "true", "on"})
_NO = frozenset({"no", "n", "false", "off"})
_DEEPEST = 100
_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_PAIR = re.compile(r"([^\s:={}\[\]\"'#]+)\s*=\s*(.*)")
_NUMBER = re.compile(r"[+-]?([0-9]{1,4000}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,3})?")


def parse(question: Question, text: str, zone: tzinfo | None = None) -> Any:
    """`text` as the question's value: `5`, `yes`, `a,b`, `2026-11-22`, YAML for what has no form of its own.

    A moment without an offset is one of `zone`. Raises ValueError with a sentence for a person.
    """
    if question.kind in {"list", "multi"}:
        return _several(question, text, zone)
    if question.kind == "datetime":
        return _datetime(question, text, zone)
    return _PARSERS.get(question.kind, _string)(question, text)


def written(value: Any) -> str:
    """The text that `parse` reads as this value: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _string(question: Question, text: str) -> Any:
    if "integer" in question.types and _INTEGER.fullmatch(text):
        return int(text)
    return number(text) if "number" in question.types and _NUMBER.fullmatch(text) else text


def _integer(question: Question, text: str) -> int:
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"Has to be a whole number{_got(question, text)}.")
    return int(text)


def _got(question: Question, text: str) -> str:
    return "" if question.secret else f"; got {quoted(text)}"


def _number(question: Question, text: str) -> Any:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"Has to be a number{_got(question, text)}.")
    value = number(text)
    # A decimal with more digits than a float has stays text where text is accepted.
    return text if "string" in question.types and Decimal(repr(value)) != Decimal(text) else value


def number(text: str) -> float:
    """An int where the text has neither point nor exponent, else a float."""
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def _boolean(question: Question, text: str) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError(f"Has to be yes or no{_got(question, text)}.")
    return word in _YES


def _enum(question: Question, text: str) -> Any:
    """By value, else by label whatever its case."""
    for choice in question.choices:
        if text == (choice.value if isinstance(choice.value, str) else json.dumps(choice.value)):
            return choice.value
    word = text.strip().casefold()
    for choice in question.choices:
        if word in {choice.label.casefold(), str(choice.value).casefold()}:
            return choice.value
    named = ", ".join(str(choice.value) for choice in question.choices)
    raise ValueError(f"Has to be one of {named}{_got(question, text)}.")


def parse_lines(question: Question, text: str, zone: tzinfo | None = None) -> list[Any]:
    """A list from a text of several lines, one entry on each; a JSON array says it exactly."""
    return _entries(question, text, text.splitlines(), zone)


def _several(question: Question, text: str, zone: tzinfo | None) -> list[Any]:
    """As `parse_lines`; one line may name several entries between commas."""
    return _entries(question, text, text.splitlines() if "\n" in text else text.split(","), zone)


def _entries(question: Question, text: str, parts: Iterable[str], zone: tzinfo | None) -> list[Any]:
    item = question.item or question
    whole = _array(text)
    return [parse(item, part.strip(), zone) for part in parts if part.strip()] if whole is None else whole


def _array(text: str) -> list[Any] | None:
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, list) else None
    return None


def _moment(accepts: Callable[[str], bool], name: str) -> Callable[[Question, str], str]:
    def read(question: Question, text: str) -> str:
        if not accepts(text.strip()):
            raise ValueError(f"Has to be {FORMATS[name][1]}{_got(question, text)}.")
        return text.strip()

    return read


def _datetime(question: Question, text: str, zone: tzinfo | None) -> str:
    try:
        return moments.read(text, zone)
    except ValueError as error:
        raise ValueError(f"{error}{_got(question, text)}.") from None


def _json(question: Question, text: str) -> Any:
    """JSON, else YAML; for a map of scalars also `name=value` lines. YAML's dates, `yes` and aliases stay out."""
    if question.named and (pairs := _pairs(text)) is not None:
        return {name: _under(name, question.named, value) for name, value in pairs.items()}
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _yaml(text)


def _pairs(text: str) -> dict[str, str] | None:
    """`name=value`, one on each line; None: it is something else."""
    found = [_PAIR.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    pairs = {pair[1]: pair[2] for pair in found if pair}
    return pairs if pairs and len(pairs) == len(found) else None


def _under(name: str, question: Question, text: str) -> Any:
    try:
        return parse(question, text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - only for those who type it

    if _depth(text) > _DEEPEST:  # PyYAML's time grows with the square of it
        raise ValueError(f"Is neither JSON nor YAML: nested deeper than {_DEEPEST}.")
    try:
        value = yaml.load(text, Loader=_loader())  # noqa: S506 - a SafeLoader with less than usual
        json.dumps(value, allow_nan=False)  # an explicit tag (!!binary, !!set) makes what JSON has no word for
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"Is neither JSON nor YAML: {error.problem}{where}.") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"Is neither JSON nor YAML: {(str(error) or 'too deep').splitlines()[0]}.") from None
    return value


def _depth(text: str) -> int:
    """How deep brackets nest, also those in quotes."""
    changes = (1 if character in "[{" else -1 for character in text if character in "[]{}")
    return max(accumulate(changes), default=0)


@cache
def _loader() -> Any:
    """YAML 1.2's core schema for scalars, text for keys, and no aliases (a few lines of them fill the memory)."""
    import yaml  # noqa: PLC0415 - only for those who type it

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # the stubs lack it
                raise yaml.MarkedYAMLError(problem="aliases are not accepted", problem_mark=mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            found = super().construct_mapping(node, deep)
            if all(isinstance(key, str) for key in found):
                return found
            raise yaml.MarkedYAMLError(problem="a name has to be text", problem_mark=node.start_mark)

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (
        ("null", r"(~|null|)", ["~", "n", ""]),
        ("bool", r"(true|false)", ["t", "f"]),
        ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
        ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", list("-0123456789")),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^{pattern}$"), first)
    return Loader


def _file(question: Question, _: str) -> Any:
    raise ValueError(f"“{question.name}” is a file: choose it in the form, or give @FILE on the command line.")


_PARSERS: dict[str, Callable[[Question, str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "enum": _enum,
    "date": _moment(is_date, "date"),
    "time": _moment(is_time, "time"),
    "file": _file,
    "json": _json,
    "section": _json,
}
