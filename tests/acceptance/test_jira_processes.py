"""News from Jira with real processes: Jira calls the web process, one of two workers looks; one of them is killed."""

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.jira.population import PEOPLE
from bot.demo.jira.webhooks import Hook, Webhooks
from tests.acceptance.site import Site, site, until
from tests.conftest import address, create_database
from tests.integration.office import text_of

MIA, TOM = PEOPLE
SECRET = "It's a Secret to Everybody"


@pytest.fixture
def apart(tmp_path: Path, postgres_url: str) -> Iterator[Site]:
    """A site on PostgreSQL, migrated, where nothing runs yet."""
    name = f"j{uuid.uuid4().hex}"
    create_database(postgres_url, name)
    with site(tmp_path, socket_mode=True, database=address(postgres_url, name)) as opened:
        opened.environment |= {"JIRA_WEBHOOK_SECRET": SECRET}
        opened.migrate()
        yield opened


def quoted(opened: Site, words: str) -> list[str]:
    """What threads in the card's channel say with these words."""
    said = opened.workspace.person("grace").sees("#data-platform")
    return [text_of(each) for each in said if each.thread_ts not in (None, each.ts) and words in text_of(each)]


def test_what_somebody_says_in_jira_arrives_once_from_whichever_worker_lives(apart: Site) -> None:
    web = apart.start("web")
    web.wait_until_ready()
    apart.url = web.url
    first, second = apart.start("worker"), apart.start("worker")
    first.started()
    second.started()
    webhooks = Webhooks(apart.jira, apart.environment["JIRA_URL"])
    webhooks.hooks.append(Hook(f"{web.url}/jira/events", SECRET))
    webhooks.twice = True
    with webhooks.sending():
        apart.run("request", "postgres", "--name", "orders", who="ada")
        issue = until(lambda: next(iter(apart.jira.issues.values()), None), "the ticket")
        until(lambda: "DBA-1" in text_of(apart.card("REQ-1")), "the ticket on the card")
        apart.jira.comment(issue, TOM, "On which cluster?")
        until(lambda: quoted(apart, "On which cluster?"), "the first comment in the thread")
        first.stop(signal.SIGKILL)
        apart.jira.comment(issue, MIA, "Never mind.")
        until(lambda: quoted(apart, "Never mind."), "the second comment in the thread")
    assert len(quoted(apart, "On which cluster?")) == len(quoted(apart, "Never mind.")) == 1
    assert {made.status for made in webhooks.made} == {200}
    story = apart.run("show", "REQ-1", who="grace").out
    assert "Tom Tester (Jira)" in story
