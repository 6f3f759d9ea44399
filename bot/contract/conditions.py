"""The form that holds for the answers so far: what conditions ask for is there, what they rule out is not. Pure.

Known: `if`/`then`/`else`, `dependencies`, `dependentRequired`, `dependentSchemas`, `allOf`, and `oneOf` or `anyOf` whose
branches are told apart by the value of one field. Objects without such a field are told apart by their titles: a field
`VARIANT` chooses, which is no part of the answers. What else there is (three names of which one is required) stays as
it is, for validation to tell.

A field that a branch brings in is marked with its case, so that two fields of one name keep their own answers.

A presentation adds its own (`VISIBLE_IF`): it looks at any field of the whole form, also from inside of an entry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from bot.contract import patterns
from bot.contract.branches import among, chooser, dependent, listed, named, position, titles, told_apart
from bot.contract.nodes import CONDITIONS, Node
from bot.contract.questions import VISIBLE_IF, Question, fields
from bot.contract.schema import Schema, alone, kinds, properties, remembered, required, resolve
from bot.contract.unions import VALUE, VARIANT, mixed, takes_map, variants
from bot.contract.validation import problems, with_defaults

_Path = tuple[str, ...]
#: Answers of the forms around an entry: the path of each form, from the whole one (the empty path) on.
Around = Sequence[tuple[_Path, Mapping[str, Any]]]
#: An `allOf` that names itself ends here.
_DEEPEST = 4
#: What the choice between variants is called.
_KIND = "Which of these"


@dataclass(frozen=True, eq=False)
class Applied:
    """A form without conditions, and the fields whose answers decide what it looks like.

    Made once for the same choices: what is made of it may be remembered by identity.
    """

    schema: Schema
    controls: frozenset[tuple[str, ...]] = frozenset()
    #: Fields that the presentation leaves out for these answers.
    left_out: frozenset[tuple[str, ...]] = frozenset()
    #: It holds whatever is answered.
    always: bool = False

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What it asks."""
        return tuple(fields(self.schema))


def applied(schema: Schema, answers: Mapping[str, Any], place: _Path = (), around: Around = ()) -> Applied:
    """The form for these answers; the very same object where it has no conditions or the choices are the same.

    An entry of a list is a form of its own: `place` is its path in the whole form, `around` what it stands in.
    """
    plain = _plain(schema)
    if plain is not None:
        return plain
    walk = _Walk(schema, place, (*around, (place, answers)))
    with patterns.together():
        found = walk.node(schema, answers, (), ())
    known = _known(schema)
    choices = tuple(walk.choices)
    if choices not in known:
        known[choices] = Applied(found, frozenset(walk.controls), frozenset(walk.left_out))
    return known[choices]


def pruned(schema: Schema, answers: Mapping[str, Any], place: _Path = (), around: Around = ()) -> dict[str, Any]:
    """The answers without those of fields that the presentation leaves out, also in entries of lists."""
    kept = dict(answers)
    if not _has_rules(schema):
        return kept
    known = with_defaults(schema, kept)
    found = applied(schema, known, place, around)
    for path in found.left_out:
        kept = _without(kept, path)
    for question in found.questions:
        if question.entry is not None:
            inner = partial(pruned, question.entry, place=(*place, *question.path), around=(*around, (place, known)))
            kept = _with_entries(kept, question.path, inner)
    return kept


def without_variants(answers: Any) -> Any:
    """The answers without what only chose between variants."""
    if isinstance(answers, list):
        return [without_variants(each) for each in answers]
    if not isinstance(answers, dict):
        return answers
    if VALUE in answers:
        return answers[VALUE]
    return {name: without_variants(each) for name, each in answers.items() if name != VARIANT}


def with_values(schema: Schema, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers with each value boxed that stands where something else may stand too."""
    opened = dict(_opened(answers))
    if _may_mix(schema):
        for question in applied(schema, opened).questions:
            if question.path[-1] == VALUE:
                opened = _boxed_at(opened, question.path[:-1], map_too=question.types == ("object",))
    return opened


def _boxed_at(value: Any, path: _Path, *, map_too: bool) -> Any:
    if not path:
        return value if value is None else _opened(value, map_too=map_too)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _boxed_at(value[path[0]], path[1:], map_too=map_too)}


def _opened(value: Any, *, map_too: bool = False) -> Mapping[str, Any]:
    """What stands in an object; a value that stands instead of one is boxed, and with `map_too` a map is such a value."""
    if isinstance(value, Mapping) and (not map_too or not value or {VALUE, VARIANT} & value.keys()):
        return value
    return {VALUE: value} if isinstance(value, str | int | float | list | Mapping) else {}


def _boxed_default(schema: Schema) -> Mapping[str, Any]:
    """The default of an object that is a value; empty: it is none."""
    default = schema.get("default")
    return {} if isinstance(default, Mapping) else _opened(default)


@remembered
def _may_mix(schema: Schema) -> bool:
    return _mixes(schema, schema)


def _mixes(part: Any, root: Schema) -> bool:
    if isinstance(part, dict):
        return bool(mixed(part, root)) or any(_mixes(each, root) for each in part.values())
    return isinstance(part, list) and any(_mixes(each, root) for each in part)


@remembered
def _has_rules(schema: Schema) -> bool:
    return _mentions_rules(schema)


def _mentions_rules(part: Any) -> bool:
    if isinstance(part, dict):
        return VISIBLE_IF in part or any(map(_mentions_rules, part.values()))
    return isinstance(part, list) and any(map(_mentions_rules, part))


def _without(value: Any, path: _Path) -> Any:
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {name: inner for name, inner in value.items() if name != path[0]}
    return {**value, path[0]: _without(value[path[0]], path[1:])}


def over_entries(value: Any, make: Callable[[str | int, Any], Any]) -> Any:
    """A list or a map with each of its entries made anew, of where it stands and what it is."""
    if isinstance(value, list):
        return [make(number, each) for number, each in enumerate(value)]
    return {name: make(name, each) for name, each in value.items()} if isinstance(value, Mapping) else value


def _with_entries(value: Any, path: _Path, make: Callable[[Mapping[str, Any]], Any]) -> Any:
    if not path:
        return over_entries(value, lambda _, each: make(each) if isinstance(each, Mapping) else each)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _with_entries(value[path[0]], path[1:], make)}


@remembered
def _known(_: Schema) -> dict[tuple[Any, ...], Applied]:
    return {}


@remembered
def _plain(schema: Schema) -> Applied | None:
    return None if _mentions_conditions(schema) else Applied(schema, always=True)


def _mentions_conditions(part: Any) -> bool:
    if isinstance(part, list):
        return any(map(_mentions_conditions, part))
    if not isinstance(part, dict):
        return False
    if (
        VISIBLE_IF in part
        or not CONDITIONS.isdisjoint(part)
        or any(len(part.get(word) or ()) > 1 for word in ("oneOf", "anyOf"))
    ):
        return True
    return any(map(_mentions_conditions, part.values()))


@remembered
def _checks(_: Schema) -> dict[int, Schema | None]:
    """The `if`s of a schema as schemas of their own, made once each."""
    return {}


@dataclass
class _Walk:
    """One pass over a schema beside the answers."""

    root: Schema
    place: _Path
    #: Answers by the form that they stand in, this one's last.
    scopes: Around
    choices: list[Any] = field(default_factory=list)
    controls: set[_Path] = field(default_factory=set)
    left_out: set[_Path] = field(default_factory=set)

    def node(self, declared: Any, value: Any, path: _Path, seen: _Path) -> Any:
        """A part of the schema with its conditions worked off; the same object where it has none."""
        found = resolve(declared, self.root)
        if any(ref in seen for ref in found.refs) or not self._is_an_object(found.schema):
            return declared
        opened = _opened(value, map_too=takes_map(found.schema, self.root))
        here = Node(found.schema, opened or _boxed_default(found.schema), path)
        count = len(self.choices)
        self._open(here, found.schema, ())
        self._leave_out(here)
        inside = {
            name: self.node(inner, here.value.get(name), (*path, name), (*seen, *found.refs))
            for name, inner in properties(here.schema).items()
        }
        if count == len(self.choices):
            return declared
        made = {name: inner for name, inner in here.schema.items() if name not in CONDITIONS} | {"properties": inside}
        made |= {"default": default} if (default := _boxed_default(made)) else {}
        return {**made, "type": ["object", "null"] if found.nullable or here.nullable else "object"}

    def _leave_out(self, here: Node) -> None:
        """Drop the fields that the presentation does not want for these answers."""
        for name, declared in list(properties(here.schema).items()):
            rules = declared.get(VISIBLE_IF) if isinstance(declared, dict) else None
            if rules is None:
                continue
            agreed = [self._agrees(tuple(path.split(".")), rule) for path, rule in rules.items()]  # each is a control
            wanted = all(agreed)
            self._choose(wanted)
            if not wanted:
                here.drop(name)
                self.left_out.add((*here.path, name))

    def _agrees(self, path: _Path, rule: Any) -> bool:
        """Whether the answer at a path of the whole form is as a presentation wants it."""
        place, answers = max(
            (scope for scope in self.scopes if path[: len(scope[0])] == scope[0]), key=lambda scope: len(scope[0])
        )
        if place == self.place:
            self.controls.add(path[len(place) :])
        value: Any = answers
        for part in path[len(place) :]:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(rule, Mapping):
            return value is not None and self._holds(rule, value)
        return among(value, rule if isinstance(rule, list | tuple) else [rule])

    def _open(self, here: Node, part: Schema, seen: _Path) -> None:
        for extra in self._parts(part):
            self._choose("allOf")
            self._follow(here, extra, seen, case=False)
        if "if" in part:
            self._open_if(here, part, seen)
        for name, rule in dependent(part):
            self.controls.add((*here.path, name))
            given = here.value.get(name) is not None
            self._choose(given)
            if given:
                self._follow(here, {"required": rule} if isinstance(rule, list) else rule, seen, after=name)
        for word in ("oneOf", "anyOf"):
            self._open_branches(here, word, listed(part.get(word)), part, seen)

    def _open_if(self, here: Node, part: Schema, seen: _Path) -> None:
        names = list(named(part["if"]))
        self.controls |= {(*here.path, *name) for name in names}
        needed = required(here.schema)
        if any(name[0] in needed and here.value.get(name[0]) is None for name in names):
            self._choose(None)  # it holds for what is not there; whoever has yet to choose is asked for neither branch
            return
        holds = self._holds(part["if"], here.value)
        self._choose(holds)
        chosen = part.get("then" if holds else "else")
        if isinstance(chosen, dict):
            last = max((name[0] for name in names), key=position(here.schema), default="")
            self._follow(here, chosen, seen, after=last)

    def _open_branches(self, here: Node, word: str, branches: Sequence[Any], part: Schema, seen: _Path) -> None:
        found = [resolve(branch, self.root).schema for branch in branches]
        tag = told_apart(found, part.get("discriminator"), self.root)
        if tag is None:
            self._open_variants(here, word, branches, seen)
            return
        name, values = tag
        here.schema = {key: inner for key, inner in here.schema.items() if key not in {word, "discriminator"}}
        if name not in properties(here.schema):
            here.take({"properties": {name: chooser(name, found, values)}, "required": [name]}, case=False)
        self.controls.add((*here.path, name))
        chosen = next((at for at, each in enumerate(values) if among(here.value.get(name), each)), None)
        self._choose(chosen)
        if chosen is not None:
            self._follow(here, branches[chosen], seen, after=name, known=frozenset({name}))

    def _open_variants(self, here: Node, word: str, branches: Sequence[Any], seen: _Path) -> None:
        """Let somebody choose; until they do, the first one that accepts what is there."""
        declared = variants({word: branches}, self.root) or mixed({word: branches}, self.root)
        if not declared or VARIANT in properties(here.schema):
            return
        names = titles(declared, self.root)
        here.nullable = here.nullable or len(declared) < len(branches)
        here.schema = {key: inner for key, inner in here.schema.items() if key not in {word, "discriminator"}}
        fits = self._fitting(declared, here.value)
        said = here.value.get(VARIANT)
        chosen = names.index(said) if said in names else fits
        default = {} if fits is None else {"default": names[fits]}
        choice = {"title": _KIND, "enum": names, **default}
        here.take({"properties": {VARIANT: choice}, "required": [VARIANT]}, case=False)
        self.controls.add((*here.path, VARIANT))
        self._choose((chosen, fits))
        if chosen is not None:
            self._follow(here, declared[chosen], seen, after=VARIANT)

    def _fitting(self, declared: Sequence[Any], given: Mapping[str, Any]) -> int | None:
        """The one that accepts what is there; of several the first that knows all of its fields."""
        value = {name: inner for name, inner in given.items() if name != VARIANT}
        fits = [at for at, each in enumerate(declared) if value and self._holds(each, value)]
        whole = (at for at in fits if value.keys() <= properties(resolve(declared[at], self.root).schema).keys())
        return next(whole, next(iter(fits), None))

    def _follow(
        self,
        here: Node,
        extra: Any,
        seen: _Path,
        *,
        after: str = "",
        known: frozenset[str] = frozenset(),
        case: bool = True,
    ) -> None:
        found = resolve(extra, self.root)
        if any(ref in seen for ref in found.refs):
            return
        here.take(found.schema, after=after, known=known, case=case)
        self._open(here, found.schema, (*seen, *found.refs))

    def _parts(self, schema: Schema, deep: int = 0) -> list[Any]:
        """What of an `allOf` says something about fields; what narrows a text or a number is none of ours."""
        parts = listed(schema.get("allOf")) if deep < _DEEPEST else []
        return [part for part in parts if self._is_an_object(resolve(part, self.root).schema, deep + 1)]

    def _is_an_object(self, schema: Schema, deep: int = 0) -> bool:
        if kinds(schema) == ("object",) or mixed(schema, self.root):
            return True
        telling = any(word in schema for word in ("oneOf", "anyOf", "if", "properties"))
        return not schema.get("type") and (telling or bool(self._parts(schema, deep)))

    def _choose(self, choice: Any) -> None:
        self.choices.append(choice)

    def _holds(self, condition: Any, value: Any) -> bool:
        if not isinstance(condition, dict):
            return condition is not False
        checks = _checks(self.root)
        if id(condition) not in checks:
            checks[id(condition)] = alone(condition, self.root)
        check = checks[id(condition)]
        return check is not None and problems(check, dict(value) if isinstance(value, Mapping) else value) == []
