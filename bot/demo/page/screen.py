"""What one person has on the screen: who and what there is, what is new, the messages of one channel, a thread, a modal.

Everything is read from the workspace when it is drawn.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from bot.demo.page import elements
from bot.demo.page.blocks import Reader
from bot.demo.page.bookmarks import Bookmarks, is_reply
from bot.demo.slack.client import Client, NotOnScreen
from bot.demo.slack.entities import JSON, Channel, Message, Person, View
from bot.demo.slack.workspace import Workspace

#: Messages of one person within so many seconds stand under one name.
TOGETHER = 300


@dataclass(frozen=True)
class Place:
    """Where elements stand, for the templates: a modal, a Home tab or a message. `id` is a view's or a message's ts."""

    kind: str
    id: str
    values: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_order(self) -> str:
        """For htmx: what is done in a window, or on a Home tab, goes out in the order in which it was done."""
        queues = {"view": "#dialog:queue all", "home": "closest .home:queue all"}
        return queues.get(self.kind, "this:queue last")


@dataclass(frozen=True)
class Entry:
    """A message as a line on the screen. `day` is set where a new day begins, `joined` where the name is not repeated."""

    message: Message
    author: Person
    when: datetime
    day: str
    joined: bool
    replies: int
    place: Place


@dataclass(frozen=True)
class Line:
    """One line of the sidebar or of the row of people."""

    name: str
    href: str
    current: bool
    unread: int
    person: Person | None = None
    private: bool = False


class Screen:
    """One person looking at one channel, maybe with a thread open, maybe at one message."""

    def __init__(
        self,
        workspace: Workspace,
        bookmarks: Bookmarks,
        who: str,
        where: str,
        thread: str = "",
        at: str = "",
        tab: str = "",
    ) -> None:
        self.workspace, self.bookmarks, self.thread, self.at, self.tab = workspace, bookmarks, thread, at, tab
        self.client: Client = workspace.person(who)
        self.me = self.client.me
        self.where = where
        self.zone = ZoneInfo(self.me.tz)
        self.reader = Reader(self, self.zone, workspace.clock)

    # -- places

    @cached_property
    def channels(self) -> list[Channel]:
        return self.client.channels()

    @cached_property
    def channel(self) -> Channel | None:
        """The open channel; None for a direct message that nobody has written yet. Raises KeyError for no such place."""
        for one in self.channels:
            if self.where in {one.id, one.name} or (one.direct and self.where == self.partner(one).id):
                return one
        if self.where in self.workspace.people:
            return None
        raise KeyError(self.where)

    @property
    def title(self) -> str:
        if self.channel is None:
            return self.workspace.people[self.where].name
        return self.partner(self.channel).name if self.channel.direct else self.channel.name

    @property
    def app(self) -> Person | None:
        """The app whose direct message this is."""
        who = self.workspace.people[self.where] if self.channel is None else None
        who = self.partner(self.channel) if self.channel and self.channel.direct else who
        return who if who and who.bot_id else None

    def partner(self, channel: Channel) -> Person:
        """The other one in a direct message; oneself in a note to oneself."""
        other = next((one for one in channel.members if one != self.me.id), self.me.id)
        return self.workspace.people[other]

    def colour(self, person: Person) -> int:
        """One of eight; the first eight people differ."""
        return list(self.workspace.people).index(person.id) % 8

    def url(self, where: str = "", **query: str) -> str:
        """A place on this person's page."""
        return f"/as/{self.me.handle}/{where or self.where}" + (f"?{urlencode(query)}" if query else "")

    # -- regions

    def everybody(self) -> Iterator[Line]:
        """The row of people whom one can be, with what waits for each."""
        for person in self.workspace.people.values():
            if not person.bot_id and not person.deleted:
                unread = sum(
                    self.bookmarks.unread(person, one)
                    for one in self.workspace.person(person.id).channels()
                    if person is not self.me
                )
                yield Line(person.name, f"/as/{person.handle}", person is self.me, unread, person)

    def rooms(self) -> Iterator[Line]:
        for one in sorted((one for one in self.channels if not one.direct and not one.archived), key=lambda c: c.name):
            yield Line(one.name, self.url(one.id), one is self.channel, self._unread(one), private=one.private)

    def directs(self) -> Iterator[Line]:
        """Apps first, then everybody else, whether or not somebody wrote already."""
        written = {self.partner(one).id: one for one in self.channels if one.direct}
        others = [one for one in self.workspace.people.values() if one is not self.me and not one.deleted]
        for person in sorted(others, key=lambda one: (not one.bot_id, one.name)):
            channel = written.get(person.id)
            current = self.channel is channel if channel else self.channel is None and self.where == person.id
            unread = self._unread(channel) if channel else 0
            yield Line(person.name, self.url(channel.id if channel else person.id), current, unread, person)

    def _unread(self, channel: Channel) -> int:
        return 0 if channel is self.channel else self.bookmarks.unread(self.me, channel)

    @cached_property
    def _seen(self) -> list[Message]:
        return self.client.sees(self.channel.id) if self.channel else []

    def entries(self) -> list[Entry]:
        """The channel without its threads' replies."""
        return list(self._entries([one for one in self._seen if not is_reply(one)]))

    def replies(self) -> list[Entry]:
        """The open thread, its first message first."""
        return list(
            self._entries([one for one in self._seen if self.thread and self.thread in {one.ts, one.thread_ts}])
        )

    def _entries(self, messages: Sequence[Message]) -> Iterator[Entry]:
        before: Message | None = None
        day = ""
        for one in messages:
            when = datetime.fromtimestamp(float(one.ts), self.zone)
            today = self._day(when)
            replies = sum(is_reply(other) and other.thread_ts == one.ts for other in self._seen)
            joined = today == day and _belongs(one, before)
            author = self.workspace.people[one.user]
            yield Entry(one, author, when, today if today != day else "", joined, replies, Place("message", one.ts))
            before, day = one, today

    def _day(self, when: datetime) -> str:
        days = (datetime.fromtimestamp(self.workspace.clock(), self.zone).date() - when.date()).days
        return {0: "Today", 1: "Yesterday"}.get(days) or f"{when:%A}, {when.day} {when:%B}"

    def modal(self) -> tuple[View, Place] | None:
        """The visible modal."""
        view = self.client.view()
        return (view, Place("view", view.id, view.values, view.errors)) if view else None

    def home(self) -> tuple[View, Place] | None:
        """The app's Home tab, as last published for this person."""
        view = self.client.home()
        return (view, Place("home", view.id, view.values)) if view else None

    # -- what is acted on

    def tell(self, text: str) -> None:
        """What the client itself tells the person; empty takes it away."""
        with self.workspace.changing():
            self.workspace.notices[self.me.id] = text

    def open_view(self, ident: str) -> tuple[View, Place]:
        """The visible modal, if it is still the one that the window shows. Raises NotOnScreen."""
        shown = self.modal()
        if shown is None or shown[0].id != ident:
            raise NotOnScreen("That window has closed.")
        return shown

    def find(self, kind: str, ident: str, block_id: str, action_id: str) -> tuple[JSON, JSON]:
        """A block and the element in it that somebody touched. Raises NotOnScreen."""
        for block in self._blocks(kind, ident):
            for element in elements.elements(block):
                if (block.get("block_id"), element["action_id"]) == (block_id, action_id):
                    return block, element
        raise NotOnScreen("That is no longer on the screen.")

    def _blocks(self, kind: str, ident: str) -> list[JSON]:
        if kind == "message":
            return next((one.blocks for one in self._seen if one.ts == ident), [])
        shown = self.home() if kind == "home" else self.open_view(ident)
        return shown[0].blocks if shown else []

    def suggest(self, kind: str, ident: str, block_id: str, action_id: str, text: str) -> list[JSON]:
        """What the app offers for what is typed into an external select. Raises NotOnScreen."""
        self.find(kind, ident, block_id, action_id)
        return self.client.suggest(block_id, text, action_id=action_id)

    # -- what the templates ask about an element

    def human(self, place: Place, block: JSON, element: JSON) -> Any:
        """What a field holds now, as `Client.fill` takes it."""
        if element["type"] in elements.TEXTS:
            raw = [self.typed(place, block, element)]
        else:
            raw = [one.value for one in self.held(place, block, element)]
        return elements.human(element, raw, self.zone)

    def state(self, place: Place, block: JSON, element: JSON) -> JSON | None:
        return place.values.get(block.get("block_id", ""), {}).get(element["action_id"])

    def offered(self, element: JSON) -> elements.Offer:
        return elements.offered(element, self)

    def held(self, place: Place, block: JSON, element: JSON) -> list[elements.Choice]:
        return elements.held(element, self.state(place, block, element), self)

    def typed(self, place: Place, block: JSON, element: JSON) -> str:
        return elements.typed(element, self.state(place, block, element), self.zone)

    def vals(self, place: Place, block: JSON, element: JSON, pressed: str | None = None) -> str:
        """What a control sends besides its form."""
        sent = {"place": place.kind, "id": place.id, "changed": elements.key(block["block_id"], element["action_id"])}
        return json.dumps(sent | ({} if pressed is None else {"pressed": pressed}))

    # -- Names and Directory

    def person(self, ident: str) -> str:
        found = self.workspace.people.get(ident)
        return found.name if found else ""

    def group(self, ident: str) -> str:
        found = self.workspace.groups.get(ident)
        return found.handle if found else ""

    def concerns(self, ident: str) -> bool:
        group = self.workspace.groups.get(ident)
        return ident == self.me.id or (group is not None and self.me.id in group.members)

    def places(self, kind: str) -> list[tuple[str, str]]:
        rooms = [(one.id, "#" + one.name) for one in self.channels if not one.direct and not one.archived]
        directs = [(one.id, "@" + self.partner(one).name) for one in self.channels if one.direct]
        return rooms + (directs if kind == "conversations" else [])

    def people(self) -> list[tuple[str, str]]:
        return [(one.id, one.name) for one in self.workspace.people.values() if not one.bot_id and not one.deleted]

    def room(self, ident: str) -> tuple[str, str]:
        found = self.workspace.channels.get(ident)
        return (found.name if found else ""), self.url(ident)

    def href(self, url: str) -> str:
        """A link to a message of this workspace opens here, as the same person."""
        found = urlsplit(url)
        parts = found.path.strip("/").split("/")
        if url.startswith(self.workspace.base_url + "/archives/") and len(parts) == 3:
            return permalink(self.me.handle, parts[1], parts[2])
        return url


def permalink(handle: str, channel: str, message: str) -> str:
    """`p1790000000000100` in a channel, as a place on somebody's page."""
    digits = message.removeprefix("p")
    return f"/as/{handle}/{channel}?" + urlencode({"at": f"{digits[:-6]}.{digits[-6:]}"})


def _belongs(message: Message, before: Message | None) -> bool:
    """Whether it stands under the name of the message before it."""
    if before is None or before.user != message.user or before.only_for != message.only_for:
        return False
    return float(message.ts) - float(before.ts) < TOGETHER
