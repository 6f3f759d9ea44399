"""What no client of Slack sends, for each kind of element: it is told beside its field, or nothing was said by it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot import contract
from bot.demo.slack.client import Client
from tests.integration.asking import ask, block, offering
from tests.integration.clicks import submit_forged
from tests.integration.office import Office

EACH = '''
"""Each kind"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import AnyUrl, EmailStr, SecretStr

from bot import Approval, Channel, Field, File, Form, Group, Offering, Person, Request
from bot.handlers import manual


class Network(Form):
    zone: str = "north"
    public: bool = False


class Entry(Form):
    name: str


class Each(Form):
    text: str = Field(min_length=2, max_length=20)
    long: str = Field("", max_length=5000)
    number: int = Field(3, ge=1, le=9)
    price: float = 1.5
    money: Decimal | None = None
    agreed: bool = False
    size: Literal["small", "large"] = "small"
    many: list[Literal["a", "b", "c"]] = []
    words: list[str] = []
    labels: dict[str, str] = {}
    day: date | None = None
    at: time | None = None
    moment: datetime | None = None
    span: timedelta | None = None
    mail: EmailStr | None = None
    link: AnyUrl | None = None
    who: Person | None = None
    where: Channel | None = None
    team: Group | None = None
    plan: File | None = None
    free: dict[str, Any] = {}
    port: Literal[PORTS] = 1
    database: str = "orders"
    entries: list[Entry] = []
    network: Network = Network()
    key: SecretStr | None = None


def databases(person: Person, answers: Mapping[str, Any]) -> list[str]:
    return ["orders", "billing"]


each = Offering(
    "each", Each, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"),
    options={"database": databases},
)


@each.step
def work(request: Request[Each]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions="Do it")
'''.replace("PORTS", ", ".join(str(port) for port in range(1, 151)))

ODD: list[Any] = [
    None,
    "text",
    ["list"],
    7.5,
    {"value": {"deep": [1]}},
    {"value": ["x", None]},
    {"value": True},
    {"value": "x" * 20_000},
    {"value": "1e999"},
    {"selected_option": 7},
    {"selected_option": {"value": {"deep": 1}}},
    {"selected_option": {"value": "none of these"}},
    {"selected_options": [[], None, {"value": 3}]},
    {"selected_date": "2026-02-30"},
    {"selected_time": "25:61"},
    {"selected_date_time": "soon"},
    {"selected_user": ["U1"]},
    {"selected_conversation": {"id": 1}},
    {"files": [{"id": None}, "F1", 3]},
    {"rich_text_value": {"type": "rich_text"}},
]


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with offering(tmp_path_factory, each=EACH) as office:
        yield office


def inputs(ada: Client) -> list[str]:
    view = ada.view()
    assert view is not None
    return [block["block_id"] for block in view.blocks if block["type"] == "input"]


def forms(office: Office) -> list[dict[str, Any]]:
    service = office.process.service
    return [dict(record.form) for record in service.mine(service.person("U01ADA"), limit=500).items]


def understood(answer: Any) -> None:
    """Errors in words beside fields, or a view that Slack takes; never a bug."""
    assert "Something went wrong" not in json.dumps(answer)
    assert isinstance(answer, dict), answer
    assert answer["response_action"] in {"errors", "update"}, answer
    if answer["response_action"] == "errors":
        assert answer["errors"]
        assert all(isinstance(text, str) and text for text in answer["errors"].values())


def test_whatever_stands_in_an_element_is_refused_in_words_or_was_never_said(office: Office, ada: Client) -> None:
    ask(office, ada, "each text=fine")
    blocks = inputs(ada)
    assert len(blocks) > 20
    alone = [{block: {"answer": ODD[at % len(ODD)]}} for at, block in enumerate(blocks)]
    for values in ([{key: {"answer": odd} for key in blocks} for odd in ODD], alone, [dict.fromkeys(blocks, "x")]):
        for each in values:
            understood(submit_forged(office, ada, state={"values": each}).answer)
    schema = office.process.service.offering("each").guarded
    assert [contract.problems(schema, form) for form in forms(office)] == [[] for _ in forms(office)]


def test_what_nobody_was_asked_is_no_answer(office: Office, ada: Client) -> None:
    ask(office, ada, "each text=fine")
    view = ada.view()
    assert view is not None
    strange = {
        "/colour": "red",
        "/network/colour": "red",
        "/entries/0/name": "x",
        "/text~7": "other",
        "": "x",
        "[]": "x",
    }
    given = {block: {"answer": {"type": "plain_text_input", "value": value}} for block, value in strange.items()}
    answer = submit_forged(office, ada, state={"values": {**view.values, **given}}).answer
    assert answer["view"]["title"]["text"].startswith("REQ-"), answer
    form = forms(office)[0]
    assert form["text"] == "fine"
    assert "red" not in json.dumps(form)
    assert not form.get("entries")


def test_blocks_that_do_not_come_leave_what_must_be_answered_unanswered_and_say_so(office: Office, ada: Client) -> None:
    before = len(forms(office))
    ask(office, ada, "each")
    answer = submit_forged(office, ada, state={"values": {}}).answer
    assert answer == {"response_action": "errors", "errors": {"/text": "Missing."}}
    assert len(forms(office)) == before


def test_a_draft_of_an_older_version_keeps_what_fits_and_names_the_rest_in_the_window(
    office: Office, ada: Client
) -> None:
    service = office.process.service
    left = {"/text": "kept", "/colour": "red", "/network/zone": "south", "/number": {"deep": 1}}
    service.keep(service.person(ada.me.id), "each", "v0", lambda _: {"base": {}, "entered": {"": left}})
    ada.type_command("#general", "/platform request each")
    office.until(ada.view)
    view = ada.view()
    assert view is not None
    assert "Continue where you left off" in str(view)
    assert "colour (red)" in str(view)
    assert view.values[block(ada, "/text")]["answer"]["value"] == "kept"
    assert view.values[block(ada, "/network/zone")]["answer"]["value"] == "south"


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"base": None, "entered": None},
        {"base": [], "entered": {"": []}},
        {
            "base": {"text": {"a": 1}, "entries": "x"},
            "entered": {"": {"/text": ["x"], "/entries": 5, 7: None}, "/x|0|": 3},
        },
        {"base": {"entries": [1, None, {"name": 5}]}, "entered": {"/entries|0|": {"/name": {}}}},
    ],
)
def test_a_draft_that_makes_no_sense_does_not_keep_the_form_from_opening(
    office: Office, ada: Client, stored: dict[str, Any]
) -> None:
    service = office.process.service
    service.keep(service.person(ada.me.id), "each", "v0", lambda _: stored)
    ada.type_command("#general", "/platform request each text=fine")
    office.until(ada.view)
    view = ada.view()
    assert view is not None
    assert view.title == "Each kind"
    ada.close()


def test_a_window_of_a_version_that_is_not_offered_any_more_says_what_there_is(office: Office, ada: Client) -> None:
    before = len(forms(office))
    ask(office, ada, "each text=fine")
    answer = submit_forged(office, ada, private_metadata='{"offering": "each", "version": "v0"}').answer
    assert "There is no offering called each v0. There is: each." in answer["errors"]["/text"]
    assert len(forms(office)) == before
