"""Machines on this one: network namespaces, each with a loopback of its own and a wire to the one where the database is.

The wires lead from one namespace to another, so nothing of it can be reached from elsewhere.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.integration.line import Line

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
#: Nobody's card: whatever is sent to it arrives, and is thrown away.
_NOBODY = "02:00:00:00:00:01"


@dataclass(frozen=True)
class Machine:
    """One namespace."""

    namespace: str

    def inside(self, do: Callable[[], T]) -> T:
        """Do it there: what it opens and starts stays there."""
        with ThreadPoolExecutor(1) as one:  # a namespace is the thread's, and this thread ends
            return one.submit(self._there, do).result()

    def _there(self, do: Callable[[], T]) -> T:
        with Path("/run/netns", self.namespace).open() as door:
            if _LIBC.setns(door.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"{self.namespace} cannot be entered")
        return do()


@dataclass(frozen=True)
class Wired(Machine):
    """One with a wire to the database's machine; each end has a name and an address."""

    server: Machine
    number: int

    @property
    def address(self) -> str:
        return f"10.77.{self.number}.2"

    @property
    def database_address(self) -> str:
        """Where the database is, seen from here."""
        return f"10.77.{self.number}.1"

    def cut(self) -> None:
        """Packets vanish from now on, both ways and without a word: no line is broken, none is refused."""
        for namespace, device, other in self._ends():
            _ip(namespace, "neigh", "replace", other, "lladdr", _NOBODY, "dev", device, "nud", "permanent")

    def mend(self) -> None:
        """They arrive again."""
        for namespace, device, other in self._ends():
            _ip(namespace, "neigh", "del", other, "dev", device)

    def show(self, url: str) -> Line:
        """What listens on the loopback of the tests is on this machine's as well, at the same port, whatever is cut."""
        port = int(url.rstrip("/").split("/")[2].rpartition(":")[2])
        return Line(f"tcp://127.0.0.1:{port}", self.inside(lambda: socket.create_server(("127.0.0.1", port))))

    def _wire(self) -> None:
        server, far = self.server.namespace, f"wire{self.number}"
        _ip(self.namespace, "link", "add", "near", "type", "veth", "peer", "name", far, "netns", server)
        for namespace, device, address in (
            (self.namespace, "near", self.address),
            (server, far, self.database_address),
        ):
            _ip(namespace, "address", "add", f"{address}/24", "dev", device)
            _ip(namespace, "link", "set", "dev", device, "up")

    def _ends(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        return (
            (self.namespace, "near", self.database_address),
            (self.server.namespace, f"wire{self.number}", self.address),
        )


@contextmanager
def network(machines: int) -> Iterator[list[Wired]]:
    """So many machines around one database's. Skips where the system has no namespaces for us."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command ip (iproute2)")
    with ExitStack() as stack:
        server = Machine(_namespace(stack))
        wired = [Wired(_namespace(stack), server, number) for number in range(1, machines + 1)]
        for machine in wired:
            machine._wire()
        yield wired


def _namespace(stack: ExitStack) -> str:
    name = f"frontdesk-{uuid.uuid4().hex[:8]}"
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the system gives no network namespaces: {error.stderr.strip()}")
    stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=True)
    _ip(name, "link", "set", "dev", "lo", "up")
    return name


def _ip(namespace: str, *words: str) -> None:
    subprocess.run(["ip", "-n", namespace, *words], check=True)
