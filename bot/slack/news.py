"""What Slack's events tell of people, groups and channels, as one call of the service each.

Slack sends an event again that was not acknowledged (https://docs.slack.dev/apis/events-api), so what it tells is kept
before the acknowledgement, and kept once.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App
from slack_bolt.kwargs_injection.args import Args

from bot.service import News, Service
from bot.slack.directory import SlackDirectory, profile_of

log = logging.getLogger(__name__)

JSON = dict[str, Any]
Reader = Callable[[JSON], News | None]


def register(app: App, service: Service, directory: SlackDirectory) -> None:
    """Hand every listener of an event to Bolt."""

    def kept(read: Reader) -> Callable[[Args], None]:
        def keep(args: Args) -> None:
            news = read(args.body)
            if news and not service.hear(news):
                log.info("%s changes nothing, or came before", news.key)
            if news and (news.left or news.regrouped):
                directory.forget()
            args.ack()

        return keep

    for name, read in _EVENTS.items():
        app.event(name)(kept(read))


def _key(body: JSON) -> str:
    return f"slack:{body['event_id']}"


def _user(body: JSON) -> News:
    user = body["event"]["user"]
    if user.get("deleted"):
        return News(_key(body), left=user["id"])
    return News(_key(body), changed=profile_of(user))


def _group(body: JSON) -> News:
    return News(_key(body), regrouped=True)


def _archived(body: JSON) -> News:
    return News(_key(body), closed=body["event"]["channel"])


def _opened(body: JSON) -> News:
    return News(_key(body), opened=True)


def _joined(body: JSON) -> News | None:
    """Everybody who joins a channel of ours is told; what matters is that we did."""
    we = {each.get("user_id") for each in body.get("authorizations", ())}
    return News(_key(body), opened=True) if body["event"]["user"] in we else None


def _renamed(body: JSON) -> News:
    channel = body["event"]["channel"]
    return News(_key(body), renamed=(channel["id"], channel["name"]))


def _replaced(body: JSON) -> News:
    return News(_key(body), replaced=(body["event"]["old_channel_id"], body["event"]["new_channel_id"]))


def _removed(body: JSON) -> News:
    text = "Slack has taken the app's token away: install the app again, and set SLACK_BOT_TOKEN anew."
    return News(_key(body), alarm=text)


_EVENTS: Mapping[str, Reader] = {
    "user_change": _user,
    "subteam_updated": _group,
    "subteam_members_changed": _group,
    "channel_archive": _archived,
    "group_archive": _archived,
    "channel_unarchive": _opened,
    "group_unarchive": _opened,
    "member_joined_channel": _joined,
    "channel_rename": _renamed,
    "group_rename": _renamed,
    "channel_id_changed": _replaced,
    "app_uninstalled": _removed,
    "tokens_revoked": _removed,
}
