"""What the core makes of news from where resources stand, and of calls from there, on both stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.errors import FrontdeskError, PermanentError, TemporaryError, Unproven
from bot.handler import Done, Heard, News, Note, Outputs, Pending, Resource, Thing
from bot.lifecycle import RequestState, StepState
from bot.news import LEASE, MENDED, SOON, Newsroom
from bot.offering import Form, Offering, Request
from bot.store import tables
from bot.store.database import Database
from tests.conftest import Clock, Desk, Recorded


class Key(Outputs):
    key: str


class Made(Resource[Key]):
    name: str


class Wish(Form):
    name: str = "orders"


SAID = Note("comment 1", "Tom (Jira)", "commented on T-1", "how large?")
DONE = Done({"key": "T-1"}, {"id": "1", "key": "T-1"}, reference="1")


class Looker(Recorded):
    name = "thing"
    resource = Made

    def __init__(self) -> None:
        super().__init__(Made)
        self.looked: list[list[str]] = []
        self.away: FrontdeskError | None = None
        self.sees: Callable[[Thing[Any]], News | FrontdeskError] = lambda thing: News(thing.seen, 60)

    def look(self, things: Sequence[Thing[Any]]) -> Sequence[News | FrontdeskError]:
        if self.away:
            raise self.away
        self.looked.append([thing.reference for thing in things])
        return [self.sees(thing) for thing in things]

    def hear(self, headers: Mapping[str, str], body: bytes) -> Heard:
        if headers.get("x-secret") != "yes":
            raise Unproven("Not signed.")
        return Heard(headers["x-id"], [body.decode()])


class Wishes(Desk):
    """A desk with one offering of one step, and a newsroom."""

    def __init__(self, url: str) -> None:
        wish = Offering("wish", Wish, owner="@data-platform", notify="#data", outputs=Key)
        self.handler, clock = Looker(), Clock()

        @wish.step
        def ticket(request: Request[Wish]) -> Made:
            """A ticket keeps track of it."""
            return Made(name=request.form.name)

        catalogue = Catalogue({"wish": {"v1": wish}}, {"thing": self.handler}, {Made: self.handler})
        super().__init__(Database(url, clock), catalogue, clock)
        self.newsroom = Newsroom(self.database, self.catalogue)

    def ask(self, *answers: Any) -> str:
        """A request whose step has run, with these answers of the handler."""
        self.handler.answers += answers or [DONE]
        number = self.service.submit(self.ada, "wish", {})[0].number
        self.work()
        return number

    def look(self, *, later: float = 60) -> int:
        """Time passes; how many looks there were."""
        self.clock.forward(seconds=later)
        before = len(self.handler.looked)
        while self.newsroom.turn():
            pass
        return len(self.handler.looked) - before

    def hear(self, reference: str = "1", **headers: str) -> int:
        return self.newsroom.hear("thing", {"X-Secret": "yes", "X-Id": "a", **headers}, reference.encode())

    def events(self, number: str) -> list[tuple[str, Mapping[str, Any]]]:
        names = ("commented", "noticed", "troubled", "recovered")
        return [(e.name, e.data) for e in self.service.show(self.ada, number).events if e.name in names]

    def row(self) -> tables.InstanceResource:
        (row,) = self.rows()
        return row

    def rows(self) -> list[tables.InstanceResource]:
        with self.database.read() as session:
            query = select(tables.InstanceResource).order_by(tables.InstanceResource.id)  # type: ignore[arg-type]
            return list(session.exec(query).all())

    def work_some(self, count: int) -> None:
        for _ in range(count):
            self.engine.turn()

    def deliveries(self, kind: str) -> list[tables.Delivery]:
        with self.database.read() as session:
            query = select(tables.Delivery).where(tables.Delivery.kind == kind).order_by(tables.Delivery.id)  # type: ignore[arg-type]
            return list(session.exec(query).all())


@pytest.fixture
def desk(store_url: str) -> Iterator[Wishes]:
    desk = Wishes(store_url)
    yield desk
    desk.database.close()


def test_what_was_made_is_looked_at_and_then_as_often_as_its_handler_says(desk: Wishes) -> None:
    desk.ask()
    assert desk.look(later=29) == 0
    assert desk.look(later=1) == 1
    assert desk.look(later=59) == 0
    assert desk.look(later=1) == 1
    desk.handler.sees = lambda thing: News({"times": thing.seen.get("times", 0) + 1}, None)
    assert desk.look() == 1
    assert desk.look(later=86_400) == 0
    assert desk.row().seen == {"times": 1}


def test_a_persons_words_are_told_once_in_the_thread_and_to_the_requester(desk: Wishes) -> None:
    number = desk.ask()
    other = Note("change 2", "Tom (Jira)", "assigned T-1 to Mia")
    desk.handler.sees = lambda thing: News(thing.seen, 60, notes=[SAID, other])
    for _ in range(3):
        desk.look()
    assert desk.events(number) == [
        ("commented", {"step": "ticket", "by": "Tom (Jira)", "did": "commented on T-1", "quote": "how large?"}),
        ("noticed", {"step": "ticket", "by": "Tom (Jira)", "did": "assigned T-1 to Mia", "quote": ""}),
    ]
    ids = {e.id: e.name for e in desk.service.show(desk.ada, number).events}
    noted = [ids[each.payload["event"]] for each in desk.deliveries("note")]
    told = [ids[each.payload["event"]] for each in desk.deliveries("message")]
    assert noted.count("commented") == noted.count("noticed") == 1
    assert told.count("commented") == 1
    assert "noticed" not in told
    assert desk.deliveries("follow") == []  # nothing goes back to where it came from


def test_a_step_that_waits_is_asked_at_once(desk: Wishes) -> None:
    number = desk.ask(Pending("T-1 is open", delay=3600, state={"id": "1"}, reference="1"), DONE)
    desk.look()
    desk.work()
    assert desk.service.show(desk.ada, number).state is RequestState.FULFILLING
    desk.handler.sees = lambda thing: News(thing.seen, 60, wake=True)
    desk.look()
    desk.work()
    assert desk.service.show(desk.ada, number).state is RequestState.FULFILLED
    assert len(desk.handler.applied) == 2


def test_outputs_that_changed_reach_the_step_the_request_and_the_instance(desk: Wishes) -> None:
    number = desk.ask()
    desk.handler.sees = lambda thing: News(thing.seen, 60, state={"id": "1", "key": "U-9"}, outputs={"key": "U-9"})
    desk.look()
    record = desk.service.show(desk.ada, number)
    instance = desk.service.instance(desk.ada, record.instance)
    assert record.steps[0].outputs == record.outputs == instance.outputs == {"key": "U-9"}
    assert desk.row().state == {"id": "1", "key": "U-9"}
    desk.handler.answers = [Done()]
    desk.service.delete(desk.ada, record.instance)
    desk.work()
    ((_, context),) = desk.handler.deleted
    assert context.state == {"id": "1", "key": "U-9"}
    assert desk.look(later=86_400) == 0  # what is gone is not looked at


def test_trouble_is_shown_at_the_step_and_told_once_to_the_platform_until_it_is_over(desk: Wishes) -> None:
    number = desk.ask()
    for trouble in ("T-1 was archived.", "T-1 was archived.", None, "T-1 was archived."):
        desk.handler.sees = lambda thing, trouble=trouble: News(thing.seen, 60, trouble=trouble)  # type: ignore[misc]
        desk.look()
        assert desk.service.show(desk.ada, number).steps[0].reason == trouble
    assert [name for name, _ in desk.events(number)] == ["troubled", "recovered", "troubled"]
    alarms = [each.payload["text"] for each in desk.deliveries("alarm")]
    assert alarms == [f"INS-1/ticket (wish, last changed by {number}): T-1 was archived."] * 2
    assert desk.service.show(desk.ada, number).steps[0].state is StepState.DONE


def test_a_call_makes_its_resource_due_once_however_often_it_is_sent(desk: Wishes) -> None:
    desk.ask()
    desk.look()
    assert desk.hear() == 1
    assert desk.look(later=0) == 1
    assert desk.hear() == 0
    assert desk.look(later=0) == 0
    assert desk.hear(**{"X-Id": "b"}) == 1
    assert desk.hear("another", **{"X-Id": "c"}) == 0
    with pytest.raises(Unproven):
        desk.hear(**{"X-Secret": "no"})


def test_a_call_that_comes_during_a_look_leads_to_another_one(desk: Wishes) -> None:
    desk.ask()

    def sees(thing: Thing[Any]) -> News:
        desk.handler.sees = lambda thing: News(thing.seen, 3600)
        assert desk.hear() == 1
        return News(thing.seen, 3600)

    desk.handler.sees = sees
    assert desk.look() == 2


def test_news_of_what_is_deleted_while_it_is_looked_at_come_too_late(desk: Wishes) -> None:
    number = desk.ask()

    def sees(_: Thing[Any]) -> News:
        desk.handler.answers = [Done()]
        desk.service.delete(desk.ada, desk.service.show(desk.ada, number).instance)
        desk.work()
        return News({"n": 1}, 60, notes=[SAID], state={"id": "9"}, trouble="T-1 was archived.")

    desk.handler.sees = sees
    assert desk.look() == 1
    assert (desk.events(number), desk.deliveries("alarm")) == ([], [])
    assert (desk.row().seen, desk.row().look_at) == (None, None)


def test_what_a_dead_process_had_claimed_is_looked_at_after_its_time_and_told_once(desk: Wishes) -> None:
    number = desk.ask()

    class Dies(BaseException):
        pass

    def dies(_: Thing[Any]) -> News:
        raise Dies

    desk.handler.sees = dies
    with pytest.raises(Dies):
        desk.look()
    desk.handler.sees = lambda thing: News(thing.seen, 60, notes=[SAID])
    assert desk.look(later=LEASE.total_seconds() - 1) == 0
    assert desk.look(later=1) == 1
    assert len(desk.events(number)) == 1


def test_two_processes_share_what_is_due_and_tell_it_once(desk: Wishes) -> None:
    for number in range(3):
        desk.ask(Done({"key": "T"}, {}, reference=str(number)))
    other = Newsroom(desk.database, desk.catalogue)
    desk.clock.forward(seconds=60)

    def sees(thing: Thing[Any]) -> News:
        assert other.turn() is False  # the other one finds nothing left
        return News(thing.seen, 60, notes=[SAID])

    desk.handler.sees = sees
    assert desk.newsroom.turn()
    assert desk.handler.looked == [["0", "1", "2"]]


def test_a_system_that_is_away_is_left_alone_and_nothing_is_lost(desk: Wishes) -> None:
    numbers = [desk.ask(Done({"key": "T"}, {}, reference=str(number))) for number in range(2)]
    desk.handler.away = TemporaryError("It is down.", delay=90)
    desk.look()
    assert desk.hear("1") == 1
    assert desk.newsroom.turn() is False
    desk.handler.away = None
    desk.handler.sees = lambda thing: News(thing.seen, 60, notes=[SAID])
    assert desk.look(later=89) == 0
    assert desk.look(later=1) == 1
    assert [len(desk.events(number)) for number in numbers] == [1, 1]
    assert desk.deliveries("alarm") == []


def test_a_token_that_expired_is_an_alarm_a_day_and_changes_nothing(desk: Wishes) -> None:
    number = desk.ask()
    before = desk.row().seen
    desk.handler.away = PermanentError("Jira does not accept the bot's token: renew JIRA_TOKEN.")
    for _ in range(5):
        desk.look(later=MENDED.total_seconds())
    (alarm,) = desk.deliveries("alarm")
    assert "renew JIRA_TOKEN" in alarm.payload["text"]
    assert "nothing is concluded" in alarm.payload["text"]
    desk.look(later=86_400)
    assert len(desk.deliveries("alarm")) == 2
    assert desk.events(number) == []
    assert desk.row().seen == before
    desk.handler.away = None
    assert desk.look(later=MENDED.total_seconds()) == 1


def test_one_that_cannot_be_seen_does_not_hold_up_the_others(desk: Wishes) -> None:
    numbers = [desk.ask(Done({"key": "T"}, {}, reference=str(number))) for number in range(3)]
    errors = {"0": TemporaryError("Not now."), "1": PermanentError("You may not read its comments.")}
    desk.handler.sees = lambda thing: errors.get(thing.reference) or News(thing.seen, 600, notes=[SAID])
    desk.look()
    assert [len(desk.events(number)) for number in numbers] == [0, 0, 1]
    assert "may not read" in desk.deliveries("alarm")[0].payload["text"]
    desk.look(later=SOON.total_seconds())
    assert desk.handler.looked[-1] == ["0"]


def test_a_bug_of_the_handler_is_logged_and_not_the_end(desk: Wishes, caplog: pytest.LogCaptureFixture) -> None:
    number = desk.ask()

    def bug(_: Thing[Any]) -> News:
        raise RuntimeError("oops")

    desk.handler.sees = bug
    desk.look()
    assert "oops" in caplog.text
    desk.handler.sees = lambda thing: News(thing.seen, 60, notes=[SAID])
    desk.look()
    assert len(desk.events(number)) == 1


def test_what_no_code_understands_any_more_does_not_hide_the_rest(desk: Wishes) -> None:
    number = desk.ask(Done({"key": "T"}, {}, reference="0"))
    desk.ask(Done({"key": "T"}, {}, reference="1"))
    with desk.database.write() as tx:
        row = tx.exec(select(tables.InstanceResource).where(tables.InstanceResource.reference == "1")).one()
        row.resource = {"of": "yesterday"}
        tx.add(row)
    desk.handler.sees = lambda thing: News(thing.seen, 60, notes=[SAID])
    desk.look()
    assert desk.handler.looked == [["0"]]
    assert len(desk.events(number)) == 1


def test_several_processes_at_once_tell_each_note_once_while_steps_run(store_url: str) -> None:
    """Three newsrooms and an engine at the same rows: nobody waits for ever, nothing is told twice or left out."""
    desk, count = Wishes(store_url), 12
    waits = Pending("It is open", delay=1, state={"id": "1"}, reference="1")
    numbers = [desk.ask(replace(waits, reference=str(at))) for at in range(count)]
    desk.handler.answers = [waits] * 10_000
    desk.handler.sees = lambda thing: News(
        {"n": thing.seen.get("n", 0) + 1}, 1, notes=[replace(SAID, key=f"comment {thing.seen.get('n', 0)}")], wake=True
    )
    rooms, rounds = [Newsroom(desk.database, desk.catalogue) for _ in range(3)], 5
    with ThreadPoolExecutor(4) as pool:
        for _ in range(rounds):
            desk.clock.forward(seconds=60)
            work = [pool.submit(room.turn) for room in rooms] + [pool.submit(desk.work_some, count)]
            for each in work:
                each.result(timeout=60)
    told = [[data["did"] for _, data in desk.events(number)] for number in numbers]
    looks = [row.seen["n"] if row.seen else 0 for row in desk.rows()]
    assert [len(each) for each in told] == looks
    assert all(looks)
    desk.database.close()
