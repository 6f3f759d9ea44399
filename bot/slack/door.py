"""Slack's door: builds the Bolt app, and connects it over signed HTTP; Socket Mode is `socket_mode`."""

import asyncio
import binascii
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.starlette.handler import to_starlette_response
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bot import telemetry
from bot.service import Service
from bot.slack import listeners
from bot.slack.bolt import Bolt
from bot.slack.directory import SlackDirectory
from bot.slack.errors import translated

log = logging.getLogger(__name__)

#: Seconds that one call of Slack's Web API may take.
PATIENCE = 10.0
#: Listeners that may run at once; each may wait for Slack's Web API.
THREADS = 32
#: Acknowledgements under way at once; those that store something share a commit.
_AT_ONCE = 64
#: Seconds that other work gives way to acknowledgements: a trigger lives three.
_LONGEST_COURTESY = 0.25
#: So many acknowledgements at once are a crowd, and seconds in which the next one of it may still come.
_MANY, _QUIET = 8, 0.005


class RepeatWhatMayBe(ConnectionErrorRetryHandler):
    """slack_sdk repeats a call whose line was cut, once. A message would stand there twice, a trigger is used up."""

    def _can_retry(self, *, request: HttpRequest, **more: Any) -> bool:
        once = ("chat.postMessage", "views.open", "views.push")
        return not request.url.endswith(once) and super()._can_retry(request=request, **more)


def client(token: str | None, api_url: str, patience: float = PATIENCE) -> WebClient:
    """A Web API client. It never sleeps on a rate limit: the outbox waits instead.

    `patience`: seconds that one call may take.
    """
    return WebClient(
        token=token,
        base_url=api_url,
        timeout=patience,  # type: ignore[arg-type] # urllib takes parts of seconds too
        retry_handlers=[RepeatWhatMayBe()],
    )


def sender_client(token: str, api_url: str, lease: timedelta) -> WebClient:
    """The same for what is claimed for `lease`: a call that hangs ends before the claim does."""
    return client(token, api_url, min(PATIENCE, lease.total_seconds() / 3))


def who_we_are(web: WebClient) -> str:
    """The bot's name and its workspace, as Slack says now. Raises TemporaryError, PermanentError."""
    with translated("Who the bot is"):
        answer = web.auth_test()
    return f"{answer['user']} in {answer['team']}"


class Listeners(Executor):
    """Runs what listeners do after they have acknowledged; acknowledgements go first.

    Python runs one thread at a time: without this, the windows that fifty people opened kept the last of the fifty
    waiting for its acknowledgement five times as long. Where many come at once, one thread waits for the pool's: to wake
    as many as that between two acknowledgements would take what it is to save.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="listener")
        self._porter = ThreadPoolExecutor(1, thread_name_prefix="porter")
        self._changed, self._acknowledging, self._crowded_until = threading.Condition(), 0, 0.0

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> "Future[Any]":
        """As an executor does."""
        until = time.monotonic() + _LONGEST_COURTESY
        call = partial(copy_context().run, _afterwards, partial(work, *args, **more))
        if self._crowded_until < time.monotonic():
            return self._pool.submit(self._after_giving_way, until, call)
        future: Future[Any] = Future()
        self._porter.submit(self._bring, until, future, call)
        return future

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        """Slack waits for an answer while the block runs."""
        with self._changed:
            self._acknowledging += 1
            if self._acknowledging >= _MANY:
                self._crowded_until = time.monotonic() + _QUIET
        try:
            yield
        finally:
            with self._changed:
                self._acknowledging -= 1
                if not self._acknowledging:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until nothing is being acknowledged, and of many none is to come; a quarter of a second at the most."""
        self._give_way(time.monotonic() + _LONGEST_COURTESY)

    def _give_way(self, until: float) -> None:
        with self._changed:
            while (left := until - time.monotonic()) > 0:
                crowd = self._crowded_until - time.monotonic()
                if not self._acknowledging and crowd <= 0:
                    return
                self._changed.wait(left if self._acknowledging else min(left, crowd))

    def _after_giving_way(self, until: float, work: Callable[[], Any]) -> Any:
        self._give_way(until)
        return work()

    def _bring(self, until: float, future: "Future[Any]", work: Callable[[], Any]) -> None:
        self._give_way(until)
        self._pool.submit(_run, future, work)


def _afterwards(work: Callable[[], Any]) -> Any:
    """Part of what was acknowledged, for logs and traces."""
    with telemetry.doing(), telemetry.span("Slack, acknowledged"):
        return work()


def _run(future: "Future[Any]", work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever asks for the result is told
        future.set_exception(error)


def build(web: WebClient, service: Service, directory: SlackDirectory, listening: Listeners) -> App:
    """The Bolt app with every listener; talks to nobody yet. It believes whatever comes: who hands it on has verified it.

    `process_before_response` acknowledges as soon as the listener has, where Bolt's default polls every 10 ms.
    `authorize` answers from what we know: Bolt's own would ask auth.test inside the first click's three
    seconds.
    """

    def authorize(**_context: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=web.token)

    app = Bolt(
        web,
        name="frontdesk",  # without one it looks through the whole stack for who calls
        request_verification_enabled=False,  # by `Endpoint`; what comes through Socket Mode is not signed
        client=client(None, web.base_url),
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=False,
        listener_executor=listening,
        logger=logging.getLogger("slack_bolt"),  # without one it takes the root's level for its own
    )
    listeners.register(app, service, directory)
    return app


class Endpoint:
    """`POST /slack/events`: all of Slack over signed HTTP. Bolt blocks, so it runs in threads.

    In its own share of them: Slack waits three seconds, whatever other doors are busy with.
    """

    def __init__(self, app: App, listening: Listeners, signing_secret: str, now: Callable[[], datetime]) -> None:
        """`now` is the time that all machines agree on: a signature counts for five minutes, and clocks go wrong."""
        self._app, self._listening = app, listening
        self._verifier = SignatureVerifier(signing_secret, _Agreed(now))
        # Half of what the framework's own threads cost each time, which is a tenth of an acknowledgement.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="acknowledging")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it. Others give way until the answer has left: whoever writes it is one thread among them."""
        request = Request(scope, receive)
        body = await request.body()
        headers: dict[str, Any] = dict(request.headers.items())
        if not self._is_slacks(headers, body):
            log.warning("somebody who is not Slack, or has another signing secret, called %s", request.url.path)
            await JSONResponse({"error": "invalid request"}, 401)(scope, receive, send)
            return
        with self._listening.acknowledging():
            asked = BoltRequest(body=_read(body), query=scope["query_string"].decode(), headers=headers)
            dispatch = partial(copy_context().run, self._app.dispatch, asked)
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, dispatch)
            await to_starlette_response(answer)(scope, receive, send)

    def _is_slacks(self, headers: dict[str, Any], body: bytes) -> bool:
        try:
            return self._verifier.is_valid_request(body, headers)
        except ValueError:  # a moment that is no number, a body that is no text
            return False


class _Agreed(Clock):
    """Seconds since 1970, by whichever clock is given."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        """As slack_sdk asks."""
        return self._now().timestamp()


#: What an interaction's body begins with; it has one field only.
_PAYLOAD = b"payload="


def _read(body: bytes) -> str:
    """What Bolt reads. Python takes a fifth of an acknowledgement to unquote a form, one percent sign at a time."""
    if not body.startswith(_PAYLOAD) or b"&" in body:
        return body.decode()
    return unquoted(body[len(_PAYLOAD) :])


def unquoted(field: bytes) -> str:
    """What a field of a form says. Quoted-printable is the same code with another sign, and is read in C."""
    return binascii.a2b_qp(field.replace(b"=", b"=3D").replace(b"+", b" ").replace(b"%", b"=")).decode()
