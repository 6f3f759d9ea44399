"""The workspace's whole way over each transport, its commands and shortcuts."""

from typing import Any

from slack_bolt import App

from bot.demo.slack.client import Client
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.entities import View
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer
from tests.integration.workspace.forms import (
    JSON,
    answers,
    button,
    card,
    falls_silent,
    field,
    modal,
    noting,
    open_form,
    opens,
    option,
    plain,
    shown,
)


def home_of(person: Client) -> View:
    home = person.home()
    assert home is not None
    return home


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
