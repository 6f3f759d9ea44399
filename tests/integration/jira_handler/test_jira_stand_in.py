"""Jira's stand-in, where other tests do not come by."""

import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from bot.demo.jira.population import BOT
from bot.demo.jira.site import Received
from tests.integration import jira_openapi
from tests.integration.jira_handler.handling import CUT, ISSUE, opened
from tests.integration.jira_site import Site


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
