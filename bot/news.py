"""News of resources from where they stand: looks at what is due, and hears the systems that call.

What a system says is only a hint: it makes the resource due, and the look asks the system itself. So a call that was
forged, doubled, late or out of order changes nothing, and where no call gets through, looks alone bring the same.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.catalogue import Catalogue
from bot.errors import Blocked, FrontdeskError, PermanentError, TemporaryError
from bot.handler import Hears, Looks, News, Thing
from bot.store import news, outbox
from bot.store.database import Database
from bot.store.news import Look

log = logging.getLogger(__name__)

#: How long a process may take for the resources that it looks at together, and how many those are.
LEASE, TOGETHER = timedelta(minutes=2), 100
#: Until the next try where nobody says how long, where a person has to mend something, and where a deploy has to.
SOON, MENDED, UNKNOWN = timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1)


class Newsroom:
    """Of one process; several share the work by the rows."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self.database, self.catalogue = database, catalogue
        self._lookers = {name: each for name, each in catalogue.handlers.items() if isinstance(each, Looks)}
        self._hearers = {name: each for name, each in catalogue.handlers.items() if isinstance(each, Hears)}
        #: Systems that are away, and until when: other resources of theirs need not find out one by one.
        self._away: dict[str, datetime] = {}

    @property
    def doors(self) -> Sequence[str]:
        """The names of the handlers whose systems may call."""
        return sorted(self._hearers)

    def hear(self, name: str, headers: Mapping[str, str], body: bytes) -> int:
        """A system calls; how many resources are looked at for it. Raises Unproven."""
        heard = self._hearers[name].hear({key.lower(): value for key, value in headers.items()}, body)
        with self.database.write() as tx:
            return news.hear(tx, name, heard.key, heard.references)

    def turn(self) -> bool:
        """Look at some of what is due, of each handler; False when nothing is."""
        now = self.database.now()
        here = [name for name in self._lookers if self._away.get(name, now) <= now]
        return True in [self._turn(name) for name in here]  # each of them, whatever the first says

    def _turn(self, name: str) -> bool:
        with self.database.read() as session:
            if not news.is_due(session, name, self.database.now()):
                return False
        with self.database.write() as tx:
            looks = news.claim(tx, name, LEASE, TOGETHER)
        if looks:
            self._look(name, looks)
        return bool(looks)

    def _look(self, name: str, looks: Sequence[Look]) -> None:
        known = [(look, thing) for look in looks if (thing := self._thing(look))]
        try:
            found = self._lookers[name].look([thing for _, thing in known])
        except FrontdeskError as error:
            self._none(name, [look for look, _ in known], error)
        except Exception:  # a handler may raise anything; it is logged, and they are looked at again
            log.exception("a bug in how the handler %s looks at %d resources", name, len(known))
            self._none(name, [look for look, _ in known], TemporaryError("A bug in the handler."))
        else:
            for (look, _), each in zip(known, found, strict=True):
                self._record(look, each)

    def _thing(self, look: Look) -> Thing[Any] | None:
        """None, and looked at later, if what was stored is nothing that today's handler understands."""
        try:
            resource = self.catalogue.handlers[look.handler].resource.model_validate(look.resource)
        except ValueError:
            log.exception("what is stored of %s is no %s resource of this code", look.identity, look.handler)
            with self.database.write() as tx:
                news.later(tx, [look], UNKNOWN)
            return None
        return Thing(look.reference, resource, look.state, look.seen, look.now)

    def _none(self, name: str, looks: Sequence[Look], error: FrontdeskError) -> None:
        """The whole system could not be asked."""
        log.info("nothing of %s can be looked at now: %s", name, error)
        delay = _delay(error)
        self._away[name] = self.database.now() + delay
        with self.database.write() as tx:
            news.later(tx, looks, delay)
            if isinstance(error, Blocked):
                outbox.blocked(tx, error.system, str(error))
            if isinstance(error, PermanentError):
                news.blind(tx, f"{name} resources", str(error), name)

    def _record(self, look: Look, found: News | FrontdeskError) -> None:
        with self.database.write() as tx:
            if isinstance(found, News):
                news.record(tx, look, found)
                return
            log.info("%s cannot be looked at now: %s", look.identity, found)
            news.later(tx, [look], _delay(found))
            if isinstance(found, PermanentError):
                news.blind(tx, look.identity, str(found), f"{look.handler} {_digest(str(found))}")


def _delay(error: FrontdeskError) -> timedelta:
    if isinstance(error, TemporaryError):
        return timedelta(seconds=error.delay) if error.delay is not None else SOON
    return MENDED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
