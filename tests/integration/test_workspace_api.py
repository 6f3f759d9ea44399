"""The workspace's Web API, called by slack_sdk over HTTP: every error code that it can answer, and the ordinary case."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View as SdkView

from bot.demo.server import build
from bot.demo.slack import views
from bot.demo.slack.entities import App as Installed
from bot.demo.slack.entities import View
from bot.demo.slack.population import APP_TOKEN, BOT_TOKEN, populated
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer

JSON = dict[str, Any]


class Clock:
    """Real time, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def server() -> Iterator[StandingServer]:
    with StandingServer().running() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(clock: Clock, server: StandingServer) -> Workspace:
    workspace = populated(clock=clock)
    workspace.base_url = server.url
    server.serve(build(workspace))
    return workspace


@pytest.fixture
def app(workspace: Workspace) -> Installed:
    return next(iter(workspace.apps.values()))


def client(workspace: Workspace, token: str = BOT_TOKEN) -> WebClient:
    return WebClient(token=token, base_url=f"{workspace.base_url}/api/", retry_handlers=[])


@pytest.fixture
def slack(workspace: Workspace) -> WebClient:
    return client(workspace)


def refused(call: Any, /, **arguments: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response


def error(call: Any, /, **arguments: Any) -> str:
    return str(refused(call, **arguments)["error"])


def grant(app: Installed, *scopes: str) -> None:
    app.scopes = frozenset(scopes)


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


SECTION = {"type": "section", "text": plain("Hello")}


def modal(*blocks: JSON, **more: Any) -> JSON:
    return {"type": "modal", "title": plain("T"), "blocks": list(blocks) or [SECTION], **more}


def shown(workspace: Workspace, who: str = "ada") -> View:
    view = workspace.person(who).view()
    assert view is not None
    return view


def triggered(workspace: Workspace, app: Installed, who: Any = "ada", view_id: Any = "") -> str:
    return views.new_trigger(workspace, app, workspace.find_person(who).id, view_id)


# -- who calls


def test_a_good_token_says_who_the_app_is(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    answer = slack.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == (app.user_id, app.bot_id, "T01FRONT")
    assert "chat:write" in answer.headers["x-oauth-scopes"]


def test_a_wrong_token_a_missing_one_and_one_of_another_kind_are_refused(
    workspace: Workspace, slack: WebClient
) -> None:
    assert error(client(workspace, "xoxb-wrong").auth_test) == "invalid_auth"
    assert httpx.post(f"{workspace.base_url}/api/auth.test").json()["error"] == "not_authed"
    assert error(client(workspace, APP_TOKEN).auth_test) == "not_allowed_token_type"
    assert error(slack.apps_connections_open, app_token=BOT_TOKEN) == "not_allowed_token_type"


def test_the_token_may_stand_in_the_header_in_a_form_in_json_and_in_multipart(workspace: Workspace) -> None:
    url = f"{workspace.base_url}/api/auth.test"
    header = {"Authorization": f"Bearer {BOT_TOKEN}"}
    answers = [
        httpx.post(url, headers=header),
        httpx.post(url, data={"token": BOT_TOKEN}),
        httpx.post(url, headers=header, json={}),
        httpx.post(url, files={"token": (None, BOT_TOKEN)}),
        httpx.get(url, params={"token": BOT_TOKEN}),
    ]
    assert [answer.json()["ok"] for answer in answers] == [True] * 5
    assert httpx.post(url, headers=header | {"Content-Type": "application/json"}, content="{").json()["ok"] is False


def test_a_method_that_is_not_there_is_unknown(slack: WebClient) -> None:
    assert error(slack.api_call, api_method="chat.shout") == "unknown_method"


def test_another_host_name_is_not_served(workspace: Workspace) -> None:
    answer = httpx.post(f"{workspace.base_url}/api/auth.test", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_a_missing_scope_is_named_with_those_that_are_there(slack: WebClient, app: Installed) -> None:
    grant(app, "commands", "im:write")
    response = refused(slack.chat_postMessage, channel="#general", text="x")
    assert (response["error"], response["needed"], response["provided"]) == (
        "missing_scope",
        "chat:write",
        "commands,im:write",
    )
    assert error(slack.users_lookupByEmail, email="ada@example.com") == "missing_scope"
    assert error(slack.conversations_members, channel="C01GENERAL") == "missing_scope"


# -- messages


def test_a_message_goes_to_a_channel_by_name_or_id_and_to_a_person(workspace: Workspace, slack: WebClient) -> None:
    first = slack.chat_postMessage(channel="#data-platform", text="one")
    slack.chat_postMessage(channel=first["channel"], text="two", thread_ts=first["ts"])
    slack.chat_postMessage(channel="U01ADA", text="three")
    ada = workspace.person("ada")
    assert [(m.text, m.thread_ts) for m in ada.sees("#data-platform")] == [("one", ""), ("two", first["ts"])]
    assert [m.text for m in ada.sees("@frontdesk")] == ["three"]
    assert workspace.person("grace").sees("@frontdesk") == []


def test_where_a_message_cannot_go(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    assert error(slack.chat_postMessage, channel="#nowhere", text="x") == "channel_not_found"
    assert error(slack.chat_postMessage, channel="", text="x") == "channel_not_found"
    assert error(slack.chat_postMessage, channel="#secret-plans", text="x") == "channel_not_found"
    assert error(slack.chat_postMessage, channel="#old-stuff", text="x") == "is_archived"
    grant(app, "chat:write")
    assert error(slack.chat_postMessage, channel="#general", text="x") == "not_in_channel"
    assert slack.chat_postMessage(channel="#data-platform", text="a member needs no more")["ok"]
    other = workspace.direct("U01ADA", "U01GRACE")
    assert error(slack.chat_postMessage, channel=other.id, text="x") == "channel_not_found"


def test_a_message_needs_text_or_blocks_that_slack_takes(slack: WebClient) -> None:
    def post(**more: Any) -> Any:
        return refused(slack.api_call, api_method="chat.postMessage", json={"channel": "#general", **more})

    assert post(text="")["error"] == "no_text"
    assert post(text="x" * 40_001)["error"] == "msg_too_long"
    assert post(text="x", blocks="[{")["error"] == "invalid_blocks_format"
    long = post(text="x", blocks=[{"type": "section", "text": plain("x" * 3001)}])
    assert long["error"] == "invalid_blocks"
    assert long["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert post(text="x", thread_ts="1.000001")["error"] == "thread_not_found"
    assert post(text="x", metadata={"event_type": "x"})["error"] == "invalid_metadata_schema"


def test_metadata_comes_back_and_an_update_keeps_it(workspace: Workspace, slack: WebClient) -> None:
    metadata = {"event_type": "request", "event_payload": {"number": "REQ-1"}}
    posted = slack.chat_postMessage(channel="#access", text="x", metadata=metadata)
    slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y", blocks=[SECTION])
    slack.conversations_join(channel=posted["channel"])
    (short,) = slack.conversations_history(channel=posted["channel"])["messages"]
    assert short["metadata"] == {"event_type": "request"}
    (found,) = slack.conversations_history(channel=posted["channel"], include_all_metadata=True)["messages"]
    assert (found["text"], found["metadata"], found["blocks"][0]["text"]) == ("y", metadata, plain("Hello"))
    assert found["edited"]


def test_only_the_apps_own_lasting_messages_can_be_changed(workspace: Workspace, slack: WebClient) -> None:
    general = workspace.channel("#general")
    said = workspace.person("ada").say("#general", "hello")
    assert error(slack.chat_update, channel=general.id, ts="1.1", text="x") == "message_not_found"
    assert error(slack.chat_update, channel=general.id, ts=said.ts, text="x") == "cant_update_message"
    assert error(slack.chat_delete, channel=general.id, ts=said.ts) == "cant_delete_message"
    whisper = slack.chat_postEphemeral(channel=general.id, user="U01ADA", text="psst")
    assert error(slack.chat_update, channel=general.id, ts=whisper["message_ts"], text="x") == "message_not_found"
    posted = slack.chat_postMessage(channel=general.id, text="x")
    empty = {"channel": general.id, "ts": posted["ts"], "text": ""}
    assert error(slack.api_call, api_method="chat.update", json=empty) == "no_text"
    general.archived = True
    assert error(slack.chat_update, channel=general.id, ts=posted["ts"], text="y") == "is_inactive"
    slack.chat_delete(channel=general.id, ts=posted["ts"])
    assert [m.text for m in workspace.person("grace").sees("#general")] == ["hello"]


def test_an_ephemeral_message_is_seen_by_one_person_who_must_be_there(
    workspace: Workspace, slack: WebClient, app: Installed
) -> None:
    slack.chat_postEphemeral(channel="#general", user="U01ADA", text="psst")
    assert [m.text for m in workspace.person("ada").sees("#general")] == ["psst"]
    assert workspace.person("grace").sees("#general") == []
    workspace.channel("#general").members.remove("U01ADA")
    assert error(slack.chat_postEphemeral, channel="#general", user="U01ADA", text="x") == "user_not_in_channel"
    assert error(slack.chat_postEphemeral, channel="#general", text="x", user="") == "invalid_arguments"


def test_a_permalink_names_the_channel_and_the_message(workspace: Workspace, slack: WebClient) -> None:
    posted = slack.chat_postMessage(channel="#general", text="x")
    link = slack.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"])["permalink"]
    assert link == f"{workspace.base_url}/archives/C01GENERAL/p{posted['ts'].replace('.', '')}"
    assert error(slack.chat_getPermalink, channel=posted["channel"], message_ts="1.1") == "message_not_found"


def test_a_thread_is_read_by_its_first_message(slack: WebClient) -> None:
    first = slack.chat_postMessage(channel="#access", text="one")
    slack.chat_postMessage(channel="#access", text="two", thread_ts=first["ts"])
    channel = first["channel"]
    assert [m["text"] for m in slack.conversations_replies(channel=channel, ts=first["ts"])["messages"]] == [
        "one",
        "two",
    ]
    assert [m["text"] for m in slack.conversations_history(channel=channel)["messages"]] == ["one"]
    assert error(slack.conversations_replies, channel=channel, ts="1.1") == "thread_not_found"
    assert error(slack.conversations_history, channel="C01GENERAL") == "not_in_channel"


def test_too_many_messages_in_one_channel_have_to_wait(workspace: Workspace, slack: WebClient, clock: Clock) -> None:
    workspace.message_interval = 1.0
    slack.chat_postMessage(channel="#access", text="one")
    response = refused(slack.chat_postMessage, channel="#access", text="two")
    assert (response.status_code, response["error"], response.headers["retry-after"]) == (429, "ratelimited", "1")
    assert slack.chat_postMessage(channel="#general", text="another channel")["ok"]
    clock.ahead += 1
    assert slack.chat_postMessage(channel="#access", text="two")["ok"]


def test_a_test_can_have_any_call_refused(workspace: Workspace, slack: WebClient) -> None:
    workspace.refuse("chat.postMessage", retry_after=30, times=2)
    workspace.refuse("chat.postMessage", error="fatal_error")
    workspace.refuse("chat.postMessage", status=503)
    answers = []
    for _ in range(4):
        response = refused(slack.chat_postMessage, channel="#general", text="x")
        answers.append((response.status_code, response.headers.get("retry-after")))
    assert answers == [(429, "30"), (429, "30"), (200, None), (503, None)]
    assert slack.chat_postMessage(channel="#general", text="x")["ok"]
    assert [call.status for call in workspace.calls("chat.postMessage")] == [429, 429, 200, 503, 200]
    assert "token" not in workspace.calls("chat.postMessage")[0].arguments


# -- people and places


def test_people_are_found_by_id_and_by_address(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    assert slack.users_info(user="U01ADA")["user"]["profile"]["email"] == "ada@example.com"
    assert slack.users_lookupByEmail(email="ADA@example.com")["user"]["id"] == "U01ADA"
    assert error(slack.users_info, user="U0NOBODY") == "user_not_found"
    assert error(slack.users_lookupByEmail, email="x@example.com") == "users_not_found"
    workspace.people["U01LINUS"].deleted = True
    assert error(slack.users_lookupByEmail, email="linus@example.com") == "users_not_found"
    assert slack.users_info(user="U01LINUS")["user"]["deleted"] is True
    assert {"ada", "frontdesk"} < {member["name"] for member in slack.users_list()["members"]}
    grant(app, "users:read")
    assert "email" not in slack.users_info(user="U01ADA")["user"]["profile"]


def test_user_groups_have_handles_and_members(slack: WebClient) -> None:
    groups = {group["handle"]: group for group in slack.usergroups_list(include_users=True)["usergroups"]}
    assert groups["dba"]["users"] == ["U01GRACE", "U01LINUS"]
    assert slack.usergroups_users_list(usergroup=groups["security"]["id"])["users"] == ["U01MARGARET"]
    assert error(slack.usergroups_users_list, usergroup="S0NONE") == "no_such_subteam"


def test_channels_are_listed_page_by_page_and_by_kind(slack: WebClient) -> None:
    first = slack.conversations_list(limit=2)
    second = slack.conversations_list(limit=9, cursor=first["response_metadata"]["next_cursor"])
    names = [channel["name"] for channel in [*first["channels"], *second["channels"]]]
    assert names == ["general", "data-platform", "access", "announcements", "old-stuff"]
    assert second["response_metadata"]["next_cursor"] == ""
    assert len(slack.conversations_list(exclude_archived=True)["channels"]) == 4
    assert slack.conversations_list(types="private_channel")["channels"] == []
    assert error(slack.conversations_list, types="rooms") == "invalid_types"
    assert error(slack.conversations_list, cursor="x") == "invalid_cursor"
    assert {c["name"] for c in slack.users_conversations()["channels"]} == {"data-platform", "access"}


def test_a_channel_tells_its_members_and_a_hidden_one_does_not_exist(slack: WebClient) -> None:
    assert slack.conversations_info(channel="C01OLDSTUFF")["channel"]["is_archived"] is True
    page = slack.conversations_members(channel="C01GENERAL", limit=3)
    assert page["members"] == ["U01ADA", "U01GRACE", "U01LINUS"]
    assert page["response_metadata"]["next_cursor"]
    assert error(slack.conversations_info, channel="C01SECRETPLANS") == "channel_not_found"


def test_the_bot_joins_public_channels_only(slack: WebClient, app: Installed) -> None:
    grant(app, "channels:join", "chat:write")
    slack.conversations_join(channel="C01GENERAL")
    assert slack.chat_postMessage(channel="#general", text="x")["ok"]
    assert error(slack.conversations_join, channel="C01OLDSTUFF") == "is_archived"


def test_direct_messages_are_opened_by_person(slack: WebClient, workspace: Workspace) -> None:
    opened = slack.conversations_open(users="U01ADA")["channel"]["id"]
    assert slack.conversations_open(users=["U01ADA"])["channel"]["id"] == opened
    assert error(slack.conversations_open, users="U0NOBODY") == "user_not_found"
    assert error(slack.conversations_open, users="") == "users_list_not_supplied"
    assert error(slack.conversations_join, channel=opened) == "method_not_supported_for_channel_type"
    assert [c["user"] for c in slack.conversations_list(types="im")["channels"]] == ["U01ADA"]


def test_the_team_and_the_bot_are_described(slack: WebClient, app: Installed) -> None:
    assert slack.team_info()["team"]["id"] == "T01FRONT"
    assert slack.bots_info(bot=app.bot_id)["bot"]["user_id"] == app.user_id
    assert error(slack.bots_info, bot="B0NONE") == "bot_not_found"


# -- views


def test_a_trigger_opens_one_modal_within_three_seconds(
    workspace: Workspace, slack: WebClient, app: Installed, clock: Clock
) -> None:
    trigger = triggered(workspace, app)
    view = slack.views_open(trigger_id=trigger, view=modal())["view"]
    assert (view["root_view_id"], view["state"], view["app_id"]) == (view["id"], {"values": {}}, app.id)
    assert shown(workspace).title == "T"
    assert error(slack.views_open, trigger_id=trigger, view=modal()) == "exchanged_trigger_id"
    late = triggered(workspace, app)
    clock.ahead += 3.5
    assert error(slack.views_open, trigger_id=late, view=modal()) == "expired_trigger_id"
    assert error(slack.views_open, trigger_id="1.2.abc", view=modal()) == "invalid_trigger_id"
    assert error(slack.api_call, api_method="views.open", json={"view": modal()}) == "invalid_arguments"


def test_a_refused_view_says_where_and_leaves_the_trigger(
    workspace: Workspace, slack: WebClient, app: Installed
) -> None:
    trigger = triggered(workspace, app)
    response = refused(slack.views_open, trigger_id=trigger, view=modal(title=plain("x" * 25)))
    assert response["error"] == "invalid_arguments"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    assert (
        error(slack.views_open, trigger_id=trigger, view={"type": "home", "blocks": [SECTION]}) == "invalid_arguments"
    )
    assert error(slack.views_open, trigger_id=trigger, view="{") == "invalid_arguments"
    big = modal(*[SECTION | {"text": plain("x" * 2999)}] * 90)
    assert error(slack.views_open, trigger_id=trigger, view=big) == "view_too_large"
    assert slack.views_open(trigger_id=trigger, view=modal())["ok"]


def test_a_stack_holds_three_views(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    root = slack.views_open(trigger_id=triggered(workspace, app), view=modal())["view"]["id"]
    for _ in range(2):
        pushed = slack.views_push(trigger_id=triggered(workspace, app, view_id=root), view=modal())["view"]
    assert (pushed["root_view_id"], len(workspace.person("ada").views())) == (root, 3)
    assert pushed["previous_view_id"] == workspace.person("ada").views()[1].id
    on_top = triggered(workspace, app, view_id=root)
    assert error(slack.views_push, trigger_id=on_top, view=modal()) == "push_limit_reached"
    elsewhere = triggered(workspace, app)
    assert error(slack.views_push, trigger_id=elsewhere, view=modal()) == "not_found"


def test_an_update_needs_the_view_and_its_newest_hash(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    view = slack.views_open(trigger_id=triggered(workspace, app), view=modal(external_id="one"))["view"]
    newer = slack.views_update(view_id=view["id"], hash=view["hash"], view=modal(title=plain("New")))["view"]
    assert newer["id"] == view["id"]
    assert newer["hash"] != view["hash"]
    assert shown(workspace).title == "New"
    stale = {"view_id": view["id"], "hash": view["hash"], "view": modal()}
    assert error(slack.views_update, **stale) == "hash_conflict"
    assert error(slack.views_update, view_id="V0NONE", view=modal()) == "not_found"
    assert error(slack.views_update, external_id="none", view=modal()) == "not_found"
    assert error(slack.api_call, api_method="views.update", json={"view": modal()}) == "invalid_arguments"


def test_an_external_id_finds_a_view_and_is_given_once(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    slack.views_open(trigger_id=triggered(workspace, app), view=modal(external_id="one"))
    assert slack.views_update(external_id="one", view=modal(external_id="one", title=plain("New")))["ok"]
    grace = triggered(workspace, app, "grace")
    assert error(slack.views_open, trigger_id=grace, view=modal(external_id="one")) == "duplicate_external_id"


def test_a_home_tab_is_published_for_a_person(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    home = {"type": "home", "blocks": [SECTION]}
    first = slack.views_publish(user_id="U01ADA", view=home)["view"]
    second = slack.views_publish(user_id="U01ADA", view=home, hash=first["hash"])["view"]
    assert second["id"] == first["id"]
    seen = workspace.person("ada").home()
    assert seen is not None
    assert seen.blocks[0]["text"] == plain("Hello")
    assert error(slack.views_publish, user_id="U01ADA", view=home, hash=first["hash"]) == "hash_conflict"
    assert error(slack.views_publish, user_id="U0NOBODY", view=home) == "user_not_found"
    assert error(slack.views_publish, user_id="U01ADA", view=modal()) == "invalid_arguments"


def test_slack_sdk_reads_the_views_that_come_back(workspace: Workspace, slack: WebClient, app: Installed) -> None:
    answer = slack.views_open(trigger_id=triggered(workspace, app), view=SdkView(**modal(callback_id="c")))
    assert SdkView(**answer["view"]).to_dict()["callback_id"] == "c"


def test_blocks_can_be_validated_without_sending_them(slack: WebClient) -> None:
    def validate(**what: Any) -> Any:
        return slack.api_call("blocks.validate", json=what)

    assert validate(blocks=[SECTION])["ok"]
    assert validate(view=json.dumps(modal()))["ok"]
    assert error(validate, blocks=[{"type": "x"}]) == "invalid_arguments"
    assert error(validate) == "invalid_arguments"


def test_a_history_begins_where_it_is_asked_to(workspace: Workspace, slack: WebClient) -> None:
    first = slack.chat_postMessage(channel="#access", text="first")
    slack.chat_postMessage(channel="#access", text="second", thread_ts=first["ts"])
    slack.chat_postMessage(channel="#access", text="third")
    slack.conversations_join(channel=first["channel"])
    history = slack.conversations_history(channel=first["channel"], oldest=first["ts"])
    assert [m["text"] for m in history["messages"]] == ["third"]
    replies = slack.conversations_replies(channel=first["channel"], ts=first["ts"], oldest=first["ts"])
    assert [m["text"] for m in replies["messages"]] == ["first", "second"]


def test_an_update_without_blocks_keeps_them_and_an_empty_list_takes_them_away(
    workspace: Workspace, slack: WebClient
) -> None:
    posted = slack.chat_postMessage(channel="#access", text="x", blocks=[SECTION])
    kept = slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y")
    assert kept["message"]["blocks"]
    bare = slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y", blocks=[])
    assert "blocks" not in bare["message"]


@pytest.mark.parametrize("how", [{"cut": True}, {"status": 500}])
def test_a_call_may_be_done_although_its_answer_is_lost(workspace: Workspace, slack: WebClient, how: Any) -> None:
    workspace.refuse("chat.postMessage", done=True, **how)
    patient = WebClient(token=slack.token, base_url=slack.base_url, retry_handlers=[])
    with pytest.raises((OSError, SlackApiError)):
        patient.chat_postMessage(channel="#access", text="x")
    assert [m.text for m in workspace.messages("#access")] == ["x"]
