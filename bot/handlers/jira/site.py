"""One Jira over HTTP: the `jira` library's session with our own retries, and every answer judged in one place."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from jira import JIRA
from requests import RequestException, Response
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bot.errors import Misconfigured
from bot.handler import JSON
from bot.handlers.jira.answers import LostError, UnreachableError, failure, unwelcome
from bot.handlers.jira.brakes import Brakes

#: Seconds to connect, and to wait for an answer.
TIMEOUT = (5, 30)
_PAGE = 100


class _UnwelcomeError(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _judge(response: Response, *_: Any, **__: Any) -> None:
    """Before the library reads it: that misses an expired token, follows redirects and trips over null members."""
    if unwelcome(response.status_code, response.headers):
        response.content  # noqa: B018  read to the end, so that the connection can be used again
        raise _UnwelcomeError(response)


class Site:
    """A Jira site and who we are there. Shared by threads; nothing is asked before the first call.

    Every call names what it is doing (`create an issue`), for the texts of the errors. It raises RefusalError, TokenError,
    BusyError, UnreachableError (all of these: nothing was changed) or LostError (unknown).
    """

    def __init__(self, url: str, user: str | None, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
            raise Misconfigured(
                "is not an address.", where="JIRA_URL", hint="Give it like https://example.atlassian.net."
            )
        self.url = url.rstrip("/")
        self._user, self._token = user, token
        self._brakes = Brakes(clock)
        self._local = threading.local()
        self._info: JSON = {}
        self._me = ""

    def _client(self) -> JIRA:
        """This thread's client: a session is not promised to be safe to share."""
        if not hasattr(self._local, "client"):
            self._local.client = self._build()
        client: JIRA = self._local.client
        return client

    def _build(self) -> JIRA:
        client = JIRA(
            self.url,
            basic_auth=(self._user, self._token) if self._user else None,
            token_auth=None if self._user else self._token,
            max_retries=0,
            timeout=TIMEOUT,
            get_server_info=False,
        )
        client._session.hooks["response"].append(_judge)  # noqa: SLF001  the library has no other way in
        return client

    def get(self, path: str, doing: str, **params: str | int) -> JSON:
        """A JSON object."""
        return self.send("GET", path, doing, params=params)

    def send(
        self, method: str, path: str, doing: str, *, json: Mapping[str, Any] | None = None, params: Any = None
    ) -> JSON:
        """A JSON object, empty where Jira answers without content. `path` is below `/rest/api/2/`."""
        self._brakes.check(method, path, doing)
        client = self._client()
        session, url = client._session, client._get_url(path)  # noqa: SLF001  its public calls retry, re-read or cannot carry properties
        try:
            response = session.request(method, url, params=params, json=json, allow_redirects=False)
        except _UnwelcomeError as answer:
            got = answer.response
            self._brakes.press(method, path, got.status_code, got.headers)
            raise failure(got.status_code, got.headers, got.text, doing) from None
        except ConnectTimeout as error:
            raise UnreachableError(f"Jira cannot be reached: could not {doing}.") from error
        except RequestException as error:
            raise _broken(error, doing) from error
        return _object(response, doing)

    def every(
        self, path: str, members: tuple[str, ...], doing: str, start: int = 0, **params: str | int
    ) -> Iterator[JSON]:
        """All items of a list in pages. Cloud and Data Center name its member differently: the first that is there."""
        while True:
            page = self.get(path, doing, startAt=start, maxResults=_PAGE, **params)
            items: list[JSON] = next((page[member] for member in members if page.get(member)), [])
            yield from items
            start += len(items)
            last = page.get("isLast") if "total" not in page else start >= page["total"]
            if not items or last is not False:
                return

    @property
    def cloud(self) -> bool:
        """Jira Cloud, or Data Center ("Server"): they search differently."""
        return str(self._server().get("deploymentType")) == "Cloud"

    def browse(self, key: str) -> str:
        """Where a person reads the issue. Behind Atlassian's gateway that is not where the API is."""
        return f"{str(self._server().get('baseUrl') or self.url).rstrip('/')}/browse/{key}"

    def me(self) -> str:
        """Our own account's id. Remembered; `check` asks again."""
        return self._me or self.check()

    def check(self) -> str:
        """Whether Jira still knows us: before an absence is believed. Raises TokenError if not."""
        self._me = person(self.get("myself", "say who the bot is"))
        return self._me

    def _server(self) -> JSON:
        if not self._info:
            info = self.get("serverInfo", "say what it is")
            if not info.get("deploymentType"):
                raise LostError("Jira did not say whether it is Cloud or Data Center.")
            self._info = info
        return self._info


def person(user: Mapping[str, Any] | None) -> str:
    """An account's id: `accountId` on Cloud, `name` on Data Center."""
    return str((user or {}).get("accountId") or (user or {}).get("name") or "")


def _broken(error: RequestException, doing: str) -> UnreachableError | LostError:
    cause = error.args[0] if error.args else None
    refused = isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    if isinstance(error, NotConnected) and refused:
        return UnreachableError(f"Jira cannot be reached: could not {doing}.")
    return LostError(f"The connection to Jira broke; it may or may not have got to: {doing}.")


def _object(response: Response, doing: str) -> JSON:
    if not response.content:
        return {}
    try:
        data = response.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise LostError(f"Jira answered with something else than data (a login page, a proxy?): could not {doing}.")
    return data
