"""Slack's limits: what the checker refuses, and that what it accepts is what Slack's own descriptions accept."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.slack.rules import sizes
from bot.slack.rules.limits import message_problems, view_problems
from tests.slack_rules import validator

SLACK = Path(__file__).resolve().parents[3] / "shared" / "slack"
JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def option(value: str) -> JSON:
    return {"text": plain(value.title()), "value": value}


def field(kind: str, **more: Any) -> JSON:
    element = {"type": kind, "action_id": "answer", **more}
    return {"type": "input", "block_id": kind, "label": plain("Label"), "element": element}


SMALL = option("small")
OPTIONS = [SMALL, option("large")]
INPUTS = [
    field("plain_text_input", placeholder=plain("orders"), min_length=1, max_length=30, multiline=False),
    field("number_input", is_decimal_allowed=False, min_value="1", max_value="5", initial_value="2"),
    field("email_text_input", initial_value="ada@example.com"),
    field("url_text_input"),
    field("static_select", options=OPTIONS, initial_option=copy.deepcopy(SMALL)),
    field("multi_static_select", option_groups=[{"label": plain("All"), "options": OPTIONS}], max_selected_items=1),
    field("external_select", min_query_length=0),
    field("multi_external_select"),
    field("users_select", initial_user="U01ADA"),
    field("multi_users_select", initial_users=["U01ADA"]),
    field("channels_select"),
    field("multi_channels_select"),
    field("conversations_select", filter={"include": ["public"]}, default_to_current_conversation=True),
    field("multi_conversations_select"),
    field("radio_buttons", options=OPTIONS, initial_option=SMALL),
    field("checkboxes", options=OPTIONS, initial_options=OPTIONS),
    field("datepicker", initial_date="2026-11-30"),
    field("timepicker", initial_time="09:05"),
    field("datetimepicker", initial_date_time=1_800_000_000),
    field("file_input", max_files=3, filetypes=["pdf"]),
]
CONFIRM = {"title": plain("Sure?"), "text": plain("It goes."), "confirm": plain("Yes"), "deny": plain("No")}
BUTTON = {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "REQ-1", "style": "primary"}
ORDINARY: list[JSON] = [
    {"type": "header", "text": plain("PostgreSQL")},
    {"type": "divider"},
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Hello*", "verbatim": True}, "accessory": BUTTON},
    {"type": "section", "fields": [plain("one"), plain("two")]},
    {"type": "context", "elements": [plain("by Ada"), {"type": "image", "image_url": "https://a/b", "alt_text": "A"}]},
    {"type": "image", "image_url": "https://a/b", "alt_text": "A", "title": plain("T")},
    {
        "type": "actions",
        "elements": [
            BUTTON | {"confirm": CONFIRM},
            {"type": "overflow", "action_id": "more", "options": [option("show") | {"url": "https://a"}]},
            {"type": "static_select", "action_id": "size", "options": OPTIONS},
        ],
    },
]
MESSAGE_BLOCKS = [
    *ORDINARY,
    {"type": "markdown", "text": "# Hi"},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
    {"type": "carousel", "elements": [{"type": "card", "title": {"type": "mrkdwn", "text": "T"}, "actions": [BUTTON]}]},
    {"type": "container", "title": plain("More"), "child_blocks": [{"type": "divider"}]},
]
MODAL: JSON = {
    "type": "modal",
    "title": plain("PostgreSQL"),
    "submit": plain("Request"),
    "close": plain("Cancel"),
    "callback_id": "request",
    "external_id": "one",
    "private_metadata": "{}",
    "notify_on_close": True,
    "blocks": [*ORDINARY, *INPUTS, {"type": "alert", "text": plain("Careful"), "level": "warning"}],
}
HOME: JSON = {"type": "home", "blocks": ORDINARY, "private_metadata": "x"}


def modal_with(*blocks: JSON, **more: Any) -> JSON:
    return {"type": "modal", "title": plain("T"), "submit": plain("S"), "blocks": list(blocks), **more}


def schema(name: str) -> Any:
    path = SLACK / f"{name}.schema.json"
    if not path.exists():
        pytest.skip(f"no ../shared/slack/{path.name}")
    return json.loads(path.read_text())


@pytest.mark.parametrize("view", [MODAL, HOME])
def test_a_view_with_every_ordinary_element_is_accepted_here_and_by_slacks_schema(view: JSON) -> None:
    assert view_problems(view) == []
    validator(f"{view['type']}-view").validate(view)


def test_a_message_with_every_ordinary_block_is_accepted_here_and_by_slacks_schema() -> None:
    assert message_problems(MESSAGE_BLOCKS, "Hello") == []
    jsonschema.validate(MESSAGE_BLOCKS, schema("message-blocks"))


def test_slack_sdk_accepts_the_view_that_is_accepted_here() -> None:
    known = {**MODAL, "blocks": [block for block in MODAL["blocks"] if block["type"] != "alert"]}
    assert View(**known).to_dict()["title"]["text"] == "PostgreSQL"
    for block in ORDINARY:
        parsed = Block.parse(block)
        assert parsed is not None
        assert parsed.to_dict()["type"] == block["type"]


def test_the_numbers_are_those_of_the_published_list() -> None:
    if not (SLACK / "limits.json").exists():
        pytest.skip("no ../shared/slack/limits.json")
    published = json.loads((SLACK / "limits.json").read_text())
    pairs = [
        (sizes.TEXT, published["text"]["max_length"]),
        (sizes.ACTION_ID, published["action_id"]["max_length"]),
        (sizes.BUTTON_TEXT, published["button"]["text"]["max_length"]),
        (sizes.BUTTON_VALUE, published["button"]["value"]["max_length"]),
        (sizes.CONFIRM_TEXT, published["confirmation"]["text"]["max_length"]),
        (sizes.OPTION_VALUE, published["option"]["value"]["max_length"]),
        (sizes.OPTIONS, published["select"]["options"]["max_items"]),
        (sizes.OVERFLOW_OPTIONS, published["overflow"]["options"]["max_items"]),
        (sizes.CHOICES, published["checkboxes"]["options"]["max_items"]),
        (sizes.ACTIONS, published["actions"]["elements"]["max_items"]),
        (sizes.ALERT, published["alert"]["text"]["max_length"]),
        (sizes.HEADER, published["header"]["text"]["max_length"]),
        (sizes.LABEL, published["input"]["label"]["max_length"]),
        (sizes.FIELD, published["section"]["fields"]["item_max_length"]),
        (sizes.MARKDOWN, published["markdown"]["text"]["max_length"]),
        (sizes.VIEW_TITLE, published["view"]["title"]["max_length"]),
        (sizes.VIEW_BLOCKS, published["view"]["blocks"]["max_items"]),
        (sizes.PRIVATE_METADATA, published["view"]["private_metadata"]["max_length"]),
    ]
    assert [ours for ours, _ in pairs] == [theirs for _, theirs in pairs]


DIVIDER = {"type": "divider"}
SECTION = {"type": "section", "text": plain("x")}
BAD_VIEWS: list[tuple[JSON, str]] = [
    (modal_with(DIVIDER, title=plain("x" * 25)), "/title/text: must be less than 25 characters"),
    (modal_with(DIVIDER, submit=plain("x" * 25)), "/submit/text: must be less than 25 characters"),
    (modal_with(DIVIDER, close=plain("")), "/close/text: must be more than 0 characters"),
    (modal_with(DIVIDER, title={"type": "mrkdwn", "text": "x"}), "/title/type: unsupported type: mrkdwn"),
    (modal_with(), "/blocks: must provide at least 1 items"),
    (modal_with(*[DIVIDER] * 101), "/blocks: no more than 100 items allowed"),
    (modal_with(DIVIDER, private_metadata="x" * 3001), "/private_metadata: must be less than 3001 characters"),
    (modal_with(DIVIDER, callback_id="x" * 256), "/callback_id: must be less than 256 characters"),
    (modal_with(DIVIDER, external_id="x" * 256), "/external_id: must be less than 256 characters"),
    (modal_with(*[SECTION | {"text": plain("x" * 2999)}] * 90), ": the view is larger than 250000 bytes"),
    (modal_with({"type": "nothing"}), "/blocks/0/type: unsupported type: nothing"),
    (modal_with({"text": "x"}), "/blocks/0: missing required field: type"),
    (modal_with(DIVIDER, colour="red"), ": invalid additional property: colour"),
    (modal_with({"type": "markdown", "text": "x"}), "/blocks/0/type: unsupported type: markdown"),
    ({**modal_with(INPUTS[0]), "submit": None}, "/blocks/0/input: must define `submit`"),
    (modal_with(INPUTS[0], INPUTS[0]), '/blocks/1/block_id: `block_id` "plain_text_input" already exists'),
    ({"type": "home", "title": plain("T"), "blocks": [DIVIDER]}, ": invalid additional property: title"),
    ({"type": "home", "blocks": [{"type": "alert", "text": plain("x")}]}, "/blocks/0/type: unsupported type: alert"),
    ({"type": "window", "blocks": []}, "/type: unsupported type: window"),
    (modal_with({"type": "alert", "text": plain("x" * 201)}), "/blocks/0/text/text: must be less than 201 characters"),
    (
        modal_with(field("users_select", focus_on_load=True), field("url_text_input", focus_on_load=True)),
        "/blocks/1: only one element can be set to focus_on_load",
    ),
]


@pytest.mark.parametrize(("view", "problem"), BAD_VIEWS, ids=[problem for _, problem in BAD_VIEWS])
def test_a_view_that_slack_refuses_is_refused_with_the_place(view: JSON, problem: str) -> None:
    found = view_problems(view)
    assert len(found) == 1, found
    assert found[0].startswith(problem)


def many(count: int) -> list[JSON]:
    return [option(f"o{number}") for number in range(count)]


LENGTH = "must be less than {} characters"
BAD_INPUTS: list[tuple[JSON, str]] = [
    (field("button", text=plain("x")), "/type: element button is not supported in this block"),
    (field("slider"), "/type: unsupported type: slider"),
    (field("plain_text_input", colour=1), ": invalid additional property: colour"),
    (field("plain_text_input", max_length=3001), "/max_length: must be at most 3000"),
    (field("plain_text_input", max_length=0), "/max_length: must be at least 1"),
    (field("plain_text_input", min_length=5, max_length=4), "/min_length: must not be more than max_length"),
    (field("plain_text_input", max_length=2, initial_value="abc"), "/initial_value: must be less than 3 characters"),
    (field("plain_text_input", placeholder=plain("x" * 151)), "/placeholder/text: must be less than 151 characters"),
    (field("plain_text_input", action_id="x" * 256), "/action_id: must be less than 256 characters"),
    (field("number_input"), ": missing required field: is_decimal_allowed"),
    (field("number_input", is_decimal_allowed=True, min_value=1), "/min_value: must provide a string"),
    (field("number_input", is_decimal_allowed=True, min_value="2", max_value="1"), "/min_value: must not be more"),
    (field("number_input", is_decimal_allowed=False, initial_value="1.5"), "/initial_value: must be a whole number"),
    (field("number_input", is_decimal_allowed=True, max_value="1", initial_value="2"), "/initial_value: must be betw"),
    (field("datepicker", initial_date="30.11.2026"), "/initial_date: must be a date"),
    (field("datepicker", initial_date="2026-02-30"), "/initial_date: must be a date"),
    (field("timepicker", initial_time="24:00"), "/initial_time: failed to match pattern"),
    (field("datetimepicker", initial_date_time=12), "/initial_date_time: must be at least 1000000000"),
    (field("static_select", options=[]), "/options: must provide at least 1 items"),
    (field("static_select", options=many(101)), "/options: no more than 100 items allowed"),
    (field("static_select"), ": must define either options or option_groups"),
    (field("static_select", options=[SMALL, SMALL]), '/options: value "small" already exists'),
    (field("static_select", options=OPTIONS, initial_option=option("huge")), "/initial_option: must be exactly one"),
    (
        field("static_select", options=OPTIONS, initial_option=SMALL | {"text": plain("small")}),
        "/initial_option: must be exactly one",
    ),
    (field("static_select", options=[SMALL | {"value": "x" * 151}]), f"/options/0/value: {LENGTH.format(151)}"),
    (field("static_select", options=[option("x" * 76)]), f"/options/0/text/text: {LENGTH.format(76)}"),
    (field("static_select", options=[{"text": plain("x")}]), "/options/0: missing required field: value"),
    (field("static_select", options=[SMALL | {"url": "https://a"}]), "/options/0: invalid additional property: url"),
    (
        field("static_select", options=[SMALL | {"description": plain("x" * 76)}]),
        f"/options/0/description/text: {LENGTH.format(76)}",
    ),
    (
        field("static_select", option_groups=[{"label": plain("x" * 76), "options": OPTIONS}]),
        f"/option_groups/0/label/text: {LENGTH.format(76)}",
    ),
    (
        field("multi_static_select", options=OPTIONS, initial_options=OPTIONS, max_selected_items=1),
        "/initial_options: no more than 1 items allowed",
    ),
    (field("multi_users_select", max_selected_items=0), "/max_selected_items: must be at least 1"),
    (field("radio_buttons", options=[]), "/options: must provide at least 1 items"),
    (field("radio_buttons", options=many(11)), "/options: no more than 10 items allowed"),
    (field("checkboxes", options=many(11)), "/options: no more than 10 items allowed"),
    (field("checkboxes", options=OPTIONS, initial_options=[option("x")]), "/initial_options/0: must be exactly one"),
    (field("external_select", min_query_length=-1), "/min_query_length: must be at least 0"),
    (field("conversations_select", filter={"include": ["all"]}), "/filter/include/0: must be one of im"),
    (field("file_input", max_files=11), "/max_files: must be at most 10"),
]


@pytest.mark.parametrize(("block", "problem"), BAD_INPUTS, ids=[f"{b['block_id']}{p}" for b, p in BAD_INPUTS])
def test_an_input_that_slack_refuses_is_refused_with_the_place(block: JSON, problem: str) -> None:
    found = view_problems(modal_with(block))
    assert len(found) == 1, found
    assert found[0].startswith(f"/blocks/0/element{problem}")


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


SELECT = {"type": "multi_static_select", "action_id": "a", "options": OPTIONS}
BAD_BLOCKS: list[tuple[JSON, str]] = [
    (SECTION | {"text": plain("x" * 3001)}, "/text/text: must be less than 3001 characters"),
    (SECTION | {"text": plain("")}, "/text/text: must be more than 0 characters"),
    ({"type": "section"}, ": missing required field: text or fields"),
    ({"type": "section", "fields": [plain("x")] * 11}, "/fields: no more than 10 items allowed"),
    ({"type": "section", "fields": [plain("x" * 2001)]}, "/fields/0/text: must be less than 2001 characters"),
    (SECTION | {"accessory": {"type": "plain_text_input"}}, "/accessory/type: element plain_text_input is not supp"),
    (SECTION | {"block_id": "x" * 256}, "/block_id: must be less than 256 characters"),
    ({"type": "header", "text": plain("x" * 151)}, "/text/text: must be less than 151 characters"),
    ({"type": "context", "elements": [plain("x")] * 11}, "/elements: no more than 10 items allowed"),
    ({"type": "context", "elements": [BUTTON]}, "/elements/0/type: unsupported type: button"),
    (actions(), "/elements: must provide at least 1 items"),
    (actions(*[BUTTON | {"action_id": f"a{n}"} for n in range(26)]), "/elements: no more than 25 items allowed"),
    (actions(BUTTON, BUTTON), '/elements/1/action_id: `action_id` "approve" already exists'),
    (actions(SELECT), "/elements/0/type: element multi_static_select is not supported in this block"),
    (actions({"type": "plain_text_input"}), "/elements/0/type: element plain_text_input is not supported"),
    (actions(BUTTON | {"text": plain("x" * 76)}), "/elements/0/text/text: must be less than 76 characters"),
    (actions(BUTTON | {"value": "x" * 2001}), "/elements/0/value: must be less than 2001 characters"),
    (actions(BUTTON | {"style": "default"}), "/elements/0/style: must be one of primary, danger"),
    (actions(BUTTON | {"url": "x" * 3001}), "/elements/0/url: must be less than 3001 characters"),
    (actions(BUTTON | {"confirm": {**CONFIRM, "title": plain("x" * 101)}}), "/elements/0/confirm/title/text: must be"),
    (actions(BUTTON | {"confirm": {"title": plain("x"), "text": plain("x"), "deny": plain("x")}}), "/elements/0/conf"),
    (actions(BUTTON | {"confirm": {**CONFIRM, "deny": plain("x" * 31)}}), "/elements/0/confirm/deny/text: must be"),
    (actions({"type": "overflow", "action_id": "o", "options": many(6)}), "/elements/0/options: no more than 5"),
    ({"type": "image", "image_url": "https://a"}, ": missing required field: alt_text"),
    ({"type": "alert", "text": plain("x")}, "/type: unsupported type: alert"),
    ({"type": "markdown", "text": "x" * 12_001}, "/text: must be less than 12001 characters"),
    (field("file_input") | {"dispatch_action": True}, "/dispatch_action: is not supported with file_input"),
    (field("url_text_input") | {"label": plain("x" * 2001)}, "/label/text: must be less than 2001 characters"),
    (field("url_text_input") | {"hint": plain("x" * 2001)}, "/hint/text: must be less than 2001 characters"),
    (field("url_text_input") | {"optional": "yes"}, "/optional: must provide a boolean"),
]


@pytest.mark.parametrize(("block", "problem"), BAD_BLOCKS, ids=[f"{b['type']}{p}" for b, p in BAD_BLOCKS])
def test_a_block_that_slack_refuses_is_refused_with_the_place(block: JSON, problem: str) -> None:
    found = message_problems([block])
    assert found, "nothing found"
    assert found[0].startswith(f"/blocks/0{problem}"), found


def test_a_message_has_at_most_fifty_blocks_one_table_and_forty_thousand_characters() -> None:
    table = MESSAGE_BLOCKS[len(ORDINARY) + 1]
    assert message_problems([DIVIDER] * 51) == ["/blocks: no more than 50 items allowed"]
    assert message_problems([table, table]) == ["/blocks: no more than 1 table allowed"]
    assert message_problems([], "x" * 40_001) == ["/text: must be less than 40001 characters"]
    assert message_problems([], "") == ["/text: no text and no blocks"]
    long = {"type": "markdown", "text": "x" * 7000}
    assert message_problems([long, long]) == ["/blocks: markdown blocks must be less than 12001 characters together"]


@pytest.mark.parametrize("nonsense", [None, 3, "modal", [], {}, {"type": None}, {"type": ["modal"]}])
def test_nonsense_is_a_problem_and_never_an_exception(nonsense: Any) -> None:
    assert view_problems(nonsense)
    assert message_problems([nonsense])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in some JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def spoilt(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """A copy with one place taken out (`...`) or replaced."""
    whole = target = copy.deepcopy(value)
    for key in path[:-1]:
        target = target[key]
    if junk is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = junk
    return whole


JUNK = [..., "", "x", "mrkdwn", "button", 0, -1, 1.5, True, [], {}, [[]], {"type": "mrkdwn", "text": "x"}]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_whatever_is_spoilt_nothing_is_raised_and_nothing_accepted_that_slacks_schema_refuses(
    data: st.DataObject,
) -> None:
    modal = modal_with(data.draw(st.sampled_from(MODAL["blocks"])))
    message = [data.draw(st.sampled_from(MESSAGE_BLOCKS))]
    for whole, problems, name in ((modal, view_problems, "modal-view"), (message, message_problems, "message-blocks")):
        path = data.draw(st.sampled_from(sorted(places(whole), key=str)))
        bad = spoilt(whole, path, data.draw(st.sampled_from(JUNK)))
        if bad and not problems(bad) and (SLACK / f"{name}.schema.json").exists():
            assert list(validator(name).iter_errors(bad)) == []


def test_an_initial_option_may_lack_what_slack_fills_in() -> None:
    chosen = {"text": plain("Small") | {"emoji": True}, "value": "small"}
    assert view_problems(modal_with(field("static_select", options=OPTIONS, initial_option=chosen))) == []
