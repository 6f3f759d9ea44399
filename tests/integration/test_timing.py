"""Time at the service, on both stores, with a clock that is moved: reminders, escalations, ends, renewals; each once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.deadlines import Deadline, Escalation, Renewal
from bot.errors import Conflict, Forbidden, NotFound, PermanentError
from bot.handler import Resource
from bot.lifecycle import RequestState
from bot.offering import Approval, Form, Offering, Request
from bot.service import Service, timing
from bot.store import progress, tables, waits
from bot.store.database import Database, utc_now
from bot.store.records import RequestRecord
from tests.conftest import Clock, Desk, Recorded, address, create_database

DAY = timedelta(days=1)
S = RequestState


class Thing(Resource[Any]):
    name: str


class Wish(Form):
    name: str = "one"
    urgent: bool = False


class Things(Recorded):
    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)


class Times(Desk):
    """A desk with one offering whose times a test may set."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url, self.wish, self.handler = url, wish(), Things()
        catalogue = Catalogue({"wish": {"v1": self.wish}}, {"thing": self.handler}, {Thing: self.handler})
        super().__init__(Database(url, clock), catalogue, clock)

    def ask(self, **answers: Any) -> RequestRecord:
        return self.service.submit(self.ada, "wish", answers)[0]

    def show(self, number: str = "REQ-1") -> RequestRecord:
        return self.service.show(self.ada, number)

    def live(self) -> str:
        """Something that Ada has; its number."""
        record = self.ask()
        self.service.approve(self.grace, record.number)
        self.service.approve(self.margaret, record.number)
        self.work()
        assert self.show(record.number).state is S.FULFILLED
        return record.instance

    def happened(self, name: str) -> list[datetime]:
        """When an event of that name happened."""
        return [row.at for row in self.rows(tables.Event) if row.name == name]

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [row.payload for row in self.rows(tables.Delivery) if row.kind == kind]

    def timers(self) -> list[str]:
        return sorted(row.name for row in self.rows(tables.Timer))

    def rows(self, table: type[Any]) -> list[Any]:
        with self.database.read() as session:
            return list(session.exec(select(table).order_by(table.id)).all())

    def until(self, moment: datetime) -> list[str]:
        """Sweep every six hours until that moment; what fired."""
        fired = []
        while self.clock.now < moment:
            self.clock.now = min(moment, self.clock.now + DAY / 4)
            fired += self.service.sweep()
        return fired


def wish() -> Offering[Wish]:
    wanted = Offering(
        "wish",
        Wish,
        owner="@data-platform",
        notify="#data",
        approval=[Approval("@dba"), Approval("@security")],
        deadline=Deadline(14 * DAY),
    )

    @wanted.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name=request.form.name)

    return wanted


@pytest.fixture
def desk(store_url: str, clock: Clock) -> Iterator[Times]:
    opened = Times(store_url, clock)
    yield opened
    opened.database.close()


# A decision


def test_nobody_decides_so_approvers_are_reminded_and_at_last_it_expires(desk: Times) -> None:
    began, record = desk.clock.now, desk.ask()
    assert record.decide_by == began + 14 * DAY
    fired = desk.until(began + 30 * DAY)
    assert desk.happened("reminded") == [began + 7 * DAY, began + 13 * DAY]
    assert desk.happened("expired") == [began + 14 * DAY]
    assert fired == ["decision REQ-1"] * 3
    ended = desk.show()
    assert (ended.state, ended.decide_by, ended.ended_at) == (S.EXPIRED, None, began + 14 * DAY)
    assert desk.timers() == []


def test_each_reminder_is_put_up_once_for_whoever_sends_it(desk: Times) -> None:
    began, _ = desk.clock.now, desk.ask()
    desk.until(began + 8 * DAY)
    (event,) = [row.id for row in desk.rows(tables.Event) if row.name == "reminded"]
    assert desk.said("reminders") == [{"event": event}]
    assert {"event": event} in desk.said("note")


def test_a_request_without_a_deadline_is_waited_for_for_ever(desk: Times) -> None:
    desk.wish.deadline = None
    assert desk.ask().decide_by is None
    assert desk.timers() == []


def test_a_deadline_may_depend_on_the_request(desk: Times) -> None:
    desk.wish.deadline = lambda request: Deadline(DAY) if request.form.urgent else None
    assert desk.ask().decide_by is None
    assert desk.ask(urgent=True).decide_by == desk.clock.now + DAY


def test_what_needs_no_approval_has_no_deadline(desk: Times) -> None:
    desk.wish.approval = None
    desk.ask()
    assert desk.timers() == []


@pytest.mark.parametrize("end", ["approve", "reject", "withdraw"])
def test_a_decision_stops_the_timer(desk: Times, end: str) -> None:
    desk.ask()
    if end == "approve":
        desk.service.approve(desk.grace, "REQ-1")
        assert desk.timers() == ["decision REQ-1"], "one of two approvals is no decision"
        desk.service.approve(desk.margaret, "REQ-1")
    elif end == "reject":
        desk.service.reject(desk.grace, "REQ-1", "No.")
    else:
        desk.service.withdraw(desk.ada, "REQ-1")
    assert desk.timers() == []
    before = desk.show()
    desk.clock.forward(days=60)
    assert desk.service.sweep() == []
    assert desk.show() == before


def test_an_edit_begins_the_time_anew(desk: Times) -> None:
    began, _ = desk.clock.now, desk.ask()
    desk.clock.forward(days=13, hours=23)
    assert desk.service.edit(desk.ada, "REQ-1", {"name": "two"}).decide_by == desk.clock.now + 14 * DAY
    desk.until(began + 27 * DAY)
    assert desk.show().state is S.AWAITING_APPROVAL
    assert desk.happened("reminded") == [began + 20 * DAY + timedelta(hours=23), began + 26 * DAY + timedelta(hours=23)]
    desk.until(began + 28 * DAY)
    assert desk.show().state is S.EXPIRED


def test_the_time_that_a_request_was_given_holds_whatever_the_file_says_later(desk: Times) -> None:
    began, _ = desk.clock.now, desk.ask()
    desk.wish.deadline = Deadline(DAY)
    desk.service.catalogue = Catalogue({}, {}, {})
    desk.until(began + 13 * DAY)
    assert desk.show().state is S.AWAITING_APPROVAL
    desk.until(began + 14 * DAY)
    assert desk.show().state is S.EXPIRED


def test_an_escalation_opens_the_rules_that_lack_somebody_and_the_time_runs_anew(desk: Times) -> None:
    boss = desk.person("Boss")
    second = Escalation("cto@example.com", within=2 * DAY)
    desk.wish.deadline = Deadline(DAY, escalate=[Escalation("boss@example.com", within=4 * DAY), second])
    began, _ = desk.clock.now, desk.ask()
    desk.service.approve(desk.grace, "REQ-1")
    with pytest.raises(NotFound):
        desk.service.approve(boss, "REQ-1")
    desk.until(began + DAY)
    escalated = desk.show()
    assert [rule.who for rule in escalated.rules] == [("@dba",), ("@security", "boss@example.com")]
    assert (escalated.state, escalated.decide_by) == (S.AWAITING_APPROVAL, began + 5 * DAY)
    (event,) = [row for row in desk.rows(tables.Event) if row.name == "escalated"]
    assert event.data == {"who": ["boss@example.com"], "until": (began + 5 * DAY).isoformat()}
    assert {"event": event.id} in desk.said("reminders")
    assert [record.number for record in desk.service.waiting(boss).items] == ["REQ-1"]

    desk.until(began + 5 * DAY)
    assert desk.show().rules[1].who == ("@security", "boss@example.com", "cto@example.com")
    assert desk.show().decide_by == began + 7 * DAY
    assert desk.service.approve(boss, "REQ-1").state is not S.AWAITING_APPROVAL, "Grace's approval counts on"
    assert desk.timers() == []


def test_after_the_last_escalation_it_expires(desk: Times) -> None:
    desk.wish.deadline = Deadline(DAY, escalate=Escalation("boss@example.com", within=DAY))
    began, _ = desk.clock.now, desk.ask()
    desk.until(began + 2 * DAY)
    assert (desk.happened("escalated"), desk.happened("expired")) == ([began + DAY], [began + 2 * DAY])


def test_an_edit_takes_an_escalation_back(desk: Times) -> None:
    desk.wish.deadline = Deadline(DAY, escalate=Escalation("boss@example.com", within=DAY))
    began, _ = desk.clock.now, desk.ask()
    desk.until(began + DAY)
    edited = desk.service.edit(desk.ada, "REQ-1", {"name": "two"})
    assert [rule.who for rule in edited.rules] == [("@dba",), ("@security",)]
    desk.until(began + 2 * DAY)
    assert desk.happened("escalated") == [began + DAY, began + 2 * DAY]


def test_a_delete_request_has_the_same_deadline_and_its_expiry_leaves_the_instance(desk: Times) -> None:
    number = desk.live()
    record, _ = desk.service.delete(desk.ada, number)
    assert record.decide_by == desk.clock.now + 14 * DAY
    desk.until(desk.clock.now + 14 * DAY)
    assert desk.show(record.number).state is S.EXPIRED
    assert desk.service.instance(desk.ada, number).state == "ready"


def test_the_time_of_a_parked_request_stands_still(desk: Times) -> None:
    desk.ask()
    with desk.database.write() as tx:
        tx.get_one(tables.Request, 1).state = S.PARKED
    desk.clock.forward(days=20)
    assert desk.service.sweep() == []
    with desk.database.write() as tx:
        tx.get_one(tables.Request, 1).state = S.AWAITING_APPROVAL
    assert desk.service.sweep() == [], "it is looked at again after a while"
    desk.clock.now += waits.STANDSTILL
    assert desk.service.sweep() == ["decision REQ-1"]


# Downtime, restarts, several workers


def test_after_a_downtime_what_is_overdue_happens_at_once_and_nobody_is_reminded_of_what_is_over(desk: Times) -> None:
    desk.ask()
    desk.clock.forward(days=10)
    late = desk.ask()
    desk.clock.forward(days=8)
    assert desk.service.sweep() == ["decision REQ-1", "decision REQ-2"]
    assert desk.show().state is S.EXPIRED
    assert desk.show(late.number).state is S.AWAITING_APPROVAL
    assert len(desk.happened("reminded")) == 1
    assert desk.service.sweep() == []


def test_a_long_downtime_is_made_up_for_in_one_sweep(desk: Times, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "AT_ONCE", 3)
    asked = [desk.ask().number for _ in range(7)]
    desk.clock.forward(days=14)
    assert sorted(desk.service.sweep()) == [f"decision {number}" for number in asked]


def test_timers_survive_a_restart(desk: Times) -> None:
    desk.ask()
    desk.database.close()
    desk.clock.forward(days=14)
    again = Times(desk.url, desk.clock)
    assert again.service.sweep() == ["decision REQ-1"]
    assert again.show().state is S.EXPIRED
    again.database.close()


def test_two_workers_that_race_fire_each_timer_once(desk: Times) -> None:
    """Reminders, escalations, ends of requests, warnings and ends of instances, all due for both at the same moment."""
    desk.wish.expires = 20 * DAY
    lived = [desk.live() for _ in range(5)]
    desk.wish.deadline = Deadline(14 * DAY, remind=[7 * DAY], escalate=Escalation("boss@example.com", within=14 * DAY))
    asked = [desk.ask().number for _ in range(10)]
    others = [Times(desk.url, desk.clock) for _ in range(2)]
    for days in (7, 7, 6, 7, 7):
        desk.clock.forward(days=days)
        race([other.service for other in others])
    for other in others:
        other.database.close()
    events = Counter((row.name, row.request_id) for row in desk.rows(tables.Event))
    for number in asked:
        key = int(number.removeprefix("REQ-"))
        story = {name: events[name, key] for name in ("reminded", "escalated", "expired")}
        assert story == {"reminded": 2, "escalated": 1, "expired": 1}
        assert desk.show(number).state is S.EXPIRED
    ends = [row for row in desk.rows(tables.Request) if row.kind == "delete"]
    assert sorted(row.instance_id for row in ends) == [int(number.removeprefix("INS-")) for number in lived]
    assert len(desk.said("warning")) == len(lived), "the second one fell together with the end"
    assert len(desk.said("reminders")) == len(asked) * 3
    assert desk.timers() == []


def race(services: list[Service]) -> None:
    """Both sweep until nothing is due, beginning at the same moment."""
    start, failed = threading.Barrier(len(services)), []

    def sweep(service: Service) -> None:
        start.wait(10)
        try:
            while service.sweep():
                pass
        except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=sweep, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


def test_decisions_that_race_with_the_deadline_wait_for_no_lock_of_each_other(desk: Times) -> None:
    asked = [desk.ask().number for _ in range(20)]
    for number in asked:
        desk.service.approve(desk.grace, number)
    desk.clock.forward(days=14)
    other, told = Times(desk.url, desk.clock), []

    def approve() -> None:
        for number in asked:
            try:
                other.service.approve(other.margaret, number)
            except Conflict as conflict:
                told.append(str(conflict))

    deciding = threading.Thread(target=approve)
    deciding.start()
    desk.service.sweep()
    deciding.join(60)
    other.database.close()
    states = Counter(desk.show(number).state for number in asked)
    assert states[S.EXPIRED] == len(told)
    assert sum(states.values()) == len(asked)
    assert S.AWAITING_APPROVAL not in states
    assert all("was expired" in each for each in told)
    assert desk.timers() == []


def test_a_timer_that_cannot_fire_keeps_no_other_waiting_and_is_tried_again(
    desk: Times, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ask()
    desk.ask()
    desk.clock.forward(days=14)
    move = progress.move

    def broken(tx: Any, row: Any, *rest: Any) -> Any:
        if row.id == 1:
            raise RuntimeError("a bug")
        return move(tx, row, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(progress, "move", broken)
        assert desk.service.sweep() == ["decision REQ-2"]
        assert desk.service.sweep() == []
    assert "decision REQ-1 cannot fire now" in caplog.text
    assert desk.show().state is S.AWAITING_APPROVAL
    desk.clock.now += waits.STANDSTILL
    assert desk.service.sweep() == ["decision REQ-1"]


# An instance


def test_an_owner_is_warned_and_then_the_end_is_made_once(desk: Times) -> None:
    desk.wish.expires = 90 * DAY
    began, number = desk.clock.now, desk.live()
    desk.until(began + 89 * DAY + timedelta(hours=1))
    assert desk.happened("ending") == [began + 83 * DAY, began + 89 * DAY]
    assert [(each["person"], each["instance"]) for each in desk.said("warning")] == [(desk.ada.id, 1)] * 2
    desk.until(began + 90 * DAY)
    (ending,) = [row for row in desk.rows(tables.Request) if row.kind == "delete"]
    assert (ending.state, ending.rules) == (S.FULFILLING, []), "who approved the request approved its end"
    desk.work()
    assert desk.service.instance(desk.ada, number).state == "deleted"
    assert desk.until(began + 200 * DAY) == []
    assert desk.timers() == []


def test_somebodys_own_end_comes_first(desk: Times) -> None:
    desk.wish.expires, desk.wish.approval = 10 * DAY, None
    number = desk.ask().instance
    desk.work()
    desk.service.delete(desk.ada, number)
    desk.work()
    assert desk.timers() == []
    assert desk.until(desk.clock.now + 20 * DAY) == []
    assert len(desk.rows(tables.Request)) == 2


def test_an_end_waits_for_the_request_that_is_open_and_then_comes(desk: Times) -> None:
    desk.wish.expires = 10 * DAY
    began, number = desk.clock.now, desk.live()
    desk.clock.forward(days=9, hours=12)
    desk.service.sweep()
    asked, _ = desk.service.delete(desk.ada, number)
    desk.until(began + 12 * DAY)
    assert len(desk.rows(tables.Request)) == 2, "somebody decides on one end already"
    desk.service.reject(desk.grace, asked.number, "Keep it.")
    desk.until(began + 12 * DAY + timedelta(hours=1))
    ending = desk.rows(tables.Request)[-1]
    assert (len(desk.rows(tables.Request)), ending.kind, ending.requester_id) == (3, "delete", desk.ada.id)


def test_an_end_that_failed_is_not_made_again(desk: Times) -> None:
    desk.wish.expires = 10 * DAY
    desk.live()
    desk.handler.answers = [PermanentError("It is stuck.")]
    desk.until(desk.clock.now + 10 * DAY)
    desk.work()
    assert desk.show("REQ-2").state is S.FAILED
    desk.service.adopt()
    desk.until(desk.clock.now + 10 * DAY)
    assert len(desk.rows(tables.Request)) == 2


def test_a_renewal_moves_the_end_and_the_warnings(desk: Times) -> None:
    desk.wish.expires, desk.wish.renew = 90 * DAY, Renewal(30 * DAY, most=2)
    began, number = desk.clock.now, desk.live()
    desk.until(began + 84 * DAY)
    renewed = desk.service.renew(desk.ada, number, seen=0)
    assert (renewed.expires_at, renewed.renewals) == (began + 120 * DAY, 1)
    assert desk.service.renewals_left(renewed) == 1
    desk.until(began + 119 * DAY)
    assert desk.happened("ending") == [began + 83 * DAY, began + 113 * DAY, began + 119 * DAY]
    assert len(desk.rows(tables.Request)) == 1
    (event,) = [row for row in desk.rows(tables.Event) if row.name == "renewed"]
    assert (event.person_id, event.data) == (desk.ada.id, {"until": (began + 120 * DAY).isoformat()})
    desk.until(began + 120 * DAY)
    assert len(desk.rows(tables.Request)) == 2


def test_the_team_may_renew_and_the_owner_hears_of_it_and_nobody_else_may(desk: Times) -> None:
    desk.wish.expires, desk.wish.renew = 90 * DAY, Renewal(30 * DAY)
    number = desk.live()
    with pytest.raises((NotFound, Forbidden)):
        desk.service.renew(desk.linus, number)
    heard = len(desk.said("message"))
    desk.service.renew(desk.margaret, number)
    told = desk.said("message")[heard:]
    assert [each["person"] for each in told] == [desk.ada.id]


def test_a_second_click_renews_nothing(desk: Times) -> None:
    desk.wish.expires, desk.wish.renew = 90 * DAY, Renewal(30 * DAY, most=5)
    number = desk.live()
    renewed = desk.service.renew(desk.ada, number, seen=0)
    with pytest.raises(Conflict, match="Somebody has renewed INS-1 since you looked") as refused:
        desk.service.renew(desk.ada, number, seen=0)
    assert f"{renewed.expires_at:%Y-%m-%d}" in str(refused.value)
    assert desk.service.instance(desk.ada, number) == renewed


def test_clicks_at_the_same_moment_renew_once(desk: Times) -> None:
    desk.wish.expires, desk.wish.renew = 90 * DAY, Renewal(30 * DAY, most=5)
    number, outcomes = desk.live(), []
    start = threading.Barrier(5)

    def click() -> None:
        start.wait(10)
        try:
            outcomes.append(desk.service.renew(desk.ada, number, seen=0).renewals)
        except Conflict:
            outcomes.append(0)

    threads = [threading.Thread(target=click) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == [0, 0, 0, 0, 1]
    assert desk.service.instance(desk.ada, number).renewals == 1


def deleting(desk: Times) -> None:
    desk.wish.approval = None
    desk.service.delete(desk.ada, "INS-1")


@pytest.mark.parametrize(
    ("expires", "renew", "before", "why"),
    [
        (90 * DAY, Renewal(DAY), lambda desk: desk.service.renew(desk.ada, "INS-1"), "renewed once, which is the most"),
        (90 * DAY, None, lambda _desk: None, "wish cannot be renewed: ask for a new one"),
        (None, Renewal(DAY), lambda _desk: None, "INS-1 has no end"),
        (90 * DAY, Renewal(DAY), deleting, r"it is deleting \(REQ-2\)"),
        (date(2026, 12, 24), Renewal(DAY), lambda desk: desk.catalogue.offerings.clear(), "cannot be renewed"),
    ],
)
def test_why_it_cannot_be_renewed_is_said(
    desk: Times, expires: Any, renew: Any, before: Callable[[Times], Any], why: str
) -> None:
    desk.wish.expires, desk.wish.renew = (lambda _request: expires), renew
    number = desk.live()
    before(desk)
    was = desk.service.instance(desk.ada, number)
    with pytest.raises(Conflict, match=why):
        desk.service.renew(desk.ada, number)
    assert desk.service.instance(desk.ada, number) == was


# What older processes wrote


def test_what_an_older_process_wrote_gets_its_timers_from_now_on(desk: Times) -> None:
    desk.wish.expires = 10 * DAY
    number, asked = desk.live(), desk.ask()
    with desk.database.write() as tx:
        for row in tx.exec(select(tables.Timer)).all():
            tx.delete(row)
    desk.clock.forward(days=5)
    desk.service.adopt()
    desk.service.adopt()
    assert desk.timers() == ["decision REQ-2", f"expiry {number}"]
    assert desk.show(asked.number).decide_by == desk.clock.now + 14 * DAY
    desk.until(desk.clock.now + 5 * DAY)
    assert [row.kind for row in desk.rows(tables.Request)] == ["create", "create", "delete"]


def test_adopting_leaves_alone_what_has_a_timer_and_what_is_waited_for_for_ever(desk: Times) -> None:
    desk.ask()
    desk.wish.deadline = None
    desk.ask()
    before = desk.rows(tables.Timer), desk.rows(tables.Card)
    desk.clock.forward(days=1)
    desk.service.adopt()
    after = desk.rows(tables.Timer), desk.rows(tables.Card)  # nor is a card drawn anew
    assert [[row.model_dump() for row in table] for table in after] == [
        [row.model_dump() for row in table] for table in before
    ]


def test_an_offering_whose_deadline_breaks_keeps_no_other_one_from_being_adopted(
    desk: Times, caplog: pytest.LogCaptureFixture
) -> None:
    desk.wish.deadline = None
    desk.ask(name="broken")
    desk.ask()

    def deadline(request: Request[Wish]) -> Deadline:
        return {"one": Deadline(DAY)}[request.form.name]

    desk.wish.deadline = deadline
    desk.service.adopt()
    assert desk.timers() == ["decision REQ-2"]
    assert "the deadline of REQ-1 cannot be told" in caplog.text


def test_a_worker_whose_clock_is_ahead_fires_nothing_early(migrated_postgres: str, clock: Clock) -> None:
    create_database(migrated_postgres, "ahead", template="migrated")
    desk = Times(address(migrated_postgres, "ahead"), clock)
    desk.database._ask_database = True  # as without a clock of a test
    desk.database._clock = lambda: utc_now() + 20 * DAY
    desk.ask()
    assert desk.service.sweep() == []
    desk.database.close()
