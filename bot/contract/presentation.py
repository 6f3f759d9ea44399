"""A schema as it is shown to people: the contract with words about its fields that are no part of it. Pure.

Nothing is checked against a presented schema: it is drawn, and the contract decides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

from bot.contract.questions import ADVANCED, HIDDEN, OPTIONS, ORDER, VISIBLE_IF, WIDGET
from bot.contract.schema import Schema, kinds, properties, required, resolve, target
from bot.contract.secrecy import SECRET
from bot.contract.validation import faults

Change = Callable[[Schema], Schema]
#: Where a field may be declared that a condition brings in.
_LISTED, _SINGLE, _NAMED = ("allOf", "anyOf", "oneOf"), ("then", "else"), ("dependencies", "dependentSchemas")


#: `file` is for a text: it is chosen as a file.
Widget = Literal["textarea", "radio", "select", "file"]


class Look(TypedDict, total=False):
    """How a field is shown."""

    title: str
    #: What stands below it, instead of its description.
    help: str
    #: Nobody is asked: its default holds, or what a command or another door says.
    hidden: bool
    #: It stands behind the others, under Advanced, unless it must be answered.
    advanced: bool
    widget: Widget
    #: It is asked only while all of these answers are so: by field path of the whole form a value, several of which one
    #: will do, or a JSON Schema. What it held is dropped on submit, and comes back when it is asked again.
    visible_if: Mapping[str, Any]
    #: It is a secret, although the schema does not say so.
    secret: bool
    #: For an object, and under the empty path for the form: these of its fields come first, in this order.
    order: Sequence[str]


_WORDS = {
    "title": "title",
    "help": "description",
    "hidden": HIDDEN,
    "advanced": ADVANCED,
    "widget": WIDGET,
    "visible_if": VISIBLE_IF,
    "secret": SECRET,
    "order": ORDER,
}


class NoSuchField(LookupError):
    """The form has no field of that path."""


def presented(schema: Schema, options: Sequence[str] = (), overlay: Mapping[str, Look] | None = None) -> Schema:
    """The schema as an overlay says, with the fields marked that are chosen from data; the very same without both.

    A path is `network.cidr`, and `users.role` for a field of each entry of a list. Raises NoSuchField, and ValueError
    for what cannot be done with a field.
    """
    shown = schema
    for path, look in (overlay or {}).items():
        words = _words(path, look)
        for name in set(look.get("order", ())) - {"*"}:
            _changed(shown, f"{path}.{name}" if path else name, dict)
        for other in look.get("visible_if", {}):
            _refuse_unseen(shown, path, other)
        if "secret" in look:
            _refuse_half_a_secret(shown, path, look["secret"])
        shown = _changed(shown, path, lambda part, words=words: _worded(part, words))  # type: ignore[misc]
    for path in options:
        shown = _changed(shown, path, lambda part, path=path, root=shown: _chosen(part, path, root))  # type: ignore[misc]
    return shown


def _words(path: str, look: Look) -> Schema:
    unknown = sorted(look.keys() - _WORDS.keys())
    if unknown:
        raise ValueError(f"{path or 'the form'}: {', '.join(unknown)} is none of {', '.join(_WORDS)}")
    if look.get("widget", "select") not in get_args(Widget):
        raise ValueError(f"{path}: there is no widget {look['widget']!r} but {', '.join(get_args(Widget))}")
    if "visible_if" in look:
        _refuse_rules(path, look["visible_if"])
    return {_WORDS[word]: value for word, value in look.items()}


def _refuse_half_a_secret(schema: Schema, path: str, secret: bool) -> None:
    """Of an object, each of its fields is asked on its own; and what the schema says is a secret stays one."""
    if secret is not True:
        raise ValueError(f"{path or 'the form'}: secret= can be True only: what the schema says is a secret stays one")
    if not path or _all(schema, path, lambda found: kinds(found) == ("object",) and bool(properties(found))):
        raise ValueError(f"{path or 'the form'}: secret= is for a field, not for an object: say it of its fields")


def _refuse_rules(path: str, rules: Any) -> None:
    if not path or not isinstance(rules, Mapping) or not rules:
        raise ValueError(f'{path or "the form"}: visible_if= is a field\'s, and like {{"size": "large"}}')
    for other, rule in rules.items():
        wrong = faults(rule) if isinstance(rule, dict) else []
        if wrong:
            raise ValueError(f"{path}: visible_if= has for {other} no JSON Schema: {wrong[0]}")


def _refuse_unseen(schema: Schema, path: str, other: str) -> None:
    """A field can be asked for by answers of its own form and of those around it, not by those of other entries."""
    _changed(schema, other, dict)
    parts = other.split(".")
    for depth in range(1, len(parts)):
        around = ".".join(parts[:depth])
        if _all(schema, around, lambda found: kinds(found) == ("array",)) and not path.startswith(around + "."):
            raise ValueError(f"{path}: visible_if= names {other}, of which there is one in each entry of {around}")
    if other == path or other.startswith(path + "."):
        raise ValueError(f"{path}: visible_if= names the field itself")


def _all(schema: Schema, path: str, agrees: Callable[[Schema], bool]) -> bool:
    """Whether it is so wherever a field is declared."""
    found: list[bool] = []

    def look(part: Schema) -> Schema:
        found.append(agrees(resolve(part, schema).schema))
        return part

    _changed(schema, path, look)
    return all(found)


def _worded(part: Schema, words: Schema) -> Schema:
    if ORDER in words and isinstance(part.get("items"), dict):
        part = {**part, "items": {**part["items"], ORDER: words[ORDER]}}
    return {**part, **words}


def unanswerable(schema: Schema) -> list[str]:
    """Names of fields that must be answered and are hidden, always or by `visible_if`, without a default."""
    return list(dict.fromkeys(_unanswerable(schema, schema)))


def _unanswerable(part: Any, root: Schema) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _unanswerable(each, root)
    elif isinstance(part, dict):
        for name, declared in properties(part).items():
            said = declared if isinstance(declared, dict) else {}
            hidden = said.get(HIDDEN) is True or VISIBLE_IF in said
            if hidden and name in required(part) and resolve(said, root).schema.get("default") is None:
                yield name
        for each in part.values():
            yield from _unanswerable(each, root)


def _chosen(part: Schema, path: str, root: Schema) -> Schema:
    found = resolve(part, root).schema
    one = resolve(found.get("items"), root).schema if kinds(found) == ("array",) else found
    if kinds(one) != ("string",) or "enum" in one or "const" in one:
        raise ValueError(f"{path} is neither a text nor a list of texts")
    return {**part, OPTIONS: path}


def _changed(schema: Schema, path: str, change: Change) -> Schema:
    found = _walk(schema, tuple(path.split(".")) if path else (), change, schema, ())
    if found is None:
        raise NoSuchField(path)
    return found


def _walk(part: Any, path: tuple[str, ...], change: Change, root: Schema, seen: tuple[str, ...]) -> Schema | None:
    """A copy of `part` with what stands at `path` changed wherever it is declared; None: it is nowhere."""
    if not isinstance(part, dict):
        return None
    if not path:
        return change(part)
    if "$ref" in part:
        return _walk_behind(part, path, change, root, seen)
    made = {key: inner for key, inner in _declarations(part, path, change, root, seen) if inner is not None}
    return {**part, **made} if made else None


def _walk_behind(
    part: Schema, path: tuple[str, ...], change: Change, root: Schema, seen: tuple[str, ...]
) -> Schema | None:
    """A reference becomes what it names, for the other places that name it stay as they are."""
    ref = part["$ref"]
    behind = target(ref, root) if isinstance(ref, str) and ref not in seen else None
    if behind is None:
        return None
    # As `resolve`: the title behind a reference is the class's.
    here = {name: value for name, value in behind.items() if name != "title"}
    here |= {name: value for name, value in part.items() if name != "$ref"}
    return _walk(here, path, change, root, (*seen, ref))


def _declarations(
    part: Schema, path: tuple[str, ...], change: Change, root: Schema, seen: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    fields = properties(part)
    if path[0] in fields:
        inner = _walk(fields[path[0]], path[1:], change, root, ())
        yield "properties", None if inner is None else {**fields, path[0]: inner}
    if "items" in part:
        yield "items", _walk(part["items"], path, change, root, seen)
    for word in _SINGLE:
        yield word, _walk(part.get(word), path, change, root, seen)
    for word in _LISTED:
        branches = part[word] if isinstance(part.get(word), list) else []
        walked = [_walk(branch, path, change, root, seen) for branch in branches]
        yield word, _either(walked, branches)
    for word in _NAMED:
        named: Mapping[str, Any] = part[word] if isinstance(part.get(word), dict) else {}
        walked = [_walk(each, path, change, root, seen) for each in named.values()]
        both = _either(walked, list(named.values()))
        yield word, both and dict(zip(named, both, strict=True))


def _either(walked: Sequence[Schema | None], before: Sequence[Any]) -> list[Any] | None:
    if all(each is None for each in walked):
        return None
    return [old if new is None else new for new, old in zip(walked, before, strict=True)]
