"""What an author writes, as they would test it: no fakes, no processes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from bot import Approval, Channel, Field, Form, Group, Offering, Outputs, Person, Request
from bot.errors import Misconfigured
from bot.handler import Resource
from bot.handlers import jira, manual
from bot.offering import NotYet, Step

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Wish(Form):
    name: str = Field(min_length=2)
    size: int = 1
    owner: Person | None = None


class Key(Outputs):
    key: str


class Other(Outputs):
    name: str


class Keyed(Resource[Key]):
    pass


wish = Offering("wish", Wish, owner="@it", notify="#it")


@wish.step(early=True)
def ticket(request: Request[Wish]) -> jira.Issue:
    return jira.Issue(project="IT", summary=request.form.name)


@wish.step(after=[ticket])
def work(request: Request[Wish]) -> manual.Task[Key]:
    """Somebody works on it.

    It takes a while.
    """
    return manual.Task(group="@it", outputs=Key, instructions=f"Make {request.form.name} ({request.of(ticket).key})")


@wish.step
def late_work(request: Request[Wish]) -> manual.Task:
    return manual.Task(group="@it", instructions="Tidy up")


def a_request(**given: object) -> Request[Wish]:
    ada = Person("ada@example.com", "Ada")
    plain = {"number": "REQ-1", "kind": "create", "form": Wish(name="orders"), "requester": ada, "owner": ada}
    return Request(**plain | given)  # type: ignore[arg-type] # mixed on purpose


def test_a_step_is_a_function_that_a_test_calls() -> None:
    made = jira.Ticket(key="IT-1", id="1", url="http://jira/IT-1")
    assert ticket(a_request()) == jira.Issue(project="IT", summary="orders")
    assert work(a_request(outputs={"ticket": made})) == manual.Task(
        group="@it", outputs=Key, instructions="Make orders (IT-1)"
    )


def test_outputs_that_are_not_there_yet_are_named() -> None:
    with pytest.raises(NotYet, match="The step 'ticket' has not run yet, so its outputs are not known"):
        work(a_request())


def test_steps_stand_in_the_order_of_the_file_with_what_they_say() -> None:
    assert list(wish.steps) == ["ticket", "work", "late_work"]
    assert (ticket.early, work.early) == (True, False)
    assert (ticket.after, work.after) == (None, ("ticket",))
    assert work.description == "Somebody works on it.\n\nIt takes a while."
    assert late_work.description == "Late work"
    assert ticket.where.startswith(__file__ + ":")


def test_a_step_knows_what_it_makes_and_what_that_leaves() -> None:
    assert ticket.resources == (jira.Issue,)
    assert ticket.outputs is jira.Ticket
    assert issubclass(work.resources[0], manual.Task)
    assert work.outputs is Key
    assert late_work.resources == (manual.Task,)
    assert late_work.outputs is Outputs


def test_a_step_may_make_one_of_several() -> None:
    def build(request: Request[Wish]) -> Keyed | Resource[Other]:
        return Keyed()

    either = Step("either", build)
    assert either.resources[0] is Keyed
    assert len(either.resources) == 2


@pytest.mark.parametrize("annotation", [None, str, Outputs, "Nowhere"])
def test_a_step_without_a_resource_is_refused_by_its_line(annotation: object) -> None:
    def build(request: Request[Wish]) -> Keyed:
        return Keyed()

    build.__annotations__["return"] = annotation
    with pytest.raises(Misconfigured) as refused:
        _ = Step("odd", build).resources
    assert refused.value.where == f"{__file__}:{build.__code__.co_firstlineno}"


def test_two_steps_of_one_name_are_refused() -> None:
    twice = Offering("twice", Wish, owner="@it", notify="#it")
    twice.step(ticket.build)
    with pytest.raises(Misconfigured, match="'twice' has two steps called 'ticket'"):
        twice.step(ticket.build)


def test_title_and_description_come_from_the_docstring_of_the_file_unless_they_are_given() -> None:
    assert wish.title == "What an author writes, as they would test it: no fakes, no processes"
    assert wish.description == ""
    named = Offering("x", Wish, owner="@it", notify="#it", title="X", description="All of it.", tags=["a"])
    assert (named.title, named.description, named.tags) == ("X", "All of it.", ("a",))
    assert repr(named).startswith("<Offering x v1 from ")
    assert wish.module == __name__
    assert wish.where.startswith(__file__ + ":")


def test_the_contract_is_form_and_outputs_under_name_and_version() -> None:
    keeps = Offering("x", Wish, owner="@it", notify="#it", version="v2", outputs=Key)
    assert (keeps.contract.name, keeps.contract.version) == ("x", "v2")
    assert set(keeps.contract.form["properties"]) == {"name", "size", "owner"}
    assert keeps.contract.form["additionalProperties"] is False
    assert keeps.contract.outputs is not None
    assert wish.contract.outputs is None


@pytest.mark.parametrize(
    "answers",
    ['{"name": "x"}', '{"name": "ok", "size": "5"}', '{"name": "ok", "size": true}', '{"name": "ok", "more": 1}'],
)
def test_a_form_is_strict_and_takes_nothing_extra(answers: str) -> None:
    with pytest.raises(ValidationError):
        Wish.model_validate_json(answers)


def test_a_person_a_place_and_a_group_are_texts_with_a_picker() -> None:
    ada = Person("ada@example.com", "Ada")
    assert (ada, ada.name, Person("U1").name) == ("ada@example.com", "Ada", "U1")

    class Where(Form):
        who: Person
        place: Channel
        team: Group

    properties = Where.model_json_schema()["properties"]
    assert [properties[name]["format"] for name in ("who", "place", "team")] == ["person", "channel", "group"]
    read = Where.model_validate_json('{"who": "U1", "place": "#a", "team": "@dba"}')
    assert (type(read.who), read.model_dump(mode="json")) == (Person, {"who": "U1", "place": "#a", "team": "@dba"})


@pytest.mark.parametrize(("who", "count"), [((), 1), (("@dba",), 0), (("@dba",), -1)])
def test_an_approval_names_somebody_and_counts_from_one(who: Sequence[str], count: int) -> None:
    with pytest.raises(ValueError, match="at least one approver"):
        Approval(*who, count=count)


def test_who_approves_is_nobody_a_rule_several_or_a_function_of_the_request() -> None:
    def rule(request: Request[Wish]) -> list[Approval]:
        return [Approval("@dba", count=2)] if request.kind == "create" else []

    def with_(approval: object) -> Offering[Wish]:
        return Offering("x", Wish, owner="@it", notify="#it", approval=approval)  # type: ignore[arg-type] # all kinds

    assert wish.approvals(a_request()) == []
    assert with_(Approval("@dba")).approvals(a_request()) == [Approval("@dba")]
    assert with_((Approval("@a"), Approval("@b"))).approvals(a_request()) == [Approval("@a"), Approval("@b")]
    assert with_(rule).approvals(a_request()) == [Approval("@dba", count=2)]
    assert with_(rule).approvals(a_request(kind="delete")) == []


def test_an_instance_ends_never_after_a_while_at_a_moment_or_at_the_end_of_a_day() -> None:
    def ends(expires: object) -> datetime | None:
        return Offering("x", Wish, owner="@it", notify="#it", expires=expires).ends(a_request(), NOW)  # type: ignore[arg-type] # all kinds

    assert ends(None) is None
    assert ends(lambda _request: None) is None
    assert ends(timedelta(days=1)) == NOW + timedelta(days=1)
    assert ends(lambda request: timedelta(days=request.form.size)) == NOW + timedelta(days=1)
    assert ends(lambda _request: NOW) == NOW
    assert ends(lambda _request: date(2026, 11, 30)) == datetime(2026, 12, 1, tzinfo=UTC)
