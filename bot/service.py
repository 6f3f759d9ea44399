"""The use cases: what people can do, at any door. Every rule is decided here, in `lifecycle` or in `permissions`.

Each takes the person who acts and plain data, and answers with records. What cannot be done raises a `Refused` whose
text is for that person. Reads happen on the reader; each use case writes in one transaction.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from bot import contract, lifecycle, secrecy
from bot.catalogue import Catalogue
from bot.contract import Choice
from bot.errors import Conflict, Forbidden, Invalid, KeyTaken, NotFound, Problem
from bot.handler import Follows
from bot.lifecycle import ApprovalRule, RequestState
from bot.offering import Form, NotGiven, NotYet, Offering, Request, Step
from bot.options import Sources
from bot.people import Directory, Groups
from bot.permissions import Permissions
from bot.safe import NoSafe, Safe
from bot.store import drafts, people, reads, requests
from bot.store.database import Database, Tx
from bot.store.drafts import DraftRecord
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord, parse_number, request_number
from bot.store.requests import Busy, KeyReused, Moved, NewRequest, NewStep

T = TypeVar("T")
#: Of a request that is not stored yet.
_NO_NUMBER = "REQ-?"
#: A shorter secret may stand in any sentence.
_LEAST_TELLING = 4


@dataclass(frozen=True)
class Offered:
    """One line of the catalogue."""

    offering: Offering[Any]
    #: How long it usually takes; None while too little is known.
    usual: timedelta | None


@dataclass(frozen=True)
class Planned:
    """What one step would ask for; `resource` reads "known after NAME" where it depends on an earlier step."""

    step: str
    description: str
    kind: str
    resource: Mapping[str, Any] | None


@dataclass(frozen=True)
class Reviewed:
    """A valid request that was not made: its answers with their defaults, secrets masked, and who would decide."""

    form: Mapping[str, Any]
    rules: Sequence[ApprovalRule]
    #: How long it usually takes; None while too little is known.
    usual: timedelta | None
    #: The answers that these would replace.
    before: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Page:
    """A page of a listing; `next` continues it."""

    items: list[Any]
    next: int | None


class Service:
    """The use cases over one database and one catalogue."""

    def __init__(self, database: Database, catalogue: Catalogue, groups: Groups, safe: Safe | None = None) -> None:
        self.sources = Sources()
        self.database, self.catalogue, self.groups, self.safe = database, catalogue, groups, safe or NoSafe()
        self.permissions = Permissions(groups)

    @property
    def directory(self) -> Directory:
        """Where people are looked up."""
        return self.groups.directory

    # Who acts

    def person(self, slack_id: str) -> PersonRecord:
        """Somebody who came through Slack, remembered. Raises NotFound, Unavailable."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, slack_id)
        return known or self._look_up(slack_id)

    def person_by_token(self, token: str) -> PersonRecord | None:
        """Whose bearer token that is."""
        with self.database.read() as session:
            return reads.person_by_token(session, people.digest(token))

    def create_token(self, reference: str) -> str:
        """A new bearer token for somebody (an e-mail address or a Slack id). Raises NotFound, Unavailable."""
        person = self._person_of(reference)
        with self.database.write() as tx:
            return people.create_token(tx, person.id)

    def revoke_tokens(self, reference: str) -> int:
        """End all tokens of somebody; says how many there were."""
        person = self._person_of(reference)
        with self.database.write() as tx:
            return people.revoke_tokens(tx, person.id)

    def _person_of(self, reference: str) -> PersonRecord:
        with self.database.read() as session:
            known = reads.person_by_reference(session, reference)
        if known:
            return known
        try:
            return self._look_up(reference)
        except NotFound:
            if "@" not in reference:
                raise
        with self.database.write() as tx:  # no directory knows them: an address is enough outside Slack
            return people.remember_email(tx, reference)

    def _look_up(self, reference: str) -> PersonRecord:
        profile = self.directory.find(reference)
        if profile is None:
            raise NotFound(f"There is nobody called {reference}.")
        with self.database.write() as tx:
            return people.remember(tx, profile)

    # The catalogue

    def offered(self) -> list[Offered]:
        """What people can ask for, by title."""
        with self.database.read() as session:
            return [Offered(o, reads.usual_duration(session, o.name)) for o in self.catalogue.newest()]

    def described(self, offering: Offering[Any]) -> Offered:
        """The catalogue's line of one offering."""
        with self.database.read() as session:
            return Offered(offering, reads.usual_duration(session, offering.name))

    def offering(self, name: str, version: str | None = None) -> Offering[Any]:
        """One offering. Raises NotFound with what there is."""
        offering = self.catalogue.offering(name, version)
        if offering is None:
            names = ", ".join(o.name for o in self.catalogue.newest())
            named = f"{name} {version}" if version else name
            raise NotFound(f"There is no offering called {named}. There is: {names}.")
        return offering

    def check(self, offering: Offering[Any], answers: Mapping[str, Any]) -> Form:
        """The answers as the offering's form. Raises Invalid with one problem for each field."""
        schema = offering.contract.form
        again = _asked_again(schema, answers)
        found = [*contract.unstorable(answers), *contract.problems(schema, dict(answers))]
        found = [*again, *(each for each in found if each.pointer not in {problem.pointer for problem in again})]
        if found:
            raise Invalid(found)
        given = json.dumps(self._with_people(schema, answers))
        try:
            form: Form = offering.form.model_validate_json(given)
        except ValidationError as error:
            raise Invalid(_unquoted([_problem(each) for each in error.errors()], schema, answers)) from error
        except Exception as error:
            if not contract.secrets(schema, dict(answers)):
                raise
            raise _without_text(error, offering) from None
        return form

    def options(
        self, person: PersonRecord, offering: Offering[Any], path: str, answers: Mapping[str, Any], text: str
    ) -> list[Choice]:
        """What this person can choose for a field with options from data, nearest to `text` first.

        `answers` are the form so far. Raises Unavailable.
        """
        so_far = secrecy.masked(offering.contract.form, answers)
        return self.sources.found(path, offering.options[path], person.as_person(), so_far, text)

    def _checked(self, person: PersonRecord, offering: Offering[Any], answers: Mapping[str, Any]) -> "_Checked":
        """The answers as the form, apart from their secrets. Raises Invalid, Unavailable."""
        schema = offering.contract.form
        form = self.check(offering, answers)
        if offering.options:
            so_far = secrecy.masked(schema, contract.with_defaults(schema, dict(answers)))
            wrong = self.sources.wrong(offering.options, person.as_person(), so_far)
            if wrong:
                raise Invalid(wrong)
        kept, secrets = secrecy.taken_out(form, schema)
        named = secrecy.form_of(offering.form, schema, kept, _NO_NUMBER) if secrets else form
        return _Checked(named, kept, secrets)

    def _put(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """What the database keeps of them. Before the transaction: the safe may be far away. Raises Unavailable."""
        return {pointer: self.safe.put(secret) for pointer, secret in secrets.items()}

    def plan(self, person: PersonRecord, name: str, answers: Mapping[str, Any]) -> list[Planned]:
        """What a create request would ask for; touches nothing. Raises NotFound, Invalid."""
        offering = self.offering(name)
        request = _draft(person, self._checked(person, offering, answers).form)
        outputs = {step: _Later(step) for step in offering.steps}
        planned = Request(request.number, "create", request.form, request.requester, request.owner, outputs=outputs)
        return [
            Planned(step.name, step.description, step.resources[0].__name__, _plan(step, planned))
            for step in offering.steps.values()
        ]

    def review(
        self, person: PersonRecord, offering: Offering[Any], answers: Mapping[str, Any], number: str = ""
    ) -> Reviewed:
        """What these answers would ask for, or make of the request of that number; touches nothing.

        Raises NotFound, Forbidden, Conflict, Invalid, Unavailable.
        """
        edited = self.may_edit(person, number) if number else None
        checked = self._checked(person, offering, answers)
        rules = _rules(offering, _draft(person, checked.form, edited.reason if edited else None))
        return Reviewed(checked.kept, rules, self.described(offering).usual, edited.form if edited else None)

    # Asking

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
        """Ask for an offering; the request, and False when the same key had made it before.

        Raises NotFound, Invalid, Unavailable, and Conflict when the key came with other answers.
        """
        offering = self.offering(name, version)
        checked = self._checked(person, offering, answers)
        request = _draft(person, checked.form, reason)
        return self._submit(
            NewRequest(
                kind="create",
                offering=offering.name,
                version=offering.version,
                requester_id=person.id,
                form=checked.kept,
                rules=_rules(offering, request),
                steps=[
                    NewStep(step.name, step.description, step.early, self.catalogue.follows(step.resources))
                    for step in offering.steps.values()
                ],
                place=offering.notify,
                reason=reason,
                key=key,
                # Without secrets: nobody shall guess them from it.
                body_hash=_hash(offering.name, version, secrecy.masked(offering.contract.form, answers), reason),
                secrets=self._put(checked.secrets),
            )
        )

    def delete(
        self, person: PersonRecord, number: str, *, reason: str | None = None, key: str | None = None
    ) -> tuple[RequestRecord, bool]:
        """Ask for the end of an instance. Raises NotFound, Forbidden, Conflict."""
        instance = self.instance(person, number)
        offering = self.catalogue.offering(instance.offering, instance.version)
        if person.id != instance.owner.id and not (offering and self.groups.includes(offering.owner, person)):
            raise Forbidden(f"{instance.number} is {instance.owner.label}'s. Ask them.")
        if instance.state == "deleted":
            raise Conflict(f"{instance.number} is deleted already.")
        rules = self._delete_rules(offering, instance, person, reason)
        return self._submit(self._deletion(instance, offering, person.id, rules, reason, key))

    def sweep(self) -> list[str]:
        """Make the delete request of every instance whose time is over; the numbers of the new requests.

        Nobody is asked again: who approved the request approved its end.
        """
        with self.database.read() as session:
            due = reads.instances(session, reads.expired_instance_ids(session, self.database.now()))
        made = []
        for instance in due:
            offering = self.catalogue.offering(instance.offering, instance.version)
            key = f"expiry:{instance.number}:{instance.expires_at:%Y-%m-%dT%H:%M}"
            reason = f"Its time was over on {instance.expires_at:%Y-%m-%d}."
            try:
                record, _ = self._submit(self._deletion(instance, offering, instance.owner.id, [], reason, key))
            except Conflict:
                continue  # somebody asked for something else about it in this moment; the next sweep looks again
            made.append(record.number)
        return made

    def edit(self, person: PersonRecord, number: str, answers: Mapping[str, Any]) -> RequestRecord:
        """Put other answers into a request that waits for approval. Raises NotFound, Forbidden, Invalid, Conflict."""
        record = self.may_edit(person, number)
        offering = self.offering(record.offering, record.version)
        checked = self._checked(person, offering, answers)
        rules = _rules(offering, _draft(person, checked.form, record.reason))
        secrets = self._put(checked.secrets)
        return self._change(record, lambda tx: requests.edit(tx, record.id, person.id, checked.kept, rules, secrets))

    def may_edit(self, person: PersonRecord, number: str) -> RequestRecord:
        """The request, if this person may change its answers. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_requester(person, record)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        if record.kind != "create":
            raise Conflict(f"{record.number} has no answers to change.")
        return record

    # Drafts: what a form holds before it is submitted. `about` is an offering's name, a request's number or its step

    def draft(self, slack_id: str, about: str) -> DraftRecord | None:
        """What this person had entered, if anything; asks nobody who they are, for a window waits for it."""
        with self.database.read() as session:
            known = reads.person_by_slack_id(session, slack_id)
            return drafts.find(session, known.id, about) if known else None

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
        """The draft has become a request, or is not wanted."""
        with self.database.write() as tx:
            drafts.drop(tx, person.id, about)

    # Deciding and doing

    def approve(
        self, person: PersonRecord, number: str, *, reason: str | None = None, revision: int | None = None
    ) -> RequestRecord:
        """One person's approval. Raises NotFound, Forbidden, Conflict."""
        record, rules = self.may_decide(person, number, revision)
        seen = revision or record.revision
        return self._change(record, lambda tx: requests.approve(tx, record.id, person.id, rules, seen, reason))

    def reject(self, person: PersonRecord, number: str, reason: str, *, revision: int | None = None) -> RequestRecord:
        """One person's rejection, which ends the request. Raises NotFound, Forbidden, Conflict, Invalid."""
        record, rules = self.may_decide(person, number, revision)
        text, seen = _required(reason, "/reason"), revision or record.revision
        return self._change(record, lambda tx: requests.reject(tx, record.id, person.id, rules, seen, text))

    def may_decide(
        self, person: PersonRecord, number: str, revision: int | None = None
    ) -> tuple[RequestRecord, list[int]]:
        """The request and the rules that this person's decision would count for. Raises Forbidden, Conflict."""
        record = self.show(person, number)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        rules = self.permissions.rules_for(person, record)
        if revision is not None and revision != record.revision:
            raise Conflict(
                f"{record.number} was edited since you looked: decide on its card as it is now. Nothing was changed."
            )
        mine = next((d for d in record.decisions if d.current and d.person.id == person.id), None)
        if mine:
            raise Conflict(f"You have approved {record.number} already, on {_when(mine.at)}. It waits for others.")
        return record, rules

    def complete(
        self, person: PersonRecord, number: str, step: str, outputs: Mapping[str, Any] | None = None
    ) -> RequestRecord:
        """Somebody did what a step asked of them. Raises NotFound, Forbidden, Conflict, Invalid."""
        record, asked = self.may_answer(person, number, step)
        schema = asked["outputs"] or {"type": "object", "additionalProperties": False}
        given = contract.with_defaults(schema, dict(outputs or {}))
        found = contract.problems(schema, given)
        if found:
            raise Invalid(found)
        return self._change(record, lambda tx: requests.answer(tx, record.id, step, person.id, given))

    def refuse(self, person: PersonRecord, number: str, step: str, reason: str) -> RequestRecord:
        """Somebody cannot do what a step asked of them: it fails. Raises NotFound, Forbidden, Conflict, Invalid."""
        record, _ = self.may_answer(person, number, step)
        why = _required(reason, "/reason")
        text = f"{person.label} cannot do it: {why}"
        return self._change(record, lambda tx: requests.refuse(tx, record.id, step, person.id, why, text))

    def may_answer(self, person: PersonRecord, number: str, step: str) -> tuple[RequestRecord, Mapping[str, Any]]:
        """The request and what its step asks of people. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        asked = next((s for s in record.steps if s.name == step), None)
        if asked is None:
            raise NotFound(f"{record.number} has no step called {step}.")
        if asked not in record.asking or asked.ask is None:
            raise Conflict(f"{step} of {record.number} waits for nobody now: it is {asked.state}. {_story(record)}")
        self.permissions.require_asked(person, record, asked)
        return record, asked.ask

    def withdraw(self, person: PersonRecord, number: str, reason: str | None = None) -> RequestRecord:
        """The requester changes their mind before anybody decided. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_requester(person, record)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        return self._change(record, lambda tx: requests.end(tx, record.id, lifecycle.WITHDRAW, person.id, reason))

    def cancel(self, person: PersonRecord, number: str, reason: str | None = None) -> RequestRecord:
        """Stop a request after approval. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        if person.id != record.requester.id:
            self.permissions.require_team(person, record, self._offering_of(record))
        self._require_state(record, *lifecycle.CANCEL.sources)
        return self._change(record, lambda tx: requests.end(tx, record.id, lifecycle.CANCEL, person.id, reason))

    def retry(self, person: PersonRecord, number: str) -> RequestRecord:
        """Run the failed step again. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_team(person, record, self._offering_of(record))
        if record.state in lifecycle.ENDED or not any(step.state == "failed" for step in record.steps):
            raise Conflict(f"Nothing of {record.number} has failed. {_story(record)}")
        return self._change(record, lambda tx: requests.retry(tx, record.id, person.id))

    # Reading

    def show(self, person: PersonRecord, number: str) -> RequestRecord:
        """One request with its story. Raises NotFound, also for one that this person may not read."""
        key = parse_number("REQ", number)
        record = self._request(key) if key else None
        if record is None or not self.permissions.may_read(person, record, self._offering_of(record)):
            raise NotFound(f"There is no request {number} that you may see.")
        return record

    def mine(self, person: PersonRecord, *, before: int | None = None, limit: int = 50) -> Page:
        """What this person asked for, newest first."""
        with self.database.read() as session:
            ids = reads.request_ids_of(session, person.id, before=before, limit=limit)
            return Page(reads.requests(session, ids), ids[-1] if len(ids) == limit else None)

    def requests(
        self,
        person: PersonRecord,
        *,
        state: str | None = None,
        offering: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Page:
        """What this person may read, newest first."""
        found: list[RequestRecord] = []
        while len(found) < limit:
            with self.database.read() as session:
                states = [state] if state else None
                ids = reads.request_ids(session, states=states, offering=offering, before=before, limit=limit)
                page = reads.requests(session, ids)
            found += [r for r in page if self.permissions.may_read(person, r, self._offering_of(r))]
            if len(ids) < limit:
                return _page(found, limit, more=False)
            before = ids[-1]
        return _page(found, limit, more=True)

    def waiting(self, person: PersonRecord) -> list[RequestRecord]:
        """What waits for a decision or an answer of this person, oldest first."""
        with self.database.read() as session:
            records = reads.requests(session, reads.open_request_ids(session))
        return [record for record in records if self.permissions.waits_for(person, record)]

    def instances(self, person: PersonRecord, *, before: int | None = None, limit: int = 50) -> Page:
        """What this person lives with, newest first."""
        with self.database.read() as session:
            ids = reads.instance_ids_of(session, person.id, before=before, limit=limit)
            return Page(reads.instances(session, ids), ids[-1] if len(ids) == limit else None)

    def instance(self, person: PersonRecord, number: str) -> InstanceRecord:
        """One instance. Raises NotFound, also for one that this person may not read."""
        key = parse_number("INS", number)
        with self.database.read() as session:
            record = reads.instance(session, key) if key else None
        offering = self.catalogue.offering(record.offering, record.version) if record else None
        if record is None or not self.permissions.may_read_instance(person, record, offering):
            raise NotFound(f"There is no instance {number} that you may see.")
        return record

    # Within

    def _request(self, request_id: int) -> RequestRecord | None:
        with self.database.read() as session:
            return reads.request(session, request_id)

    def _offering_of(self, record: RequestRecord | None) -> Offering[Any] | None:
        return self.catalogue.offering(record.offering, record.version) if record else None

    def _require_state(self, record: RequestRecord, *states: RequestState) -> None:
        if record.state not in states:
            raise Conflict(f"{_story(record)} Nothing was changed.")

    def _change(self, record: RequestRecord, change: Callable[[Tx], Any]) -> RequestRecord:
        """Write, or say who was first: as this transaction sees it, for the winner's may not be on disk yet."""
        with self.database.write() as tx:
            try:
                change(tx)
            except Moved:
                now = reads.request(tx, record.id) or record
                raise Conflict(f"{_story(now)} Nothing was changed.") from None
            changed = reads.request(tx, record.id)
        return changed or record

    def _submit(self, new: NewRequest) -> tuple[RequestRecord, bool]:
        try:
            with self.database.write() as tx:
                request_id, created = requests.submit(tx, new)
                record = reads.request(tx, request_id)
        except KeyReused as reused:
            number = request_number(reused.request_id)
            raise KeyTaken(
                f"This was sent before with other answers and became {number}. Edit that one, or ask anew with a new key."
            ) from None
        except Busy as busy:
            raise Conflict(
                f"{request_number(busy.request_id)} about the same instance is open. Wait for it, or end it first."
            ) from None
        if record is None:
            raise NotFound(f"{request_number(request_id)} is gone.")
        return record, created

    def _deletion(
        self,
        instance: InstanceRecord,
        offering: Offering[Any] | None,
        person_id: int,
        rules: list[ApprovalRule],
        reason: str | None,
        key: str | None,
    ) -> NewRequest:
        """Delete reads what was stored, whatever the file says today, and runs backwards."""
        with self.database.read() as session:
            made = reads.resources(session, instance.id)
        return NewRequest(
            kind="delete",
            offering=instance.offering,
            version=instance.version,
            requester_id=person_id,
            form=instance.form,
            rules=rules,
            steps=[
                NewStep(
                    name=row.step,
                    description=f"Take back: {row.description}",
                    follows=isinstance(self.catalogue.handlers.get(row.handler), Follows),
                    action="delete",
                    handler=row.handler,
                    resource=row.resource,
                    state=row.state,
                )
                for row in reversed(made)
            ],
            place=offering.notify if offering else "",
            reason=reason,
            instance_id=instance.id,
            key=key,
            body_hash=_hash(instance.number, None, {}, reason),
        )

    def _delete_rules(
        self, offering: Offering[Any] | None, instance: InstanceRecord, person: PersonRecord, reason: str | None
    ) -> list[ApprovalRule]:
        if offering is None:
            raise Conflict(f"{instance.offering} {instance.version} is not offered any more; ask its team.")
        form = secrecy.form_of(offering.form, offering.contract.form, instance.form, _NO_NUMBER)
        owner = instance.owner.as_person()
        request = Request("", "delete", form, person.as_person(), owner, instance.number, reason)
        return _rules(offering, request)

    def _with_people(self, schema: contract.Schema, answers: Mapping[str, Any]) -> dict[str, Any]:
        """The answers with every person as an e-mail address where one is known. Raises Invalid."""
        resolved: dict[str, Any] = json.loads(json.dumps(dict(answers)))
        wrong = []
        for question in contract.fields(schema):
            holder, name = _holder(resolved, question.path)
            if question.kind != "person" or holder is None or not isinstance(holder.get(name), str):
                continue
            try:
                holder[name] = self._person_of(holder[name]).reference
            except NotFound as error:
                wrong.append(Problem(question.pointer, str(error)))
        if wrong:
            raise Invalid(wrong)
        return resolved


@dataclass(frozen=True)
class _Checked:
    """Answers that were accepted: as rules and steps see them, as they are stored, and the secrets by pointer."""

    form: Form
    kept: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)


class _Later:
    """Stands for the outputs of a step that has not run."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __getattr__(self, name: str) -> str:
        return f"(known after {self._step})"


def _draft(person: PersonRecord, form: Form, reason: str | None = None) -> Request[Any]:
    """The request as rules see it before it has a number."""
    requester = person.as_person()
    return Request(_NO_NUMBER, "create", form, requester, requester, reason=reason)


def _plan(step: Step[Any, Any], request: Request[Any]) -> Mapping[str, Any] | None:
    try:
        plan: Mapping[str, Any] = step(request).model_dump(mode="json")
    except (NotYet, NotGiven, TypeError, ValueError):  # it computes with outputs that are not known yet
        return None
    return plan


def _rules(offering: Offering[Any], request: Request[Any]) -> list[ApprovalRule]:
    return [ApprovalRule(rule.who, rule.count, rule.requester_may) for rule in offering.approvals(request)]


def _problem(detail: Any) -> Problem:
    text = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return Problem(contract.pointer(detail["loc"]), text)


def _asked_again(schema: contract.Schema, answers: Mapping[str, Any]) -> list[Problem]:
    """Masks that came back instead of secrets."""
    return [
        Problem(contract.pointer(path), "Enter it once more: a secret is not shown again.")
        for path in contract.secrets(schema, dict(answers))
        if contract.at(answers, path) == secrecy.MASK
    ]


def _unquoted(found: list[Problem], schema: contract.Schema, answers: Mapping[str, Any]) -> list[Problem]:
    """Without the secrets that a validator of the author's may quote."""
    secrets = [str(contract.at(answers, path)) for path in contract.secrets(schema, dict(answers))]
    for secret in secrets:
        if len(secret) >= _LEAST_TELLING:
            found = [Problem(each.pointer, each.detail.replace(secret, secrecy.MASK)) for each in found]
    return found


def _without_text(error: Exception, offering: Offering[Any]) -> Exception:
    """A bug in a validator that saw secrets, for the log: where it is, without words that may quote one."""
    *_, place = traceback.extract_tb(error.__traceback__)
    return RuntimeError(f"{type(error).__name__} in the form of {offering.name}, at {place.filename}:{place.lineno}")


def _holder(answers: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    holder: Any = answers
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    return (holder if isinstance(holder, dict) else None), path[-1]


def _required(text: str, pointer: str) -> str:
    if not text or not text.strip():
        raise Invalid([Problem(pointer, "Say why: the requester reads it.")])
    return text.strip()


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=dict).encode()).hexdigest()


def _page(found: list[RequestRecord], limit: int, *, more: bool) -> Page:
    items = found[:limit]
    return Page(items, items[-1].id if items and (more or len(found) > limit) else None)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d at %H:%M} UTC"


#: The event that brought a request into its state.
_LED_TO = {"awaiting_approval": ("submitted", "edited"), "fulfilling": ("retried", "approved", "submitted")}


def _story(record: RequestRecord) -> str:
    """One sentence: where the request stands, since when and by whom."""
    names: Iterable[str] = _LED_TO.get(record.state, (str(record.state),))
    event = next((e for e in reversed(record.events) if e.name in names), None)
    state = str(record.state).replace("_", " ")
    if event is None:
        return f"{record.number} is {state}."
    by = f" by {event.person.label}" if event.person and event.name not in ("submitted", "edited") else ""
    if event.name == record.state:
        return f"{record.number} was {event.name}{by} on {_when(event.at)}."
    return f"{record.number} is {state}: {event.name}{by} on {_when(event.at)}."
