"""A small bot that sends every kind of block the page draws; it has nothing to do with Frontdesk's own."""

import time
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.server import Server
from bot.demo.slack.entities import Command
from bot.demo.slack.population import SCOPES
from bot.demo.slack.workspace import Workspace

JSON = dict[str, Any]
SIZES = ("small", "medium", "large")
REGIONS = [f"region-{number}" for number in range(1, 41)]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def option(value: str, text: str = "") -> JSON:
    return {"text": plain(text or value.title()), "value": value}


def field(name: str, label: str, element: JSON, **more: Any) -> JSON:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element | {"action_id": name}, **more}


def form(title: str = "Order a database") -> JSON:
    blocks: list[JSON] = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*PostgreSQL* by <!subteam^S01DBA>, usually in 2 hours"},
        },
        field(
            "name",
            "Name",
            {"type": "plain_text_input", "placeholder": plain("orders"), "max_length": 30},
            hint=plain("Lower case, no spaces"),
        ),
        field("size", "Size", {"type": "static_select", "options": [option(size) for size in SIZES]}),
        field("region", "Region", {"type": "external_select", "min_query_length": 0}),
        field("owners", "Owners", {"type": "multi_users_select"}, optional=True),
        field("until", "Until", {"type": "datepicker"}, optional=True),
        field("nodes", "Nodes", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}, optional=True),
        field("why", "Why", {"type": "plain_text_input", "multiline": True}, optional=True),
        field("drawing", "Drawing", {"type": "file_input", "max_files": 1}, optional=True),
        field("backup", "Backup", {"type": "checkboxes", "options": [option("yes", "Every night")]}, optional=True),
        field("tier", "Tier", {"type": "radio_buttons", "options": [option("a", "Test"), option("b", "Production")]}),
    ]
    return {
        "type": "modal",
        "callback_id": "order",
        "title": plain(title),
        "submit": plain("Submit"),
        "close": plain("Cancel"),
        "blocks": blocks,
    }


def card(name: str, decided: str = "") -> list[JSON]:
    danger = {
        "title": plain("Reject this?"),
        "text": plain("Ada is told."),
        "confirm": plain("Reject"),
        "deny": plain("Keep"),
    }
    buttons = [
        {"type": "button", "action_id": "approve", "text": plain("Approve"), "style": "primary", "value": name},
        {
            "type": "button",
            "action_id": "reject",
            "text": plain("Reject"),
            "style": "danger",
            "value": name,
            "confirm": danger,
        },
        {"type": "overflow", "action_id": "more", "options": [option("edit"), option("withdraw")]},
    ]
    fields = [
        {"type": "mrkdwn", "text": f"*Name*\n{name}"},
        {"type": "mrkdwn", "text": "*Size*\nsmall"},
        {"type": "mrkdwn", "text": "*Requester*\n<@U01ADA>"},
        {"type": "mrkdwn", "text": "*Asked*\n<!date^1790000000^{date_short_pretty} at {time}|then>"},
    ]
    end: JSON = {"type": "actions", "block_id": "decide", "elements": buttons}
    if decided:
        end = {"type": "context", "elements": [{"type": "mrkdwn", "text": decided}]}
    return [
        {"type": "header", "text": plain(f"PostgreSQL {name}")},
        {"type": "section", "fields": fields},
        {"type": "divider"},
        end,
    ]


def sampler() -> list[JSON]:
    """One of each block and element that a message may hold."""
    elements: list[JSON] = [
        {
            "type": "static_select",
            "action_id": "pick",
            "placeholder": plain("Pick one"),
            "options": [option("one"), option("two")],
        },
        {"type": "users_select", "action_id": "who", "placeholder": plain("Pick a person")},
        {"type": "channels_select", "action_id": "where", "placeholder": plain("Pick a channel")},
        {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-30"},
        {"type": "timepicker", "action_id": "hour", "initial_time": "14:05"},
        {"type": "datetimepicker", "action_id": "moment", "initial_date_time": 1_790_000_040},
        {"type": "button", "action_id": "docs", "text": plain("Read more"), "url": "https://example.com/docs"},
    ]
    choices: list[JSON] = [
        {"type": "checkboxes", "action_id": "ticks", "options": [option("a"), option("b")]},
        {"type": "radio_buttons", "action_id": "radio", "options": [option("c"), option("d")]},
    ]
    rich: list[JSON] = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "rich bold", "style": {"bold": True}}]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "listed"}]}],
        },
    ]
    cells = [
        [{"type": "raw_text", "text": "Size"}, {"type": "raw_text", "text": "Price"}],
        [{"type": "raw_text", "text": "small"}, {"type": "raw_text", "text": "9"}],
    ]
    return [
        {"type": "header", "text": plain("Everything")},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "Some *bold* text with `code`\n&gt; and a quote\n```and a\nblock```"},
            "accessory": {"type": "overflow", "action_id": "dots", "options": [option("x"), option("y")]},
        },
        {
            "type": "context",
            "elements": [
                {"type": "mrkdwn", "text": "in small"},
                {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "a picture"},
            ],
        },
        {"type": "actions", "elements": elements},
        {"type": "actions", "elements": choices},
        {"type": "markdown", "text": "## From Markdown\n- **first**\n- second"},
        {"type": "rich_text", "elements": rich},
        {"type": "table", "rows": cells},
        {
            "type": "image",
            "image_url": "https://example.com/y.png",
            "alt_text": "a big picture",
            "title": plain("A title"),
        },
    ]


def build(workspace: Workspace) -> App:
    """The bot, as an app of the workspace."""
    installed = workspace.install(
        "helper",
        scopes=SCOPES,
        commands=[
            Command("/order", "Order a database", "NAME"),
            Command("/slow", "Never answers in time"),
            Command("/say"),
            Command("/more"),
        ],
    )
    client = WebClient(installed.bot_token, base_url=workspace.base_url + "/api/")
    app = App(client=client, signing_secret=installed.signing_secret, process_before_response=True)

    @app.command("/order")
    def order(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=form())

    @app.command("/slow")
    def slow() -> None:
        time.sleep(workspace.patience + 0.2)

    @app.command("/say")
    def say(ack: Any, body: JSON) -> None:
        ack(f"You said {body['text']}.")

    @app.options("region")
    def regions(ack: Any, payload: JSON) -> None:
        ack(options=[option(one, one) for one in REGIONS if payload["value"] in one][:100])

    @app.view("order")
    def ordered(ack: Any, view: JSON, body: JSON, client: WebClient) -> None:
        values = view["state"]["values"]
        name = values["name"]["name"]["value"]
        if name != name.lower():
            ack(response_action="errors", errors={"name": "Lower case only, please."})
            return
        if name == "broken":
            ack(response_action="update", view={"type": "modal"})
            return
        ack()
        client.chat_postMessage(channel="#data-platform", text=f"{name} was asked for", blocks=card(name))
        client.chat_postEphemeral(channel="#general", user=body["user"]["id"], text=f"Asked for *{name}*.")

    decisions(app)
    stacked(app)
    home(app)
    return app


def decisions(app: App) -> None:
    """What the card's buttons do."""

    @app.action("approve")
    def approve(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        name = body["actions"][0]["value"]
        client.chat_update(
            **place, text="approved", blocks=card(name, f":white_check_mark: Approved by <@{body['user']['id']}>")
        )
        client.chat_postMessage(channel=place["channel"], thread_ts=place["ts"], text="The database is being made.")
        link = client.chat_getPermalink(channel=place["channel"], message_ts=place["ts"])["permalink"]
        client.chat_postMessage(channel="U01ADA", text=f"Your <{link}|card> was approved.")

    @app.action("reject")
    def reject(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="rejected", blocks=card("orders", "Rejected")
        )

    @app.action("more")
    def more(ack: Any, body: JSON, respond: Any) -> None:
        ack()
        respond(f"You chose {body['actions'][0]['selected_option']['value']}.", response_type="ephemeral")


def stacked(app: App) -> None:
    """A modal that opens a second one, whose select tells the app."""
    further = {"type": "button", "action_id": "further", "text": plain("Further")}
    first = [field("note", "Note", {"type": "plain_text_input"}), {"type": "actions", "elements": [further]}]
    kind = field(
        "kind", "Kind", {"type": "static_select", "options": [option("one"), option("two")]}, dispatch_action=True
    )

    def modal(title: str, blocks: list[JSON]) -> JSON:
        return {"type": "modal", "title": plain(title), "submit": plain("Next"), "blocks": blocks}

    @app.command("/more")
    def more(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=modal("First", first))

    @app.action("further")
    def push(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        client.views_push(trigger_id=body["trigger_id"], view=modal("Second", [kind]))

    @app.action("kind")
    def chosen(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        value = body["actions"][0]["selected_option"]["value"]
        said: JSON = {"type": "section", "text": plain(f"You chose {value}.")}
        client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=modal("Second", [kind, said]))


def home(app: App) -> None:
    """A Home tab that counts."""

    def publish(client: WebClient, user: str, count: int) -> None:
        button = {"type": "button", "action_id": "count", "text": plain("Count"), "value": str(count + 1)}
        blocks = [
            {"type": "section", "text": plain(f"Counted: {count}")},
            {"type": "actions", "elements": [button]},
        ]
        client.views_publish(user_id=user, view={"type": "home", "blocks": blocks})

    @app.event("app_home_opened")
    def opened(event: JSON, client: WebClient) -> None:
        publish(client, event["user"], 0)

    @app.action("count")
    def counted(ack: Any, body: JSON, client: WebClient) -> None:
        ack()
        publish(client, body["user"]["id"], int(body["actions"][0]["value"]))


def serve(workspace: Workspace, app: App) -> Server:
    """The bot over signed HTTP, known to the workspace."""
    handler = SlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    server = Server(Starlette(routes=[Route("/slack/events", events, methods=["POST"])])).start()
    installed = next(one for one in workspace.apps.values() if one.name == "helper")
    installed.request_url = server.url + "/slack/events"
    return server
