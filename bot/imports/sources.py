"""Which kind of document a file is, and its contract."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.imports import backstage, kubernetes
from bot.imports.documents import parse
from bot.imports.imported import Imported, mapping, refused
from bot.imports.json_schema import SIGNS, helm, json_schema
from bot.imports.terraform import terraform

#: By `kind`, where the document has an `apiVersion`.
KINDS: Mapping[str, Callable[[dict[str, Any], str], Imported]] = {
    "Promise": kubernetes.promise,
    "CompositeResourceDefinition": kubernetes.xrd,
    "CustomResourceDefinition": kubernetes.crd,
    "Template": backstage.template,
}
_KNOWN = (
    "a Kratix Promise, a Crossplane XRD, a CustomResourceDefinition, a Backstage Template, a JSON Schema, "
    "a Helm chart's values.schema.json or a Terraform module"
)


def read(files: Mapping[str, str], *, name: str = "", where: str = "") -> Imported:
    """The contract in one document, or in a Terraform module's files: text by file name.

    `name` is what to call it where the document does not say; `where` is the file or folder, for what is told.
    Raises Misconfigured: what, where and what to do.
    """
    if any(file.endswith(".tf") for file in files):
        return terraform({file: text for file, text in files.items() if file.endswith(".tf")}, name=name, where=where)
    if len(files) != 1:
        raise refused("holds no .tf file, so it is no Terraform module.", where, "Give the file of the contract.")
    [(file, text)] = files.items()
    return _document(parse(text, where), file, name=name, where=where)


def _document(documents: list[dict[str, Any]], file: str, *, name: str, where: str) -> Imported:
    importers = [(each, found) for each in documents if (found := _importer(each, file, name))]
    chosen = [pair for pair in importers if pair[0].get("kind") in {"Promise", "CompositeResourceDefinition"}]
    importers = chosen or importers  # a definition that comes beside a Promise is the platform's
    if not importers:
        kinds = sorted({str(each.get("kind")) for each in documents if each.get("kind")})
        told = f" It holds {', '.join(kinds)}." if kinds else ""
        raise refused(f"is none of these: {_KNOWN}.{told}", where, "Give the file that holds the contract.")
    if len(importers) > 1:
        names = ", ".join(_named(each) for each, _ in importers)
        raise refused(f"holds {len(importers)} contracts: {names}.", where, "Put each in a file of its own.")
    document, importer = importers[0]
    return importer(document, where)


def _importer(document: dict[str, Any], file: str, name: str) -> Callable[[dict[str, Any], str], Imported] | None:
    kind = document.get("kind")
    if "apiVersion" in document and isinstance(kind, str):
        return KINDS.get(kind)
    if file == "values.schema.json":
        return lambda document, where: helm(document, where, name=name)
    if SIGNS & document.keys() or document.get("type") == "object":
        stem = re.sub(r"\.(schema|ya?ml|json)", "", file)
        return lambda document, where: json_schema(document, where, name=name or stem)
    return None


def _named(document: dict[str, Any]) -> str:
    name = mapping(document.get("metadata")).get("name") or document.get("title") or "?"
    return f"{document.get('kind', 'a schema')} {name}"
