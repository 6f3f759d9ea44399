"""Answers on a command line: options from a contract that came over HTTP, and `@file` with YAML or JSON.

What stands before the offering's name is the command's own; behind it a field of the form comes before an option of
the command that has the same name.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from bot import contract
from bot.cli.client import line
from bot.cli.failures import REFUSED, USAGE, Failure
from bot.contract import Question
from bot.contract.content import MOST, encoded
from bot.contract.schema import properties

JSON = dict[str, Any]

#: The command's own options that may stand behind the name too: what they are called, and what they are for.
Own = Mapping[str, str]
#: Takes in a file by name and content; gives the answer that refers to it.
Upload = Callable[[str, bytes], JSON]
_FLAGS = frozenset({"json", "wait"})
_FIELD = "field:"


@dataclass(frozen=True)
class Given:
    """What stood behind the name: `pairs` of field and text, `file` with whole answers, `own` options."""

    pairs: Sequence[tuple[str, str]]
    file: JSON | None
    own: JSON
    prog: str = ""


def read(schema: JSON, tail: Sequence[str], own: Own, *, prog: str) -> Given:
    """Read what stood behind the name. Raises Failure; `--help` prints the options and ends the process."""
    questions = contract.applied(schema, contract.with_defaults(schema, {})).questions
    parser = _parser(questions, own, prog)
    found, rest = parser.parse_known_args(tail)
    deeper, rest = _deeper(rest, {name for part in contract.parts(schema) for name in properties(part)})
    files = [word for word in rest if word.startswith("@") and len(word) > 1]
    unknown = [word for word in rest if word not in files]
    if unknown:
        raise Failure(USAGE, f"{prog}: what is {' '.join(unknown)}?", _hints(unknown, schema, prog))
    values = {name: value for name, value in vars(found).items() if value is not None}
    pairs = [
        (question.name, _text(question, values[_FIELD + question.name]))
        for question in questions
        if _FIELD + question.name in values
    ]
    mine = {name: value for name, value in values.items() if not name.startswith(_FIELD)}
    return Given([*pairs, *deeper], _merged(map(_file, files)) if files else None, mine, prog)


def _deeper(words: Sequence[str], fields: set[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Options for fields that are there with some answers only, or stand in entries; and the words that are none."""
    pairs, rest, left = list[tuple[str, str]](), list[str](), list(words)
    while left:
        word = left.pop(0)
        name, given, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name.partition(".")[0] not in fields:
            rest.append(word)
        elif given:
            pairs.append((name, text))
        else:
            pairs.append((name, left.pop(0) if left and not left[0].startswith("--") else "yes"))
    return pairs, rest


def typed(schema: JSON, given: Given, upload: Upload, base: JSON | None = None) -> JSON:
    """The answers as JSON: the file's (or `base`), then the options'. Raises Failure for what cannot be read.

    `upload` takes in a file that an answer is, `--plan @plan.pdf`.
    """
    known = given.file if given.file is not None else base or {}
    questions = {question.name: question for question in contract.fields(schema) if _is_file(question)}
    chosen = [(name, text) for name, text in given.pairs if name in questions and text[:1] == "@"]
    answers, wrong = contract.typed(schema, [pair for pair in given.pairs if pair not in chosen], _zone(), known)
    if unknown := [line(each.pointer, each.detail) for each in wrong if each.detail.startswith(contract.UNKNOWN)]:
        raise Failure(USAGE, f"{given.prog}: not every option is a field.", [*unknown, f"See {given.prog} --help."])
    for name, text in chosen:
        answers = contract.merged(answers, contract.unflatten({name: _uploaded(questions[name], text, upload)}))
    whole = contract.merged(known, answers)
    if wrong:
        pointers = {problem.pointer for problem in wrong}
        others = [problem for problem in contract.problems(schema, whole) if problem.pointer not in pointers]
        lines = [line(problem.pointer, problem.detail) for problem in sorted([*wrong, *others])]
        raise Failure(REFUSED, "Some answers need another look.", lines)
    return whole


def _is_file(question: Question) -> bool:
    return (question.item or question).kind in {"file", "content"}


def _uploaded(question: Question, text: str, upload: Upload) -> Any:
    """What a file becomes in the form; of a list, one `@file` on each line."""
    one = question.item or question
    paths = [Path(line.removeprefix("@")) for line in text.splitlines()]
    take = partial(_written, one) if one.kind == "content" else upload
    try:
        found = [take(path.name, path.read_bytes()) for path in paths]
    except (OSError, ValueError) as error:
        raise Failure(USAGE, f"--{question.name}: {error}") from None
    return found if question.kind == "list" else found[-1]


def _written(question: Question, name: str, content: bytes) -> str:
    """What is in a file, as the contract wants it. Raises ValueError."""
    if len(content) > MOST:
        raise ValueError(f"{name} has {len(content):,} bytes; what is in it becomes the answer, so at most {MOST:,}.")
    return encoded(question.way, name, guess_type(name)[0] or "application/octet-stream", content)


def _zone() -> tzinfo:
    """The terminal's own time zone, for moments without an offset."""
    from tzlocal import get_localzone  # noqa: PLC0415 - only for those who type one

    return get_localzone()


def _parser(questions: Iterable[Question], own: Own, prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        usage="%(prog)s [@FILE] [--FIELD VALUE ...] [OPTION ...]",
        description="@FILE holds answers as YAML or JSON; options change single fields of it. One within a group, a map "
        "or a list is named by where it stands: --network.cidr, --labels.team, --rules.0.port.",
        allow_abbrev=False,
        conflict_handler="resolve",
    )
    options = parser.add_argument_group("options of the command")
    for name, text in own.items():
        options.add_argument(f"--{name}", help=text, default=None, **_flag(name))
    fields = parser.add_argument_group("fields")
    for question in questions:
        # A flag needs no value: --public is yes.
        optional: Any = {"nargs": "?", "const": "yes"} if question.kind == "boolean" else {}
        fields.add_argument(
            f"--{question.name}",
            dest=_FIELD + question.name,
            action="append",
            metavar=_metavar(question),
            help=_help(question),
            **optional,
        )
    return parser


def _flag(name: str) -> Any:
    return {"action": "store_true"} if name in _FLAGS else {"metavar": name.upper()}


def _text(question: Question, given: list[str]) -> str:
    """An option that comes several times makes a list; of one that takes no list the last stands."""
    return "\n".join(given) if question.kind in {"list", "multi"} and len(given) > 1 else given[-1]


def _metavar(question: Question) -> str:
    if question.choices:
        named = "|".join(contract.written(choice.value) for choice in question.choices)
        return named if len(named) <= 40 else "CHOICE"
    return {"section": "JSON", "file": "@FILE", "content": "@FILE"}.get(question.kind, question.kind.upper())


def _help(question: Question) -> str:
    said = [question.description or question.title]
    if question.required:
        said.append("(required)")
    elif question.default is not None:
        said.append(f"(default: {contract.written(question.default)})")
    return " ".join(said).replace("%", "%%")


def _hints(unknown: Iterable[str], schema: JSON, prog: str) -> list[str]:
    names = [word.removeprefix("--").partition("=")[0] for word in unknown if word.startswith("--")]
    _, wrong = contract.typed(schema, [(name, "") for name in names])
    return [*(line(problem.pointer, problem.detail) for problem in wrong), f"See {prog} --help."]


def _file(word: str) -> JSON:
    path = Path(word[1:])
    try:
        answers = contract.parse(_JSON, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(USAGE, f"{path} cannot be read: {error}") from None
    except ValueError as error:
        raise Failure(USAGE, f"{path}: {error}") from None
    if not isinstance(answers, dict):
        raise Failure(USAGE, f"{path}: has to be a group of fields, like `name: orders`.")
    return answers


_JSON = Question(path=("file",), kind="json", title="File")


def _merged(answers: Iterable[JSON]) -> JSON:
    whole: JSON = {}
    for each in answers:
        whole = contract.merged(whole, each)
    return whole
