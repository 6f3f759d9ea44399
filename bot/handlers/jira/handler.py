"""The handler: makes an issue, keeps it told, closes it."""

from collections.abc import Mapping
from datetime import timedelta

from typing_extensions import override

from bot.errors import Misconfigured, PermanentError, TemporaryError
from bot.handler import JSON, Answer, Context, Done, Event, Follows, Handler, Pending, Plans
from bot.handlers.jira import turns
from bot.handlers.jira.creation import Creation
from bot.handlers.jira.fields import changes
from bot.handlers.jira.markup import escape, summary
from bot.handlers.jira.resource import Issue
from bot.handlers.jira.site import Site
from bot.handlers.jira.tracker import Tracker, category, status

#: Seconds between two looks at an issue that somebody is to close: the first, and the longest.
_FIRST_LOOK, _LONGEST_LOOK = 30.0, 600.0


class IssueHandler(Handler[Issue], Follows, Plans):
    """`jira.Issue`. State: `ref`, `label`, `since` while it is unknown whether the issue exists; then `id` and `key`.

    JIRA_USER is the e-mail address that a Cloud token belongs to. Without it the token is sent as a Data Center
    personal access token. JIRA_SEARCH_WINDOW: seconds (300) after which an issue that the search does not show was
    never made.
    """

    name = "jira"
    resource = Issue
    settings = ("JIRA_URL", "JIRA_TOKEN")
    options = ("JIRA_USER", "JIRA_SEARCH_WINDOW")

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._site = Site(settings["JIRA_URL"], settings.get("JIRA_USER"), settings["JIRA_TOKEN"])
        self._tracker = Tracker(self._site)
        self._creation = Creation(self._site, _window(settings.get("JIRA_SEARCH_WINDOW") or "300"))

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
        return self._wait(resource, state) if resource.wait else self._done(state)

    def _done(self, state: JSON) -> Done:
        kept = {name: state[name] for name in ("id", "key")}
        return Done({**kept, "url": self._site.browse(state["key"])}, kept)

    def _wait(self, issue: Issue, state: JSON) -> Answer:
        found = self._tracker.read(state["id"])
        if found is None:
            raise PermanentError(f"The issue {state['key']} was deleted in Jira, so nobody will close it.")
        state = {**state, "key": str(found["key"])}
        name = str(status(found).get("name"))
        if category(found) == "done":
            if issue.declined and name.casefold() == issue.declined.casefold():
                raise PermanentError(f"Somebody closed {state['key']} as {name}.")
            return self._done(state)
        looks = int(state.get("looks", 0))
        delay = min(_FIRST_LOOK * 1.5 ** min(looks, 20), _LONGEST_LOOK)
        return Pending(f"{state['key']} is {name}", delay=delay, state={**state, "looks": looks + 1})

    @override
    def delete(self, resource: Issue, context: Context) -> Answer:
        """Comments and closes; the issue itself stays, it is a record. Done also when there is none."""
        state = self._existing(context)
        if state:
            request, said = context.key.partition("/")[0], turns.mark(context.key, "delete")
            self._tracker.comment(state["id"], f"*{escape(request)} deletes what this issue was for.*", said)
            self._tracker.move(state["id"], turns.closed(resource), said)
        return Done(state=state)

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
