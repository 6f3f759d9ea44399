"""A system of ours that webhooks call: real HTTP on loopback, with scripted answers and a record of what came."""

import json
import ssl
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Arrival:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reaction:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Runs before the answer: waits, or writes to the line itself and raises ConnectionError.
    before: Callable[[BaseHTTPRequestHandler], None] | None = None


def answer(status: int = 200, body: Any = None, **headers: str) -> Reaction:
    """`retry_after="2"` is the header Retry-After."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Reaction(status, content, {name.replace("_", "-"): value for name, value in headers.items()})


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a caller that hung up, or did not like the certificate
            super().handle_error(request, client_address)


class Receiver:
    """`script(path, *reactions)`: one for each request to that path; the last one stays."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._scripts: dict[str, list[Reaction]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._request_handler())
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def script(self, path: str, *reactions: Reaction) -> str:
        """Returns the URL."""
        self._scripts[path] = list(reactions)
        return self.url(path)

    def react(self, arrival: Arrival) -> Reaction:
        reactions = self._scripts[urlsplit(arrival.path).path]
        if not reactions:
            return Reaction(404)
        return reactions.pop(0) if len(reactions) > 1 else reactions[0]

    def wrap(self, tls: ssl.SSLContext) -> None:
        """Speaks TLS from now on; a handshake is made when the connection is first read."""
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Request(BaseHTTPRequestHandler):
            def serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                text = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                arrival = Arrival(self.command, self.path, headers, json.loads(text) if text else None)
                with receiver._lock:
                    receiver.arrivals.append(arrival)
                    reaction = receiver.react(arrival)
                try:
                    self.respond(reaction)
                except ConnectionError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815  names that http.server calls

            def respond(self, reaction: Reaction) -> None:
                if reaction.before:
                    reaction.before(self)
                self.send_response(reaction.status)
                for name, value in ({"Content-Length": str(len(reaction.body))} | dict(reaction.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reaction.body)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        return Request
