"""A form with each kind of element in local-slack, as far as that goes.

It knows no actions inside modals and no suggestions, so nobody can turn a page there, press Add at a list of objects,
search in a select, or see a condition take effect while they answer; it has no user groups and takes no files. What it
shows of these is looked at here, and everything that is submitted with the first page is.
"""

import json

from tests.acceptance.local_slack import JSON, Answer, Person, card, modal, text_of, until

EACH = '''"""Each kind"""

from datetime import date, datetime, time
from typing import Any, Literal

from pydantic import AnyUrl, EmailStr

from bot import Approval, Channel, Field, Form, Offering, Person, Request
from bot.handlers import manual


class Network(Form):
    zone: str = "north"
    public: bool = False


class Entry(Form):
    name: str = "one"


class Each(Form):
    text: str = Field(min_length=2, max_length=20)
    long: str = Field("", max_length=5000)
    number: int = Field(3, ge=1, le=9)
    price: float | None = None
    agreed: bool = False
    size: Literal["small", "large"]
    tier: Literal["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
    many: list[Literal["a", "b", "c"]] = []
    more: list[Literal["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]] = []
    words: list[str] = []
    labels: dict[str, str] = {}
    day: date | None = None
    at: time | None = None
    moment: datetime | None = None
    mail: EmailStr | None = None
    link: AnyUrl | None = None
    who: Person | None = None
    people: list[Person] = []
    where: Channel | None = None
    free: dict[str, Any] = {}
    network: Network = Network()
    PLUS


each = Offering("NAME", Each, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"), OPTIONS)


@each.step
def work(request: Request[Each]) -> manual.Task:
    """Somebody does it."""
    return manual.Task(group="@data-platform", instructions=f"Make {request.form.text}")
'''

MORE = """
    region: Literal[tuple(f"region-{number}" for number in range(150))] = "region-1"
    entries: list[Entry] = []
    why: str = ""
""" + "".join(f'    field_{number}: str = ""\n' for number in range(250))

#: What Ada says of each kind, by block.
SAID: dict[str, Answer] = {
    "text": "<orders> & more",
    "long": "one\ntwo",
    "number": "7",
    "price": "2.5",
    "agreed": ["true"],
    "size": "large",
    "tier": "k",
    "many": ["a", "c"],
    "more": ["b", "l"],
    "words": "first\nsecond",
    "labels": "team=data\nenv=prod",
    "day": "2030-02-28",
    "at": "09:30",
    "moment": 1_900_000_000,
    "mail": "ada@example.com",
    "link": "https://example.com/?a=b",
    "who": "U01GRACE",
    "people": ["U01GRACE", "U01LINUS"],
    "where": "C01",
    "free": "a: [1, two]\nb: {c: true}",
    "network/zone": "south",
    "network/public": ["true"],
}

#: What is kept in another way than it was said: a time with seconds, people by their addresses.
KEPT = {"at": "09:30:00", "who": "grace@example.com", "people": "grace@example.com\nlinus@example.com"}


def offerings() -> dict[str, str]:
    """Two offerings: each kind on one page, and what needs more than local-slack knows."""
    plain = EACH.replace("NAME", "each").replace("PLUS", "").replace("OPTIONS", "")
    options = 'title="More than one page", overlay={"why": {"visible_if": {"size": "large"}}}'
    more = EACH.replace("NAME", "more").replace("    PLUS", MORE).replace("OPTIONS", options)
    return {"each.py": plain, "more.py": more}


def kinds() -> None:
    """Each kind is asked, refused beside its field, submitted, and shown again in an edit."""
    ada, grace = Person("ada"), Person("grace")
    form = ada.opens("/platform request each")
    wrong = {"text": "x", "number": "12", "mail": "nobody", "words": "x", "free": "a: ["}
    refused = ada.fills(**{**SAID, **wrong})
    assert set(refused) == {"/text", "/number", "/mail", "/free"}, refused
    assert "line 1" in refused["/free"]
    assert modal() == form, "nothing that was typed is lost"
    assert ada.fills(**SAID) == {}
    number = until(lambda: (view := modal()) and view["title"]["text"], "the confirmation")
    told = text_of(card(number))
    assert "&lt;orders&gt; &amp; more" in told

    ada.clicks(ada.told(f"{number} · Each kind*: asked for"), "edit")
    again = until(lambda: (view := modal()) and view["callback_id"] == "edit" and view, "the edit")
    stored = {name: value for name, value in shown(again).items() if value != SAID.get(name)}
    assert json.loads(str(stored.pop("free"))) == {"a": [1, "two"], "b": {"c": True}}
    assert stored == KEPT, "all else stands as it was said"
    assert ada.fills(**shown(again) | {"text": "fine"}) == {}
    card(number, having="fine")
    grace.clicks(card(number), "approve")
    grace.clicks(card(number, having="complete"), "complete")
    ada.told(f"{number} · Each kind*: ready")


def beyond() -> None:
    """What local-slack shows of pages, lists of objects and searched selects, and a request with their defaults."""
    ada = Person("ada")
    form = ada.opens("/platform request more")
    actions = {e["action_id"] for block in form["blocks"] if block["type"] == "actions" for e in block["elements"]}
    assert "form_next" in actions
    elements = {block["block_id"].partition("~")[0]: block["element"] for block in form["blocks"] if "element" in block}
    assert {"/text", "/size", "/tier"} <= set(elements), "what must be answered stands first"
    said = {each: SAID[each] for each in ("text", "size", "tier")}
    assert ada.fills(**said) == {}
    number = until(lambda: (view := modal()) and view["title"]["text"], "the confirmation")
    assert "&lt;orders&gt; &amp; more" in text_of(card(number))


def shown(view: JSON) -> dict[str, Answer]:
    """What stands in the fields of a form when it opens, by block."""
    return {
        block["block_id"].lstrip("/"): standing(block["element"])
        for block in view["blocks"]
        if block["type"] == "input"
    }


def standing(element: JSON) -> Answer:
    """The value that an element opens with."""
    (initial,) = [value for key, value in element.items() if key.startswith("initial_")]
    if isinstance(initial, dict):
        return str(initial["value"])
    if isinstance(initial, list):
        return [each["value"] if isinstance(each, dict) else each for each in initial]
    return initial  # type: ignore[no-any-return] # a text or a moment
