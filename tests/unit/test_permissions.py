"""Who may do what to a request, whatever door they came through."""

from dataclasses import replace

import pytest

from bot.errors import Forbidden, Unavailable
from bot.lifecycle import ApprovalRule, RequestState, StepState
from bot.people import Groups, NoDirectory, Profile
from bot.permissions import Permissions, who_decides
from bot.store.records import PersonRecord
from tests.unit.records import ADA, EVE, GRACE, decision, instance, offering, request, step

LINUS = PersonRecord(4, None, "linus@example.com", "Linus")
MARGARET = PersonRecord(5, None, "margaret@example.com", "Margaret")
LISTED = {
    "dba": ["grace@example.com", "linus@example.com"],
    "data-platform": ["margaret@example.com"],
    "security": ["linus@example.com"],
}
may = Permissions(Groups(NoDirectory(), LISTED))
ASKING = step(state=StepState.PENDING, ask={"group": "@security", "instructions": "x"})


@pytest.mark.parametrize(
    ("person", "allowed"), [(ADA, True), (GRACE, True), (LINUS, True), (MARGARET, True), (EVE, False)]
)
def test_those_who_have_to_do_with_it_may_read_it(person: PersonRecord, allowed: bool) -> None:
    assert may.may_read(person, request(), offering()) is allowed


def test_who_decided_and_who_is_asked_may_read_it() -> None:
    assert may.may_read(EVE, request(decisions=[decision(EVE)]), None)
    assert may.may_read(LINUS, request(rules=[], steps=[ASKING]), None)
    assert not may.may_read(LINUS, request(rules=[]), None)


def test_the_owner_and_the_team_may_read_an_instance() -> None:
    assert may.may_read_instance(ADA, instance(), None)
    assert may.may_read_instance(MARGARET, instance(), offering())
    assert not may.may_read_instance(MARGARET, instance(), None)
    assert not may.may_read_instance(GRACE, instance(), offering())


def test_a_decision_counts_for_each_rule_that_somebody_is_of() -> None:
    record = request(rules=[ApprovalRule(("@dba",)), ApprovalRule(("@security", "@data-platform"), 2)])
    assert may.rules_for(LINUS, record) == [0, 1]
    assert may.rules_for(GRACE, record) == [0]
    with pytest.raises(Forbidden, match="REQ-12 is for @dba and 2 of @security or @data-platform to decide"):
        may.rules_for(EVE, record)


def test_a_requester_decides_only_where_the_rule_says_so() -> None:
    own = request(requester=GRACE, rules=[ApprovalRule(("@dba",))])
    with pytest.raises(Forbidden, match="You asked for REQ-12 yourself, so somebody else of @dba has to decide"):
        may.rules_for(GRACE, own)
    assert may.rules_for(GRACE, replace(own, rules=[ApprovalRule(("@dba",), requester_may=True)])) == [0]
    twin = PersonRecord(GRACE.id, None, "grace@example.com", "through another door")
    with pytest.raises(Forbidden):
        may.rules_for(twin, own)


@pytest.mark.parametrize(("person", "waits"), [(GRACE, True), (LINUS, True), (ADA, False), (MARGARET, False)])
def test_a_request_waits_for_those_who_may_decide(person: PersonRecord, waits: bool) -> None:
    assert may.waits_for(person, request()) is waits


def test_a_request_waits_neither_for_who_decided_already_nor_for_its_requester() -> None:
    assert not may.waits_for(GRACE, request(decisions=[decision(GRACE)]))
    assert may.waits_for(GRACE, request(decisions=[decision(GRACE, current=False)]))
    assert not may.waits_for(GRACE, request(requester=GRACE))
    assert may.waits_for(GRACE, request(requester=GRACE, rules=[ApprovalRule(("@dba",), requester_may=True)]))
    assert not may.waits_for(GRACE, request(state=RequestState.APPROVED))


def test_a_task_waits_for_those_whom_it_asks_and_only_they_may_answer() -> None:
    record = request(state=RequestState.FULFILLING, steps=[ASKING])
    assert may.waits_for(LINUS, record)
    assert not may.waits_for(GRACE, record)
    may.require_asked(LINUS, record, ASKING)
    with pytest.raises(Forbidden, match="work of REQ-12 is for @security to do"):
        may.require_asked(GRACE, record, ASKING)
    with pytest.raises(Forbidden):
        may.require_asked(LINUS, record, step())


def test_only_the_requester_withdraws_and_only_the_team_retries() -> None:
    may.require_requester(ADA, request())
    with pytest.raises(Forbidden, match="Only Ada, who asked for REQ-12, can do that"):
        may.require_requester(GRACE, request())
    may.require_team(MARGARET, request(), offering())
    with pytest.raises(Forbidden, match="is looked after by @data-platform"):
        may.require_team(ADA, request(), offering())
    with pytest.raises(Forbidden, match="is looked after by the platform's team"):
        may.require_team(MARGARET, request(), None)


class Away(NoDirectory):
    def members(self, handle: str) -> frozenset[str] | None:
        raise Unavailable("Slack does not answer.")

    def find(self, reference: str) -> Profile | None:
        raise Unavailable("Slack does not answer.")


def test_nobody_gets_in_because_a_directory_is_away() -> None:
    away = Permissions(Groups(Away()))
    with pytest.raises(Unavailable):
        away.rules_for(GRACE, request())
    with pytest.raises(Unavailable):
        away.may_read(EVE, request(), offering())
    assert away.may_read(ADA, request(), offering())


def test_rules_read_as_people_say_them() -> None:
    assert who_decides([ApprovalRule(("@dba",)), ApprovalRule(("@security",), 2)]) == "@dba and 2 of @security"
