"""Real processes: one that does everything, web and workers apart, their ends, what keeps them from starting."""

import json
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.site import ROOT, Running, Site, site, until
from tests.benchmarks.processes import free_port
from tests.conftest import address, create_database
from tests.integration.office import buttons, text_of
from tests.integration.terminal import Result


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Site]:
    """A site on SQLite with one `run` in Socket Mode."""
    with site(tmp_path, socket_mode=True) as opened:
        process = opened.start("run")
        process.wait_until_ready()
        opened.url = process.url
        yield opened


@pytest.fixture
def apart(tmp_path: Path, postgres_url: str) -> Iterator[Site]:
    """A site on PostgreSQL, where nothing runs yet, over signed HTTP."""
    name = f"p{uuid.uuid4().hex}"
    create_database(postgres_url, name)
    with site(tmp_path, socket_mode=False, database=address(postgres_url, name)) as opened:
        yield opened


def serve(opened: Site) -> Running:
    """The web process of a site, to which the workspace sends what people do."""
    web = opened.start("web")
    opened.url = web.url
    next(iter(opened.workspace.apps.values())).request_url = f"{web.url}/slack/events"
    return web


def work(opened: Site) -> Running:
    worker = opened.start("worker")
    worker.started()
    return worker


# One process


def test_the_story_on_the_command_line_is_seen_in_slack(alone: Site) -> None:
    wrong = alone.run("request", "postgres", "--name", "Orders DB", "--size", "huge", who="ada", expect=1)
    assert wrong.out == ""
    lines = wrong.err.splitlines()
    assert lines[0] == "Some answers need another look."
    assert [line.split(":")[0] for line in lines[1:]] == ["  --name", "  --size"]

    asked = alone.run("request", "postgres", "--name", "orders", who="ada")
    assert asked.out.startswith("REQ-1 is awaiting approval: @dba has to approve by ")
    card = alone.card("REQ-1", offers="approve")
    assert "Asked for by <@U01ADA>" in text_of(card)
    alone.told("ada", "It waits for")
    assert "is for @dba to decide" in alone.run("approve", "REQ-1", who="ada", expect=1).err
    assert "REQ-1" in alone.run("waiting", who="grace").out
    assert alone.run("approve", "REQ-1", "--reason", "fine", who="grace").out.startswith("REQ-1 is ")
    alone.told("ada", "approved by <@U01GRACE>")
    card = alone.card("REQ-1", offers="complete")
    assert "Approved by <@U01GRACE>" in text_of(card)
    assert "approve" not in buttons(card)

    wrong = alone.run("complete", "REQ-1", "database", "--port", "70000", who="grace", expect=1)
    assert [line.split(":")[0] for line in wrong.err.splitlines()[1:]] == ["  --host", "  --port"]
    alone.run("complete", "REQ-1", "database", "--host", "orders.db.example.com", who="grace")
    alone.told("ada", "orders.db.example.com")
    shown = alone.run("show", "REQ-1", "--json", who="ada").json
    assert (shown["state"], shown["outputs"]) == ("fulfilled", {"host": "orders.db.example.com", "port": 5432})
    assert [step["state"] for step in shown["steps"]] == ["done", "done"]
    assert "orders" in alone.run("list", "--mine", who="ada").out
    assert "host=orders.db.example.com" in alone.run("instances", who="ada").out
    until(lambda: [issue.status.name for issue in alone.jira.issues.values()] == ["Done"], "the issue in Jira is done")

    assert "REQ-2 is awaiting approval" in alone.run("delete", "INS-1", who="ada").out
    alone.press("grace", "approve", "REQ-2")
    alone.press("grace", "complete", "REQ-2")
    alone.told("ada", "INS-1 is gone")
    assert alone.run("instances", who="ada").err == "You have no instances.\n"


def test_one_person_stands_behind_both_doors(alone: Site) -> None:
    alone.run("request", "postgres", "--name", "orders", who="grace")
    alone.press("grace", "approve", "REQ-1")
    alone.told("grace", "You asked for REQ-1 yourself, so somebody else of @dba has to decide")
    assert "You asked for REQ-1 yourself" in alone.run("approve", "REQ-1", who="grace", expect=1).err
    linus = alone.person("linus")
    linus.type_command("#general", "/platform waiting")
    alone.told("linus", "1 request waits for you.")
    alone.press("linus", "approve", "REQ-1")
    alone.card("REQ-1", offers="complete")

    ada = alone.person("ada")
    ada.type_command("#general", "/platform request postgres name=billing")
    until(ada.view, "the modal")
    ada.submit()
    ada.close_all()
    mine = alone.call("ada", "GET", "requests", params={"mine": True})["items"]
    assert [(each["id"], each["form"]["name"]) for each in mine] == [("REQ-2", "billing")]
    assert alone.run("withdraw", "REQ-2", who="ada").out == "REQ-2 is withdrawn.\n"
    until(lambda: buttons(alone.card("REQ-2")) == [], "the card has no buttons")
    alone.told("ada", "withdrawn by <@U01ADA>")


def test_the_story_over_http(alone: Site) -> None:
    key = {"Idempotency-Key": "once"}
    first = alone.call("ada", "POST", "offerings/postgres/requests", json={"form": {"name": "orders"}}, headers=key)
    again = alone.call("ada", "POST", "offerings/postgres/requests", json={"form": {"name": "orders"}}, headers=key)
    assert (first["id"], first["state"], again["id"]) == ("REQ-1", "awaiting_approval", "REQ-1")
    alone.call("grace", "POST", "requests/REQ-1/approve")
    alone.card("REQ-1", offers="complete")
    waiting = alone.call("grace", "GET", "requests", params={"waiting_for_me": True})["items"]
    assert [each["id"] for each in waiting] == ["REQ-1"]
    alone.call("grace", "POST", "requests/REQ-1/steps/database/complete", json={"outputs": {"host": "db1"}})
    until(lambda: alone.call("ada", "GET", "requests/REQ-1")["state"] == "fulfilled", "it is fulfilled")
    instances = alone.call("ada", "GET", "instances")["items"]
    assert [(each["id"], each["state"], each["outputs"]["host"]) for each in instances] == [("INS-1", "ready", "db1")]
    assert alone.times_told("ada", "ready. It is INS-1") == 1
    published = httpx.get(f"{alone.url}/openapi.json", trust_env=False).json()["paths"]
    assert {f"/v1/offerings/{name}/requests" for name in ("access", "notice", "postgres")} <= set(published)


# Web and workers apart, on PostgreSQL


def test_the_web_waits_for_the_migration(apart: Site) -> None:
    web = serve(apart)
    answer = web.ready()
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    assert answer.json()["detail"] == "The database is not at the schema of this code: run frontdesk migrate."
    assert "Run frontdesk migrate" in apart.run("token", "create", "ada@example.com", expect=1).err
    assert apart.run("migrate").out == "The database is at the schema of this version.\n"
    web.wait_until_ready()


def test_a_killed_worker_is_followed_by_another_and_nothing_happens_twice(apart: Site) -> None:
    apart.migrate()
    web, first = serve(apart), work(apart)
    web.wait_until_ready()
    ada, grace = apart.person("ada"), apart.person("grace")

    # Killed between the issue's creation in Jira and the answer that would have told of it.
    apart.jira.fail("POST", "issue", delay=5)
    ada.type_command("#general", "/platform request postgres name=orders size=small")
    until(ada.view, "the modal")
    ada.submit()
    ada.close_all()
    apart.told("ada", "See its card")
    until(lambda: apart.jira.issues, "the issue in Jira")
    apart.settle()  # what Slack has accepted is recorded, too
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = work(apart)
    until(lambda: "DBA-1" in text_of(apart.card("REQ-1")), "the card names the issue")

    # Killed after the approval, while the task waits for a person.
    apart.press("grace", "approve", "REQ-1")
    apart.card("REQ-1", offers="complete")
    apart.told("ada", "approved by")
    apart.settle()
    assert second.stop(signal.SIGKILL) == -signal.SIGKILL
    apart.press("grace", "complete", "REQ-1")
    until(grace.view, "what was promised is asked for")
    grace.fill({"/host": "orders.db.example.com"})
    grace.submit()
    assert grace.view() is None
    third = work(apart)
    apart.told("ada", "orders.db.example.com")
    until(lambda: buttons(apart.card("REQ-1")) == [], "the card has no buttons")
    (issue,) = apart.jira.issues.values()
    until(lambda: issue.status.name == "Done", "the issue is done")

    assert apart.times_shown("REQ-1") == 1
    for words in ("asked for. It waits", "approved by", "ready. It is INS-1"):
        assert apart.times_told("ada", words) == 1, words
    said = [comment.body.partition("\n")[0] for comment in issue.comments]
    assert len(said) == len(set(said))
    record = apart.call("ada", "GET", "requests/REQ-1")
    assert record["state"] == "fulfilled"
    assert [event["name"] for event in record["events"]].count("fulfilled") == 1
    assert third.stop() == 0
    assert web.stop() == 0


def test_a_decision_while_no_worker_runs_is_carried_out_by_the_next(apart: Site) -> None:
    apart.migrate()
    serve(apart).wait_until_ready()
    number = apart.call("ada", "POST", "offerings/postgres/requests", json={"form": {"name": "orders"}})["id"]
    approved = apart.call("grace", "POST", f"requests/{number}/approve")
    assert approved["state"] in {"approved", "fulfilling"}
    assert apart.cards(number) == []
    work(apart), work(apart)
    card = apart.card(number, offers="complete")
    assert "approve" not in buttons(card)
    assert len(apart.jira.issues) == 1
    assert apart.times_shown(number) == 1


def test_a_worker_that_runs_apart_serves_its_own_numbers(apart: Site) -> None:
    apart.migrate()
    serve(apart).wait_until_ready()
    port = free_port()
    apart.start("worker", METRICS_PORT=str(port)).started()
    number = apart.call("ada", "POST", "offerings/postgres/requests", json={"form": {"name": "orders"}})["id"]
    apart.card(number, offers="approve")

    def says(url: str, line: str) -> bool:
        return line in httpx.get(f"{url}/metrics", trust_env=False).text

    worker, shown = f"http://127.0.0.1:{port}", 'frontdesk_deliveries_total{kind="card",outcome="sent"}'
    until(lambda: says(worker, shown), "the worker has counted the card")
    assert not says(apart.url, shown)  # each counts what it does itself,
    waits = 'frontdesk_requests_open{state="awaiting_approval"} 1.0'
    assert says(worker, waits)  # and both say what the store holds
    assert says(apart.url, waits)


# Ends


@pytest.mark.parametrize("kind", ["run", "web", "worker"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_ends_cleanly(tmp_path: Path, kind: str, number: signal.Signals) -> None:
    with site(tmp_path, socket_mode=False) as opened:
        opened.migrate()
        process = opened.start(kind)
        process.started() if kind == "worker" else process.wait_until_ready()
        assert process.stop(number) == 0, process.log.read_text()
        assert "Traceback" not in process.log.read_text()


def test_a_process_in_socket_mode_ends_cleanly(alone: Site, tmp_path: Path) -> None:
    other = alone.start("run")
    other.wait_until_ready()
    assert other.stop() == 0, other.log.read_text()
    assert "Traceback" not in other.log.read_text()


# What keeps a process from starting, and what `check` says

BROKEN = '''"""A bucket"""
from bot import Approval, Field, Form, Offering, Request
from bot.handlers import manual

class Bucket(Form):
    name: str = Field(patern="^[a-z]+$")

bucket = Offering("bucket", Bucket, owner="@data-platform", notify="#data-platform", approval=Aproval("@dba"))
'''


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """A site where nothing runs, with offerings of its own."""
    folder = tmp_path / "offerings"
    shutil.copytree(ROOT / "offerings", folder, ignore=shutil.ignore_patterns("__pycache__"))
    with site(tmp_path, socket_mode=False, OFFERINGS=str(folder)) as opened:
        yield opened, folder


def refused(run: Callable[..., Result], *words: str, **environment: str) -> str:
    """The one line that a command which must not start says."""
    ended = run(*words, expect=1, **environment)
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1, ended.err
    return ended.err.strip()


@pytest.mark.parametrize("command", ["run", "web", "worker", "check"])
def test_a_broken_offering_is_named_by_file_line_and_what_to_do(offered: tuple[Site, Path], command: str) -> None:
    opened, folder = offered
    (folder / "bucket.py").write_text(BROKEN)
    told = refused(opened.run, command)
    assert told.startswith(f"{folder}/bucket.py:")
    assert told.endswith("Mend the file, then run frontdesk check.")
    where = told.removeprefix(f"{folder}/bucket.py:").partition(":")[0]
    assert (where, "patern" in told or "Aproval" in told) in {("6", True), ("8", True)}


def test_a_syntax_error_has_its_line(offered: tuple[Site, Path]) -> None:
    opened, folder = offered
    (folder / "bucket.py").write_text('"""A bucket"""\n\nclass Bucket(Form:\n    pass\n')
    assert refused(opened.run, "check").startswith(f"{folder}/bucket.py:3: SyntaxError")


def test_a_missing_setting_is_named_with_the_offering_that_needs_it(offered: tuple[Site, Path]) -> None:
    opened, folder = offered
    for command in ("run", "worker"):
        told = refused(opened.run, command, JIRA_URL="")
        assert "JIRA_URL must be set: access uses jira." in told
        assert told.startswith(f"{folder}/access.py:")


def test_settings_that_cannot_be_are_named(offered: tuple[Site, Path]) -> None:
    opened, _ = offered
    for run, command, url, why in (
        (opened.run, "run", "mysql://me:secret@db.example.com/frontdesk", "mysql is not supported."),
        (opened.here, "migrate", "me:secret", "is no address of a database."),
        (opened.here, "migrate", "sqlite:////proc/secret/frontdesk.db", "its folder cannot be made"),
        (
            opened.run,
            "run",
            "postgresql://me:secret@127.0.0.1:1/frontdesk",
            "the database cannot be used: connection failed",
        ),
    ):
        told = refused(run, command, DATABASE_URL=url)
        assert told.startswith(f"DATABASE_URL: {why}"), told
        assert "me:secret" not in told
    assert refused(opened.here, "migrate", PORT="many").startswith("PORT: ")
    assert refused(opened.run, "run", SLACK_SIGNING_SECRET="").startswith("SLACK_BOT_TOKEN: ")


def test_check_says_what_there_is(offered: tuple[Site, Path]) -> None:
    opened, _ = offered
    told = opened.run("check").out
    for line in (
        "access v1: Access to a system. Steps: ticket (Issue), membership (Task).",
        "notice v1: Announcement. Steps: post (Post), status_page (Call).",
        "postgres v1: PostgreSQL. Steps: ticket (Issue), database (Task[Connection]).",
    ):
        assert line in told.splitlines()


def test_a_contract_is_recorded_and_a_change_that_breaks_it_is_refused(offered: tuple[Site, Path]) -> None:
    opened, folder = offered
    golden = folder / "contracts" / "postgres.v1.json"
    golden.unlink()
    assert "Its contract is not recorded yet: frontdesk check --record" in opened.run("check").out
    assert opened.run("check", "--record").out == f"{golden}\n"
    recorded = golden.read_text()
    assert json.loads(recorded)["version"] == "v1"
    assert opened.here("check", "--record").out == ""

    source = (folder / "postgres.py").read_text()
    (folder / "postgres.py").write_text(source.replace('description="Lower case, no spaces"', 'description="Short"'))
    opened.here("check")
    (folder / "postgres.py").write_text(
        source.replace('Literal["small", "large"]', 'Literal["small", "large", "huge"]')
    )
    assert refused(opened.here, "check").endswith("Record it: frontdesk check --record")
    opened.here("check", "--record")
    assert golden.read_text() != recorded

    (folder / "postgres.py").write_text(source.replace('Literal["small", "large"]', 'Literal["small"]'))
    kept = golden.read_text()
    for words in (["check"], ["check", "--record"]):
        told = refused(opened.here, *words)
        assert told.startswith(f"{folder}/postgres.py:")
        assert "the contract of postgres v1 would refuse what was valid before" in told
        assert "Give it a new version" in told
    assert golden.read_text() == kept
    (folder / "postgres.py").write_text(
        source.replace('Literal["small", "large"]', 'Literal["small"]').replace('version="v1"', 'version="v2"')
    )
    assert "postgres v2: PostgreSQL." in opened.here("check").out
