"""All offerings and handlers of this process. Anything broken stops the boot, by file, line and what to do."""

import importlib
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import entry_points
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from typing_extensions import override

from bot import contract
from bot.errors import Misconfigured
from bot.handler import Follows, Handler, Resource
from bot.offering import Offering
from bot.options import arity

#: The built-ins, registered like any plug-in.
BUILT_IN = (
    "bot.handlers.command:RunHandler",
    "bot.handlers.jira:IssueHandler",
    "bot.handlers.manual:TaskHandler",
    "bot.handlers.message:PostHandler",
    "bot.handlers.webhook:CallHandler",
)
#: The entry-point group that plug-ins use.
PLUG_INS = "frontdesk.handlers"


@dataclass(frozen=True)
class Catalogue:
    """What this process can offer and make real. An offering's key is (name, version); its newest is the last."""

    offerings: Mapping[str, Mapping[str, Offering[Any]]]
    handlers: Mapping[str, Handler[Any]]
    by_resource: Mapping[type[Resource[Any]], Handler[Any]]

    def newest(self) -> list[Offering[Any]]:
        """The newest version of every offering, by title."""
        return sorted((list(versions.values())[-1] for versions in self.offerings.values()), key=lambda o: o.title)

    def offering(self, name: str, version: str | None = None) -> Offering[Any] | None:
        """One offering; without a version its newest."""
        versions = self.offerings.get(name, {})
        return versions.get(version) if version else next(iter(list(versions.values())[-1:]), None)

    def handler_of(self, kind: type[Resource[Any]]) -> Handler[Any] | None:
        """The handler of one kind of resource."""
        return next((self.by_resource[base] for base in kind.__mro__ if base in self.by_resource), None)

    def made_by(self, kinds: Sequence[type[Resource[Any]]]) -> str | None:
        """The name of the one handler that makes these real; None where it depends on the request."""
        found = {handler.name if (handler := self.handler_of(kind)) else None for kind in kinds}
        return found.pop() if len(found) == 1 else None

    def follows(self, kinds: Iterable[type[Resource[Any]]]) -> bool:
        """Whether a handler of these wants to hear how requests go on."""
        return any(handler in self._following for kind in kinds if (handler := self.handler_of(kind)))

    def follows_by(self, handler: str) -> bool:
        """Whether the handler of that name does; one that is not there any more does not."""
        return self.handlers.get(handler) in self._following

    @cached_property
    def _following(self) -> frozenset[Handler[Any]]:
        return frozenset(handler for handler in self.by_resource.values() if isinstance(handler, Follows))


def load(path: Path, environment: Mapping[str, str]) -> Catalogue:
    """Everything in a folder or file, with the handlers it needs built from `environment`. Raises Misconfigured."""
    offerings, classes = read_offerings(path), handler_classes()
    needed = {cls: offering for offering in reversed(offerings) for cls in handlers_of(offering, classes)}
    built = [_build(cls, environment, needed.get(cls)) for cls in classes]
    handlers = {handler.name: handler for handler in built if handler is not None}
    by_resource = {type(handler).resource: handler for handler in handlers.values()}
    return Catalogue(_by_name(offerings), handlers, by_resource)


def handlers_of(offering: Offering[Any], classes: Sequence[type[Handler[Any]]]) -> list[type[Handler[Any]]]:
    """Lint one offering; the handlers that make its resources real. Raises Misconfigured."""
    by_resource = {cls.resource: cls for cls in classes}
    found: dict[type[Handler[Any]], None] = {}
    for kind in check(offering):
        cls = next((by_resource[base] for base in kind.__mro__ if base in by_resource), None)
        if cls is None:
            raise Misconfigured(
                f"{offering.name} returns a {kind.__name__}, which no handler makes real.",
                where=offering.where,
                hint=f"Install the plug-in that brings it (entry-point group {PLUG_INS}).",
            )
        found[cls] = None
    return list(found)


def handler_classes() -> list[type[Handler[Any]]]:
    """Built-ins and plug-ins. Raises Misconfigured for one that cannot be imported, or a name that is taken."""
    found = [_import(path) for path in BUILT_IN]
    for entry in entry_points(group=PLUG_INS):
        try:
            found.append(entry.load())
        except Exception as error:  # a plug-in may raise anything when it is imported
            raise Misconfigured(
                f"the plug-in {entry.name} cannot be imported: {error}", where=entry.value, hint="Mend or remove it."
            ) from error
    names = [cls.name for cls in found]
    for name in names:
        if names.count(name) > 1:
            raise Misconfigured(f"two handlers are called {name}.", where=PLUG_INS, hint="Rename or remove one.")
    return found


def read_offerings(path: Path) -> list[Offering[Any]]:
    """The offerings of all files in a folder, in the order of file names; or of one file. Raises Misconfigured.

    Of one file, nothing runs but that and what it imports.
    """
    is_file = path.suffix == ".py" and path.is_file()
    if not is_file and not path.is_dir():
        raise Misconfigured("is not a folder.", where=str(path), hint="Set OFFERINGS to your folder of offerings.")
    files = [path.resolve()] if is_file else sorted(path.glob("*.py"))
    package = _package(path.parent if is_file else path)
    offerings = [offering for file in files for offering in _read(package, file)]
    if not offerings:
        raise Misconfigured("holds no offering.", where=str(path), hint="Write one: see offerings/README.md.")
    seen: dict[tuple[str, str], Offering[Any]] = {}
    for offering in offerings:
        twin = seen.setdefault((offering.name, offering.version), offering)
        if twin is not offering:
            raise Misconfigured(
                f"{offering.name} {offering.version} is declared twice, first at {twin.where}.",
                where=offering.where,
                hint="Give one another name, or the newer one a new version.",
            )
    return offerings


def check(offering: Offering[Any]) -> list[type[Resource[Any]]]:
    """Lint one offering; the kinds of resource that it can ask for. Raises Misconfigured."""
    where = offering.where
    if not offering.name.isascii() or not offering.name.replace("-", "").isalnum() or not offering.name.islower():
        raise Misconfigured(
            f"the name {offering.name!r} is typed after /platform request.", where=where, hint="Use a-z, 0-9 and -."
        )
    if not offering.steps:
        raise Misconfigured(
            f"{offering.name} has no steps, so nothing would ever happen.", where=where, hint="Add a @offering.step."
        )
    if offering.approval is not None and all(step.early for step in offering.steps.values()):
        raise Misconfigured(
            f"{offering.name} has only early steps, so nothing would happen after the approval.",
            where=where,
            hint="Make at least one step without early=True.",
        )
    fields = offering.contract.form.get("properties", {})
    for name in offering.public or ():
        if name not in fields:
            raise Misconfigured(
                f"public= names {name!r}, which the form does not have.",
                where=where,
                hint=f"The form has {', '.join(fields) or 'no fields'}.",
            )
    _refuse_faults(offering)
    _refuse_options(offering)
    _refuse_overlay(offering)
    return [kind for step in offering.steps.values() for kind in step.resources]


def _refuse_faults(offering: Offering[Any]) -> None:
    for part, schema in (("form", offering.contract.form), ("outputs", offering.contract.outputs)):
        found = contract.faults(schema) if schema else []
        if found:
            raise Misconfigured(
                f"the contract of {offering.name}, its {part}: {'; '.join(found).rstrip('.')}.",
                where=offering.where,
                hint="Mend it at that place of the schema.",
            )


def _refuse_options(offering: Offering[Any]) -> None:
    for path, source in offering.options.items():
        if not callable(source) or arity(source) not in (2, 3):
            raise Misconfigured(
                f"options= has no function of the person, the answers and, if it searches, the text for {path!r}.",
                where=offering.where,
                hint="Write def choices(person: Person, answers: Mapping[str, Any]) -> list[str].",
            )


def _refuse_overlay(offering: Offering[Any]) -> None:
    """What options= and overlay= say of the form."""
    try:
        shown = offering.presented
    except contract.NoSuchField as error:
        said = "overlay" if str(error) in offering.overlay else "options"
        names = ", ".join(question.name for question in contract.fields(offering.contract.form)) or "no fields"
        raise Misconfigured(
            f"{said}= names {str(error)!r}, which the form does not have.",
            where=offering.where,
            hint=f"The form has {names}.",
        ) from None
    except ValueError as error:
        raise Misconfigured(
            f"options= and overlay=: {error}.", where=offering.where, hint="offerings/README.md says what they know."
        ) from None
    for name in contract.unanswerable(shown):
        raise Misconfigured(
            f"overlay= hides {name!r}, which must be answered.",
            where=offering.where,
            hint="Give the field a default, make it optional, or show it.",
        )


def oddities(offering: Offering[Any]) -> list[str]:
    """What is odd in the form and still works: a line each."""
    found = [*contract.oddities(offering.guarded)]
    if offering.contract.outputs and contract.asks_for_secrets(offering.contract.outputs):
        found.append(("outputs", "outputs are stored and shown in clear: say where a secret is, not what it is"))
    return [f"{offering.name} {offering.version}, worth a look: {where}: {text}" for where, text in found]


def unset(cls: type[Handler[Any]], environment: Mapping[str, str]) -> list[str]:
    """The settings that this handler needs and does not have."""
    return [name for name in cls.settings if not environment.get(name)]


def _by_name(offerings: Iterable[Offering[Any]]) -> dict[str, dict[str, Offering[Any]]]:
    named: dict[str, dict[str, Offering[Any]]] = {}
    for offering in sorted(offerings, key=lambda o: (len(o.version), o.version)):
        named.setdefault(offering.name, {})[offering.version] = offering
    return named


#: What the folder is called as a package, whatever its name on disk: one identity for each class.
_PACKAGE = "offerings"


def forget() -> None:
    """Read every file afresh next time: an author has saved one."""
    for loaded in [key for key in sys.modules if key == _PACKAGE or key.startswith(_PACKAGE + ".")]:
        del sys.modules[loaded]


def _package(folder: Path) -> str:
    """Make `folder` importable as the package of offerings."""
    module = sys.modules.get(_PACKAGE)
    if module is None or list(getattr(module, "__path__", ())) != [str(folder.resolve())]:
        forget()
        spec = ModuleSpec(_PACKAGE, None, is_package=True)
        spec.submodule_search_locations = [str(folder.resolve())]
        sys.modules[_PACKAGE] = module_from_spec(spec)
        importlib.invalidate_caches()
    return _PACKAGE


def _read(package: str, path: Path) -> list[Offering[Any]]:
    if not path.stem.isidentifier():
        raise Misconfigured(
            "cannot be imported.", where=str(path), hint="Use letters, digits and _ in the file's name."
        )
    try:
        module = _import_file(f"{package}.{path.stem}", path)
    except Misconfigured:
        raise
    except Exception as error:  # an author's file may raise anything when it is imported
        raise Misconfigured(
            f"{type(error).__name__}: {error}",
            where=_line(error, path),
            hint="Mend the file, then run frontdesk check.",
        ) from error
    return [value for value in vars(module).values() if isinstance(value, Offering) and value.module == module.__name__]


class _Afresh(SourceFileLoader):
    """Reads what the file says now: what Python keeps of it beside it counts for a second, if it is as long as before."""

    @override
    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _import_file(name: str, path: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    loader = _Afresh(name, str(path))
    spec = ModuleSpec(name, loader, origin=str(path))
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:  # a half-imported file must not be found next time; raised again
        del sys.modules[name]
        raise
    return module


def _line(error: Exception, path: Path) -> str:
    """`file:line` where the author's own file went wrong."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _import(path: str) -> type[Handler[Any]]:
    module, _, name = path.partition(":")
    found: type[Handler[Any]] = getattr(importlib.import_module(module), name)
    return found


def _build(
    cls: type[Handler[Any]], environment: Mapping[str, str], needed_by: Offering[Any] | None
) -> Handler[Any] | None:
    """A handler from its settings; one that nobody needs and that is not configured is left out."""
    absent = unset(cls, environment)
    if absent and needed_by is None:
        return None
    if absent and needed_by is not None:
        raise Misconfigured(
            f"{', '.join(absent)} must be set: {needed_by.name} uses {cls.name}.",
            where=needed_by.where,
            hint="Set it in the environment, or take the step out of the offering.",
        )
    wanted = (*cls.settings, *cls.options)
    return cls({name: environment[name] for name in wanted if environment.get(name)})
