"""Socket Mode beyond messages: leaving with everything acknowledged, and a line that is dead without being cut."""

import threading
from pathlib import Path

import pytest

from bot.demo.slack.workspace import Workspace
from bot.slack import socket_mode
from tests.integration.line import Line
from tests.integration.office import Office, buttons, opened


def is_answered(office: Office) -> bool:
    """Whether the bot acknowledges what somebody does."""
    office.ada.type_command("#general", "/platform help")
    return office.workspace.deliveries()[-1].status == 200


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "PONG", 0.5)


def connections(workspace: Workspace) -> int:
    (app,) = workspace.apps.values()
    return workspace.sockets.connected(app.id)


def state(office: Office, number: str) -> str:
    service = office.process.service
    return str(service.show(service.person(office.ada.me.id), number).state)


def test_a_process_that_is_told_to_stop_acknowledges_what_it_has_before_it_disconnects(tmp_path: Path) -> None:
    with opened(tmp_path, socket_mode=True) as office:
        number = office.ask(office.ada)
        office.until(lambda: "approve" in buttons(office.card(number)))
        socket = office.process.socket
        assert socket is not None
        pressed = threading.Thread(target=office.press, args=(office.grace, "approve", number))
        stopped = threading.Thread(target=socket.stop)
        with office.process.database.write():  # one at a time, on SQLite: the click cannot be stored yet
            pressed.start()
            client = socket._client
            with client._changed:
                assert client._changed.wait_for(lambda: client._waiting, 5)
            stopped.start()
            stopped.join(0.3)
            assert connections(office.workspace) == 1
        pressed.join()
        stopped.join()
        assert office.workspace.deliveries()[-1].status == 200, "it was acknowledged"
        assert state(office, number) != "awaiting_approval"
        office.until(lambda: connections(office.workspace) == 0)


def test_a_process_does_not_stay_for_longer_than_slack_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(socket_mode, "_LONGEST_STAY", 0.1)
    with opened(tmp_path, socket_mode=True) as office:
        assert office.process.socket is not None
        office.process.socket._client._count(1)  # an acknowledgement that does not come
        office.process.socket.stop()
    assert "disconnected while something was not acknowledged" in caplog.text


# websocket-client forgets a socket that is closed by another thread while it connects; it goes with the next collection.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning")
def test_a_line_that_is_dead_without_being_cut_is_found_and_another_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "PING", 1.0)
    with opened(tmp_path, socket_mode=True) as office:
        workspace = office.workspace
        line, (app,) = Line(workspace.base_url), workspace.apps.values()
        try:
            workspace.base_url = f"http://127.0.0.1:{line.port}"
            workspace.sockets.disconnect(app.id)  # the next one goes by the line
            office.until(lambda: connections(workspace) == 1)
            line.silence()  # and nobody says so
            office.until(lambda: is_answered(office), 20)
        finally:
            line.close()
