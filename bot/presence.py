"""The sign of life that a running process gives, so that `frontdesk doctor` can say who works and who does not."""

import logging
import threading

from bot.errors import Unavailable
from bot.store import processes
from bot.store.database import Database

log = logging.getLogger(__name__)


class Presence:
    """Beats from a thread of its own until it is stopped."""

    def __init__(self, database: Database, owner: str, parts: str, version: str) -> None:
        self._database, self._owner, self._parts, self._version = database, owner, parts, version
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while True:
            self._say(goodbye=False)
            if self._stop.wait(processes.BEAT.total_seconds()):
                self._say(goodbye=True)
                return

    def _say(self, *, goodbye: bool) -> None:
        try:
            with self._database.write() as tx:
                if goodbye:
                    processes.end(tx, self._owner)
                else:
                    processes.beat(tx, self._owner, self._parts, self._version)
        except Unavailable as error:
            log.info("no sign of life: %s", error)
        except Exception:  # whatever the database says, a sign of life ends nothing
            log.exception("no sign of life")
