"""What people do in Slack, as one call of the service each. Thin: receive, translate, call, answer.

What people decide is stored before it is acknowledged, whatever opens a window is acknowledged first: Slack gives both
three seconds, https://docs.slack.dev/interactivity/handling-user-interaction , and a trigger lives as long. A click is
never silently ignored: whatever cannot be done is told to the person who clicked, and to nobody else; a bug is told with
an id that the log has too.

    wrapped     how functions of an interaction become Bolt's listeners
    typed       the slash command and the shortcuts
    opened      the Home tab
    clicked     buttons
    submitted   windows
"""

import re

from slack_bolt import Ack, BoltResponse

from bot.service import Service
from bot.slack import news
from bot.slack.bolt import Bolt
from bot.slack.directory import SlackDirectory
from bot.slack.errors import bug
from bot.slack.forms import filling, handing_in
from bot.slack.forms.about import CHANGE, COMPLETE, EDIT, ENTRY, FORM
from bot.slack.interaction import JSON
from bot.slack.listeners import clicked, opened, submitted, typed
from bot.slack.listeners.wrapped import Wrapped, acknowledge, beside_first


def register(app: Bolt, service: Service, directory: SlackDirectory) -> None:
    """Hand every listener to Bolt."""
    listeners = Wrapped(service, directory, app.listener_runner.listener_executor)
    app.command("/platform")(listeners.after(acknowledge, listeners.lazily(typed.command)))
    for name, submit in submitted.SUBMISSIONS.items():
        app.submission(name, listeners.submission(submit))
    entry = listeners.submission(handing_in.submitted_entry)
    app.submission(ENTRY, listeners.after(entry, listeners.lazily(handing_in.show_list)))
    for name in (FORM, EDIT, CHANGE, COMPLETE, ENTRY):
        app.view_closed(name)(listeners.after(acknowledge, listeners.lazily(handing_in.closed)))
    keep = listeners.first(filling.keep_shown)
    for name, (decide, ask) in clicked.DECISIONS.items():
        app.action(name)(listeners.after(listeners.decided(decide), listeners.told(ask)))
    for name, do in {**clicked.CLICKS, **filling.CLICKS}.items():
        first = keep if name in filling.KEPT_FIRST else acknowledge
        app.action(name)(listeners.after(first, listeners.lazily(do)))
    app.shortcut("new_request")(listeners.after(acknowledge, listeners.lazily(typed.shortcut)))
    app.shortcut("request_from_message")(listeners.after(acknowledge, listeners.lazily(typed.shortcut)))
    app.event("app_home_opened")(listeners.after(acknowledge, listeners.lazily(opened.opened)))
    news.register(app, service, directory)
    app.event(re.compile(".*"))(acknowledge)
    app.action(re.compile(".*"))(listeners.after(acknowledge, listeners.lazily(clicked.stale)))
    app.view(re.compile(".*"))(listeners.submission(submitted.stale))
    app.view_closed(re.compile(".*"))(acknowledge)
    for name, find in filling.SEARCHES.items():
        app.options(name)(listeners.suggestion(find))
    app.options(re.compile(".*"))(_no_options)
    app.error(_unforeseen)


def _no_options(ack: Ack) -> None:
    ack(options=[])


def _unforeseen(error: Exception, body: JSON) -> BoltResponse:
    """The last net: what no listener caught, for example a payload of a kind that nobody listens to."""
    told = bug(error)
    if body.get("type") == "view_submission":
        return BoltResponse(status=200, body=beside_first(body["view"], told))
    if body.get("command"):
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": told})
    if body.get("type") == "event_callback":  # Slack sends it again
        return BoltResponse(status=500, body="")
    return BoltResponse(status=200, body="")
