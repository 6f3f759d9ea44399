"""References of a schema that somebody else wrote: what they point at is there, is in the schema, and ends."""

import copy
import json
from typing import Any

from bot.contract import Schema, pointer
from bot.contract.schema import target
from bot.imports.imported import Findings, refused

_ANYTHING = "a reference to {ref}, which {why}; anything is accepted there"
_DATA = {"default", "enum", "const", "examples", "$ref"}
_DEFINITIONS = {"$defs", "definitions"}
_DEFINED = ("#/$defs/", "#/definitions/")
#: So many copies of what references name; more is a schema that refers to itself in ever new ways.
_MOST_COPIES = 5_000


def settled(schema: Schema, findings: Findings, where: str) -> Schema:
    """A copy in which every reference points at a definition of its own. Raises Misconfigured for one that recurs.

    What points elsewhere in the schema is written out; what points outside of it, or at nothing, accepts anything.
    """
    return _Settling(json.loads(json.dumps(schema)), findings, where).run()


class _Settling:
    def __init__(self, root: Schema, findings: Findings, where: str) -> None:
        self.root, self.findings, self.where = root, findings, where
        self.copies = 0
        self.done: set[str] = set()

    def run(self) -> Schema:
        for name in ("$id", "id"):
            if isinstance(self.root.get(name), str):
                del self.root[name]  # it moves what `#` means
        self._visit(self.root, (), ())
        return self.root

    def _visit(self, node: Any, path: tuple[str | int, ...], open_ones: tuple[str, ...]) -> None:
        if isinstance(node, list):
            for index, each in enumerate(node):
                self._visit(each, (*path, index), open_ones)
        if not isinstance(node, dict):
            return
        if isinstance(ref := node.get("$ref"), str):
            open_ones = self._follow(node, ref, path, open_ones)
        # Under `properties` every name is a field's; elsewhere some hold data, and definitions wait to be named.
        data = set() if path[-1:] == ("properties",) else _DATA if path else _DATA | _DEFINITIONS
        for name, each in list(node.items()):
            if name not in data:
                self._visit(each, (*path, name), open_ones)

    def _follow(
        self, node: Schema, ref: str, path: tuple[str | int, ...], open_ones: tuple[str, ...]
    ) -> tuple[str, ...]:
        """What is open inside the node now."""
        found = target(ref, self.root)
        if found is None:
            why = "points at nothing in this document" if ref.startswith("#") else "stands outside of this document"
            self.findings.note(pointer(path), _ANYTHING.format(ref=ref, why=why))
            del node["$ref"]
            return open_ones
        if ref in open_ones or ref in {"#", "#/"} or (not ref.startswith(_DEFINED) and _inside(ref, path)):
            raise refused(
                f"{ref} contains itself, at {pointer(path)}: a form that never ends cannot be filled in.",
                self.where,
                "Write out as many levels as people need, or make that field free-form (an object without properties).",
            )
        if ref.startswith(_DEFINED):
            self._visit_definition(ref, found, open_ones)
            return open_ones
        self.copies += 1
        if self.copies > _MOST_COPIES:
            raise refused("has too many references to write out.", self.where, "Put what they share under $defs.")
        del node["$ref"]
        node.update({name: value for name, value in copy.deepcopy(found).items() if name not in node})
        return (*open_ones, ref)

    def _visit_definition(self, ref: str, found: Schema, open_ones: tuple[str, ...]) -> None:
        if ref not in self.done:
            self._visit(found, tuple(ref[2:].split("/")), (*open_ones, ref))
            self.done.add(ref)


def _inside(ref: str, path: tuple[str | int, ...]) -> bool:
    """Whether the place lies in what the reference points at."""
    return pointer(path).startswith(ref[1:] + "/")
