"""Kratix Promises, Crossplane XRDs and bare CustomResourceDefinitions: the `spec` of the newest served version."""

import re
from typing import Any

from bot.contract import Schema, humanised
from bot.imports.imported import Findings, Imported, mapping, refused
from bot.imports.normal import Dialect, normal

#: The API server fills in defaults, then requires; what is not declared it prunes.
_DIALECT = Dialect(defaults_first=True, closed=True)
_STAYS = "stays with {whom}: what becomes of an answer is up to this offering's steps"


def promise(document: dict[str, Any], where: str = "") -> Imported:
    """A Kratix Promise (platform.kratix.io). Raises Misconfigured."""
    findings, spec = Findings(), mapping(document.get("spec"))
    api = mapping(spec.get("api"))
    name = _name(document) or _name(api)
    if not api:
        raise refused(
            f"the Promise {name or 'without a name'} has no spec.api, so it asks for nothing.",
            where,
            "Import the Promise that people use.",
        )
    for keyword in ("workflows", "dependencies", "destinationSelectors", "requiredPromises"):
        if spec.get(keyword):
            findings.note(f"/spec/{keyword}", _STAYS.format(whom="Kratix"))
    return _definition(api, findings, name=name, source="Kratix Promise", where=where)


def xrd(document: dict[str, Any], where: str = "") -> Imported:
    """A Crossplane CompositeResourceDefinition, v1 or v2. Raises Misconfigured."""
    findings, spec = Findings(), mapping(document.get("spec"))
    for keyword in ("defaultCompositionRef", "enforcedCompositionRef", "defaultCompositeDeletePolicy"):
        if spec.get(keyword):
            findings.note(f"/spec/{keyword}", _STAYS.format(whom="Crossplane"))
    if keys := spec.get("connectionSecretKeys"):
        findings.note(
            "/spec/connectionSecretKeys", f"could become this offering's outputs: {', '.join(map(str, keys))}"
        )
    names = mapping(spec.get("claimNames")) or mapping(spec.get("names"))
    kind = str(names.get("singular") or names.get("kind") or _name(document))
    return _definition(document, findings, name=kind, source="Crossplane XRD", where=where)


def crd(document: dict[str, Any], where: str = "") -> Imported:
    """A CustomResourceDefinition. Raises Misconfigured."""
    names = mapping(mapping(document.get("spec")).get("names"))
    name = str(names.get("singular") or names.get("kind") or _name(document))
    return _definition(document, Findings(), name=name, source="CustomResourceDefinition", where=where)


def _definition(document: dict[str, Any], findings: Findings, *, name: str, source: str, where: str) -> Imported:
    version = _newest(document, name, where)
    whole = mapping(mapping(version.get("schema")).get("openAPIV3Schema"))
    if not whole:
        raise refused(
            f"{name} {version.get('name')} has no schema.openAPIV3Schema.", where, "Give the version a schema."
        )
    spec = _spec(whole, findings)
    if version.get("deprecated"):
        findings.warn("/spec/versions", f"{version.get('name')} is deprecated: {version.get('deprecationWarning', '')}")
    kind = str(mapping(mapping(mapping(document.get("spec")).get("names"))).get("kind") or name)
    schema = normal(spec, findings, where=where, dialect=_DIALECT)
    claim = mapping(mapping(document.get("spec")).get("claimNames")).get("kind")
    title = humanised(re.sub(r"^X(?=[A-Z][a-z])", "", str(claim or kind)))
    return findings.imported(source, name, schema, title=title, version=str(version.get("name") or ""))


def _spec(whole: Schema, findings: Findings) -> Schema:
    """What a person answers: `spec`. `status` is what the platform answers; the rest is Kubernetes' own."""
    properties = mapping(whole.get("properties"))
    for name in properties.keys() - {"spec", "status", "apiVersion", "kind", "metadata"}:
        findings.note(f"/properties/{name}", "stands beside spec, where nobody is asked")
    if "spec" in properties:
        spec = mapping(properties["spec"])
        described = {name: whole[name] for name in ("description",) if name in whole}
        return {"type": "object", **described, **spec}
    if whole.get("x-kubernetes-preserve-unknown-fields"):
        findings.warn("/", "declares no field and accepts any")
        return {"type": "object", "additionalProperties": True}
    findings.warn("/", "has no spec: nothing is asked")
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _newest(document: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """The newest version that is served, by Kubernetes' order: v2, v1, v1beta2, v1alpha1, then any other."""
    spec = mapping(document.get("spec"))
    versions = [each for each in spec.get("versions") or () if isinstance(each, dict)]
    if not versions and (old := spec.get("validation")):  # apiextensions.k8s.io/v1beta1
        versions = [{"name": spec.get("version") or "v1", "schema": old}]
    if not versions:
        raise refused(f"{name} has no versions, so it has no schema.", where, "Give it one under versions.")
    served = [each for each in versions if each.get("served", True)]
    if not served:
        raise refused(f"{name} serves none of its versions.", where, "Set served: true on one of them.")
    return max(served, key=lambda each: _rank(str(each.get("name"))))


def _rank(version: str) -> tuple[int, int, int, int]:
    """Version priority, as Kubernetes' documentation of CustomResourceDefinition versioning has it."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return 0, 0, 0, 0
    stage = {None: 3, "beta": 2, "alpha": 1}[found[2]]
    return 1, stage, int(found[1]), int(found[3] or 0)


def _name(document: dict[str, Any]) -> str:
    return str(mapping(document.get("metadata")).get("name") or "").partition(".")[0]
