"""Socket Mode: Slack over a connection that we open, https://docs.slack.dev/apis/events-api/using-socket-mode ."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode.internals import run_bolt_app, send_response
from slack_sdk import WebClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.websocket_client import SocketModeClient
from websocket import WebSocketApp

log = logging.getLogger(__name__)

#: Seconds between attempts to reach Slack at boot, at the most.
_LONGEST_PAUSE = 30.0
#: Seconds between two pings, and until one without an answer says that nobody is there any more. A stop may wait as
#: long as the latter: slack_sdk's reader looks up no sooner.
PING, PONG = 10.0, 5.0
#: Seconds that Slack waits for an acknowledgement, so longer nobody needs to stay for one.
_LONGEST_STAY = 3.0
_ENVELOPE = "envelope_id"


class Socket:
    """Connected in the background until it works: a Slack that is down does not stop the boot."""

    def __init__(self, app: App, app_token: str, web: WebClient, concurrency: int) -> None:
        self._client = _Client(
            app_token, app.logger, web, ping_interval=PING, concurrency=concurrency, answer=partial(_answer, app)
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="socket-mode", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether Slack can reach us now."""
        return self._client.greeted

    def stop(self) -> None:
        """Disconnect, once all that has come in is acknowledged."""
        self._stop.set()
        if not self._client.settled(_LONGEST_STAY):
            log.warning(
                "disconnected while something was not acknowledged: Slack tells whoever did it, or sends it again"
            )
        self._client.close()

    def _connect(self) -> None:
        pause = 0.5
        while not self._stop.is_set():
            try:
                self._client.connect()
            except Exception as error:  # noqa: BLE001 - Slack is down or refuses us; either may change
                log.warning("Slack cannot be reached (%s); trying again in %.0f s", error, pause)
                self._stop.wait(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            else:
                return


class _Client(SocketModeClient):
    """slack_sdk's, which knows here what it has not acknowledged yet, and finds a line dead that nobody has cut."""

    def __init__(
        self, *given: Any, answer: Callable[[BaseSocketModeClient, SocketModeRequest], None], **more: Any
    ) -> None:
        self._changed, self._waiting = threading.Condition(), 0
        self._greeted: object = None
        super().__init__(*given, **more)
        self.socket_mode_request_listeners.append(answer)

    @property
    def greeted(self) -> bool:
        """Whether Slack has said hello on the connection of now: before that it sends nothing, open or not."""
        return self.is_connected() and self._greeted is self.current_session

    def settled(self, seconds: float) -> bool:
        """Wait until everything that came in is acknowledged; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, seconds)

    def enqueue_message(self, message: str) -> None:
        """As slack_sdk does."""
        self._count(1 if f'"{_ENVELOPE}"' in message else 0)
        super().enqueue_message(message)

    def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """As slack_sdk does."""
        if message.get("type") == "hello":
            self._greeted = self.current_session
        try:
            super().run_message_listeners(message, raw_message)
        finally:
            self._count(-1 if f'"{_ENVELOPE}"' in raw_message else 0)

    def _count(self, more: int) -> None:
        with self._changed:
            self._waiting += more
            self._changed.notify_all()

    def _run_current_session(self) -> None:
        """slack_sdk sends pings and does not look for their answers: a line without a far end lasted until TCP gave up."""
        session = self.current_session
        if session is not None:
            listen = partial(WebSocketApp.run_forever, session, ping_timeout=PONG)
            session.run_forever = listen  # type: ignore[method-assign]
        super()._run_current_session()  # type: ignore[no-untyped-call] # slack_sdk's


def _answer(app: App, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
    began = time.time()
    send_response(client, request, run_bolt_app(app, request), began)
