"""The load: people who ask, decide and do, at the HTTP door and in Slack, and try again when nobody answers.

A story is one wish from its first word to its end. What the person did, and what therefore has to be true in the end, is
kept in the story; the judge compares that with what the world around Frontdesk has seen.
"""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.demo.slack.client import Client, NotOnScreen
from tests.acceptance.chaos.crew import Crew
from tests.acceptance.site import Site
from tests.integration.office import buttons, is_card

#: Seconds that one act may take until it has its effect, with whatever happens meanwhile.
PATIENCE = 600.0
CARDS = "#data-platform"


class Lost(Exception):
    """What a person did never came to anything."""


@dataclass
class Story:
    """One wish: its name is in everything that is made for it."""

    name: str
    offering: str
    requester: str
    door: str
    #: How it has to end.
    end: str = "fulfilled"
    request: str = ""
    #: The request that took it all back, if there was one.
    deletion: str = ""
    lost: str = ""


@dataclass
class Town:
    """Everybody, with the doors that they come through."""

    site: Site
    crew: Crew
    seed: int
    stories: list[Story] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def begin(self, http: int) -> list[threading.Thread]:
        """One in Slack, `http` at the other door; they begin new stories until `over` is set, and end those begun."""
        doors: list[Callable[[random.Random], Story]] = [self.in_slack, *[self.over_http] * http]
        threads = [
            threading.Thread(target=self._live, args=(door, random.Random(self.seed + number)), name=door.__name__)
            for number, door in enumerate(doors)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _live(self, door: Callable[[random.Random], Story], chance: random.Random) -> None:
        while not self.over.is_set():
            door(chance)
            self.over.wait(chance.uniform(0, 0.5))

    def _story(self, offering: str, requester: str, door: str) -> Story:
        story = Story(f"m-{uuid.uuid4().hex[:10]}", offering, requester, door)
        self.stories.append(story)
        return story

    # Over HTTP

    def over_http(self, chance: random.Random) -> Story:
        """Asks, has it approved, rejected or withdrawn, does what is asked, and at times takes it back."""
        offering = chance.choice(["machine", "machine", "errand"])
        story = self._story(offering, chance.choice(["ada", "margaret"]), "http")
        self._live_through(story, lambda: self._tell_over_http(story, chance))
        return story

    @staticmethod
    def _live_through(story: Story, told: Callable[[], None]) -> None:
        """Whatever ends a story before its end is kept with it."""
        try:
            told()
        except Exception as lost:  # noqa: BLE001 - a bug of this play too: it would hide what it should find
            story.lost = f"{type(lost).__name__}: {lost}"

    def _tell_over_http(self, story: Story, chance: random.Random) -> None:
        key = {"Idempotency-Key": story.name}
        path, form = f"offerings/{story.offering}/requests", {"form": {"name": story.name}}
        story.request = self.act(story.requester, "POST", path, json=form, headers=key)["id"]
        if story.offering == "machine":
            what = chance.choices(["approve", "reject", "withdraw"], [8, 1, 1])[0]
            story.end = {"reject": "rejected", "withdraw": "withdrawn"}.get(what, "fulfilled")
            who = story.requester if what == "withdraw" else chance.choice(["grace", "linus"])
            self.decide(who, story.request, what)
            if what != "approve":
                return
            self.do_task(chance.choice(["grace", "margaret"]), story.request, "mount")
        instance = self.ended(story, story.request)["instance"]
        if chance.random() < 0.3:
            story.deletion = self.act(
                story.requester, "DELETE", f"instances/{instance}", headers={"Idempotency-Key": f"end {story.name}"}
            )["id"]
            if story.offering == "machine":
                self.decide("linus", story.deletion, "approve")
                self.do_task("grace", story.deletion, "mount")
            self.ended(story, story.deletion)

    def decide(self, who: str, number: str, what: str) -> None:
        """Approve, reject or withdraw; after a lost answer it may have been done already."""
        self.act(who, "POST", f"requests/{number}/{what}", done={409}, json={"reason": "so be it"})
        state = self.seen(who, number)["state"]
        if state == "awaiting_approval":
            raise Lost(f"{what} of {number} was answered and is not there")

    def do_task(self, who: str, number: str, step: str) -> None:
        """Wait until it is asked for, and say Done."""
        self.until(lambda: self._asks(who, number, step), f"{number} asks for {step}")
        self.act(who, "POST", f"requests/{number}/steps/{step}/complete", done={409}, json={"outputs": {}})
        if self._asks(who, number, step):
            raise Lost(f"Done with {step} of {number} was answered and is not there")

    def _asks(self, who: str, number: str, step: str) -> bool:
        record = self.seen(who, number)
        self._mend(record)
        return any(each["name"] == step and each["ask"] for each in record["steps"])

    def ended(self, story: Story, number: str) -> Any:
        """The request once it is fulfilled."""

        def look() -> Any:
            record = self.seen(story.requester, number)
            self._mend(record)
            return record if record["state"] == "fulfilled" else None

        return self.until(look, f"{number} is fulfilled")

    def _mend(self, record: Any) -> None:
        """What was parked or failed, somebody of the platform sees and has it go on."""
        if record["state"] in {"failed", "parked"}:
            self.counted[record["state"]] += 1
            self.act("margaret", "POST", f"requests/{record['id']}/retry", done={409})

    def seen(self, who: str, number: str) -> Any:
        return self.act(who, "GET", f"requests/{number}")

    def act(self, who: str, method: str, path: str, done: set[int] | None = None, **sent: Any) -> Any:
        """One act, repeated until somebody answers it; `done` are refusals that say that it has been done."""
        headers = {"Authorization": f"Bearer {self.site.tokens[who]}"} | sent.pop("headers", {})

        def tried() -> Any:
            try:
                url = f"{self.crew.url()}/v1/{path}"
                answer = httpx.request(method, url, headers=headers, timeout=20, trust_env=False, **sent)
            except httpx.TransportError:
                self.counted["answers lost"] += 1
                return None
            if answer.status_code >= 500 or answer.status_code == 429:
                self.counted["answers 5xx"] += 1
                return None
            if not answer.is_success and answer.status_code not in (done or set()):
                raise Lost(f"{method} {path} as {who}: {answer.status_code} {answer.text[:300]}")
            return answer.json()

        return self.until(tried, f"{method} {path}")

    def until(self, seen: Callable[[], Any], what: str) -> Any:
        """Ask until it is so. Raises Lost."""
        deadline = time.monotonic() + PATIENCE
        while not (found := seen()):
            if time.monotonic() > deadline:
                raise Lost(f"not seen: {what}")
            time.sleep(0.25)
        return found

    def glimpsed(self, seen: Callable[[], object], seconds: float) -> bool:
        """Whether the workspace shows it within so many seconds."""
        try:
            return bool(self.site.workspace.until(seen, seconds))
        except TimeoutError:
            return False

    # In Slack

    def in_slack(self, chance: random.Random) -> Story:
        """The same with a modal and buttons. One person at a time: a person has one screen."""
        story = self._story("machine", "ada", "slack")
        self._live_through(story, lambda: self._tell_in_slack(story, chance))
        return story

    def _tell_in_slack(self, story: Story, chance: random.Random) -> None:
        ada = self.site.person("ada")
        self.until(lambda: self._opens(ada, story), "a modal")
        story.request = self.until(lambda: self._submits(ada), "the modal is taken")
        ada.close_all()
        decider = self.site.person(chance.choice(["grace", "linus"]))
        self.click_until(decider, "approve", story.request)
        self.click_until(self.site.person("grace"), "complete", story.request)
        self.ended(story, story.request)

    def _opens(self, ada: Client, story: Story) -> bool:
        ada.type_command("#general", f"/platform request machine name={story.name}")
        found = self.glimpsed(ada.view, 5)
        self.counted["commands again"] += not found
        return found

    def _submits(self, ada: Client) -> str:
        """The number, once the modal says it."""
        if not ada.view():
            raise Lost("the modal is gone")
        ada.submit()
        view = ada.view()
        if view and view.title.startswith("REQ-"):
            return view.title
        self.counted["submissions again"] += 1
        return ""

    def click_until(self, who: Client, action: str, number: str) -> None:
        """Press a button of the card until the card does not offer it any more; impatience is a person's right."""

        def offered() -> str:
            found = self._offers(who, action, number)
            if not found:  # what is parked before that never comes to it by itself
                self._mend(self.seen("grace", number))
            return found

        self.until(offered, f"the card of {number} offers {action}")
        clicks = 0
        deadline = time.monotonic() + PATIENCE
        while ts := self._offers(who, action, number):
            if time.monotonic() > deadline:
                raise Lost(f"{clicks} clicks on {action} of {number} came to nothing")
            if clicks and self._is_past(action, number):
                break  # the card is only slow
            self._click(who, ts, action)
            clicks += 1
            self.glimpsed(lambda: not self._offers(who, action, number), 6)
        self.counted["clicks again"] += max(0, clicks - 1)

    def _click(self, who: Client, ts: str, action: str) -> None:
        try:
            who.click(CARDS, ts, action)
        except NotOnScreen:
            return  # the card has changed in this moment
        if who.notice():
            self.counted["clicks unanswered"] += 1

    def _is_past(self, action: str, number: str) -> bool:
        record = self.seen("grace", number)
        if action == "approve":
            return bool(record["state"] != "awaiting_approval")
        return not any(step["ask"] for step in record["steps"])

    def _offers(self, who: Client, action: str, number: str) -> str:
        """The timestamp of the card that has this button, or nothing."""
        return next((m.ts for m in who.sees(CARDS) if is_card(m, number) and action in buttons(m)), "")
