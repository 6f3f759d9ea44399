"""Deciding and doing: approvals, tasks, and how a request ends."""

from collections.abc import Mapping
from typing import Any

from bot import contract, lifecycle
from bot.errors import Conflict, Invalid, NotFound, Problem
from bot.lifecycle import RequestState
from bot.service.filing import Filing, named_files
from bot.service.people import People
from bot.service.reading import Reading
from bot.store import drafts, files, reads, requests
from bot.store.database import Tx
from bot.store.records import PersonRecord, RequestRecord
from bot.story import stands, when


class Deciding(People, Filing, Reading):
    """Moves requests on."""

    def approve(
        self,
        person: PersonRecord,
        number: str,
        *,
        reason: str | None = None,
        revision: int | None = None,
        click: str = "",
    ) -> RequestRecord:
        """One person's approval; once for each `click`, as all that one decides. Raises NotFound, Forbidden, Conflict."""
        person, record, rules = self._decider(person, number, revision)
        seen = revision or record.revision
        return self._change(record, lambda tx: requests.approve(tx, record.id, person.id, rules, seen, reason), click)

    def reject(self, person: PersonRecord, number: str, reason: str, *, revision: int | None = None) -> RequestRecord:
        """One person's rejection, which ends the request. Raises NotFound, Forbidden, Conflict, Invalid."""
        person, record, rules = self._decider(person, number, revision)
        text, seen = _required(reason, "/reason"), revision or record.revision
        return self._change(record, lambda tx: requests.reject(tx, record.id, person.id, rules, seen, text))

    def may_decide(
        self, person: PersonRecord, number: str, revision: int | None = None
    ) -> tuple[RequestRecord, list[int]]:
        """The request and the rules that this person's decision would count for. Raises Forbidden, Conflict."""
        return self._decider(person, number, revision)[1:]

    def _decider(
        self, person: PersonRecord, number: str, revision: int | None
    ) -> tuple[PersonRecord, RequestRecord, list[int]]:
        """Who decides is first known as well as can be: nobody decides on their own request under another name."""
        person = self.whole(person)
        record = self.show(person, number)
        if self.whole(record.requester).id != record.requester.id:
            record = self.show(person, number)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        rules = self.permissions.rules_for(person, record)
        if revision is not None and revision != record.revision:
            raise Conflict(
                f"{record.number} was edited since you looked: decide on its card as it is now. Nothing was changed."
            )
        mine = next((d for d in record.decisions if d.current and d.person.id == person.id), None)
        if mine:
            raise Conflict(f"You have approved {record.number} already, on {when(mine.at)}. It waits for others.")
        return person, record, rules

    def complete(
        self,
        person: PersonRecord,
        number: str,
        step: str,
        outputs: Mapping[str, Any] | None = None,
        *,
        draft: str = "",
        click: str = "",
    ) -> RequestRecord:
        """Somebody did what a step asked of them; `draft` as in `ask`. Raises NotFound, Forbidden, Conflict, Invalid."""
        record, asked = self.may_answer(person, number, step)
        schema = asked["outputs"] or {"type": "object", "additionalProperties": False}
        given = contract.with_defaults(schema, dict(outputs or {}))
        found = contract.problems(schema, given) or self._files_of_others(person, record, asked, given)
        if found:
            raise Invalid(found)

        def write(tx: Tx) -> None:
            requests.answer(tx, record.id, step, person.id, given)
            files.mark_used(tx, named_files(schema, given))
            drafts.drop(tx, person.id, draft)

        return self._change(record, write, click)

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
            raise Conflict(f"{step} of {record.number} waits for nobody now: it is {asked.state}. {stands(record)}")
        self.permissions.require_asked(person, record, asked)
        return record, asked.ask

    def known_outputs(self, record: RequestRecord, ask: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a change most likely leaves as it is: today's outputs, as far as the step asks for them."""
        with self.database.read() as session:
            instance = reads.instance(session, record.instance_id)
        if record.kind != "update" or instance is None or instance.outputs is None:
            return None
        asked = (ask["outputs"] or {}).get("properties", {})
        return {name: value for name, value in instance.outputs.items() if name in asked}

    def _files_of_others(
        self, person: PersonRecord, record: RequestRecord, ask: Mapping[str, Any], given: Mapping[str, Any]
    ) -> list[Problem]:
        """Files that are not this person's, but for those that stay as somebody has left them."""
        schema = ask["outputs"] or {}
        if not named_files(schema, given):
            return []
        known = self.known_outputs(record, ask) or {}
        new = {name: value for name, value in given.items() if name not in known or value != known[name]}
        return self._unknown_files(person, schema, new)

    def withdraw(
        self, person: PersonRecord, number: str, reason: str | None = None, *, click: str = ""
    ) -> RequestRecord:
        """The requester changes their mind before anybody decided. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_requester(person, record)
        self._require_state(record, RequestState.AWAITING_APPROVAL)
        return self._end(record, lifecycle.WITHDRAW, person, reason, click)

    def cancel(self, person: PersonRecord, number: str, reason: str | None = None, *, click: str = "") -> RequestRecord:
        """Stop a request after approval. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        if person.id != record.requester.id:
            self.permissions.require_team(person, record, self._offering_of(record))
        self._require_state(record, *lifecycle.CANCEL.sources)
        return self._end(record, lifecycle.CANCEL, person, reason, click)

    def retry(self, person: PersonRecord, number: str, *, click: str = "") -> RequestRecord:
        """Run what failed again, or go on with what was parked. Raises NotFound, Forbidden, Conflict."""
        record = self.show(person, number)
        self.permissions.require_team(person, record, self._offering_of(record))
        if record.state in lifecycle.ENDED or not any(step.state in _STOPPED for step in record.steps):
            raise Conflict(f"Nothing of {record.number} has failed. {stands(record)}")
        return self._change(record, lambda tx: requests.retry(tx, record.id, person.id), click)

    def _end(
        self, record: RequestRecord, how: lifecycle.Move, person: PersonRecord, reason: str | None, click: str
    ) -> RequestRecord:
        return self._change(record, lambda tx: requests.end(tx, record.id, how, person.id, reason), click)


_STOPPED = ("failed", "parked")


def _required(text: str, pointer: str) -> str:
    if not text or not text.strip():
        raise Invalid([Problem(pointer, "Say why: the requester reads it.")])
    return text.strip()
