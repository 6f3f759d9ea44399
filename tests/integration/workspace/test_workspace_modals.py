"""What a modal of the workspace holds, sends and refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import App

from bot.demo.slack.client import Client, NotOnScreen
from bot.demo.slack.workspace import Workspace
from tests.integration.workspace.forms import JSON, OPTIONS, answers, field, modal, open_form, opens, plain

ALL_FIELDS = [
    field("text", optional=True),
    field("number", "number_input", is_decimal_allowed=False, optional=True),
    field("mail", "email_text_input", optional=True),
    field("link", "url_text_input", optional=True),
    field("one", "static_select", options=OPTIONS, optional=True),
    field("many", "multi_static_select", options=OPTIONS, optional=True),
    field("radio", "radio_buttons", options=OPTIONS, optional=True),
    field("boxes", "checkboxes", options=OPTIONS, optional=True),
    field("tick", "checkboxes", options=OPTIONS[:1], optional=True),
    field("who", "users_select", optional=True),
    field("whom", "multi_users_select", optional=True),
    field("channel", "channels_select", optional=True),
    field("talk", "conversations_select", optional=True),
    field("talks", "multi_conversations_select", optional=True),
    field("day", "datepicker", optional=True),
    field("hour", "timepicker", optional=True),
    field("moment", "datetimepicker", optional=True),
]


def test_untouched_fields_are_sent_empty(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    submissions = opens(bolt, modal(*ALL_FIELDS))
    open_form(workspace, ada)
    ada.submit()
    listed = {"many", "boxes", "tick", "whom", "talks"}
    expected: JSON = {block["block_id"]: [] if block["block_id"] in listed else None for block in ALL_FIELDS}
    assert answers(submissions[0]) == expected


def test_every_kind_of_field_is_sent_as_slack_sends_it(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    submissions = opens(bolt, modal(*ALL_FIELDS))
    open_form(workspace, ada)
    filled = {
        "text": "Höhe 👋",
        "number": 5,
        "mail": "ada@example.com",
        "link": "https://a.example/x",
        "one": "small",
        "many": ["small", "Large"],
        "radio": "Large",
        "boxes": ["large"],
        "tick": True,
        "who": "@grace",
        "whom": ["ada", "U01GRACE"],
        "channel": "#access",
        "talk": "#general",
        "talks": ["#general"],
        "day": "2026-11-30",
        "hour": "09:05",
        "moment": 1_800_000_000,
    }
    ada.fill(filled)
    ada.submit()
    small, large = OPTIONS
    assert answers(submissions[0]) == filled | {
        "number": "5",
        "one": small,
        "many": [small, large],
        "radio": large,
        "boxes": [large],
        "tick": [small],
        "who": "U01GRACE",
        "whom": ["U01ADA", "U01GRACE"],
        "channel": "C01ACCESS",
        "talk": "C01GENERAL",
        "talks": ["C01GENERAL"],
    }


def test_initial_values_are_there_and_can_be_emptied(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    given = [
        field("text", initial_value="orders", optional=True),
        field("one", "static_select", options=OPTIONS, initial_option=OPTIONS[0], optional=True),
        field("boxes", "checkboxes", options=OPTIONS, initial_options=OPTIONS, optional=True),
        field("whom", "multi_users_select", initial_users=["U01ADA"], optional=True),
        field("moment", "datetimepicker", initial_date_time=1_800_000_000, optional=True),
    ]
    submissions = opens(bolt, modal(*given))
    open_form(workspace, ada)
    ada.submit()
    open_form(workspace, ada)
    ada.fill({"text": None, "one": None, "boxes": None, "whom": [], "moment": None})
    ada.submit()
    full = {"text": "orders", "one": OPTIONS[0], "boxes": OPTIONS, "whom": ["U01ADA"], "moment": 1_800_000_000}
    assert [answers(submission) for submission in submissions] == [
        full,
        {"text": None, "one": None, "boxes": [], "whom": [], "moment": None},
    ]


REFUSED_BY_THE_CLIENT = [
    (field("f"), None, "Please complete this required field."),
    (field("f"), "   ", "Please complete this required field."),
    (field("f", "checkboxes", options=OPTIONS[:1]), False, "Please complete this required field."),
    (field("f", "multi_users_select"), [], "Please complete this required field."),
    (field("f", min_length=3), "ab", "Must be at least 3 characters."),
    (field("f", max_length=3), "abcd", "Must be no more than 3 characters."),
    (field("f", "number_input", is_decimal_allowed=False), "x", "Please enter a number."),
    (field("f", "number_input", is_decimal_allowed=False), "1.5", "Please enter a whole number."),
    (field("f", "number_input", is_decimal_allowed=True, min_value="2"), "1.5", "Must be at least 2."),
    (field("f", "number_input", is_decimal_allowed=True, max_value="2"), "2.5", "Must be no more than 2."),
    (field("f", "email_text_input"), "ada", "Please enter a valid email address."),
    (field("f", "url_text_input"), "a.example", "Please enter a valid URL."),
    (field("f", "multi_static_select", options=OPTIONS, max_selected_items=1), ["small", "large"], "Please choose no more than 1."),
]  # fmt: skip


def test_what_the_client_refuses_never_reaches_the_app(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    view = modal()
    opens(bolt, view)
    for block, value, sentence in REFUSED_BY_THE_CLIENT:
        view["blocks"] = [block]
        open_form(workspace, ada)
        ada.fill({"f": value})
        ada.submit()
        assert ada.errors() == {"f": sentence}
        ada.close()
    assert workspace.deliveries("view_submission") == []


def test_an_act_that_the_screen_does_not_offer_is_not_possible(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    opens(bolt, {key: item for key, item in modal(close=plain("Back")).items() if key != "submit"})
    acts: list[Callable[[], Any]] = [ada.submit, lambda: ada.fill({"x": 1}), lambda: ada.press("x")]
    more: list[Callable[[], Any]] = [ada.close, lambda: ada.sees("#secret-plans")]
    for act in acts + more:
        with pytest.raises(NotOnScreen):
            act()
    open_form(workspace, ada)
    for act in acts:
        with pytest.raises(NotOnScreen):
            act()
    with pytest.raises(NotOnScreen):
        ada.suggest("x", "y")
    with pytest.raises(NotOnScreen):
        ada.click("#general", "1.1", "x")
