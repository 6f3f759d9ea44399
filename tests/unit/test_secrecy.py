"""Secrets leave a form, and what is left is still the form."""

import json
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, model_validator

from bot import Field, Form, Offering, Request, Secret, contract, secrecy
from bot.errors import Misconfigured, PermanentError, Unavailable
from bot.handlers import webhook
from bot.imports.form import form as imported
from bot.offering import NotGiven, Person
from bot.safe import NoSafe, Sealed, new_key
from bot.secrecy import MASK
from tests.everything import inputs, texts
from tests.sheets import modal


class Key(BaseModel):
    kind: Literal["key"]
    token: SecretStr


class Login(BaseModel):
    kind: Literal["login"]
    password: SecretStr
    since: date


class Everything(Form):
    name: str
    password: SecretStr = Field(min_length=30)
    again: SecretStr
    owner: Person
    raw: SecretBytes
    absent: SecretStr | None = None
    many: list[SecretStr]
    by_name: dict[str, SecretStr]
    way: Annotated[Key | Login, Field(discriminator="kind")]
    keys: list[Key]
    unordered: set[SecretStr]
    pair: tuple[str, SecretStr]
    text: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = "said"

    @model_validator(mode="after")
    def same(self) -> "Everything":
        if self.password != self.again or "/" in self.password.get_secret_value():
            raise ValueError("Differs.")
        return self


LONG = "x" * 30
ANSWERS: dict[str, Any] = {
    "name": "orders",
    "password": LONG,
    "again": LONG,
    "owner": "ada@example.com",
    "raw": "bytes",
    "many": ["one", "two"],
    "by_name": {"a/b": "three"},
    "way": {"kind": "login", "password": "four", "since": "2026-01-02"},
    "keys": [{"kind": "key", "token": "five"}],
    "unordered": ["six"],
    "pair": ["left", "seven"],
}
ADA = Person("ada@example.com")


def round_trip(form: type[Form], answers: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], Any]:
    schema = form.model_json_schema()
    kept, taken = secrecy.taken_out(form.model_validate_json(json.dumps(answers)), schema)
    return kept, taken, secrecy.form_of(form, schema, json.loads(json.dumps(kept)), "REQ-12")


def test_all_secrets_leave_the_form_by_their_pointers() -> None:
    kept, taken, _ = round_trip(Everything, ANSWERS)
    assert taken == {
        "/password": LONG,
        "/again": LONG,
        "/raw": "bytes",
        "/many/0": "one",
        "/many/1": "two",
        "/by_name/a~1b": "three",
        "/way/password": "four",
        "/keys/0/token": "five",
        "/unordered/0": "six",
        "/pair/1": "seven",
        "/text": "said",
    }
    assert kept["way"] == {"kind": "login", "password": MASK, "since": "2026-01-02"}
    assert (kept["many"], kept["absent"], kept["pair"]) == ([MASK, MASK], None, ["left", MASK])


def test_what_is_left_is_the_form_with_names_that_are_not_checked_again() -> None:
    _, _, form = round_trip(Everything, ANSWERS)
    assert form.password.get_secret_value() == "REQ-12/password"
    assert form.raw.get_secret_value() == b"REQ-12/raw"
    assert isinstance(form.way, Login)
    assert form.way.since == date(2026, 1, 2)
    assert form.way.password.get_secret_value() == "REQ-12/way/password"
    assert form.keys[0].token.get_secret_value() == "REQ-12/keys/0/token"
    assert form.by_name["a/b"].get_secret_value() == "REQ-12/by_name/a~1b"
    assert {each.get_secret_value() for each in form.unordered} == {"REQ-12/unordered/0"}
    assert (form.pair[0], form.pair[1].get_secret_value()) == ("left", "REQ-12/pair/1")
    assert (form.text, form.absent, type(form.owner)) == ("REQ-12/text", None, Person)


def test_an_imported_form_names_its_secrets_too() -> None:
    secret = {"type": "string", "minLength": 20, "writeOnly": True}
    inner = {"type": "object", "properties": {"t": {"type": "string", "format": "password"}, "size": {"default": 3}}}
    form = imported({"type": "object", "properties": {"password": secret, "db": inner}})
    kept, taken, read = round_trip(form, {"password": LONG, "db": {"t": "token"}})
    assert taken == {"/password": LONG, "/db/t": "token"}
    assert kept == {"password": MASK, "db": {"t": MASK}}
    assert (read.password, read.db.t, read.db.size) == ("REQ-12/password", "REQ-12/db/t", 3)


def test_a_step_passes_a_secret_on_by_name() -> None:
    _, _, form = round_trip(Everything, ANSWERS)
    request = Request("REQ-12", "create", form, ADA, ADA)
    assert request.secret("password") == Secret("REQ-12/password")
    assert request.secret("keys", 0, "token") == Secret("REQ-12/keys/0/token")
    call = webhook.Call(url="https://example.com", body={"password": request.secret("password")})
    assert call.model_dump(mode="json")["body"] == {"password": {"$secret": "REQ-12/password"}}
    with pytest.raises(NotGiven, match="There is no secret at /name"):
        request.secret("name")
    with pytest.raises(NotGiven, match="/absent"):
        request.secret("absent")


def test_an_author_tests_a_step_with_a_form_of_their_own() -> None:
    form = Everything.model_validate_json(json.dumps(ANSWERS))
    assert Request("REQ-1", "create", form, ADA, ADA).secret("many", 1) == Secret("REQ-1/many/1")


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"properties": {"a": {"writeOnly": True}}}, {"a": 1, "b": 2}, [("a",)]),
        ({"properties": {"a": {"writeOnly": True}}}, {"a": None}, []),
        ({"properties": {"a": {"oneOf": [{"type": "integer"}, {"writeOnly": True}]}}}, {"a": "x"}, [("a",)]),
        ({"additionalProperties": {"format": "password"}}, {"a": "x"}, [("a",)]),
        ({"patternProperties": {"^s": {"format": "password"}}}, {"s": "x"}, [("s",)]),
        ({"items": {"properties": {"t": {"writeOnly": True}}}}, [{"t": 1}, {}], [(0, "t")]),
        ({"prefixItems": [{}, {"writeOnly": True}]}, ["a", "b", "c"], [(1,)]),
        ({"items": [{}, {"writeOnly": True}]}, ["a", "b", "c"], [(1,)]),
        ({"prefixItems": [{}], "items": {"writeOnly": True}}, ["a", "b"], [(1,)]),
        ({"if": {}, "then": {"properties": {"t": {"writeOnly": True}}}}, {"t": "x"}, [("t",)]),
        ({"dependencies": {"u": {"properties": {"t": {"writeOnly": True}}}}}, {"t": "x"}, [("t",)]),
        ({"properties": {"a": {"writeOnly": True, "type": "object"}}}, {"a": {"b": 1}}, [("a",)]),
    ],
)
def test_secrets_are_found_wherever_a_schema_may_mean_them(schema: Any, value: Any, found: Any) -> None:
    assert contract.secrets(schema, value) == found


def test_a_schema_that_leads_back_to_itself_ends() -> None:
    node: Any = {
        "properties": {"next": {"$ref": "#/$defs/N"}, "t": {"writeOnly": True}},
        "allOf": [{"$ref": "#/$defs/N"}, {}],
    }
    schema = {"$defs": {"N": node}, "$ref": "#/$defs/N"}
    value = {"next": {"next": {"t": 1}, "u": 2}}
    assert contract.secrets(schema, value) == [("next", "next", "t")]


def test_no_problem_quotes_a_secret_nor_what_holds_one() -> None:
    schema = Everything.model_json_schema()
    wrong = ANSWERS | {"password": 123456789, "by_name": {"a": 987654321}, "way": {"kind": "hunter-two-hunter"}}
    found = contract.problems(schema, wrong | {"keys": {"token": "hunter-two-hunter"}})
    text = json.dumps([each.detail for each in found if not each.pointer.endswith("kind")])
    assert "123456789" not in text
    assert "987654321" not in text
    assert "hunter" not in text
    told = contract.problems(schema, ANSWERS | {"keys": "token: hunter-two", "by_name": 5, "way": "hunter-two"})
    assert {each.pointer for each in told} == {"/keys", "/by_name", "/way"}
    assert "hunter" not in json.dumps([each.detail for each in told])
    assert {"/password", "/by_name/a", "/keys"} <= {each.pointer for each in found}


def test_keys_rotate() -> None:
    old, new = new_key(), new_key()
    kept = Sealed([old]).put("hunter2")
    assert "hunter2" not in kept
    assert Sealed([new, old]).get(kept) == "hunter2"
    with pytest.raises(PermanentError, match="FRONTDESK_KEY"):
        Sealed([new]).get(kept)


def test_what_is_no_key_is_refused_without_being_repeated() -> None:
    with pytest.raises(Misconfigured, match=r"FRONTDESK_KEY: holds what is no key\. .*frontdesk key") as refused:
        Sealed(["almost-a-key"])
    assert "almost" not in str(refused.value)


def test_without_a_key_no_secret_is_taken_or_given() -> None:
    with pytest.raises(Unavailable, match="FRONTDESK_KEY"):
        NoSafe().put("hunter2")
    with pytest.raises(PermanentError, match="FRONTDESK_KEY"):
        NoSafe().get("kept")


def test_a_secret_by_the_overlay_is_named_told_and_asked_like_one() -> None:
    schema = {"type": "object", "properties": {"license": {"type": "string", "pattern": "^[A-Z]+$"}}}
    plain = Offering("shop", imported(schema), owner="@a", notify="#a")
    offering = Offering("shop", imported(schema), owner="@a", notify="#a", overlay={"license": {"secret": True}})
    assert offering.takes_secrets
    assert offering.contract.to_json() == plain.contract.to_json()
    assert plain.guarded is plain.contract.form
    [question] = contract.fields(offering.presented)
    assert question.secret
    assert "123456" in contract.problems(plain.guarded, {"license": 123456})[0].detail
    assert "123456" not in contract.problems(offering.guarded, {"license": 123456})[0].detail
    kept, taken = secrecy.taken_out(offering.form.model_validate({"license": "ABC"}), offering.guarded)
    assert (kept, taken) == ({"license": MASK}, {"/license": "ABC"})
    seen = secrecy.form_of(offering.form, offering.guarded, kept, "REQ-1")
    request = Request("REQ-1", "create", seen, ADA, ADA)
    assert request.secret("license") == Secret("REQ-1/license")
    with pytest.raises(NotGiven):
        request.secret("licence")


class Team(Form):
    keys: list[Key] = Field([])
    named: dict[str, Key] = Field({})
    several: list[SecretStr] = Field([])


def test_a_list_whose_entries_hold_secrets_says_how_it_is_written_and_why() -> None:
    shown = inputs(modal(Team.model_json_schema()))
    assert shown["/keys"]["hint"]["text"] == (
        "YAML or JSON, for secrets are kept nowhere. Each entry begins with “- ” and has these fields, one on each line "
        "as “name: value”: kind, token. Slack hides nothing: what you type here can be read over your shoulder. "
        "It is not kept when this window closes."
    )
    assert "dispatch_action" not in shown["/keys"]  # nothing of it is kept while it is typed


def test_what_was_stored_of_such_a_list_is_shown_again_with_masks_and_nothing_else_of_it_is() -> None:
    schema = Team.model_json_schema()
    stored = {
        "keys": [{"kind": "key", "token": MASK}],
        "named": {"north": {"kind": "key", "token": MASK}},
        "several": [MASK, MASK],
    }
    view = modal(schema, stored)
    shown = inputs(view)
    assert json.loads(shown["/keys"]["element"]["initial_value"]) == stored["keys"]
    assert json.loads(shown["/named"]["element"]["initial_value"]) == stored["named"]
    assert shown["/several"]["element"]["initial_value"] == f"{MASK}\n{MASK}"
    assert "Keys: secrets are not shown again. Please enter each of them once more, in place of ••••." in texts(view)
    for given in (
        {"keys": [{"kind": "key", "token": "canary"}]},
        {"keys": [{"kind": "key", "token": MASK}, {"kind": "key", "token": "canary"}]},
        {"keys": ["canary"]},
        {"keys": "- token: canary"},
        {"named": {"north": "canary"}},
        {"several": [MASK, "canary"]},
    ):
        assert "canary" not in json.dumps(modal(schema, given))
