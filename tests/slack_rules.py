"""What Slack publishes of its own rules, held against what was produced. Written by others, so it checks our checker."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.slack.rules import limits

PUBLISHED = Path(__file__).parents[2] / "shared" / "slack"


def sendable_view(view: dict[str, Any]) -> None:
    """Our checker, Slack's schema and slack_sdk's models all take this modal or Home tab."""
    assert limits.view_problems(view) == []
    _published("home-view" if view["type"] == "home" else "modal-view", view)
    View(**view).to_dict()


def sendable_blocks(blocks: list[dict[str, Any]], text: str | None) -> None:
    """Our checker, Slack's schema and slack_sdk's models all take this message."""
    assert limits.message_problems(blocks, text) == []
    _published("message-blocks", blocks)
    for block in blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.to_dict()


def published() -> None:
    """Skip without the published rules."""
    if not PUBLISHED.is_dir():
        pytest.skip("no ../shared/slack beside the checkout")


def _published(name: str, value: Any) -> None:
    if PUBLISHED.is_dir():
        assert _problems(name, json.dumps(value, sort_keys=True)) == []


@cache
def _problems(name: str, text: str) -> list[str]:
    """Remembered, because a story sends the same card many times."""
    found = validator(name).iter_errors(json.loads(text))
    return [f"{'/'.join(map(str, each.path))}: {each.message[:200]}" for each in found]


@cache
def validator(name: str) -> Draft7Validator:
    """Slack's published schema of that name, for tests that look at its errors. Skips the test without it."""
    published()
    schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8"))
    return Draft7Validator(_by_type(schema, schema["definitions"]))


def _by_type(node: Any, definitions: dict[str, Any]) -> Any:
    """The same rules, with each choice among kinds made by `type` at once: trying one after the other takes minutes."""
    if isinstance(node, list):
        return [_by_type(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    kinds = _kinds(node, definitions) if "anyOf" in node else None
    if kinds is None:
        return {key: _by_type(value, definitions) for key, value in node.items()}
    cases = [
        {"if": {"properties": {"type": {"const": kind}}}, "then": {"anyOf": _by_type(choices, definitions)}}
        for kind, choices in kinds.items()
    ]
    return {"required": ["type"], "properties": {"type": {"enum": list(kinds)}}, "allOf": cases}


def _kinds(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, list[Any]] | None:
    """What a choice allows for each `type`; None where `type` does not tell."""
    found: dict[str, list[Any]] = {}
    for each in node["anyOf"]:
        target = definitions[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        kind = target.get("properties", {}).get("type", {}).get("const")
        inner = _kinds(target, definitions) if "anyOf" in target else {kind: [each]} if kind else None
        if inner is None:
            return None
        for name, choices in inner.items():
            found.setdefault(name, []).extend(choices)
    return found
