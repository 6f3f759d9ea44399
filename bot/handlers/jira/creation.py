"""Creating an issue exactly once, although Jira's REST API has no idempotency key.

An intent with a random `ref` is stored before `POST issue`. The issue carries a label made of it, by which it can be
searched for, and a property with it, which proves that it is ours. If the answer is lost, nobody posts again before
the search index had time (minutes, says Atlassian) to show what the first attempt made.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from bot.errors import PermanentError, TemporaryError
from bot.handler import JSON, Context, Pending
from bot.handlers.jira.answers import BusyError, LostError, RefusalError, TokenError, UnreachableError
from bot.handlers.jira.fields import description, field_id
from bot.handlers.jira.markup import summary
from bot.handlers.jira.resource import Issue
from bot.handlers.jira.site import Site, person
from bot.handlers.jira.tracker import Tracker
from bot.handlers.jira.turns import DECLINED, Target, mark

PROPERTY = "frontdesk"
#: What the label of every issue of ours begins with.
LABEL = "frontdesk-"
#: Lost answers, each followed by a whole window, until a person should look.
MOST_ATTEMPTS = 5
_LOST = "Jira's answer was lost; looking for the issue before another one is made"


@dataclass(frozen=True)
class Creation:
    """Makes issues. `window` is how long an issue may be missing from the search although it exists."""

    site: Site
    window: timedelta

    def run(self, issue: Issue, context: Context) -> JSON | Pending:
        """The state of an issue that exists (`id`, `key`), or what we wait for."""
        intent = dict(context.state)
        if "ref" not in intent:
            return self._post(issue, context, uuid.uuid4().hex)
        found = self.find(context)
        if found is not None:
            return found
        if self.is_open(context):
            delay = max(5.0, min(60.0, _waited(context).total_seconds() / 2))
            return _lost(intent, delay)
        if intent["attempts"] >= MOST_ATTEMPTS:
            context.save({**intent, "attempts": 0})
            raise PermanentError(
                f"Jira broke down {MOST_ATTEMPTS} times while it should create an issue in project {issue.project}, "
                f"and shows none with the label {intent['label']}. Look at Jira, then retry."
            )
        return self._post(issue, context, intent["ref"])

    def is_open(self, context: Context) -> bool:
        """Whether an issue that the search does not show may exist all the same. A token that works has to say no."""
        if _waited(context) < self.window:
            return True
        self.site.check()
        return False

    def _post(self, issue: Issue, context: Context, ref: str) -> JSON | Pending:
        doing = f"create an issue in project {issue.project}"
        label = label_of(context.identity, ref)
        fields = self._fields(issue, context, label)
        attempts = int(context.state.get("attempts", 0)) + 1
        intent = {"ref": ref, "label": label, "since": context.now.isoformat(), "attempts": attempts}
        context.save(intent)
        if context.cancelled():
            raise TemporaryError("Stopped before the issue was created.")
        proof = {"key": PROPERTY, "value": {"ref": ref, "for": context.identity}}
        try:
            made = self.site.send("POST", "issue", doing, json={"fields": fields, "properties": [proof]})
        except (RefusalError, TokenError, BusyError, UnreachableError):
            context.save(dict(context.state))  # certainly nothing came of this attempt; an earlier one stays known
            raise
        except LostError:
            return _lost(intent, 5.0)
        if not made.get("id") or not made.get("key"):
            return _lost(intent, 5.0)
        return self._exists(made, context)

    def _exists(self, made: Mapping[str, Any], context: Context) -> JSON:
        state = {"id": str(made["id"]), "key": str(made["key"])}
        context.save(state)
        return state

    def find(self, context: Context) -> JSON | None:
        """The issue of an attempt whose answer was lost, if the search shows it and it proves to be ours."""
        hits = [issue for number in self._search(context.state["label"]) if (issue := self._proven(number, context))]
        if not hits:
            return None
        first, *doubles = sorted(hits, key=lambda issue: int(issue["id"]))
        for double in doubles:
            self._close_double(double, str(first["key"]))
        return self._exists(first, context)

    def _search(self, label: str) -> list[str]:
        path = "search/jql" if self.site.cloud else "search"
        answer = self.site.get(path, "search", jql=f'labels = "{label}"', fields="status", maxResults=50)
        return [str(issue["id"]) for issue in answer.get("issues") or []]

    def _proven(self, number: str, context: Context) -> JSON | None:
        """Labels are copied when people clone an issue; the property is not, and neither is who created it."""
        try:
            issue = self.site.get(f"issue/{number}", "show the issue", fields="creator,status", properties=PROPERTY)
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
            return None
        proof = (issue.get("properties") or {}).get(PROPERTY)
        if isinstance(proof, dict):
            return issue if proof.get("ref") == context.state["ref"] else None
        return issue if person((issue.get("fields") or {}).get("creator")) == self.site.me() else None

    def _close_double(self, double: Mapping[str, Any], key: str) -> None:
        tracker, number = Tracker(self.site), str(double["id"])
        tracker.comment(number, f"Made twice by mistake: {key} is the one that counts.", mark(number, "double"))
        tracker.move(number, Target("done", None, DECLINED), mark(number, "double"))

    def _fields(self, issue: Issue, context: Context, label: str) -> JSON:
        """The members of `fields`, checked against the project's create screen before anything is stored."""
        kind = self._type(issue)
        screen = self._screen(issue, kind)
        if screen and "labels" not in {str(field.get("fieldId")) for field in screen}:
            raise PermanentError(
                f"The create screen of {issue.type} in Jira project {issue.project} has no Labels field, by which "
                "Frontdesk finds its own issues. Put it on the screen, then retry."
            )
        where = f"the create screen of {issue.type} in project {issue.project}"
        named = {field_id(name, screen, where): value for name, value in issue.fields.items()}
        return {
            **named,
            "project": {"key": issue.project},
            "issuetype": {"id": kind},
            "summary": summary(issue.summary),
            "description": description(issue, context),
            "labels": [*issue.labels, label],
        }

    def _type(self, issue: Issue) -> str:
        path = f"issue/createmeta/{quote(issue.project, safe='')}/issuetypes"
        doing = f"show the issue types of project {issue.project}"
        types = list(self.site.every(path, ("issueTypes", "values"), doing))
        wanted = issue.type.casefold()
        for one in types:
            if wanted in {str(one.get("id")), str(one.get("name")).casefold()}:
                return str(one["id"])
        if not types:
            raise PermanentError(f"The bot's account may not create issues in Jira project {issue.project}.")
        known = ", ".join(str(one.get("name")) for one in types)
        raise PermanentError(f"Jira project {issue.project} has no issue type {issue.type}. It has: {known}.")

    def _screen(self, issue: Issue, kind: str) -> list[JSON]:
        path = f"issue/createmeta/{quote(issue.project, safe='')}/issuetypes/{quote(kind, safe='')}"
        doing = f"show the fields of {issue.type} in project {issue.project}"
        return list(self.site.every(path, ("fields", "values"), doing))


def _lost(intent: JSON, delay: float) -> Pending:
    """Looked for by its label; a webhook about an issue that has it makes the step look at once."""
    return Pending(_LOST, delay=delay, state=intent, reference=intent["label"])


def _waited(context: Context) -> timedelta:
    return context.now - datetime.fromisoformat(context.state["since"])


def label_of(identity: str, ref: str) -> str:
    """`frontdesk-` and 12 hex digits. `ref` keeps two installations apart that both have an `INS-7/ticket`."""
    return f"{LABEL}{hashlib.sha256(f'{identity}/{ref}'.encode()).hexdigest()[:12]}"
