"""What the handler sees of what people do to its issues, in a Jira on a real socket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.demo.jira.population import BOT, PEOPLE
from bot.demo.jira.site import SOMEBODY, Answer
from bot.demo.jira.webhooks import Hook, Webhooks, headers
from bot.errors import Blocked, PermanentError, TemporaryError, Unproven
from bot.handler import Done, Event, News, Thing
from bot.handlers.jira import Issue, IssueHandler
from tests.integration import jira_openapi
from tests.integration.jira_site import START, Server, Site

ISSUE = Issue(project="DBA", summary="PostgreSQL orders for Ada")
MIA, TOM = PEOPLE
SECRET = "It's a Secret to Everybody"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=[True, False], ids=["Cloud", "DataCenter"])
def site(request: pytest.FixtureRequest, server: Server) -> Iterator[Site]:
    site = server.site(cloud=request.param)
    yield site
    if jira_openapi.DOCUMENT.exists():
        wrong = {f"{one.method} {one.path}": told for one in site.jira.log if (told := jira_openapi.problems(one))}
        assert wrong == {}


class Watched:
    """Issues that were opened, with what each look left, as the core keeps it."""

    def __init__(self, site: Site, count: int = 1) -> None:
        self.site = site
        self.handler: IssueHandler = site.handler(
            JIRA_USER=BOT.email if site.jira.cloud else "", JIRA_WEBHOOK_SECRET=SECRET
        )
        self.kept: list[dict[str, Any]] = []
        for number in range(count):
            step = site.step()
            step.identity = f"INS-{number + 7}/ticket"
            answer = step.keep(self.handler.apply(ISSUE, step.context()))
            assert isinstance(answer, Done)
            self.kept.append({"reference": answer.reference, "state": answer.state, "seen": {}, "step": step})

    def look(self, *, later: float = 60) -> list[Any]:
        self.site.clock.forward(later)
        things = [
            Thing(one["reference"], ISSUE, one["state"], json.loads(json.dumps(one["seen"])), self.site.clock.now)
            for one in self.kept
        ]
        found = list(self.handler.look(things))
        for one, news in zip(self.kept, found, strict=True):
            if isinstance(news, News):
                one["seen"], one["state"] = news.seen, news.state or one["state"]
        return found

    def news(self, *, later: float = 60) -> News:
        (found,) = self.look(later=later)
        assert isinstance(found, News)
        return found

    def told(self, *, later: float = 60) -> list[str]:
        """What one look has to say."""
        return [f"{note.by} {note.did}" + f": {note.quote}" * bool(note.quote) for note in self.news(later=later).notes]

    @property
    def issue(self) -> Any:
        return self.site.jira.issues[self.kept[0]["reference"]]


def test_what_people_do_is_told_once_in_its_order_with_their_names(site: Site) -> None:
    watched = Watched(site)
    assert watched.told() == []
    site.jira.comment(watched.issue, TOM, "Which *size*, [~accountid:5b10a2]?")
    site.clock.forward(1)
    site.jira.assign("DBA-1", TOM)
    site.clock.forward(1)
    site.jira.transition("DBA-1", "In Progress", TOM)
    site.jira.assign("DBA-1", None, TOM)
    assert watched.told() == [
        "Tom Tester (Jira) commented on DBA-1: Which *size*, @…?",
        "Mia Krystof (Jira) assigned DBA-1 to Tom Tester",
        "Tom Tester (Jira) moved DBA-1 from To Do to In Progress",
        "Tom Tester (Jira) took DBA-1 from Tom Tester: nobody has it now",
    ]
    assert [watched.told() for _ in range(3)] == [[], [], []]


def test_what_we_do_ourselves_is_no_news_also_under_an_account_that_we_had_before(site: Site) -> None:
    watched = Watched(site)
    step = watched.kept[0]["step"]
    for name in ("approved", "fulfilled"):
        event = Event(name=name, request="REQ-13", kind="create", at=START, by="Grace")
        watched.handler.follow(ISSUE, step.context(), event)
    assert len(watched.issue.comments) == 2
    assert watched.told() == []
    ours = watched.issue.comments[0].body
    site.jira.comment(watched.issue, BOT.__class__("42", "The old bot"), ours)
    assert watched.told() == []
    site.jira.comment(watched.issue, TOM, f"{{quote}}{ours}{{quote}}\nWhy?")
    (told,) = watched.told()
    assert told.startswith("Tom Tester (Jira) commented on DBA-1: ")
    assert told.endswith("Why?")


def test_a_comment_that_not_everybody_may_read_is_not_repeated(site: Site) -> None:
    watched = Watched(site)
    site.jira.comment(watched.issue, TOM, "the password is hunter2", public=False)
    site.jira.comment(watched.issue, TOM, "the password is hunter2", role="Administrators")
    notes = watched.news().notes
    assert [note.did for note in notes] == ["wrote a comment on DBA-1 that not everybody may read: see it in Jira"] * 2
    assert "hunter2" not in str(notes)


def test_two_things_in_the_same_moment_as_a_look_are_both_told(site: Site) -> None:
    watched = Watched(site)
    site.jira.comment(watched.issue, TOM, "first")
    assert watched.told(later=0) == ["Tom Tester (Jira) commented on DBA-1: first"]
    site.jira.comment(watched.issue, TOM, "second")  # Jira's clock has not moved
    assert watched.told() == ["Tom Tester (Jira) commented on DBA-1: second"]


def test_very_many_comments_and_changes_are_all_told(site: Site) -> None:
    watched = Watched(site)
    for number in range(130):
        site.jira.comment(watched.issue, TOM, f"comment {number}")
        site.jira.transition("DBA-1", "To Do" if number % 2 else "Done", TOM)
    assert len(set(watched.told())) == 130 + 2
    assert len(watched.news().notes) == 0
    site.jira.transition("DBA-1", "In Progress", TOM)
    assert watched.told() == ["Tom Tester (Jira) moved DBA-1 from To Do to In Progress"]


def test_a_hundred_quiet_issues_cost_one_call_on_cloud(site: Site) -> None:
    watched = Watched(site, 30)
    watched.look()
    watched.look()
    site.jira.log.clear()
    found = watched.look()
    assert all(isinstance(news, News) and not news.notes for news in found)
    assert len(site.jira.log) == (1 if site.jira.cloud else 30)


def test_the_longer_it_is_quiet_the_longer_the_rest_and_in_the_end_only_a_call_wakes_it(site: Site) -> None:
    watched = Watched(site)
    assert watched.news().again == 60
    assert watched.news(later=1200).again == 126
    assert watched.news(later=86_400).again == 600
    site.jira.transition("DBA-1", "Done")
    assert watched.news().again == 60
    assert watched.news(later=86_400).again == 8646
    assert watched.news(later=10 * 86_400).again == 21_600
    assert watched.news(later=30 * 86_400).again is None


def test_a_closed_issue_wakes_its_step_each_time_it_is_seen(site: Site) -> None:
    watched = Watched(site)
    watched.news()
    assert not watched.news().wake
    site.jira.transition("DBA-1", "In Progress")
    assert watched.news().wake
    assert not watched.news().wake
    site.jira.transition("DBA-1", "Done")
    assert [watched.news().wake for _ in range(3)] == [True] * 3


def test_a_moved_issue_has_a_new_key_and_address(site: Site) -> None:
    watched = Watched(site)
    watched.news()
    site.jira.move("DBA-1", "OPS")
    news = watched.news()
    number = watched.kept[0]["reference"]
    assert news.outputs == {"id": number, "key": "OPS-1", "url": f"{site.url}/browse/OPS-1"}
    assert news.state == {"id": number, "key": "OPS-1"}
    assert [note.did for note in news.notes] == ["moved DBA-1 to another project: it is OPS-1 now"]
    assert watched.news().outputs is None


def test_an_archived_issue_is_trouble_until_it_is_restored(site: Site) -> None:
    watched = Watched(site)
    site.jira.archive("DBA-1")
    news = watched.news()
    assert news.trouble == "DBA-1 was archived in Jira, so it can only be read. Restore it in Jira to go on with it."
    assert news.wake
    site.jira.archive("DBA-1", archived=False)
    assert watched.news().trouble is None


@pytest.mark.parametrize("gone", ["deleted", "hidden"])
def test_an_issue_that_is_gone_is_believed_to_be_gone_the_second_time(site: Site, gone: str) -> None:
    watched = Watched(site)
    watched.news()
    site.jira.remove("DBA-1") if gone == "deleted" else site.jira.hide("DBA-1")
    first = watched.news()
    assert (first.trouble, first.again) == (None, 150)
    assert watched.news(later=10).trouble is None
    second = watched.news(later=150)
    assert second.trouble is not None
    assert second.trouble.startswith("DBA-1 is not there any more: it was deleted in Jira, or moved")
    assert second.wake
    assert watched.news(later=31 * 86_400).again is None
    assert len(site.jira.received("POST", "issue")) == 1
    if gone == "hidden":
        site.jira.reveal(watched.kept[0]["reference"])
        assert watched.news().trouble is None


def test_an_expired_token_is_told_and_nothing_is_concluded_from_it(site: Site) -> None:
    watched = Watched(site, 3)
    watched.look()
    before = [one["seen"] for one in watched.kept]
    site.jira.expired = True
    asked = len(site.jira.log)
    with pytest.raises(Blocked, match="renew JIRA_TOKEN"):
        watched.look()
    assert len(site.jira.log) <= asked + 2
    site.jira.expired = False
    watched.look()
    assert [{**one["seen"], "settled": 0} for one in watched.kept] == [{**seen, "settled": 0} for seen in before]


def test_an_answer_for_nobody_is_not_believed_although_it_looks_like_an_empty_one(site: Site) -> None:
    """Jira answers 404 to whoever is not logged in; only `myself` tells a wrong token from an issue that is gone."""
    watched = Watched(site)
    site.jira.fail("POST", "issue/bulkfetch", Answer(200, {"issues": [], "issueErrors": []}))
    site.jira.fail("GET", r"issue/\d+", Answer(404, {"errorMessages": ["Issue does not exist"]}))
    site.jira.fail("GET", "myself", Answer(401, {"message": "Client must be authenticated"}))
    with pytest.raises(Blocked, match="renew JIRA_TOKEN"):
        watched.look()
    assert "missing" not in watched.kept[0]["seen"]


def test_a_jira_that_breaks_off_in_the_middle_is_not_asked_for_the_rest(site: Site) -> None:
    watched = Watched(site, 4)
    for one in watched.kept:
        site.jira.comment(site.jira.issues[one["reference"]], TOM, "hello")
    site.jira.fail("GET", rf"issue/{watched.kept[1]['reference']}/comment", Answer(503, None, {"Retry-After": "30"}))
    found = watched.look()
    assert isinstance(found[0], News)
    assert all(isinstance(error, TemporaryError) for error in found[1:])
    assert site.jira.received("GET", rf"issue/{watched.kept[3]['reference']}/comment") == []
    again = watched.look()
    assert [len(news.notes) for news in again] == [0, 1, 1, 1]


def test_one_issue_that_jira_shows_strangely_does_not_hide_the_others(site: Site) -> None:
    watched = Watched(site, 2)
    for one in watched.kept:
        site.jira.comment(site.jira.issues[one["reference"]], TOM, "hello")
    site.jira.fail("GET", rf"issue/{watched.kept[0]['reference']}/comment", Answer(403, {"errorMessages": None}))
    first, second = watched.look()
    assert isinstance(first, PermanentError)
    assert len(second.notes) == 1


def test_an_issue_that_is_shown_without_what_every_issue_has_is_looked_at_again(site: Site) -> None:
    watched = Watched(site)
    number = watched.kept[0]["reference"]
    broken = {"id": number, "key": "DBA-1", "fields": {"status": None, "updated": None}}
    site.jira.fail("POST", "issue/bulkfetch", Answer(200, {"issues": [broken]}))
    site.jira.fail("GET", rf"issue/{number}", Answer(200, broken))
    (found,) = watched.look()
    assert isinstance(found, TemporaryError)
    site.jira.faults.clear()
    broken["fields"] = {"status": {"name": "To Do", "statusCategory": {"key": "new"}}}
    site.jira.fail("POST", "issue/bulkfetch", Answer(200, {"issues": [broken]}))
    site.jira.fail("GET", rf"issue/{number}", Answer(200, broken))
    (found,) = watched.look()
    assert isinstance(found, TemporaryError)
    assert "not understood" in str(found)
    site.jira.faults.clear()
    assert watched.told() == []


# -- webhooks


def calls(site: Site) -> Webhooks:
    hooks = Webhooks(site.jira, site.url)
    hooks.hooks.append(Hook("http://127.0.0.1:9/jira/events", SECRET))
    return hooks


def test_each_call_names_its_issue_and_itself_the_same_when_it_is_sent_again(site: Site) -> None:
    watched, hooks = Watched(site), calls(site)
    number = watched.kept[0]["reference"]
    site.jira.comment(watched.issue, TOM, "hello")
    site.clock.forward(1)
    site.jira.assign("DBA-1", TOM)
    site.jira.move("DBA-1", "OPS")
    site.jira.remove("OPS-1")
    said = [headers(call, cloud=site.jira.cloud) for call in hooks.waiting]
    heard = [
        watched.handler.hear({name.lower(): value for name, value in told.items()}, call.body)
        for told, call in zip(said, hooks.waiting, strict=True)
    ]
    assert {reference for one in heard for reference in one.references} == {number}
    assert len(heard) == (4 if site.jira.cloud else 5)
    assert len({one.key for one in heard}) == len(heard)
    again = watched.handler.hear({name.lower(): value for name, value in said[0].items()}, hooks.waiting[0].body)
    assert again == heard[0]


def test_what_is_about_nothing_of_ours_is_understood_all_the_same(site: Site) -> None:
    from bot.demo.jira.webhooks import signature

    for body in (b"", b"[]", b"{", b'{"webhookEvent": "project_archived", "issue": null}', b'{"issue": {}}'):
        heard = Watched(site, 0).handler.hear({"x-hub-signature": signature(SECRET, body)}, body)
        assert heard.references == []
        assert heard.key


def test_a_call_has_to_be_signed_with_our_secret(site: Site) -> None:
    handler = Watched(site, 0).handler
    with pytest.raises(Unproven, match="not signed"):
        handler.hear({}, b"Hello World!")
    for wrong in (
        "sha256=00",
        "sha1=a4771c39",
        "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        "é",
    ):
        with pytest.raises(Unproven, match="not that of the secret"):
            handler.hear({"x-hub-signature": wrong}, b"Hello World!")
    right = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"  # Atlassian's own example
    assert handler.hear({"x-hub-signature": right}, b"Hello World!").references == []
    with pytest.raises(Unproven, match="JIRA_WEBHOOK_SECRET is not set"):
        site.handler().hear({"x-hub-signature": right}, b"Hello World!")


def test_the_stand_in_signs_and_says_what_atlassian_says(site: Site) -> None:
    _, hooks = Watched(site), calls(site)
    site.jira.assign("DBA-1", TOM, SOMEBODY)
    call = hooks.waiting[-1]
    told = json.loads(call.body)
    assert told["webhookEvent"] == "jira:issue_updated"
    assert told["issue_event_type_name"] == "issue_assigned"
    assert told["changelog"]["items"][0]["toString"] == "Tom Tester"
    assert told["user"]["displayName"] == "Mia Krystof"
    assert ("X-Atlassian-Webhook-Identifier" in headers(call, cloud=site.jira.cloud)) is site.jira.cloud
