"""A Backstage software template: its pages of parameters as one contract, its `ui:` keys as hints.

https://backstage.io/docs/features/software-templates/writing-templates and, for the keys, react-jsonschema-form's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.contract import Schema, pointer
from bot.imports.imported import Findings, Imported, mapping, refused
from bot.imports.normal import DRAFT_7, Dialect, normal

_HINTS = {
    "ui:help": "help", "ui:description": "help", "ui:title": "title", "ui:placeholder": "placeholder",
    "ui:widget": "widget", "ui:order": "order", "ui:readonly": "readonly", "ui:disabled": "readonly",
}  # fmt: skip
#: Pickers of files that organisations have written.
_FILE = re.compile(r"(^file|File)s?(Pick|Choos|Select|Input|$)|[Uu]pload")
_DATA = frozenset({"default", "enum", "const", "examples"})
_RULES = ("if", "then", "else", "oneOf", "anyOf", "not")
#: A page's own words, and what every page says.
_OF_A_PAGE = frozenset({"title", "description", "type", "properties", "required", "dependencies", "allOf", *_RULES})


def template(document: dict[str, Any], where: str = "") -> Imported:
    """A Template (scaffolder.backstage.io). Raises Misconfigured."""
    findings, spec, about = Findings(), mapping(document.get("spec")), mapping(document.get("metadata"))
    name = str(about.get("name") or about.get("title") or "template")
    given = spec.get("parameters")
    if not isinstance(given, list | dict):
        raise refused(f"the template {name} has no spec.parameters, so it asks for nothing.", where, "Add them.")
    pages = [page for page in (given if isinstance(given, list) else [given]) if isinstance(page, dict)]
    for keyword in spec.keys() - {"owner", "type", "lifecycle", "parameters"}:
        findings.note(
            f"/spec/{keyword}", "stays with Backstage: what becomes of an answer is up to this offering's steps"
        )
    said = {"title": about.get("title"), "description": about.get("description")}
    words: Schema = {key: str(value).strip() for key, value in said.items() if value}
    merged = _merged([_plain(page, (), findings) for page in pages], findings)
    schema = normal({**words, **merged}, findings, where=where, dialect=Dialect(closed=True))
    return findings.imported("Backstage template", name, schema)


def _merged(pages: list[Schema], findings: Findings) -> Schema:
    """All pages as one object; which field stands on which page is a hint."""
    whole: Schema = {"$schema": DRAFT_7, "type": "object", "properties": {}}
    required: list[Any] = []
    rules: list[Schema] = []
    for page in pages:
        fields = mapping(page.get("properties"))
        for name in fields.keys() & whole["properties"].keys():
            if fields[name] != whole["properties"][name]:
                findings.warn(pointer((name,)), "stands on two pages, each time another; the later one is asked")
        whole["properties"].update(fields)
        required += page["required"] if isinstance(page.get("required"), list) else []
        rules += _rules(page, whole)
        for keyword in sorted(page.keys() - _OF_A_PAGE):
            findings.note(
                f"/spec/parameters: {page.get('title', '')}", f"{keyword} holds for one page, not for the form"
            )
    if len(pages) > 1:
        findings.hint("", pages=[_page(page) for page in pages])
    whole |= {"required": list(dict.fromkeys(required))} if required else {}
    return whole | ({"allOf": rules} if rules else {})


def _rules(page: Schema, whole: Schema) -> Iterator[Schema]:
    """What a page says about its fields' dependence on each other; `dependencies` go to the whole by field."""
    for name, rule in mapping(page.get("dependencies")).items():
        if name in whole.setdefault("dependencies", {}):
            yield {"dependencies": {name: rule}}
        else:
            whole["dependencies"][name] = rule
    yield from (rule for rule in page.get("allOf") or () if isinstance(rule, dict))
    own = {keyword: page[keyword] for keyword in _RULES if keyword in page}
    if own:
        yield own


def _page(page: Schema) -> dict[str, Any]:
    return {
        "title": str(page.get("title") or ""),
        "description": str(page.get("description") or ""),
        "fields": list(mapping(page.get("properties"))),
    }


def _plain(given: Any, path: tuple[str, ...], findings: Findings) -> Any:
    """Without `ui:` keys; what they say goes to the findings under the field's place in an answer."""
    if isinstance(given, list):
        return [_plain(each, path, findings) for each in given]
    if not isinstance(given, dict):
        return given
    said = {key: value for key, value in given.items() if str(key).startswith(("ui:", "backstage:"))}
    here: Schema = {}
    for key, value in given.items():
        if key == "properties" and isinstance(value, dict):
            here[key] = {name: _plain(each, (*path, str(name)), findings) for name, each in value.items()}
        elif key not in said:
            here[key] = value if key in _DATA else _plain(value, path, findings)
    return _presented(here, said, pointer(path), findings)


def _picked(here: Schema, widget: Any, picker: Any, where: str, findings: Findings) -> None:
    """What a widget or a field of Backstage's own means for the answer."""
    if widget in {"file", "files"}:
        _is_data_url(here)
    if widget == "password" or picker == "Secret":
        here["writeOnly"] = True
    elif picker:
        if not {"type", "properties", "enum", "$ref"} & here.keys():
            here["type"] = "string"
        if _FILE.search(str(picker)):
            findings.hint(where, widget="file")
            findings.note(where, f"{picker} is Backstage's own; here a file is chosen, and its text is the answer")
        else:
            findings.note(where, f"{picker} offers in Backstage what it finds there; here it is typed")


def _is_data_url(here: Schema) -> None:
    """What react-jsonschema-form makes of a file: a data URL, or a list of them."""
    one = mapping(here.get("items")) if here.get("type") == "array" else here
    if one.get("type", "string") == "string" and "contentEncoding" not in one:
        one.setdefault("type", "string")
        one.setdefault("format", "data-url")


def _presented(here: Schema, said: Mapping[str, Any], where: str, findings: Findings) -> Schema:
    """What the `ui:` keys of one schema mean for it."""
    options = mapping(said.get("ui:options"))
    keys = {**{f"ui:{name}": value for name, value in options.items()}, **said}
    keys.pop("ui:options", None)
    if isinstance(keys.get("ui:enumNames"), list):
        here["enumNames"] = keys.pop("ui:enumNames")
    _picked(here, keys.get("ui:widget"), keys.pop("ui:field", None), where, findings)
    if keys.get("ui:widget") == "hidden":
        keys.pop("ui:widget")
        findings.hint(where, hidden=True)
    for key, value in keys.items():
        if key in _HINTS:
            findings.hint(where, **{_HINTS[key]: value})
        else:
            findings.note(where, f"{key} says how Backstage draws it")
    return here
