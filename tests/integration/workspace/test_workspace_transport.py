"""How the workspace delivers: signatures, sockets, attempts."""

import json
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.signature import SignatureVerifier
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bot.demo.slack import interactions
from bot.demo.slack.client import Client
from bot.demo.slack.delivery import deliver, sign
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.population import SIGNING_SECRET
from bot.demo.slack.workspace import Workspace
from tests.integration.workspace.forms import JSON, noting


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
