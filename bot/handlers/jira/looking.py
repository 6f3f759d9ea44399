"""Looking at issues that exist: many in one call where the API has it, and only what has changed in detail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from bot.errors import FrontdeskError, TemporaryError
from bot.handler import JSON, News, Note, Thing
from bot.handlers.jira import history
from bot.handlers.jira.answers import BusyError, LostError, RefusalError, TokenError, UnreachableError
from bot.handlers.jira.tracker import READ, Tracker, archived, category, status

#: Seconds between two looks: at least, at most while it is open, at most once it is closed.
_LEAST, _OPEN, _CLOSED = 60.0, 600.0, 6 * 3600.0
#: An issue that nobody sees is believed to be gone after so long; meanwhile it is looked for again.
BELIEVED = timedelta(minutes=2)
_AGAIN = 150.0
#: What is closed, or gone, for so long is looked at only when Jira calls.
_QUIET = timedelta(days=30)
_MOST = 100
_LOST_ON_END = 3


class Looking:
    """Finds the news of issues.

    `seen` has `updated` and whether it is `settled`, `since` and `told` (bot.handlers.jira.history), how many `changes`
    were read, the `status`, and since when it is `missing`.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker, self._site = tracker, tracker.site

    def look(self, things: Sequence[Thing[Any]]) -> list[News | FrontdeskError]:
        """News of each, or its error; once Jira is away, the rest is not asked for. Raises what concerns them all."""
        known = self._many([thing.reference for thing in things if _is_known(thing)])
        found: list[News | FrontdeskError] = []
        away: FrontdeskError | None = None
        for thing in things:
            answer = away or self._news_or_error(thing, known.get(thing.reference))
            found.append(answer)
            away = _away(found)
        return found

    def _many(self, numbers: Sequence[str]) -> dict[str, JSON]:
        """By id. What is not in the answer is no proof of anything; on Data Center there is no such call."""
        if not self._site.cloud:
            return {}
        issues: list[JSON] = []
        for start in range(0, len(numbers), _MOST):
            sent = {"issueIdsOrKeys": list(numbers[start : start + _MOST]), "fields": READ.split(",")}
            answer = self._site.send("POST", "issue/bulkfetch", "show the issues", json=sent)
            issues += answer.get("issues") or []
        return {str(issue["id"]): issue for issue in issues}

    def _news_or_error(self, thing: Thing[Any], known: JSON | None) -> News | FrontdeskError:
        if not _is_known(thing):  # its step looks for it; a call of Jira may say that it can be found now
            return News(thing.seen, again=None, wake=True)
        try:
            issue = known or self._tracker.read(thing.reference)
            return self._news(thing, issue) if issue else _missing(thing)
        except TokenError:
            raise
        except (RefusalError, TemporaryError) as error:
            return error
        except (KeyError, ValueError, TypeError):
            return LostError("Jira showed an issue, or its history, in a way that is not understood.")

    def _news(self, thing: Thing[Any], issue: JSON) -> News:
        updated, key, name = str(issue["fields"]["updated"]), str(issue["key"]), str(status(issue).get("name"))
        seen, same = dict(thing.seen), thing.seen.get("updated") == updated
        notes: list[Note] = []
        if not (same and seen.get("settled")):
            entries, seen["changes"] = self._entries(thing, key)
            notes, told = history.unseen(entries, seen, thing.now)
            # Read once more although it looks unchanged: something may have come in the same moment.
            seen |= told | {"updated": updated, "settled": same}
        moved = key != thing.state.get("key")
        news = bool(seen.pop("missing", None)) or seen.get("status") != name
        seen["status"] = name
        return News(
            seen=seen,
            again=_pause(thing.now - history.moment(updated), closed=category(issue) == "done", settled=same),
            notes=notes,
            wake=news or category(issue) == "done" or archived(issue),
            state={**thing.state, "key": key} if moved else None,
            outputs={"id": thing.reference, "key": key, "url": self._site.browse(key)} if moved else None,
            trouble=_ARCHIVED.format(key=key) if archived(issue) else None,
        )

    def _entries(self, thing: Thing[Any], key: str) -> tuple[list[history.Entry], int]:
        """What may be new, and how many changes the issue has."""
        me, start = self._site.me(), max(0, int(thing.seen.get("changes", 0)) - 20)
        changes, total = self._changes(thing.reference, start)
        since = datetime.fromisoformat(thing.seen["since"]) if thing.seen.get("since") else thing.now - history.OLD
        found = self._site.every(
            f"issue/{thing.reference}/comment", ("comments",), "show the issue's comments", orderBy="-created"
        )
        recent = takewhile(lambda one: history.moment(str(one["created"])) >= since - history.OVERLAP, found)
        return [*history.changes(changes, me, key), *history.comments(recent, me, key)], total

    def _changes(self, number: str, start: int) -> tuple[Iterable[Mapping[str, Any]], int]:
        doing = "show the issue's history"
        if self._site.cloud:
            values = list(self._site.every(f"issue/{number}/changelog", ("values",), doing, start))
            return values, start + len(values)
        issue = self._site.get(f"issue/{number}", doing, fields="status", expand="changelog")
        histories = (issue.get("changelog") or {}).get("histories") or []
        return histories, len(histories)


def _is_known(thing: Thing[Any]) -> bool:
    """Whether its `reference` is an issue's id; else it is the label of one that may not exist."""
    return "id" in thing.state


def _away(found: Sequence[News | FrontdeskError]) -> FrontdeskError | None:
    """One lost answer may be the trouble of one issue; several on end, or a refused connection, are Jira's."""
    last = found[-_LOST_ON_END:]
    lost = len(last) == _LOST_ON_END and all(isinstance(each, LostError) for each in last)
    error = last[-1]
    return error if isinstance(error, BusyError | UnreachableError) or (lost and isinstance(error, LostError)) else None


def _missing(thing: Thing[Any]) -> News:
    """Not shown, by a token that works: a second look has to say the same."""
    since = datetime.fromisoformat(thing.seen["missing"]) if "missing" in thing.seen else thing.now
    seen = {**thing.seen, "missing": since.isoformat()}
    if thing.now - since < BELIEVED:
        return News(seen, again=_AGAIN, trouble=None)
    again = _CLOSED if thing.now - since < _QUIET else None
    return News(seen, again=again, wake=True, trouble=GONE.format(key=thing.state.get("key", thing.reference)))


def _pause(quiet: timedelta, *, closed: bool, settled: bool) -> float | None:
    """The longer nothing has happened, the longer the rest; a moment after a change."""
    if closed and settled and quiet > _QUIET:
        return None
    longest = _CLOSED if closed else _OPEN
    return min(max(quiet.total_seconds() / 10, _LEAST), longest) if settled else _LEAST


GONE = (
    "{key} is not there any more: it was deleted in Jira, or moved to where the bot's account may not look. "
    "Nothing is made anew. Let the bot's account see it again, or go on without it."
)
_ARCHIVED = "{key} was archived in Jira, so it can only be read. Restore it in Jira to go on with it."
