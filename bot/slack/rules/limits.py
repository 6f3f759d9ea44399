"""What Slack refuses: the whole of a view or a message is checked before it is sent.

One bad value makes Slack refuse everything, and in an acknowledgement the process never hears of it: the person reads
"We had some trouble connecting". So the bot asks here first, and the workspace answers with the same sentences.
Each problem begins with a JSON pointer: `/blocks/3/element/options: no more than 100 items allowed`.

Source: docs.slack.dev/reference/block-kit, docs.slack.dev/reference/views. Not known here, and so refused:
`data_visualization`, `data_table`, `plan`, `task_card`, `file`, `context_actions`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from bot.slack.rules import sizes
from bot.slack.rules.elements import (
    ELEMENTS,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    any_text,
    mrkdwn,
    one_source,
    place,
    plain,
    texts,
)
from bot.slack.rules.shapes import Check, any_number, anything, both, flag, items, one_of, record, tagged, text

JSON = dict[str, Any]
Surface = Literal["modal", "home", "message"]


def _section_says_something(at: str, block: JSON) -> Iterator[str]:
    if block.get("text") is None and block.get("fields") is None:
        yield f"{at}: missing required field: text or fields"


def _no_dispatch_with_files(at: str, block: JSON) -> Iterator[str]:
    if block.get("dispatch_action") and block["element"]["type"] == "file_input":
        yield f"{at}/dispatch_action: is not supported with file_input"


def _different_actions(at: str, block: JSON) -> Iterator[str]:
    seen: set[str] = set()
    for number, element in enumerate(block["elements"]):
        name = element.get("action_id")
        if name in seen:
            yield f'{at}/elements/{number}/action_id: `action_id` "{name}" already exists'
        seen |= {name} if name else set()


def _card_says_something(at: str, block: JSON) -> Iterator[str]:
    if not any(block.get(key) for key in ("title", "body", "hero_image", "actions")):
        yield f"{at}: must define at least one of hero_image, title, actions, body"


IMAGE = tagged({"image": ELEMENTS["image"]})
CARD = both(
    record(
        {},
        {
            "block_id": text(1, sizes.BLOCK_ID),
            "actions": items(place(("button",)), 1, sizes.CARD_BUTTONS),
            "title": mrkdwn(sizes.CARD_TITLE),
            "subtitle": mrkdwn(sizes.CARD_TITLE),
            "body": mrkdwn(sizes.CARD_BODY),
            "hero_image": IMAGE,
            "icon": IMAGE,
        },
    ),
    _card_says_something,
)


def _block(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *rules: Callable[..., Iterator[str]]
) -> Check:
    return both(record(required, {"block_id": text(1, sizes.BLOCK_ID), **(optional or {})}), *rules)


SIMPLE: Mapping[str, Check] = {
    "actions": _block({"elements": items(place(IN_ACTIONS), 1, sizes.ACTIONS)}, None, _different_actions),
    "context": _block(
        {
            "elements": items(
                tagged({"image": ELEMENTS["image"], **texts(sizes.TEXT)}),
                1,
                sizes.CONTEXT_ELEMENTS,
            )
        }
    ),
    "divider": _block({}),
    "header": _block({"text": plain(sizes.HEADER)}),
    "image": _block(
        {"alt_text": text(1, sizes.ALT_TEXT)},
        {"image_url": text(1, sizes.IMAGE_URL), "slack_file": anything, "title": plain(sizes.ALT_TEXT)},
        one_source,
    ),
    "input": _block(
        {"label": plain(sizes.LABEL), "element": place(IN_INPUT)},
        {"hint": plain(sizes.HINT), "optional": flag, "dispatch_action": flag},
        _no_dispatch_with_files,
    ),
    "rich_text": _block({"elements": items(anything)}),
    "section": _block(
        {},
        {
            "text": any_text(sizes.TEXT),
            "fields": items(any_text(sizes.FIELD), 1, sizes.FIELDS),
            "accessory": place(IN_SECTION),
            "expand": flag,
        },
        _section_says_something,
    ),
    "video": _block(
        {
            "alt_text": text(1, sizes.VIDEO_TEXT),
            "title": plain(sizes.VIDEO_TEXT),
            "thumbnail_url": text(1),
            "video_url": text(1),
        },
        {
            "author_name": text(1, sizes.VIDEO_NAME),
            "description": plain(sizes.VIDEO_TEXT),
            "provider_icon_url": text(1),
            "provider_name": text(1, sizes.VIDEO_NAME),
            "title_url": text(1),
        },
    ),
}

CELL = tagged(
    {
        "raw_text": record({"text": text()}),
        "raw_number": record({"text": text(), "value": any_number}),
        "rich_text": record({"elements": items(anything)}),
    }
)
MODAL_ONLY: Mapping[str, Check] = {
    "alert": _block(
        {"text": any_text(sizes.ALERT)}, {"level": one_of("default", "info", "warning", "error", "success")}
    ),
}
MESSAGE_ONLY: Mapping[str, Check] = {
    "card": CARD,
    "carousel": _block({"elements": items(tagged({"card": CARD}), 1, sizes.CAROUSEL_CARDS)}),
    "markdown": _block({"text": text(1, sizes.MARKDOWN)}),
    "table": _block(
        {"rows": items(items(CELL, 1, sizes.TABLE_COLUMNS), 1, sizes.TABLE_ROWS)}, {"column_settings": anything}
    ),
    "container": _block(
        {"child_blocks": items(tagged(SIMPLE), 1, sizes.CONTAINER_BLOCKS)},
        {
            "title": plain(sizes.CONTAINER_TITLE),
            "subtitle": any_text(sizes.CONTAINER_TITLE),
            "icon": IMAGE,
            "width": one_of("narrow", "standard", "wide", "full"),
            **dict.fromkeys(("default_collapsed", "has_header_divider", "is_collapsible"), flag),
        },
    ),
}
BLOCKS: Mapping[Surface, Mapping[str, Check]] = {
    "modal": {**SIMPLE, **MODAL_ONLY},
    "home": SIMPLE,
    "message": {**SIMPLE, **MESSAGE_ONLY},
}


def _blocks(surface: Surface, most: int, fewest: int = 1) -> Check:
    return both(items(tagged(BLOCKS[surface]), fewest, most), _different_blocks)


def _different_blocks(at: str, blocks: list[JSON]) -> Iterator[str]:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        name = block.get("block_id")
        if name in seen:
            yield f'{at}/{number}/block_id: `block_id` "{name}" already exists'
        seen |= {name} if name else set()


METADATA: Mapping[str, Check] = {
    "private_metadata": text(0, sizes.PRIVATE_METADATA),
    "callback_id": text(0, sizes.CALLBACK_ID),
    "external_id": text(0, sizes.EXTERNAL_ID),
}
MODAL = record(
    {"title": plain(sizes.VIEW_TITLE), "blocks": _blocks("modal", sizes.VIEW_BLOCKS)},
    {
        **METADATA,
        "submit": plain(sizes.VIEW_TITLE),
        "close": plain(sizes.VIEW_TITLE),
        "clear_on_close": flag,
        "notify_on_close": flag,
    },
)
HOME = record({"blocks": _blocks("home", sizes.VIEW_BLOCKS)}, METADATA)


def elements(block: JSON) -> list[JSON]:
    """The elements of one block, wherever they stand in it."""
    found = [block.get("element"), block.get("accessory"), *block.get("elements", ())]
    return [element for element in found if element is not None]


def _submit_for_inputs(at: str, view: JSON) -> Iterator[str]:
    inputs = [number for number, block in enumerate(view["blocks"]) if block["type"] == "input"]
    if inputs and view.get("submit") is None:
        yield f"{at}/blocks/{inputs[0]}/input: must define `submit` to use an `input` block in modals"


def _one_focus(at: str, view: JSON) -> Iterator[str]:
    focused = [n for n, block in enumerate(view["blocks"]) for one in elements(block) if one.get("focus_on_load")]
    for number in focused[1:]:
        yield f"{at}/blocks/{number}: only one element can be set to focus_on_load"


def size(view: Any) -> int:
    """How many bytes a view takes as JSON."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def _not_too_large(at: str, view: JSON) -> Iterator[str]:
    if size(view) > sizes.VIEW_BYTES:
        yield f"{at}: the view is larger than {sizes.VIEW_BYTES} bytes"


def _one_table(at: str, blocks: list[JSON]) -> Iterator[str]:
    if sum(block["type"] == "table" for block in blocks) > 1:
        yield f"{at}: no more than 1 table allowed"


def _markdown_together(at: str, blocks: list[JSON]) -> Iterator[str]:
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > sizes.MARKDOWN:
        yield f"{at}: markdown blocks must be less than {sizes.MARKDOWN + 1} characters together"


VIEW = tagged(
    {
        "modal": both(MODAL, _submit_for_inputs, _one_focus, _not_too_large),
        "home": both(HOME, _one_focus, _not_too_large),
    }
)
MESSAGE = both(_blocks("message", sizes.MESSAGE_BLOCKS, fewest=0), _one_table, _markdown_together)


def view_problems(view: Any) -> list[str]:
    """Everything that Slack would refuse in a modal or a Home tab; empty when it would be accepted."""
    return list(VIEW("", view))


def message_problems(blocks: Any, text: str | None = None) -> list[str]:
    """Everything that Slack would refuse in a message's `blocks` (may be empty), and in its `text` where given."""
    problems = list(MESSAGE("/blocks", blocks))
    if text is not None and len(text) > sizes.MESSAGE_TEXT:
        problems.append(f"/text: must be less than {sizes.MESSAGE_TEXT + 1} characters")
    if not blocks and text == "":
        problems.append("/text: no text and no blocks")
    return problems
