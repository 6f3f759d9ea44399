"""YAML and JSON that somebody else wrote, as plain data. Nothing in it is run, and nothing grows without limit."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any, Never

from bot.imports.imported import refused

#: The largest contract known has 1.4 million characters.
LARGEST = 5_000_000
#: A few lines of aliases stand for more than fits into memory; the largest contract known has 60,000 nodes.
MOST_NODES = 300_000
DEEPEST = 200


def parse(text: str, where: str = "") -> list[dict[str, Any]]:
    """The documents in a text, in their order; those that are empty or no object are left out. Raises Misconfigured."""
    if len(text) > LARGEST:
        raise refused(
            f"has {len(text):,} characters; a contract has at most {LARGEST:,}.", where, "Import the contract alone."
        )
    found = _json(text, where) if text.lstrip().startswith(("{", "[")) else None
    documents = _yaml(text, where) if found is None else [found]
    objects = [document for document in documents if isinstance(document, dict)]
    if not objects:
        raise refused("holds no document: no object at its top.", where, "Give the file that holds the contract.")
    return objects


def _json(text: str, where: str) -> Any:
    """None: it is no JSON, and may be YAML."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_json)
    except _TwiceError as error:
        raise refused(f"names {error} twice in one object.", where, "Keep one of them.") from None
    except (ValueError, RecursionError):
        return None


class _TwiceError(Exception):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return made


def _no_json(constant: str) -> Never:
    raise ValueError(constant)


def _yaml(text: str, where: str) -> list[Any]:
    import yaml  # noqa: PLC0415 - only for those who import

    try:
        _bounded(yaml.parse(text, Loader=_loader()), where)
        documents = []
        loader = _loader()(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                _weigh(node, where)
                documents.append(loader.construct_document(node))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f"{where}:{mark.line + 1}" if mark else where
        raise refused(f"is neither JSON nor YAML: {error.problem}.", line, "Mend it there.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = (str(error) or "too deep").splitlines()[0]
        raise refused(f"is neither JSON nor YAML: {told}.", where, "Mend it.") from None
    return documents


def _bounded(events: Iterable[Any], where: str) -> None:
    """Refuses what is too deep before anything is built of it: libyaml's composer ends the process there."""
    import yaml  # noqa: PLC0415 - as above

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise refused(
                f"is nested deeper than {DEEPEST}.", f"{where}:{event.start_mark.line + 1}", "No contract is that deep."
            )


def _weigh(node: Any, where: str) -> None:
    """Refuses a document whose aliases stand for too much, or for themselves."""
    known: dict[int, int] = {}
    open_ones: set[int] = set()

    def weight(node: Any) -> int:
        if id(node) in known:
            return known[id(node)]
        if id(node) in open_ones:
            raise refused("has an alias that contains itself.", f"{where}:{node.start_mark.line + 1}", "Write it out.")
        open_ones.add(id(node))
        parts = node.value if isinstance(node.value, list) else ()
        inner = (each for part in parts for each in (part if isinstance(part, tuple) else (part,)))
        known[id(node)] = 1 + sum(weight(each) for each in inner)
        open_ones.discard(id(node))
        return known[id(node)]

    if weight(node) > MOST_NODES:
        raise refused("has aliases that stand for more than fits into memory.", where, "Write out what they stand for.")


@cache
def _loader() -> Any:
    """The safe loader, in C where there is one. Names are text and stand once; dates stay text, as in JSON."""
    import yaml  # noqa: PLC0415 - as above

    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(safe):  # type: ignore[misc] # which of the two is known at run time only
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
            _refuse_twice(node)
            self.flatten_mapping(node)
            # A name is what was written: `on`, `1`.
            return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

        def construct_number(self, node: Any) -> float:
            value = float(self.construct_yaml_float(node))
            if value - value == 0:
                return value
            raise yaml.MarkedYAMLError(problem=f"JSON has no {node.value}", problem_mark=node.start_mark)

    Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_number)
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in safe.yaml_implicit_resolvers.items()
    }
    return Loader


def _refuse_twice(node: Any) -> None:
    import yaml  # noqa: PLC0415 - as above

    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if not isinstance(key.value, str):
            raise yaml.MarkedYAMLError(problem="a name has to be text", problem_mark=key.start_mark)
        if key.value in seen:
            raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice in one object", problem_mark=key.start_mark)
        seen.add(key.value)
