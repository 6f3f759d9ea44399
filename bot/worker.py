"""The process that turns the engine and sends what must be said.

Threads look for work when a commit of this process wakes them, when something is due, and at the latest after a
second: another process may have made work, and PostgreSQL and SQLite are asked alike.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from apscheduler.schedulers.background import BackgroundScheduler

from bot.engine import Engine, backoff
from bot.errors import PermanentError, TemporaryError, Unreachable, Unsure
from bot.store import detours, outbox, steps
from bot.store.database import Database, Session, Wake
from bot.store.outbox import ClaimedCard, ClaimedDelivery

log = logging.getLogger(__name__)

T = TypeVar("T")
NextDue = Callable[[Session, datetime], datetime | None]

LONGEST_WAIT = 1.0
#: Seconds between two questions whether a resource is to be looked at.
LOOKS = 2.0
#: How long a message is tried before it is given up, and how long a claim on one lasts.
LARGEST_AGE = timedelta(days=2)


class Sender(Protocol):
    """A door that can say things; Slack's is in `bot.slack.deliveries`.

    Raises TemporaryError; Unsure, where it may have been said all the same; PermanentError; Unreachable, where it can
    be said in another place.
    """

    kinds: tuple[str, ...]

    def send(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        """Say it; the channel and timestamp where it stands, if anywhere. `delivery.unsure`: look for it first."""

    def show(self, claimed: ClaimedCard) -> tuple[str, str, str | None]:
        """Post or update the card; its channel, timestamp and link. `claimed.unsure`: look for it first."""

    def instead(self, about: ClaimedCard | ClaimedDelivery) -> list[str]:
        """The places, channels or people, that get it instead when it cannot be said where it belongs."""


class Worker:
    """Runs steps and sends deliveries until it is stopped."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        sender: Sender | None,
        sweep: Callable[[], object],
        look: Callable[[], bool] = lambda: False,
        *,
        pace: timedelta = timedelta(seconds=1),
        threads: int = 8,
        senders: int = 3,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        """`sweep` is called every minute, `look` every two seconds and again while it says True.

        `pace` is the rest between two messages to one channel.

        `give_way` is called before each piece of work: it waits a moment while somebody in this process is in a hurry.
        """
        self.database, self.engine, self.sender, self.pace = database, engine, sender, pace
        self._give_way, self._look = give_way, look
        self._wake, self._stop = Wake(), threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="step")
        self._slots = threading.Semaphore(threads)
        loops = [self._run_steps, self._keep_leases, self._look_around, *[self._send] * senders]
        self._threads = [threading.Thread(target=loop, name=loop.__name__.strip("_"), daemon=True) for loop in loops]
        self._timers = BackgroundScheduler(timezone="UTC")
        self._timers.add_job(_safely(sweep), "interval", seconds=60, coalesce=True, max_instances=1)
        database.on_due(self._wake.set)

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()
        self._timers.start()

    def stop(self, grace: float = 10.0) -> None:
        """Stop claiming, let what runs finish for `grace` seconds; what does not is taken over after its lease."""
        self._stop.set()
        self._wake.set()
        if self._timers.running:
            self._timers.shutdown(wait=False)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(grace)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run_steps(self) -> None:
        while not self._stop.is_set():
            self._slots.acquire()
            seen, since = self._wake.count, self.database.now()
            self._give_way()
            claim = _safely(self.engine.claim)()
            if claim is None:
                self._slots.release()
                self._wait(seen, since, steps.next_due)
            else:
                self._pool.submit(self.engine.run, claim).add_done_callback(lambda _done: self._slots.release())

    def _keep_leases(self) -> None:
        while not self._stop.wait(self.engine.lease.total_seconds() / 3):
            _safely(self.engine.renew)()

    def _look_around(self) -> None:
        while not self._stop.wait(LOOKS):
            while not self._stop.is_set() and _safely(self._look)():
                pass

    def _send(self) -> None:
        while not self._stop.is_set():
            seen, since = self._wake.count, self.database.now()
            self._give_way()
            if not _safely(self.send_one)():
                self._wait(seen, since, outbox.next_due)

    def _wait(self, seen: int, since: datetime, next_due: NextDue) -> None:
        due = _safely(lambda: self._seconds_until(next_due, since))()
        self._wake.wait(seen, LONGEST_WAIT if due is None else min(LONGEST_WAIT, max(0.01, due)))

    def _seconds_until(self, next_due: NextDue, since: datetime) -> float | None:
        with self.database.read() as session:
            at = next_due(session, since)
        return (at - self.database.now()).total_seconds() if at else None

    def send_one(self) -> bool:
        """Send one card or delivery that is due; False when there is none."""
        return (self.sender is not None and self._show_card(self.sender)) or self._deliver()

    def _show_card(self, sender: Sender) -> bool:
        with self.database.write() as tx:
            claimed = outbox.claim_card(tx, self.engine.owner, self.engine.lease)
        if claimed is None:
            return False
        try:
            channel, ts, link = sender.show(claimed)
        except PermanentError as error:
            log.warning("the card of request %s cannot be shown: %s", claimed.card.request_id, error)
            self._elsewhere(sender, claimed, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the card stays dirty and is tried again
            self._postpone_card(claimed, error)
        else:
            with self.database.write() as tx:
                outbox.card_shown(tx, claimed, channel, ts, link, self.pace)
                if claimed.card.ts is None:
                    detours.works(tx, claimed.card.place)
        return True

    def _deliver(self) -> bool:
        kinds = ("follow", outbox.ALARM, *(self.sender.kinds if self.sender else ()))
        with self.database.write() as tx:
            delivery = outbox.claim_delivery(tx, self.engine.owner, self.engine.lease, kinds)
        if delivery is None:
            return False
        try:
            stands = self._send_to(delivery)
        except PermanentError as error:
            log.warning("delivery %s (%s) is given up: %s", delivery.id, delivery.kind, error)
            self._give_up(delivery, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the delivery waits and is tried again
            self._postpone(delivery, error)
        else:
            channel, ts = stands or (None, None)
            with self.database.write() as tx:
                outbox.delivered(tx, delivery, timedelta(0) if delivery.kind == "follow" else self.pace, channel, ts)
        return True

    def _send_to(self, delivery: ClaimedDelivery) -> tuple[str, str] | None:
        if delivery.kind == outbox.ALARM and delivery.attempts == 1:
            log.error("alarm: %s", delivery.payload["text"])
        if delivery.kind == "follow":
            self.engine.follow(delivery)
            return None
        return self.sender.send(delivery) if self.sender else None

    def _give_up(self, delivery: ClaimedDelivery, error: PermanentError) -> None:
        if self.sender and isinstance(error, Unreachable) and delivery.kind != outbox.ALARM:
            self._elsewhere(self.sender, delivery, error)
            return
        reason = str(error)
        with self.database.write() as tx:
            outbox.give_up(tx, delivery, reason)

    def _elsewhere(self, sender: Sender, about: ClaimedCard | ClaimedDelivery, error: PermanentError) -> None:
        """What cannot be said where it belongs is said in other places; who they are may have to wait."""
        reason = str(error)
        try:
            instead = sender.instead(about)
        except TemporaryError as unknown:
            if isinstance(about, ClaimedCard):
                self._postpone_card(about, unknown)
            else:
                self._postpone(about, unknown)
            return
        with self.database.write() as tx:
            if isinstance(about, ClaimedCard):
                detours.card_failed(tx, about, reason, instead)
            else:
                detours.delivery_failed(tx, about, reason, instead)

    def _postpone_card(self, claimed: ClaimedCard, error: Exception) -> None:
        self._later(error, f"the card of request {claimed.card.request_id}")
        with self.database.write() as tx:
            outbox.card_postponed(tx, claimed, _delay(error, claimed.attempts), unsure=_unsure(error))

    def _postpone(self, delivery: ClaimedDelivery, error: Exception) -> None:
        self._later(error, f"delivery {delivery.id} ({delivery.kind})")
        old = self.database.now() - delivery.created_at > LARGEST_AGE
        with self.database.write() as tx:
            if old:
                outbox.give_up(tx, delivery, f"{error} It was tried for {LARGEST_AGE}.")
            else:
                delay = _delay(error, delivery.attempts)
                outbox.postpone(tx, delivery, delay, str(error), unsure=_unsure(error))

    def _later(self, error: Exception, what: str) -> None:
        if isinstance(error, TemporaryError):
            log.info("%s is tried again: %s", what, error)
        else:
            log.error("%s: a bug; it is tried again", what, exc_info=error)


def _delay(error: Exception, attempts: int) -> timedelta:
    given = error.delay if isinstance(error, TemporaryError) else None
    return timedelta(seconds=given if given is not None else backoff(attempts))


def _unsure(error: Exception) -> bool:
    """Whether it may have been done all the same; of a bug nobody knows."""
    return isinstance(error, Unsure) or not isinstance(error, TemporaryError)


def _safely(call: Callable[[], T]) -> Callable[[], T | None]:
    """A loop outlives what it calls: a database that is away for a while must not end the worker."""

    def called() -> T | None:
        try:
            return call()
        except Exception:  # a loop outlives what it calls; it is logged
            log.exception("the worker goes on after an error")
            return None

    return called
