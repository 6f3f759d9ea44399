"""What runs beside local-slack, in its network namespace: Jira's stand-in, the bot as a process, and people.

Usage: python -m tests.acceptance.local_slack_walk WALK FOLDER     with WALK one of socket, http, forged, kinds.
FOLDER has `offerings`; the bot's database and log are written there. Exit code 0: everybody saw what they should.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bot.demo.jira import population as jira_population
from bot.demo.jira import server as jira_server
from bot.demo.jira.entities import Issue
from bot.demo.jira.site import JiraStandIn
from bot.demo.server import Server
from tests.acceptance import local_slack, local_slack_kinds
from tests.acceptance.local_slack import Person, buttons, card, modal, text_of, until

ADA, GRACE, MARGARET = Person("ada"), Person("grace"), Person("margaret")


@contextmanager
def running(
    folder: Path, jira_url: str, *, socket_mode: bool, secret: str = local_slack.SIGNING_SECRET
) -> Iterator[None]:
    """`python -m bot run`, ready; ended by SIGTERM."""
    given = {
        "DATABASE_URL": f"sqlite:///{folder}/frontdesk.db",
        "OFFERINGS": str(folder / "offerings"),
        "PORT": str(local_slack.BOT_PORT),
        "SLACK_API_URL": f"http://{local_slack.ADDRESS}/api/",
        "SLACK_BOT_TOKEN": local_slack.BOT_TOKEN,
        "SLACK_SIGNING_SECRET": secret,
        "JIRA_URL": jira_url,
        "JIRA_USER": jira_population.BOT.email,
        "JIRA_TOKEN": jira_population.BOT.token,
        "FRONTDESK_PACE": "0",
    }
    given |= {"SLACK_APP_TOKEN": local_slack.APP_TOKEN} if socket_mode else {}
    with (folder / "bot.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-m", "bot", "run"], env=os.environ | given, stdout=log, stderr=log)
        try:
            until(lambda: _ready(process), "the bot is ready", 120)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _ready(process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "the bot has ended"
    try:
        return httpx.get(f"http://127.0.0.1:{local_slack.BOT_PORT}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def story(jira: JiraStandIn) -> None:
    """From the catalogue to the instance in the list."""
    catalogue = ADA.opens("/platform")
    assert catalogue["title"]["text"] == "Platform catalogue"
    assert "A database for one team" in text_of(catalogue)
    assert ADA.fills(offering="PostgreSQL") == {}
    assert (form := modal()) is not None
    assert form["title"]["text"] == "PostgreSQL"
    assert list(ADA.fills(name="Orders DB")) == ["/name"]
    assert modal() == form, "nothing that was typed is lost"
    assert ADA.fills(name="orders") == {}
    assert (confirmation := modal()) is not None
    assert confirmation["title"]["text"] == "REQ-1"
    assert "It waits for @dba" in text_of(confirmation)

    posted = card("REQ-1")
    assert buttons(posted) == ["approve", "reject"]
    assert "orders" in text_of(posted)
    assert "See its card" in text_of(ADA.told("asked for. It waits for"))
    issue = until(lambda: next(iter(jira.issues.values()), None), "the Jira issue")
    assert issue.fields["summary"] == "PostgreSQL orders for Ada Lovelace"

    decided(issue)
    done(issue)


def decided(issue: Issue) -> None:
    """Clicks that count, and clicks that are answered."""
    ADA.clicks(card("REQ-1"), "approve")
    assert ADA.told("REQ-1 is for @dba to decide. Ask one of them.")["ephemeral_to"] == ADA.id
    GRACE.types("/platform waiting")
    GRACE.told("*REQ-1* · PostgreSQL · asked for by")
    stale = card("REQ-1")
    GRACE.clicks(stale, "approve")
    card("REQ-1", having="Approved by <@U01GRACE>")
    ADA.told("approved by <@U01GRACE>")
    until(lambda: any("pproved" in comment.body for comment in issue.comments), "the approval in Jira")
    Person("linus").clicks(stale, "approve")
    assert Person("linus").told("Nothing was changed")["ephemeral_to"] == "U01LINUS"


def done(issue: Issue) -> None:
    """A person does it, and reports the promised outputs."""
    waiting = card("REQ-1", having="complete")
    assert buttons(waiting) == ["complete", "refuse"]
    GRACE.clicks(waiting, "complete")
    until(lambda: (view := modal()) and view["callback_id"] == "complete", "the question for outputs")
    assert GRACE.fills(host="db1.example.com") == {}
    told = ADA.told("REQ-1 · PostgreSQL*: ready")
    assert "`db1.example.com`" in text_of(told)
    assert "`5432`" in text_of(told)
    finished = card("REQ-1", having="*Done*")
    until(lambda: buttons(card("REQ-1")) == [], "a card without buttons")
    assert finished["ts"] == waiting["ts"], "the card changes in place"
    until(lambda: issue.status.category == "done", "the issue is closed")
    ADA.types("/platform list")
    assert "db1.example.com" in text_of(ADA.told("*INS-1* · PostgreSQL · ready"))
    ADA.types("/platform show REQ-1")
    ADA.told("finished it")


def rejected(jira: JiraStandIn) -> None:
    """A prefilled form, and a reason."""
    form = ADA.opens("/platform request postgres name=billing size=small")
    element = {block["block_id"]: block["element"] for block in form["blocks"]}
    assert element["/name"]["initial_value"] == "billing"
    assert element["/size"]["initial_option"]["value"] == "small"
    assert ADA.fills() == {}
    GRACE.clicks(card("REQ-2", having="/browse/"), "reject")
    until(lambda: (view := modal()) and view["callback_id"] == "reject", "the question for a reason")
    assert GRACE.fills(reason="There is one already.") == {}
    card("REQ-2", having="There is one already.")
    until(lambda: buttons(card("REQ-2")) == [], "a card without buttons")
    assert "There is one already." in text_of(ADA.told("rejected by <@U01GRACE>"))
    until(lambda: all(i.status.category == "done" for i in jira.issues.values()), "both issues are closed")


def withdrawn() -> None:
    """The requester changes their mind."""
    ADA.opens("/platform request access")
    assert ADA.fills(system="billing", member=MARGARET.id, until="2099-12-31", reason="Quarterly books") == {}
    ADA.clicks(ADA.told("REQ-3 · Access to a system*: asked for"), "withdraw")
    card("REQ-3", "access", having="Withdrawn")
    until(lambda: buttons(card("REQ-3", "access")) == [], "a card without buttons")
    ADA.told("withdrawn by <@U01ADA>")


def self_decided() -> None:
    """Nobody decides on their own request."""
    GRACE.opens("/platform request postgres name=mine")
    assert GRACE.fills() == {}
    GRACE.clicks(card("REQ-4"), "approve")
    assert GRACE.told("You asked for REQ-4 yourself")["ephemeral_to"] == GRACE.id
    assert buttons(card("REQ-4")) == ["approve", "reject"]


def forged(folder: Path, jira_url: str) -> None:
    """A bot with another signing secret takes nothing from this Slack; with the right one, everything."""
    with running(folder, jira_url, socket_mode=False, secret="another secret"):
        ADA.types("/platform")
        until(lambda: any("HTTP 401" in line for line in local_slack.reached()), "the refusal")
        assert modal() is None
    with running(folder, jira_url, socket_mode=False):
        ADA.opens("/platform")


def main(walk: str, folder: Path) -> None:
    jira = jira_population.populate(JiraStandIn())
    with Server(jira_server.build(jira)) as site:
        if walk == "forged":
            forged(folder, site.url)
            return
        with running(folder, site.url, socket_mode=walk in ("socket", "kinds")):
            if walk == "kinds":
                local_slack_kinds.kinds()
                local_slack_kinds.beyond()
                return
            story(jira)
            rejected(jira)
            withdrawn()
            self_decided()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
