"""`manifest.yml` is what Slack takes, in both readings, and asks for what the code needs and not more."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from slack_sdk import WebClient

from bot.demo.slack import directory_api, messages_api, population, views_api, web_api
from bot.demo.slack.entities import Command

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT.parent / "shared" / "slack" / "manifest"
FILE = (ROOT / "manifest.yml").read_text(encoding="utf-8")
SOCKET: dict[str, Any] = yaml.safe_load(FILE)
HTTP: dict[str, Any] = yaml.safe_load(FILE.replace("#HTTP ", "").replace("mode_enabled: true", "mode_enabled: false"))
SCOPES = set(SOCKET["oauth_config"]["scopes"]["bot"])

# The bot scopes of each method, any one of a group is enough: https://docs.slack.dev/reference/methods/<name>
METHODS: dict[str, list[set[str]]] = {
    "auth.test": [],
    "chat.delete": [{"chat:write"}],
    "chat.getPermalink": [],
    "chat.postEphemeral": [{"chat:write"}],
    "chat.postMessage": [{"chat:write"}],
    "chat.unfurl": [{"links:write"}],
    "chat.update": [{"chat:write"}],
    "conversations.history": [{"channels:history"}, {"groups:history"}, {"im:history"}],
    "conversations.info": [{"channels:read"}, {"groups:read"}, {"im:read"}],
    "conversations.join": [{"channels:join"}],
    "conversations.list": [{"channels:read"}, {"groups:read"}],
    "conversations.members": [{"channels:read"}, {"groups:read"}],
    "conversations.open": [{"im:write"}],
    "conversations.replies": [{"channels:history"}, {"groups:history"}, {"im:history"}],
    "files.info": [{"files:read"}],
    "team.info": [{"team:read"}],
    "usergroups.list": [{"usergroups:read"}],
    "usergroups.users.list": [{"usergroups:read"}],
    "users.info": [{"users:read"}],
    "users.list": [{"users:read"}],
    "users.lookupByEmail": [{"users:read.email"}],
    "views.open": [],
    "views.publish": [],
    "views.push": [],
    "views.update": [],
}

# The scopes of each event: https://docs.slack.dev/reference/events/<name>
EVENTS: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_uninstalled": set(),
    "channel_archive": {"channels:read"},
    "channel_id_changed": {"channels:read"},
    "channel_rename": {"channels:read"},
    "channel_unarchive": {"channels:read"},
    "group_archive": {"groups:read"},
    "group_rename": {"groups:read"},
    "group_unarchive": {"groups:read"},
    "link_shared": {"links:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "subteam_members_changed": {"usergroups:read"},
    "subteam_updated": {"usergroups:read"},
    "tokens_revoked": set(),
    "user_change": {"users:read"},
}


@pytest.mark.parametrize("schema", ["manifest.schema.1.0.0.json", "manifest.schema.2.0.0.json"])
@pytest.mark.parametrize("manifest", [SOCKET, HTTP], ids=["socket mode", "signed HTTP"])
def test_slacks_own_schemas_take_it(schema: str, manifest: dict[str, Any]) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("../shared/slack/manifest, which has Slack's schemas, is not there")
    validator = Draft7Validator(json.loads((SCHEMAS / schema).read_text(encoding="utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)] == []


def test_in_socket_mode_it_names_no_address_and_over_http_it_names_one_for_all_of_slack() -> None:
    address = "https://frontdesk.example.com/slack/events"
    assert SOCKET["settings"]["socket_mode_enabled"] is True
    assert HTTP["settings"]["socket_mode_enabled"] is False
    assert list(_addresses(SOCKET)) == []
    assert list(_addresses(HTTP)) == [address] * 4


def _addresses(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _addresses(each)
    elif isinstance(value, list):
        for each in value:
            yield from _addresses(each)
    elif isinstance(value, str) and value.startswith("https:"):
        yield value


def test_names_fit_where_slack_shows_them() -> None:
    # https://docs.slack.dev/reference/app-manifest
    shown = SOCKET["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert len(SOCKET["features"]["bot_user"]["display_name"]) <= 80
    assert len(SOCKET["features"]["shortcuts"]) <= 10
    for shortcut in SOCKET["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert len(shortcut["callback_id"]) <= 255
    assert 1 <= len(SOCKET["features"]["unfurl_domains"]) <= 5


def test_each_method_that_the_code_calls_has_its_scope() -> None:
    called = _called_methods()
    assert {"chat.postMessage", "views.open"} <= called, "this test no longer finds the calls"
    assert called <= set(METHODS), "look its page up, and say here which scopes it needs"
    missing = {name: any_of for name in called for any_of in METHODS[name] if not any_of & SCOPES}
    assert missing == {}


def _called_methods() -> set[str]:
    known = {name for name in dir(WebClient) if "_" in name.strip("_")}
    called = set()
    for path in [*ROOT.glob("bot/slack/**/*.py"), *ROOT.glob("bot/app.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in known:
                called.add(node.attr.replace("_", "."))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("api_call"):
                called.add(ast.literal_eval(node.args[0]))
    return {name for name in called if name.split(".")[0] in {known.split(".")[0] for known in METHODS}}


def test_each_event_has_its_scope() -> None:
    wanted = SOCKET["settings"]["event_subscriptions"]["bot_events"]
    assert sorted(EVENTS) == sorted(wanted)
    assert {event: EVENTS[event] - SCOPES for event in wanted if not EVENTS[event] <= SCOPES} == {}


def test_the_demos_workspace_gives_no_scope_that_a_real_one_would_not() -> None:
    assert set(population.SCOPES) <= SCOPES
    assert all((directory_api, messages_api, views_api)), "importing them registers their methods"
    short = {name: scopes for name, (_, scopes) in web_api.METHODS.items() if scopes and not SCOPES & set(scopes)}
    assert short == {}


def test_the_demos_workspace_shows_the_same_command() -> None:
    (asked,) = SOCKET["features"]["slash_commands"]
    shown = population.PLATFORM
    assert Command(asked["command"], asked["description"], asked["usage_hint"], asked["should_escape"]) == shown


def test_each_shortcut_is_listened_to() -> None:
    listened = set()
    for path in ROOT.glob("bot/slack/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".shortcut"):
                listened.add(ast.literal_eval(node.args[0]))
    assert {shortcut["callback_id"] for shortcut in SOCKET["features"]["shortcuts"]} == listened
