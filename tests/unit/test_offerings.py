"""Whatever stands in `offerings/` holds, by being there: its form, its plan, its way to done and back, its contract."""

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot import catalogue as catalogues
from bot import contract, golden
from bot.catalogue import Catalogue
from bot.contract import Question, Schema
from bot.handler import Done, Handler, Outputs
from bot.lifecycle import InstanceState, RequestState
from bot.offering import Offering
from bot.people import Groups, NoDirectory, read_groups
from bot.slack.rules.limits import view_problems
from bot.store.database import Database
from tests import sheets as forms
from tests.conftest import GROUPS, ROOT, Clock, Desk, Recorded

FOLDER = ROOT / "offerings"
FILES = sorted(path.stem for path in FOLDER.glob("*.py"))
CLASSES = catalogues.handler_classes()
ENVIRONMENT = {
    name: "http://127.0.0.1:9" if name.endswith("URL") else "1"
    for cls in CLASSES
    for name in (*cls.settings, *cls.options)
}


@cache
def loaded() -> Catalogue:
    return catalogues.load(FOLDER, ENVIRONMENT)


def offerings_of(file: str) -> list[Offering[Any]]:
    made = [one for versions in loaded().offerings.values() for one in versions.values()]
    return [one for one in made if Path(one.where.rpartition(":")[0]).stem == file]


def answer_to(question: Question, schema: Schema) -> Any:
    """Something that this question takes, tried in turn: what is shown as an example, a choice, a plain value."""
    offered: list[Any] = [choice.value for choice in question.choices][:1]
    someday = date(2030, 1, 31)
    plain: list[Any] = [
        "orders",
        "Some longer words that say what is meant",
        "ada@example.com",
        "https://example.com/",
        someday.isoformat(),
        "12:30",
        f"{someday.isoformat()}T12:30:00Z",
        "10.0.0.0/24",
        1,
        5,
        100,
        1.5,
        True,
        "#general",
        "@dba",
        ["orders"],
        offered,
    ]
    for value in [*offered, *plain]:
        answers = _nested(question.path, value)
        if not any(problem.pointer.startswith(question.pointer) for problem in contract.problems(schema, answers)):
            return value
    raise AssertionError(f"no answer is known that {question.pointer} takes")


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if path[1:] else value}


def answers_to(schema: Schema) -> dict[str, Any]:
    """An answer to each question."""
    answers: dict[str, Any] = {}
    for question in contract.fields(schema):
        if question.kind == "section":
            continue
        holder = answers
        for part in question.path[:-1]:
            holder = holder.setdefault(part, {})
        holder[question.path[-1]] = answer_to(question, schema)
    return answers


@pytest.mark.parametrize("file", FILES)
def test_a_file_offers_something(file: str) -> None:
    assert offerings_of(file)


@pytest.mark.parametrize("file", FILES)
def test_its_form_is_a_modal_that_slack_takes(file: str) -> None:
    for offering in offerings_of(file):
        for given in ({}, answers_to(offering.contract.form)):
            view = forms.modal(offering.contract.form, given)
            assert view_problems(view) == []


@pytest.mark.parametrize("file", FILES)
def test_its_contract_is_recorded_as_it_is(file: str) -> None:
    for offering in offerings_of(file):
        assert "not recorded" not in golden.compare(offering, FOLDER)


def test_no_contract_is_recorded_of_what_is_not_there() -> None:
    recorded = {path.stem for path in (FOLDER / "contracts").glob("*.json")}
    assert recorded == {f"{one.name}.{one.version}" for file in FILES for one in offerings_of(file)}


@pytest.mark.parametrize("file", FILES)
def test_its_steps_say_what_they_do(file: str) -> None:
    for offering in offerings_of(file):
        assert offering.description
        for step in offering.steps.values():
            assert step.build.__doc__, f"{step.where}: people read the docstring while the step runs"


class Everything(Recorded):
    """Stands for a handler: done at once, with outputs that its resource promises."""

    def __init__(self, handler: Handler[Any]) -> None:
        super().__init__(type(handler).resource)
        self.outputs: type[Outputs] = Outputs

    def apply(self, resource: Any, context: Any) -> Done:
        self.applied.append((resource, context))
        promised = getattr(resource, "outputs", None) or _declared(type(resource))
        return Done(json.loads(json.dumps(answers_to(promised))) if promised else {})


def _declared(kind: type[Any]) -> Schema | None:
    for base in kind.__mro__:
        for argument in getattr(base, "__pydantic_generic_metadata__", {}).get("args", ()):
            if isinstance(argument, type) and issubclass(argument, Outputs) and argument is not Outputs:
                return argument.model_json_schema()
    return None


@pytest.fixture
def desk(sqlite_url: str) -> Any:
    real = loaded()
    recorded = {name: Everything(handler) for name, handler in real.handlers.items()}
    for name, handler in recorded.items():
        handler.name = name  # type: ignore[misc] # one class stands for several
        handler.resource = type(real.handlers[name]).resource  # type: ignore[misc] # the same
    by_resource: Any = {handler.resource: handler for handler in recorded.values()}
    groups = Groups(NoDirectory(), {**GROUPS, **read_groups(FOLDER)})
    desk = Desk(Database(sqlite_url, Clock()), Catalogue(real.offerings, recorded, by_resource), Clock(), groups)
    yield desk
    desk.database.close()


@pytest.mark.parametrize("file", FILES)
def test_its_plan_touches_nothing(file: str, desk: Desk) -> None:
    for offering in offerings_of(file):
        planned = desk.service.plan(desk.ada, offering.name, answers_to(offering.contract.form))
        assert [step.step for step in planned] == list(offering.steps)
        assert planned[0].resource is not None
    assert desk.service.mine(desk.ada).items == []
    assert all(not handler.applied for handler in handlers(desk))


def handlers(desk: Desk) -> list[Everything]:
    return [handler for handler in desk.catalogue.handlers.values() if isinstance(handler, Everything)]


def decide(desk: Desk, number: str) -> None:
    """Everybody who may approve does, until nobody needs to."""
    for person in (desk.grace, desk.linus, desk.margaret):
        record = desk.service.show(desk.ada, number)
        if record.state is RequestState.AWAITING_APPROVAL and desk.service.permissions.waits_for(person, record):
            desk.service.approve(person, number)
    desk.work()


@pytest.mark.parametrize("file", FILES)
def test_it_goes_all_the_way_and_is_taken_back(file: str, desk: Desk) -> None:
    for offering in offerings_of(file):
        answers = answers_to(offering.contract.form)
        asked, _ = desk.service.submit(desk.ada, offering.name, answers, version=offering.version)
        desk.work()
        decide(desk, asked.number)
        done = desk.service.show(desk.ada, asked.number)
        assert done.state is RequestState.FULFILLED, [step.reason for step in done.steps]
        assert contract.problems(offering.contract.outputs or {}, dict(done.outputs or {})) == []
        instance = desk.service.instance(desk.ada, done.instance)
        assert instance.state is InstanceState.READY
        assert instance.expires_at is None or instance.expires_at > desk.clock.now + timedelta(hours=1)

        ending, _ = desk.service.delete(desk.ada, done.instance)
        desk.work()
        decide(desk, ending.number)
        assert desk.service.instance(desk.ada, done.instance).state is InstanceState.DELETED
        identities = [f"{done.instance}/{name}" for name in offering.steps]
        taken_back = [context.identity for handler in handlers(desk) for _, context in handler.deleted]
        assert sorted(taken_back) == sorted(identities)
