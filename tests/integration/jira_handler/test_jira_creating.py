"""An issue is made once, whatever happens while it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.demo.jira.population import BOT
from bot.demo.jira.site import Answer
from bot.errors import Misconfigured, PermanentError, TemporaryError
from bot.handler import Done, Pending
from tests.integration.jira_handler.handling import CUT, HTML, ISSUE, bodies, connect, made, opened, status
from tests.integration.jira_site import Crash, Site


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
