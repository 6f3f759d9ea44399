"""A form with everything in it, a person who submits it as it stands, and what its view shows."""

import datetime as dt
import enum
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, EmailStr, Field, HttpUrl
from slack_sdk.models.views import View

from bot.slack.rules.limits import view_problems
from tests import sheets as forms

#: What Slack puts into an element's state, and from which of its initial values.
STATE = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "multi_external_select": ("selected_options", "initial_options"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def element(view: dict[str, Any], block: str) -> dict[str, Any]:
    found: dict[str, Any] = inputs(view)[block]["element"]
    return found


def submitted(view: dict[str, Any], *, client_checks: bool = True) -> dict[str, Any]:
    """`state.values` of a person who changes nothing and submits, as Slack sends it."""
    values: dict[str, Any] = {}
    for name, block in inputs(view).items():
        shown = block["element"]
        key, initial = STATE[shown["type"]]
        nothing: Any = [] if key.endswith("s") else None
        answer = shown.get(initial, nothing)
        assert not client_checks or block["optional"] or answer not in (None, []), f"{name} cannot be submitted"
        values[name] = {shown["action_id"]: {"type": shown["type"], key: answer}}
    return values


def texts(view: dict[str, Any]) -> str:
    return json.dumps(view, ensure_ascii=False)


def notes(view: dict[str, Any]) -> list[str]:
    contexts = [block["elements"][0]["text"] for block in view["blocks"] if block["type"] == "context"]
    return [text.removeprefix("⚠️ ") for text in contexts if text.startswith("⚠️ ")]


def modal(schema: dict[str, Any], answers: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The view, refused here where Slack would refuse it."""
    view = forms.modal(schema, answers, title="PostgreSQL", **more)
    assert view_problems(view) == []
    View(**view).to_dict()
    return view


def obj(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


class Tier(enum.Enum):
    GOLD = "gold"
    TIN = "tin"


class Network(BaseModel):
    """Where it stands."""

    model_config = ConfigDict(extra="forbid")
    cidr: str = Field(pattern=r"^[0-9./]+$")
    public: bool = False
    zones: list[Literal["a", "b"]] = Field(default_factory=list)


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=3, max_length=30, pattern="^[a-z-]+$", description="Lower case", examples=["orders"])
    note: str | None = Field(None, max_length=2000)
    size: Literal["small", "large"] = "small"
    tier: Tier
    level: Literal[1, 2, 3, 4, 5, 6, True, "auto"] = 2
    nodes: int = Field(gt=0, le=9)
    share: float | None = Field(None, ge=0.25, lt=1)
    price: Decimal = Field(gt=0)
    backups: bool = True
    urgent: bool
    tested: bool | None = None
    day: dt.date
    at: dt.time = dt.time(10, 30)
    moment: dt.datetime | None = None
    window: dt.timedelta | None = None
    code: uuid.UUID | None = None
    mail: EmailStr
    link: HttpUrl | None = None
    zones: list[Literal["a", "b", "c"]] = ["a"]
    regions: list[Literal["r1", "r2", "r3", "r4", "r5", "r6"]] = Field(min_length=1, max_length=3)
    tags: list[str]
    ports: list[int] | None = None
    labels: dict[str, str]
    lead: Annotated[str, Field(json_schema_extra={"format": "person"})]
    team: Annotated[str, Field(json_schema_extra={"format": "group"})] = "@dba"
    channel: Annotated[str, Field(json_schema_extra={"format": "channel"})] | None = None
    network: Network
    mirror: Network | None = None


SCHEMA = Everything.model_json_schema()
ANSWERS: dict[str, Any] = {
    "name": "orders",
    "note": "two\nlines",
    "size": "large",
    "tier": "gold",
    "level": True,
    "nodes": 3,
    "share": 0.5,
    "price": 1.5,
    "backups": False,
    "urgent": False,
    "tested": False,
    "day": "2026-11-22",
    "at": "09:05",
    "moment": "2026-11-22T10:30:00Z",
    "window": "P3D",
    "code": "123e4567-e89b-12d3-a456-426614174000",
    "mail": "ada@example.com",
    "link": "https://example.com/",
    "zones": [],
    "regions": ["r6", "r1"],
    "tags": ["x", "Doe, Ada", "[odd]"],
    "ports": [80, 443],
    "labels": {"team": "dba", "yes": "no"},
    "lead": "U012ABC",
    "team": "@data-platform",
    "channel": "C012ABC",
    "network": {"cidr": "10.0.0.0/8", "public": True, "zones": ["b"]},
    "mirror": {"cidr": "10.0.0.0/8", "public": False, "zones": ["a"]},
}
