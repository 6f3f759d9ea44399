"""People and user groups as Slack knows them, remembered for a minute."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.errors import Unavailable
from bot.people import Profile, is_group
from bot.slack.errors import LINE

T = TypeVar("T")

#: Seconds that an answer counts. `usergroups.users.list` allows 20 calls a minute:
#: https://docs.slack.dev/apis/web-api/rate-limits
FRESH = 60.0
#: Errors that say "there is no such person".
_NOBODY = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
#: Workspaces without user groups: their groups are those of groups.toml.
_NO_GROUPS = frozenset({"plan_upgrade_required", "missing_scope", "unknown_method", "not_allowed_token_type"})


@dataclass(frozen=True)
class UserGroup:
    """One user group."""

    id: str
    handle: str
    name: str


class SlackDirectory:
    """Answers from Slack's Web API. Raises Unavailable when Slack does not answer."""

    def __init__(self, client: WebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._answers: dict[str, tuple[float | None, Any]] = {}
        self._lock = threading.Lock()
        self._forgotten = 0

    def find(self, reference: str) -> Profile | None:
        """One person by e-mail address or Slack id; nobody who has been deactivated."""
        if "@" in reference:
            user = self._ask(lambda: self._client.users_lookupByEmail(email=reference)["user"])
        else:
            user = self._ask(lambda: self._client.users_info(user=reference)["user"])
        return profile_of(user) if user and not user.get("deleted") else None

    def has_left(self, slack_id: str) -> bool:
        """Whether the person was deactivated, or never was: Slack takes a message to them as if they were there."""
        return self._remembered(f"left {slack_id}", lambda: self.find(slack_id) is None)

    def channel_id(self, name: str) -> str | None:
        """The id of a channel by its name, `#` or not; None where there is none that we may see."""
        return self._remembered("channels", lambda: dict(self._channels())).get(name.removeprefix("#"))

    def forget(self) -> None:
        """Ask anew: somebody or something has changed. What is just being asked may be of before, and is not kept."""
        with self._lock:
            self._answers.clear()
            self._forgotten += 1

    def members(self, handle: str) -> frozenset[str] | None:
        """Slack ids of a user group, by `@handle` or id; None when there is no such group."""
        group = self.group(handle)
        if group is None:
            return None
        return self._remembered(f"members {group.id}", lambda: frozenset(self._members(group.id)))

    def group(self, handle: str) -> UserGroup | None:
        """One user group by `@handle` or id."""
        name = handle.removeprefix("@").lower()
        return next((group for group in self.groups() if name in (group.handle.lower(), group.id.lower())), None)

    def groups(self) -> tuple[UserGroup, ...]:
        """All user groups; none where the workspace has none."""
        return self._remembered("groups", lambda: tuple(self._groups()))

    def remembered_groups(self) -> tuple[UserGroup, ...]:
        """All user groups as they were when somebody last asked; asks nobody, for a window waits for it."""
        with self._lock:
            found: tuple[UserGroup, ...] = self._answers.get("groups", (None, ()))[1]
        return found

    def mention(self, who: str) -> str | None:
        """How Slack shows and notifies a group; None for one that it does not know."""
        try:
            group = self.group(who) if is_group(who) else None
        except Unavailable:
            return None
        return f"<!subteam^{group.id}>" if group else None

    def remembered_mention(self, who: str) -> str | None:
        """The same without asking Slack, for an acknowledgement: None also where nobody has asked lately."""
        return None if self._is_old("groups") else self.mention(who)

    def _groups(self) -> Iterable[UserGroup]:
        listed = self._ask(lambda: self._client.usergroups_list(include_disabled=False)["usergroups"], _NO_GROUPS)
        return [UserGroup(each["id"], each["handle"], each.get("name", "")) for each in listed or ()]

    def _members(self, group_id: str) -> Iterable[str]:
        return self._ask(lambda: self._client.usergroups_users_list(usergroup=group_id)["users"], _NO_GROUPS) or ()

    def _channels(self) -> Iterator[tuple[str, str]]:
        cursor: str | None = None
        while cursor != "":
            page = self._ask(partial(self._channel_page, cursor))
            if page is None:
                return
            yield from ((each["name"], each["id"]) for each in page["channels"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")

    def _channel_page(self, cursor: str | None) -> SlackResponse:
        return self._client.conversations_list(types="public_channel,private_channel", limit=1000, cursor=cursor)

    def _remembered(self, key: str, ask: Callable[[], T]) -> T:
        with self._lock:
            asked, known = self._answers.get(key, (None, None))
            forgotten = self._forgotten
        if asked is not None and self._clock() - asked <= FRESH:
            return cast("T", known)
        answer = ask()
        with self._lock:
            if forgotten == self._forgotten:
                self._answers[key] = self._clock(), answer
        return answer

    def _is_old(self, key: str) -> bool:
        with self._lock:
            asked = self._answers.get(key, (None, None))[0]
        return asked is None or self._clock() - asked > FRESH

    def _ask(self, call: Callable[[], T], absent: frozenset[str] = _NOBODY) -> T | None:
        try:
            return call()
        except SlackApiError as error:
            if error.response.get("error") in absent:
                return None
            raise Unavailable(f"Slack could not say who that is ({error.response.get('error')}). Try again.") from error
        except LINE as error:
            raise Unavailable("Slack does not answer just now, so nobody can be looked up. Try again.") from error


def profile_of(user: dict[str, Any]) -> Profile:
    """What Slack tells of somebody, in an answer or in an event."""
    profile = user.get("profile", {})
    name = profile.get("real_name") or user.get("real_name") or profile.get("display_name") or user.get("name")
    return Profile(user["id"], user.get("team_id"), profile.get("email"), name, user.get("tz"))
