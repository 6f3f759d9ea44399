"""How far each person has read: what is new for whom."""

import threading

from bot.demo.slack.entities import Channel, Message, Person
from bot.demo.slack.workspace import Workspace


class Bookmarks:
    """By person and channel. Whatever was there at first counts as read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._lock = workspace, threading.Lock()
        self._start = workspace.clock()
        self._read: dict[tuple[str, str], float] = {}

    def unread(self, person: Person, channel: Channel) -> int:
        """New messages of others, without replies; in a public channel only for members."""
        if person.id not in channel.members:
            return 0
        with self._lock:
            since = self._read.get((person.id, channel.id), self._start)
        seen = self._workspace.person(person.id).sees(channel.id)
        return sum(float(one.ts) > since and one.user != person.id and not is_reply(one) for one in seen)

    def read(self, person: Person, channel: Channel) -> None:
        """The person looks at the channel now; other windows learn that it is read."""
        seen = self._workspace.person(person.id).sees(channel.id)
        if not seen:
            return
        news = self.unread(person, channel)
        with self._lock:
            self._read[person.id, channel.id] = max(float(one.ts) for one in seen)
        if news:
            with self._workspace.changing():
                pass


def is_reply(message: Message) -> bool:
    """Whether it stands in a thread only."""
    return message.thread_ts not in {"", message.ts}
