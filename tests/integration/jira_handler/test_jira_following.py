"""An issue is told how its request goes on."""

import pytest

from bot.demo.jira.population import BOT
from bot.demo.jira.site import Answer
from bot.errors import PermanentError, TemporaryError
from tests.integration.jira_handler.handling import CUT, ISSUE, OPS, bodies, connect, event, made, opened, status
from tests.integration.jira_site import Site


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
