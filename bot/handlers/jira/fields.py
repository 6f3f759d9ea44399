"""The members of an issue: what is written in them, and by which ids Jira knows them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import PermanentError
from bot.handler import JSON, Context
from bot.handlers.jira.markup import body, clean, escape, summary
from bot.handlers.jira.resource import Issue

_FIXED = ("project", "type")


def description(issue: Issue, context: Context) -> str:
    """The author's text and where it comes from."""
    text = clean(issue.description) if issue.wiki else escape(issue.description)
    request = context.key.partition("/")[0]
    return body(text, f"[{request}|{context.url}]" if context.url else f"Frontdesk {escape(request)}")


def field_id(name: str, screen: Iterable[Mapping[str, Any]], where: str) -> str:
    """A field's id by its id or its name. Names are not unique in Jira, so an ambiguous one is refused.

    `screen` has `fieldId` and `name` of each field; if Jira shows none, the name is taken for an id.
    """
    fields = list(screen)
    if not fields or name in {str(field.get("fieldId")) for field in fields}:
        return name
    same = sorted(str(field["fieldId"]) for field in fields if str(field.get("name")).casefold() == name.casefold())
    if len(same) == 1:
        return same[0]
    if same:
        raise PermanentError(f"In Jira, {where} has several fields named {name}: use one of {', '.join(same)}.")
    raise PermanentError(f"In Jira, {where} has no field {name}.")


def changes(issue: Issue, context: Context) -> JSON:
    """The fields that an update writes. Project and type cannot be edited over REST."""
    before = context.previous
    if not isinstance(before, Issue):
        return {}
    for name in _FIXED:
        if getattr(issue, name) != getattr(before, name):
            raise PermanentError(f"An issue's {name} cannot be changed; move {context.state['key']} in Jira.")
    changed: dict[str, Any] = {name: value for name, value in issue.fields.items() if before.fields.get(name) != value}
    if issue.summary != before.summary:
        changed["summary"] = summary(issue.summary)
    if (issue.description, issue.wiki) != (before.description, before.wiki):
        changed["description"] = description(issue, context)
    return changed
