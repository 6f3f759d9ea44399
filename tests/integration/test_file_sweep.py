"""Files that came and became nobody's answer go after a day, on both stores; those that somebody has stay."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.errors import Invalid
from bot.handler import Ask, Pending, Resource
from bot.offering import Approval, File, Form, Offering, Request
from bot.store import files, tables
from bot.store.database import Database
from tests.conftest import Clock, Desk, Recorded


class Thing(Resource[Any]):
    name: str


class Plan(Form):
    drawing: File | None = None
    more: tuple[File, ...] = ()


class Things(Recorded):
    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)


class Drawings(Desk):
    """A desk that takes files."""

    def __init__(self, url: str, clock: Clock) -> None:
        plan = Offering("plan", Plan, owner="@dba", notify="#data", approval=Approval("@dba"))
        handler = self.handler = Things()

        @plan.step
        def draw(request: Request[Plan]) -> Thing:
            return Thing(name=request.number)

        super().__init__(
            Database(url, clock), Catalogue({"plan": {"v1": plan}}, {"thing": handler}, {Thing: handler}), clock
        )

    def upload(self, name: str) -> dict[str, Any]:
        return dict(self.service.upload(self.ada, name, "text/plain", name.encode()).as_answer())

    def there(self) -> list[str]:
        with self.database.read() as session:
            return sorted(session.exec(select(tables.File.name)).all())


@pytest.fixture
def desk(store_url: str, clock: Clock) -> Iterator[Drawings]:
    opened = Drawings(store_url, clock)
    yield opened
    opened.database.close()


def test_what_nobody_names_goes_and_what_a_request_or_a_draft_names_stays(desk: Drawings) -> None:
    asked, listed, drafted = desk.upload("asked"), desk.upload("listed"), desk.upload("drafted")
    desk.upload("forgotten")
    desk.service.submit(desk.ada, "plan", {"drawing": asked, "more": [listed]})
    desk.service.keep(desk.ada, "plan", "v1", lambda _: {"entered": {"": {"/drawing": drafted}}})
    assert desk.service.sweep_files() == 0
    desk.clock.forward(hours=25)
    late = desk.upload("late")
    assert desk.service.sweep_files() == 1
    assert desk.there() == ["asked", "drafted", "late", "listed"]
    desk.service.forget(desk.ada, "plan")
    desk.clock.forward(hours=25)
    assert desk.service.sweep_files() == 2
    assert desk.there() == ["asked", "listed"]
    with pytest.raises(Invalid) as refused:
        desk.service.submit(desk.ada, "plan", {"drawing": late})
    assert "no file that you have uploaded" in str(refused.value.problems)


def test_one_that_was_edited_in_long_after_it_came_stays(desk: Drawings) -> None:
    record, _ = desk.service.submit(desk.ada, "plan", {})
    file = desk.upload("edited")
    desk.clock.forward(hours=23)
    desk.service.edit(desk.ada, record.number, {"drawing": file})
    desk.clock.forward(days=9)
    assert desk.service.sweep_files() == 0
    with desk.database.read() as session:
        assert files.waiting(session, desk.clock.now) == []  # it is not looked for again


def test_one_that_a_step_of_people_left_stays_and_no_step_is_read_for_it(desk: Drawings) -> None:
    record, _ = desk.service.submit(desk.ada, "plan", {})
    desk.upload("forgotten")
    file = desk.upload("left")
    desk.service.approve(desk.linus, record.number)
    desk.handler.answers = [Pending("a drawing", ask=Ask("ada@example.com", "Draw it.", Plan.model_json_schema()))]
    desk.engine.turn()
    desk.service.complete(desk.ada, record.number, "draw", {"drawing": file})
    desk.clock.forward(days=2)
    asked: list[str] = []
    for engine in {desk.database.reader, desk.database.writer}:
        event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: asked.append(statement))
    assert desk.service.sweep_files() == 1
    assert desk.there() == ["left"]
    assert any("FROM request" in statement for statement in asked)
    assert not any("step" in statement for statement in asked)


def test_a_request_that_is_made_while_files_are_swept_keeps_its_own(
    desk: Drawings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.upload("just in time")
    desk.clock.forward(days=2)
    swept: list[int] = []
    put = desk.service._put

    def meanwhile(secrets: Any) -> Any:
        swept.append(desk.service.sweep_files())
        return put(secrets)

    monkeypatch.setattr(desk.service, "_put", meanwhile)
    desk.service.submit(desk.ada, "plan", {"drawing": file})
    assert swept == [0]
    assert desk.there() == ["just in time"]
