"""What must be said goes out: cards that are not as they should be, and deliveries, one at a time.

What came of each is recorded by who sent it; what cannot be said where it belongs is said elsewhere, or tried again.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from bot import measures, telemetry
from bot.engine import LONGEST_OUTAGE, Engine, backoff, surely
from bot.errors import Blocked, PermanentError, TemporaryError, Unavailable, Unreachable, Unsure
from bot.store import detours, lanes, outbox, reads, sending
from bot.store.database import Database, Tx
from bot.store.records import request_number
from bot.store.sending import ClaimedCard, ClaimedDelivery

log = logging.getLogger(__name__)

#: How long a message is tried before it is given up: in any trouble, and where people have to mend something first.
LARGEST_AGE, LONGEST_BLOCK = timedelta(days=2), timedelta(days=14)


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


class Outgoing:
    """Sends by way of a door. Called from several threads."""

    def __init__(
        self, database: Database, engine: Engine, sender: Sender | None, pace: timedelta, ended: Callable[[], bool]
    ) -> None:
        """`pace` is the rest between two messages to one channel; `ended` says that the process has."""
        self.database, self.engine, self.sender, self.pace = database, engine, sender, pace
        self._ended = ended
        self._place, self._lane = "", ""  # that were served last: the next ones have their turn

    def send_one(self) -> bool:
        """Send one card or delivery that is due; False when there is none."""
        return (self.sender is not None and self._show_card(self.sender)) or self._deliver()

    def _show_card(self, sender: Sender) -> bool:
        # A look costs less than a transaction, and finds nothing most of the time.
        with self.database.read() as session:
            found = lanes.cards(session, self.database.agreed_time(session), self._place)
        claimed = None
        if found:
            owner, lease = self.engine.owner, self.engine.lease
            claimed = self.database.run(lambda tx: sending.claim_card(tx, owner, lease, found))
        if claimed is None:
            return False
        self._place = claimed.card.place
        with self._watched("card", claimed.card.request_id, card=claimed.card.id):
            self._show_one(sender, claimed)
        return True

    def _show_one(self, sender: Sender, claimed: ClaimedCard) -> None:
        try:
            channel, ts, link = sender.show(claimed)
        except PermanentError as error:
            log.warning("the card of request %s cannot be shown: %s", claimed.card.request_id, error)
            _came_to("card", "given_up")
            self._elsewhere(sender, claimed, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the card stays dirty and is tried again
            _came_to("card", "postponed")
            self._postpone_card(claimed, error)
        else:
            self._record(lambda tx: _shown(tx, claimed, channel, ts, link, self.pace))
            _came_to("card", "sent")

    def _deliver(self) -> bool:
        kinds = ("follow", outbox.ALARM, *(self.sender.kinds if self.sender else ()))
        with self.database.read() as session:
            found = lanes.deliveries(session, self.database.agreed_time(session), kinds, self._lane)
        delivery = None
        if found:
            owner, lease = self.engine.owner, self.engine.lease
            delivery = self.database.run(lambda tx: sending.claim_delivery(tx, owner, lease, found))
        if delivery is None:
            return False
        self._lane = delivery.lane
        with self._watched(delivery.kind, delivery.request_id, delivery=delivery.id):
            self._deliver_one(delivery)
        return True

    @contextmanager
    def _watched(self, kind: str, request_id: int | None, **about: int) -> Iterator[None]:
        """What is logged of it says which it is; it is part of its request's trace."""
        number = request_number(request_id) if request_id else None
        parent = None
        if telemetry.tracing() and request_id:
            with self.database.read() as session:
                parent = reads.traceparent(session, request_id)
        with (
            telemetry.doing(request=number, **about),
            telemetry.span("delivery", parent, request=number, kind=kind, **about),
        ):
            yield

    def _sent(self, delivery: ClaimedDelivery) -> None:
        _came_to(delivery.kind, "sent")
        lag = (self.database.now() - delivery.created_at).total_seconds()
        measures.DELIVERY_LAG.labels(delivery.kind).observe(max(0.0, lag))

    def _deliver_one(self, delivery: ClaimedDelivery) -> None:
        try:
            stands = self._send_to(delivery)
        except PermanentError as error:
            log.warning("delivery %s (%s) is given up: %s", delivery.id, delivery.kind, error)
            _came_to(delivery.kind, "given_up")
            self._give_up(delivery, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the delivery waits and is tried again
            _came_to(delivery.kind, "postponed")
            self._postpone(delivery, error)
        else:
            channel, ts = stands or (None, None)
            pace = timedelta(0) if delivery.kind == "follow" else self.pace
            self._record(lambda tx: sending.delivered(tx, delivery, pace, channel, ts))
            self._sent(delivery)

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
        self._record(lambda tx: sending.give_up(tx, delivery, reason))

    def _elsewhere(self, sender: Sender, about: ClaimedCard | ClaimedDelivery, error: PermanentError) -> None:
        """What cannot be said where it belongs is said in other places; who they are may have to wait."""
        reason = str(error)
        try:
            instead = sender.instead(about)
        except (TemporaryError, Unavailable) as unknown:
            if isinstance(about, ClaimedCard):
                self._postpone_card(about, unknown)
            else:
                self._postpone(about, unknown)
            return
        if isinstance(about, ClaimedCard):
            self._record(lambda tx: detours.card_failed(tx, about, reason, instead))
        else:
            self._record(lambda tx: detours.delivery_failed(tx, about, reason, instead))

    def _postpone_card(self, claimed: ClaimedCard, error: Exception) -> None:
        self._later(error, f"the card of request {claimed.card.request_id}")
        delay, unsure = _delay(error, claimed.attempts), _unsure(error)
        self._record(lambda tx: sending.card_postponed(tx, claimed, delay, unsure=unsure))

    def _postpone(self, delivery: ClaimedDelivery, error: Exception) -> None:
        self._later(error, f"delivery {delivery.id} ({delivery.kind})")
        most = LONGEST_BLOCK if isinstance(error, Blocked) else LARGEST_AGE
        old = self.database.now() - delivery.created_at > most
        delay = _delay(error, delivery.attempts)

        def postpone(tx: Tx) -> None:
            if old:
                sending.give_up(tx, delivery, f"{error} It was tried for {most}.")
            else:
                sending.postpone(tx, delivery, delay, str(error), unsure=_unsure(error))
            if isinstance(error, Blocked):
                outbox.blocked(tx, error.system, str(error))

        self._record(postpone)

    def _record(self, outcome: Callable[[Tx], None]) -> None:
        """What came of it, if need be when the database is back: else it would be claimed, and looked for, anew."""
        give_up = time.monotonic() + LONGEST_OUTAGE
        surely(lambda: self.database.run(outcome), lambda: not self._ended() and time.monotonic() < give_up)

    def _later(self, error: Exception, what: str) -> None:
        if isinstance(error, TemporaryError | Unavailable):
            log.info("%s is tried again: %s", what, error)
        else:
            log.error("%s: a bug; it is tried again", what, exc_info=error)


def _shown(tx: Tx, claimed: ClaimedCard, channel: str, ts: str, link: str | None, pace: timedelta) -> None:
    sending.card_shown(tx, claimed, channel, ts, link, pace)
    if claimed.anew:
        detours.works(tx, claimed)


def _came_to(kind: str, outcome: str) -> None:
    measures.DELIVERIES.labels(kind, outcome).inc()
    telemetry.result(outcome)


def _delay(error: Exception, attempts: int) -> timedelta:
    given = error.delay if isinstance(error, TemporaryError) else None
    return timedelta(seconds=given if given is not None else backoff(attempts))


def _unsure(error: Exception) -> bool:
    """Whether it may have been done all the same; of a bug nobody knows."""
    return isinstance(error, Unsure) or not isinstance(error, TemporaryError)
