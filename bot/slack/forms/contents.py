"""Files that were chosen for texts: a reference until the form is handed in, then what is in them. Pure but for `read`.

What stands in a draft is Slack's reference, as for any file; the contract's text is made of it at the last moment.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot import contract
from bot.contract import Question, Schema
from bot.contract.content import MOST, encoded
from bot.errors import Invalid, PermanentError, Problem, TemporaryError, Unavailable
from bot.slack.forms.asking import size

JSON = dict[str, Any]
#: A file of this person's by its id. Raises TemporaryError, PermanentError.
Read = Callable[[str], bytes]


def chosen(schema: Schema, answers: Mapping[str, Any]) -> list[tuple[str, JSON]]:
    """The references among the answers, by the pointers of the texts that they stand for."""
    found: list[tuple[str, JSON]] = []

    def look(question: Question, value: Any, place: tuple[str | int, ...]) -> Any:
        if question.kind == "content" and isinstance(value, dict):
            found.append((contract.pointer(place), value))
        return value

    if _asks(schema):
        contract.mapped(schema, answers, look)
    return found


def taken_in(schema: Schema, answers: JSON, read: Read) -> JSON:
    """The answers with what is in the files that were chosen. Raises Invalid, Unavailable."""
    found = chosen(schema, answers)
    if not found:
        return answers
    _refuse_much(found)
    problems: list[Problem] = []

    def change(question: Question, value: Any, place: tuple[str | int, ...]) -> Any:
        if question.kind != "content" or not isinstance(value, dict):
            return value
        try:
            return _text(question, value, read)
        except (ValueError, PermanentError) as error:
            problems.append(Problem(contract.pointer(place), str(error)))
            return ""

    try:
        texts = contract.mapped(schema, answers, change)
    except TemporaryError as error:
        raise Unavailable(f"A file could not be read: {error} Try again; what you entered is kept.") from error
    if problems:
        raise Invalid(problems)
    return texts


def _text(question: Question, reference: JSON, read: Read) -> str:
    content = read(str(reference.get("id")))
    if len(content) > MOST:
        raise ValueError(f"{reference.get('name')} is larger than {size(MOST)}.")
    return encoded(question.way, str(reference.get("name")), str(reference.get("type")), content)


def _refuse_much(found: list[tuple[str, JSON]]) -> None:
    """Before anything is read: what becomes an answer is stored with the request."""
    sizes = [each["size"] if isinstance(each.get("size"), int) else 0 for _, each in found]
    if sum(sizes) <= MOST:
        return
    at, largest = max(zip(found, sizes, strict=True), key=lambda each: each[1])
    together = f", and all files of this form together {size(sum(sizes))}" if len(found) > 1 else ""
    told = f"{at[1].get('name')} has {size(largest)}{together}: what is in them becomes the answer, so at most {size(MOST)}."
    raise Invalid([Problem(at[0], told)])


@contract.remembered
def _asks(schema: Schema) -> bool:
    """Whether a file may be chosen for any text of it, in whatever branch: then it is worth a look."""
    return _has(schema)


def _has(part: Any) -> bool:
    if isinstance(part, list):
        return any(map(_has, part))
    return isinstance(part, dict) and (contract.is_content(part) or any(map(_has, part.values())))
