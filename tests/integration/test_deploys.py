"""A deploy while requests are open, and back: nothing is stranded silently. What the code does not know stands still, says so,
and goes on when the code is back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from bot.lifecycle import InstanceState, RequestState
from bot.store import tables
from bot.store.records import RequestRecord
from tests.conftest import Clock, Desk

HEAD = '''
"""A house

For people.
"""
from bot import Approval, Field, Form, Offering, Request
from bot.handlers import manual, message

class House(Form):
    name: str = "small"

house = Offering("house", House, version="{version}", owner="@data-platform", notify="#data", approval=Approval("@dba"))

def task(name: str) -> manual.Task:
    return manual.Task(group="@data-platform", instructions=name)
'''
STEP = '''
@house.step
def {name}(request: Request[House]) -> manual.Task:
    """{name}"""
    return task("{name}")
'''
OLD, NEW = ["dig", "build", "paint"], ["dig", "construct", "paint", "furnish"]
S = RequestState


def code(folder: Path, steps: list[str], version: str = "v1") -> Path:
    """An offerings folder in which the house has these steps."""
    folder.mkdir()
    (folder / "house.py").write_text(HEAD.format(version=version) + "".join(STEP.format(name=name) for name in steps))
    return folder


@pytest.fixture
def deploy(desk: Callable[..., Desk], tmp_path: Path) -> Callable[..., Desk]:
    """Another process over the same database, with other code."""
    numbers = iter(range(100))
    return lambda steps, version="v1": desk(code(tmp_path / f"code{next(numbers)}", steps, version))


def approved(desk: Desk) -> str:
    """A request whose first step waits for somebody."""
    number = desk.service.submit(desk.ada, "house", {})[0].number
    desk.service.approve(desk.grace, number)
    desk.work()
    return number


def done(desk: Desk, number: str, step: str) -> None:
    desk.service.complete(desk.grace, number, step)
    desk.work()


def settle(desk: Desk, clock: Clock) -> None:
    """Long enough for every process to have looked at what nobody knows."""
    for _ in range(12):
        desk.work()
        clock.forward(minutes=2)
    desk.engine.sweep()
    desk.work()


def finish(desk: Desk, clock: Clock, number: str) -> RequestRecord:
    """People do all that is asked of them."""
    for _ in range(8):
        settle(desk, clock)
        for step in desk.service.show(desk.ada, number).asking:
            done(desk, number, step.name)
    return desk.service.show(desk.ada, number)


def alarms(desk: Desk) -> list[str]:
    with desk.database.read() as session:
        rows = session.exec(select(tables.Delivery).where(tables.Delivery.kind == "alarm")).all()
    return [row.payload["text"] for row in rows]


def test_steps_that_are_gone_are_parked_and_shown_and_go_on_with_the_old_code(
    deploy: Callable[..., Desk], clock: Clock
) -> None:
    old = deploy(OLD)
    waits = old.service.submit(old.ada, "house", {})[0].number
    digs, builds = approved(old), approved(old)
    done(old, builds, "dig")

    new = deploy(NEW)
    new.service.approve(new.grace, waits)
    settle(new, clock)
    done(new, waits, "dig")
    done(new, digs, "dig")
    done(new, builds, "build")  # it was asked of people before the deploy, so it is finished as it was begun
    settle(new, clock)
    for number, missing in ((waits, "build"), (digs, "build")):
        record = new.service.show(new.ada, number)
        assert record.state is S.PARKED, number
        step = next(step for step in record.steps if step.name == missing)
        assert (step.state, step.reason) == ("parked", f"house v1 has no step {missing} in the code that runs now.")
        assert [e.name for e in record.events].count("parked") == 1
        assert any(f"{number}/{missing} is parked" in text and "frontdesk retry" in text for text in alarms(new))
    # The last step has the same name in both: it is built by the code that is there.
    assert [step.name for step in new.service.show(new.ada, builds).asking] == ["paint"]
    done(new, builds, "paint")
    assert new.service.show(new.ada, builds).state is S.FULFILLED

    back = deploy(OLD)
    for number in (waits, digs):
        assert finish(back, clock, number).state is S.FULFILLED
        assert [s.name for s in back.service.show(back.ada, number).steps] == OLD


def test_what_is_asked_for_under_the_new_code_survives_the_way_back_and_forth(
    deploy: Callable[..., Desk], clock: Clock
) -> None:
    new = deploy(NEW)
    number = approved(new)
    done(new, number, "dig")
    done(new, number, "construct")

    back = deploy(OLD)
    done(back, number, "paint")
    settle(back, clock)
    record = back.service.show(back.ada, number)
    assert (record.state, record.steps[-1].state) == (S.PARKED, "parked")

    again = deploy(NEW)
    assert finish(again, clock, number).state is S.FULFILLED
    assert [s.name for s in again.service.show(again.ada, number).steps] == NEW


def test_a_contract_that_is_gone_parks_its_requests_until_it_is_back(deploy: Callable[..., Desk], clock: Clock) -> None:
    old = deploy(OLD)
    number, ended = approved(old), approved(old)
    assert finish(old, clock, ended).state is S.FULFILLED

    new = deploy(OLD, version="v2")
    done(new, number, "dig")
    settle(new, clock)
    assert new.service.show(new.ada, number).state is S.PARKED
    assert approved(new) not in (number, ended)  # the new one is offered meanwhile

    back = deploy(OLD)
    assert finish(back, clock, number).state is S.FULFILLED
    # What was made is taken back by what was stored with it, whatever the code says.
    deletion = back.service.delete(back.ada, back.service.show(back.ada, ended).instance)[0].number
    back.service.approve(back.grace, deletion)
    other = deploy(NEW, version="v2")
    assert finish(other, clock, deletion).state is S.FULFILLED
    assert (
        other.service.instance(other.ada, other.service.show(other.ada, ended).instance).state is InstanceState.DELETED
    )


def test_a_request_that_is_parked_can_be_given_up(deploy: Callable[..., Desk], clock: Clock) -> None:
    old = deploy(OLD)
    number = approved(old)
    new = deploy(["other"])
    done(new, number, "dig")
    settle(new, clock)
    assert new.service.show(new.ada, number).state is S.PARKED
    assert new.service.cancel(new.ada, number).state is S.CANCELLED
    assert finish(deploy(OLD), clock, number).state is S.CANCELLED


def test_while_both_codes_run_the_one_that_knows_a_step_runs_it(deploy: Callable[..., Desk], clock: Clock) -> None:
    old = deploy(OLD)
    number = approved(old)
    new = deploy(NEW)
    done(new, number, "dig")  # the new code is asked first, and leaves it
    assert new.service.show(new.ada, number).state is S.FULFILLING
    clock.forward(seconds=90)
    old.work()
    assert [step.name for step in old.service.show(old.ada, number).asking] == ["build"]
    assert alarms(old) == []
