"""What the engine makes of each answer of a handler, and what a crash leaves behind."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.catalogue import Catalogue
from bot.engine import MOST_BUGS, MOST_CRASHES, MOST_LOOKS, Engine, backoff, keep_promise
from bot.engine.retrying import LARGEST_DELAY
from bot.errors import PermanentError, TemporaryError
from bot.handler import Ask, Context, Done, Event, Outputs, Pending, Posting, Resource, Secret
from bot.lifecycle import InstanceState, RequestState
from bot.offering import Approval, Form, Offering, Request, Step
from bot.store import lanes, sending, steps, tables
from bot.store.database import Database
from bot.store.records import RequestRecord, StepRecord
from tests.conftest import Clock, Desk, Recorded


class Key(Outputs):
    key: str


class Thing(Resource[Key]):
    name: str


class Other(Resource[Outputs]):
    """No handler makes it real."""


class Wish(Form):
    name: str = "orders"


class Promise(Outputs):
    key: str
    port: int = 5432


class Follower(Recorded):
    name = "thing"
    resource = Thing

    def __init__(self) -> None:
        super().__init__(Thing)
        self.followed: list[tuple[Any, Context, Event]] = []
        #: What a test wants it to do instead of answering in turn, and on hearing of an event.
        self.does: Callable[[Any, Context], Any] | None = None
        self.hears: Callable[[Any, Context, Event], None] | None = None

    def apply(self, resource: Any, context: Any) -> Any:
        return self.does(resource, context) if self.does else super().apply(resource, context)

    def follow(self, resource: Any, context: Any, event: Event) -> None:
        self.followed.append((resource, context, event))
        if self.hears:
            self.hears(resource, context, event)

    @property
    def keys(self) -> list[str]:
        return [context.key for _, context in self.applied]


class Wishes(Desk):
    """A desk with one offering, whose steps `ticket` (early) and `work` make a Thing each."""

    def __init__(self, url: str, *, approval: Approval | None = None, outputs: type[Outputs] | None = None) -> None:
        self.names: list[str] = []
        self.wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=approval, outputs=outputs)
        self.handler = Follower()
        clock = Clock()
        catalogue = Catalogue({"wish": {"v1": self.wish}}, {"thing": self.handler}, {Thing: self.handler})
        super().__init__(Database(url, clock), catalogue, clock)

    def ask(self, **answers: Any) -> str:
        return self.service.submit(self.ada, "wish", answers)[0].number

    def shown(self, number: str = "REQ-1") -> RequestRecord:
        return self.service.show(self.ada, number)

    def step(self, name: str = "work", number: str = "REQ-1") -> StepRecord:
        return next(step for step in self.shown(number).steps if step.name == name)

    def nobody_knows_it(self) -> None:
        """Until it is parked."""
        for _ in range(MOST_LOOKS + 1):
            self.work()
            self.clock.forward(minutes=1)

    def follow(self) -> None:
        """Send what waits to be followed, as the worker does."""
        while True:
            with self.database.write() as tx:
                found = lanes.deliveries(tx, tx.now, ["follow"], "")
                delivery = sending.claim_delivery(tx, "test", timedelta(minutes=1), found)
            if delivery is None:
                return
            try:
                self.engine.follow(delivery)
            except TemporaryError as error:
                with self.database.write() as tx:
                    sending.postpone(tx, delivery, timedelta(seconds=error.delay or 1), str(error))
            else:
                with self.database.write() as tx:
                    sending.delivered(tx, delivery, timedelta(0))


def steps_of(desk: Wishes) -> tuple[Step[Wish, Key], Step[Wish, Key]]:
    @desk.wish.step(early=True)
    def ticket(request: Request[Wish]) -> Thing:
        return Thing(name=f"ticket {request.form.name}")

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        """Somebody works on it."""
        return Thing(name=f"work {request.of(ticket).key}")

    return ticket, work


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def desk(url: str) -> Iterator[Wishes]:
    """Without approval: both steps run at once."""
    desk = Wishes(url)
    steps_of(desk)
    yield desk
    desk.database.close()


@pytest.fixture
def one(url: str) -> Iterator[Wishes]:
    """A single step, `work`."""
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        desk.names.append(request.form.name)
        return Thing(name=f"{request.form.name} {len(desk.names)}")

    yield desk
    desk.database.close()


# What a handler answers


def test_done_leaves_outputs_for_the_next_step_and_ends_with_the_last(desk: Wishes) -> None:
    desk.handler.answers = [Done({"key": "DBA-1"}, {"id": "1"}), Done({"key": "2"})]
    desk.ask()
    desk.work()
    assert [resource.name for resource, _ in desk.handler.applied] == ["ticket orders", "work DBA-1"]
    assert desk.handler.keys == ["REQ-1/ticket", "REQ-1/work"]
    assert [context.identity for _, context in desk.handler.applied] == ["INS-1/ticket", "INS-1/work"]
    assert desk.shown().state is RequestState.FULFILLED
    assert desk.engine.turn() is False


def test_pending_is_asked_again_with_its_state_after_its_delay(one: Wishes) -> None:
    one.handler.answers = [Pending("it comes up", 60, {"location": "/1"}, [Posting("#data", "on its way")])]
    one.ask()
    one.work()
    assert (one.step().state, one.step().reason) == ("pending", "it comes up")
    one.clock.forward(seconds=60)
    one.work()
    assert [dict(context.state) for _, context in one.handler.applied] == [{}, {"location": "/1"}]
    assert one.names == ["orders"]  # built once, asked twice
    assert one.shown().state is RequestState.FULFILLED


def test_pending_without_a_delay_is_asked_again_some_time(one: Wishes) -> None:
    one.handler.answers = [Pending("soon")]
    one.ask()
    one.work()
    one.clock.forward(minutes=5)
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_a_step_that_asks_is_ended_by_the_answer_and_not_by_the_handler(one: Wishes) -> None:
    one.handler.answers = [
        Pending("waits", state={"a": 1}, ask=Ask("@data-platform", "Do it", Key.model_json_schema()))
    ]
    one.ask()
    one.work()
    one.clock.forward(days=7)
    one.work()
    assert one.step().state == "pending"
    one.service.complete(one.grace, "REQ-1", "work", {"key": "K"})
    one.work()
    assert len(one.handler.applied) == 1
    assert (one.step().state, one.step().outputs) == ("done", {"key": "K"})


def test_a_temporary_error_is_tried_again_after_the_handlers_own_delay(one: Wishes) -> None:
    one.handler.answers = [TemporaryError("The site rests.", delay=90)]
    one.ask()
    one.work()
    assert (one.step().state, one.step().reason) == ("waiting", "The site rests.")
    one.clock.forward(seconds=89)
    one.work()
    assert len(one.handler.applied) == 1
    one.clock.forward(seconds=1)
    one.work()
    assert one.handler.keys == ["REQ-1/work"] * 2
    assert one.shown().state is RequestState.FULFILLED


def test_a_temporary_error_that_lasts_a_day_fails_the_step(one: Wishes) -> None:
    one.handler.answers = [TemporaryError("The site rests.", delay=1)] * 3
    one.ask()
    one.work()
    one.clock.forward(hours=25)
    one.work()
    assert one.shown().state is RequestState.FAILED
    assert one.step().reason == "The site rests. It was tried for 1 day, 1:00:00."


def test_a_permanent_error_fails_the_step_at_once_with_its_text(one: Wishes) -> None:
    one.handler.answers = [PermanentError("There is no project DBA.")]
    one.ask()
    one.work()
    assert (one.shown().state, one.step().reason) == (RequestState.FAILED, "There is no project DBA.")
    assert one.service.instances(one.ada).items[0].state is InstanceState.FAILED


def test_a_bug_is_tried_again_then_fails_and_its_text_is_in_the_log_only(
    one: Wishes, caplog: pytest.LogCaptureFixture
) -> None:
    one.handler.answers = [ValueError("secret=hunter2")] * MOST_BUGS
    one.ask()
    for _ in range(MOST_BUGS):
        one.work()
        one.clock.forward(minutes=10)
    assert one.shown().state is RequestState.FAILED
    assert one.step().reason == "ValueError in the step work; the log of the worker has the details."
    assert len(one.handler.applied) == MOST_BUGS
    assert "hunter2" in caplog.text


def test_a_step_function_that_breaks_is_a_bug_like_any_other(url: str) -> None:
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        raise LookupError(request.form.name)

    desk.ask()
    desk.work()
    assert desk.step().reason == "LookupError in the step work; the log of the worker has the details."
    desk.database.close()


def test_outputs_that_are_read_too_early_fail_the_step_and_say_which(url: str) -> None:
    desk = Wishes(url)
    _, later = steps_of(desk)

    @desk.wish.step
    def odd(request: Request[Wish]) -> Thing:
        return Thing(name=request.of(missing).key)

    missing: Step[Wish, Key] = Step("nowhere", later.build)
    desk.handler.answers = [Done({"key": "1"}), Done({"key": "2"})]
    desk.ask()
    desk.work()
    assert desk.step("odd").reason == "The step 'nowhere' has not run yet, so its outputs are not known."
    desk.database.close()


def test_back_off_grows_has_jitter_and_an_end() -> None:
    for attempts in range(40):
        delay = backoff(attempts)
        assert 0.5 <= delay <= LARGEST_DELAY
    assert backoff(20) >= LARGEST_DELAY / 2
    assert len({backoff(5) for _ in range(20)}) > 1


# What the handler is given


def test_what_is_said_shows_on_the_card_while_the_step_runs(one: Wishes) -> None:
    seen: list[str | None] = []

    def apply(_resource: Any, context: Context) -> Any:
        context.say("half way")
        seen.append(one.step().reason)
        return Done()

    one.handler.does = apply
    one.ask()
    one.work()
    assert seen == ["half way"]
    assert one.step().reason is None


def test_a_secret_is_resolved_and_the_address_of_the_request_is_given(url: str) -> None:
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Thing:
        return Thing(name=Secret("TOKEN").name)

    desk.engine = Engine(
        desk.database,
        desk.catalogue,
        owner="test",
        secret=lambda name: f"value of {name}",
        url=lambda number: f"http://desk/{number}",
    )
    desk.ask()
    desk.work()
    context = desk.handler.applied[0][1]
    assert (context.secret("TOKEN"), context.url, context.now) == (
        "value of TOKEN",
        "http://desk/REQ-1",
        desk.clock.now,
    )
    assert context.previous is None
    desk.database.close()


def test_a_delete_is_given_what_was_made_and_its_state(desk: Wishes) -> None:
    desk.handler.answers = [Done({"key": "1"}, {"id": "one"}), Done({"key": "2"}, {"id": "two"})]
    desk.ask()
    desk.work()
    desk.service.delete(desk.ada, "INS-1")
    desk.work()
    assert [(resource.name, dict(context.state)) for resource, context in desk.handler.deleted] == [
        ("work 1", {"id": "two"}),
        ("ticket orders", {"id": "one"}),
    ]
    assert [context.previous for _, context in desk.handler.deleted] == [
        resource for resource, _ in desk.handler.deleted
    ]
    assert desk.service.instance(desk.ada, "INS-1").state is InstanceState.DELETED


# Crashes


class Power(BaseException):
    """The power goes: nothing that catches errors catches this."""


def test_a_crash_between_the_effect_and_its_record_repeats_the_stored_resource(
    one: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.ask()
    with monkeypatch.context() as patch:
        patch.setattr(one.engine, "_record", lambda *_: (_ for _ in ()).throw(Power()))
        with pytest.raises(Power):
            one.engine.turn()
    assert one.step().state == "running"
    one.work()
    assert len(one.handler.applied) == 1  # its lease is not over
    one.clock.forward(seconds=31)
    one.work()
    first, second = one.handler.applied
    assert first[0] == second[0]
    assert (first[1].key, first[1].identity) == (second[1].key, second[1].identity)
    assert one.names == ["orders"]
    assert one.shown().state is RequestState.FULFILLED
    assert [event.name for event in one.shown().events].count("step_done") == 1


def test_a_crash_before_the_resource_is_stored_builds_it_again(one: Wishes, monkeypatch: pytest.MonkeyPatch) -> None:
    one.ask()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "built", lambda *_args, **_more: (_ for _ in ()).throw(Power()))
        with pytest.raises(Power):
            one.engine.turn()
    assert one.handler.applied == []
    one.clock.forward(seconds=31)
    one.work()
    assert one.names == ["orders", "orders"]
    assert one.shown().state is RequestState.FULFILLED


def test_what_was_saved_survives_a_crash(one: Wishes) -> None:
    states: list[dict[str, Any]] = []

    def apply(_resource: Any, context: Context) -> Any:
        states.append(dict(context.state))
        if not context.state:
            context.save({"tried": True})
            raise Power
        return Done(state={"made": True})

    one.handler.does = apply
    one.ask()
    with pytest.raises(Power):
        one.engine.turn()
    one.clock.forward(seconds=31)
    one.work()
    assert states == [{}, {"tried": True}]


def test_a_step_that_kills_its_workers_is_parked(one: Wishes) -> None:
    def apply(_resource: Any, _context: Context) -> Any:
        raise Power

    one.handler.does = apply
    one.ask()
    for _ in range(MOST_CRASHES):
        with pytest.raises(Power):
            one.engine.turn()
        one.clock.forward(seconds=31)
    one.work()
    assert one.shown().state is RequestState.PARKED
    assert one.step().reason == "The worker died 3 times while it ran this step."
    one.clock.forward(days=1)
    assert one.engine.turn() is False


def test_who_was_overtaken_drops_the_result_and_is_told_while_working(one: Wishes) -> None:
    other = Engine(one.database, one.catalogue, owner="other", secret=str)
    told: list[bool] = []

    def apply(_resource: Any, context: Context) -> Any:
        if not told:
            told.append(context.cancelled())
            one.clock.forward(seconds=31)
            assert other.turn()
            one.engine.renew()
            told.append(context.cancelled())
            return Done(state={"by": "overtaken"}, posts=[Posting("#data", "twice")])
        return Done(state={"by": "other"}, posts=[Posting("#data", "once")])

    one.handler.does = apply
    one.ask()
    assert one.engine.turn()
    assert told == [False, True]
    with one.database.read() as session:
        row = session.get(tables.InstanceResource, 1)
        posts = [d.payload["text"] for d in session.exec(select(tables.Delivery)).all() if d.kind == "post"]
    assert row is not None
    assert (row.state, posts) == ({"by": "other"}, ["once"])


def test_a_step_whose_request_is_cancelled_while_it_runs_is_told_and_its_result_dropped(one: Wishes) -> None:
    told: list[bool] = []

    def apply(_resource: Any, context: Context) -> Any:
        one.service.cancel(one.ada, "REQ-1", "not needed")
        one.engine.renew()
        told.append(context.cancelled())
        return Done()

    one.handler.does = apply
    one.ask()
    assert one.engine.turn()
    assert told == [True]
    assert (one.shown().state, one.step().state) == (RequestState.CANCELLED, "skipped")
    instance = one.service.instances(one.ada).items[0]
    assert instance.state is InstanceState.FAILED
    one.service.delete(one.ada, "INS-1")  # what it may have made is taken back
    one.work()
    assert [context.identity for _, context in one.handler.deleted] == ["INS-1/work"]


def test_renewing_keeps_a_step_for_longer_than_its_lease(one: Wishes) -> None:
    other = Engine(one.database, one.catalogue, owner="other", secret=str)

    def apply(_resource: Any, context: Context) -> Any:
        for _ in range(3):
            one.clock.forward(seconds=20)
            one.engine.renew()
            assert other.claim() is None
        assert not context.cancelled()
        return Done()

    one.handler.does = apply
    one.ask()
    one.work()
    assert one.shown().state is RequestState.FULFILLED
    one.engine.renew()  # nothing is held any more


# What the code that runs now does not know


@pytest.mark.parametrize(
    ("versions", "named"), [({}, "wish v1 has no step work"), ({"v2": None}, "wish v1 has no step")]
)
def test_a_step_that_the_code_does_not_have_any_more_is_parked(one: Wishes, versions: Any, named: str) -> None:
    one.ask()
    gone = {"wish": dict.fromkeys(versions, one.wish)} if versions else {}
    one.engine.catalogue = Catalogue(gone, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    assert one.shown().state is RequestState.PARKED
    assert named in (one.step().reason or "")


def test_a_step_that_this_process_does_not_know_is_left_to_others_first(one: Wishes) -> None:
    one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.work()
    assert (one.shown().state, one.step().attempts) == (RequestState.FULFILLING, 0)
    assert "has no step work in the code that runs now" in (one.step().reason or "")
    one.clock.forward(seconds=5)
    one.engine.catalogue = known
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_what_was_parked_for_want_of_code_goes_on_when_the_code_is_there(one: Wishes) -> None:
    one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    one.engine.sweep()
    assert one.shown().state is RequestState.PARKED, "the code is not there yet"
    one.engine.catalogue = known
    one.engine.sweep()
    one.work()
    assert one.shown().state is RequestState.FULFILLED
    assert [e.name for e in one.shown().events].count("resumed") == 1


def test_a_parked_request_is_resumed_by_its_team_with_retry(one: Wishes) -> None:
    number = one.ask()
    known, one.engine.catalogue = one.catalogue, Catalogue({}, one.catalogue.handlers, one.catalogue.by_resource)
    one.nobody_knows_it()
    one.engine.catalogue = known
    one.service.retry(one.margaret, number)
    one.work()
    assert one.shown().state is RequestState.FULFILLED


def test_a_resource_without_a_handler_is_parked(url: str) -> None:
    desk = Wishes(url)

    @desk.wish.step
    def work(request: Request[Wish]) -> Other:
        return Other()

    desk.ask()
    desk.work()
    assert desk.step().reason == "No handler makes a Other real."
    desk.database.close()


def test_taking_back_what_no_handler_knows_any_more_is_parked(one: Wishes) -> None:
    one.ask()
    one.work()
    one.service.delete(one.ada, "INS-1")
    one.engine.catalogue = Catalogue(one.catalogue.offerings, {}, {})
    one.work()
    assert one.step(number="REQ-2").reason == "No handler called thing is installed."


# Retry


def test_retry_builds_anew_so_that_a_mended_file_helps(one: Wishes) -> None:
    one.handler.answers = [PermanentError("no")]
    one.ask()
    one.work()
    one.service.retry(one.grace, "REQ-1")
    one.work()
    assert [resource.name for resource, _ in one.handler.applied] == ["orders 1", "orders 2"]
    assert one.shown().state is RequestState.FULFILLED


def test_a_retry_that_takes_back_repeats_what_was_stored(one: Wishes) -> None:
    one.ask()
    one.work()
    one.handler.answers = [PermanentError("no")]
    one.service.delete(one.ada, "INS-1")
    one.work()
    assert one.service.instance(one.ada, "INS-1").state is InstanceState.FAILED
    one.service.retry(one.grace, "REQ-2")
    one.work()
    assert [resource.name for resource, _ in one.handler.deleted] == ["orders 1", "orders 1"]
    assert one.service.instance(one.ada, "INS-1").state is InstanceState.DELETED


# The promise


def test_what_is_promised_is_taken_from_the_steps_with_its_defaults(url: str) -> None:
    desk = Wishes(url, outputs=Promise)
    steps_of(desk)
    desk.handler.answers = [Done({"key": "early"}), Done({"key": "late", "more": 1})]
    desk.ask()
    desk.work()
    assert desk.shown().outputs == {"key": "late", "port": 5432}
    assert keep_promise(desk.wish, {}) == {"port": 5432}
    desk.database.close()


def test_a_broken_promise_fails_the_last_step_and_names_what_is_missing(url: str) -> None:
    desk = Wishes(url, outputs=Promise)
    steps_of(desk)
    desk.handler.answers = [Done({"key": "1"}), Done({"key": 2})]
    desk.ask()
    desk.work()
    assert desk.shown().state is RequestState.FAILED
    assert "what wish promises its owner is not there. key: " in (desk.step().reason or "")
    desk.service.retry(desk.grace, "REQ-1")
    desk.handler.answers = [Done({"key": "2"})]
    desk.work()
    assert desk.shown().outputs == {"key": "2", "port": 5432}
    desk.database.close()


def test_an_instance_expires_when_its_offering_says(one: Wishes) -> None:
    one.wish.expires = timedelta(days=3)
    one.ask()
    one.work()
    assert one.service.instance(one.ada, "INS-1").expires_at == one.clock.now + timedelta(days=3)


# Following


@pytest.fixture
def decided(url: str) -> Iterator[Wishes]:
    """With an approval: the early step runs before, `work` after."""
    desk = Wishes(url, approval=Approval("@dba"))
    steps_of(desk)
    yield desk
    desk.database.close()


def test_a_follower_hears_of_the_turns_by_whom_and_why(decided: Wishes) -> None:
    decided.handler.answers = [Done({"key": "DBA-1"}, {"id": "1"}), PermanentError("the disk is full")]
    decided.ask()
    decided.work()
    decided.service.approve(decided.grace, "REQ-1", reason="fine")
    decided.work()
    decided.follow()
    told = [
        (event.name, event.by, event.reason)
        for resource, _, event in decided.handler.followed
        if "ticket" in resource.name
    ]
    assert told == [("approved", "grace@example.com", "fine"), ("failed", None, "the disk is full")]
    context = decided.handler.followed[0][1]
    assert (dict(context.state), context.identity) == ({"id": "1"}, "INS-1/ticket")


def test_a_follower_waits_until_its_resource_is_made(decided: Wishes) -> None:
    decided.handler.answers = [TemporaryError("later", delay=30), Done({"key": "DBA-1"}), Done({"key": "2"})]
    decided.ask()
    decided.work()
    decided.service.edit(decided.ada, "REQ-1", {"name": "other"})
    decided.follow()
    assert decided.handler.followed == []
    decided.clock.forward(seconds=31)
    decided.work()
    decided.follow()
    assert [event.name for _, _, event in decided.handler.followed] == ["edited"]
    decided.follow()
    assert len(decided.handler.followed) == 1


def test_what_never_came_to_be_is_told_nothing(decided: Wishes) -> None:
    decided.handler.answers = [PermanentError("no")]
    decided.ask()
    decided.work()
    decided.service.withdraw(decided.ada, "REQ-1")
    decided.follow()
    assert decided.handler.followed == []


def test_what_a_follower_saves_it_is_given_next_time(decided: Wishes) -> None:
    decided.handler.answers = [Done({"key": "DBA-1"}, {"id": "1"}), Done({"key": "2"})]
    states: list[dict[str, Any]] = []

    def follow(resource: Any, context: Context, event: Event) -> None:
        if resource.name.startswith("ticket"):
            context.say("is not shown")
            assert not context.cancelled()
            states.append(dict(context.state))
            context.save({**context.state, event.name: True})

    decided.handler.hears = follow
    decided.ask()
    decided.work()
    decided.service.approve(decided.grace, "REQ-1")
    decided.work()
    decided.follow()
    assert states == [{"id": "1"}, {"id": "1", "approved": True}]


def test_the_outputs_come_with_the_end(url: str) -> None:
    desk = Wishes(url, outputs=Promise)
    steps_of(desk)
    desk.handler.answers = [Done({"key": "1"}), Done({"key": "2"})]
    desk.ask()
    desk.work()
    desk.follow()
    assert {event.name: dict(event.outputs) for _, _, event in desk.handler.followed} == {
        "fulfilled": {"key": "2", "port": 5432}
    }
    desk.database.close()
