"""What comes in from Slack counts once, however often and through whatever connection it comes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from bot.demo.slack import administration, interactions
from bot.demo.slack.delivery import deliver
from bot.demo.slack.entities import App
from bot.service import News, Service
from bot.store import people, tables
from tests.integration.clicks import click_old, read
from tests.integration.office import Office, everything, opened, text_of


@pytest.fixture(params=["signed HTTP", "Socket Mode"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path, socket_mode=request.param == "Socket Mode") as office:
        yield office


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path) as office:
        yield office


def the_app(office: Office) -> App:
    return next(iter(office.workspace.apps.values()))


def rows(office: Office, table: type[Any]) -> list[Any]:
    with office.process.database.read() as session:
        return list(session.exec(select(table)).all())


def token_of(office: Office, who: str) -> str:
    return office.process.service.create_token(f"{who}@example.com")


def lists(office: Office, token: str) -> int:
    """What the HTTP door answers to this token."""
    return httpx.get(
        f"{office.url}/v1/requests", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ).status_code


# The same thing twice


def test_a_click_a_command_and_a_submission_that_are_delivered_twice_count_once(office: Office) -> None:
    app, ada = the_app(office), office.ada
    line = interactions.slash_command(
        office.workspace, app, ada.me, office.workspace.channel("#general"), "/platform", "request postgres name=orders"
    )
    for _ in range(2):
        assert deliver(office.workspace, app, line).status == 200
    view = office.until(ada.view)
    submission = interactions.view_submission(office.workspace, app, ada.me, view)
    answers = [deliver(office.workspace, app, submission).answer["view"]["title"]["text"] for _ in range(2)]
    assert answers == ["REQ-1", "REQ-1"]
    office.until(lambda: office.workspace.calls("views.open"))  # a window is seen before its call is in the log
    assert len(office.workspace.calls("views.open")) == 1
    card = office.card("REQ-1")
    button = next(
        e for b in card.blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == "approve"
    )
    pressed = {key: button[key] for key in ("type", "action_id", "value", "text")} | {"block_id": "b"}
    click = interactions.message_action(office.workspace, app, office.grace.me, card, pressed, {})
    for _ in range(3):
        assert deliver(office.workspace, app, click).status == 200
    read(office, "REQ-1", "Approved by <@U01GRACE>")
    office.told(ada, "approved by")
    assert len(rows(office, tables.Request)) == len(rows(office, tables.Decision)) == 1
    assert [text_of(m) for m in everything(office.grace)] == [], "nobody is told of what came twice"


def test_a_double_click_of_a_person_makes_one_decision_and_says_so(http: Office) -> None:
    number = http.ask(http.ada)
    card = http.card(number)
    for _ in range(2):
        click_old(http, http.grace, card, "approve")
    http.told(http.grace, "Nothing was changed.")
    read(http, number, "Approved by <@U01GRACE>")
    assert len(rows(http, tables.Decision)) == 1


# Events


def test_an_event_counts_once_whatever_it_is_numbered(office: Office) -> None:
    app = the_app(office)
    token = token_of(office, "linus")
    gone = interactions.event(
        office.workspace, app, {"type": "user_change", "user": {"id": "U01LINUS", "deleted": True}}
    )
    assert deliver(office.workspace, app, gone).status == 200
    assert lists(office, token) == 401
    again = token_of(office, "linus")  # they are back, and an event of before comes late
    for number in (1, 2, 3):
        assert deliver(office.workspace, app, gone, retry=number, reason="http_timeout").status == 200
    assert lists(office, again) == 200
    kept = [row for row in rows(office, tables.Incoming) if row.key == f"slack:{gone['event_id']}"]
    assert len(kept) == 1


def test_an_event_that_comes_as_a_repetition_only_is_not_dropped(http: Office) -> None:
    token = token_of(http, "linus")
    gone = interactions.event(
        http.workspace, the_app(http), {"type": "user_change", "user": {"id": "U01LINUS", "deleted": True}}
    )
    assert deliver(http.workspace, the_app(http), gone, retry=3, reason="connection_failed").status == 200
    assert lists(http, token) == 401


def test_an_event_that_could_not_be_kept_is_not_acknowledged_and_comes_again(
    http: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, failures = token_of(http, "linus"), [OSError("the disk is full")]
    hear = Service.hear

    def once(service: Service, news: News) -> bool:
        if failures:
            raise failures.pop()
        return hear(service, news)

    monkeypatch.setattr(Service, "hear", once)
    http.workspace.event_pauses = (0.0,)
    administration.deactivate(http.workspace, "linus")
    http.until(lambda: lists(http, token) == 401)
    first, second = http.workspace.deliveries("event_callback")
    assert (first.status, second.status) == (500, 200)
    assert first.payload["event_id"] == second.payload["event_id"]


def test_an_event_that_nobody_listens_to_is_acknowledged(http: Office) -> None:
    odd = interactions.event(http.workspace, the_app(http), {"type": "emoji_changed"})
    assert deliver(http.workspace, the_app(http), odd).status == 200


# What events tell


def test_a_token_ends_when_its_person_is_deactivated_in_slack(http: Office) -> None:
    token, other = token_of(http, "linus"), token_of(http, "grace")
    assert lists(http, token) == 200
    administration.deactivate(http.workspace, "linus")
    assert (lists(http, token), lists(http, other)) == (401, 200)


def test_who_joins_or_leaves_a_group_may_decide_or_not_at_once(http: Office) -> None:
    number = http.ask(http.ada)
    http.press(http.margaret, "approve", number)
    http.told(http.margaret, f"{number} is for @dba to decide. Ask one of them.")
    administration.regroup(http.workspace, "dba", "margaret", "linus")
    http.until(lambda: "U01MARGARET" in (http.process.service.directory.members("@dba") or ()))
    http.press(http.margaret, "approve", number)
    read(http, number, "Approved by <@U01MARGARET>")


def test_an_address_that_slack_shows_later_makes_one_person_of_two(http: Office) -> None:
    margaret = http.workspace.find_person("margaret")
    margaret.email = ""
    http.margaret.type_command("#general", "/platform list")
    http.told(http.margaret, "")
    with http.process.database.write() as tx:
        people.remember_email(tx, "margaret@example.com")
    assert len([row for row in rows(http, tables.Person) if row.slack_id == margaret.id or row.email]) == 2
    administration.introduce(http.workspace, "margaret", "margaret@example.com")
    (one,) = [row for row in rows(http, tables.Person) if row.slack_id == margaret.id or row.email]
    assert (one.slack_id, one.email) == (margaret.id, "margaret@example.com")


def test_a_profile_that_says_nothing_new_is_not_kept(http: Office) -> None:
    http.ask(http.ada)
    before = len(rows(http, tables.Incoming))
    administration.introduce(http.workspace, "ada", "ada@example.com")
    administration.introduce(http.workspace, "margaret", "margaret@example.com")  # nobody we know
    assert len(rows(http, tables.Incoming)) == before


def test_a_token_that_slack_took_away_is_told_in_the_log(http: Office, caplog: pytest.LogCaptureFixture) -> None:
    gone = interactions.event(http.workspace, the_app(http), {"type": "tokens_revoked", "tokens": {"bot": ["U1"]}})
    assert deliver(http.workspace, the_app(http), gone).status == 200
    http.until(lambda: "Slack has taken the app's token away: install the app again" in caplog.text)
