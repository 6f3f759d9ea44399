"""The command line against a real server: the story and the processes as processes, the rest by calling `main`."""

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.staticfiles import StaticFiles

from bot.demo.server import Server
from tests.conftest import ROOT
from tests.integration.http_desk import SEAT, HttpDesk, http_desk
from tests.integration.terminal import Run, Terminal, call, process

COMMANDS = (
    *("offerings", "offering", "request", "plan", "list", "waiting", "show", "approve", "reject", "withdraw", "cancel"),
    *("retry", "complete", "refuse", "edit", "instances", "update", "renew", "delete"),
    *("run", "web", "worker", "migrate", "check", "import", "key", "preview", "demo", "token"),
    *("backup", "restore", "doctor"),
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HttpDesk]:
    with http_desk(tmp_path) as served:
        yield served


@pytest.fixture
def terminal(served: HttpDesk, tmp_path: Path) -> Terminal:
    return Terminal(served, tmp_path, call)


# The story


@pytest.mark.parametrize("run", [process, call])
def test_a_request_goes_the_whole_way(served: HttpDesk, tmp_path: Path, run: Run) -> None:
    terminal = Terminal(served, tmp_path, run)
    asked = terminal(
        "ada", "request", "database", "--name", "orders", "--network.cidr", "10.0.0.0/8", "--reason", "shop"
    )
    by = terminal("ada", "show", "REQ-1", "--json").json["decide_by"]
    assert asked.out == f"REQ-1 is awaiting approval: @dba has to approve by {by[:10]} {by[11:16]} UTC.\n"
    assert f"Decide by  {by[:10]} {by[11:16]} UTC" in terminal("ada", "show", "REQ-1").out
    assert "orders" in terminal("grace", "waiting").out
    assert terminal("grace", "approve", "REQ-1", "--reason", "fine").out.startswith("REQ-1 is ")
    served.desk.work()

    shown = terminal("ada", "show", "REQ-1").out
    assert "create asks @data-platform" in shown
    assert "Create orders" in shown
    assert "network.cidr" in shown
    assert "grace@example.com" in shown
    terminal("margaret", "complete", "REQ-1", "create", "--host", "db1.example.com", "--port", "6432")
    served.desk.work()

    record = terminal("ada", "show", "REQ-1", "--json").json
    assert (record["state"], record["outputs"]) == ("fulfilled", {"host": "db1.example.com", "port": 6432})
    assert record["form"]["network"] == {"cidr": "10.0.0.0/8", "ports": []}
    assert record["reason"] == "shop"
    have = terminal("ada", "instances").out
    assert "INS-1" in have
    assert "host=db1.example.com" in have

    changed = terminal("ada", "update", "INS-1", "--size", "large", "--reason", "more", "--json").json
    assert (changed["id"], changed["kind"], changed["state"]) == ("REQ-2", "update", "awaiting_approval")
    assert changed["form"] == record["form"] | {"size": "large"}
    assert "REQ-2 is withdrawn" in terminal("ada", "withdraw", "REQ-2").out

    assert "REQ-3 is awaiting approval" in terminal("ada", "delete", "INS-1", "--reason", "not needed").out
    assert terminal("ada", "instances", "--json").json["items"][0]["open_request"] == "REQ-3"


def test_what_was_not_done_can_be_refused_retried_cancelled(terminal: Terminal, served: HttpDesk) -> None:
    terminal("ada", "request", "database", "--name", "orders")
    terminal("grace", "approve", "REQ-1")
    served.desk.work()
    refused = terminal("grace", "refuse", "REQ-1", "create", "--reason", "no room")
    assert refused.out.startswith("REQ-1 is failed: create: ")
    assert "no room" in refused.out
    assert "REQ-1 is fulfilling" in terminal("grace", "retry", "REQ-1").out
    assert terminal("ada", "cancel", "REQ-1", "--json").json["state"] == "cancelled"
    terminal("ada", "request", "database", "--name", "orders")
    assert terminal("ada", "withdraw", "REQ-2").out == "REQ-2 is withdrawn.\n"
    terminal("ada", "request", "database", "--name", "orders")
    assert terminal("grace", "reject", "REQ-3", "--reason", "no").out == "REQ-3 is rejected.\n"


def test_answers_come_from_a_file_and_options_change_single_fields(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(
        "name: orders\nnetwork:\n  cidr: 10.0.0.0/8\n  ports: [5432]\nuntil: 2027-01-31\n"
    )
    (tmp_path / "more.json").write_text('{"size": "large"}')
    words = ["@orders.yaml", "@more.json", "--network.cidr=10.1.0.0/16", "--replicas", "2", "--public", "--json"]
    record = terminal("ada", "request", "database", *words).json
    assert record["form"] == {
        "name": "orders",
        "size": "large",
        "replicas": 2,
        "public": True,
        "until": "2027-01-31",
        "network": {"cidr": "10.1.0.0/16", "ports": [5432]},
    }
    edited = terminal("ada", "edit", "REQ-1", "--network.ports", "1", "--network.ports", "2", "--json").json
    assert edited["form"] == record["form"] | {"network": {"cidr": "10.1.0.0/16", "ports": [1, 2]}}
    assert edited["revision"] == 2
    assert terminal("ada", "edit", "REQ-1", "@orders.yaml", "--json").json["form"]["size"] == "small"


def test_a_field_comes_before_an_option_of_the_same_name(terminal: Terminal) -> None:
    record = terminal("ada", "request", "--reason", "mine", "seat", "--reason", "the field's", "--json").json
    assert (record["form"], record["reason"]) == ({"reason": "the field's"}, "mine")


def test_the_same_key_is_the_same_request(terminal: Terminal) -> None:
    words = ["request", "--key", "k1", "database", "--name"]
    assert terminal("ada", *words, "orders").out == terminal("ada", *words, "orders").out
    assert "became REQ-" in terminal("ada", *words, "other", expect=1).err


def test_a_version_may_be_named(terminal: Terminal) -> None:
    words = ["request", "database", "--name", "orders", "--json", "--version"]
    assert terminal("ada", *words, "v1").json["version"] == "v1"
    assert "There is no offering called database v9" in terminal("ada", *words, "v9", expect=3).err


def test_waiting_ends_with_the_request(terminal: Terminal, served: HttpDesk) -> None:
    def finish() -> None:
        while not served.desk.service.waiting(served.desk.grace).items:
            time.sleep(0.01)
        served.desk.service.reject(served.desk.grace, "REQ-1", "no room")

    background = threading.Thread(target=finish)
    background.start()
    result = terminal("ada", "request", "database", "--name", "orders", "--wait", expect=1)
    background.join()
    assert result.out == "REQ-1 is rejected.\n"


def test_a_plan_says_what_would_happen(terminal: Terminal) -> None:
    plan = terminal("ada", "plan", "database", "--name", "orders").out
    assert "create: Somebody creates it." in plan
    assert "Create orders" in plan
    assert terminal("ada", "list").err == "There are no such requests.\n"


def test_the_catalogue_and_lists_are_tables(terminal: Terminal) -> None:
    assert "A seat in the quiet room" in terminal("ada", "offerings").out
    fields = terminal("ada", "offering", "database").out
    assert "--network.cidr" in fields
    assert "small|large" in fields
    for number in range(3):
        terminal("ada", "request", "database", "--name", f"orders-{number}")
    lines = terminal("ada", "list", "--mine", "--state", "awaiting_approval", "--offering", "database").out.splitlines()
    assert [line.split()[0] for line in lines] == ["Request", "REQ-3", "REQ-2", "REQ-1"]
    some = terminal("ada", "list", "--limit", "2")
    assert len(some.out.splitlines()) == 3
    assert some.err == "There are more than 2: --limit shows them.\n"
    assert terminal("ada", "list", "--waiting", "--json").json == {"items": [], "next": None}


def test_help_for_an_offering_lists_its_fields(terminal: Terminal) -> None:
    text = terminal("ada", "request", "database", "--help").out
    assert "--network.cidr" in text
    assert "--size small|large" in text
    assert "Lower case, no spaces (required)" in text


# Refusals


def test_each_wrong_field_has_its_line_and_nothing_is_asked_for(terminal: Terminal) -> None:
    words = ["--name", "Orders", "--size", "huge", "--replicas", "many"]
    result = terminal("ada", "request", "database", *words, expect=1)
    assert result.out == ""
    assert {line.split(":")[0] for line in result.err.splitlines()[1:]} == {"  --name", "  --size", "  --replicas"}
    remote = terminal("ada", "request", "database", "--name", "Orders", "--network.ports", "1", expect=1)
    assert {line.split(":")[0] for line in remote.err.splitlines()[1:]} == {"  --name", "  --network.cidr"}
    assert terminal("ada", "list", "--json").json["items"] == []


def test_scripts_can_tell_refusals_apart(terminal: Terminal, served: HttpDesk) -> None:
    terminal("ada", "request", "database", "--name", "orders")
    assert "There is: database, seat." in terminal("ada", "request", "databse", "--name", "x", expect=3).err
    unknown = terminal("ada", "request", "database", "--nam", "x", expect=2).err
    assert "--nam: Unknown field. Did you mean “name”?" in unknown
    assert "cannot be read" in terminal("ada", "request", "database", "@missing.yaml", expect=2).err
    terminal("ada", "request", "database", "--name", expect=2)
    terminal("ada", "reject", "REQ-1", expect=2)
    terminal("ada", "fly", expect=2)
    assert "is for @dba to decide" in terminal("ada", "approve", "REQ-1", expect=1).err
    terminal("mallory", "show", "REQ-1", expect=3)
    terminal("ada", "show", "REQ-99", expect=3)
    terminal("ada", "show", "../offerings", expect=3)
    terminal("grace", "complete", "REQ-1", "other", expect=3)
    assert "waits for nobody now" in terminal("grace", "complete", "REQ-1", "create", expect=1).err
    assert "FRONTDESK_TOKEN" in terminal("", "list", expect=4).err
    terminal("", "list", FRONTDESK_TOKEN="wrong", expect=4)
    terminal("", "list", FRONTDESK_TOKEN="wröng", expect=4)
    served.desk.service.revoke_tokens("ada@example.com")
    assert "revoked" in terminal("ada", "list", expect=4).err


def test_a_server_that_is_not_there_or_is_not_ours_is_said_so(terminal: Terminal, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:9", "http://[", "nonsense", "ftp://127.0.0.1"):
        result = terminal("ada", "list", FRONTDESK_URL=url, expect=5)
        assert len(result.err.splitlines()) == 1
        assert "FRONTDESK_URL" in result.err
    healthz = f"{terminal.served.url}/healthz"
    assert terminal("ada", "list", FRONTDESK_URL=healthz, expect=3).err.startswith("There is nothing at /healthz/v1")


def test_a_bug_or_something_else_at_that_address_is_exit_code_5(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(terminal.served.desk.service, "catalogue")
    assert "Tell the platform's team: error " in terminal("ada", "offerings", expect=5).err
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "offerings").write_text("<html>")
    with Server(StaticFiles(directory=tmp_path)) as other:
        told = terminal("ada", "offerings", FRONTDESK_URL=other.url, expect=5).err
    assert told == f"{other.url} does not answer as Frontdesk does (HTTP 200, FRONTDESK_URL).\n"


def test_what_cannot_be_sent_is_said_so(terminal: Terminal) -> None:
    for words in (["--key", "ключ", "seat", "--reason", "x"], ["seat", "--reason", "half \udcff"]):
        assert "cannot be sent" in terminal("ada", "request", *words, expect=2).err
    assert "cannot be sent" in terminal("ada", "show", "\udcff", expect=2).err


def test_a_text_cannot_write_elsewhere_on_the_terminal(terminal: Terminal) -> None:
    terminal("ada", "request", "seat", "--reason", "a\x1b[2Jb [red]c[/red] :smile: <!channel>")
    shown = terminal("ada", "show", "REQ-1").out
    assert "a\ufffd[2Jb [red]c[/red] :smile: <!channel>" in shown
    assert "\x1b" not in shown


def test_colours_are_for_terminals(terminal: Terminal) -> None:
    terminal("ada", "request", "seat", "--reason", "quiet")
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "list"],
        env=environment | terminal.environment("ada"),
        stdout=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
        if not more:
            break
        seen += more
    assert process.wait(timeout=60) == 0
    os.close(ours)
    assert b"\x1b[1m" in seen
    assert "\x1b" not in terminal("ada", "list").out


# Processes


def test_help_names_every_command_and_the_exit_codes() -> None:
    text = call("--help").out
    listed = {line.split()[0] for line in text.partition("Commands:")[2].partition("\n\n")[0].splitlines() if line}
    assert listed == set(COMMANDS)
    assert "5  the server cannot be reached" in text


def test_help_imports_nothing_heavy() -> None:
    # Typer itself reads the options of a single command with pydantic.
    code = """
import sys
from bot.__main__ import main

heavy = {"httpx", "rich", "fastapi", "sqlalchemy", "jsonschema", "yaml", "bot.contract"}
for words, more in ([[], {"pydantic"}], *([[name], set()] for name in sys.argv[1:])):
    sys.argv = ["frontdesk", *words, "--help"]
    try:
        main()
    except SystemExit as end:
        assert not end.code
    found = (heavy | more) & set(sys.modules)
    assert not found, (words, found)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *COMMANDS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == len(COMMANDS) + 1


def test_a_misconfigured_process_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    environment = {"OFFERINGS": "nowhere", "DATABASE_URL": f"sqlite:///{tmp_path}/frontdesk.db"}
    result = process("check", cwd=tmp_path, environment=environment)
    assert (result.code, result.out) == (1, "")
    assert result.err == "nowhere: is not a folder. Set OFFERINGS to your folder of offerings.\n"
    result = process("run", cwd=tmp_path, environment={"PORT": "many"})
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "PORT" in result.err


def test_a_database_is_migrated_offerings_are_checked_and_contracts_recorded(tmp_path: Path) -> None:
    offerings = tmp_path / "offerings"
    offerings.mkdir()
    (offerings / "seat.py").write_text(SEAT)
    environment = {"OFFERINGS": str(offerings), "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    early = call("token", "create", "joan@example.com", environment=environment)
    assert (early.code, early.err.count("\n")) == (1, 1)
    assert "frontdesk migrate" in early.err
    assert call("migrate", environment=environment).code == 0
    assert call("token", "create", "joan@example.com", environment=environment).out.startswith("fd_")
    assert call("token", "create", "U0NOBODY", environment=environment).code == 3
    assert call("check", environment=environment).out.startswith("seat v1: A seat in the quiet room.")
    assert call("check", "--record", environment=environment).out == f"{offerings}/contracts/seat.v1.json\n"
    assert call("check", "--record", environment=environment).out == ""
    (offerings / "seat.py").write_text(SEAT.replace("min_length=3", "min_length=30"))
    refused = process("check", environment=environment)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert f"{offerings}/seat.py:" in refused.err


def test_a_token_is_made_used_and_revoked(served: HttpDesk, terminal: Terminal, tmp_path: Path) -> None:
    environment = {"OFFERINGS": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/frontdesk.db"}
    made = process("token", "create", "joan@example.com", cwd=tmp_path, environment=environment)
    assert made.code == 0, made.err
    token = made.out.splitlines()[-1]
    terminal("", "list", FRONTDESK_TOKEN=token)
    assert process("token", "revoke", "joan@example.com", cwd=tmp_path, environment=environment).code == 0
    terminal("", "list", FRONTDESK_TOKEN=token, expect=4)
