"""Files as answers: chosen in Slack, uploaded over HTTP and on the command line, read where a step runs."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.slack import files_api
from bot.demo.slack.client import Client
from bot.errors import Invalid, PermanentError
from bot.slack.files import SlackFiles
from tests.integration.asking import ask, field, offering, requested
from tests.integration.office import Office, text_of
from tests.integration.receiver import Receiver, answer
from tests.integration.terminal import process

PLAN = '''
"""A network plan"""

from bot import Approval, File, Form, Offering, Request
from bot.handlers import webhook


class Plan(Form):
    name: str
    drawing: File
    more: list[File] = []


plan = Offering("plan", Plan, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"))


@plan.step
def send(request: Request[Plan]) -> webhook.Call:
    """The planner takes it."""
    form = request.form
    return webhook.Call(url="URL", body={"name": form.drawing.name, "content": form.drawing.content})
'''

SCAN = '''
"""A scan"""

from bot import Approval, File, Form, Offering, Outputs, Request
from bot.handlers import manual


class Scan(Form):
    name: str


class Report(Outputs):
    report: File


scan = Offering("scan", Scan, outputs=Report, owner="@data-platform", notify="#data-platform")


@scan.step
def look(request: Request[Scan]) -> manual.Task[Report]:
    """Somebody looks."""
    return manual.Task(group="@dba", outputs=Report, instructions=f"Look {request.form.name}")
'''


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Office]:
    with offering(tmp_path_factory, scan=SCAN, plan=PLAN.replace('"URL"', repr(receiver.url("/plans")))) as office:
        yield office


def bodies(receiver: Receiver) -> list[Any]:
    return [arrival.body for arrival in receiver.arrivals]


def test_a_file_is_chosen_in_slack_and_its_content_is_read_where_the_step_runs(
    office: Office, ada: Client, receiver: Receiver
) -> None:
    receiver.script("/plans", answer(200))
    ask(office, ada, "plan name=north")
    assert field(ada, "/drawing")["element"] == {"type": "file_input", "action_id": "answer", "max_files": 1}
    ada.choose_files("/drawing", ("north.pdf", b"%PDF-1"))
    ada.choose_files("/more", ("a.txt", b"a"), ("b.txt", b"bb"))
    ada.submit()
    number, form = requested(office, ada)
    assert {key: form["drawing"][key] for key in ("name", "size", "type")} == {
        "name": "north.pdf",
        "size": 6,
        "type": "application/pdf",
    }
    assert [each["name"] for each in form["more"]] == ["a.txt", "b.txt"]
    assert "north.pdf (6 bytes)" in text_of(office.card(number))
    office.press(office.linus, "approve", number)
    expected = {"name": "north.pdf", "content": base64.b64encode(b"%PDF-1").decode()}
    office.until(lambda: expected in bodies(receiver))


def test_a_file_that_was_chosen_stays_over_a_mistake_and_a_closed_window(office: Office, ada: Client) -> None:
    ask(office, ada, "plan")
    ada.choose_files("/drawing", ("north.pdf", b"%PDF-1"))
    ada.press("form_keep")
    office.until(lambda: "Chosen: north.pdf (6 bytes)" in str(ada.view()))
    ada.close()
    ada.type_command("#general", "/platform request plan")
    office.until(ada.view)
    assert "Chosen: north.pdf (6 bytes). It stays unless you choose again." in field(ada, "/drawing")["hint"]["text"]
    ada.fill({field(ada, "/name")["block_id"]: "north"})
    ada.submit()
    _, form = requested(office, ada)
    assert form["drawing"]["name"] == "north.pdf"


def test_over_http_a_file_is_uploaded_first_and_is_its_owners(office: Office, receiver: Receiver) -> None:
    receiver.script("/plans", answer(200))
    service = office.process.service
    ada, grace = (
        httpx.Client(
            base_url=f"{office.url}/v1", headers={"Authorization": f"Bearer {service.create_token(who.me.id)}"}
        )
        for who in (office.ada, office.grace)
    )
    with ada, grace:
        made = ada.post(
            "/files", params={"name": "south.txt"}, content=b"south", headers={"Content-Type": "text/plain"}
        )
        assert made.status_code == 201, made.text
        file = made.json()
        assert {key: file[key] for key in ("name", "size", "type")} == {
            "name": "south.txt",
            "size": 5,
            "type": "text/plain",
        }
        path = "/offerings/plan/requests"
        for refused in (
            grace.post(path, json={"form": {"name": "x", "drawing": file}}),
            ada.post(path, json={"form": {"name": "x", "drawing": file | {"size": 4}}}),
            ada.post(path, json={"form": {"name": "x", "drawing": file | {"id": "F0123456"}}}),
        ):
            assert refused.status_code == 422
            assert refused.json()["errors"] == [
                {"pointer": "/form/drawing", "detail": "Is no file that you have uploaded. Choose it again."}
            ]
        number = ada.post(path, json={"form": {"name": "x", "drawing": file}}).json()["id"]
        assert ada.post("/files", params={"name": "e"}, content=b"").status_code == 422
        assert ada.post("/files", params={"name": "e"}, content=b"x" * 1_100_000).status_code == 413
    office.press(office.linus, "approve", number)
    expected = {"name": "south.txt", "content": base64.b64encode(b"south").decode()}
    office.until(lambda: expected in bodies(receiver))


def test_who_reports_a_file_of_somebody_elses_is_refused_and_one_that_stays_as_it_was_is_not(office: Office) -> None:
    service = office.process.service
    ada, grace, linus = (service.person(who.me.id) for who in (office.ada, office.grace, office.linus))
    hers, his = (service.upload(who, "report.txt", "text/plain", b"all is well").as_answer() for who in (grace, linus))
    number = service.submit(ada, "scan", {"name": "south"})[0].number
    office.until(lambda: service.show(ada, number).asking)
    with pytest.raises(Invalid) as refused:
        service.complete(grace, number, "look", {"report": his})
    assert [each.pointer for each in refused.value.problems] == ["/report"]
    service.complete(grace, number, "look", {"report": hers})
    office.until(lambda: service.show(ada, number).state == "fulfilled")
    changed = service.update(ada, service.show(ada, number).instance, {"name": "north"})[0].number
    office.until(lambda: service.show(ada, changed).asking)
    service.complete(linus, changed, "look", {"report": hers})
    office.until(lambda: service.show(ada, changed).state == "fulfilled")


def test_the_command_line_uploads_what_stands_behind_an_at(office: Office, tmp_path: Path) -> None:
    (tmp_path / "west.pdf").write_bytes(b"west")
    (tmp_path / "more.txt").write_text("more")
    token = office.process.service.create_token(office.ada.me.id)
    environment = {"FRONTDESK_URL": office.url, "FRONTDESK_TOKEN": token}
    line = ["request", "plan", "--name", "w", "--drawing", "@west.pdf", "--more", "@more.txt", "--more", "@west.pdf"]
    done = process(*line, "--json", cwd=tmp_path, environment=environment)
    assert '"west.pdf"' in done.out, done
    assert done.out.count("west.pdf") == 2
    gone = process("request", "plan", "--name", "w", "--drawing", "@east.pdf", cwd=tmp_path, environment=environment)
    assert "--drawing" in gone.err
    plain = process("request", "plan", "--name", "w", "--drawing", "east.pdf", cwd=tmp_path, environment=environment)
    assert "give @FILE on the command line" in plain.err


def test_a_line_of_text_names_no_file(office: Office, ada: Client) -> None:
    ask(office, ada, 'plan name=x drawing={"id":"F0123456","name":"a","size":1}')
    assert "is a file: choose it in the form" in str(ada.view())
    assert "Chosen" not in str(field(ada, "/drawing"))


def test_a_file_that_somebody_else_has_put_into_slack_is_not_read_for_who_names_it(office: Office, ada: Client) -> None:
    service, engine = office.process.service, office.process.worker.engine
    person = service.person(ada.me.id)
    for who, refused in ((office.ada, False), (office.grace, True)):
        file = files_api.keep(office.workspace, who.me.id, "it.txt", b"it")
        named = {"id": file["id"], "name": "it.txt", "size": 2, "type": "text/plain"}
        answers = {"name": "x", "drawing": named}
        service.attach(person, service.offering("plan").presented, answers)
        record, _ = service.submit(person, "plan", answers)
        if refused:
            with pytest.raises(PermanentError, match="no file that you have uploaded"):
                engine._secrets.of(record.id, f"file/{file['id']}")
        else:
            assert engine._secrets.of(record.id, f"file/{file['id']}") == "aXQ="


def test_a_step_reads_no_file_of_another_request(office: Office) -> None:
    service, engine = office.process.service, office.process.worker.engine
    ada = service.person(office.ada.me.id)
    file, other = (service.upload(ada, name, "text/plain", b"x").as_answer() for name in ("a", "b"))
    record, _ = service.submit(ada, "plan", {"name": "x", "drawing": file})
    assert engine._secrets.of(record.id, f"file/{file['id']}") == "eA=="
    with pytest.raises(PermanentError, match="no file of this request"):
        engine._secrets.of(record.id, f"file/{other['id']}")
    with pytest.raises(Invalid):
        service.submit(service.person(office.grace.me.id), "plan", {"name": "x", "drawing": file})


def test_slack_that_does_not_hand_a_file_out_is_named(office: Office, ada: Client) -> None:
    ask(office, ada, "plan name=x")
    ada.choose_files("/drawing", ("n.pdf", b"n"))
    view = ada.view()
    assert view is not None
    file = view.values["/drawing"]["answer"]["files"][0]["id"]
    files = SlackFiles(office.process.service.directory._client)  # type: ignore[attr-defined]
    assert files.read(file) == b"n"
    app = next(iter(office.workspace.apps.values()))
    scopes, app.scopes = app.scopes, app.scopes - {"files:read"}
    try:
        with pytest.raises(Exception, match="missing_scope|files:read"):
            files.read(file)
    finally:
        app.scopes = scopes


def test_a_file_that_was_chosen_is_removed_and_its_neighbours_stay(office: Office, ada: Client) -> None:
    ask(office, ada, "plan name=x")
    ada.choose_files("/drawing", ("north.pdf", b"%PDF-1"))
    ada.choose_files("/more", ("a.txt", b"a"), ("b.txt", b"bb"))
    ada.press("form_keep")
    office.until(lambda: "north.pdf (6 bytes)" in str(ada.view()))
    ada.press("form_remove", block_id=f"file-{hashlib.sha256(b'/more').hexdigest()[:12]}")
    office.until(lambda: "a.txt" not in str(ada.view()))
    assert "north.pdf (6 bytes)" in str(ada.view())
    ada.submit()
    _, form = requested(office, ada)
    assert form["drawing"]["name"] == "north.pdf"
    assert not form["more"]
