"""The story, played in the terminal: what each person does and sees. It ends by itself, and fails clearly."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from bot.demo.jira.population import PEOPLE
from bot.demo.slack.client import Client
from bot.demo.slack.entities import Message, View
from bot.demo.stage import Stage

T = TypeVar("T")

#: Seconds until somebody has to have seen what they should.
PATIENCE = 20.0
ADDRESS = "orders.db.example.com"


class NotSeen(AssertionError):
    """Somebody did not see what they should have; the text says who and what."""


def play(stage: Stage) -> int:
    """The whole story; 0, or NotSeen is raised."""
    Tour(stage).play()
    return 0


class Tour:
    """The people of the story and what they see."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ada, self.grace = stage.workspace.person("ada"), stage.workspace.person("grace")

    def play(self) -> None:
        """Chapter by chapter."""
        self.ask()
        self.approve()
        self.hear()
        self.do()
        self.use_the_command_line()
        print(
            "\nThe tour is over: asked, approved, done, announced, and in Jira both ways. `frontdesk demo` lets you try it yourself."
        )

    def ask(self) -> None:
        """Ada asks through the catalogue."""
        _chapter("Ada asks")
        self._does(self.ada, "types /platform in #general")
        self.ada.type_command("#general", "/platform")
        self._sees(self.ada, "the catalogue", self.ada.view, _view)
        self._does(self.ada, "picks PostgreSQL and types a name that is not allowed")
        self.ada.fill({"offering": "PostgreSQL"})
        self.ada.submit()
        self.ada.fill({"/name": "Orders DB"})
        self.ada.submit()
        self._sees(self.ada, "the error beside the field", lambda: self.ada.errors().get("/name"), str)
        self._does(self.ada, "mends it and submits")
        self.ada.fill({"/name": "orders"})
        self.ada.submit()
        self._sees(self.ada, "the confirmation", lambda: self._title("REQ-1"), _view)
        self.ada.close()
        self._told(self.ada, "It waits for")
        self._sees(self.grace, "the card in #data-platform", lambda: self._card("approve"), _message)
        self._jira("To Do")

    def approve(self) -> None:
        """Nobody approves their own; Grace does."""
        _chapter("Grace approves")
        self._does(self.ada, "presses Approve on her own request")
        self._press(self.ada, "approve")
        self._told(self.ada, "REQ-1 is for @dba to decide")
        self._does(self.grace, "types /platform waiting, then presses Approve")
        self.grace.type_command("#general", "/platform waiting")
        self._told(self.grace, "1 request waits for you")
        self._press(self.grace, "approve")
        self._told(self.ada, "approved by")
        self._sees(self.grace, "the task on the card", lambda: self._card("complete"), _message)
        self._jira("In Progress")

    def hear(self) -> None:
        """What somebody says in Jira arrives where the others are."""
        _chapter("Tom comments in Jira")
        jira = self.stage.jira
        issue, tom = next(iter(jira.issues.values())), PEOPLE[-1]
        print(f"{tom.name} comments on {issue.key}: “On which cluster?”")
        with jira.lock:
            jira.comment(issue, tom, "On which cluster?")
        self._sees(self.grace, "it in the card's thread", lambda: self._reply("On which cluster?"), _message)
        self._told(self.ada, "On which cluster?")

    def do(self) -> None:
        """Grace does the work, and says where it is."""
        _chapter("Grace does it")
        self._does(self.grace, "presses Done")
        self._press(self.grace, "complete")
        self._sees(self.grace, "what was promised is asked for", self.grace.view, _view)
        self._does(self.grace, f"answers {ADDRESS}")
        self.grace.fill({"/host": ADDRESS})
        self.grace.submit()
        self._told(self.ada, ADDRESS)
        self._jira("Done")
        self._does(self.ada, "types /platform list")
        self.ada.type_command("#general", "/platform list")
        self._told(self.ada, "You have 1 instance")

    def use_the_command_line(self) -> None:
        """The same desk, over HTTP and on the command line; Slack shows it all the same."""
        _chapter("The same on the command line")
        ada, grace = self.stage.token("ada@example.com"), self.stage.token("grace@example.com")
        self._runs("Ada", ada, "request", "postgres", "--name", "billing", "--size", "large")
        self._sees(self.grace, "its card", lambda: self._card("approve", "REQ-2"), _message)
        self._runs("Grace", grace, "approve", "REQ-2")
        self._told(self.ada, "REQ-2 · PostgreSQL*: approved")
        self._sees(self.grace, "its task", lambda: self._card("complete", "REQ-2"), _message)
        self._runs("Grace", grace, "complete", "REQ-2", "database", "--host", "billing.db.example.com")
        self._told(self.ada, "billing.db.example.com")
        shown = self._runs("Ada", ada, "show", "REQ-2", "--json", quiet=True)
        if json.loads(shown)["state"] != "fulfilled":
            raise NotSeen(f"REQ-2 is not fulfilled: {shown}")
        self._runs("Ada", ada, "instances")

    # What people do and see

    def _does(self, who: Client, what: str) -> None:
        print(f"{who.me.name.split()[0]} {what}.")

    def _sees(self, who: Client, what: str, look: Callable[[], T | None], show: Callable[[T], str]) -> None:
        seen = self._until(look, f"{who.me.name} does not see {what}")
        lines = (self._named(line) for line in show(seen).splitlines() if line.strip())
        text = "\n".join(f"    │ {line}" for line in lines)
        print(f"  {who.me.name.split()[0]} sees {what}:\n{text}")

    def _named(self, text: str) -> str:
        """Mentions as they are shown."""
        workspace = self.stage.workspace
        for person in workspace.people.values():
            text = text.replace(f"<@{person.id}>", f"@{person.name}")
        for group in workspace.groups.values():
            text = text.replace(f"<!subteam^{group.id}>", f"@{group.handle}")
        return text

    def _told(self, who: Client, words: str) -> None:
        def look() -> Message | None:
            seen = (
                message
                for room in who.channels()
                for message in who.sees(room.id)
                if _is_for(who, message, room.direct)
            )
            return next((message for message in seen if words in _message(message)), None)

        self._sees(who, "a message only for them", look, _message)

    def _press(self, who: Client, action: str, number: str = "REQ-1") -> None:
        card = self._until(lambda: self._card(action, number), f"there is no {action} on the card of {number}")
        who.click("#data-platform", card.ts, action)

    def _runs(self, name: str, token: str, *words: str, quiet: bool = False) -> str:
        print(f"{name} runs: frontdesk {' '.join(words)}")
        done = self.stage.command(*words, token=token)
        if done.returncode:
            raise NotSeen(f"frontdesk {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        if not quiet:
            print("\n".join(f"    │ {line}" for line in done.stdout.splitlines() if line.strip()))
        return done.stdout

    def _jira(self, status: str) -> None:
        issues = self.stage.jira.issues
        found = self._until(
            lambda: next((issue for issue in issues.values() if issue.status.name == status), None),
            f"no issue in Jira is {status}",
        )
        comments = "".join(f" “{' '.join(comment.body.split())}”" for comment in found.comments)
        print(f"  Jira: {found.key} {found.fields['summary']} is {status}.{comments}")

    def _card(self, action: str, number: str = "REQ-1") -> Message | None:
        for message in self.grace.sees("#data-platform"):
            offered = [e.get("action_id") for block in message.blocks for e in block.get("elements", [])]
            if action in offered and _message(message).startswith(f"{number} ·"):
                return message
        return None

    def _reply(self, words: str) -> Message | None:
        said = (each for each in self.grace.sees("#data-platform") if each.thread_ts and each.thread_ts != each.ts)
        return next((each for each in said if words in _message(each)), None)

    def _title(self, title: str) -> View | None:
        view = self.ada.view()
        return view if view and view.title == title else None

    def _until(self, look: Callable[[], T | None], otherwise: str) -> T:
        try:
            found = self.stage.workspace.until(look, PATIENCE)
        except TimeoutError:
            raise NotSeen(f"{otherwise}. The bot's log ends with:\n{self.stage.log.read_text()[-1500:]}") from None
        if found is None:
            raise NotSeen(otherwise)
        return found


def _chapter(title: str) -> None:
    print(f"\n── {title} " + "─" * (60 - len(title)))


def _is_for(who: Client, message: Message, direct: bool) -> bool:
    return message.only_for == who.me.id or (direct and message.user != who.me.id)


def _view(view: View) -> str:
    return f"[{view.title}]\n" + "\n".join(_texts(view.blocks))


def _message(message: Message) -> str:
    return "\n".join(_texts(message.blocks)) or _readable(message.text)


def _texts(value: Any) -> Iterator[str]:
    """All texts of blocks, in order."""
    if isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield f"({_readable(text)})" if value.get("type") == "button" else _readable(text)
        for name, each in value.items():
            if name != "confirm":
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _readable(text: str) -> str:
    """Slack's markup as it reads."""
    dated = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    linked = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", dated)
    return linked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
