"""What people and forgers send that cannot be used: what they see, and that nothing is lost or done."""

import copy
import json
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.slack import interactions, population
from bot.demo.slack.delivery import FORM, deliver, sign
from bot.demo.slack.entities import Message
from tests.integration.clicks import click_old, fill_in, give_reason, read, submit_forged
from tests.integration.office import ROOT, Office, everything, opened, text_of

LETTER = '''"""Letter

Free text, wherever text can be free.
"""

from bot import Approval, Form, Offering, Outputs, Request
from bot.handlers import manual, message


class Letter(Form):
    subject: str
    body: str
    third: str = ""
    fourth: str = ""
    fifth: str = ""
    urgent: bool = False


class Reply(Outputs):
    answer: str


letter = Offering(
    "letter",
    Letter,
    outputs=Reply,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
)


@letter.step(early=True)
def copy(request: Request[Letter]) -> message.Post:
    return message.Post(channel="#general", text=f"{request.form.subject}: {request.form.body}")


@letter.step
def reply(request: Request[Letter]) -> manual.Task[Reply]:
    """Somebody answers."""
    return manual.Task(group="@data-platform", outputs=Reply, instructions=f"{request.form.subject}: {request.form.body}")
'''


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("offerings")
    for path in (ROOT / "offerings").glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    (folder / "letter.py").write_text(LETTER)
    with opened(tmp_path_factory.mktemp("office"), offerings=folder) as office:
        yield office


def write_letter(office: Office, **answers: Any) -> str:
    """Ada asks for a letter through the modal; the request's number."""
    office.ada.type_command("#general", "/platform request letter")
    office.until(office.ada.view)
    office.ada.fill({f"/{name}": value for name, value in answers.items()})
    office.ada.submit()
    view = office.ada.view()
    assert view is not None
    assert view.title.startswith("REQ-"), (view.errors, office.ada.notice())
    office.ada.close()
    return view.title


def requests(office: Office) -> int:
    """How many requests Ada has made."""
    service = office.process.service
    return len(service.mine(service.person(office.ada.me.id), limit=500).items)


# The slash command


def test_an_unknown_offering_is_named_above_the_catalogue(office: Office) -> None:
    office.ada.type_command("#general", "/platform request mysql name=orders")
    view = office.until(office.ada.view)
    assert view.title == "Platform catalogue"
    assert "There is no offering called mysql." in text_of_view(view)
    office.ada.fill({"offering": "PostgreSQL"})
    office.ada.submit()
    picked = office.ada.view()
    assert picked is not None
    assert picked.title == "PostgreSQL"


def text_of_view(view: Any) -> str:
    """All that a person reads in a modal."""
    return json.dumps(view.body, ensure_ascii=False)


def test_an_unknown_field_and_a_stray_word_are_named_and_the_rest_is_filled_in(office: Office) -> None:
    office.ada.type_command("#general", "/platform request postgres name=orders colour=red please")
    view = office.until(office.ada.view)
    assert "colour" in text_of_view(view)
    assert "“please” is no field=value." in text_of_view(view)
    assert view.values["/name"]["answer"]["value"] == "orders"
    office.ada.submit()
    confirmation = office.ada.view()
    assert confirmation is not None
    assert confirmation.title.startswith("REQ-")


def test_values_of_the_wrong_type_are_named_above_their_fields(office: Office) -> None:
    line = "/platform request access system=kitchen member=nobody@nowhere.example role=7 until=soon reason=short"
    office.ada.type_command("#general", line)
    view = office.until(office.ada.view)
    above = {}
    for note, block in zip(view.blocks, view.blocks[1:], strict=False):
        if note["type"] == "context" and block["type"] == "input":
            above[block["block_id"]] = note["elements"][0]["text"]
    assert {"/system", "/role", "/until", "/reason"} <= set(above)
    assert "kitchen" in above["/system"]
    assert "soon" in above["/until"]
    office.ada.submit()
    assert {"/system", "/until"} <= set(office.ada.errors())
    assert office.ada.view() is not None


def test_an_unknown_verb_is_answered_with_what_there_is(office: Office) -> None:
    office.linus.type_command("#general", "/platform dance")
    told = office.told(office.linus, "/platform does not know “dance”. /platform help says what it knows.")
    assert told.only_for == "U01LINUS"


@pytest.mark.parametrize("number", ["REQ-9999", "banana", "REQ-0", "REQ--1", "9" * 400, "INS-1"])
def test_an_unknown_number_is_no_request(office: Office, number: str) -> None:
    office.linus.type_command("#general", f"/platform show {number}")
    assert office.told(office.linus, f"There is no request {number} that you may see.").only_for == "U01LINUS"


def test_somebody_elses_number_reads_like_an_unknown_one(office: Office) -> None:
    office.ada.type_command("#general", "/platform request access")
    office.until(office.ada.view)
    office.ada.fill({"/system": "billing", "/member": "@grace", "/until": "2030-01-01", "/reason": "Quarterly books"})
    office.ada.submit()
    confirmation = office.ada.view()
    assert confirmation is not None
    assert confirmation.title.startswith("REQ-"), office.ada.errors()
    office.linus.type_command("#general", f"/platform show {confirmation.title}")
    office.told(office.linus, f"There is no request {confirmation.title} that you may see.")
    old = copy.deepcopy(office.card(confirmation.title, "#access"))
    click_old(office, office.linus, old, "approve")
    office.until(
        lambda: len([m for m in everything(office.linus) if f"no request {confirmation.title} that" in m.text]) == 2
    )


def test_curly_quotes_and_a_lone_apostrophe_in_the_command_are_characters_of_people(office: Office) -> None:
    office.ada.type_command("#general", "/platform request letter subject=“Grace's own words” body=it's third=»no«")
    view = office.until(office.ada.view)
    assert view.values["/subject"]["answer"]["value"] == "Grace's own words"
    assert view.values["/body"]["answer"]["value"] == "it's"
    assert view.values["/third"]["answer"]["value"] == "»no«"
    office.ada.close()
    office.ada.type_command("#general", "/platform request letter subject=“open body='")
    view = office.until(office.ada.view)
    assert view.values["/subject"]["answer"]["value"] == "“open"
    assert view.values["/body"]["answer"]["value"] == "'"


# Text


LIVE = "<!channel> <!here|here> <@U01LINUS> <!subteam^S01EVIL> <#C01ACCESS> <https://evil.example|click> @linus &lt;!channel&gt;"


def live_in(office: Office) -> list[str]:
    """Texts of ours in which something of `LIVE` would work."""
    marks = ("<!channel", "<!here", "<@U01LINUS", "S01EVIL>", "<#C01", "<https://evil")
    return [text for text in sent(office) if any(mark in text for mark in marks)]


def sent(office: Office) -> Iterator[str]:
    """Every text that Slack would interpret, of every message and modal that came from us."""
    for call in office.workspace.calls():
        yield str(call.arguments.get("text") or "")
        yield from interpreted(call.arguments.get("blocks"))
        yield from interpreted(call.arguments.get("view"))
    for delivery in office.workspace.deliveries():
        yield from interpreted(delivery.answer)
    for channel in list(office.workspace.channels):
        for message in office.workspace.messages(channel):
            yield message.text
            yield from interpreted(message.blocks)


def interpreted(value: Any) -> Iterator[str]:
    """The mrkdwn in blocks; plain_text is never interpreted."""
    if isinstance(value, str) and value.startswith(('[{"', '{"')):
        value = json.loads(value)
    if isinstance(value, list):
        for each in value:
            yield from interpreted(each)
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value.get("verbatim") or "<" not in value["text"] or "@linus" not in value["text"]
            yield value["text"]
        for each in value.values():
            yield from interpreted(each)


def test_nothing_that_people_type_is_live_in_any_message(office: Office) -> None:
    number = write_letter(office, subject=LIVE, body=LIVE, third=LIVE, fourth=LIVE, fifth=LIVE)
    mine = office.told(office.ada, f"{number} · Letter*: asked for")
    office.ada.click(mine.channel, mine.ts, "edit")
    office.until(office.ada.view)
    assert office.ada.view().values["/subject"]["answer"]["value"] == LIVE  # type: ignore[union-attr]  # just seen
    fill_in(office, office.ada, subject=f"{LIVE} again")
    read(office, number, "again")
    office.press(office.grace, "approve", number)
    office.press(office.grace, "refuse", number)
    give_reason(office, office.grace, LIVE)
    office.press(office.grace, "retry", number)
    office.press(office.grace, "complete", number)
    fill_in(office, office.grace, answer=LIVE)
    office.told(office.ada, f"{number} · Letter*: ready")
    for line in (f"/platform show {number}", "/platform list", f"/platform {LIVE}", f"/platform show {LIVE}"):
        office.ada.type_command("#general", line)
    office.told(office.ada, "finished it")
    office.told(office.ada, "*INS-")
    office.until(lambda: len([m for m in everything(office.ada) if "does not know" in m.text]) == 1)
    other = write_letter(office, subject=LIVE, body=LIVE)
    office.press(office.grace, "reject", other)
    give_reason(office, office.grace, LIVE)
    office.told(office.ada, f"{other} · Letter*: rejected")
    office.until(lambda: any("&lt;!channel&gt;" in m.text for m in office.ada.sees("#general")))
    assert live_in(office) == []
    assert "&lt;!channel&gt;" in text_of(office.card(number)), "it is shown as it was typed"


@pytest.mark.parametrize("text", ["🚀 到着 👩‍👩‍👧", "שלום עולם", "مرحبا بالعالم", "e\u0301 \u202eevil"])
def test_every_script_comes_through_as_it_was_typed(office: Office, text: str) -> None:
    number = write_letter(office, subject=text, body="plain")
    assert text in text_of(office.card(number))
    record = office.process.service.show(office.process.service.person("U01ADA"), number)
    assert record.form["subject"] == text


def test_a_character_that_is_none_is_told_beside_its_field(office: Office) -> None:
    office.ada.type_command("#general", "/platform request letter body=b")
    office.until(office.ada.view)
    office.ada.fill({"/subject": "a\u0000b"})
    office.ada.submit()
    assert "Holds a character that is none" in office.ada.errors()["/subject"]


@pytest.mark.parametrize("character", ["x", "&", "<", "é", "😀", "\n"])
def test_3000_characters_in_every_field_are_kept_and_can_be_read(office: Office, character: str) -> None:
    text = character * 2999 + "!" if character != "😀" else character * 1499 + "!"
    number = write_letter(office, subject=text, body=text, third=text, fourth=text, fifth=text)
    office.press(office.grace, "approve", number)
    office.press(office.grace, "complete", number)
    fill_in(office, office.grace, answer=text)
    office.told(office.ada, f"{number} · Letter*: ready")
    service = office.process.service
    token = service.create_token("ada@example.com")
    answer = httpx.get(f"{office.url}/v1/requests/{number}", headers={"Authorization": f"Bearer {token}"}).json()
    assert answer["form"] == dict.fromkeys(("subject", "body", "third", "fourth", "fifth"), text) | {"urgent": False}
    assert answer["outputs"] == {"answer": text}
    office.ada.type_command("#general", f"/platform show {number}")
    office.until(lambda: any(number in m.text and m.only_for for m in office.ada.sees("#general")))
    assert office.card(number).blocks, "the card did not fall back to its text"


# Forgers


def signed_post(office: Office, body: bytes, moment: float, secret: str = population.SIGNING_SECRET) -> httpx.Response:
    stamp = str(int(moment))
    headers = {
        "Content-Type": FORM,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(secret, stamp, body),
    }
    return httpx.post(f"{office.url}/slack/events", content=body, headers=headers)


def command_body(office: Office, text: str = "help") -> bytes:
    app = next(iter(office.workspace.apps.values()))
    place = office.workspace.channel("#general")
    payload = interactions.slash_command(office.workspace, app, office.linus.me, place, "/platform", text)
    return urllib.parse.urlencode(payload).encode()


@pytest.mark.parametrize(
    ("age", "secret"), [(0, "another secret"), (330, population.SIGNING_SECRET), (-330, population.SIGNING_SECRET)]
)
def test_a_forged_or_replayed_payload_is_refused_and_does_nothing(office: Office, age: int, secret: str) -> None:
    answer = signed_post(office, command_body(office, ""), time.time() - age, secret)
    assert answer.status_code == 401
    assert signed_post(office, b"", time.time(), "another secret").status_code == 401
    assert httpx.post(f"{office.url}/slack/events", content=b"payload=%7B%7D").status_code == 401
    assert office.linus.view() is None


def test_the_same_submission_twice_makes_one_request(office: Office) -> None:
    office.ada.type_command("#general", "/platform request postgres name=twice")
    view = office.until(office.ada.view)
    before = requests(office)
    first, second = submit_forged(office, office.ada), submit_forged(office, office.ada)
    assert first.answer["view"]["title"] == second.answer["view"]["title"]
    assert requests(office) == before + 1
    assert view.id


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"/name": None},
        {"/name": {"answer": {"type": "plain_text_input", "value": ["a", {"b": 1}]}}},
        {"/name": {"answer": {"type": "plain_text_input", "value": {"$ne": 1}}}},
        {"/name": {"other": {"value": "orders"}}},
        {"/name": {"answer": {"value": "orders"}}, "/size": {"answer": {"selected_option": {"value": "enormous"}}}},
        {"/name": {"answer": {"value": "orders"}}, "/size": {"answer": {"selected_option": ["small"]}}},
        {"/name": {"answer": {"value": 7}}, "/price": {"answer": {"value": "0"}}},
        {"/name": {"answer": {"value": "x" * 100_000}}},
    ],
)
def test_a_forged_state_of_a_form_is_told_beside_its_fields(office: Office, values: Any) -> None:
    before = requests(office)
    office.ada.type_command("#general", "/platform request postgres")
    office.until(office.ada.view)
    answer = submit_forged(office, office.ada, state={"values": values}).answer
    assert answer["response_action"] == "errors", answer
    assert set(answer["errors"]) <= {"/name", "/size"}
    assert all(text and "wrong here" not in text for text in answer["errors"].values())
    assert requests(office) == before


@pytest.mark.parametrize(
    "metadata", ["", "{}", "[]", "nonsense", '{"offering": "gone"}', '{"colour": "red"}', '{"offering": ["x"]}']
)
def test_a_window_that_is_about_nothing_known_is_answered(office: Office, metadata: str) -> None:
    before = requests(office)
    office.ada.type_command("#general", "/platform request postgres name=orders")
    office.until(office.ada.view)
    answer = submit_forged(office, office.ada, private_metadata=metadata).answer
    assert answer["response_action"] == "errors"
    assert "There is no offering called" in str(answer) or "from an older version of Frontdesk" in str(answer)
    assert requests(office) == before


def test_a_window_that_nobody_knows_is_answered_beside_its_first_field(office: Office) -> None:
    office.ada.type_command("#general", "/platform request postgres name=orders")
    office.until(office.ada.view)
    answer = submit_forged(office, office.ada, callback_id="form-of-2019").answer
    assert "This window is from an older version of Frontdesk." in answer["errors"]["/name"]
    answer = submit_forged(office, office.ada, callback_id="form-of-2019", blocks=[]).answer
    assert answer["response_action"] == "update"
    assert "from an older version" in str(answer["view"])


@pytest.mark.parametrize("action", ["approve-v0", "", "🚀"])
def test_a_button_that_nobody_knows_is_answered(office: Office, action: str) -> None:
    told = press_forged(office, action, "REQ-1")
    assert "This button is from an older version of Frontdesk" in told.text
    assert told.only_for == "U01LINUS"


@pytest.mark.parametrize("value", ["", "|||", "REQ-9999|x|", "banana", None, "REQ-99999999999999999999|1|", "1; DROP"])
@pytest.mark.parametrize("action", ["approve", "reject", "complete", "refuse", "retry", "withdraw", "edit", "delete"])
def test_a_forged_value_of_a_button_does_nothing_and_is_answered(office: Office, action: str, value: Any) -> None:
    told = press_forged(office, action, value)
    assert "There is no " in told.text
    assert "that you may see." in told.text


def press_forged(office: Office, action: str, value: Any) -> Message:
    """Linus's click on a button that no message has; what he alone is told. News of other tests may still come."""
    ours = next(iter(office.workspace.apps.values()))
    place = office.workspace.channel("#general").id
    message = Message(place, "1.000001", ours.user_id, "old", app_id=ours.id, bot_id=ours.bot_id)
    pressed = {"type": "button", "action_id": action, "block_id": "b", "value": value}
    seen = everything(office.linus)
    payload = interactions.message_action(office.workspace, ours, office.linus.me, message, pressed, {})
    deliver(office.workspace, ours, payload)
    told: Message = office.until(
        lambda: next((m for m in everything(office.linus) if m.only_for and m not in seen), None)
    )
    return told


def test_an_answer_reaches_the_person_although_its_address_is_used_up(office: Office) -> None:
    number = write_letter(office, subject="s", body="b")
    card = copy.deepcopy(office.card(number))
    click_old(office, office.margaret, card, "approve", response_url=f"{office.workspace.base_url}/response/used")
    told = office.told(office.margaret, f"{number} is for @dba to decide.")
    assert told.only_for == ""
    assert office.workspace.channels[told.channel].direct


def test_a_trigger_that_is_too_old_is_told_and_the_next_try_works(office: Office) -> None:
    office.workspace.refuse("views.open", error="expired_trigger_id")
    office.ada.type_command("#general", "/platform request postgres name=orders")
    told = office.told(office.ada, "The window came too late for Slack, which allows three seconds. Please try again.")
    assert told.only_for == "U01ADA"
    office.ada.type_command("#general", "/platform request postgres name=orders")
    office.until(office.ada.view)


@pytest.mark.parametrize("trouble", [{"retry_after": 1}, {"status": 500}, {"status": 503}])
def test_a_slack_that_cannot_open_a_window_is_told_where_the_command_was_typed(office: Office, trouble: Any) -> None:
    office.workspace.refuse("views.open", **trouble)
    seen = len(everything(office.grace))
    office.grace.type_command("#general", "/platform")
    office.until(lambda: len(everything(office.grace)) > seen)
    office.told(office.grace, "The window did not open: Slack is busy just now. Please try again.")


def test_a_payload_of_a_kind_that_nobody_listens_to_is_acknowledged(office: Office) -> None:
    app = next(iter(office.workspace.apps.values()))
    for kind in ("block_suggestion", "message_action", "shortcut"):
        payload = interactions._common(office.workspace, app, office.linus.me, kind, callback_id="x", value="", view={})
        payload |= {"block_id": "b", "action_id": "a", "trigger_id": "1.2.3", "actions": []}
        assert deliver(office.workspace, app, payload).status in {200, 404}


def test_an_offering_that_is_gone_is_told(office: Office, tmp_path: Path) -> None:
    office.ada.type_command("#general", "/platform")
    view = office.until(office.ada.view)
    state = {"offering": {"value": {"type": "static_select", "selected_option": {"value": "mysql"}}}}
    answer = submit_forged(office, office.ada, state={"values": state}).answer
    assert "There is no offering called mysql." in answer["errors"]["offering"]
    answer = submit_forged(office, office.ada, state={"values": {}}).answer
    assert answer["errors"] == {"offering": "Choose what you need."}
    assert view.title == "Platform catalogue"
