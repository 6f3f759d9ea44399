"""Changes of what somebody lives with: what differs is applied, what is gone is taken back, and everybody sees which."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from bot.catalogue import Catalogue
from bot.errors import Conflict, Invalid, NotFound, PermanentError
from bot.handler import Handler, Outputs, Resource
from bot.lifecycle import InstanceState, RequestState
from bot.offering import Approval, Form, Offering, Request
from bot.store.database import Database
from tests.conftest import Clock, Desk, Recorded
from tests.integration import test_graph


class Key(Outputs):
    key: str


class Thing(Resource[Key]):
    name: str
    size: str = ""


class Other(Resource[Key]):
    name: str


class Things(test_graph.Things):
    resource: ClassVar[type[Resource[Any]]] = Thing


class Others(Recorded):
    name = "other"
    resource = Other

    def __init__(self) -> None:
        super().__init__(Other)


class Wish(Form):
    name: str = "orders"
    size: str = "small"


def rule(request: Request[Wish]) -> list[Approval]:
    grows = request.before is not None and request.form.size == "large" and request.before.size != "large"
    return [Approval("@dba")] if grows else []


class Shop(Desk):
    """One offering: `base` is the same for all sizes, `disk` is not."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.things, self.others = Things(), Others()
        handlers = {"thing": self.things, "other": self.others}
        self.by_resource: dict[type[Resource[Any]], Handler[Any]] = {Thing: self.things, Other: self.others}
        super().__init__(Database(url, clock), Catalogue({}, handlers, self.by_resource), clock)
        self.offer()

    def offer(self, *, disk: bool = True, other: bool = False) -> None:
        """What the file says from now on."""
        wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=rule, outputs=Key)

        @wish.step
        def base(request: Request[Wish]) -> Thing | Other:
            return Other(name="base") if other else Thing(name="base")

        if disk:

            @wish.step
            def disk_(request: Request[Wish]) -> Thing:
                return Thing(name="disk", size=request.form.size)

        catalogue = Catalogue({"wish": {"v1": wish}}, self.catalogue.handlers, self.by_resource)
        self.catalogue = self.service.catalogue = self.engine.catalogue = catalogue

    def made(self, **answers: Any) -> str:
        record, _ = self.service.submit(self.ada, "wish", answers)
        self.work()
        assert self.service.show(self.ada, record.number).state is RequestState.FULFILLED
        self.things.applied.clear()
        return record.instance


@pytest.fixture
def shop(store_url: str, clock: Clock) -> Iterator[Shop]:
    shop = Shop(store_url, clock)
    yield shop
    shop.database.close()


def applied(shop: Shop) -> list[tuple[str, str]]:
    return [(resource.name, resource.size) for resource, _ in shop.things.applied]


def test_only_what_differs_is_applied_and_it_knows_what_was_before(shop: Shop) -> None:
    instance = shop.made()
    record, created = shop.service.update(shop.ada, instance, {"name": "orders", "size": "medium"})
    assert (record.kind, record.state, created) == ("update", RequestState.FULFILLING, True)
    assert shop.service.instance(shop.ada, instance).state is InstanceState.CHANGING
    shop.work()
    assert applied(shop) == [("disk", "medium")]
    _, context = shop.things.applied[0]
    assert (context.key, context.identity) == (f"{record.number}/disk_", "INS-1/disk_")
    assert context.previous == Thing(name="disk", size="small")
    now = shop.service.instance(shop.ada, instance)
    assert (now.state, now.form, now.outputs) == (
        InstanceState.READY,
        {"name": "orders", "size": "medium"},
        {"key": "disk"},
    )


def test_its_rules_see_what_it_was_and_until_they_decide_nothing_changes(shop: Shop) -> None:
    instance = shop.made()
    record, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "large"})
    assert record.state is RequestState.AWAITING_APPROVAL
    assert record.before == {"name": "orders", "size": "small"}
    shop.work()
    assert shop.service.instance(shop.ada, instance).state is InstanceState.READY
    shop.service.reject(shop.grace, record.number, "Too large.")
    now = shop.service.instance(shop.ada, instance)
    assert (now.state, now.form["size"]) == (InstanceState.READY, "small")
    again, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "large"})
    shop.service.approve(shop.grace, again.number)
    shop.work()
    assert shop.service.instance(shop.ada, instance).form["size"] == "large"


def test_an_edit_of_a_change_is_decided_by_the_rules_of_a_change(shop: Shop) -> None:
    instance = shop.made()
    record, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "large"})
    edited = shop.service.edit(shop.ada, record.number, {"name": "orders", "size": "large"})
    assert [rule.who for rule in edited.rules] == [("@dba",)]
    assert shop.service.instance(shop.ada, instance).form["size"] == "small", "it is asked for, not so"


def test_what_the_offering_has_no_step_for_any_more_is_taken_back_last(shop: Shop) -> None:
    instance = shop.made()
    shop.offer(disk=False)
    record, _ = shop.service.update(shop.ada, instance, {"name": "bills", "size": "small"})
    shop.work()
    assert [(resource.name, context.key) for resource, context in shop.things.deleted] == [
        ("disk", f"{record.number}/disk_")
    ]
    assert applied(shop) == []
    shop.service.delete(shop.ada, instance)
    shop.work()
    assert [resource.name for resource, _ in shop.things.deleted] == ["disk", "base"]


def test_another_handler_makes_it_anew_and_what_the_old_one_made_is_taken_back_after_that(shop: Shop) -> None:
    instance = shop.made()
    shop.offer(other=True)
    record, _ = shop.service.update(shop.ada, instance, {"name": "bills", "size": "small"})
    shop.work()
    assert shop.service.show(shop.ada, record.number).state is RequestState.FULFILLED
    assert [context.previous for _, context in shop.others.applied] == [None]
    assert [(resource.name, context.key) for resource, context in shop.things.deleted] == [
        ("base", f"{record.number}/base before {record.number}")
    ]
    shop.service.delete(shop.ada, instance)
    shop.work()
    assert [resource.name for resource, _ in shop.others.deleted] == ["base"]
    assert [resource.name for resource, _ in shop.things.deleted] == ["base", "disk"]


def test_a_change_that_failed_can_be_retried_and_still_knows_what_was_before(shop: Shop) -> None:
    instance = shop.made()
    shop.things.scripted["disk"] = [PermanentError("The disk is stuck.")]
    record, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "medium"})
    shop.work()
    assert shop.service.instance(shop.ada, instance).state is InstanceState.FAILED
    shop.service.retry(shop.margaret, record.number)
    shop.work()
    assert [context.previous for _, context in shop.things.applied] == [Thing(name="disk", size="small")] * 2
    assert shop.service.instance(shop.ada, instance).state is InstanceState.READY


def test_after_a_change_that_failed_another_one_can_be_asked_for(shop: Shop) -> None:
    instance = shop.made()
    shop.things.scripted["disk"] = [PermanentError("The disk is stuck.")]
    shop.service.update(shop.ada, instance, {"name": "orders", "size": "medium"})
    shop.work()
    record, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "tiny"})
    shop.work()
    assert shop.service.show(shop.ada, record.number).state is RequestState.FULFILLED
    assert shop.service.instance(shop.ada, instance).form["size"] == "tiny"


def test_a_crash_between_the_effect_and_its_record_repeats_the_same_change(shop: Shop) -> None:
    instance = shop.made()
    shop.service.update(shop.ada, instance, {"name": "orders", "size": "medium"})
    shop.engine.turn()
    claim = shop.engine.claim()
    assert claim

    def dies() -> None:
        raise KeyboardInterrupt

    shop.things.scripted["disk"] = [dies]
    with pytest.raises(KeyboardInterrupt):
        shop.engine.run(claim)
    shop.clock.forward(minutes=5)
    shop.work()
    contexts = [context for _, context in shop.things.applied]
    assert len({context.key for context in contexts}) == 1
    assert [context.previous for context in contexts] == [Thing(name="disk", size="small")] * 2


@pytest.mark.parametrize(
    ("who", "answers", "refusal", "words"),
    [
        ("linus", {"name": "orders", "size": "medium"}, NotFound, "no instance INS-1 that you may see"),
        ("ada", {"name": "orders", "size": "small"}, Conflict, "has these answers already"),
        ("ada", {"name": "orders", "size": 5}, Invalid, "another look"),
    ],
)
def test_what_cannot_be_changed_says_why(
    shop: Shop, who: str, answers: dict[str, Any], refusal: type[Exception], words: str
) -> None:
    instance = shop.made()
    with pytest.raises(refusal, match=words):
        shop.service.update(getattr(shop, who), instance, answers)


def test_only_one_request_about_an_instance_is_open(shop: Shop) -> None:
    instance = shop.made()
    record, _ = shop.service.update(shop.ada, instance, {"name": "orders", "size": "large"})
    with pytest.raises(Conflict, match=f"{record.number} about the same instance is open"):
        shop.service.delete(shop.ada, instance)


def test_a_patch_keeps_the_answers_that_it_does_not_name(shop: Shop) -> None:
    instance = shop.made()
    assert shop.service.patched(shop.ada, instance, {"size": "large"}) == {"name": "orders", "size": "large"}
    assert shop.service.patched(shop.ada, instance, {"size": None}) == {"name": "orders"}


def test_the_team_may_ask_for_a_change_too(shop: Shop) -> None:
    instance = shop.made()
    record, _ = shop.service.update(shop.margaret, instance, {"name": "orders", "size": "medium"})
    assert (record.requester.id, record.owner.id) == (shop.margaret.id, shop.ada.id)
