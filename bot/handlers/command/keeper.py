"""Keeps one program: starts it in a process group of its own, and ends the whole group with its own standard input.

Run as a file by `bot.handlers.command.runner`, not imported: it has to start fast and to know nothing of the worker.
The first line of its input says what to run; then the input stays open as long as the worker wants the program to
run. It closes when the worker closes it, and when the worker is killed: no program outlives the worker that started it
beside the one that takes over.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any


def main() -> int:
    told = _told()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # a worker in the background of a shell ignores them, and so would it
        signal.signal(number, signal.SIG_DFL)
    try:
        program = subprocess.Popen(  # noqa: S603 - the author's own program, without a shell
            told["argv"],
            cwd=told["folder"],
            env=told["environment"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        sys.stderr.write(f"{told['argv'][0]} cannot be run: {error.strerror}\n")
        return 127
    threading.Thread(target=_feed, args=(program, told["input"]), daemon=True).start()
    threading.Thread(target=_end_with_our_input, args=(program, told), daemon=True).start()
    code = program.wait()
    _signal(program, signal.SIGKILL)  # what it left behind
    return code if code >= 0 else 128 - code


def _told() -> dict[str, Any]:
    # Without a buffer: one that another thread reads from cannot be closed when this process ends.
    line = b""
    while not line.endswith(b"\n") and (part := os.read(0, 65_536)):
        line += part
    told: dict[str, Any] = json.loads(line)
    return told


def _feed(program: "subprocess.Popen[bytes]", text: str) -> None:
    stdin = program.stdin
    if stdin is not None:
        with contextlib.suppress(OSError), stdin:  # it may end without reading
            stdin.write(text.encode())


def _end_with_our_input(program: "subprocess.Popen[bytes]", told: dict[str, Any]) -> None:
    while os.read(0, 4096):
        """Nothing is said there; it only closes."""
    _signal(program, getattr(signal, f"SIG{told['stop']}"))
    try:
        program.wait(told["grace"])
    except subprocess.TimeoutExpired:
        _signal(program, signal.SIGKILL)


def _signal(program: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, number)


if __name__ == "__main__":
    sys.exit(main())
