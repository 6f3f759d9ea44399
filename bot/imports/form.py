"""A form whose contract is a schema that somebody else wrote: same questions, same rules, no rewriting by hand."""

import copy
import difflib
from collections.abc import Mapping
from types import new_class
from typing import Any, ClassVar, cast

from pydantic import ConfigDict, PrivateAttr, model_validator
from typing_extensions import override

from bot import contract
from bot.contract import Look, Schema
from bot.contract.schema import properties, resolve
from bot.imports import files
from bot.imports.imported import Imported
from bot.imports.looks import looks
from bot.offering import Form


class ImportedForm(Form):
    """Subclass it with `file=`, a path from the offering file's own folder, or with `schema=`.

        class Redis(ImportedForm, file="redis.promise.yaml"):
            "A Redis, as its Promise asks for it."

    Answers are checked against the schema. `form.size` and `form.network.cidr` read them, with the declared defaults
    where nothing was answered and None where there is none; `form["size"]` reads any name. `model_dump` gives what was
    answered, and no more. Raises Misconfigured for a document that cannot be imported.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)  # an answer may be a secret
    #: What was imported, with what did not come with it; None for `schema=`.
    imported: ClassVar[Imported | None] = None
    _schema: ClassVar[Schema] = {"type": "object", "properties": {}, "additionalProperties": False}
    _read: "Answers" = PrivateAttr()

    @override
    def __init_subclass__(cls, *, file: str | None = None, schema: Schema | None = None, **settings: Any) -> None:
        """Take the schema in, once: the contract is always the same object."""
        super().__init_subclass__(**settings)
        if file is not None:
            cls.imported = files.load(files.beside(cls.__module__, file))
            cls._schema = cls.imported.schema
        elif schema is not None:
            cls._schema = schema

    @classmethod
    @override
    def model_json_schema(cls, *_: Any, **__: Any) -> Schema:
        """The imported schema."""
        return cls._schema

    @classmethod
    @override
    def looks(cls) -> Mapping[str, Look]:
        """As the document's author wants its fields shown."""
        return looks(cls._schema, cls.imported.hints) if cls.imported else {}

    @model_validator(mode="before")
    @classmethod
    def _check(cls, given: Any) -> Any:
        wrong = contract.problems(cls._schema, dict(given) if isinstance(given, Mapping) else given)
        if wrong:
            raise ValueError("; ".join(f"{problem.pointer or '/'}: {problem.detail}" for problem in wrong))
        return given

    @override
    def model_post_init(self, context: Any) -> None:
        self._read = cast("Answers", _answers(self.model_extra or {}, self._schema, self._schema))

    def __getitem__(self, name: str) -> Any:
        return self._read[name]

    def __contains__(self, name: str) -> bool:
        return name in self._read

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattr__(name)  # type: ignore[misc] # pydantic has it at run time only
        return getattr(self._read, name)


class Answers(dict[str, Any]):
    """The answers of one object: plain data, whose declared fields are attributes, too."""

    def __init__(self, given: Mapping[str, Any], declared: frozenset[str]) -> None:
        super().__init__(given)
        self.__declared = declared

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self:
            return self[name]
        if name in self.__declared:
            return None
        close = difflib.get_close_matches(name, [*self.__declared, *self], n=1)
        raise AttributeError(f"There is no answer called {name!r}." + (f" Did you mean {close[0]!r}?" if close else ""))


def _answers(value: Any, schema: Any, root: Schema) -> Any:
    """The value with its declared defaults, at every depth."""
    here = resolve(schema, root).schema
    if isinstance(value, list):
        return [_answers(each, here.get("items"), root) for each in value]
    if not isinstance(value, dict):
        return value
    fields = properties(here)
    defaults = {name: resolve(each, root).schema.get("default") for name, each in fields.items() if name not in value}
    filled = {**value, **{name: copy.deepcopy(default) for name, default in defaults.items() if default is not None}}
    return Answers({name: _answers(each, fields.get(name), root) for name, each in filled.items()}, frozenset(fields))


def form(schema: Schema | Imported, name: str = "Imported") -> type[ImportedForm]:
    """A form of a schema, or of what was imported, that stands in no offering file."""
    found = schema.schema if isinstance(schema, Imported) else schema
    made: type[ImportedForm] = new_class(name, (ImportedForm,), {"schema": found})
    made.imported = schema if isinstance(schema, Imported) else None
    return made
