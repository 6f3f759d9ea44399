"""The story of one request, at the use cases: asked, decided, done, deleted. On both stores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Conflict, Forbidden, Invalid, NotFound
from bot.handler import Done
from bot.lifecycle import InstanceState, RequestState
from bot.store.records import PersonRecord
from tests.conftest import Desk

OFFERING = '''
"""A database

For one team.
"""
from typing import Literal
from bot import Approval, Field, Form, Offering, Outputs, Request
from bot.handlers import manual, message

class Database(Form):
    name: str = Field(pattern="^[a-z][a-z0-9-]{2,30}$")
    size: Literal["small", "large"] = "small"

class Connection(Outputs):
    host: str
    port: int = 5432

database = Offering("database", Database, outputs=Connection, owner="@data-platform", notify="#data", approval=Approval("@dba"))

@database.step(early=True)
def note(request: Request[Database]) -> message.Post:
    return message.Post(channel="#data", text=f"{request.form.name} was asked for")

@database.step
def create(request: Request[Database]) -> manual.Task[Connection]:
    """Somebody creates it."""
    return manual.Task(group="@data-platform", outputs=Connection, instructions=f"Create {request.form.name}")
'''


@pytest.fixture
def desk_of(desk: Callable[..., Desk], tmp_path: Path) -> Callable[[str], Desk]:
    def of(source: str) -> Desk:
        folder = tmp_path / "offerings"
        folder.mkdir(exist_ok=True)
        (folder / "one.py").write_text(source)
        return desk(folder)

    return of


@pytest.fixture
def story(desk_of: Callable[[str], Desk]) -> Desk:
    return desk_of(OFFERING)


def ask(desk: Desk, person: PersonRecord | None = None, **answers: Any) -> str:
    record, created = desk.service.submit(person or desk.ada, "database", {"name": "orders"} | answers)
    assert created
    desk.work()
    return record.number


def fulfilled(desk: Desk) -> str:
    number = ask(desk)
    desk.service.approve(desk.grace, number)
    desk.work()
    desk.service.complete(desk.grace, number, "create", {"host": "db1"})
    desk.work()
    return number


def test_a_request_goes_the_whole_way(story: Desk) -> None:
    number = ask(story)
    record = story.service.show(story.ada, number)
    assert record.state is RequestState.AWAITING_APPROVAL
    assert [(step.name, step.state) for step in record.steps] == [("note", "done"), ("create", "waiting")]
    assert [r.number for r in story.service.waiting(story.grace).items] == [number]

    assert story.service.approve(story.grace, number, reason="fine").state is RequestState.FULFILLING
    story.work()
    record = story.service.show(story.ada, number)
    assert record.asking[0].ask == {
        "group": "@data-platform",
        "instructions": "Create orders",
        "outputs": story.catalogue.newest()[0].contract.outputs,
    }
    assert [r.number for r in story.service.waiting(story.margaret).items] == [number]
    assert story.service.waiting(story.linus).items == []

    story.service.complete(story.margaret, number, "create", {"host": "db1"})
    story.work()
    record = story.service.show(story.ada, number)
    assert record.state is RequestState.FULFILLED
    assert record.outputs == {"host": "db1", "port": 5432}
    instance = story.service.instances(story.ada).items[0]
    assert (instance.number, instance.state, instance.outputs) == (record.instance, "ready", record.outputs)
    names = [event.name for event in record.events]
    assert names == [
        "submitted",
        "step_started",
        "step_done",
        "approved",
        "started",
        "step_started",
        "task_opened",
        "task_done",
        "step_done",
        "fulfilled",
    ]


def test_nobody_approves_their_own_request(story: Desk) -> None:
    number = ask(story, story.grace)
    with pytest.raises(Forbidden, match="You asked for REQ-1 yourself, so somebody else of @dba has to decide"):
        story.service.approve(story.grace, number)
    assert story.service.approve(story.linus, number).state is RequestState.FULFILLING


def test_only_the_approvers_decide(story: Desk) -> None:
    number = ask(story)
    with pytest.raises(Forbidden, match="is for @dba to decide"):
        story.service.approve(story.margaret, number)
    with pytest.raises(NotFound, match="There is no request REQ-1 that you may see"):
        story.service.approve(story.person("Eve"), number)


def test_the_second_click_is_told_who_was_first(story: Desk) -> None:
    number = ask(story)
    story.service.approve(story.grace, number)
    with pytest.raises(Conflict, match="approved by grace@example.com on 2026-11-22 at 09:00 UTC. Nothing was changed"):
        story.service.approve(story.linus, number)


def test_a_rejection_needs_a_reason_and_ends_it(story: Desk) -> None:
    number = ask(story)
    with pytest.raises(Invalid):
        story.service.reject(story.grace, number, "  ")
    record = story.service.reject(story.grace, number, "No budget")
    assert (record.state, record.decisions[0].reason) == (RequestState.REJECTED, "No budget")
    assert [step.state for step in record.steps] == ["done", "skipped"]
    assert story.service.instances(story.ada).items == []


def test_an_edit_voids_what_was_seen_before(story: Desk) -> None:
    number = ask(story)
    edited = story.service.edit(story.ada, number, {"name": "orders", "size": "large"})
    assert edited.revision == 2
    assert edited.events[-1].data == {"fields": ["size"]}
    with pytest.raises(Conflict, match="was edited since you looked"):
        story.service.approve(story.grace, number, revision=1)
    assert story.service.approve(story.grace, number, revision=2).state is RequestState.FULFILLING
    with pytest.raises(Conflict):
        story.service.edit(story.ada, number, {"name": "orders"})


def test_only_the_requester_withdraws(story: Desk) -> None:
    number = ask(story)
    with pytest.raises(Forbidden, match="Only ada@example.com"):
        story.service.withdraw(story.grace, number)
    assert story.service.withdraw(story.ada, number).state is RequestState.WITHDRAWN
    with pytest.raises(Conflict, match="withdrawn by ada@example.com"):
        story.service.approve(story.grace, number)


def test_a_task_that_nobody_can_do_fails_and_is_retried(story: Desk) -> None:
    number = ask(story)
    story.service.approve(story.grace, number)
    story.work()
    with pytest.raises(Forbidden, match="is for @data-platform to do"):
        story.service.refuse(story.linus, number, "create", "no")
    record = story.service.refuse(story.grace, number, "create", "the cluster is full")
    assert record.state is RequestState.FAILED
    assert record.steps[1].reason == "grace@example.com cannot do it: the cluster is full"
    with pytest.raises(Forbidden, match="is looked after by @data-platform"):
        story.service.retry(story.ada, number)
    assert story.service.retry(story.grace, number).state is RequestState.FULFILLING
    story.work()
    story.service.complete(story.grace, number, "create", {"host": "db2"})
    story.work()
    assert story.service.show(story.ada, number).state is RequestState.FULFILLED


def test_the_promised_outputs_are_asked_for(story: Desk) -> None:
    number = ask(story)
    story.service.approve(story.grace, number)
    story.work()
    with pytest.raises(Invalid) as refused:
        story.service.complete(story.grace, number, "create", {"port": "5432"})
    assert [problem.pointer for problem in refused.value.problems] == ["/host", "/port"]


def test_a_broken_promise_fails_the_last_step(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(OFFERING.replace("outputs=Connection, instructions", "instructions"))
    number = ask(desk)
    desk.service.approve(desk.grace, number)
    desk.work()
    desk.service.complete(desk.grace, number, "create")
    desk.work()
    record = desk.service.show(desk.ada, number)
    assert record.state is RequestState.FAILED
    assert "what database promises its owner is not there. host: " in (record.steps[1].reason or "")


def test_an_instance_is_deleted_backwards(story: Desk) -> None:
    number = fulfilled(story)
    instance = story.service.show(story.ada, number).instance
    with pytest.raises(NotFound):
        story.service.delete(story.person("Eve"), instance)
    record, _ = story.service.delete(story.ada, instance)
    assert (record.kind, record.state) == ("delete", RequestState.AWAITING_APPROVAL)
    assert [step.name for step in record.steps] == ["create", "note"]
    with pytest.raises(Conflict, match=f"{record.number} about the same instance is open"):
        story.service.delete(story.ada, instance)
    story.service.approve(story.grace, record.number)
    story.work()
    asked = story.service.show(story.ada, record.number).asking[0]
    assert asked.ask is not None
    assert asked.ask["instructions"] == "Take this back: Create orders"
    story.service.complete(story.grace, record.number, "create")
    story.work()
    assert story.service.show(story.ada, record.number).state is RequestState.FULFILLED
    assert story.service.instance(story.ada, instance).state is InstanceState.DELETED
    with pytest.raises(Conflict, match="deleted already"):
        story.service.delete(story.ada, instance)


def test_an_end_has_the_approval_that_the_offering_says_for_it(desk_of: Callable[[str], Desk]) -> None:
    own = '[Approval("@security" if request.kind == "delete" else "@dba")]'
    assert 'approval=Approval("@dba")' in OFFERING
    story = desk_of(OFFERING.replace('approval=Approval("@dba")', f"approval=lambda request: {own}"))
    instance = story.service.show(story.ada, fulfilled(story)).instance
    record, _ = story.service.delete(story.ada, instance)
    assert [rule.who for rule in record.rules] == [("@security",)]
    with pytest.raises(Forbidden, match=f"{record.number} is for @security to decide"):
        story.service.approve(story.grace, record.number)
    assert story.service.instance(story.ada, instance).state is InstanceState.READY
    story.service.approve(story.margaret, record.number)
    story.work()
    story.service.complete(story.margaret, record.number, "create")
    story.work()
    assert story.service.instance(story.ada, instance).state is InstanceState.DELETED


def test_an_old_instance_is_deleted_the_way_it_was_made(story: Desk, desk_of: Callable[[str], Desk]) -> None:
    number = fulfilled(story)
    swapped = OFFERING.replace("import manual, message", "import message, webhook").replace(
        'manual.Task(group="@data-platform", outputs=Connection, instructions=f"Create {request.form.name}")',
        'webhook.Call(url="https://db.example.com/", outputs=Connection)',
    )
    later = desk_of(swapped.replace("manual.Task", "webhook.Call"))
    instance = later.service.show(later.ada, number).instance
    record, _ = later.service.delete(later.ada, instance)
    later.service.approve(later.grace, record.number)
    later.work()
    asked = later.service.show(later.ada, record.number).asking[0].ask
    assert asked is not None
    assert asked["instructions"] == "Take this back: Create orders"


def test_the_same_key_makes_one_request(story: Desk) -> None:
    first, created = story.service.submit(story.ada, "database", {"name": "orders"}, key="k1")
    again, created_again = story.service.submit(story.ada, "database", {"name": "orders"}, key="k1")
    assert (first.number, created, created_again) == (again.number, True, False)
    with pytest.raises(Conflict, match="became REQ-1"):
        story.service.submit(story.ada, "database", {"name": "other"}, key="k1")
    other, created_other = story.service.submit(story.grace, "database", {"name": "orders"}, key="k1")
    assert created_other
    assert other.number != first.number


def test_bad_answers_are_refused_at_their_fields(story: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        story.service.submit(story.ada, "database", {"name": "Orders", "size": "medium", "colour": "red"})
    assert {problem.pointer for problem in refused.value.problems} == {"/name", "/size", "/colour"}
    with pytest.raises(NotFound, match="There is: database"):
        story.service.submit(story.ada, "databse", {})
    assert story.service.mine(story.ada).items == []


def test_a_plan_touches_nothing_and_names_what_is_not_known_yet(desk: Callable[..., Desk]) -> None:
    opened = desk()
    planned = opened.service.plan(opened.ada, "postgres", {"name": "orders"})
    assert [step.kind for step in planned] == ["Issue", "Task[Connection]"]
    assert planned[1].resource is not None
    assert planned[1].resource["instructions"] == "Create orders, small ((known after ticket))"
    assert opened.service.mine(opened.ada).items == []


def test_two_approvals_come_from_two_people(desk: Callable[..., Desk]) -> None:
    opened = desk()
    opened.catalogue.handlers["jira"].apply = lambda *_: Done({"key": "ACCESS-1", "id": "1", "url": "http://j/1"})  # type: ignore[method-assign]
    answers = {
        "system": "billing",
        "member": "bob@example.com",
        "role": "admin",
        "until": "2026-12-24",
        "reason": "on call over the holidays",
    }
    record, _ = opened.service.submit(opened.ada, "access", answers)
    assert opened.service.approve(opened.margaret, record.number).state is RequestState.AWAITING_APPROVAL
    with pytest.raises(Conflict, match="You have approved REQ-1 already"):
        opened.service.approve(opened.margaret, record.number)
    assert opened.service.approve(opened.grace, record.number).state in {RequestState.APPROVED, RequestState.FULFILLING}
    opened.work()
    opened.service.complete(opened.margaret, record.number, "membership")
    opened.work()
    assert opened.service.instance(opened.ada, record.instance).expires_at is not None

    assert opened.service.sweep() == []
    opened.clock.forward(days=33)
    assert opened.service.sweep() == ["expiry INS-1"]
    assert opened.service.sweep() == []
    opened.work()
    ending = opened.service.show(opened.ada, "REQ-2")
    assert ending.asking[0].ask is not None
    assert ending.asking[0].ask["instructions"] == "Remove bob@example.com from billing"
