"""Answers that are secrets: taken out of a form before it is stored, and only named in what steps see. Pure.

What is stored holds MASK in their places, so whatever shows a stored form shows no secret. A step reads a name there,
`REQ-12/password`, which a handler turns into the value where it needs it.
"""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter
from typing_extensions import TypeAliasType

from bot import contract
from bot.contract import Schema
from bot.offering import Form, secret_name

JSON = dict[str, Any]
Path = tuple[str | int, ...]
F = TypeVar("F", bound=Form)

#: What stands in the place of a secret, wherever answers are stored or shown.
MASK = "••••"


def taken_out(form: Form, schema: Schema) -> tuple[JSON, dict[str, str]]:
    """The answers without their secrets, and these by JSON pointer; what is no text is JSON."""
    kept: JSON = form.model_dump(mode="json", warnings=False)
    if not contract.asks_for_secrets(schema):
        return kept, {}
    values = form.model_dump(warnings=False)
    taken = {}
    for path in contract.secrets(schema, kept):
        taken[contract.pointer(path)] = _clear(_at(values, path), _at(kept, path))
        _put(kept, path, MASK)
    return kept, taken


def masked(schema: Schema, answers: Mapping[str, Any]) -> JSON:
    """The answers as they were given, with MASK for each secret."""
    copy: JSON = json.loads(json.dumps(dict(answers)))
    for path in contract.secrets(schema, copy):
        _put(copy, path, MASK)
    return copy


def form_of(form: type[F], schema: Schema, stored: Mapping[str, Any], number: str) -> F:
    """The form of a stored request, as a step sees it: each secret reads as its name, and is not checked again."""
    named: JSON = json.loads(json.dumps(dict(stored)))
    paths = contract.secrets(schema, named)
    if not paths:
        return form.model_validate_json(json.dumps(named))
    for path in paths:
        _put(named, path, _Name(secret_name(number, path)))
    built: F = _built(form, named)
    return built


def form_before(form: type[F], schema: Schema, stored: Mapping[str, Any] | None, number: str) -> F | None:
    """An update's answers so far, as the form; None where they do not fit the form of today."""
    if stored is None:
        return None
    try:
        return form_of(form, schema, stored, number)
    except ValueError:
        return None


class _Name(str):
    """The name of a secret, in its place."""

    __slots__ = ()


def _clear(value: Any, plain: Any) -> str:
    if hasattr(value, "get_secret_value"):
        value = plain = value.get_secret_value()
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(plain)


def _at(value: Any, path: Path) -> Any:
    for part in path:
        # A set stays one when it is dumped, in the order of its JSON.
        value = value[part] if isinstance(value, Mapping) else list(value)[int(part)]
    return value


def _put(value: Any, path: Path, instead: str) -> None:
    holder = _at(value, path[:-1])
    holder[path[-1]] = instead


# Building what was checked when it was asked for, around values that would not pass that check


def _built(model: type[Any], values: Mapping[str, Any]) -> Any:
    fields = model.model_fields
    return model.model_construct(
        **{
            name: _value(fields[name].annotation, tuple(fields[name].metadata), value) if name in fields else value
            for name, value in values.items()
        }
    )


def _value(annotation: Any, metadata: tuple[Any, ...], value: Any) -> Any:
    if not _holds_name(value):
        return _adapter(annotation, metadata).validate_json(json.dumps(value))
    kinds = list(_kinds(annotation))
    match value:
        case str():
            return _secret(kinds, value)
        case dict():
            model = _model(kinds, value)
            wanted = next((args[1] for kind in kinds if len(args := get_args(kind)) == 2), Any)
            return _built(model, value) if model else {key: _value(wanted, (), each) for key, each in value.items()}
    places = _places(kinds, len(value))
    entries = [_value(place, (), each) for place, each in zip(places, value, strict=True)]
    container = next(
        (origin for kind in kinds if (origin := get_origin(kind) or kind) in {tuple, set, frozenset}), list
    )
    return container(entries)


def _places(kinds: Sequence[Any], count: int) -> list[Any]:
    """What the entries of a list may be: each its own in a tuple of that length, else all the same."""
    for kind in kinds:
        arguments = [each for each in get_args(kind) if each is not Ellipsis]
        if get_origin(kind) is tuple and len(arguments) == count:
            return arguments
        if len(arguments) == 1:
            return arguments * count
    return [Any] * count


def _adapter(annotation: Any, metadata: tuple[Any, ...]) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[annotation, *metadata] if metadata else annotation)


def _kinds(annotation: Any) -> Iterator[Any]:
    """What an annotation may be, behind Optional, Union, Annotated and names for types."""
    if isinstance(annotation, TypeAliasType):
        yield from _kinds(annotation.__value__)
    elif get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _kinds(each)
    else:
        yield annotation


def _secret(kinds: Sequence[Any], name: str) -> Any:
    if SecretBytes in kinds and SecretStr not in kinds:
        return SecretBytes(name.encode())
    kind = next((kind for kind in kinds if hasattr(kind, "get_secret_value")), None)
    return kind(str(name)) if kind else str(name)


def _model(kinds: Sequence[Any], value: Mapping[str, Any]) -> type[BaseModel] | None:
    """The model that was meant: the first that knows all of the names, and whose constants are these."""
    models = [kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel)]
    return next((model for model in models if _fits(model, value)), None)


def _fits(model: type[BaseModel], value: Mapping[str, Any]) -> bool:
    fields = model.model_fields
    constants = {name: get_args(each.annotation) for name, each in fields.items() if _is_literal(each.annotation)}
    return value.keys() <= fields.keys() and all(
        value[name] in allowed for name, allowed in constants.items() if name in value
    )


def _is_literal(annotation: Any) -> bool:
    return get_origin(annotation) is Literal


def _holds_name(value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return any(_holds_name(each) for each in (value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, _Name)
