"""A schema as a list of questions: what a modal, a command line or a table asks, in order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from bot.contract import content, maps
from bot.contract.schema import Resolved, Schema, alone, kinds, pointer, properties, remembered, required, resolve
from bot.contract.secrecy import marks_secret
from bot.contract.unions import SCALARS, is_object, may_be_object, variants

Kind = Literal[
    "section",  # heads the questions of a nested object
    "string",
    "text",  # of several lines
    "integer",
    "number",
    "boolean",
    "enum",
    "multi",  # several of an enum
    "list",  # of scalars
    "date",
    "time",
    "datetime",
    "email",
    "url",
    "person",
    "channel",
    "group",
    "file",  # a reference: id, name, size, type
    "content",  # a text that holds what is in a file
    "json",  # anything else: free-form, maps, lists of objects, unions of objects
]
_FORMATS: dict[str, Kind] = {
    "date": "date",
    "time": "time",
    "date-time": "datetime",
    "email": "email",
    "idn-email": "email",
    "uri": "url",
    "url": "url",
    "person": "person",
    "channel": "channel",
    "group": "group",
    "text": "text",
    "textarea": "text",
    "markdown": "text",
}
#: Marks a field that a condition brought in; see `bot.contract.conditions`.
CASE = "x-frontdesk-case"
#: Marks a field whose options come from data, by its path; see `bot.contract.presentation`.
OPTIONS = "x-frontdesk-options"
#: Words of a presentation: a field that nobody is asked, one that can wait, how it is shown, the order of an object's,
#: and the answers under which it is asked, by path from the whole form.
HIDDEN, ADVANCED, WIDGET, ORDER, VISIBLE_IF = (
    f"x-frontdesk-{word}" for word in ("hidden", "advanced", "widget", "order", "visible-if")
)
#: `^(small|large)$`: the values of an enum in a pattern.
_ALTERNATION = re.compile(r"\^\((?:\?:)?((?:[\w /:@,-]|\\[.-])+(?:\|(?:[\w /:@,-]|\\[.-])+)+)\)\$")
#: A text that may be longer than this gets several lines.
_ONE_LINE = 200


@dataclass(frozen=True)
class Choice:
    """One of the accepted values, and what a person reads for it."""

    value: Any
    label: str


@dataclass(frozen=True)
class Question:
    """One field of a form.

    `required`: it has to be answered, since it and everything around it must be there. `optional_section`: it stands
    in an object that may be left out as a whole. `schema` is the field's own, with its limits as JSON Schema names
    them (`minLength`, `maximum`, `pattern`, ...), behind references and `Optional`.
    """

    path: tuple[str, ...]
    kind: Kind
    title: str
    description: str = ""
    required: bool = False
    nullable: bool = False
    default: Any = None
    choices: tuple[Choice, ...] = ()
    #: What a list is made of.
    item: "Question | None" = None
    #: JSON types that an answer may have.
    types: tuple[str, ...] = ()
    secret: bool = False
    optional_section: bool = False
    #: It has to be there once what it stands in is.
    must: bool = False
    #: A presentation asks for it with some answers only.
    conditional: bool = False
    #: Tells apart the fields of one name in different branches of a condition; empty: it is always there.
    case: str = ""
    schema: Schema = field(default_factory=dict, repr=False)
    #: The whole schema, for references.
    root: Schema = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def pointer(self) -> str:
        """RFC 6901: `/network/cidr`."""
        return pointer(self.path)

    @property
    def name(self) -> str:
        """As it is written on a command line: `network.cidr`."""
        return ".".join(self.path)

    @property
    def key(self) -> str:
        """What an answer is kept under: the pointer, and the case where there are several."""
        return f"{self.pointer}?{self.case}" if self.case else self.pointer

    @property
    def source(self) -> str:
        """The path under which the offering says where its options come from; empty: nowhere."""
        return str(self.schema.get(OPTIONS) or "")

    @property
    def hidden(self) -> bool:
        """Whether nobody is asked."""
        return self.schema.get(HIDDEN) is True

    @property
    def advanced(self) -> bool:
        """Whether it can wait behind the others."""
        return self.schema.get(ADVANCED) is True

    @property
    def widget(self) -> str:
        """How the offering wants it shown; empty: as the schema says."""
        return str(self.schema.get(WIDGET) or "")

    @property
    def way(self) -> content.Way:
        """How a text holds a file, for `content`."""
        return content.way(self.schema) or "text"

    @cached_property
    def entry(self) -> Schema | None:
        """The form of one entry, for a list or a map of objects; None: it is none, or cannot stand alone."""
        items = self.schema.get("items")
        if self.kind == "json" and self.types == ("object",):
            return maps.entry(self.schema, self.root)
        if self.kind != "json" or self.types != ("array",) or "prefixItems" in self.schema:
            return None
        found = resolve(items, self.root)
        is_entry = is_object(found.schema) or bool(variants(found.schema, self.root)) or may_be_object(found, self.root)
        if not is_entry or found.nullable or found.schema.get("format") == "file":
            return None
        return alone(found.schema, self.root)

    @cached_property
    def named(self) -> "Question | None":
        """What stands under each name of a map: `{"type": "object", "additionalProperties": {"type": "integer"}}`.

        None: it is none, or not of scalars.
        """
        found = resolve(self.schema.get("additionalProperties"), self.root)
        if self.kind != "json" or self.types != ("object",) or found.nullable or not kinds(found.schema):
            return None
        if not SCALARS.issuperset(kinds(found.schema)) or may_be_object(found, self.root):
            return None
        question = _question(self.path[-1], found, self.root, _Around(self.path, True, False, {}, ()), must=True)
        return None if question.kind == "json" else question

    @property
    def named_fields(self) -> list[str]:
        """The fields of what stands under each name of a map of objects; empty where it is none."""
        found = resolve(self.schema.get("additionalProperties"), self.root)
        is_map = self.kind == "json" and self.types == ("object",) and not properties(self.schema)
        return list(properties(found.schema)) if is_map else []

    @cached_property
    def holds_secret(self) -> bool:
        """Whether a secret stands in it, however deep."""
        return self.secret or (self.kind in {"json", "list"} and has_secret(self.schema, self.root))


def fields(schema: Schema) -> list[Question]:
    """The questions of a form, each object's heading before its own; a form without fields has none."""
    return list(_questions(schema))


@remembered
def _questions(schema: Schema) -> tuple[Question, ...]:
    top = resolve(schema, schema)
    around = _Around((), needed=True, optional=False, defaults={}, seen=top.refs)
    if is_object(top.schema):
        return tuple(_inside(top.schema, around, schema))
    return ()


@dataclass(frozen=True)
class _Around:
    """What a question stands in: `needed`, it must be there; `optional`, it may be left out as a whole."""

    path: tuple[str, ...]
    needed: bool
    optional: bool
    defaults: Schema
    #: References that were followed to get here.
    seen: tuple[str, ...]
    case: str = ""
    conditional: bool = False


def _inside(schema: Schema, around: _Around, root: Schema) -> Iterator[Question]:
    names = required(schema)
    for name, declared in _ordered(schema):
        found = resolve(declared, root)
        question = _question(name, found, root, around, must=name in names)
        yield question
        if question.kind == "section":
            inner = _Around(
                path=question.path,
                needed=around.needed and not question.optional_section,
                optional=question.optional_section,
                defaults=question.default if isinstance(question.default, dict) else {},
                seen=(*around.seen, *found.refs),
                case=question.case,
                conditional=question.conditional,
            )
            yield from _inside(found.schema, inner, root)


def _ordered(schema: Schema) -> list[tuple[str, Any]]:
    """The fields of an object as its presentation wants them; `*` stands for all that it does not name."""
    declared, order = properties(schema), [maps.NAME, *schema.get(ORDER, ())]
    rest = order.index("*") if "*" in order else len(order)
    return sorted(declared.items(), key=lambda each: order.index(each[0]) if each[0] in order else rest)


def _question(name: str, found: Resolved, root: Schema, around: _Around, *, must: bool) -> Question:
    schema = found.schema
    choices = _choices(schema, root)
    kind: Kind = "json" if any(ref in around.seen for ref in found.refs) else _kind(schema, choices, root)
    item = _item(name, schema, root, around) if kind in {"multi", "list"} else None
    default = around.defaults.get(name, schema.get("default"))
    absent = kind == "section" and (found.nullable or not must) and default is None
    return Question(
        path=(*around.path, name),
        kind=kind,
        title=str(schema.get("title") or "").strip() or humanised(name),
        description=str(schema.get("description") or "").strip(),
        required=around.needed and must,
        nullable=found.nullable,
        default=default,
        choices=item.choices if item and kind == "multi" else choices,
        item=item,
        types=kinds(schema),
        secret=marks_secret(schema),
        optional_section=around.optional or absent,
        must=must,
        conditional=around.conditional or VISIBLE_IF in schema,
        case=str(schema.get(CASE) or around.case),
        schema=schema,
        root=root,
    )


def _item(name: str, schema: Schema, root: Schema, around: _Around) -> Question:
    return _question(name, resolve(schema.get("items"), root), root, replace(around, defaults={}), must=True)


def _kind(schema: Schema, choices: tuple[Choice, ...], root: Schema) -> Kind:
    if choices:
        return "enum"
    types = kinds(schema)
    if is_object(schema):
        return "file" if schema.get("format") == "file" else "section"
    if types == ("array",):
        return _array_kind(schema, root)
    if len(types) == 1 and types[0] in SCALARS:
        return _text_kind(schema) if types[0] == "string" else _SCALAR_KINDS[types[0]]
    if set(types) == {"number", "string"} or set(types) == {"number", "integer"}:
        return "number"  # pydantic's Decimal takes text too
    return "string" if types and set(types) <= {"string", "integer", "number"} else "json"


_SCALAR_KINDS: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}


def _text_kind(schema: Schema) -> Kind:
    known = _FORMATS.get(str(schema.get("format")))
    if known:
        return known
    if is_content(schema):
        return "content"
    if content.is_typed(str(schema.get("contentMediaType", ""))) and not marks_secret(schema):
        return "text"
    longest = schema.get("maxLength")
    return "text" if isinstance(longest, int) and longest > _ONE_LINE and not marks_secret(schema) else "string"


def is_content(schema: Schema) -> bool:
    """Whether a text holds a file. A secret is typed: what is chosen stays in Slack."""
    return not marks_secret(schema) and (schema.get(WIDGET) == "file" or content.way(schema) is not None)


def _array_kind(schema: Schema, root: Schema) -> Kind:
    if "prefixItems" in schema or not isinstance(schema.get("items"), dict):
        return "json"
    found = resolve(schema["items"], root)
    if may_be_object(found, root):
        return "json"
    choices = _choices(found.schema, root)
    kind = _kind(found.schema, choices, root)
    if kind == "enum":
        return "multi"
    return "json" if kind in {"json", "section", "list", "multi"} or found.nullable else "list"


def _choices(schema: Schema, root: Schema) -> tuple[Choice, ...]:
    """From `enum` (labels in `enumNames`), `const`, or a `oneOf` of constants with titles."""
    if isinstance(schema.get("enum"), list):
        values, labels = schema["enum"], schema.get("enumNames")
        named = labels if isinstance(labels, list) and len(labels) == len(values) else values
        return tuple(
            Choice(value, _label(name)) for value, name in zip(values, named, strict=True) if value is not None
        )
    if schema.get("const") is not None:
        return (Choice(schema["const"], _label(schema["const"])),)
    if found := _ALTERNATION.fullmatch(str(schema.get("pattern"))) if kinds(schema) == ("string",) else None:
        return tuple(Choice(value, value) for value in found[1].replace("\\", "").split("|"))
    branches = [resolve(branch, root).schema for branch in schema.get("oneOf") or schema.get("anyOf") or ()]
    if branches and all("const" in branch for branch in branches):
        return tuple(Choice(each["const"], _label(each.get("title") or each["const"])) for each in branches)
    return ()


def has_secret(schema: Any, root: Schema, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a secret stands in it, however deep."""
    found = resolve(schema, root)
    if seen & set(found.refs):
        return False
    inner = [*properties(found.schema).values(), found.schema.get("items"), found.schema.get("additionalProperties")]
    inner += [branch for word in ("oneOf", "anyOf", "allOf") for branch in found.schema.get(word) or ()]
    return marks_secret(found.schema) or any(
        has_secret(each, root, seen | set(found.refs)) for each in inner if isinstance(each, dict)
    )


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value).strip() or "(empty)"


def humanised(name: str) -> str:
    """`max_connections` and `maxConnections` are “Max connections”."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()
    text = " ".join(word if word.isupper() else word.lower() for word in words)
    return text[:1].upper() + text[1:] if text else name.strip() or "(no name)"
