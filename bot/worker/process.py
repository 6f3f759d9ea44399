"""The threads that turn the engine and send what must be said.

Threads look for work when a commit of this process wakes them, when another process has told of one (bot.store.wake),
and when something is due. They also look every few seconds for what nobody told of; every second while nobody tells.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from apscheduler.schedulers.background import BackgroundScheduler

from bot.engine import Engine
from bot.errors import Unavailable
from bot.store import claims, sending
from bot.store.claims import Claim
from bot.store.database import Database, Session, utc_now
from bot.store.wake import Wake
from bot.worker.outgoing import Outgoing, Sender

log = logging.getLogger(__name__)

T = TypeVar("T")
NextDue = Callable[[Session, datetime], datetime | None]

#: Seconds between two looks while other processes tell of their work, and while nobody does.
LONGEST_WAIT, LONGEST_WAIT_DEAF = 10.0, 1.0
#: What runs at once here, and how many connections to PostgreSQL that needs: claiming, leases and timers have one too.
THREADS, SENDERS = 8, 3
CONNECTIONS = THREADS + SENDERS + 4
#: What a look may have missed by the difference of two clocks.
_BLUR = timedelta(milliseconds=20)
#: Seconds that a handler has to notice that it is to stop (`context.cancelled`), when its process ends.
LAST_WORDS = 2.0
#: Seconds between two looks of one thread for something to say, where the first found nothing: steps that run say much.
_BREATH = 0.05
#: Seconds after which a thread that waits for a word looks all the same.
_RELIEF = 60.0
#: Seconds between two questions whether a resource is to be looked at.
LOOKS = 2.0


class Worker:
    """Runs steps and sends deliveries until it is stopped."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        sender: Sender | None,
        chores: Iterable[tuple[Callable[[], object], float]] = (),
        look: Callable[[], bool] = lambda: False,
        *,
        pace: timedelta = timedelta(seconds=1),
        threads: int = THREADS,
        senders: int = SENDERS,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        """`chores` are called at the start and every so many seconds.

        `look` is called every two seconds and again while it says True.

        `pace` is the rest between two messages to one channel.

        `give_way` is called before each piece of work: it waits a moment while somebody in this process is in a hurry.
        """
        self.database, self.engine = database, engine
        self._give_way, self._look = give_way, look
        self._wake, self._words, self._stop = Wake(), Wake(), threading.Event()
        self._lookout = threading.Lock()
        self._share = max(1, threads * 3 // 4)  # of one offering, so that the others always find a thread
        self._looking, self._threads = threading.Lock(), threads
        self._ended, self._deaf = threading.Event(), True
        self.outgoing = Outgoing(database, engine, sender, pace, self._ended.is_set)
        self._steps = [_thread(self._run_steps) for _ in range(threads)]
        self._loops = [_thread(loop) for loop in (self._look_around, *[self._send] * senders)]
        self._helpers = [_thread(self._keep_leases), _thread(self._listen)]
        self._timers = BackgroundScheduler(timezone="UTC")
        now = utc_now()  # a start may be the first for a while
        for call, every in chores:
            self._timers.add_job(_safely(call), "interval", seconds=every, next_run_time=now, misfire_grace_time=None)
        database.on_due(self._wake.set)
        database.on_told(self._words.one)

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in (*self._steps, *self._loops, *self._helpers):
            thread.start()
        self._timers.start()

    def close(self) -> None:
        """Take nothing new from now on; what runs goes on. For a signal's handler: it does nothing else."""
        self._stop.set()

    def stop(self, grace: float = 10.0) -> None:
        """Take nothing new, let what runs finish for `grace` seconds, then tell it to stop; give the rest back at once."""
        until = time.monotonic() + grace
        self.close()
        self._wake_all()
        if self._timers.running:
            self._timers.shutdown(wait=False)
        _join(self._loops, until)
        _join(self._steps, until)
        self.engine.leases.stop()
        _join(self._steps, time.monotonic() + LAST_WORDS)
        _safely(self.engine.leases.release)()
        self._ended.set()
        _join(self._helpers, time.monotonic() + LAST_WORDS)

    def _run_steps(self) -> None:
        """Of the threads that have no step one looks for the next, for all of them."""
        while not self._stop.is_set():
            with self._looking:
                claim = self._next_step()
            if claim is not None:
                self.engine.run(claim, self._goes_on)
                self._wake.set()  # its offering may have another one here, which no commit tells

    def _next_step(self) -> Claim | None:
        """The next one that is due, once there is one; None: the process ends."""
        while not self._stop.is_set():
            seen, since = self._wake.count, self.database.now()
            self._give_way()
            claim = _safely(lambda: self.engine.claim(self._share))()
            if claim is not None:
                return claim
            self._wait(self._wake, seen, since, claims.next_due)
        return None

    def _goes_on(self) -> bool:
        """Whether a thread may stay with its request: another one is free for what is due besides."""
        self._give_way()
        return self.engine.leases.busy < self._threads and not self._stop.is_set()

    def _keep_leases(self) -> None:
        """As long as steps run here, also while the process ends."""
        while not self._ended.wait(self.engine.lease.total_seconds() / 3):
            _safely(self.engine.renew)()

    def _look_around(self) -> None:
        while not self._stop.wait(LOOKS):
            while not self._stop.is_set() and _safely(self._look)():
                pass

    def _listen(self) -> None:
        """Hear of other processes' work; try again for as long as it takes."""
        while not self._ended.is_set():
            try:
                with self.database.ear() as ear:
                    self._deaf = False
                    self._wake_up()  # what was told while nobody listened
                    while not self._ended.is_set():
                        if ear.hear():
                            self._wake_up()
            except Unavailable as error:
                if not self._deaf:
                    log.warning("%s Looking every second meanwhile.", error)
                self._deaf = True
                self._ended.wait(LONGEST_WAIT_DEAF)

    def _send(self) -> None:
        while not self._stop.is_set():
            seen, since = self._words.count, self.database.now()
            self._give_way()
            if not _safely(self.send_one)():
                self._stop.wait(_BREATH)
                self._wait_for_words(seen, since)

    def send_one(self) -> bool:
        """Send one card or delivery that is due; False when there is none."""
        return self.outgoing.send_one()

    def _wait_for_words(self, seen: int, since: datetime) -> None:
        """One thread waits for the next moment, the others for a word: who has found something wakes the next."""
        if not self._lookout.acquire(blocking=False):
            self._words.wait(seen, _RELIEF)
            return
        try:
            self._wait(self._words, seen, since, sending.next_due)
        finally:
            self._lookout.release()

    def _wake_up(self) -> None:
        self._wake.set()
        self._words.one()

    def _wake_all(self) -> None:
        self._wake.set()
        self._words.set()

    def _wait(self, wake: Wake, seen: int, since: datetime, next_due: NextDue) -> None:
        due = _safely(lambda: self._seconds_until(next_due, since - _BLUR))()
        longest = LONGEST_WAIT_DEAF if self._deaf else LONGEST_WAIT
        wake.wait(seen, longest if due is None else min(longest, max(0.01, due)))

    def _seconds_until(self, next_due: NextDue, since: datetime) -> float | None:
        with self.database.read() as session:
            at = next_due(session, since)
        return (at - self.database.now()).total_seconds() if at else None


def _safely(call: Callable[[], T]) -> Callable[[], T | None]:
    """A loop outlives what it calls: a database that is away for a while must not end the worker."""

    def called() -> T | None:
        try:
            return call()
        except Unavailable:  # said in the log by whoever raised it
            return None
        except Exception:  # a loop outlives what it calls; it is logged
            log.exception("the worker goes on after an error")
            return None

    return called


def _thread(loop: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=loop, name=loop.__name__.strip("_"), daemon=True)


def _join(threads: Iterable[threading.Thread], until: float) -> None:
    """Wait for those that were started, until this moment of time.monotonic()."""
    for thread in tuple(threads):
        if thread.is_alive():
            thread.join(max(0.0, until - time.monotonic()))
