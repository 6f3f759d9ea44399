"""What Slack publishes of its own rules, held against what was produced. Written by others, so it checks our checker."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator
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
    return [f"{'/'.join(map(str, each.instance_path))}: {each.message[:200]}" for each in found]


@cache
def validator(name: str) -> Draft7Validator:
    """Slack's published schema of that name, for tests that look at its errors. Skips the test without it.

    Not by jsonschema, as elsewhere: one window against the choices among all kinds of blocks took it a tenth of a second.
    """
    published()
    return Draft7Validator(json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8")))
