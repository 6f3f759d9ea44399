"""Asking: submit, edit, delete, and the drafts of forms under way."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from bot import deadlines, secrecy
from bot.errors import Conflict, KeyTaken, NotFound
from bot.lifecycle import ApprovalRule, RequestState
from bot.offering import Offering, Request
from bot.service.offers import NO_NUMBER, Offers, Reviewed, draft_request, edited_request, rules_of
from bot.service.reading import Reading
from bot.store import drafts, reads, requests, submitting, tables, timers
from bot.store.database import Session, Tx
from bot.store.drafts import DraftRecord
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord, request_number
from bot.store.submitting import Busy, KeyReused, NewRequest, NewStep
from bot.store.together import Together


@dataclass(frozen=True)
class Asked:
    """A request that has just been made: what is known of it without reading it."""

    id: int
    kind: str
    offering: str
    rules: Sequence[ApprovalRule]
    decide_by: datetime | None
    #: False: the same key had made it before.
    created: bool

    @property
    def number(self) -> str:
        """`REQ-12`."""
        return request_number(self.id)


class Asking(Offers, Reading):
    """Makes requests."""

    @cached_property
    def _submissions(self) -> Together[tuple[NewRequest, str], Asked]:
        """What people submit at the same time is stored together."""
        return Together(self.database, _laid_down)

    def review(
        self, person: PersonRecord, offering: Offering[Any], answers: Mapping[str, Any], number: str = ""
    ) -> Reviewed:
        """What these answers would ask for, or make of the request of that number; touches nothing.

        Raises NotFound, Forbidden, Conflict, Invalid, Unavailable.
        """
        edited = self.may_edit(person, number) if number else None
        checked = self._checked(person, offering, answers)
        asked = edited_request(edited, offering, checked.form) if edited else draft_request(person, checked.form)
        rules = rules_of(offering, asked)
        return Reviewed(checked.kept, rules, self.described(offering).usual, edited.form if edited else None)

    def submit(
        self,
        person: PersonRecord,
        name: str,
        answers: Mapping[str, Any],
        *,
        version: str | None = None,
        reason: str | None = None,
        key: str | None = None,
    ) -> tuple[RequestRecord, bool]:
        """Ask for an offering; the request, and False when the same key had made it before. Raises as `ask`."""
        return self._told(self.ask(person, name, answers, version=version, reason=reason, key=key))

    def ask(
        self,
        person: PersonRecord,
        name: str,
        answers: Mapping[str, Any],
        *,
        version: str | None = None,
        reason: str | None = None,
        key: str | None = None,
        draft: str = "",
    ) -> Asked:
        """Ask for an offering; what an acknowledgement says of it, which waits for nothing but the transaction.

        `draft`: what was entered about this becomes the request, and is no draft any more. Raises NotFound, Invalid, Unavailable, and Conflict when the key came with other answers.
        """
        offering = self.offering(name, version)
        checked = self._checked(person, offering, answers)
        request = draft_request(person, checked.form, reason)
        return self._store(
            NewRequest(
                kind="create",
                offering=offering.name,
                version=offering.version,
                requester_id=person.id,
                form=checked.kept,
                rules=rules_of(offering, request),
                steps=self._steps_of(offering),
                place=offering.notify,
                reason=reason,
                key=key,
                # Without secrets: nobody shall guess them from it.
                body_hash=hashed(offering.name, version, secrecy.masked(offering.guarded, answers), reason),
                secrets=self._put(checked.secrets),
                deadline=offering.patience(request),
            ),
            draft,
        )

    def delete(
        self, person: PersonRecord, number: str, *, reason: str | None = None, key: str | None = None
    ) -> tuple[RequestRecord, bool]:
        """Ask for the end of an instance. Raises NotFound, Forbidden, Conflict."""
        instance = self.instance(person, number)
        offering = self.catalogue.offering(instance.offering, instance.version)
        self.permissions.require_owner(person, instance, offering)
        if instance.state == "deleted":
            raise Conflict(f"{instance.number} is deleted already.")
        if offering is None:
            raise Conflict(f"{instance.offering} {instance.version} is not offered any more; ask its team.")
        request = _delete_request(offering, instance, person, reason)
        with self.database.read() as session:
            new = self._deletion(session, instance, offering, person.id, rules_of(offering, request), reason, key)
        return self._told(self._store(replace(new, deadline=offering.patience(request))))

    def edit(self, person: PersonRecord, number: str, answers: Mapping[str, Any], *, draft: str = "") -> RequestRecord:
        """Put other answers into a request that waits for approval; `draft` as in `ask`.

        Raises NotFound, Forbidden, Invalid, Conflict.
        """
        record = self.may_edit(person, number)
        offering = self.offering(record.offering, record.version)
        checked = self._checked(person, offering, answers)
        request = edited_request(record, offering, checked.form)
        rules, deadline, secrets = rules_of(offering, request), offering.patience(request), self._put(checked.secrets)

        def write(tx: Tx) -> None:
            requests.edit(tx, record.id, person.id, checked.kept, rules, secrets, deadline)
            drafts.drop(tx, person.id, draft)

        return self._change(record, write)

    def may_edit(self, person: PersonRecord, number: str) -> RequestRecord:
        """The request, if this person may change its answers. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_requester(person, record)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        if record.kind == "delete":
            raise Conflict(f"{record.number} has no answers to change.")
        return record

    def draft(self, slack_id: str, about: str) -> DraftRecord | None:
        """What this person had entered, if anything; asks nobody who they are, for a window waits for it."""
        known = self._remembered(slack_id)
        if known is None:
            return None
        with self.database.read() as session:
            return drafts.find(session, known.id, about)

    def keep(
        self,
        person: PersonRecord,
        about: str,
        version: str,
        edit: Callable[[DraftRecord | None], Mapping[str, Any]],
    ) -> DraftRecord:
        """Keep what is entered; `edit` makes the new draft of the old one, and may run once only."""
        with self.database.write() as tx:
            return drafts.change(tx, person.id, about, version, edit)

    def forget(self, person: PersonRecord, about: str) -> None:
        """The draft is not wanted."""
        with self.database.write() as tx:
            drafts.drop(tx, person.id, about)

    def _put(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """What the database keeps of them. Before the transaction: the safe may be far away. Raises Unavailable."""
        return {pointer: self.safe.put(secret) for pointer, secret in secrets.items()}

    def _store(self, new: NewRequest, draft: str = "") -> Asked:
        try:
            return self._submissions.write((new, draft))
        except KeyReused as reused:
            number = request_number(reused.request_id)
            raise KeyTaken(
                f"This was sent before with other answers and became {number}. Edit that one, or ask anew with a new key."
            ) from None
        except Busy as busy:
            raise Conflict(
                f"{request_number(busy.request_id)} about the same instance is open. Wait for it, or end it first."
            ) from None

    def _told(self, asked: Asked) -> tuple[RequestRecord, bool]:
        record = self._request(asked.id)
        if record is None:
            raise NotFound(f"{asked.number} is gone.")
        return record, asked.created

    def _steps_of(self, offering: Offering[Any]) -> list[NewStep]:
        """Made once for each version: nothing of it changes while the process runs."""
        if offering not in self._laid_out:
            self._laid_out[offering] = self._new_steps(offering)
        return self._laid_out[offering]

    @cached_property
    def _laid_out(self) -> dict[Offering[Any], list[NewStep]]:
        return {}

    def _new_steps(self, offering: Offering[Any]) -> list[NewStep]:
        return [
            NewStep(
                name=step.name,
                description=step.description,
                early=step.early,
                after=step.after,
                always=step.always,
                follows=self.catalogue.follows(step.resources),
                made_by=self.catalogue.made_by(step.resources),
            )
            for step in offering.steps.values()
        ]

    def _deletion(
        self,
        session: Session,
        instance: InstanceRecord,
        offering: Offering[Any] | None,
        person_id: int,
        rules: list[ApprovalRule],
        reason: str | None,
        key: str | None,
    ) -> NewRequest:
        """Delete reads what was stored, whatever the file says today, and runs backwards."""
        made = reads.resources(session, instance.id)
        return NewRequest(
            kind="delete",
            offering=instance.offering,
            version=instance.version,
            requester_id=person_id,
            form=instance.form,
            rules=rules,
            steps=[self._taking_back(row, after=_backwards(made, row)) for row in reversed(made)],
            place=offering.notify if offering else "",
            reason=reason,
            instance_id=instance.id,
            key=key,
            body_hash=hashed(instance.number, None, {}, reason),
        )

    def _taking_back(self, row: tables.InstanceResource, after: Sequence[str] | None = None) -> NewStep:
        """The step that takes a stored resource back."""
        return NewStep(
            name=row.step,
            description=f"Take back: {row.description}",
            follows=self.catalogue.follows_by(row.handler),
            action="delete",
            handler=row.handler,
            resource=row.resource,
            state=row.state,
            after=after,
        )


def _laid_down(tx: Tx, given: Sequence[tuple[NewRequest, str]]) -> list[Asked]:
    """Store requests; the draft that each names is none any more. Raises as `submitting.submit_all`."""
    made = submitting.submit_all(tx, [new for new, _ in given])
    drafts.drop_all(tx, [(new.requester_id, draft) for new, draft in given])
    return [
        Asked(key, new.kind, new.offering, new.rules, _decide_by(tx, key, new, created=created), created)
        for (key, created), (new, _) in zip(made, given, strict=True)
    ]


def _decide_by(tx: Tx, request_id: int, new: NewRequest, *, created: bool) -> datetime | None:
    """Known without asking the store, of what has just been put there."""
    if new.deadline is None or not new.rules:
        return None
    if created:
        return deadlines.decision(new.deadline, tx.now).ends_at
    return timers.decide_by(tx, [request_id]).get(request_id)


def _delete_request(
    offering: Offering[Any], instance: InstanceRecord, person: PersonRecord, reason: str | None
) -> Request[Any]:
    form = secrecy.form_of(offering.form, offering.guarded, instance.form, NO_NUMBER)
    owner = instance.owner.as_person()
    return Request("", "delete", form, person.as_person(), owner, instance.number, reason)


def _backwards(made: Sequence[tables.InstanceResource], row: tables.InstanceResource) -> list[str] | None:
    """The steps whose resources were built upon this one's, and go first; None: all that came after it."""
    if all(each.after is None for each in made):
        return None
    earlier = [each.step for each in made[: made.index(row)]]
    return [
        each.step
        for each in made
        if row.step in (each.after if each.after is not None else ())
        or (each.after is None and each.step not in [*earlier, row.step])
    ]


def hashed(*parts: Any) -> str:
    """What came with an idempotency key: the same key with something else is a mistake."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=dict).encode()).hexdigest()
