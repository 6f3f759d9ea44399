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

from bot.slack import sizes
from bot.slack.elements import ELEMENTS, IN_ACTIONS, IN_INPUT, IN_SECTION, any_text, place, plain, texts
from bot.slack.shapes import Check, anything, both, flag, items, one_of, record, tagged, text

JSON = dict[str, Any]
Surface = Literal["modal", "home", "message"]


def _section_says_something(at: str, block: JSON) -> Iterator[str]:
    if block.get("text") is None and block.get("fields") is None:
        yield f"{at}: missing required field: text or fields"


def _no_dispatch_with_files(at: str, block: JSON) -> Iterator[str]:
    element = block.get("element")
    if block.get("dispatch_action") and isinstance(element, dict) and element.get("type") == "file_input":
        yield f"{at}/dispatch_action: is not supported with file_input"


def _different_actions(at: str, block: JSON) -> Iterator[str]:
    seen: set[str] = set()
    for number, element in enumerate(block["elements"] if isinstance(block.get("elements"), list) else []):
        name = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(name, str) and name in seen:
            yield f'{at}/elements/{number}/action_id: `action_id` "{name}" already exists'
        seen.add(str(name))


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
            "title": any_text(sizes.CARD_TITLE),
            "subtitle": any_text(sizes.CARD_TITLE),
            "body": any_text(sizes.CARD_BODY),
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
        {"rows": items(items(anything, 1, sizes.TABLE_COLUMNS), 1, sizes.TABLE_ROWS)}, {"column_settings": anything}
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


def _different_blocks(at: str, blocks: Any) -> Iterator[str]:
    seen: set[str] = set()
    for number, block in enumerate(blocks if isinstance(blocks, list) else []):
        name = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(name, str) and name in seen:
            yield f'{at}/{number}/block_id: `block_id` "{name}" already exists'
        seen.add(str(name))


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
VIEW = tagged({"modal": MODAL, "home": HOME})


def size(view: Any) -> int:
    """How many bytes a view takes as JSON."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def view_problems(view: Any) -> list[str]:
    """Everything that Slack would refuse in a modal or a Home tab; empty when it would be accepted."""
    problems = list(VIEW("", view))
    if isinstance(view, dict):
        problems += _submit_for_inputs(view)
        problems += _one_focus(view)
        if size(view) > sizes.VIEW_BYTES:
            problems.append(f": the view is larger than {sizes.VIEW_BYTES} bytes")
    return problems


def message_problems(blocks: Any, text: str | None = None) -> list[str]:
    """Everything that Slack would refuse in a message's `blocks` (may be empty), and in its `text` where given."""
    problems = list(_blocks("message", sizes.MESSAGE_BLOCKS, fewest=0)("/blocks", blocks))
    listed = [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    markdown = sum(len(str(block.get("text", ""))) for block in listed if block.get("type") == "markdown")
    if markdown > sizes.MARKDOWN:
        problems.append(f"/blocks: markdown blocks must be less than {sizes.MARKDOWN + 1} characters together")
    if sum(block.get("type") == "table" for block in listed) > 1:
        problems.append("/blocks: no more than 1 table allowed")
    if text is not None and len(text) > sizes.MESSAGE_TEXT:
        problems.append(f"/text: must be less than {sizes.MESSAGE_TEXT + 1} characters")
    if not blocks and text == "":
        problems.append("/text: no text and no blocks")
    return problems


def elements(block: Any) -> list[JSON]:
    """The elements of one block, wherever they stand in it."""
    if not isinstance(block, dict):
        return []
    listed = block.get("elements")
    found = [block.get("element"), block.get("accessory"), *(listed if isinstance(listed, list) else [])]
    return [element for element in found if isinstance(element, dict)]


def _listed(view: JSON) -> list[Any]:
    blocks = view.get("blocks")
    return blocks if isinstance(blocks, list) else []


def _submit_for_inputs(view: JSON) -> Iterator[str]:
    if view.get("type") != "modal" or view.get("submit") is not None:
        return
    for number, block in enumerate(_listed(view)):
        if isinstance(block, dict) and block.get("type") == "input":
            yield f"/blocks/{number}/input: must define `submit` to use an `input` block in modals"
            return


def _one_focus(view: JSON) -> Iterator[str]:
    focused = [
        number
        for number, block in enumerate(_listed(view))
        for element in elements(block)
        if element.get("focus_on_load") is True
    ]
    for number in focused[1:]:
        yield f"/blocks/{number}: only one element can be set to focus_on_load"
