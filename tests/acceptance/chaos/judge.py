"""The check afterwards: what people did, against what the world around Frontdesk has seen.

It reads the stand-ins' own logs (the receiver's calls, the workspace's messages, Jira's issues) and of Frontdesk's database
only which requests there are, so that what Frontdesk believes of itself proves nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import select

from bot.demo.jira.entities import Issue
from bot.demo.jira.site import JiraStandIn
from bot.demo.slack.entities import Message
from bot.demo.slack.workspace import Workspace
from bot.store import tables
from bot.store.database import Database
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.people import CARDS, Story

#: What the requester hears and what the card's thread says, by event.
TOLD = {
    "submitted": r"asked for\. It waits for|asked for, and under way|is taken back; nobody needs",
    "approved": r"approved by ",
    "rejected": r"rejected by ",
    "withdrawn": r"withdrawn by ",
    "fulfilled": r"ready\. It is |INS-\d+ is gone",
}
NOTED = {
    "approved": r"^Approved by ",
    "rejected": r"^Rejected by ",
    "withdrawn": r"^Withdrawn by ",
    "task_opened": r"Press Done or Can't do|^A task was opened",
    "task_done": r" did it: ",
    "fulfilled": r"^Done\.$",
}
#: In the order in which the receiver has to see them.
CALLS = {"machine": ["reserve", "install"], "errand": ["fetch", "carry", "leave"]}
UNDONE = {"machine": ["wipe", "release"], "errand": []}

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """`lost`, `missing`, `doubled`, `out of order` or `invented`, and what."""

    kind: str
    what: str


@dataclass(frozen=True)
class Judge:
    """Everything that was seen."""

    ledger: Ledger
    workspace: Workspace
    jira: JiraStandIn
    database: Database

    def problems(self, stories: list[Story]) -> list[Problem]:
        """All that is not as it should be; what is only missing may still come."""
        return [
            *(Problem("lost", f"{story.name} ({story.request}): {story.lost}") for story in stories if story.lost),
            *self._calls(stories),
            *self._requests(stories),
            *self._issues(stories),
            *self._cards_and_notes(stories),
            *self._messages(stories),
            *self._announcements(stories),
        ]

    # The receiver

    def _calls(self, stories: list[Story]) -> Iterator[Problem]:
        seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for effect in list(self.ledger.effects):
            seen[effect.body["name"]].append((effect.path, effect.key))
        for strange in self.ledger.strange:
            yield Problem("invented", strange)
        for name in seen.keys() - {story.name for story in stories}:
            yield Problem("invented", f"calls for {name}, which nobody asked for: {seen[name]}")
        for story in stories:
            yield from _in_order(f"calls for {story.name} ({story.request})", seen[story.name], _expected_calls(story))

    # The requests

    def _requests(self, stories: list[Story]) -> Iterator[Problem]:
        with self.database.read() as session:
            rows = session.exec(select(tables.Request)).all()
        made = Counter((row.kind, row.form["name"]) for row in rows)
        ends = {f"REQ-{row.id}": row.state for row in rows}
        wanted = Counter(("create", story.name) for story in stories)
        wanted += Counter(("delete", story.name) for story in stories if story.deletion)
        yield from _compared("requests", made, wanted)
        for story in stories:
            for number, end in ((story.request, story.end), (story.deletion, "fulfilled")):
                if number and not story.lost and ends.get(number) != end:
                    yield Problem("missing", f"{number} should be {end}, and is {ends.get(number)}")

    # Jira

    def _issues(self, stories: list[Story]) -> Iterator[Problem]:
        issues: dict[str, list[Issue]] = defaultdict(list)
        with self.jira.lock:
            for issue in self.jira.issues.values():
                issues[issue.fields["summary"].removeprefix("Machine ")].append(issue)
        for story in stories:
            mine = issues.pop(story.name, [])
            if story.offering != "machine" or story.lost:
                continue
            if not mine and story.end == "fulfilled":  # what ends at once, before the ticket began, needs none
                yield Problem("missing", f"the issue of {story.request}")
            if len(mine) > 1:
                yield Problem("doubled", f"the issue of {story.request}: {[issue.key for issue in mine]}")
            for issue in mine:
                yield from self._comments(story, issue)
        for name, strange in issues.items():
            yield Problem("invented", f"{[issue.key for issue in strange]} for {name}")

    @staticmethod
    def _comments(story: Story, issue: Issue) -> Iterator[Problem]:
        said = Counter(comment.body.partition("\n")[0] for comment in issue.comments)
        for text, times in said.items():
            if times > 1:
                yield Problem("doubled", f"{issue.key} ({story.request}) says {times} times: {text}")
        if issue.status.category != "done":
            yield Problem("missing", f"{issue.key} ({story.request}) should be closed: {story.end}")

    # Slack

    def _cards_and_notes(self, stories: list[Story]) -> Iterator[Problem]:
        messages = self.workspace.messages(CARDS)
        cards: dict[str, list[Message]] = defaultdict(list)
        threads: dict[str, list[str]] = defaultdict(list)
        for message in messages:
            if message.thread_ts and not message.only_for:
                threads[message.thread_ts].append(message.text)
            elif found := re.match(r"(REQ-\d+) · ", _header(message)):
                cards[found[1]].append(message)
        yield from _compared(
            "cards", Counter({number: len(found) for number, found in cards.items()}), Counter(_numbers(stories))
        )
        for story, number, wanted in _noted(stories):
            said = [text for card in cards[number] for text in threads[card.ts]]
            yield from _compared(f"notes of {number} ({story.name})", _classified(said, NOTED), wanted)

    def _messages(self, stories: list[Story]) -> Iterator[Problem]:
        told: dict[str, list[str]] = defaultdict(list)
        for channel in list(self.workspace.channels.values()):
            for message in self.workspace.messages(channel.id) if channel.direct else ():
                if found := re.match(r"\*(REQ-\d+) · [^*]*\*: (.*)", message.text, re.DOTALL):
                    told[found[1]].append(found[2])
        for story, number, wanted in _told(stories):
            yield from _compared(f"words to {story.requester} about {number}", _classified(told[number], TOLD), wanted)

    def _announcements(self, stories: list[Story]) -> Iterator[Problem]:
        said = Counter(message.text for message in self.workspace.messages("#announcements"))
        wanted = Counter(
            f"{story.name} ({story.request}) is there."
            for story in stories
            if story.offering == "machine" and story.end == "fulfilled" and not story.lost
        )
        yield from _compared("announcements", said, wanted)


def _expected_calls(story: Story) -> list[tuple[str, str]]:
    if story.end != "fulfilled" or story.lost:
        return []
    done = [(step, f"{story.request}/{step}") for step in CALLS[story.offering]]
    if not story.deletion:
        return done
    steps = reversed(CALLS[story.offering])
    return done + [
        (path, f"{story.deletion}/{step}") for path, step in zip(UNDONE[story.offering], steps, strict=False)
    ]


def _in_order(what: str, seen: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> Iterator[Problem]:
    yield from _compared(what, Counter(seen), Counter(wanted))
    expected = [each for each in wanted if each in seen]
    if [each for each in dict.fromkeys(seen) if each in wanted] != expected:
        yield Problem("out of order", f"{what}: {seen} instead of {wanted}")


def _compared(what: str, seen: Mapping[T, int], wanted: Mapping[T, int]) -> Iterator[Problem]:
    for each in {*seen, *wanted}:
        is_, should = seen.get(each, 0), wanted.get(each, 0)
        if is_ < should:
            yield Problem("missing", f"{what}: {each}, {is_} instead of {should}")
        elif is_ > should:
            yield Problem("doubled" if should else "invented", f"{what}: {each}, {is_} instead of {should}")


def _numbers(stories: list[Story]) -> list[str]:
    return [number for story in stories for number in (story.request, story.deletion) if number]


def _told(stories: list[Story]) -> Iterator[tuple[Story, str, Counter[str]]]:
    for story in stories:
        if story.lost:
            continue
        approved = ["approved"] if story.offering == "machine" else []
        ended = [*approved, "fulfilled"] if story.end == "fulfilled" else [story.end]
        yield story, story.request, Counter(["submitted", *ended])
        if story.deletion:
            yield story, story.deletion, Counter(["submitted", *approved, "fulfilled"])


def _noted(stories: list[Story]) -> Iterator[tuple[Story, str, Counter[str]]]:
    for story, number, told in _told(stories):
        work = Counter(["task_opened", "task_done"]) if "approved" in told else Counter()
        yield story, number, Counter(told - Counter(["submitted"])) + work


def _classified(texts: list[str], patterns: Mapping[str, str]) -> Counter[str]:
    """How often each event was told of; what a repair says (a retry, a park) is nobody's expectation."""
    return Counter(name for text in texts for name, pattern in patterns.items() if re.search(pattern, text))


def _header(message: Message) -> str:
    return str(message.blocks[0].get("text", {}).get("text", "")) if message.blocks else ""
