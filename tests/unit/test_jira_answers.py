"""Jira's answers, in words for a person."""

import json

import pytest

from bot.errors import PermanentError, TemporaryError
from bot.handlers.jira.answers import BusyError, LostError, RefusalError, TokenError, failure, pause, reasons, unwelcome

DATE = "Sun, 22 Nov 2026 06:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, RefusalError), (400, RefusalError), (401, TokenError), (403, RefusalError), (404, RefusalError),
        (410, RefusalError), (413, RefusalError), (422, RefusalError),
        (409, BusyError), (425, BusyError), (429, BusyError),
        (408, LostError), (500, LostError), (502, LostError), (503, LostError), (504, LostError),
    ],
)  # fmt: skip
def test_only_what_certainly_changed_nothing_counts_as_refused(status: int, kind: type[Exception]) -> None:
    assert type(failure(status, {}, "", "create an issue")) is kind
    assert issubclass(kind, PermanentError | TemporaryError)


def test_a_refusal_names_what_was_tried_the_field_and_what_to_do() -> None:
    content = json.dumps({"errorMessages": ["No."], "errors": {"priority": "Specify a valid priority."}})
    error = failure(400, {}, content, "create an issue in project DBA")
    assert isinstance(error, RefusalError)
    assert str(error) == (
        "Jira did not create an issue in project DBA: No.; priority: Specify a valid priority. "
        "Mend the offering or the project's screens in Jira, then retry."
    )
    assert error.fields == {"priority": "Specify a valid priority."}


def test_success_for_nobody_is_an_expired_token() -> None:
    assert unwelcome(200, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"})
    assert not unwelcome(200, {"x-seraph-loginreason": "OK"})
    assert "JIRA_TOKEN" in str(failure(200, {}, "[]", "search"))


def test_a_captcha_says_to_log_in() -> None:
    headers = {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=https://x"}
    error = failure(403, headers, "", "search")
    assert isinstance(error, TokenError)
    assert "log in to Jira as the bot's account once and solve its captcha" in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"errorMessages": null, "errors": null}', ""),
        ("null", ""),
        ("[]", ""),
        ("<html>nginx</html>", ""),
        ("", ""),
        ('{"message": "Unauthorized; scope does not match"}', "Unauthorized; scope does not match"),
        ('{"errorMessage": "down"}', "down"),
        ('{"errorMessages": "text\\n lines"}', "text lines"),
        ('{"errorMessages": [], "errors": ["x"]}', ""),
    ],
)
def test_every_shape_of_an_error_is_read(content: str, said: str) -> None:
    assert reasons(content)[0] == said


def test_an_endless_error_is_cut() -> None:
    assert len(str(failure(400, {}, json.dumps({"message": "x" * 9000}), "search"))) < 700


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "Sun, 22 Nov 2026 06:02:00 GMT", "date": DATE}, 120),
        ({"x-ratelimit-reset": "2026-11-22T06:10Z", "date": DATE}, 600),
        ({"retry-after": "nan"}, 60),
        ({"retry-after": "-5"}, 60),
        ({"retry-after": "Sun, 22 Nov 2026 06:02:00 GMT"}, 60),
    ],
)
def test_the_wait_is_reckoned_by_jiras_own_clock(headers: dict[str, str], seconds: float) -> None:
    assert pause(headers) == seconds
