"""The door of signed HTTP: whoever works gives way until an acknowledgement has left."""

import asyncio
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from hypothesis import example, given
from hypothesis import strategies as st
from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from starlette.types import Message, Scope

from bot.demo.slack.delivery import FORM, sign
from bot.slack import door
from bot.slack.door import Endpoint, Listeners

BODY = b"command=%2Fplatform&user_id=U1"
SCOPE: Scope = {"type": "http", "method": "POST", "path": "/slack/events", "query_string": b""}


def bolt() -> App:
    app = App(
        signing_secret="secret",
        authorize=lambda **_context: AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-1"),
        process_before_response=True,
    )

    @app.command("/platform")
    def acknowledge(ack: Ack) -> None:
        ack("heard")

    return app


def signed() -> Scope:
    moment = str(int(time.time()))
    headers = {"content-type": FORM, "x-slack-request-timestamp": moment}
    headers |= {"x-slack-signature": sign("secret", moment, BODY)}
    return {**SCOPE, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


def test_others_work_once_the_acknowledgement_has_left_and_not_before() -> None:
    listening, sent, worked = Listeners(), list[Message](), threading.Event()
    early: list[bool] = []

    def work() -> None:
        listening.give_way()
        worked.set()

    other = threading.Thread(target=work)

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        if not sent:
            other.start()
        sent.append(message)
        early.append(worked.wait(0.05))

    asyncio.run(Endpoint(bolt(), listening)(signed(), receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert b"heard" in sent[-1]["body"]
    assert early == [False, False]
    other.join(5)
    assert worked.is_set()


@given(st.text(), st.sampled_from([quote, quote_plus]))
@example("=3D=%3D+ %\r\n\n=\n", quote_plus)
@example("a=\nb ", quote)
def test_a_field_of_a_form_says_what_python_reads_in_it(said: str, written: Callable[[str], str]) -> None:
    assert door.unquoted(written(said).encode()) == said
