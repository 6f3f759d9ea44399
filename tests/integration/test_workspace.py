"""An unchanged Bolt app in the workspace, over signed HTTP and over Socket Mode: what people see and what the app gets."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler as BuiltinHandler
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler as WebsocketHandler
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bot.demo.server import build
from bot.demo.slack import interactions
from bot.demo.slack.client import Client, NotOnScreen
from bot.demo.slack.delivery import deliver, sign
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.entities import View
from bot.demo.slack.population import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, populated
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer

JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def option(value: str) -> JSON:
    return {"text": plain(value.title()), "value": value}


def field(block_id: str, kind: str = "plain_text_input", **more: Any) -> JSON:
    outer: JSON = {key: more.pop(key) for key in ("optional", "dispatch_action") if key in more}
    element = {"type": kind, "action_id": "answer", **more}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **outer}


def modal(*blocks: JSON, title: str = "Form", **more: Any) -> JSON:
    view = {"type": "modal", "callback_id": "form", "title": plain(title), "submit": plain("Send"), **more}
    return view | {"blocks": list(blocks) or [{"type": "section", "text": plain("Nothing to fill in")}]}


def button(action_id: str, value: str = "REQ-1") -> JSON:
    return {"type": "button", "action_id": action_id, "text": plain(action_id.title()), "value": value}


def card(*elements: JSON) -> list[JSON]:
    return [
        {"type": "section", "text": plain("REQ-1")},
        {"type": "actions", "block_id": "card", "elements": [*elements]},
    ]


@pytest.fixture(scope="module")
def slack_server() -> Iterator[StandingServer]:
    with StandingServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def app_server() -> Iterator[StandingServer]:
    with StandingServer().running() as server:
        yield server


@pytest.fixture
def workspace(slack_server: StandingServer) -> Workspace:
    workspace = populated()
    workspace.base_url = slack_server.url
    slack_server.serve(build(workspace))
    return workspace


@pytest.fixture
def installed(workspace: Workspace) -> Installed:
    return next(iter(workspace.apps.values()))


@pytest.fixture
def bolt(workspace: Workspace) -> App:
    """The app under test; the tests add their listeners."""
    client = WebClient(token=BOT_TOKEN, base_url=f"{workspace.base_url}/api/")
    return App(client=client, signing_secret=SIGNING_SECRET)


@pytest.fixture
def over_http(bolt: App, installed: Installed, app_server: StandingServer) -> None:
    handler = SlackRequestHandler(bolt)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    app_server.serve(Starlette(routes=[Route("/slack/events", events, methods=["POST"])]))
    installed.request_url = f"{app_server.url}/slack/events"


@pytest.fixture(params=["http", "builtin socket", "websocket_client socket"])
def connected(request: pytest.FixtureRequest, workspace: Workspace, installed: Installed, bolt: App) -> Iterator[None]:
    if request.param == "http":
        request.getfixturevalue("over_http")
        yield
        return
    kind: Any = BuiltinHandler if request.param.startswith("builtin") else WebsocketHandler
    handler = kind(bolt, app_token=APP_TOKEN)
    handler.connect()
    workspace.until(lambda: workspace.sockets.connected(installed.id))
    yield
    handler.close()


@pytest.fixture
def ada(workspace: Workspace) -> Client:
    return workspace.person("ada")


def noting(seen: list[Any], what: Callable[[JSON], Any] = lambda body: body) -> Callable[[Any, JSON], None]:
    """A listener that acknowledges and notes something of the payload."""

    def listener(ack: Any, body: JSON) -> None:
        seen.append(what(body))
        ack()

    return listener


def shown(person: Client) -> View:
    """The modal that they see; there must be one."""
    view = person.view()
    assert view is not None
    return view


def home_of(person: Client) -> View:
    home = person.home()
    assert home is not None
    return home


def opens(bolt: App, view: JSON, answer: JSON | None = None) -> list[JSON]:
    """/platform opens this view; each submission ends up in the list, and is acknowledged with `answer` as it is then."""
    submissions: list[JSON] = []

    @bolt.command("/platform")
    def command(ack: Any, command: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=command["trigger_id"], view=view)

    @bolt.view("form")
    def submitted(ack: Any, body: Any) -> None:
        submissions.append(body)
        ack(**(answer or {}))

    return submissions


def open_form(workspace: Workspace, ada: Client) -> View:
    ada.type_command("#general", "/platform")
    assert ada.notice() is None
    workspace.until(ada.view)
    return shown(ada)


# -- the whole way, over each transport


def test_the_whole_way(workspace: Workspace, bolt: App, ada: Client, connected: None) -> None:
    """A command, an external select, errors, a submission, a card, a button, an answer for one person, an event."""
    answer: JSON = {"response_action": "errors", "errors": {"name": "That name is taken."}}
    offering = field("offering", "external_select", min_query_length=2)
    submissions = opens(bolt, modal(field("name"), offering), answer)

    @bolt.options("answer")
    def options(ack: Any, payload: Any) -> None:
        ack(options=[option(name) for name in ("postgres", "access") if payload["value"] in name])

    @bolt.action("approve")
    def approve(ack: Any, body: Any, client: Any, respond: Any) -> None:
        ack()
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="approved", blocks=[])
        respond("You approved it.")

    @bolt.event("app_home_opened")
    def opened(event: Any, client: Any) -> None:
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": card()[:1]})

    view = open_form(workspace, ada)
    ada.fill({"name": "orders", "offering": "postgres"})
    ada.submit()
    assert ada.errors() == {"name": "That name is taken."}
    assert shown(ada).values["name"]["answer"]["value"] == "orders"
    answer.clear()
    ada.submit()
    assert (ada.view(), ada.notice()) == (None, None)
    assert (submissions[-1]["view"]["id"], submissions[-1]["user"]["id"]) == (view.id, "U01ADA")
    assert answers(submissions[-1]) == {"name": "orders", "offering": option("postgres")}

    posted = bolt.client.chat_postMessage(channel="#access", text="REQ-1", blocks=card(button("approve")))
    ada.click("#access", posted["ts"], "approve")
    told = [("approved", False), ("You approved it.", True)]
    workspace.until(lambda: [(m.text, m.ephemeral) for m in ada.sees("#access")] == told)
    assert [m.text for m in workspace.person("grace").sees("#access")] == ["approved"]

    ada.open_home()
    workspace.until(ada.home)


def test_a_suggestion_waits_for_enough_letters_and_shows_none_of_too_many(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    opens(bolt, modal(field("offering", "external_select")))
    bolt.options("answer")(lambda ack: ack(options=[option(f"o{number}") for number in range(101)]))
    open_form(workspace, ada)
    assert ada.suggest("offering", "po") == []
    assert workspace.deliveries("block_suggestion") == []
    assert ada.suggest("offering", "pos") == []
    assert "no more than 100 items" in workspace.complaints()[0]


def test_a_button_on_the_home_tab_changes_it(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    @bolt.action("again")
    def again(ack: Any, body: Any, client: Any) -> None:
        ack()
        view = {"type": "home", "blocks": [{"type": "header", "text": plain("Again")}]}
        client.views_publish(user_id=body["user"]["id"], hash=body["view"]["hash"], view=view)

    bolt.client.views_publish(user_id="U01ADA", view={"type": "home", "blocks": card(button("again"))})
    ada.press("again")
    workspace.until(lambda: home_of(ada).blocks[0]["type"] == "header")


# -- slash commands


def test_a_commands_text_comes_with_people_groups_channels_and_addresses_in_brackets(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[str] = []
    bolt.command("/platform")(noting(seen, lambda body: body["text"]))
    ada.type_command("#general", "/platform ask @grace @dba #access a@example.com https://a.example <b> & @nobody")
    sent = (
        "ask <@U01GRACE|grace> <!subteam^S01DBA|@dba> <#C01ACCESS|access> <mailto:a@example.com|a@example.com>"
        " <https://a.example> &lt;b&gt; &amp; @nobody"
    )
    assert seen == [sent]


def test_an_acknowledgement_with_text_is_for_one_person_or_for_all(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    @bolt.command("/platform")
    def command(ack: Any, command: Any) -> None:
        if command["text"] == "loud":
            ack(response_type="in_channel", text="Everybody", blocks=card(button("x")))
        else:
            ack("Only you")

    ada.type_command("#general", "/platform quiet")
    ada.type_command("#general", "/platform loud")
    assert [m.text for m in ada.sees("#general")] == ["Only you", "/platform loud", "Everybody"]
    assert [m.text for m in workspace.person("grace").sees("#general")] == ["/platform loud", "Everybody"]


def falls_silent(app_server: StandingServer) -> None:
    """From now on the app answers only after half a second."""

    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.5)
        return Response()

    app_server.serve(Starlette(routes=[Route("/slack/events", slow, methods=["POST"])]))


def test_a_command_that_is_not_answered_says_so(
    workspace: Workspace, ada: Client, over_http: None, app_server: StandingServer
) -> None:
    falls_silent(app_server)
    workspace.patience = 0.1
    ada.type_command("#general", "/platform slow")
    assert ada.notice() == '/platform failed with the error "operation_timeout"'
    ada.type_command("#general", "/nothing")
    assert ada.notice() == "/nothing is not a valid command."


def test_a_command_whose_answer_is_no_message_says_so(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    bolt.command("/platform")(lambda ack: ack(blocks=[{"type": "nothing"}], text="x"))
    ada.type_command("#general", "/platform bad")
    assert ada.notice() == '/platform failed with the error "dispatch_failed"'
    assert "unsupported type: nothing" in workspace.complaints()[0]


def test_without_an_app_a_command_fails_at_once(workspace: Workspace, ada: Client, installed: Installed) -> None:
    ada.type_command("#general", "/platform")
    assert ada.notice() == '/platform failed with the error "dispatch_failed"'
    installed.request_url = "http://127.0.0.1:9/slack/events"
    ada.type_command("#general", "/platform")
    assert ada.notice() == '/platform failed with the error "dispatch_failed"'
    assert [delivery.status for delivery in workspace.deliveries("slash_commands")] == [503, 503]


# -- what a modal holds and sends

OPTIONS = [option("small"), option("large")]
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


def answers(submission: JSON) -> JSON:
    """Without the types: `{block_id: what it holds}`."""
    values = submission["view"]["state"]["values"]
    return {block: next(v for k, v in state["answer"].items() if k != "type") for block, state in values.items()}


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


# -- what an acknowledgement of a submission does


def test_a_submission_can_update_push_and_clear(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    answer: JSON = {"response_action": "push", "view": modal(title="Second")}
    opens(bolt, modal(field("name", optional=True)), answer)
    open_form(workspace, ada)
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form", "Second"]
    answer |= {"response_action": "update", "view": modal(title="Changed")}
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form", "Changed"]
    answer.clear()
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form"]
    answer |= {"response_action": "push", "view": modal(title="Second")}
    ada.submit()
    del answer["view"]
    answer["response_action"] = "clear"
    ada.submit()
    assert ada.views() == []


UNUSABLE = [
    ({"response_action": "errors", "errors": {"nothing": "x"}}, "errors for what is no input block: nothing"),
    ({"response_action": "errors", "errors": {"name": ""}}, "an error without a text"),
    ({"response_action": "dance"}, "no known response_action: dance"),
    ({"response_action": "update", "view": modal(title="x" * 25)}, "must be less than 25 characters"),
    ({"response_action": "push", "view": modal({"type": "x"})}, "unsupported type: x"),
]


@pytest.mark.parametrize(("answer", "reason"), UNUSABLE, ids=[reason for _, reason in UNUSABLE])
def test_an_unusable_answer_is_trouble_for_the_person_and_a_complaint_for_the_test(
    workspace: Workspace, bolt: App, ada: Client, over_http: None, answer: JSON, reason: str
) -> None:
    opens(bolt, modal(field("name", optional=True)), answer)
    open_form(workspace, ada)
    ada.submit()
    assert ada.notice() == "We had some trouble connecting. Try again?"
    assert shown(ada).title == "Form"
    assert reason in workspace.complaints()[0]


def test_a_submission_that_is_not_answered_stays_open(
    workspace: Workspace, bolt: App, ada: Client, over_http: None, app_server: StandingServer
) -> None:
    opens(bolt, modal(field("name", optional=True)))
    open_form(workspace, ada)
    falls_silent(app_server)
    workspace.patience = 0.1
    ada.submit()
    assert ada.notice() == "We had some trouble connecting. Try again?"
    assert ada.view() is not None
    assert workspace.deliveries("view_submission")[0].status is None


def test_cancel_with_clear_on_close_takes_the_stack_along(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    view = modal(title="Top", clear_on_close=True)
    opens(bolt, modal(), {"response_action": "push", "view": view})
    open_form(workspace, ada)
    ada.submit()
    ada.close()
    assert ada.views() == []


def test_closing_tells_the_app_if_it_asked(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    closed: list[tuple[str, bool]] = []
    bolt.view_closed("form")(noting(closed, lambda body: (body["view"]["title"]["text"], body["is_cleared"])))
    view = modal(title="Root", notify_on_close=True)
    opens(bolt, view, {"response_action": "push", "view": view | {"title": plain("Top")}})
    open_form(workspace, ada)
    ada.close()
    assert closed == [("Root", False)]
    open_form(workspace, ada)
    ada.submit()
    ada.close_all()
    assert (ada.views(), closed[1:]) == ([], [("Top", True), ("Root", True)])


# -- actions inside a modal


def test_an_action_in_a_modal_carries_the_view_and_a_stale_hash_is_refused(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []
    select = {"type": "static_select", "action_id": "pick", "options": OPTIONS}
    view = modal(
        field("name", optional=True), {"type": "actions", "block_id": "a", "elements": [select, button("more")]}
    )
    opens(bolt, view)

    @bolt.action("more")
    @bolt.action("pick")
    def more(ack: Any, body: Any, client: Any) -> None:
        ack()
        seen.append(body)

    open_form(workspace, ada)
    ada.fill({"name": "orders"})
    ada.press("pick", "large")
    ada.press("more")
    pick, more_ = seen
    assert pick["actions"][0]["selected_option"] == OPTIONS[1]
    assert (pick["container"], "message" in pick) == ({"type": "view", "view_id": shown(ada).id}, False)
    state = more_["view"]["state"]["values"]
    assert (state["name"]["answer"]["value"], state["a"]["pick"]["selected_option"]) == ("orders", OPTIONS[1])
    assert more_["actions"][0]["value"] == "REQ-1"
    known = more_["view"]["hash"]
    bolt.client.views_update(view_id=shown(ada).id, hash=known, view=view | {"title": plain("New")})
    assert shown(ada).values["name"]["answer"]["value"] == "orders", "what was typed stays"
    answer = bolt.client.views_update
    with pytest.raises(Exception, match="hash_conflict"):
        answer(view_id=shown(ada).id, hash=known, view=view)


def test_what_was_typed_goes_when_the_block_id_changes(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    opens(bolt, modal(field("name")))
    open_form(workspace, ada)
    ada.fill({"name": "orders"})
    again = modal(field("name", initial_value="ignored"), field("name2", initial_value="fresh"))
    bolt.client.views_update(view_id=shown(ada).id, view=again)
    held = {block: state["answer"]["value"] for block, state in shown(ada).values.items()}
    assert held == {"name": "orders", "name2": "fresh"}


def test_a_field_that_dispatches_tells_the_app_at_once(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []
    opens(bolt, modal(field("size", "static_select", options=OPTIONS, dispatch_action=True)))
    bolt.action("answer")(noting(seen, lambda body: body["actions"][0]))
    open_form(workspace, ada)
    ada.fill({"size": "large"})
    assert (seen[0]["block_id"], seen[0]["selected_option"]) == ("size", OPTIONS[1])


def test_a_trigger_of_an_action_pushes_a_view(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    opens(bolt, modal({"type": "actions", "elements": [button("more")]}))

    @bolt.action("more")
    def more(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_push(trigger_id=body["trigger_id"], view=modal(title="Pushed"))

    open_form(workspace, ada)
    ada.press("more")
    workspace.until(lambda: len(ada.views()) == 2)
    assert shown(ada).root_id == ada.views()[0].id


# -- messages and response URLs


def test_a_select_and_an_overflow_on_a_message_send_their_option(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []
    bolt.action("pick")(noting(seen))
    for kind in ("static_select", "overflow"):
        blocks = card({"type": kind, "action_id": "pick", "options": OPTIONS}, button("approve"))
        posted = bolt.client.chat_postMessage(channel="#access", text="x", blocks=blocks)
        ada.click("#access", posted["ts"], "pick", "large")
    assert [body["actions"][0]["selected_option"] for body in seen] == [OPTIONS[1], OPTIONS[1]]
    assert seen[0]["message"]["blocks"][1]["block_id"] == "card"
    assert seen[0]["state"]["values"]["card"]["pick"]["selected_option"] == OPTIONS[1]


def test_buttons_with_one_action_are_told_apart_by_value(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[str] = []
    bolt.action("show")(noting(seen, lambda body: body["actions"][0]["value"]))
    sections = [{"type": "section", "text": plain(n), "accessory": button("show", n)} for n in ("REQ-1", "REQ-2")]
    posted = bolt.client.chat_postMessage(channel="#access", text="x", blocks=sections)
    ada.click("#access", posted["ts"], "show", "REQ-2")
    assert seen == ["REQ-2"]


def test_a_click_that_the_app_does_not_answer_is_told(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    posted = bolt.client.chat_postMessage(channel="#access", text="x", blocks=card(button("unknown")))
    ada.click("#access", posted["ts"], "unknown")
    assert "Try again" in str(ada.notice())
    with pytest.raises(NotOnScreen):
        ada.click("#access", posted["ts"], "other")


def test_a_response_url_replaces_deletes_and_ends_after_five_uses(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    urls: list[str] = []
    bolt.action("approve")(noting(urls, lambda body: body["response_url"]))
    posted = bolt.client.chat_postMessage(channel="#access", text="x", blocks=card(button("approve")))
    ada.click("#access", posted["ts"], "approve")
    (url,) = urls

    def answer(**body: Any) -> int:
        return httpx.post(url, json=body).status_code

    assert answer(text="replaced", replace_original=True) == 200
    assert answer(text="for you") == 200
    assert answer(text="for all", response_type="in_channel") == 200
    assert [m.text for m in ada.sees("#access")] == ["replaced", "for you", "for all"]
    assert answer(text="x", blocks=[{"type": "nothing"}]) == 400
    assert answer(delete_original=True) == 200
    assert [m.text for m in ada.sees("#access")] == ["for you", "for all"]
    assert httpx.post(url, json={"text": "x"}).json()["error"] == "used_url"


def test_a_response_url_ends_after_thirty_minutes(workspace: Workspace, ada: Client, installed: Installed) -> None:
    url = interactions.response_url(workspace, installed, ada.me.id, "C01GENERAL")
    workspace.clock = lambda: time.time() + 30 * 60 + 1
    answer = httpx.post(url, json={"text": "x"})
    assert (answer.status_code, answer.json()["error"]) == (404, "expired_url")


def test_the_content_of_an_ephemeral_message_is_not_sent_back(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []

    @bolt.action("ok")
    def ok(ack: Any, body: Any, respond: Any) -> None:
        ack()
        respond("done", replace_original=True)
        seen.append(body)

    sent = bolt.client.chat_postEphemeral(channel="#general", user="U01ADA", text="psst", blocks=card(button("ok")))
    ada.click("#general", sent["message_ts"], "ok")
    workspace.until(lambda: seen)
    assert seen[0]["container"]["is_ephemeral"] is True
    assert "message" not in seen[0]
    assert [m.text for m in ada.sees("#general")] == ["done"]


def test_shortcuts_reach_the_app(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    seen: list[tuple[str, str]] = []
    bolt.shortcut("new")(noting(seen, lambda body: (body["type"], body.get("message", {}).get("text", ""))))
    said = ada.say("#general", "please")
    ada.run_shortcut("new")
    ada.run_shortcut("new", "#general", said.ts)
    assert seen == [("shortcut", ""), ("message_action", "please")]


# -- signatures and sockets


def test_a_delivery_is_signed_as_slack_signs(installed: Installed) -> None:
    now, body = str(int(time.time())), b"payload=%7B%7D"
    verifier = SignatureVerifier(SIGNING_SECRET)
    assert verifier.is_valid(body, now, sign(installed.signing_secret, now, body))
    assert not verifier.is_valid(body, now, sign("another", now, body))


def test_the_app_refuses_a_stale_signature(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    bolt.command("/platform")(lambda ack: ack("hello"))
    workspace.clock = lambda: time.time() - 301
    ada.type_command("#general", "/platform")
    assert workspace.deliveries("slash_commands")[0].status == 401
    assert ada.notice() == '/platform failed with the error "dispatch_failed"'


def test_who_joins_and_leaves_is_told_to_the_apps_of_the_channel(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[str] = []
    for event in ("member_joined_channel", "member_left_channel"):
        bolt.event(event)(noting(seen, lambda body: f"{body['event']['type']} {body['event']['channel']}"))
    for channel in ("#general", "#access"):
        ada.leave(channel)
        ada.join(channel)
    workspace.until(lambda: len(seen) == 2)
    assert sorted(seen) == ["member_joined_channel C01ACCESS", "member_left_channel C01ACCESS"]
    assert "U01ADA" in workspace.channel("#general").members


def test_a_repeated_event_says_which_attempt_it_is(
    workspace: Workspace, bolt: App, installed: Installed, over_http: None
) -> None:
    attempts: list[Any] = []

    def retried(req: Any) -> None:
        attempts.append(req.headers.get("x-slack-retry-num"))

    bolt.event("app_home_opened")(retried)
    payload = interactions.event(workspace, installed, {"type": "app_home_opened", "user": "U01ADA", "tab": "home"})
    deliver(workspace, installed, payload)
    deliver(workspace, installed, payload, retry=1, reason="http_timeout")
    workspace.until(lambda: len(attempts) == 2)
    assert sorted(attempts, key=str) == [None, ["1"]]


def socket_to(workspace: Workspace, installed: Installed) -> ClientConnection:
    """A raw connection of the app; use it in a `with`."""
    ticket = workspace.sockets.ticket(installed.id)
    return connect(f"{workspace.base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}")


def receive(socket: Any) -> JSON:
    message: JSON = json.loads(socket.recv(timeout=5))
    return message


def test_payloads_take_turns_over_the_sockets_and_wait_for_their_acknowledgement(
    workspace: Workspace, ada: Client, installed: Installed
) -> None:
    with socket_to(workspace, installed) as one, socket_to(workspace, installed) as two:
        assert [receive(socket)["num_connections"] for socket in (one, two)] == [1, 2]
        for number, socket in enumerate((one, two, one)):
            typing = threading.Thread(target=ada.type_command, args=("#general", f"/platform {number}"))
            typing.start()
            envelope = receive(socket)
            assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
            socket.send("no JSON is not an acknowledgement")
            socket.send(json.dumps({"envelope_id": envelope["envelope_id"], "payload": {"text": f"hello {number}"}}))
            typing.join()
    assert [m.text for m in ada.sees("#general")] == ["hello 0", "hello 1", "hello 2"]


def test_a_socket_that_is_told_to_go_gets_nothing_more(workspace: Workspace, ada: Client, installed: Installed) -> None:
    with socket_to(workspace, installed) as socket:
        receive(socket)
        workspace.sockets.disconnect(installed.id, "warning")
        assert receive(socket)["reason"] == "warning"
        ada.type_command("#general", "/platform")
    assert ada.notice() == '/platform failed with the error "dispatch_failed"'


def test_a_payload_that_is_not_acknowledged_is_a_timeout(
    workspace: Workspace, ada: Client, installed: Installed
) -> None:
    workspace.patience = 0.1
    with socket_to(workspace, installed):
        workspace.until(lambda: workspace.sockets.connected(installed.id))
        ada.type_command("#general", "/platform")
    assert ada.notice() == '/platform failed with the error "operation_timeout"'
    workspace.until(lambda: not workspace.sockets.connected(installed.id))


def test_a_socket_without_a_ticket_is_closed(workspace: Workspace, installed: Installed) -> None:
    url = f"{workspace.base_url.replace('http', 'ws', 1)}/link/?ticket=forged"
    with connect(url) as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=5)
    assert workspace.sockets.connected(installed.id) == 0


def test_the_eleventh_socket_is_too_many(workspace: Workspace, installed: Installed) -> None:
    with ExitStack() as sockets:
        first = [receive(sockets.enter_context(socket_to(workspace, installed))) for _ in range(11)]
    assert [message["type"] for message in first] == ["hello"] * 10 + ["disconnect"]
    assert first[-1]["reason"] == "too_many_websockets"


def test_waiting_ends_with_a_change_or_with_the_time(workspace: Workspace, ada: Client) -> None:
    before = workspace.version
    assert workspace.wait(before, 0.01) == before
    ada.say("#general", "hello")
    assert workspace.wait(before, 5) > before
    with pytest.raises(TimeoutError):
        workspace.until(lambda: False, timeout=0.01)


def test_the_sidebar_shows_what_one_may_see(workspace: Workspace, ada: Client) -> None:
    workspace.direct("U01ADA", "U01GRACE")
    names = {channel.name for channel in ada.channels()}
    assert {"general", "old-stuff"} < names
    assert "secret-plans" not in names
    assert "secret-plans" in {channel.name for channel in workspace.person("margaret@example.com").channels()}
    assert [channel.direct for channel in workspace.person("linus").channels()].count(True) == 0
    assert [command.name for command in ada.commands()] == ["/platform"]
