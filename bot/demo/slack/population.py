"""Who and what there is in the demo's workspace."""

import time
from collections.abc import Callable

from bot.demo.slack.entities import Command
from bot.demo.slack.workspace import Workspace

SCOPES = (
    *("channels:history", "channels:join", "channels:read", "chat:write", "chat:write.public", "commands"),
    *("files:read", "groups:history", "groups:read", "im:history", "im:read", "im:write"),
    *("team:read", "usergroups:read", "users:read", "users:read.email"),
)
BOT_TOKEN = "xoxb-local-frontdesk"  # noqa: S105 - opens nothing but this stand-in
APP_TOKEN = "xapp-local-frontdesk"  # noqa: S105 - the same
SIGNING_SECRET = "local-signing-secret"  # noqa: S105 - the same
PLATFORM = Command(
    "/platform", "Request and track what the platform offers", "request postgres name=orders | list | waiting | help"
)
PEOPLE = (
    ("ada", "Ada Lovelace"),
    ("grace", "Grace Hopper"),
    ("linus", "Linus"),
    ("margaret", "Margaret Hamilton"),
)
GROUPS = (
    ("dba", "Database administrators", ("grace", "linus")),
    ("data-platform", "Data platform", ("grace", "margaret")),
    ("security", "Security", ("margaret",)),
)
CHANNELS = ("general", "data-platform", "access", "announcements")


def populated(*, clock: Callable[[], float] = time.time, patience: float = 3.0) -> Workspace:
    """A workspace with people, user groups, channels and the app `frontdesk` with the tokens above.

    The bot is a member of #data-platform and #access only: elsewhere it posts with `chat:write.public`.
    """
    workspace = Workspace(clock=clock, patience=patience)
    for handle, name in PEOPLE:
        workspace.add_person(handle, name, f"{handle}@example.com")
    for handle, name, members in GROUPS:
        workspace.add_group(handle, name, members)
    everybody = [handle for handle, _ in PEOPLE]
    for name in CHANNELS:
        workspace.add_channel(name, everybody)
    workspace.add_channel("old-stuff", everybody, archived=True)
    workspace.add_channel("secret-plans", ["margaret"], private=True)
    app = workspace.install(
        "frontdesk",
        scopes=SCOPES,
        commands=[PLATFORM],
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
    )
    for name in ("data-platform", "access"):
        workspace.channel(name).members.append(app.user_id)
    return workspace
