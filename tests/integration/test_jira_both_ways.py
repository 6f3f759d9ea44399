"""Jira both ways: engine, newsroom, door and outbox with a Jira on a real socket, on both stores, time moved by hand."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from sqlmodel import select

from bot import api
from bot.catalogue import Catalogue
from bot.demo.jira.population import BOT, PEOPLE, populate
from bot.demo.jira.server import build
from bot.demo.jira.site import Answer, JiraStandIn
from bot.demo.jira.webhooks import Hook, Webhooks, headers, signature
from bot.demo.server import Server
from bot.handlers.jira import Issue, IssueHandler
from bot.handlers.manual import Task, TaskHandler
from bot.lifecycle import RequestState, StepState
from bot.news import Newsroom
from bot.offering import Approval, Form, Offering, Request
from bot.store import tables
from bot.store.database import Database
from bot.worker import Worker
from tests.conftest import Clock, Desk
from tests.integration import jira_openapi

MIA, TOM = PEOPLE
SECRET = "It's a Secret to Everybody"
DOWN = Answer(0, cut=True)


class Wish(Form):
    name: str = "orders"


def offering(*, waits: bool) -> Offering[Wish]:
    """An early ticket; after the approval it is waited for, or a person is asked."""
    wish = Offering("wish", Wish, owner="@data-platform", notify="#data", approval=Approval("@dba"))

    @wish.step(early=True)
    def ticket(request: Request[Wish]) -> Issue:
        """A ticket keeps track of it."""
        return Issue(project="DBA", summary=f"PostgreSQL {request.form.name}")

    if waits:

        @wish.step
        def work(request: Request[Wish]) -> Issue:
            """Somebody closes a second ticket."""
            return Issue(project="DBA", summary=f"Create {request.form.name}", wait=True)

    else:

        @wish.step
        def task(request: Request[Wish]) -> Task:
            return Task(group="@data-platform", instructions=f"Create {request.form.name}")

    return wish


class Both(Desk):
    """A desk with its newsroom, its door and a worker that is turned by hand, and the Jira that it works with."""

    def __init__(self, url: str, jira: JiraStandIn, jira_url: str, clock: Clock, *, waits: bool) -> None:
        self.jira = jira
        settings = {"JIRA_URL": jira_url, "JIRA_TOKEN": BOT.token} | ({"JIRA_USER": BOT.email} if jira.cloud else {})
        handler = IssueHandler(settings | {"JIRA_WEBHOOK_SECRET": SECRET}, lambda: clock().timestamp())
        task = TaskHandler({})
        wish = offering(waits=waits)
        catalogue = Catalogue(
            {"wish": {"v1": wish}},
            {"jira": handler, "manual": task},
            {Issue: handler, handler.resource: handler, Task: task},
        )
        super().__init__(Database(url, clock), catalogue, clock)
        self.newsroom = Newsroom(self.database, self.catalogue)
        self.worker = Worker(self.database, self.engine, None, (), self.newsroom.turn)
        self.webhooks = Webhooks(jira, jira_url)

    def turn(self) -> None:
        """Do all that can be done now."""
        while self.engine.turn() or self.worker.send_one() or self.newsroom.turn():
            pass

    def pass_time(self, *, minutes: float, step: float = 1) -> None:
        for _ in range(int(minutes / step)):
            self.clock.forward(minutes=step)
            self.webhooks.deliver()
            self.turn()

    def ask(self, name: str = "orders") -> str:
        number = self.service.submit(self.ada, "wish", {"name": name})[0].number
        self.turn()
        return number

    def story(self, number: str) -> list[str]:
        """What people are told of what happens in Jira."""
        events = self.service.show(self.ada, number).events
        return [
            f"{e.data['by']} {e.data['did']}" if e.data.get("did") else str(e.data.get("reason", ""))
            for e in events
            if e.name in ("commented", "noticed", "troubled", "recovered")
        ]

    def alarms(self) -> list[str]:
        with self.database.read() as session:
            found = session.exec(select(tables.Delivery).where(tables.Delivery.kind == "alarm")).all()
        return [each.payload["text"] for each in found]

    def step(self, number: str, name: str) -> Any:
        return next(step for step in self.service.show(self.ada, number).steps if step.name == name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jira(request: pytest.FixtureRequest, clock: Clock) -> JiraStandIn:
    return populate(JiraStandIn(cloud=getattr(request, "param", True), clock=lambda: clock().timestamp()))


@pytest.fixture
def both(request: pytest.FixtureRequest, store_url: str, jira: JiraStandIn, clock: Clock) -> Iterator[Both]:
    waits = getattr(request, "param", True)
    with Server(build(jira)) as site:
        desk = Both(store_url, jira, site.url, clock, waits=waits)
        with Server(api.build(desk.service, desk.newsroom, ready=lambda: None)) as door:
            desk.webhooks.hooks.append(Hook(f"{door.url}/jira/events", SECRET))
            yield desk
        desk.database.close()
    if jira_openapi.DOCUMENT.exists():
        wrong = {f"{one.method} {one.path}": told for one in jira.log if (told := jira_openapi.problems(one))}
        assert wrong == {}


def waiting(both: Both) -> str:
    """A request that waits for its second ticket, DBA-2."""
    number = both.ask()
    both.service.approve(both.grace, number)
    both.turn()
    both.pass_time(minutes=2)
    assert both.step(number, "work").state is StepState.PENDING
    both.webhooks.made.clear()
    return number


def test_a_ticket_that_somebody_closes_ends_the_wait_as_soon_as_jira_calls(both: Both) -> None:
    number = waiting(both)
    both.jira.transition("DBA-2", "Done", TOM)
    both.webhooks.deliver()
    both.turn()
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    assert "Tom Tester (Jira) moved DBA-2 from To Do to Done" in both.story(number)
    assert [made.status for made in both.webhooks.made][:1] == [200]


def test_an_issue_whose_answer_was_lost_is_found_as_soon_as_jira_calls_about_it(both: Both) -> None:
    both.jira.fail("POST", "issue", DOWN, commit=True)
    number = both.ask()
    step = both.step(number, "ticket")
    assert step.state is StepState.PENDING
    assert "answer was lost" in str(step.reason)
    searched = len(both.jira.received("GET", "search/jql"))
    both.turn()
    assert len(both.jira.received("GET", "search/jql")) == searched, "it is not time yet"
    both.webhooks.deliver()
    both.turn()
    assert both.step(number, "ticket").state is StepState.DONE
    assert [issue.key for issue in both.jira.issues.values()] == ["DBA-1"]
    both.pass_time(minutes=5)
    both.jira.comment(both.jira.issues[both.step(number, "ticket").outputs["id"]], TOM, "Which size?")
    both.webhooks.deliver()
    both.turn()
    assert both.story(number) == ["Tom Tester (Jira) commented on DBA-1"]


def test_without_a_single_call_a_look_brings_the_same(both: Both) -> None:
    both.webhooks.hooks.clear()
    number = waiting(both)
    both.jira.comment(both.jira.issues[both.step(number, "ticket").outputs["id"]], TOM, "Which size?")
    both.jira.assign("DBA-2", TOM)
    both.jira.transition("DBA-2", "Done", TOM)
    both.pass_time(minutes=10)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    assert sorted(both.story(number)) == [
        "Mia Krystof (Jira) assigned DBA-2 to Tom Tester",
        "Tom Tester (Jira) commented on DBA-1",
        "Tom Tester (Jira) moved DBA-2 from To Do to Done",
    ]


def test_doubled_repeated_and_reordered_calls_tell_everything_once(both: Both) -> None:
    number = waiting(both)
    both.webhooks.twice = True
    issue = both.jira.find("DBA-2")
    assert issue is not None
    for text in ("one", "two", "three"):
        both.jira.comment(issue, TOM, text)
        both.clock.forward(seconds=1)
    both.webhooks.waiting.reverse()
    both.pass_time(minutes=3)
    quotes = [e.data["quote"] for e in both.service.show(both.ada, number).events if e.name == "commented"]
    assert quotes == ["one", "two", "three"]


def test_a_door_that_was_shut_is_tried_again_by_jira_and_the_call_counts_once(both: Both) -> None:
    number = waiting(both)
    (hook,) = both.webhooks.hooks
    both.webhooks.hooks[:] = [Hook("http://127.0.0.1:9/jira/events", SECRET)]
    both.jira.transition("DBA-2", "In Progress", TOM)
    both.webhooks.deliver()
    assert both.webhooks.made[-1].status == 0
    (call,) = both.webhooks.waiting
    assert (call.retry, call.due - both.jira.clock()) == (1, 600)
    sent = headers(call, cloud=True)
    answers = [httpx.post(hook.url, content=call.body, headers=sent, trust_env=False) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"looked_at": 1}, {"looked_at": 0}]
    both.turn()
    assert both.story(number) == ["Tom Tester (Jira) moved DBA-2 from To Do to In Progress"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "not signed"),
        ({"X-Hub-Signature": signature("another", b"{}")}, "not that of the secret"),
        ({"X-Hub-Signature": "sha256=zz"}, "not that of the secret"),
    ],
)
def test_a_call_without_our_secret_is_refused_clearly(both: Both, given: Mapping[str, str], words: str) -> None:
    answer = httpx.post(both.webhooks.hooks[0].url, content=b"{}", headers=dict(given), trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_a_call_that_is_too_large_is_refused_and_the_look_comes_anyway(both: Both) -> None:
    body = b" " * (1024 * 1024 + 1)
    given = {"X-Hub-Signature": signature(SECRET, body)}
    answer = httpx.post(both.webhooks.hooks[0].url, content=body, headers=given, trust_env=False)
    assert answer.status_code == 413


def test_what_the_bot_does_itself_comes_back_and_goes_nowhere(both: Both) -> None:
    number = waiting(both)
    both.jira.transition("DBA-2", "Done", TOM)
    both.pass_time(minutes=10)
    told = both.story(number)
    writes = [one for one in both.jira.log if one.method != "GET" and one.path != "issue/bulkfetch"]
    both.pass_time(minutes=300, step=10)
    assert [one for one in both.jira.log if one.method != "GET" and one.path != "issue/bulkfetch"] == writes
    assert both.story(number) == told
    assert not any("Frontdesk" in line for line in told)
    echoes = [made for made in both.webhooks.made if b'"displayName": "Frontdesk"' in made.call.body]
    assert echoes
    assert all(made.status == 200 for made in both.webhooks.made)


def test_a_ticket_that_moves_has_its_new_key_everywhere_and_goes_on(both: Both) -> None:
    number = waiting(both)
    both.jira.move("DBA-1", "OPS")
    both.jira.move("DBA-2", "ACCESS")
    both.pass_time(minutes=2)
    assert both.step(number, "ticket").outputs["key"] == "OPS-1"
    assert both.step(number, "ticket").outputs["url"].endswith("/browse/OPS-1")
    both.jira.transition("ACCESS-1", "Done")
    both.pass_time(minutes=2)
    record = both.service.show(both.ada, number)
    assert record.state is RequestState.FULFILLED
    assert both.step(number, "work").outputs["key"] == "ACCESS-1"
    issue = both.jira.find("OPS-1")
    assert issue is not None
    assert issue.status.category != "new"  # told of the end in its new workflow


@pytest.mark.parametrize("gone", ["deleted", "archived"])
def test_a_waiting_step_whose_ticket_is_gone_fails_with_what_to_do_and_nothing_is_made_anew(
    both: Both, gone: str
) -> None:
    number = waiting(both)
    both.jira.remove("DBA-2") if gone == "deleted" else both.jira.archive("DBA-2")
    both.pass_time(minutes=15)
    step = both.step(number, "work")
    assert step.state is StepState.FAILED
    assert ("not there any more" if gone == "deleted" else "archived in Jira") in step.reason
    assert both.service.show(both.ada, number).state is RequestState.FAILED
    assert len(both.jira.received("POST", "issue")) == 2
    assert [alarm for alarm in both.alarms() if "DBA-2" in alarm] != []
    both.service.retry(both.grace, number)
    both.pass_time(minutes=15)
    assert len(both.jira.received("POST", "issue")) == 2
    assert both.service.show(both.ada, number).state is RequestState.FAILED


@pytest.mark.parametrize("both", [False], indirect=True)
def test_a_ticket_that_is_gone_beside_the_work_is_shown_and_the_work_goes_on(both: Both) -> None:
    number = both.ask()
    both.service.approve(both.grace, number)
    both.pass_time(minutes=2)
    both.jira.remove("DBA-1")
    both.pass_time(minutes=15)
    assert "not there any more" in both.step(number, "ticket").reason
    assert len([alarm for alarm in both.alarms() if "DBA-1" in alarm]) == 1
    both.service.complete(both.grace, number, "task", {})
    both.pass_time(minutes=15)
    record = both.service.show(both.ada, number)
    assert record.state is RequestState.FULFILLED
    both.service.delete(both.ada, record.instance)
    assert both.jira.issues == {}


def test_an_expired_token_is_one_alarm_and_no_conclusion(both: Both) -> None:
    number = waiting(both)
    both.jira.expired = True
    both.pass_time(minutes=25)
    (alarm,) = [each for each in both.alarms() if "renew JIRA_TOKEN" in each]
    assert "nothing is concluded from it" in alarm
    assert both.step(number, "work").state is StepState.PENDING
    both.jira.expired = False
    both.jira.transition("DBA-2", "Done")
    both.pass_time(minutes=10)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    assert both.story(number) == ["Mia Krystof (Jira) moved DBA-2 from To Do to Done"]


def test_a_step_waits_for_a_new_token_and_goes_on_by_itself(both: Both) -> None:
    both.jira.expired = True
    number = both.ask()
    both.pass_time(minutes=3 * 24 * 60, step=60)
    step = both.step(number, "ticket")
    assert step.state is StepState.WAITING
    assert "have to renew JIRA_TOKEN" in str(step.reason)
    assert both.jira.issues == {}
    alarms = [each for each in both.alarms() if "renew JIRA_TOKEN" in each]
    assert len(alarms) in {3, 4}, "one for each day"
    assert "goes on by itself once it is mended" in alarms[0]
    both.jira.expired = False
    both.pass_time(minutes=10)
    assert both.step(number, "ticket").state is StepState.DONE
    assert [issue.key for issue in both.jira.issues.values()] == ["DBA-1"]


def test_what_takes_a_resource_back_waits_for_a_new_token_too(both: Both) -> None:
    number = waiting(both)
    both.jira.transition("DBA-2", "Done")
    both.pass_time(minutes=60)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    both.jira.expired = True
    gone = both.service.delete(both.ada, "INS-1")[0].number
    both.service.approve(both.grace, gone)
    both.pass_time(minutes=60)
    assert both.service.show(both.ada, gone).state is RequestState.FULFILLING
    assert len([each for each in both.alarms() if "renew JIRA_TOKEN" in each]) == 1
    both.jira.expired = False
    both.pass_time(minutes=10)
    assert both.service.show(both.ada, gone).state is RequestState.FULFILLED


def test_what_happens_while_the_token_is_expired_is_told_to_the_ticket_once_it_is_renewed(both: Both) -> None:
    number = both.ask()
    both.pass_time(minutes=2)
    both.jira.expired = True
    both.service.reject(both.grace, number, "not now")
    both.pass_time(minutes=60)
    issue = both.jira.find("DBA-1")
    assert issue is not None
    assert issue.comments == []
    both.jira.expired = False
    both.pass_time(minutes=10)
    assert [" rejected" in comment.body for comment in issue.comments] == [True]
    assert issue.status.name == "Done"


def test_an_hour_without_jira_costs_nothing_but_the_hour(both: Both) -> None:
    """Everything that was on its way goes on afterwards, in its order, nothing twice."""
    number = waiting(both)
    third = both.ask("audit")
    both.jira.fail("POST", "issue", DOWN, commit=True)  # the line is cut just after this ticket was made,
    second = both.service.submit(both.ada, "wish", {"name": "billing"})[0].number
    both.turn()
    both.jira.fail("POST", "issue/.*/comment", DOWN, commit=True)  # and just after this comment
    both.service.reject(both.grace, third, "not now")
    both.turn()
    for method in ("GET", "POST", "PUT"):
        both.jira.fail(method, ".*", DOWN, times=1_000_000)
    issue = both.jira.find("DBA-2")
    assert issue is not None
    both.jira.comment(issue, TOM, "while nobody listened")
    both.clock.forward(seconds=1)
    both.jira.transition("DBA-2", "Done", TOM)
    both.service.approve(both.linus, second)
    both.pass_time(minutes=60)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLING
    both.jira.faults.clear()
    both.pass_time(minutes=30)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    assert both.story(number) == [
        "Tom Tester (Jira) commented on DBA-2",
        "Tom Tester (Jira) moved DBA-2 from To Do to Done",
    ]
    titles = [one.fields["summary"] for one in both.jira.issues.values()]
    assert sorted(titles) == [
        "Create billing",
        "Create orders",
        "PostgreSQL audit",
        "PostgreSQL billing",
        "PostgreSQL orders",
    ]
    rejected = both.jira.find(both.step(third, "ticket").outputs["key"])
    assert rejected is not None
    assert [" rejected" in comment.body for comment in rejected.comments] == [True]
    assert rejected.status.name == "Done"
    found = both.jira.find(both.step(second, "ticket").outputs["key"])
    assert found is not None
    assert [" approved" in comment.body for comment in found.comments] == [True]
    assert both.alarms() == []


def test_a_jira_that_cannot_be_reached_is_not_asked_by_every_resource(both: Both) -> None:
    for name in ("one", "two", "three"):
        both.ask(name)
    both.pass_time(minutes=1)
    for method in ("GET", "POST"):
        both.jira.fail(method, ".*", DOWN, times=1_000_000)
    both.jira.log.clear()
    both.pass_time(minutes=10)
    assert 5 <= len(both.jira.log) <= 10 * 3 * 2


def test_what_an_ended_instance_consisted_of_is_left_alone(both: Both) -> None:
    number = waiting(both)
    both.jira.transition("DBA-2", "Done")
    both.pass_time(minutes=5)
    record = both.service.show(both.ada, number)
    assert record.state is RequestState.FULFILLED
    deletion = both.service.delete(both.ada, record.instance)[0]
    both.service.approve(both.grace, deletion.number)
    both.pass_time(minutes=5)
    both.jira.log.clear()
    both.clock.forward(days=1)
    both.turn()
    assert both.jira.log == []


@pytest.mark.parametrize("jira", [False], indirect=True)
def test_data_center_calls_twice_for_a_comment_and_never_again_and_all_is_told_once(both: Both) -> None:
    """Its calls have no name and are not repeated: what one that was lost would have said, a look finds."""
    number = waiting(both)
    issue = both.jira.find("DBA-2")
    assert issue is not None
    both.jira.comment(issue, TOM, "Which size?")
    both.webhooks.deliver()
    assert [made.status for made in both.webhooks.made] == [200, 200]
    both.turn()
    assert both.story(number) == ["Tom Tester (Jira) commented on DBA-2"]
    both.webhooks.hooks[:] = [Hook("http://127.0.0.1:9/jira/events", SECRET)]
    both.clock.forward(seconds=1)
    both.jira.transition("DBA-2", "Done", TOM)
    both.webhooks.deliver()
    assert (both.webhooks.made[-1].status, both.webhooks.waiting) == (0, [])
    both.pass_time(minutes=5)
    assert both.service.show(both.ada, number).state is RequestState.FULFILLED
    assert both.story(number)[1:] == ["Tom Tester (Jira) moved DBA-2 from To Do to Done"]
