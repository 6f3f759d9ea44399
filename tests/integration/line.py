"""A line between two processes that can be cut: in between, everything that passes is handed on."""

import socket
import threading
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit


class Line:
    """Listens for one server, PostgreSQL's or another: on loopback, or at a `door` that is open already.

    `cut` refuses and breaks everything, `mend` lets it pass again.
    """

    def __init__(self, url: str, door: socket.socket | None = None) -> None:
        self._behind = urlsplit(url)
        self._whole, self._open = True, set[socket.socket]()
        self._silent = set[socket.socket]()
        self._door = door or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._answer, daemon=True).start()

    @property
    def url(self) -> str:
        """The server's address by this line."""
        user, name = self._behind.username or "postgres", self._behind.path.lstrip("/")
        return f"postgresql+psycopg://{user}:{self._behind.password or ''}@127.0.0.1:{self.port}/{name}"

    @property
    def beside(self) -> str:
        """The server's address without this line, for psycopg itself."""
        return self._behind._replace(scheme="postgresql").geturl()

    def cut(self) -> None:
        """Nobody is on the other side any more."""
        self._whole = False
        for end in list(self._open):
            _break(end)

    def mend(self) -> None:
        """Somebody is there again."""
        self._whole = True

    def silence(self) -> None:
        """Whatever is open stays open, and nothing gets through any more; new connections are as before."""
        self._silent |= self._open

    def close(self) -> None:
        """Take it down."""
        self.cut()
        _break(self._door)

    def _answer(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                if not self._whole:
                    _break(caller)
                    continue
                server = self._server()
                self._open |= {caller, server}
                for one, other in ((caller, server), (server, caller)):
                    threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _server(self) -> socket.socket:
        folder = parse_qs(self._behind.query).get("host", [""])[0]
        if not folder:
            return socket.create_connection((self._behind.hostname or "127.0.0.1", self._behind.port or 5432))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.5432")
        return server

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if one not in self._silent:
                    other.sendall(data)
        for end in (one, other):
            self._open.discard(end)
            _break(end)


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
