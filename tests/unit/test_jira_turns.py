"""What an issue says and where it goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import PermanentError
from bot.handler import Event
from bot.handlers.jira import Issue
from bot.handlers.jira.creation import label_of
from bot.handlers.jira.fields import field_id
from bot.handlers.jira.turns import comment, event_mark, target

AT = datetime(2026, 11, 22, tzinfo=UTC)
ISSUE = Issue(project="DBA", summary="x", started="Doing", done="Shipped", declined="Dropped")


def event(name: Any, kind: str = "create", **more: Any) -> Event:
    return Event(name=name, request="REQ-13", kind=kind, at=AT, **more)


@pytest.mark.parametrize(
    ("name", "kind", "where"),
    [
        ("approved", "create", ("indeterminate", "Doing")),
        ("fulfilled", "create", ("done", "Shipped")),
        ("rejected", "create", ("done", "Dropped")),
        ("withdrawn", "create", ("done", "Dropped")),
        ("cancelled", "create", ("done", "Dropped")),
        ("expired", "create", ("done", "Dropped")),
        ("failed", "create", None),
        ("edited", "create", None),
        ("approved", "update", None),
        ("fulfilled", "update", None),
        ("rejected", "delete", None),
        ("fulfilled", "delete", ("done", "Shipped")),
    ],
)
def test_each_turn_has_its_place(name: str, kind: str, where: tuple[str, str] | None) -> None:
    wanted = target(ISSUE, event(name, kind))
    assert (wanted and (wanted.category, wanted.preferred)) == where


def test_a_comment_cannot_mention_or_format() -> None:
    text = comment(event("rejected", by="[~admin]", reason="{color:red}no{color}"))
    assert text == "*REQ-13 rejected* by \\[\\~admin\\]: \\{color:red\\}no\\{color\\}"


def test_failing_twice_is_two_comments_and_the_same_failure_is_one() -> None:
    first, again = event("failed"), event("failed")
    later = Event(name="failed", request="REQ-13", kind="create", at=AT + timedelta(minutes=1))
    assert event_mark(first) == event_mark(again) != event_mark(later)


def test_two_installations_with_the_same_numbers_have_different_labels() -> None:
    assert label_of("INS-7/ticket", "a") != label_of("INS-7/ticket", "b")
    assert len(label_of("INS-7/ticket", "a")) == len("frontdesk-") + 12


def test_an_ambiguous_field_name_is_refused_with_the_ids_to_choose_from() -> None:
    screen = [{"fieldId": "customfield_2", "name": "Team"}, {"fieldId": "customfield_1", "name": "team"}]
    with pytest.raises(PermanentError, match="customfield_1, customfield_2"):
        field_id("Team", screen, "the screen")
    assert field_id("customfield_2", screen, "the screen") == "customfield_2"


def test_an_issue_is_plain_data() -> None:
    issue = Issue(project="DBA", summary="x", labels=("a",), fields={"Team": {"value": "Data"}})
    assert Issue.model_validate_json(issue.model_dump_json()) == issue
    with pytest.raises(ValidationError):
        Issue(project="DBA", summary="")
    with pytest.raises(ValidationError):
        Issue.model_validate({"project": "DBA", "summary": "x", "assigne": "me"})
