"""`field=value` pairs, from a slash command or the options of a command line, as answers. Pure.

A field is named by its path, `network.cidr`; one of an entry by where that stands, `rules.0.port` in a list and
`ports.web.number` in a map; what stands under a name of a map of scalars by that name, which may have dots of its own.
"""

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from itertools import pairwise
from typing import Any

from bot.contract import maps
from bot.contract.conditions import applied
from bot.contract.questions import Question
from bot.contract.schema import Schema, pointer
from bot.contract.text import parse
from bot.contract.validation import with_defaults
from bot.contract.wording import nearest
from bot.errors import Problem

Path = tuple[str | int, ...]
#: Fields that bring in fields that bring in fields: enough for all that do not contradict themselves.
_TURNS = 8


def typed(
    schema: Schema,
    pairs: Iterable[tuple[str, str]],
    zone: tzinfo | None = None,
    known: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[Problem]]:
    """The pairs as answers; what cannot be read stays as it was typed, with a problem that says why.

    Moments are read as `parse` does.
    Fields that a condition brings in are known once what they depend on is among the pairs or the answers that are
    `known`, or has a default.
    """
    given, around = list(pairs), dict(known or {})
    answers: dict[str, Any] = {}
    wrong: list[Problem] = []
    for _ in range(_TURNS):
        before = answers
        answers, wrong = _read(schema, given, zone, merged(around, answers))
        if answers == before:
            break
    return answers, wrong


def _read(
    schema: Schema, pairs: Iterable[tuple[str, str]], zone: tzinfo | None, known: dict[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    questions = _asked(schema, known)
    answers: dict[str, Any] = {}
    wrong: list[Problem] = []
    for name, text in pairs:
        question, path = _meant(name, questions, known) or (None, tuple(name.split(".")))
        value: Any = text
        if question is None:
            wrong.append(Problem(pointer(path), f"{UNKNOWN}{nearest(name, questions)}"))
        else:
            try:
                value = parse(question, text, zone)
            except ValueError as error:
                wrong.append(Problem(pointer(path), str(error)))
        if not _put(answers, path, value):
            wrong.append(Problem(pointer(path), "Is out of order: the first entry is 0, and each has one before it."))
    return answers, wrong


#: How a problem begins that names no field of the form.
UNKNOWN = "Unknown field."


def _asked(schema: Schema, known: Any) -> dict[str, Question]:
    answers = with_defaults(schema, known) if isinstance(known, dict) else {}
    # What a branch leaves with defaults of its own may bring in more.
    found = applied(schema, with_defaults(applied(schema, answers).schema, answers))
    return {question.name: question for question in found.questions}


def _meant(name: str, questions: Mapping[str, Question], known: Any) -> tuple[Question, Path] | None:
    """The question that a name means, and where its answer stands."""
    if name in questions:
        return questions[name], questions[name].path
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        around = questions.get(".".join(parts[:depth]))
        if around is not None and around.named is not None:
            return around.named, (*around.path, ".".join(parts[depth:]))
        if around is not None:
            return _within(around, parts[depth], ".".join(parts[depth + 1 :]), known)
    return None


def _within(around: Question, at: str, rest: str, known: Any) -> tuple[Question, Path] | None:
    """The same of an entry of a list or a map, where `at` says which."""
    if around.entry is None or not rest:
        return None
    place: str | int = at
    if not maps.is_map(around.schema):
        if not at.isascii() or not at.isdecimal() or len(at) > _DIGITS:
            return None
        place = int(at)
    entry = _at(known, (*around.path, place))
    found = _meant(rest, _asked(around.entry, entry), entry)
    return found and (found[0], (*around.path, place, *found[1]))


#: Of the number of an entry.
_DIGITS = 6


def _at(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    return value


def unflatten(pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`{"network.cidr": x}` is `{"network": {"cidr": x}}`; of two that clash the later one stands."""
    nested: dict[str, Any] = {}
    for name, value in dict(pairs).items():
        _put(nested, tuple(name.split(".")), value)
    return nested


def _put(into: Any, path: Path, value: Any) -> bool:
    """Put it there; False: it would be an entry behind one that is not there."""
    for part, following in pairwise(path):
        kind = list if isinstance(following, int) else dict
        inner = _at(into, (part,))
        if not isinstance(inner, kind):
            inner = kind()
            if not _set(into, part, inner):
                return False
        into = inner
    return not path or _set(into, path[-1], value)


def _set(into: Any, part: str | int, value: Any) -> bool:
    if isinstance(into, list) and isinstance(part, int) and part >= len(into):
        if part == len(into):
            into.append(value)
        return part < len(into)
    into[part] = value
    return True


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` over `old`, field by field."""
    both = dict(old)
    for name, value in new.items():
        inner = both.get(name)
        both[name] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
