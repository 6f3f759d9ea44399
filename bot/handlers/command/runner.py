"""The handler: runs the program under its keeper, listens to it, and stops it when the step has to stop."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from typing_extensions import override

from bot.errors import PermanentError, TemporaryError
from bot.handler import JSON, Answer, Context, Done, Handler, Plans, Secret, promised, schema_of
from bot.handlers.command.resource import Run

_KEEPER = Path(__file__).with_name("keeper.py")
#: Seconds between two looks whether the step is cancelled.
_LOOK = 0.25
#: Characters of its errors that people read, and bytes that it may print.
_TOLD, _MOST = 1500, 1_000_000
#: https://man.freebsd.org/cgi/man.cgi?query=sysexits
_TEMPFAIL = 75
_MASK = "••••"
#: A shorter secret may stand in any sentence.
_LEAST_TELLING = 4


class RunHandler(Handler[Run], Plans):
    """Runs programs. They see PATH, HOME, LANG and TMPDIR of the worker, and what the resource names."""

    name = "command"
    resource = Run
    options = ("PATH", "HOME", "LANG", "TMPDIR")

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._environment = dict(settings)

    @override
    def apply(self, resource: Run, context: Context) -> Answer:
        secrets = {
            name: context.secret(value.name)
            for name, value in resource.environment.items()
            if isinstance(value, Secret)
        }
        environment = {**self._environment, **_clear(resource.environment), **secrets, "FRONTDESK_KEY": context.key}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            code = _run(resource, environment, context, out, errors)
            if out.seek(0, 2) > _MOST:
                raise PermanentError(f"{resource.argv[0]} printed more than {_MOST:,} bytes, so it was stopped.")
            said = _masked(_last_of(errors), secrets.values())
            if code == 0:
                return Done(_outputs(resource, out))
        program = Path(resource.argv[0]).name
        text = f"{program} ended with {code}{': ' + said if said else '.'}"
        raise TemporaryError(text) if code == _TEMPFAIL or context.cancelled() else PermanentError(text)

    @override
    def delete(self, resource: Run, context: Context) -> Answer:
        """Runs `undo`, if there is one."""
        return self.apply(resource.undo, context) if resource.undo else Done()

    @override
    def plan(self, resource: Run, context: Context) -> str:
        return f"Runs {' '.join(resource.argv)}"


def _run(resource: Run, environment: Mapping[str, str], context: Context, out: IO[bytes], errors: IO[bytes]) -> int:
    told = {
        "argv": resource.argv,
        "input": json.dumps(resource.input),
        "environment": environment,
        "folder": resource.folder,
        "stop": resource.stop,
        "grace": resource.grace,
    }
    keeper = subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-I", str(_KEEPER)],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=errors,
        env={},
        start_new_session=True,
    )
    try:
        if keeper.stdin is not None:
            keeper.stdin.write(json.dumps(told).encode() + b"\n")
            keeper.stdin.flush()
        while True:
            try:
                return keeper.wait(_LOOK)
            except subprocess.TimeoutExpired:
                if context.cancelled() or out.seek(0, 2) > _MOST:
                    break
    finally:
        if keeper.stdin is not None:
            keeper.stdin.close()
    return keeper.wait()


def _clear(environment: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if isinstance(value, str)}


def _last_of(errors: IO[bytes]) -> str:
    """The end of what it said, in whole lines where there are some."""
    size = errors.seek(0, 2)
    errors.seek(max(0, size - _TOLD))
    text = errors.read().decode(errors="replace").strip()
    return "… " + text.partition("\n")[2] if size > _TOLD and "\n" in text else text


def _masked(text: str, secrets: Any) -> str:
    for secret in secrets:
        if len(secret) >= _LEAST_TELLING:
            text = text.replace(secret, _MASK)
    return text


def _outputs(resource: Run, out: IO[bytes]) -> JSON:
    out.seek(0)
    found = next(_objects(out.read().decode(errors="replace")), {})
    try:
        return promised(found, schema_of(resource.outputs))
    except ValueError as problem:
        text = f"{resource.argv[0]} did its work, but what it printed is not as promised: {problem}"
        raise PermanentError(text) from None


def _objects(text: str) -> Iterator[JSON]:
    """The JSON objects among its lines, the last one first; then all of it as one."""
    for part in [*reversed(text.splitlines()), text]:
        try:
            found = json.loads(part)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found
