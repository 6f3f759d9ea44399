"""Stories of what other systems tell, and of what people do there: a Jira in which others work, Slack's news, files."""

import json

from bot.demo.jira.population import PEOPLE
from bot.demo.jira.webhooks import Call, Hook, headers
from bot.news import Newsroom
from bot.people import Profile
from bot.service import News
from tests.integration.crashing.acts import Act, acting, ask, look, sweep, wait
from tests.integration.crashing.world import JIRA_SECRET, Life

_MIA, _TOM = PEOPLE
_CHANNEL = "data-platform"


def _in_jira(life: Life) -> None:
    """Somebody asks something below the issue, and gives it to somebody else."""
    issue = next(iter(life.outside.jira.issues.values()))
    life.outside.jira.comment(issue, _TOM, "Which roses?")
    life.outside.jira.assign(issue.id, _TOM, _MIA)


def _gone_in_jira(life: Life) -> None:
    life.outside.jira.archive(next(iter(life.outside.jira.issues)))


def _jira_calls(life: Life) -> None:
    issue = next(iter(life.outside.jira.issues.values()))
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": issue.id}}).encode()
    call = Call(Hook("", JIRA_SECRET), "7f3c", body, due=0.0)
    Newsroom(life.process.database, life.process.catalogue).hear("jira", headers(call, cloud=True), body)


def _slack_tells(key: str, **what: object) -> Act:
    """One event of Slack's, which it sends again as long as nobody acknowledges it."""
    return lambda life: life.process.service.hear(News(f"slack:{key}", **what))  # type: ignore[arg-type] # as they are named


def _about_the_channel(key: str, kind: str, *more: str) -> Act:
    """Something has happened to the channel of the cards."""

    def act(life: Life) -> None:
        channel = life.outside.workspace.channel(_CHANNEL).id
        _slack_tells(key, **{kind: (channel, *more) if more else channel})(life)

    return act


def _leaves(life: Life) -> None:
    """Whoever approved it is there no more."""
    _slack_tells("5", left=life.outside.workspace.find_person("grace").id)(life)


def _archive(*, archived: bool) -> Act:
    def act(life: Life) -> None:
        life.outside.workspace.channel(_CHANNEL).archived = archived

    return act


def _hide_address(life: Life) -> None:
    life.outside.workspace.find_person("grace").email = ""


def _asks_by_address(life: Life) -> None:
    """Whom nobody in Slack is known to be asks with a token."""
    service = life.process.service
    grace = service.person_by_token(service.create_token("grace@example.com"))
    assert grace
    service.submit(grace, "garden", {"name": "hers"}, key="by address")


def _shows_address(life: Life) -> None:
    person = life.outside.workspace.find_person("grace")
    person.email = "grace@example.com"
    told = Profile(person.id, life.outside.workspace.team_id, person.email, person.name, person.tz)
    _slack_tells("address", changed=told)(life)


def _uploads(life: Life) -> None:
    content = b"a drawing"
    life.uploaded = life.process.service.upload(life.who("ada"), "plan.txt", "text/plain", content).as_answer()


def _asks_with_file(life: Life) -> None:
    ask("plan", {"drawing": life.uploaded})(life)


def _sweep_files(life: Life) -> None:
    life.process.service.sweep_files()


STORIES: dict[str, list[Act]] = {
    "in a Jira in which others work": [
        ask("garden", {"name": "roses"}),
        acting("grace", "approve", "REQ-1", click="slack:1.1"),
        look,
        _in_jira,
        look,
        _jira_calls,
        acting("margaret", "complete", "REQ-1", "plant", click="slack:1.2"),
        _gone_in_jira,
        look,
        look,
    ],
    "in a channel that is closed, renamed, replaced and opened": [
        ask("garden", {"name": "roses"}),
        _archive(archived=True),
        _about_the_channel("1", "closed"),
        acting("grace", "approve", "REQ-1"),
        _about_the_channel("2", "renamed", "gardeners"),
        _archive(archived=False),
        _slack_tells("3", opened=True),
        _about_the_channel("4", "replaced", "CNEW"),
        _leaves,
        _slack_tells("6", alarm="Frontdesk may not read channels any more."),
    ],
    "asked for by somebody who turns out to be somebody else": [
        _hide_address,
        acting("grace", "submit", "noise", {"name": "own", "password": "boom"}, key="in Slack"),
        _asks_by_address,
        _shows_address,
        acting("linus", "approve", "REQ-2"),
        acting("grace", "withdraw", "REQ-1"),
    ],
    "with a file": [
        _uploads,
        _asks_with_file,
        wait(days=2),
        _sweep_files,
        acting("grace", "approve", "REQ-1"),
        sweep,
    ],
}
