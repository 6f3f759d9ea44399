"""`frontdesk doctor`: what is wrong is found, said with what to do, and told to scripts by the exit code. On both stores."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlmodel import update

from bot import doctor, examining, settings
from bot.cli import processes as commands
from bot.doctor import Finding
from bot.errors import PermanentError, TemporaryError
from bot.handler import Ask, Pending
from bot.presence import Presence
from bot.store import checkup, processes, tables
from bot.store.database import Database
from bot.store.migration import migrate
from tests.conftest import ROOT, Clock
from tests.integration.office import opened
from tests.integration.test_worker import Shop


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(store_url: str, clock: Clock) -> Iterator[Shop]:
    shop = Shop(store_url, clock)
    yield shop
    shop.worker.stop()
    shop.database.close()


def found(shop: Shop, kind: str) -> list[Finding]:
    with_all = doctor.findings(checkup.take(shop.database), slack=True)
    assert all(each.next for each in with_all)
    return [each for each in with_all if each.kind == kind]


def at_work(shop: Shop) -> str:
    number = shop.ask()
    shop.service.approve(shop.grace, number)
    return number


def alive(shop: Shop, owner: str = "one", parts: str = "web and worker") -> None:
    with shop.database.write() as tx:
        processes.beat(tx, owner, parts, "1.0")


def test_all_is_well_while_processes_live_and_nothing_waits(shop: Shop) -> None:
    alive(shop)
    everything = doctor.findings(checkup.take(shop.database), slack=True)
    assert [(each.kind, each.wrong) for each in everything] == [("process", False)]


def test_a_worker_that_is_silent_for_a_minute_is_gone(shop: Shop, clock: Clock) -> None:
    alive(shop, "w", "web")
    alive(shop, "o", "worker")
    assert found(shop, "no worker") == []
    clock.forward(seconds=50)
    alive(shop, "w", "web")
    clock.forward(seconds=20)
    (line,) = found(shop, "no worker")
    assert (line.wrong, line.next) == (True, "Start one: frontdesk worker (or frontdesk run).")
    assert [each.about for each in found(shop, "process")] == ["w"]


def test_a_process_that_ends_as_it_should_is_not_missed_and_an_old_row_goes(shop: Shop, clock: Clock) -> None:
    alive(shop, "dead")
    alive(shop, "ended")
    with shop.database.write() as tx:
        processes.end(tx, "ended")
    clock.forward(hours=25)
    alive(shop, "new")
    assert [row.owner for row in shop.rows(tables.Process)] == ["new"]


def test_a_process_gives_its_sign_of_life_and_says_goodbye(shop: Shop) -> None:
    presence = Presence(shop.database, "host:1:ab", "worker", "1.0")
    presence.start()
    shop.until(lambda: [(row.owner, row.parts) for row in shop.rows(tables.Process)] == [("host:1:ab", "worker")])
    presence.stop()
    assert shop.rows(tables.Process) == []


def test_a_step_past_its_lease_that_nobody_takes_over_is_stuck(shop: Shop, clock: Clock) -> None:
    number = at_work(shop)
    claim = shop.engine.claim()
    assert claim is not None
    clock.forward(seconds=80)
    assert found(shop, "stuck") == []  # somebody may be about to
    clock.forward(seconds=20)
    (line,) = found(shop, "stuck")
    assert line.about == claim.key
    assert "has been run by shop, which was heard of no more" in line.says
    assert number in line.about


def test_a_step_that_is_due_for_long_is_stuck(shop: Shop, clock: Clock) -> None:
    at_work(shop)
    clock.forward(minutes=4)
    assert found(shop, "stuck") == []
    clock.forward(minutes=2)
    (line,) = found(shop, "stuck")
    assert "has been due since 2026-11-22 at 09:00 UTC and nobody runs it" in line.says


def test_what_failed_says_why_and_what_to_do(shop: Shop) -> None:
    number = at_work(shop)
    shop.handler.answers = [PermanentError("There is no room.")]
    assert shop.engine.turn()
    (line,) = found(shop, "stopped")
    assert line.says.endswith("There is no room.")
    assert f"frontdesk retry {number}" in line.next
    shop.service.cancel(shop.ada, number)
    assert found(shop, "stopped") == []


def test_what_is_parked_says_why_and_what_to_do_until_it_is_given_up(shop: Shop, clock: Clock) -> None:
    number = at_work(shop)
    shop.wish.steps.clear()
    while shop.service.show(shop.ada, number).state != "parked":  # for a while it is left to others
        shop.engine.turn()
        clock.forward(minutes=1)
    (line,) = found(shop, "stopped")
    assert line.about == f"{number}/work"
    assert "wish v1 has no step work in the code that runs now" in line.says
    assert (line.wrong, f"frontdesk retry {number}" in line.next) == (True, True)
    shop.service.cancel(shop.ada, number)
    assert found(shop, "stopped") == []


def test_what_waits_for_somebody_for_a_week_is_told_and_is_no_fault(shop: Shop, clock: Clock) -> None:
    at_work(shop)
    shop.handler.answers = [Pending("somebody", ask=Ask("@dba", "Create it"))]
    assert shop.engine.turn()
    clock.forward(days=6)
    assert found(shop, "waiting") == []
    clock.forward(days=2)
    (line,) = found(shop, "waiting")
    assert (line.wrong, "for @dba." in line.says) == (False, True)


def test_what_cannot_be_said_is_undeliverable_until_its_request_is_over(shop: Shop) -> None:
    number = shop.ask()
    shop.door.card_errors = [PermanentError("the channel is archived")]
    shop.door.approvers = []
    shop.door.errors = [PermanentError("the person has left")]
    shop.send()
    card, message = found(shop, "undeliverable")
    assert card.says.startswith(f"{number}: The card in #data is given up")
    assert "the person has left" in message.says


def test_a_resource_that_nobody_can_work_with_is_told_until_it_is_gone(shop: Shop) -> None:
    number = at_work(shop)
    shop.engine.turn()
    assert found(shop, "trouble") == []
    change(shop, trouble="It was archived.")
    (line,) = found(shop, "trouble")
    instance = shop.service.show(shop.ada, number).instance_id
    assert (line.about, line.wrong) == (f"INS-{instance}/work", True)
    assert line.says.endswith("): It was archived.")
    change(shop, deleted_at=shop.database.now())
    assert found(shop, "trouble") == []


def change(shop: Shop, **values: object) -> None:
    with shop.database.write() as tx:
        assert tx.exec(update(tables.InstanceResource).values(**values)).rowcount == 1


def test_a_message_that_waits_for_an_hour_is_late(shop: Shop, clock: Clock) -> None:
    shop.ask()
    shop.door.errors = [TemporaryError("Slack does not answer.", delay=7200)]
    shop.door.card_errors = [TemporaryError("Slack does not answer.", delay=7200)]
    shop.send()
    clock.forward(minutes=61)
    (line,) = found(shop, "late")
    assert "to ada@example.com waits since" in line.says
    assert "its card is not posted" in line.says
    without = doctor.findings(checkup.take(shop.database), slack=False)
    assert [(each.kind, each.wrong) for each in without if each.kind in ("late", "no slack")] == [("no slack", False)]


def test_an_instance_that_ends_within_a_week_is_told(shop: Shop, clock: Clock) -> None:
    shop.wish.expires = timedelta(days=10)
    at_work(shop)
    assert shop.engine.turn()
    assert found(shop, "expires") == []
    clock.forward(days=4)
    (line,) = found(shop, "expires")
    assert (line.about, line.wrong) == ("INS-1", False)
    assert "2026-12-02" in line.says


def test_a_request_that_expires_within_a_day_is_told(shop: Shop, clock: Clock) -> None:
    number = shop.ask()
    ends = clock.now + timedelta(hours=20)
    with shop.database.write() as tx:
        about: dict[str, Any] = {"request_id": 1, "due_at": clock.now, "data": {"ends_at": ends.isoformat()}}
        tx.exec(tables.Timer.__table__.delete())  # type: ignore[attr-defined] # SQLAlchemy's
        tx.add(tables.Timer(name=f"decision {number}", kind="decision", **about))
    (line,) = found(shop, "expires")
    assert line.says == f"{number} expires on 2026-11-23 at 05:00 UTC if nobody decides."


def test_more_of_a_kind_than_are_listed_are_counted(shop: Shop, clock: Clock) -> None:
    for _ in range(checkup.MOST + 3):
        at_work(shop)
    clock.forward(minutes=6)
    lines = found(shop, "stuck")
    assert len(lines) == checkup.MOST + 1
    assert lines[-1].says == "3 more like these."


@pytest.mark.parametrize(("ahead", "words"), [(3600, "3600 s before"), (-3600, "3600 s behind")])
def test_a_clock_that_is_wrong_is_said(ahead: float, words: str) -> None:
    (line,) = doctor._clock(timedelta(seconds=ahead))
    assert words in line.says


# The command


def examined(environment: dict[str, str]) -> dict[str, Finding]:
    return {each.kind: each for each in examining.examine(settings.read(environment))}


def test_it_asks_slack_and_jira_who_we_are(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        environment = dict(office.process.settings.environment)
        told = examined(environment)
        assert (told["slack"].wrong, told["jira"].wrong) == (False, False)
        assert "Slack answers: " in told["slack"].says
        assert environment["JIRA_URL"] in told["jira"].says
        refused = examined(environment | {"SLACK_BOT_TOKEN": "xoxb-wrong", "JIRA_TOKEN": "wrong"})
        assert (refused["slack"].wrong, refused["jira"].wrong) == (True, True)
        assert "wrong" not in refused["slack"].says + refused["jira"].says
        assert refused["jira"].next == "Mend JIRA_URL, JIRA_TOKEN."
    away = examined(environment)
    assert "does not answer" in away["slack"].says
    assert "cannot be reached" in away["jira"].says


def test_it_works_with_a_database_that_is_not_there_yet(tmp_path: Path) -> None:
    told = examined({"DATABASE_URL": f"sqlite:///{tmp_path}/new.db", "OFFERINGS": str(tmp_path)})
    assert told["schema"].next == "Run frontdesk migrate."
    gone = examined({"DATABASE_URL": "postgresql://127.0.0.1:9/none", "OFFERINGS": str(tmp_path)})
    assert gone["database"].wrong


def test_offerings_that_cannot_be_loaded_are_a_finding(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "offerings").mkdir()
    (tmp_path / "offerings" / "broken.py").write_text("from bot import Nothing\n", encoding="utf-8")
    told = examined({"DATABASE_URL": sqlite_url, "OFFERINGS": str(tmp_path / "offerings")})
    assert "broken.py" in told["offerings"].says


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as end:
        commands.doctor(**options)
    return end.value.exit_code, capsys.readouterr().out


def test_scripts_read_the_exit_code_and_json(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    (tmp_path / "offerings").mkdir()
    shutil.copy(ROOT / "offerings" / "notice.py", tmp_path / "offerings")
    monkeypatch.setenv("OFFERINGS", str(tmp_path / "offerings"))
    code, out = run(capsys)
    assert code == 1
    assert "Start one: frontdesk worker" in out
    code, out = run(capsys, as_json=True)
    assert [each["kind"] for each in json.loads(out)] == ["no worker", "no web"]
    assert set(json.loads(out)[0]) == {"kind", "about", "says", "next", "wrong"}
    database = Database(sqlite_url)
    with database.write() as tx:
        processes.beat(tx, "one", "web and worker", "1.0")
    code, out = run(capsys)
    assert (code, "Nothing to do." in out) == (0, True)
    database.close()


def test_a_process_that_runs_is_seen_by_the_doctor(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.until(lambda: "process" in examined(dict(office.process.settings.environment)))
        told = examined(dict(office.process.settings.environment))
    assert "runs web and worker" in told["process"].says
    assert "no worker" not in told


def test_an_older_schema_is_a_finding(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    migrate(url)
    database = Database(url)
    with database.write() as tx:
        tx.exec(update(tables.Person).values(name=None))
        tx.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    assert "schema" in examined({"DATABASE_URL": url, "OFFERINGS": str(tmp_path)})
