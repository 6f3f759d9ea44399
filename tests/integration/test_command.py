"""Programs on the worker's machine: real ones, with what they are given, what they leave, and how they end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.errors import PermanentError, TemporaryError
from bot.handler import Context, Done, Outputs, Secret
from bot.handlers.command import Run, RunHandler
from tests.integration.handler_contract import NOW, secret

ROOT = Path(__file__).parents[2]
HANDLER = RunHandler({"PATH": os.environ["PATH"]})


class Address(Outputs):
    host: str
    port: int = 5432


def context(cancelled: Callable[[], bool] = lambda: False) -> Context:
    return Context(
        key="REQ-1/step",
        identity="INS-1/step",
        state={},
        now=NOW,
        save=lambda _state: None,
        say=lambda _text: None,
        secret=secret,
        cancelled=cancelled,
    )


def script(text: str, **given: Any) -> Run[Any]:
    return Run(argv=(sys.executable, "-c", text), **given)


def outputs(run: Run[Any]) -> Mapping[str, Any]:
    answer = HANDLER.apply(run, context())
    assert isinstance(answer, Done)
    return answer.outputs


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def until(seen: Callable[[], Any]) -> Any:
    for _ in range(600):
        if found := seen():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


def test_what_it_is_given_and_what_it_prints() -> None:
    run = script(
        "import json, os, sys\n"
        "given = json.load(sys.stdin)\n"
        "print('working ...')\n"
        "print(json.dumps({'host': given['name'] + os.environ['SUFFIX'], 'key': os.environ['FRONTDESK_KEY'],"
        " 'folder': os.getcwd(), 'token': len(os.environ['TOKEN'])}))\n"
        "print('done')",
        input={"name": "orders"},
        environment={"SUFFIX": ".example", "TOKEN": Secret("TOKEN")},
        folder="/usr",
    )
    assert outputs(run) == {"host": "orders.example", "key": "REQ-1/step", "folder": "/usr", "token": 10}


def test_it_sees_nothing_else_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    seen = outputs(script("import json, os; print(json.dumps(dict(os.environ)))"))
    assert set(seen) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"PATH", "FRONTDESK_KEY"}


def test_of_what_it_prints_only_what_was_promised_is_kept() -> None:
    promised = script('print(\'{"host": "db1", "more": 1}\')', outputs=Address)
    assert outputs(promised) == {"host": "db1"}
    with pytest.raises(PermanentError, match="not as promised: 'host' is a required property"):
        HANDLER.apply(script("print('{}')", outputs=Address), context())


def test_it_says_why_it_failed_without_the_secrets_that_it_was_given() -> None:
    run = script(
        "import os, sys; sys.exit('no such cluster ' + os.environ['TOKEN'])", environment={"TOKEN": Secret("TOKEN")}
    )
    with pytest.raises(PermanentError) as failed:
        HANDLER.apply(run, context())
    assert "ended with 1: no such cluster ••••" in str(failed.value)


def test_not_now_is_tried_again() -> None:
    with pytest.raises(TemporaryError, match="ended with 75: the quota is used up"):
        HANDLER.apply(script("import sys; print('the quota is used up', file=sys.stderr); sys.exit(75)"), context())


def test_a_program_that_is_not_there_fails_by_its_name() -> None:
    with pytest.raises(PermanentError, match="nowhere cannot be run: No such file or directory"):
        HANDLER.apply(Run(argv=("nowhere",)), context())


def test_a_program_that_prints_without_end_is_stopped() -> None:
    with pytest.raises(PermanentError, match=r"printed more than 1,000,000 bytes"):
        HANDLER.apply(script("while True: print('x' * 1000)"), context())


def test_one_that_reads_nothing_is_no_failure() -> None:
    assert outputs(script("pass", input={"much": "x" * 300_000})) == {}


FAMILY = (
    "import json, os, pathlib, signal, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "pathlib.Path(sys.argv[1]).write_text(json.dumps([os.getpid(), child.pid]))\n"
    "time.sleep(600)"
)


def test_a_cancelled_step_ends_the_program_and_all_that_it_started(tmp_path: Path) -> None:
    pids, stop = tmp_path / "pids", threading.Event()
    run = Run(argv=(sys.executable, "-c", FAMILY, str(pids)))
    ended: list[Exception] = []

    def apply() -> None:
        try:
            HANDLER.apply(run, context(stop.is_set))
        except TemporaryError as error:
            ended.append(error)

    thread = threading.Thread(target=apply)
    thread.start()
    family = until(lambda: json.loads(pids.read_text()) if pids.exists() and pids.read_text() else None)
    assert all(is_alive(pid) for pid in family)
    stop.set()
    thread.join(30)
    assert "ended with 143" in str(ended[0])
    until(lambda: not any(is_alive(pid) for pid in family))


def test_one_that_does_not_stop_when_asked_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    run = script(
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)",
        grace=0.2,
    )
    with pytest.raises(TemporaryError, match="ended with 137"):
        HANDLER.apply(run, context(ready.exists))


def test_the_signal_that_asks_it_to_stop_can_be_chosen(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    run = script(
        f"import pathlib, time\npathlib.Path({str(ready)!r}).touch()\n"
        "try:\n time.sleep(600)\nexcept KeyboardInterrupt:\n raise SystemExit(3)",
        stop="INT",
    )
    with pytest.raises(TemporaryError, match="ended with 3"):
        HANDLER.apply(run, context(ready.exists))


def test_a_killed_worker_leaves_no_program_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys\nfrom tests.integration.test_command import FAMILY, HANDLER, context\n"
                "from bot.handlers.command import Run\n"
                f"HANDLER.apply(Run(argv=(sys.executable, '-c', FAMILY, {str(pids)!r})), context())"
            ),
        ],
        cwd=ROOT,
    )
    family = until(lambda: json.loads(pids.read_text()) if pids.exists() and pids.read_text() else None)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not any(is_alive(pid) for pid in family))


def test_taking_back_runs_the_undo_or_nothing() -> None:
    assert HANDLER.delete(script("raise SystemExit(1)"), context()) == Done()
    with pytest.raises(PermanentError, match="ended with 4"):
        HANDLER.delete(script("pass", undo=script("raise SystemExit(4)")), context())
