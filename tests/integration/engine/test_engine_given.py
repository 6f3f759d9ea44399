"""What a handler is given, and what a follower hears."""

from typing import Any

from bot.engine import Engine
from bot.errors import PermanentError, TemporaryError
from bot.handler import Context, Done, Event, Secret
from bot.lifecycle import InstanceState
from bot.offering import Request
from tests.integration.engine.wishes import Promise, Thing, Wish, Wishes, steps_of


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
