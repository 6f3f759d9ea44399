"""What can be asked for, and whether answers can be taken."""

import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from pydantic import ValidationError

from bot import contract, secrecy
from bot.contract import Choice, moments
from bot.errors import Invalid, NotFound, Problem
from bot.lifecycle import ApprovalRule
from bot.offering import Form, Kind, NotGiven, NotYet, Offering, Request, Step
from bot.service.filing import Filing
from bot.service.people import People
from bot.store import reads
from bot.store.records import PersonRecord, RequestRecord

#: A shorter secret may stand in any sentence.
_LEAST_TELLING = 4


#: Of a request that is not stored yet.
NO_NUMBER = "REQ-?"


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
class Checked:
    """Answers that were accepted: as rules and steps see them, as they are stored, and the secrets by pointer."""

    form: Form
    kept: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)


class Offers(People, Filing):
    """The catalogue, and the check of answers that every door passes."""

    def offered(self) -> list[Offered]:
        """What people can ask for, by title."""
        with self.database.read() as session:
            return [Offered(o, reads.usual_duration(session, o.name)) for o in self.catalogue.newest()]

    def described(self, offering: Offering[Any]) -> Offered:
        """The catalogue's line of one offering; how long it takes is as of the last minute, for people wait for it."""
        return Offered(offering, self._usual.get(offering.name, lambda: self._usually(offering.name)))

    def _usually(self, name: str) -> timedelta | None:
        with self.database.read() as session:
            return reads.usual_duration(session, name)

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
        schema = offering.guarded
        again = _asked_again(schema, answers)
        found = [*contract.unstorable(answers), *contract.problems(schema, dict(answers))]
        found = [*again, *(each for each in found if each.pointer not in {problem.pointer for problem in again})]
        if found:
            raise Invalid(found)
        given = json.dumps(self._settled(schema, answers))
        try:
            form: Form = offering.form.model_validate_json(given)
        except ValidationError as error:
            raise Invalid(_unquoted([_problem(each) for each in error.errors()], schema, answers)) from error
        except Exception as error:  # an author's validator may raise anything; its words may quote a secret
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
        so_far = secrecy.masked(offering.guarded, answers)
        return self.sources.found(path, offering.options[path], person.as_person(), so_far, text)

    def _checked(self, person: PersonRecord, offering: Offering[Any], answers: Mapping[str, Any]) -> "Checked":
        """The answers as the form, apart from their secrets. Raises Invalid, Unavailable."""
        schema = offering.guarded
        form = self.check(offering, answers)
        if unknown := self._unknown_files(person, schema, answers):
            raise Invalid(unknown)
        if offering.options:
            so_far = secrecy.masked(schema, contract.with_defaults(schema, dict(answers)))
            wrong = self.sources.wrong(offering.options, person.as_person(), so_far)
            if wrong:
                raise Invalid(wrong)
        kept, secrets = secrecy.taken_out(form, schema)
        named = secrecy.form_of(offering.form, schema, kept, NO_NUMBER) if secrets else form
        return Checked(named, kept, secrets)

    def plan(self, person: PersonRecord, name: str, answers: Mapping[str, Any]) -> list[Planned]:
        """What a create request would ask for; touches nothing. Raises NotFound, Invalid."""
        offering = self.offering(name)
        request = draft_request(person, self._checked(person, offering, answers).form)
        outputs = {step: _Later(step) for step in offering.steps}
        planned = Request(request.number, "create", request.form, request.requester, request.owner, outputs=outputs)
        return [
            Planned(step.name, step.description, step.resources[0].__name__, _plan(step, planned))
            for step in offering.steps.values()
        ]

    def _settled(self, schema: contract.Schema, answers: Mapping[str, Any]) -> dict[str, Any]:
        """The answers with every person as an e-mail address where one is known, and moments in UTC. Raises Invalid."""
        if not _asks_for_people_or_moments(schema):
            return dict(answers)
        wrong: list[Problem] = []

        def settle(question: contract.Question, value: Any, place: tuple[str | int, ...]) -> Any:
            if question.kind == "datetime" and isinstance(value, str):
                return moments.in_utc(value)
            if question.kind != "person" or not isinstance(value, str):
                return value
            try:
                return self._person_of(value).reference
            except NotFound as error:
                wrong.append(Problem(contract.pointer(place), str(error)))
                return value

        settled = contract.mapped(schema, json.loads(json.dumps(dict(answers))), settle)
        if wrong:
            raise Invalid(wrong)
        return settled


@contract.remembered
def _asks_for_people_or_moments(schema: contract.Schema) -> bool:
    """Whether any question of it, in whatever branch, has answers that several texts say alike."""
    return any(part.get("format") in ("person", "date-time") for part in contract.parts(schema))


class _Later:
    """Stands for the outputs of a step that has not run."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __getattr__(self, name: str) -> str:
        return f"(known after {self._step})"


def draft_request(person: PersonRecord, form: Form, reason: str | None = None) -> Request[Any]:
    """The create request as rules see it before it has a number."""
    requester = person.as_person()
    return Request(NO_NUMBER, "create", form, requester, requester, reason=reason)


def edited_request(record: RequestRecord, offering: Offering[Any], form: Form) -> Request[Any]:
    """A request as rules see it with other answers."""
    return Request(
        record.number,
        cast("Kind", record.kind),
        form,
        record.requester.as_person(),
        record.owner.as_person(),
        record.instance,
        record.reason,
        before=secrecy.form_before(offering.form, offering.guarded, record.before, record.number),
    )


def _plan(step: Step[Any, Any], request: Request[Any]) -> Mapping[str, Any] | None:
    try:
        plan: Mapping[str, Any] = step(request).model_dump(mode="json")
    except (NotYet, NotGiven, TypeError, ValueError):  # it computes with outputs that are not known yet
        return None
    return plan


def rules_of(offering: Offering[Any], request: Request[Any]) -> list[ApprovalRule]:
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
