"""Socket Mode: the WebSocket connections of the apps, and what goes over them.

An envelope goes to any one of an app's connections; the app acknowledges it by `envelope_id`, possibly with a payload.
Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import json
import secrets
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

JSON = dict[str, Any]
MOST_CONNECTIONS = 10
GRACE_SECONDS = 10.0


class Connection:
    """One open WebSocket of an app."""

    def __init__(self, app_id: str, socket: WebSocket) -> None:
        self.app_id = app_id
        self._socket = socket
        self._loop = asyncio.get_running_loop()

    def send(self, message: JSON) -> None:
        """From any thread but the server's own."""
        asyncio.run_coroutine_threadsafe(self._socket.send_text(json.dumps(message)), self._loop).result(timeout=5)

    def close_later(self, seconds: float) -> None:
        """Close it if the app has not left by then."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, self._close)

    def _close(self) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            self._closing = self._loop.create_task(self._socket.close())


class Sockets:
    """All connections of a workspace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: dict[str, str] = {}
        self._connections: list[Connection] = []
        self._awaited: dict[str, Future[Any]] = {}

    def ticket(self, app_id: str) -> str:
        """A ticket for one connection; what `apps.connections.open` puts into the address."""
        ticket = secrets.token_hex(16)
        with self._lock:
            self._tickets[ticket] = app_id
        return ticket

    def connected(self, app_id: str) -> int:
        """How many connections an app has."""
        with self._lock:
            return sum(connection.app_id == app_id for connection in self._connections)

    def deliver(self, app_id: str, kind: str, payload: JSON, patience: float, **more: Any) -> tuple[int | None, Any]:
        """Send an envelope and wait for its acknowledgement: 200 and the payload, or None.

        Status 503 means that the app has no connection, None that it did not acknowledge in time.
        """
        connection = self._next(app_id)
        if connection is None:
            return 503, None
        envelope = secrets.token_hex(16)
        with self._lock:
            answer = self._awaited[envelope] = Future()
        message = {"type": kind, "envelope_id": envelope, "payload": payload, **more}
        try:
            connection.send(message | {"accepts_response_payload": kind != "events_api"})
            return 200, answer.result(timeout=patience)
        except (FutureTimeoutError, RuntimeError, WebSocketDisconnect):
            return None, None
        finally:
            with self._lock:
                self._awaited.pop(envelope, None)

    def disconnect(self, app_id: str, reason: str = "refresh_requested") -> None:
        """Tell an app's connections to go: they get no more payloads, and are closed if they do not leave."""
        with self._lock:
            mine = [connection for connection in self._connections if connection.app_id == app_id]
            self._connections = [connection for connection in self._connections if connection not in mine]
        for connection in mine:
            connection.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}})
            connection.close_later(GRACE_SECONDS)

    async def serve(self, socket: WebSocket) -> None:
        """The endpoint: hello, then acknowledgements until the app goes."""
        with self._lock:
            app_id = self._tickets.pop(socket.query_params.get("ticket", ""), None)
        await socket.accept()
        if app_id is None:
            await socket.close(code=1008, reason="invalid ticket")
            return
        connection = Connection(app_id, socket)
        if not await self._welcome(connection, socket):
            return
        try:
            async for text in socket.iter_text():
                self._acknowledge(text)
        finally:
            with self._lock:
                self._connections = [other for other in self._connections if other is not connection]

    async def _welcome(self, connection: Connection, socket: WebSocket) -> bool:
        with self._lock:
            count = sum(other.app_id == connection.app_id for other in self._connections) + 1
        if count > MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            await socket.close()
            return False
        hello = {
            "type": "hello",
            "num_connections": count,
            "connection_info": {"app_id": connection.app_id},
            "debug_info": {"host": "local", "approximate_connection_time": 18_060},
        }
        with self._lock:
            self._connections.append(connection)
        await socket.send_json(hello)
        return True

    def _next(self, app_id: str) -> Connection | None:
        """The connections take turns: an app with several must not count on one."""
        with self._lock:
            for connection in self._connections:
                if connection.app_id == app_id:
                    self._connections.remove(connection)
                    self._connections.append(connection)
                    return connection
            return None

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        with self._lock:
            awaited = self._awaited.pop(str(message.get("envelope_id")), None)
        if awaited is not None:
            awaited.set_result(message.get("payload"))
