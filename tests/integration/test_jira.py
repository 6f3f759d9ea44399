"""The handler of `jira.Issue` against a Jira on a real socket, which is as unpleasant as real ones."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from bot.demo.jira.population import BOT
from bot.demo.jira.site import Answer, Received
from bot.errors import Blocked, Misconfigured, PermanentError, TemporaryError
from bot.handler import Done, Event, Pending
from bot.handlers.jira import Issue, IssueHandler
from tests.integration import jira_openapi
from tests.integration.jira_site import START, Clock, Crash, Server, Site, Step

ISSUE = Issue(project="DBA", summary="PostgreSQL orders for Ada", description="size *small*\n[~accountid:123]")
OPS = Issue(project="OPS", summary="Einmal bitte")
CUT = Answer(0, cut=True)
HTML = Answer(200, page="<html>Log in</html>")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=[True, False], ids=["Cloud", "DataCenter"])
def site(request: pytest.FixtureRequest, server: Server) -> Iterator[Site]:
    yield from _checked(server.site(cloud=request.param))


@pytest.fixture
def cloud(server: Server) -> Iterator[Site]:
    yield from _checked(server.site(cloud=True))


def _checked(site: Site) -> Iterator[Site]:
    """Every request that arrived must be one that Atlassian's document knows."""
    yield site
    if jira_openapi.DOCUMENT.exists():
        wrong = {f"{one.method} {one.path}": told for one in site.jira.log if (told := jira_openapi.problems(one))}
        assert wrong == {}


def connect(site: Site, **settings: str) -> IssueHandler:
    user = BOT.email if site.jira.cloud else ""
    return site.handler(JIRA_USER=user, **settings)


def made(site: Site) -> list[str]:
    return [issue.key for issue in site.jira.issues.values()]


def event(name: Any, *, kind: Any = "create", request: str = "REQ-13", **more: Any) -> Event:
    return Event(name=name, request=request, kind=kind, at=START, **more)


def opened(site: Site, issue: Issue = ISSUE) -> tuple[IssueHandler, Step]:
    handler, step = connect(site), site.step()
    assert isinstance(step.keep(handler.apply(issue, step.context())), Done)
    return handler, step


def status(site: Site, key: str) -> str:
    issue = site.jira.find(key)
    assert issue is not None
    return issue.status.name


def bodies(site: Site, key: str) -> list[str]:
    issue = site.jira.find(key)
    assert issue is not None
    return [comment.body for comment in issue.comments]


# -- creating


def test_an_issue_is_made_with_one_post_and_its_key_is_known(site: Site) -> None:
    handler, step = connect(site), site.step()
    answer = handler.apply(ISSUE, step.context())
    assert isinstance(answer, Done)
    assert answer.outputs["key"] == "DBA-1"
    assert answer.outputs["url"] == f"{site.url}/browse/DBA-1"
    assert set(answer.state) == {"id", "key"}
    assert len(site.jira.received("POST", "issue")) == 1


def test_the_intent_is_stored_before_anything_is_sent(site: Site) -> None:
    _, step = opened(site)
    assert set(step.saves[0]) == {"ref", "label", "since", "attempts"}
    sent = site.jira.received("POST", "issue")[0].body
    assert step.saves[0]["label"] in sent["fields"]["labels"]
    assert sent["properties"][0]["value"] == {"ref": step.saves[0]["ref"], "for": "INS-7/ticket"}


def test_what_people_typed_has_no_markup_in_it(site: Site) -> None:
    opened(site)
    description = site.jira.issues[next(iter(site.jira.issues))].fields["description"]
    assert description.startswith("size \\*small\\*\n\\[\\~accountid:123\\]")
    assert description.endswith("Frontdesk REQ-13")


def test_applying_again_makes_nothing_new(site: Site) -> None:
    handler, step = opened(site)
    again = handler.apply(ISSUE, step.context())
    assert isinstance(again, Done)
    assert again.outputs["key"] == "DBA-1"
    assert made(site) == ["DBA-1"]


def test_a_connection_that_breaks_after_the_creation_leads_to_the_same_issue(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Pending)
    answer = handler.apply(ISSUE, step.context())
    assert isinstance(answer, Done)
    assert made(site) == [answer.outputs["key"]] == ["DBA-1"]
    assert len(site.jira.received("POST", "issue")) == 1


def test_a_refused_second_attempt_does_not_forget_the_first(site: Site) -> None:
    site.jira.lag = 1000
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    site.clock.forward(301)
    site.jira.fail("POST", "issue", Answer(429))
    with pytest.raises(TemporaryError):
        handler.apply(ISSUE, step.context())
    site.clock.forward(1000)
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(site) == ["DBA-1"]


@pytest.mark.parametrize("lost", [CUT, HTML, Answer(500), Answer(503, {"errors": None}), Answer(201, {}), Answer(201)])
def test_an_issue_whose_answer_is_lost_is_looked_for_while_the_search_lags(site: Site, lost: Answer) -> None:
    site.jira.lag = 200
    site.jira.fail("POST", "issue", lost, commit=True)
    handler, step = connect(site), site.step()
    for _ in range(20):
        answer = step.keep(handler.apply(ISSUE, step.context()))
        if isinstance(answer, Done):
            break
        assert isinstance(answer, Pending)
        assert answer.delay
        site.clock.forward(answer.delay)
    assert isinstance(answer, Done)
    assert made(site) == ["DBA-1"]


def test_an_answer_that_comes_too_late_is_a_lost_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.handlers.jira.site.TIMEOUT", (5, 0.2))
    site.jira.fail("POST", "issue", commit=True, delay=0.4)
    handler, step = connect(site), site.step()
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Pending)
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Done)
    assert made(site) == ["DBA-1"]


def test_an_issue_that_the_search_shows_although_it_is_gone_is_not_adopted(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    site.jira.fail("GET", r"issue/\d+", Answer(404, {"errorMessages": ["Issue does not exist"]}))
    assert isinstance(handler.apply(ISSUE, step.context()), Pending)


def test_an_attempt_that_made_nothing_is_repeated_only_after_the_window(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    ref = step.state["ref"]
    site.clock.forward(299)
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Pending)
    assert made(site) == []
    site.clock.forward(2)
    assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Done)
    assert made(site) == ["DBA-1"]
    assert site.jira.received("POST", "issue")[-1].body["properties"][0]["value"]["ref"] == ref


def test_a_jira_that_breaks_down_on_every_attempt_is_shown_to_a_person_who_can_retry(site: Site) -> None:
    site.jira.fail("POST", "issue", Answer(500), times=5)
    handler, step = connect(site), site.step()
    for _ in range(5):
        assert isinstance(step.keep(handler.apply(ISSUE, step.context())), Pending)
        site.clock.forward(301)
    with pytest.raises(PermanentError, match="broke down 5 times"):
        handler.apply(ISSUE, step.context())
    assert made(site) == []
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_the_window_can_be_set(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT)
    handler, step = connect(site, JIRA_SEARCH_WINDOW="0"), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    with pytest.raises(Misconfigured, match="JIRA_SEARCH_WINDOW"):
        connect(site, JIRA_SEARCH_WINDOW="soon")


def test_a_crash_between_the_intent_and_the_answer_makes_no_second_issue(
    site: Site,
) -> None:
    handler, step = connect(site), site.step()
    context = step.context()

    def die_on_the_second(state: Mapping[str, Any]) -> None:
        if step.saves:
            raise Crash
        context.save(state)

    with pytest.raises(Crash):
        handler.apply(ISSUE, replace(context, save=die_on_the_second))
    answer = connect(site).apply(ISSUE, step.context())
    assert isinstance(answer, Done)
    assert made(site) == ["DBA-1"]


def test_a_crash_before_the_intent_is_stored_makes_nothing(site: Site) -> None:
    def die(_: object) -> None:
        raise Crash

    with pytest.raises(Crash):
        connect(site).apply(ISSUE, replace(site.step().context(), save=die))
    assert made(site) == []


def test_a_worker_that_has_lost_its_lease_makes_nothing(site: Site) -> None:
    step = site.step()
    step.cancelled = True
    with pytest.raises(TemporaryError):
        connect(site).apply(ISSUE, step.context())
    assert made(site) == []


def test_a_clone_by_a_person_is_not_adopted(cloud: Site) -> None:
    cloud.jira.fail("POST", "issue", CUT)
    handler, step = connect(cloud), cloud.step()
    step.keep(handler.apply(ISSUE, step.context()))
    somebody = BOT.__class__("42", "Linus", "linus@example.com", "other")
    fields = {"summary": "clone", "labels": [step.state["label"]]}
    cloud.jira.create(cloud.jira.projects["DBA"], "10001", somebody, fields)
    assert isinstance(handler.apply(ISSUE, step.context()), Pending)


def test_an_issue_without_its_property_is_ours_if_we_created_it(site: Site) -> None:
    site.jira.keeps_properties = False
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_of_two_that_were_made_all_the_same_the_first_counts_and_the_other_is_closed(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    first = site.jira.find("DBA-1")
    assert first is not None
    double = site.jira.create(first.project, first.type, first.creator, dict(first.fields))
    double.properties = dict(first.properties)
    answer = handler.apply(ISSUE, step.context())
    assert isinstance(answer, Done)
    assert answer.outputs["key"] == "DBA-1"
    assert status(site, "DBA-2") == "Done"
    assert "DBA-1 is the one that counts" in bodies(site, "DBA-2")[0]


# -- being refused


def test_a_field_that_jira_refuses_fails_the_step_with_its_words_and_can_be_tried_again(site: Site) -> None:
    handler, step = connect(site), site.step()
    bad = ISSUE.model_copy(update={"fields": {"priority": {"name": "Urgent"}}})
    with pytest.raises(PermanentError) as caught:
        handler.apply(bad, step.context())
    assert "create an issue in project DBA" in str(caught.value)
    assert "priority: Specify a valid 'id' or 'name' for Priority" in str(caught.value)
    assert step.state == {}
    good = ISSUE.model_copy(update={"fields": {"Priority": {"name": "High"}}})
    assert isinstance(handler.apply(good, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_a_field_is_found_by_its_name(site: Site) -> None:
    opened(site, OPS.model_copy(update={"fields": {"team": "Daten"}}))
    assert site.jira.issues[next(iter(site.jira.issues))].fields["customfield_10050"] == "Daten"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"project": "NOPE"}, "project NOPE"),
        ({"type": "Epic"}, "has no issue type Epic. It has: Task, Bug"),
        ({"fields": {"Colour": "red"}}, "has no field Colour"),
    ],
)
def test_what_does_not_exist_is_named(site: Site, change: dict[str, Any], text: str) -> None:
    with pytest.raises(PermanentError, match=text):
        connect(site).apply(ISSUE.model_copy(update=change), site.step().context())
    assert site.jira.received("POST", "issue") == []


def test_a_create_screen_without_labels_is_refused_before_anything_is_made(site: Site) -> None:
    del site.jira.projects["DBA"].screen["labels"]
    with pytest.raises(PermanentError, match="no Labels field"):
        connect(site).apply(ISSUE, site.step().context())
    assert made(site) == []


def test_a_wrong_token_says_what_to_renew_and_shows_nothing_of_it(site: Site) -> None:
    with pytest.raises(Blocked, match="JIRA_TOKEN") as caught:
        connect(site, JIRA_TOKEN="wrong-token").apply(ISSUE, site.step().context())
    assert "wrong-token" not in str(caught.value)
    assert "Authorization" not in str(caught.value)


def test_a_missing_permission_says_so(site: Site) -> None:
    site.jira.fail("POST", "issue", Answer(403, {"errorMessages": ["You cannot create issues here."]}))
    with pytest.raises(PermanentError, match="You cannot create issues here"):
        connect(site).apply(ISSUE, site.step().context())


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"Retry-After": "7", "RateLimit-Reason": "jira-burst-based"}, 7),
        ({"Retry-After": "1847", "RateLimit-Reason": "jira-quota-global-based"}, 1847),
        ({"Retry-After": "999999", "RateLimit-Reason": "jira-quota-tenant-based"}, 3600),
        ({"Retry-After": "0.5", "RateLimit-Reason": "jira-per-issue-on-write"}, 1),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1),
        ({"Retry-After": "soon"}, 60),
        ({}, 60),
    ],
)
def test_too_many_requests_waits_as_long_as_jira_says(cloud: Site, headers: dict[str, str], delay: float) -> None:
    cloud.jira.fail("POST", "issue", Answer(429, {"errors": None, "errorMessages": None}, headers))
    handler, step = connect(cloud), cloud.step()
    with pytest.raises(TemporaryError) as caught:
        handler.apply(ISSUE, step.context())
    assert caught.value.delay == delay
    cloud.clock.forward(delay)
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(cloud) == ["DBA-1"]


def test_nothing_is_sent_twice_by_the_library(cloud: Site) -> None:
    cloud.jira.fail("GET", "serverInfo", Answer(503, None, {"Retry-After": "1"}), times=5)
    with pytest.raises(TemporaryError):
        opened(cloud)
    assert len(cloud.jira.received("GET", "serverInfo")) == 1


def test_an_expired_token_is_not_mistaken_for_an_empty_answer(site: Site) -> None:
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    site.jira.expired = True
    site.clock.forward(1000)
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.apply(ISSUE, step.context())
    assert "ref" in step.state
    site.jira.expired = False
    assert isinstance(handler.apply(ISSUE, step.context()), Done)
    assert made(site) == ["DBA-1"]


def test_an_expired_token_is_not_mistaken_for_an_issue_that_is_gone(site: Site) -> None:
    handler, step = opened(site)
    site.jira.expired = True
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    with pytest.raises(Blocked, match="JIRA_TOKEN"):
        handler.delete(ISSUE, step.context("REQ-14/ticket"))


def test_a_login_page_instead_of_data_is_tried_again(site: Site) -> None:
    site.jira.fail("GET", "issue/createmeta/.*", HTML)
    with pytest.raises(TemporaryError, match="login page"):
        connect(site).apply(ISSUE, site.step().context())


def test_a_redirect_is_not_followed(site: Site) -> None:
    site.jira.fail("POST", "issue", Answer(302, None, {"Location": f"{site.url}/rest/api/2/myself"}))
    with pytest.raises(PermanentError, match="JIRA_URL"):
        connect(site).apply(ISSUE, site.step().context())


def test_a_jira_that_is_down_makes_nothing_and_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    handler = IssueHandler({"JIRA_URL": f"http://127.0.0.1:{port}", "JIRA_TOKEN": "x"})
    step = Step(Clock())
    with pytest.raises(TemporaryError, match="cannot be reached"):
        handler.apply(ISSUE, step.context())
    assert step.saves == []


def test_an_address_that_is_none_stops_the_boot() -> None:
    with pytest.raises(Misconfigured, match="JIRA_URL"):
        IssueHandler({"JIRA_URL": "jira.example.com", "JIRA_TOKEN": "x"})


# -- following


def test_the_issue_goes_the_whole_way(site: Site) -> None:
    handler, step = opened(site)
    handler.follow(ISSUE, step.context(), event("approved", by="Grace *Hopper*", reason="fine"))
    assert status(site, "DBA-1") == "In Progress"
    handler.follow(ISSUE, step.context(), event("fulfilled", outputs={"host": "db-1.example", "port": 5432}))
    assert status(site, "DBA-1") == "Done"
    approved, fulfilled = bodies(site, "DBA-1")
    assert "REQ-13 approved* by Grace \\*Hopper\\*: fine" in approved
    assert "host: db-1.example" in fulfilled


@pytest.mark.parametrize("name", ["approved", "rejected", "fulfilled", "failed", "edited"])
def test_the_same_event_twice_is_said_once(site: Site, name: str) -> None:
    handler, step = opened(site)
    for _ in range(2):
        handler.follow(ISSUE, step.context(), event(name, by="Grace"))
    assert len(bodies(site, "DBA-1")) == 1


def test_a_comment_whose_answer_was_lost_is_not_sent_again(site: Site) -> None:
    handler, step = opened(site)
    site.jira.fail("POST", "issue/.*/comment", CUT, commit=True)
    with pytest.raises(TemporaryError):
        handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    assert len(bodies(site, "DBA-1")) == 1
    assert status(site, "DBA-1") == "In Progress"


def test_the_mark_is_found_among_very_many_comments_and_only_in_our_own(site: Site) -> None:
    handler, step = opened(site)
    handler.follow(ISSUE, step.context(), event("failed", reason="no disk"))
    issue, somebody = site.jira.find("DBA-1"), BOT.__class__("42", "Linus", "linus@example.com", "other")
    assert issue is not None
    for _ in range(250):
        site.jira.comment(issue, somebody, "me too")
    handler.follow(ISSUE, step.context(), event("failed", reason="no disk"))
    assert sum("failed" in body for body in bodies(site, "DBA-1")) == 1
    site.jira.comment(issue, somebody, bodies(site, "DBA-1")[0])
    issue.comments[0:1] = []
    handler.follow(ISSUE, step.context(), event("failed", reason="no disk"))
    assert sum("failed" in body for body in bodies(site, "DBA-1")) == 2


@pytest.mark.parametrize("name", ["rejected", "withdrawn", "cancelled", "expired"])
def test_a_request_that_comes_to_nothing_closes_its_issue_the_way_the_author_named(site: Site, name: str) -> None:
    issue = OPS.model_copy(update={"declined": "abgelehnt", "done": "Erledigt"})
    handler, step = opened(site, issue)
    handler.follow(issue, step.context(), event(name, by="Grace", reason="too large"))
    assert status(site, "OPS-1") == "Abgelehnt"
    found = site.jira.find("OPS-1")
    assert found is not None
    assert found.fields["resolution"] == {"id": "10101"}
    assert "Grace: too large" in bodies(site, "OPS-1")[0]


def test_names_of_another_language_need_no_configuration(site: Site) -> None:
    handler, step = opened(site, OPS)
    handler.follow(OPS, step.context(), event("approved", by="Grace"))
    assert status(site, "OPS-1") == "Wird geprüft"
    wanted = OPS.model_copy(update={"started": "In Arbeit"})
    other = site.step()
    other.keep(handler.apply(wanted, other.context()))
    handler.follow(wanted, other.context(), event("approved", by="Grace"))
    assert status(site, "OPS-2") == "In Arbeit"


def test_without_a_way_there_a_person_is_asked_once(site: Site) -> None:
    handler, step = opened(site, OPS)
    site.jira.projects["OPS"].transitions = site.jira.projects["OPS"].transitions[:1]
    for _ in range(2):
        handler.follow(OPS, step.context(), event("fulfilled"))
    assert status(site, "OPS-1") == "Eingang"
    assert ["Please move it" in body for body in bodies(site, "OPS-1")] == [False, True]


def test_a_move_that_an_automation_takes_back_is_shown_to_a_person(site: Site) -> None:
    handler, step = opened(site)
    site.jira.fail("POST", "issue/.*/transitions", Answer(204))
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    assert "Please move it" in bodies(site, "DBA-1")[-1]


def test_an_issue_that_a_person_has_closed_stays_closed(site: Site) -> None:
    handler, step = opened(site)
    site.jira.transition("DBA-1", "Done")
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    handler.follow(ISSUE, step.context(), event("fulfilled"))
    assert status(site, "DBA-1") == "Done"
    assert site.jira.received("POST", "issue/.*/transitions") == []


def test_a_conflicting_move_is_tried_again(site: Site) -> None:
    handler, step = opened(site)
    site.jira.fail("POST", "issue/.*/transitions", Answer(409, {"errorMessages": None}))
    with pytest.raises(TemporaryError):
        handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    assert status(site, "DBA-1") == "In Progress"
    assert len(bodies(site, "DBA-1")) == 1


def test_comments_stay_inside_and_transition_ids_are_strings(site: Site) -> None:
    handler, step = opened(site)
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    issue = site.jira.find("DBA-1")
    assert issue is not None
    assert not issue.comments[0].public
    assert site.jira.received("POST", "issue/.*/transitions")[0].body == {"transition": {"id": "21"}}


def test_a_request_to_delete_leaves_the_issue_where_it_is_until_it_is_done(site: Site) -> None:
    handler, step = opened(site)
    for name in ("approved", "rejected"):
        handler.follow(ISSUE, step.context(), event(name, kind="delete", request="REQ-14", by="Grace"))
    assert status(site, "DBA-1") == "To Do"
    assert "REQ-14 approved* (to delete it) by Grace" in bodies(site, "DBA-1")[0]
    handler.follow(ISSUE, step.context(), event("fulfilled", kind="delete", request="REQ-14"))
    assert status(site, "DBA-1") == "Done"


def test_a_moved_issue_is_followed_by_its_id(site: Site) -> None:
    handler, step = opened(site)
    site.jira.move("DBA-1", "OPS")
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    assert status(site, "OPS-1") == "Wird geprüft"


def test_an_issue_that_somebody_deleted_is_told_nothing(site: Site) -> None:
    handler, step = opened(site)
    site.jira.remove("DBA-1")
    handler.follow(ISSUE, step.context(), event("approved", by="Grace"))
    assert made(site) == []


def test_an_archived_issue_is_not_retried(site: Site) -> None:
    handler, step = opened(site)
    site.jira.archive("DBA-1")
    with pytest.raises(PermanentError, match="archived"):
        handler.follow(ISSUE, step.context(), event("approved", by="Grace"))


def test_a_request_that_ends_before_its_issue_is_known_is_told_later(site: Site) -> None:
    site.jira.lag = 100
    site.jira.fail("POST", "issue", CUT, commit=True)
    handler, step = connect(site), site.step()
    step.keep(handler.apply(ISSUE, step.context()))
    with pytest.raises(TemporaryError, match="not known yet"):
        handler.follow(ISSUE, step.context(), event("withdrawn", by="Ada"))
    site.clock.forward(101)
    handler.follow(ISSUE, step.context(), event("withdrawn", by="Ada"))
    assert status(site, "DBA-1") == "Done"


def test_a_request_that_never_had_an_issue_is_told_nothing(site: Site) -> None:
    connect(site).follow(ISSUE, site.step().context(), event("withdrawn"))
    assert site.jira.log == []


# -- waiting, deleting, changing


def test_a_waiting_step_ends_when_somebody_closes_the_issue(site: Site) -> None:
    issue = ISSUE.model_copy(update={"wait": True})
    handler, step = connect(site), site.step()
    first = step.keep(handler.apply(issue, step.context()))
    second = step.keep(handler.apply(issue, step.context()))
    assert isinstance(first, Pending)
    assert first == second
    assert first.delay == 1800
    assert first.reason == "DBA-1 is To Do"
    site.jira.move("DBA-1", "OPS")
    site.jira.transition("OPS-1", "Erledigt")
    answer = handler.apply(issue, step.context())
    assert isinstance(answer, Done)
    assert answer.outputs["key"] == "OPS-1"


def test_a_waiting_step_fails_when_somebody_declines_or_deletes_the_issue(site: Site) -> None:
    issue = OPS.model_copy(update={"wait": True, "declined": "Abgelehnt"})
    handler, step = connect(site), site.step()
    step.keep(handler.apply(issue, step.context()))
    site.jira.transition("OPS-1", "Abgelehnt")
    with pytest.raises(PermanentError, match="closed OPS-1 as Abgelehnt"):
        handler.apply(issue, step.context())
    site.jira.remove("OPS-1")
    answer = step.keep(handler.apply(issue, step.context()))
    assert isinstance(answer, Pending)
    assert "looked for again" in answer.reason
    assert answer.delay == 120
    site.clock.forward(answer.delay)
    with pytest.raises(PermanentError, match="OPS-1 is not there any more.*Retry looks for it again"):
        handler.apply(issue, step.context())
    assert made(site) == []


def test_a_waiting_step_fails_when_somebody_archives_the_issue_and_goes_on_once_it_is_restored(site: Site) -> None:
    issue = ISSUE.model_copy(update={"wait": True})
    handler, step = connect(site), site.step()
    step.keep(handler.apply(issue, step.context()))
    site.jira.archive("DBA-1")
    with pytest.raises(PermanentError, match="DBA-1 was archived in Jira.*Restore it, then retry"):
        handler.apply(issue, step.context())
    site.jira.archive("DBA-1", archived=False)
    assert isinstance(handler.apply(issue, step.context()), Pending)


def test_deleting_twice_comments_once_and_keeps_the_issue(site: Site) -> None:
    handler, step = opened(site)
    first = step.keep(handler.delete(ISSUE, step.context("REQ-14/ticket")))
    second = handler.delete(ISSUE, step.context("REQ-14/ticket"))
    assert first == second
    assert isinstance(first, Done)
    assert status(site, "DBA-1") == "Done"
    assert ["REQ" in body and "14" in body for body in bodies(site, "DBA-1")] == [True]


def test_deleting_what_is_archived_is_done(site: Site) -> None:
    handler, step = opened(site)
    site.jira.archive("DBA-1")
    assert isinstance(handler.delete(ISSUE, step.context("REQ-14/ticket")), Done)


def test_deleting_what_is_gone_or_never_was_is_done(site: Site) -> None:
    handler, step = opened(site)
    site.jira.remove("DBA-1")
    assert isinstance(handler.delete(ISSUE, step.context("REQ-14/ticket")), Done)
    assert isinstance(handler.delete(ISSUE, site.step().context("REQ-15/ticket")), Done)


def test_an_update_writes_what_differs(site: Site) -> None:
    handler, step = opened(site)
    step.previous = ISSUE
    changed = ISSUE.model_copy(update={"summary": "PostgreSQL orders, large", "fields": {"Priority": {"name": "High"}}})
    assert isinstance(handler.apply(changed, step.context("REQ-14/ticket")), Done)
    edits = [one.body for one in site.jira.received("PUT", "issue/.*")]
    assert edits == [{"fields": {"summary": "PostgreSQL orders, large", "priority": {"name": "High"}}}]
    with pytest.raises(PermanentError, match="project cannot be changed"):
        handler.apply(changed.model_copy(update={"project": "OPS"}), step.context("REQ-14/ticket"))


def test_many_threads_share_one_handler(site: Site) -> None:
    handler, keys = connect(site), set()

    def work(number: int) -> None:
        step = site.step()
        step.identity = f"INS-{number}/ticket"
        answer = handler.apply(ISSUE, step.context())
        assert isinstance(answer, Done)
        keys.add(answer.outputs["key"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8


def test_a_plan_asks_jira_nothing(site: Site) -> None:
    handler, step = connect(site), site.step()
    assert "Opens an issue (Task) in Jira project DBA: PostgreSQL orders" in handler.plan(ISSUE, step.context())
    assert site.jira.log == []
    opened_handler, other = opened(site)
    other.previous = ISSUE
    assert opened_handler.plan(ISSUE, other.context()) == "DBA-1 stays as it is."
    changed = ISSUE.model_copy(update={"summary": "x"})
    assert opened_handler.plan(changed, other.context()) == "Changes summary of DBA-1."


# -- the stand-in itself


def test_its_pages_show_text_and_never_markup(cloud: Site) -> None:
    opened(cloud, ISSUE.model_copy(update={"summary": "<script>alert(1)</script>", "description": "<b>"}))
    page = requests.get(f"{cloud.url}/browse/DBA-1", timeout=5)
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "DBA-1" in requests.get(cloud.url, timeout=5).text
    assert requests.get(f"{cloud.url}/browse/DBA-9", timeout=5).status_code == 404


def test_it_answers_to_its_own_names_only(cloud: Site) -> None:
    assert requests.get(cloud.url, headers={"Host": "evil.example"}, timeout=5).status_code == 400


def test_it_counts_writes_to_one_issue_and_refuses_plain_text_on_v3(cloud: Site) -> None:
    opened(cloud)
    auth = (BOT.email, BOT.token)
    answers = [
        requests.post(f"{cloud.url}/rest/api/latest/issue/DBA-1/comment", json={"body": "x"}, auth=auth, timeout=5)
        for _ in range(21)
    ]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429]
    assert answers[-1].headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    cloud.clock.forward(timedelta(minutes=1).total_seconds())
    v3 = requests.post(f"{cloud.url}/rest/api/3/issue/DBA-1/comment", json={"body": "x"}, auth=auth, timeout=5)
    assert v3.status_code == 400


def test_the_removed_search_is_gone_on_cloud(cloud: Site) -> None:
    got = requests.get(f"{cloud.url}/rest/api/2/search", auth=(BOT.email, BOT.token), timeout=5)
    assert got.status_code == 410
    assert "removed" in json.dumps(got.json())


def test_a_reset_is_a_reset(cloud: Site) -> None:
    cloud.jira.fail("GET", "myself", CUT)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{cloud.url}/rest/api/2/myself", timeout=5)


def test_the_comparison_with_atlassians_document_finds_what_is_wrong() -> None:
    def told(method: str, path: str, body: Any = None, query: list[tuple[str, str]] | None = None) -> list[str]:
        return jira_openapi.problems(Received(method, path, "2", query or [], {}, body, ""))

    jira_openapi.document()
    assert told("POST", "issue", {"fields": {"summary": "x", "description": "plain"}}) == []
    assert told("POST", "issue", {"fields": {}, "properties": {"key": "a"}})
    assert told("POST", "issue/1/transitions", {"transition": {"id": 31}})
    assert told("POST", "issue/1/transitions")
    assert told("GET", "issue/1/comment", query=[("orderBy", "newest")])
    assert told("GET", "issue/1/comment", query=[("order", "-created")])
    assert told("GET", "nothing/like/this")
