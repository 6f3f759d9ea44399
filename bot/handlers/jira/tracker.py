"""What can be done with one issue that exists. Every write can be repeated."""

from collections.abc import Mapping
from typing import Any

from bot.handler import JSON
from bot.handlers.jira.answers import LostError, RefusalError
from bot.handlers.jira.fields import field_id
from bot.handlers.jira.markup import body
from bot.handlers.jira.site import Site, person
from bot.handlers.jira.turns import Target, mark, signature, signed, stuck
from bot.handlers.jira.workflow import choose

_NOT_FOR_CUSTOMERS = {"key": "sd.public.comment", "value": {"internal": True}}


#: What is always asked about an issue. Whether one is archived, Data Center says; Cloud may not show it any more.
READ = "status,updated,archiveddate"


class Tracker:
    """Reads, comments and moves issues by their id, which outlives a change of key."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def read(self, number: str) -> JSON | None:
        """`id`, `key` and the fields of `READ`; None when it is not shown, which a working token has confirmed."""
        try:
            return self.site.get(f"issue/{number}", "show the issue", fields=READ)
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
        self.site.check()
        return None

    def comment(self, number: str, text: str, said: str) -> None:
        """Once for each `said`: comments have no idempotency key, so ours are read first.

        In Jira Service Management a comment would be public to the customer; the property keeps it inside.
        """
        if self._has_said(number, said):
            return
        sent = {"body": body(*signed(text, said)), "properties": [_NOT_FOR_CUSTOMERS]}
        self.site.send("POST", f"issue/{number}/comment", "comment on the issue", json=sent)

    def _has_said(self, number: str, said: str) -> bool:
        comments = self.site.every(
            f"issue/{number}/comment", ("comments",), "show the issue's comments", orderBy="-created"
        )
        me = self.site.me()
        return any(signature(said) in str(one.get("body")) and person(one.get("author")) == me for one in comments)

    def move(self, number: str, wanted: Target, said: str) -> None:
        """Into the wanted category; nothing to do if it is there, or already done. No way there: a comment says so."""
        issue = self.read(number)
        if issue is None or category(issue) in {wanted.category, "done"}:
            return
        offered = self.site.get(f"issue/{number}/transitions", "show transitions", expand="transitions.fields")
        way = choose(offered.get("transitions") or [], wanted.category, wanted.preferred, wanted.resolutions)
        if way is None:
            self.comment(number, stuck(wanted), mark(said, "stuck"))
            return
        sent = {"transition": {"id": way.id}} | ({"fields": dict(way.fields)} if way.fields else {})
        self.site.send("POST", f"issue/{number}/transitions", "move the issue", json=sent)
        self._verify(number, wanted, said)

    def _verify(self, number: str, wanted: Target, said: str) -> None:
        """Post functions and automations may have put it elsewhere."""
        issue = self.read(number)
        if issue is not None and category(issue) not in {wanted.category, "done"}:
            self.comment(number, stuck(wanted), mark(said, "stuck"))

    def edit(self, number: str, fields: Mapping[str, Any]) -> None:
        """Sets fields, by id or name, to what they are to be."""
        meta = self.site.get(f"issue/{number}/editmeta", "show which fields can be changed").get("fields") or {}
        screen = [{"fieldId": field, "name": about.get("name")} for field, about in meta.items()]
        sent = {field_id(name, screen, "the issue's edit screen"): value for name, value in fields.items()}
        self.site.send("PUT", f"issue/{number}", "change the issue", json={"fields": sent})


def status(issue: Mapping[str, Any]) -> JSON:
    """The issue's status; every issue has one, so a lack of it is a broken answer."""
    found = (issue.get("fields") or {}).get("status")
    if not isinstance(found, dict):
        raise LostError("Jira showed an issue without its status.")
    return found


def archived(issue: Mapping[str, Any]) -> bool:
    """Whether it can only be read."""
    return bool((issue.get("fields") or {}).get("archiveddate"))


def category(issue: Mapping[str, Any]) -> str:
    """`new`, `indeterminate` or `done`."""
    return str((status(issue).get("statusCategory") or {}).get("key"))
