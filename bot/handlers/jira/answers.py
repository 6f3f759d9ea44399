"""What Jira's answers mean, in words for a person, without headers and secrets. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bot.errors import Blocked, FrontdeskError, PermanentError, TemporaryError

#: Seconds. A longer wait is asked again; none at all would be a hot loop.
LONGEST, SHORTEST, DEFAULT = 3600.0, 1.0, 60.0

_TOKEN = "Jira does not accept the bot's token. The platform's people have to renew JIRA_TOKEN (and check JIRA_USER)."  # noqa: S105  a text for people
_CAPTCHA = "The platform's people have to log in to Jira as the bot's account once and solve its captcha."
_HINTS = {
    400: "Mend the offering or the project's screens in Jira, then retry.",
    403: "Give the bot's account the permission in Jira, then retry.",
    404: "Either it does not exist or the bot's account may not see it.",
    413: "The issue has reached one of Jira's limits.",
}


class RefusalError(PermanentError):
    """Jira understood and said no; nothing was changed. `fields` are the members of `errors`."""

    def __init__(self, text: str, status: int, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.fields = status, dict(fields or {})


class TokenError(Blocked):
    """Jira does not let the bot in; nothing was changed, and nothing can be concluded from what it shows."""

    def __init__(self, text: str) -> None:
        super().__init__(text, system="Jira")


class BusyError(TemporaryError):
    """Jira wants us to wait; nothing was changed."""


class UnreachableError(TemporaryError):
    """No connection was made; nothing was changed."""


class LostError(TemporaryError):
    """No answer that can be trusted: what we asked for may have happened, or not."""


def unwelcome(status: int, headers: Mapping[str, str]) -> bool:
    """Not a plain success.

    An expired token answers 200 with empty data on whatever is open to everybody, and only this header tells
    (jira.js issue 418). A redirect is never followed: it would turn a POST into a GET.
    """
    return not 200 <= status < 300 or "AUTHENTICATED_FAILED" in headers.get("x-seraph-loginreason", "")


def failure(status: int, headers: Mapping[str, str], content: str, doing: str) -> FrontdeskError:
    """The error for an unwelcome answer. `headers` are looked up without regard to case; `doing`: `create an issue`."""
    said, fields = reasons(content)
    quote = f"Jira did not {doing}" + (f": {said.rstrip('.')}." if said else f" (HTTP {status}).")
    if status == 401 or 200 <= status < 300:
        return TokenError(f"Jira did not {doing}. {_TOKEN}")
    if status == 403 and "CAPTCHA" in headers.get("x-authentication-denied-reason", ""):
        return TokenError(f"{quote} {_CAPTCHA}")
    if status in {409, 423, 425, 429}:
        return BusyError(f"{quote} It asks us to wait.", delay=pause(headers) if status == 429 else SHORTEST)
    if 400 <= status < 500 and status != 408:
        return RefusalError(f"{quote} {_HINTS.get(status, '')}".rstrip(), status, fields)
    if status < 400:
        return RefusalError(f"Jira did not {doing}: it redirects elsewhere. Check JIRA_URL.", status)
    return LostError(f"Jira is in trouble (HTTP {status}); it did not {doing}.", delay=pause(headers, None))


def reasons(content: str) -> tuple[str, dict[str, str]]:
    """What Jira says, as one line, and its `errors` by field. Proxies answer HTML: then nothing."""
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return "", {}
    fields = {str(name): str(text) for name, text in _mapping(data.get("errors")).items()}
    general = data.get("errorMessages") or [data.get("errorMessage") or data.get("message") or ""]
    texts = [str(text) for text in general] if isinstance(general, list) else [str(general)]
    told = [text for text in [*texts, *(f"{name}: {text}" for name, text in fields.items())] if text]
    return " ".join("; ".join(told).split())[:500], fields


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def pause(headers: Mapping[str, str], default: float | None = DEFAULT) -> float | None:
    """Seconds to wait: `Retry-After` in seconds or as a date, else `X-RateLimit-Reset`.

    Dates are compared with the answer's own `Date`, so that it does not matter how the two clocks differ.
    """
    seconds = _seconds(headers.get("retry-after", ""), headers.get("date", ""))
    if seconds is None:
        seconds = _seconds(headers.get("x-ratelimit-reset", ""), headers.get("date", ""))
    return default if seconds is None else min(max(seconds, SHORTEST), LONGEST)


def _seconds(text: str, now: str) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    then, start = _moment(text), _moment(now)
    return (then - start).total_seconds() if then and start else None


def _moment(text: str) -> datetime | None:
    """An HTTP date or ISO 8601, with a zone."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else None
    return None
