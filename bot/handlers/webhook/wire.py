"""HTTP to addresses that somebody else chose: bounded in time and size, and into no private network unasked.

A name is resolved once and the connection goes to an address that was checked, so a name that leads elsewhere a moment
later (DNS rebinding) leads nowhere. TLS still verifies the name. There are no proxies, cookies or `.netrc` here, and
no URL is logged, as it may hold a token (httpcore logs the headers of answers at DEBUG, httpx the URL at INFO, so it is
not the client here).
"""

import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Any

import httpcore
import httpx
from typing_extensions import override

from bot.errors import Misconfigured, PermanentError, TemporaryError

#: Bytes of an answer's body.
MAX_BODY = 1024 * 1024

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_NAT64_LOCAL = ip_network("64:ff9b:1::/48")  # RFC 8215: private, which Python 3.11 does not know
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def address(url: str) -> httpx.URL:
    """Reads a URL. Raises ValueError unless it is an absolute `http` or `https` one without credentials."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("not a URL") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("a URL begins with https:// or http:// and a host")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise ValueError(f"{parsed.port} is no port")
    if parsed.userinfo:
        raise ValueError("a URL has no user or password in it: use a header with a Secret")
    return parsed


def shown(url: httpx.URL, *, hidden: bool = False) -> str:
    """The URL for people: without its query, where tokens are; of one that is a secret, only where it leads to."""
    return f"{url.scheme}://{url.host}" if hidden else str(url.copy_with(query=None, fragment=None))


@dataclass(frozen=True)
class Reach:
    """Who may be called although private. Public addresses always may."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Reach":
        """Reads `build.internal, 10.1.0.0/16`. Raises Misconfigured."""
        hosts, networks = set[str](), list[IPv4Network | IPv6Network]()
        for entry in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ip_network(entry))
            except ValueError:
                hosts.add(_host(entry))
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, place: IPv4Address | IPv6Address) -> bool:
        """True if `host`, which resolved to `place`, may be called."""
        place = getattr(place, "ipv4_mapped", None) or place
        return host in self.hosts or _public(place) or any(place in network for network in self.networks)


def _host(entry: str) -> str:
    if not _HOST.fullmatch(entry):
        raise Misconfigured(
            f"{entry!r} is neither a host nor a network",
            where="ALLOWED_PRIVATE_HOSTS",
            hint="Write names without a port, or networks such as 10.1.0.0/16, with commas between.",
        )
    return entry


def _public(place: IPv4Address | IPv6Address) -> bool:
    if isinstance(place, IPv6Address):
        if place in _NAT64:
            return _public(IPv4Address(int(place) & 0xFFFFFFFF))
        if place.is_site_local or place.sixtofour or place.teredo or place in _NAT64_LOCAL:
            return False
    return place.is_global and not place.is_multicast


@dataclass(frozen=True)
class Message:
    """One HTTP request, secrets resolved: nothing prints it."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None = None
    #: The URL is itself a secret.
    hidden: bool = False

    @property
    def title(self) -> str:
        """How an error names it."""
        return f"{self.method} {shown(self.url, hidden=self.hidden)}"

    def __repr__(self) -> str:
        return f"<{self.title}>"


@dataclass(frozen=True)
class Reply:
    """What came back; names of headers in lower case. The body is read of a success only."""

    message: Message
    status: int
    headers: Mapping[str, str]
    content: bytes


@cache
def _public_tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()  # reads some hundred certificates


class Wire:
    """Sends messages; called from several threads. A message has `seconds` in all, from connecting to the last byte."""

    def __init__(self, reach: Reach, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        self._seconds = seconds
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or _public_tls(),
            # A connection per message: each is checked, and each has its own time.
            max_keepalive_connections=0,
            network_backend=_CheckedNetwork(reach, seconds),
        )

    def send(self, message: Message) -> Reply:
        """Raises TemporaryError if there is no whole answer, PermanentError if it may not be had."""
        try:
            return self._exchange(message)
        except httpcore.TimeoutException:
            raise TemporaryError(f"{message.title}: no answer within {self._seconds:g} seconds") from None
        except httpcore.NetworkError as error:
            raise TemporaryError(f"{message.title}: no connection ({error})") from error
        except httpcore.ProtocolError:  # its text quotes what came
            raise TemporaryError(f"{message.title}: the line was cut, or it does not speak HTTP") from None

    def _exchange(self, message: Message) -> Reply:
        url = message.url
        headers = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", **message.headers}
        with self._pool.stream(
            message.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()],
            content=message.content,
            extensions={"timeout": {"pool": self._seconds}},
        ) as response:
            content = _body(message, response) if 200 <= response.status < 300 else b""
            return Reply(message, response.status, _texts(response.headers), content)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _body(message: Message, response: httpcore.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_stream():
        content += chunk
        if len(content) > MAX_BODY:
            raise PermanentError(f"{message.title}: it was done, but the answer is longer than {MAX_BODY:,} bytes")
    return bytes(content)


class _CheckedNetwork(httpcore.NetworkBackend):
    def __init__(self, reach: Reach, seconds: float) -> None:
        self._reach, self._seconds = reach, seconds
        self._network = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        ends = monotonic() + self._seconds
        refused: Exception = httpcore.ConnectError(f"{host} has no address")
        for place in self._places(host, port):
            try:
                stream = self._network.connect_tcp(place, port, _left(ends), local_address, socket_options)
            except httpcore.ConnectError as error:
                refused = error
            else:
                return _TimedStream(stream, ends)
        raise refused

    def _places(self, host: str, port: int) -> list[str]:
        """The addresses of `host` that may be called."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be found") from error
        places = list(dict.fromkeys(str(info[4][0]) for info in found))
        allowed = [place for place in places if self._reach.allows(host, ip_address(place))]
        if places and not allowed:
            raise PermanentError(f"{host} is a private address, and ALLOWED_PRIVATE_HOSTS does not have it")
        return allowed


class _TimedStream(httpcore.NetworkStream):
    """A stream that ends on time, also when the other side sends a byte now and then."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(self._ends)), self._ends)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
