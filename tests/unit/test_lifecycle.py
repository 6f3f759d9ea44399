"""States and moves: what each state allows, and what an instance becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import lifecycle
from bot.lifecycle import ApprovalRule, Approve, InstanceState, Move, RequestState, missing

MOVES = {name: move for name, move in vars(lifecycle).items() if isinstance(move, Move)}
S = RequestState

#: The arrows of the module's docstring, read from there: `a, b -> c`.
DRAWN = {
    (source.strip(), target)
    for line in (lifecycle.__doc__ or "").splitlines()
    if line.startswith("    ") and "->" in line and not line.strip().startswith("(")
    for sources, _, rest in [line.strip().partition("->")]
    for target in [rest.split()[0]]
    for source in sources.split(",")
}


def test_the_picture_in_the_docstring_is_what_the_moves_say() -> None:
    moves = {
        (str(source), str(move.target))
        for move in MOVES.values()
        for source in move.sources
        if S.PARKED not in (source, move.target)
    }
    shortcuts = {("approved", "fulfilled"), ("failed", "cancelled")}  # nothing to do; stopped instead of retried
    assert moves - DRAWN == shortcuts
    assert DRAWN - moves == set()


def test_nothing_leaves_a_request_that_is_over() -> None:
    assert {move.event for move in MOVES.values() if move.sources & lifecycle.ENDED} == set()
    assert lifecycle.ENDED.isdisjoint(lifecycle.OPEN)


@pytest.mark.parametrize("state", sorted(lifecycle.OPEN))
def test_every_open_state_can_come_to_an_end(state: RequestState) -> None:
    reached, frontier = set(), {state}
    while frontier:
        reached |= frontier
        frontier = {move.target for move in MOVES.values() if move.sources & frontier} - reached
    assert reached & lifecycle.ENDED


@pytest.mark.parametrize("state", sorted(set(RequestState) - {S.AWAITING_APPROVAL}))
def test_every_state_is_reached_from_the_start(state: RequestState) -> None:
    reached = {S.AWAITING_APPROVAL}
    for _ in RequestState:
        reached |= {move.target for move in MOVES.values() if move.sources & reached}
    assert state in reached


def test_each_event_is_one_move() -> None:
    assert len({move.event for move in MOVES.values()}) == len(MOVES)


@pytest.mark.parametrize("kind", ["create", "delete"])
@pytest.mark.parametrize("event", ["fulfilled", "cancelled", "failed", "retried"])
def test_an_instance_follows_the_turns_after_approval(kind: str, event: str) -> None:
    assert lifecycle.INSTANCE_AFTER[kind, event] in InstanceState


def test_what_was_never_made_is_gone_and_what_was_made_in_part_can_be_deleted() -> None:
    after = lifecycle.INSTANCE_AFTER
    assert {after["create", name] for name in ("rejected", "withdrawn", "expired")} == {InstanceState.DELETED}
    assert {after[kind, name] for kind in ("create", "delete") for name in ("failed", "cancelled")} == {
        InstanceState.FAILED
    }


RULES = st.builds(ApprovalRule, st.tuples(st.sampled_from(["@dba", "@security"])), st.integers(1, 4), st.booleans())
APPROVALS = st.lists(st.builds(Approve, st.integers(1, 5), st.frozensets(st.integers(0, 3))), max_size=8)


@given(RULES)
def test_a_rule_is_stored_and_read_back_whole(rule_: ApprovalRule) -> None:
    assert ApprovalRule.from_json(rule_.to_json()) == rule_


@given(st.lists(RULES, max_size=4), APPROVALS)
def test_only_different_people_count_and_each_only_for_their_rules(
    rules: list[ApprovalRule], approvals: list[Approve]
) -> None:
    lacking = missing(rules, approvals)
    assert lacking == missing(rules, approvals + approvals)  # twice is once
    for index, (rule_, count) in enumerate(zip(rules, lacking, strict=True)):
        people = {approval.person for approval in approvals if index in approval.rules}
        assert count == max(0, rule_.count - len(people))


def test_a_rule_reads_as_people_say_it() -> None:
    assert str(ApprovalRule(("@dba",))) == "@dba"
    assert str(ApprovalRule(("@dba", "grace@example.com"), 2)) == "2 of @dba or grace@example.com"
