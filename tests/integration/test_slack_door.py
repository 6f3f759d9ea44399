"""The door of signed HTTP: whoever works gives way until an acknowledgement has left."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from starlette.types import Message, Scope

from bot import app, settings
from bot.demo.server import Server
from bot.demo.slack.delivery import FORM, sign
from bot.slack import door
from bot.slack.door import Endpoint, Listeners
from bot.store.database import utc_now

BODY = b"command=%2Fplatform&user_id=U1"
SCOPE: Scope = {"type": "http", "method": "POST", "path": "/slack/events", "query_string": b""}


def bolt() -> App:
    app = App(
        request_verification_enabled=False,
        authorize=lambda **_context: AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-1"),
        process_before_response=True,
    )

    @app.command("/platform")
    def acknowledge(ack: Ack) -> None:
        ack("heard")

    return app


def signed(secret: str = "secret", moment: str = "") -> Scope:
    moment = moment or str(int(time.time()))
    headers = {"content-type": FORM, "x-slack-request-timestamp": moment}
    headers |= {"x-slack-signature": sign(secret, moment, BODY)}
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

    asyncio.run(Endpoint(bolt(), listening, "secret", utc_now)(signed(), receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert b"heard" in sent[-1]["body"]
    assert early == [False, False]
    other.join(5)
    assert worked.is_set()


def answered(scope: Scope, now: Callable[[], datetime] = utc_now) -> int:
    sent = list[Message]()

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Endpoint(bolt(), Listeners(), "secret", now)(scope, receive, send))
    return int(sent[0]["status"])


def test_only_what_slack_has_signed_in_the_last_minutes_is_taken_by_the_time_that_all_machines_agree_on() -> None:
    assert answered(signed()) == 200
    assert answered(signed("another")) == 401
    assert answered({**SCOPE, "headers": []}) == 401
    assert answered(signed(moment="no number")) == 401
    assert answered(signed(), lambda: utc_now() + timedelta(minutes=6)) == 401
    an_hour_ago = str(int(time.time()) - 3600)
    assert answered(signed(moment=an_hour_ago)) == 401
    assert answered(signed(moment=an_hour_ago), lambda: utc_now() - timedelta(hours=1)) == 200


OFFERING = '''
"""Bell"""
from bot import Form, Offering, Request
from bot.handlers import message

class Bell(Form):
    name: str

bell = Offering("bell", Bell, owner="@dba", notify="#general")

@bell.step
def ring(request: Request[Bell]) -> message.Post:
    return message.Post(channel="#general", text="ding")
'''


@pytest.mark.parametrize("secret", ["", "s3cret"])
def test_without_a_signing_secret_nobody_who_calls_is_taken_for_slack(tmp_path: Path, secret: str) -> None:
    (tmp_path / "bell.py").write_text(OFFERING)
    given = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/frontdesk.db",
        "OFFERINGS": str(tmp_path),
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": secret,
    }
    process = app.build(settings.read(given))
    with Server(process.web) as served:
        where, kind = f"{served.url}/slack/events", {"content-type": FORM}
        answer = httpx.post(where, content=BODY, headers=kind, trust_env=False)
    assert answer.status_code == (401 if secret else 404)
    process.database.close()


@given(st.text(), st.sampled_from([quote, quote_plus]))
@example("=3D=%3D+ %\r\n\n=\n", quote_plus)
@example("a=\nb ", quote)
def test_a_field_of_a_form_says_what_python_reads_in_it(said: str, written: Callable[[str], str]) -> None:
    assert door.unquoted(written(said).encode()) == said
