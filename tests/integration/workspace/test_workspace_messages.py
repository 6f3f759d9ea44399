"""Messages in the workspace: their buttons, and their response URLs."""

import time
from typing import Any

import httpx
import pytest
from slack_bolt import App

from bot.demo.slack import interactions
from bot.demo.slack.client import Client, NotOnScreen
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.workspace import Workspace
from tests.integration.workspace.forms import JSON, OPTIONS, button, card, noting, plain


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
