"""Frontdesk over HTTP, as one person."""

import mimetypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from bot import settings
from bot.cli.failures import NOT_FOUND, REFUSED, SIGNED_OUT, UNREACHABLE, USAGE, Failure

if TYPE_CHECKING:
    import httpx

JSON = dict[str, Any]

DEFAULT_URL = "http://127.0.0.1:3000"
_SECONDS = 30
_CODES = {401: SIGNED_OUT, 404: NOT_FOUND}


class Client:
    """Calls that answer with JSON or raise Failure. Close it, or use it as a context manager."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        import httpx  # noqa: PLC0415 - slow to import, and --help needs none

        given = settings.read().environment if environment is None else environment
        self.url = (given.get("FRONTDESK_URL", "").strip() or DEFAULT_URL).rstrip("/")
        token = given.get("FRONTDESK_TOKEN", "").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise Failure(SIGNED_OUT, "Set FRONTDESK_TOKEN to your token; `frontdesk token create PERSON` prints one.")
        self._http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, *path: str, **query: Any) -> JSON:
        """What is there; a query's None is left out."""
        return self.call("GET", *path, query=query)

    def post(self, *path: str, body: Any = None, key: str | None = None) -> JSON:
        """Something is done."""
        return self.call("POST", *path, body=body, key=key)

    def upload(self, name: str, content: bytes) -> JSON:
        """A file, as an answer that refers to it."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self._read(
            self._sent("POST", ("files",), params={"name": name}, content=content, headers={"Content-Type": kind})
        )

    def call(
        self, method: str, *path: str, query: Mapping[str, Any] | None = None, body: Any = None, key: str | None = None
    ) -> JSON:
        """One call to `/v1/...`. Raises Failure with the exit code that fits the answer."""
        params = {name: value for name, value in (query or {}).items() if value is not None}
        headers = {"Idempotency-Key": key} if key else {}
        return self._read(self._sent(method, path, params=params, json=body, headers=headers))

    def _sent(self, method: str, path: Sequence[str], **what: Any) -> "httpx.Response":
        import httpx  # noqa: PLC0415 - as above

        try:
            address = "/".join([self.url, "v1", *(quote(part, safe="") for part in path)])
            return self._http.request(method, address, **what)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise Failure(UNREACHABLE, f"{self.url} cannot be reached (FRONTDESK_URL): {why}") from None
        except ValueError as error:  # half a character, an infinite number, a key in Cyrillic
            raise Failure(USAGE, f"What was given cannot be sent: {error}") from None

    def _read(self, answer: "httpx.Response") -> JSON:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            status = f"HTTP {answer.status_code}"
            raise Failure(UNREACHABLE, f"{self.url} does not answer as Frontdesk does ({status}, FRONTDESK_URL).")
        if answer.is_success:
            return body
        code = UNREACHABLE if answer.status_code >= 500 else _CODES.get(answer.status_code, REFUSED)
        lines = [_line(each) for each in body.get("errors", ())]
        raise Failure(code, str(body.get("detail") or body.get("title") or f"HTTP {answer.status_code}"), lines)


def _line(problem: JSON) -> str:
    """A problem of the body that was sent; its answers are in `form` or `outputs`."""
    where = str(problem.get("pointer", ""))
    for name in ("/form", "/outputs"):
        if where == name or where.startswith(name + "/"):
            where = where.removeprefix(name)
            break
    return line(where, str(problem.get("detail", "")))


def line(pointer: str, detail: str) -> str:
    """`  --network.cidr: Required.`: one field's problem as it is told on the command line."""
    name = ".".join(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    return f"  --{name}: {detail}" if name else f"  {detail}"
