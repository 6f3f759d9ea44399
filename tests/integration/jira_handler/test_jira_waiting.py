"""Steps that wait for an issue, take it back or change it."""

import threading

import pytest

from bot.errors import PermanentError
from bot.handler import Done, Pending
from tests.integration.jira_handler.handling import ISSUE, OPS, bodies, connect, made, opened, status
from tests.integration.jira_site import Site


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
