"""`frontdesk WORDS` as a process, and, where that makes no difference, in this one: a start takes seconds."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot import catalogue, cli
from tests.conftest import ROOT
from tests.integration.http_desk import HttpDesk


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Run(Protocol):
    def __call__(self, *words: str, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> Result: ...


def process(*words: str, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> Result:
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=cwd,
        env=plain | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def call(*words: str, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> Result:
    catalogue.forget()  # as a new process has read nothing yet
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(os, "environ", dict(environment or {}))
        patch.setattr(sys, "argv", ["frontdesk", *words])
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Result(code, out.getvalue(), err.getvalue())


class Terminal:
    """Runs `frontdesk` as somebody, in `folder`."""

    def __init__(self, served: HttpDesk, folder: Path, run: Run) -> None:
        self.served, self.folder, self.run = served, folder, run

    def __call__(self, who: str, *words: str, expect: int = 0, **environment: str) -> Result:
        result = self.run(*words, cwd=self.folder, environment=self.environment(who) | environment)
        assert result.code == expect, f"{words}: {result}"
        assert "Traceback" not in result.err
        return result

    def environment(self, who: str) -> dict[str, str]:
        return {"FRONTDESK_URL": self.served.url} | ({"FRONTDESK_TOKEN": self.served.token(who)} if who else {})
