"""What Jira has asked us not to do for a while, by its reason.

Reasons: https://developer.atlassian.com/cloud/jira/platform/rate-limiting
In memory: it saves calls that would be refused, and another process learns it from its own first one.
"""

import re
import threading
from collections.abc import Callable, Mapping

from bot.handlers.jira.answers import DEFAULT, BusyError, pause

_ALL = "all"


class Brakes:
    """Shared by threads. `clock` gives seconds from any start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._until: dict[str, float] = {}

    def check(self, method: str, path: str, doing: str) -> None:
        """Raises BusyError while Jira does not want this call."""
        now = self._clock()
        with self._lock:
            self._until = {scope: until for scope, until in self._until.items() if until > now}
            rest = max((self._until.get(scope, now) - now for scope in _scopes(method, path)), default=0.0)
        if rest > 0:
            raise BusyError(f"Jira asked us to wait: did not {doing} yet.", delay=rest)

    def press(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """After an unwelcome answer: a quota stops everything, a burst its endpoint, too many writes their issue.

        Without a reason (Data Center counts by user) everything stops, and so it does while a 503 asks for time.
        """
        if status == 503 and headers.get("retry-after"):
            scope = _ALL
        elif status == 429:
            scope = _scope(headers.get("ratelimit-reason", ""), method, path)
        else:
            return
        until = self._clock() + (pause(headers) or DEFAULT)
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, until))


def _scope(reason: str, method: str, path: str) -> str:
    whole, endpoint, issue = [*_scopes(method, path), ""][:3]
    if reason == "jira-burst-based":
        return endpoint
    return issue or endpoint if reason == "jira-per-issue-on-write" else whole


def _scopes(method: str, path: str) -> list[str]:
    """All that a call belongs to: everything, its endpoint, and for a write the issue."""
    scopes = [_ALL, f"{method} {re.sub(r'/([A-Z]+-)?[0-9]+', '/…', path)}"]
    match = re.match(r"issue/([0-9]+)", path) if method != "GET" else None
    return [*scopes, f"issue {match[1]}"] if match else scopes
