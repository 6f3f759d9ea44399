"""Time: what is due, and what extends it."""

import logging
from collections.abc import Callable

from bot import secrecy
from bot.deadlines import NOTICES, Deadline, Renewal
from bot.errors import Conflict
from bot.service.asking import Asking
from bot.service.offers import edited_request
from bot.store import reads, timers, waits
from bot.store.database import Tx
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord, request_number
from bot.store.submitting import NewRequest
from bot.store.timers import Timer
from bot.store.waits import NotRenewed
from bot.story import when

log = logging.getLogger(__name__)

#: So many timers are read at once.
AT_ONCE = 100


class Timing(Asking):
    """Fires timers, and extends the time of instances."""

    def sweep(self) -> list[str]:
        """Fire every timer that is due, each in its own transaction; the names of those that this call fired."""
        fired: list[str] = []
        while True:
            with self.database.read() as session:
                due = timers.due(session, self.database.agreed_time(session), AT_ONCE)
            fired += [timer.name for timer in due if self._fired(timer)]
            if len(due) < AT_ONCE:
                return fired

    def adopt(self) -> None:
        """Set the timers of what a process wrote that knew of none; the time for a decision begins now."""
        with self.database.read() as session:
            waiting = timers.unset_requests(session)
            living = timers.unset_instances(session, self.database.now() + NOTICES[0])
        for record in reads.one_by_one(self.database.read, waiting):
            self._adopt(record)
        for instance_id in living:
            with self.database.write() as tx:
                waits.adopt_instance(tx, instance_id)

    def renewals_left(self, instance: InstanceRecord) -> int:
        """How often this instance may be renewed yet."""
        renewal = self.renewal(instance)
        return renewal.most - instance.renewals if renewal else 0

    def renewal(self, instance: InstanceRecord) -> Renewal | None:
        """How this instance may be renewed today, if at all."""
        offering = self.catalogue.offering(instance.offering, instance.version)
        return offering.renewable(instance.renewals) if offering and instance.ends else None

    def renew(self, person: PersonRecord, number: str, *, seen: int | None = None, click: str = "") -> InstanceRecord:
        """Extend the time of an instance, as its offering allows. Raises NotFound, Forbidden, Conflict.

        `seen` is how often it had been renewed when the person looked, so that a second click does not count.
        """
        instance = self.instance(person, number)
        offering = self.catalogue.offering(instance.offering, instance.version)
        self.permissions.require_owner(person, instance, offering)
        known = instance.renewals if seen is None else seen
        renewal = offering.renew if offering else None
        if renewal is None or self.renewal(instance) is None or known != instance.renewals:
            raise Conflict(_not_renewed(instance, renewal, known))
        with self.database.write() as tx:
            self._require_first(tx, click)
            try:
                waits.renew(tx, instance.id, person.id, renewal, known)
            except NotRenewed:
                (now,) = reads.instances(tx, [instance.id])
                raise Conflict(_not_renewed(now, renewal, known)) from None
            (renewed,) = reads.instances(tx, [instance.id])
        return renewed

    def _fired(self, timer: Timer) -> bool:
        fire = waits.decision_due if timer.kind == timers.DECISION else self._life_due
        try:
            with self.database.write() as tx:
                return fire(tx, timer)
        except Exception:  # one timer that cannot fire keeps no other one waiting; it is logged
            log.exception("%s cannot fire now; it is tried again in %s", timer.name, waits.STANDSTILL)
        with self.database.write() as tx:
            if timers.take(tx, timer):
                timers.put_off(tx, timer, waits.STANDSTILL)
        return False

    def _life_due(self, tx: Tx, timer: Timer) -> bool:
        return waits.life_due(tx, timer, self._ending(timer.about))

    def _ending(self, instance_id: int) -> Callable[[Tx], NewRequest]:
        def deletion(tx: Tx) -> NewRequest:
            # Nobody is asked again: who approved the request approved its end.
            (instance,) = reads.instances(tx, [instance_id])
            offering = self.catalogue.offering(instance.offering, instance.version)
            key = f"expiry:{instance.number}:{instance.expires_at:%Y-%m-%dT%H:%M}"
            reason = f"Its time was over on {instance.expires_at:%Y-%m-%d}."
            return self._deletion(tx, instance, offering, instance.owner.id, [], reason, key)

        return deletion

    def _adopt(self, record: RequestRecord) -> None:
        try:
            deadline = self._patience(record)
        except Exception:  # an author's function may raise anything; it is logged, and the next ones have their turn
            log.exception("the deadline of %s cannot be told", record.number)
            return
        if deadline:
            with self.database.write() as tx:
                waits.adopt_request(tx, record.id, deadline)

    def _patience(self, record: RequestRecord) -> Deadline | None:
        offering = self._offering_of(record)
        if offering is None:
            return Deadline()
        form = secrecy.form_of(offering.form, offering.guarded, record.form, record.number)
        return offering.patience(edited_request(record, offering, form))


def _not_renewed(instance: InstanceRecord, renewal: Renewal | None, seen: int) -> str:
    """Why not, and what to do instead."""
    if instance.expires_at is None:
        return f"{instance.number} has no end, so there is nothing to renew."
    if not instance.ends:
        busy = f" ({request_number(instance.open_request)})" if instance.open_request else ""
        return f"{instance.number} cannot be renewed: it is {instance.state}{busy}. Nothing was changed."
    until = f"{instance.number} is there until {when(instance.expires_at)}"
    if instance.renewals != seen:
        return f"Somebody has renewed {instance.number} since you looked. {until}. Nothing was changed."
    if renewal is None:
        return f"{until}. {instance.offering} cannot be renewed: ask for a new one before that, or ask its team."
    times = "once" if renewal.most == 1 else f"{renewal.most} times"
    return f"{until}. It was renewed {times}, which is the most: ask for a new one before that, or ask its team."
