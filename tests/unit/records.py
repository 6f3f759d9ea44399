"""Requests, instances and people as tests make them up, with all that people may type into them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bot.handler import Outputs
from bot.lifecycle import ApprovalRule, InstanceState, RequestState, StepState
from bot.offering import Approval, Channel, Form, Group, Offering, Person
from bot.store.records import (
    CardRecord,
    DecisionRecord,
    EventRecord,
    InstanceRecord,
    PersonRecord,
    RequestRecord,
    StepRecord,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA = PersonRecord(1, "U01ADA", "ada@example.com", "Ada")
GRACE = PersonRecord(2, "U02GRACE", "grace@example.com", "Grace")
EVE = PersonRecord(3, None, "eve@example.com", "<!channel> <@U01ADA>")

#: What would be live in Slack if it were not escaped.
LIVE = ["<!channel>", "<!here>", "<@U01ADA>", "<#C01|general>", "<!subteam^S1>", "<https://evil.example|click>"]
HOSTILE = [
    *LIVE,
    "",
    " ",
    "x" * 3000,
    "&" * 3000,
    "<" * 3000,
    "word " * 600,
    "`code` ```block```",
    "\u202eright to left\u202c שלום مرحبا",
    "👩‍👩‍👧‍👦" * 300,
    "*bold* _it_ ~no~ > quote",
    "line\nline\r\n\tend",
    "{by} {0} %s",
    "“curly” ‘quotes’",  # noqa: RUF001 - as phones type them
    "\x00\x07",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=60)


class Database(Form):
    name: str
    size: str = "small"
    owner: Person
    place: Channel | None = None
    team: Group | None = None
    ready: bool = False
    tags: tuple[str, ...] = ()


class Connection(Outputs):
    host: str
    port: int = 5432


def offering(**given: Any) -> Offering[Database]:
    plain: dict[str, Any] = {
        "title": "PostgreSQL",
        "description": "A database.",
        "owner": "@data-platform",
        "notify": "#data",
        "outputs": Connection,
        "approval": Approval("@dba"),
    }
    return Offering("postgres", Database, **plain | given)


def step(name: str = "work", **given: Any) -> StepRecord:
    plain: dict[str, Any] = {
        "name": name,
        "description": "Somebody works on it.",
        "action": "apply",
        "early": False,
        "always": False,
        "after": None,
        "state": StepState.WAITING,
        "reason": None,
        "ask": None,
        "attempts": 1,
        "run_at": None,
        "outputs": None,
        "started_at": None,
        "ended_at": None,
    }
    return StepRecord(**plain | given)


def event(name: str, person: PersonRecord | None = None, **data: Any) -> EventRecord:
    return EventRecord(7, name, person, NOW + timedelta(hours=1), data)


def decision(person: PersonRecord = GRACE, verdict: str = "approve", **given: Any) -> DecisionRecord:
    plain: dict[str, Any] = {"reason": None, "rules": [0], "at": NOW + timedelta(minutes=5), "current": True}
    return DecisionRecord(person, verdict, **plain | given)


def request(**given: Any) -> RequestRecord:
    plain: dict[str, Any] = {
        "id": 12,
        "kind": "create",
        "offering": "postgres",
        "version": "v1",
        "state": RequestState.AWAITING_APPROVAL,
        "revision": 1,
        "before": None,
        "form": {"name": "orders", "size": "small", "owner": "ada@example.com"},
        "reason": None,
        "requester": ADA,
        "owner": ADA,
        "instance_id": 7,
        "rules": [ApprovalRule(("@dba",))],
        "decisions": [],
        "steps": [step()],
        "events": [event("submitted", ADA)],
        "outputs": None,
        "created_at": NOW,
        "ended_at": None,
    }
    return RequestRecord(**plain | given)


def instance(**given: Any) -> InstanceRecord:
    plain: dict[str, Any] = {
        "id": 7,
        "offering": "postgres",
        "version": "v1",
        "owner": ADA,
        "state": InstanceState.READY,
        "form": {},
        "outputs": {"host": "db1", "port": 5432},
        "expires_at": None,
        "created_at": NOW,
        "open_request": None,
    }
    return InstanceRecord(**plain | given)


def card(**given: Any) -> CardRecord:
    plain: dict[str, Any] = {
        "id": 1,
        "request_id": 12,
        "audience": "team",
        "place": "#data",
        "channel": "C1",
        "ts": "1.1",
        "link": "https://slack.example/archives/C1/p11",
        "error": None,
    }
    return CardRecord(**plain | given)


# The same, with anything in it

PEOPLE = st.builds(
    PersonRecord,
    st.integers(1, 5),
    st.none() | st.sampled_from(["U01ADA", "W123"]),
    st.none() | st.just("eve@example.com"),
    st.none() | TEXTS,
)
ASKS = st.fixed_dictionaries(
    {"group": st.sampled_from(["@dba", "U02GRACE", "grace@example.com", "<!channel>"]), "instructions": TEXTS}
)
OUTPUTS = st.none() | st.dictionaries(
    st.sampled_from(["host", "url", "key", "<!here>", "`"]),
    TEXTS | st.booleans() | st.lists(TEXTS, max_size=2) | st.just("https://x.example/a|b c>"),
    max_size=5,
)
STEPS = st.builds(
    step,
    st.sampled_from(["work", "ticket"]),
    description=TEXTS,
    state=st.sampled_from(StepState),
    reason=st.none() | TEXTS,
    ask=st.none() | ASKS,
    outputs=OUTPUTS,
)
EVENTS = st.builds(
    EventRecord,
    st.integers(1, 99),
    st.sampled_from(
        ["submitted", "edited", "approved", "rejected", "cancelled", "withdrawn", "failed", "fulfilled", "retried"]
    ),
    st.none() | PEOPLE,
    st.just(NOW),
    st.fixed_dictionaries({}, optional={"reason": TEXTS, "step": TEXTS, "fields": st.lists(TEXTS, max_size=3)}),
)
DECISIONS = st.builds(
    decision, PEOPLE, st.sampled_from(["approve", "reject"]), reason=st.none() | TEXTS, current=st.booleans()
)
#: No id: those of people, channels and groups are live where such a one is asked for.
NO_ID = TEXTS.filter(lambda text: not re.fullmatch("[UWCGS][A-Z0-9]+", text))
FORMS = st.fixed_dictionaries(
    {"name": TEXTS, "owner": NO_ID},
    optional={
        "size": TEXTS,
        "place": NO_ID,
        "team": NO_ID,
        "ready": st.booleans(),
        "tags": st.lists(TEXTS, max_size=3),
        "stray": TEXTS,
    },
)


@st.composite
def _requests(draw: st.DrawFn) -> RequestRecord:
    steps = [replace(one, name=f"{one.name}{number}") for number, one in enumerate(draw(st.lists(STEPS, max_size=4)))]
    return request(
        kind=draw(st.sampled_from(["create", "update", "delete"])),
        state=draw(st.sampled_from(RequestState)),
        form=draw(FORMS),
        reason=draw(st.none() | TEXTS),
        requester=draw(PEOPLE),
        rules=draw(st.lists(st.just(ApprovalRule(("@dba", "<!channel>"), 2)), max_size=3)),
        decisions=draw(st.lists(DECISIONS, max_size=4)),
        steps=steps,
        events=draw(st.lists(EVENTS, max_size=6)),
        outputs=draw(OUTPUTS),
    )


REQUESTS = _requests()
INSTANCES = st.builds(
    instance,
    id=st.integers(1, 9999),
    state=st.sampled_from(InstanceState),
    outputs=OUTPUTS,
    expires_at=st.none() | st.just(NOW),
    open_request=st.none() | st.just(3),
)
CARDS = st.none() | st.builds(
    card, place=TEXTS, link=st.none() | st.just("https://slack.example/1"), error=st.none() | TEXTS
)
OFFERINGS = st.none() | st.builds(
    offering,
    title=TEXTS.filter(bool),
    description=TEXTS,
    owner=st.sampled_from(["@data-platform", "<!channel>", "x" * 400]),
    public=st.none() | st.just(["name"]),
)
