"""The handler: makes an issue, keeps it told, hears of it, closes it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from typing_extensions import override

from bot.errors import FrontdeskError, Misconfigured, PermanentError, TemporaryError
from bot.handler import (
    JSON,
    Answer,
    Context,
    Done,
    Event,
    Follows,
    Handler,
    Heard,
    Hears,
    Looks,
    News,
    Pending,
    Plans,
    Reaches,
    Thing,
)
from bot.handlers.jira import hearing, turns
from bot.handlers.jira.answers import RefusalError
from bot.handlers.jira.creation import Creation
from bot.handlers.jira.fields import changes
from bot.handlers.jira.looking import BELIEVED, GONE, Looking
from bot.handlers.jira.markup import escape, summary
from bot.handlers.jira.resource import Issue
from bot.handlers.jira.site import Site
from bot.handlers.jira.tracker import Tracker, archived, category, status

#: Seconds until a step asks again whether its issue is closed; news of it make the step ask at once.
_ASK_AGAIN = 1800.0


class IssueHandler(Handler[Issue], Follows, Looks, Hears, Reaches, Plans):
    """`jira.Issue`. State: `ref`, `label`, `since` while it is unknown whether the issue exists; then `id` and `key`.

    Its `reference` is the issue's id; its label while that is not known. JIRA_USER is the e-mail address that a Cloud token belongs to. Without it the token is sent as a Data Center
    personal access token. JIRA_SEARCH_WINDOW: seconds (300) after which an issue that the search does not show was
    never made. JIRA_WEBHOOK_SECRET: what Jira's webhook signs with.
    """

    name = "jira"
    resource = Issue
    settings = ("JIRA_URL", "JIRA_TOKEN")
    options = ("JIRA_USER", "JIRA_SEARCH_WINDOW", hearing.SECRET)

    def __init__(self, settings: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds, for waits that Jira asks for."""
        super().__init__(settings)
        self._site = Site(settings["JIRA_URL"], settings.get("JIRA_USER"), settings["JIRA_TOKEN"], clock)
        self._tracker = Tracker(self._site)
        self._looking = Looking(self._tracker)
        self._secret = settings.get(hearing.SECRET)
        self._creation = Creation(self._site, _window(settings.get("JIRA_SEARCH_WINDOW") or "300"))

    @override
    def reach(self) -> str:
        """Who we are there. Raises TemporaryError while Jira is away, Blocked when it refuses the token."""
        return f"{self._site.check()} at {self._site.url}"

    @override
    def apply(self, resource: Issue, context: Context) -> Answer:
        """Once made, an update writes what differs; with `wait` the answer is Pending until a person closes it."""
        state: JSON | Pending = dict(context.state)
        if "id" not in context.state:
            state = self._creation.run(resource, context)
        elif changed := changes(resource, context):
            self._tracker.edit(context.state["id"], changed)
        if isinstance(state, Pending):
            return state
        return self._wait(resource, state, context.now) if resource.wait else self._done(state)

    def _done(self, state: JSON) -> Done:
        kept = {name: state[name] for name in ("id", "key")}
        return Done({**kept, "url": self._site.browse(state["key"])}, kept, reference=kept["id"])

    def _wait(self, issue: Issue, state: JSON, now: datetime) -> Answer:
        found = self._tracker.read(state["id"])
        if found is None:
            return self._missing(state, now)
        state = {"id": str(found["id"]), "key": str(found["key"])}
        if archived(found):
            raise PermanentError(
                f"{state['key']} was archived in Jira, so nobody will close it. Restore it, then retry."
            )
        name = str(status(found).get("name"))
        if category(found) == "done":
            if issue.declined and name.casefold() == issue.declined.casefold():
                raise PermanentError(f"Somebody closed {state['key']} as {name}.")
            return self._done(state)
        return Pending(f"{state['key']} is {name}", delay=_ASK_AGAIN, state=state, reference=state["id"])

    def _missing(self, state: JSON, now: datetime) -> Answer:
        """Not shown once may be a moment's trouble; twice, and nobody will close it."""
        since = datetime.fromisoformat(state["missing"]) if "missing" in state else now
        if now - since >= BELIEVED:
            raise PermanentError(f"{GONE.format(key=state['key'])} Retry looks for it again; cancelling ends the wait.")
        state = {**state, "missing": since.isoformat()}
        reason = f"Jira does not show {state['key']} any more; it is looked for again before anything is concluded"
        return Pending(reason, delay=BELIEVED.total_seconds(), state=state, reference=state["id"])

    @override
    def look(self, things: Sequence[Thing[Any]]) -> Sequence[News | FrontdeskError]:
        """Comments, reassignments, moves and changes of status by people; issues that are archived or gone."""
        return self._looking.look(things)

    @override
    def hear(self, headers: Mapping[str, str], body: bytes) -> Heard:
        """A webhook of Jira, proven by its signature."""
        return hearing.heard(headers, body, self._secret)

    @override
    def delete(self, resource: Issue, context: Context) -> Answer:
        """Comments and closes; the issue itself stays, it is a record. Done also when there is none, or it is archived."""
        state = self._existing(context)
        if state:
            request, said = context.key.partition("/")[0], turns.mark(context.key, "delete")
            try:
                self._tracker.comment(state["id"], f"*{escape(request)} deletes what this issue was for.*", said)
                self._tracker.move(state["id"], turns.closed(resource), said)
            except RefusalError:
                if not self._is_put_away(state["id"]):
                    raise
        return Done(state=state)

    def _is_put_away(self, number: str) -> bool:
        """Archived: nobody works on it any more, and nothing can be written to it."""
        found = self._tracker.read(number)
        return found is None or archived(found)

    @override
    def follow(self, resource: Issue, context: Context, event: Event) -> None:
        """A comment about the turn, then the move. Says nothing twice, and nothing to an issue that is gone."""
        state = self._existing(context)
        if state:
            said = turns.event_mark(event)
            self._tracker.comment(state["id"], turns.comment(event), said)
            if wanted := turns.target(resource, event):
                self._tracker.move(state["id"], wanted, said)

    @override
    def plan(self, resource: Issue, context: Context) -> str:
        """Asks Jira nothing."""
        if key := context.state.get("key"):
            changed = ", ".join(sorted(changes(resource, context)))
            return f"Changes {changed} of {key}." if changed else f"{key} stays as it is."
        waits = " and waits until somebody closes it" if resource.wait else ""
        return (
            f"Opens an issue ({resource.type}) in Jira project {resource.project}: {summary(resource.summary)}{waits}."
        )

    def _existing(self, context: Context) -> JSON:
        """The state of an issue that is there; empty if it never was or is gone. Not known yet: TemporaryError."""
        if "id" not in context.state:
            return self._adopted(context) if "ref" in context.state else {}
        found = self._tracker.read(str(context.state["id"]))
        return {**context.state, "key": str(found["key"])} if found else {}

    def _adopted(self, context: Context) -> JSON:
        found = self._creation.find(context)
        if found is None and self._creation.is_open(context):
            raise TemporaryError("It is not known yet whether the issue exists.", delay=30)
        return found or {}


def _window(text: str) -> timedelta:
    if not text.isdecimal():
        raise Misconfigured("is not a number of seconds.", where="JIRA_SEARCH_WINDOW")
    return timedelta(seconds=int(text))
