"""Contracts that want what is in a file as a text: chosen in Slack, `@file` on the command line, plain text over HTTP."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.slack import files_api
from bot.demo.slack.client import Client
from bot.errors import PermanentError
from bot.slack.files import SlackFiles
from tests.integration import asking
from tests.integration.office import Office, text_of
from tests.integration.terminal import process

SITE = '''
"""A site behind our proxy"""

from typing import Annotated

from pydantic import Base64Bytes, BaseModel, Field

from bot import Approval, Form, Offering, Request
from bot.handlers import manual


class Peer(BaseModel):
    name: str
    key: Base64Bytes | None = None


class Site(Form):
    certificate: Base64Bytes
    logo: Annotated[str, Field(json_schema_extra={"format": "data-url"})] | None = None
    script: str = ""
    chain: list[Base64Bytes] = []
    peers: list[Peer] = []


site = Offering(
    "site", Site, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"), overlay={"script": {"widget": "file"}}
)


@site.step
def put(request: Request[Site]) -> manual.Task:
    """Somebody sets it up."""
    return manual.Task(group="@data-platform", instructions=f"{len(request.form.certificate)} bytes")
'''
CERTIFICATE = b"-----BEGIN\x00\xff-----"
TEXT = base64.b64encode(CERTIFICATE).decode()


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with asking.offering(tmp_path_factory, site=SITE) as office:
        yield office


@pytest.fixture
def ada(office: Office) -> Client:
    office.ada.type_command("#general", "/platform request site")
    office.until(office.ada.view)
    return office.ada


def view(ada: Client) -> Any:
    found = ada.view()
    assert found is not None
    return found


def block(ada: Client, pointer: str) -> dict[str, Any]:
    return next(each for each in view(ada).blocks if str(each.get("block_id")).partition("~")[0] == pointer)


def choose(ada: Client, pointer: str, *files: tuple[str, bytes]) -> None:
    ada.choose_files(block(ada, pointer)["block_id"], *files)


def requested(office: Office, ada: Client) -> tuple[str, dict[str, Any]]:
    number = view(ada).title
    assert number.startswith("REQ-"), (number, view(ada).errors, ada.notice())
    service = office.process.service
    return number, dict(service.show(service.person(ada.me.id), number).form)


def stripped(answer: Any) -> Any:
    """Pydantic breaks Base64 into lines."""
    return json.loads(json.dumps(answer).replace("\\n", ""))


def test_what_is_in_a_chosen_file_becomes_the_answer_as_the_contract_writes_it(office: Office, ada: Client) -> None:
    assert block(ada, "/certificate")["element"]["type"] == "file_input"
    assert "at most 524 kB" in block(ada, "/certificate")["hint"]["text"]
    choose(ada, "/certificate", ("site.pem", CERTIFICATE))
    choose(ada, "/logo", ("a logo.png", b"png"))
    choose(ada, "/script", ("run.sh", "échö\n".encode()))
    choose(ada, "/chain", ("a", b"a"), ("b", b"bb"))
    ada.submit()
    number, form = requested(office, ada)
    assert stripped(form) == {
        "certificate": TEXT,
        "logo": "data:image/png;name=a%20logo.png;base64,cG5n",
        "script": "échö",
        "chain": ["YQ==", "YmI="],
        "peers": [],
    }
    assert form["script"] == "échö\n"
    told = text_of(office.card(number))
    assert "a file (17 bytes)" in told
    assert "a logo.png (3 bytes)" in told
    assert TEXT not in told


def test_a_file_of_an_entry_is_taken_in_with_the_whole_form(office: Office, ada: Client) -> None:
    choose(ada, "/certificate", ("site.pem", CERTIFICATE))
    ada.press("entry_add")
    office.until(lambda: "Peers 1" in view(ada).title)
    choose(ada, "/key", ("peer.key", b"key"))
    ada.fill({block(ada, "/name")["block_id"]: "north"})
    ada.submit()
    office.until(lambda: "peer.key (3 bytes)" in str(view(ada).blocks))
    assert "Chosen: site.pem (17 bytes). It stays unless you choose again." in str(view(ada).blocks)
    assert "⚠️" not in str(view(ada).blocks)
    ada.submit()
    _, form = requested(office, ada)
    assert stripped(form["peers"]) == [{"name": "north", "key": "a2V5"}]
    assert stripped(form["certificate"]) == TEXT


def test_what_cannot_be_an_answer_is_told_beside_its_file(office: Office, ada: Client) -> None:
    choose(ada, "/certificate", ("site.pem", CERTIFICATE))
    choose(ada, "/script", ("run.sh", b"\xff\xfe\x00"))
    ada.submit()
    assert view(ada).errors == {
        block(ada, "/script")["block_id"]: "run.sh is no text in UTF-8, and text is what is asked for."
    }
    choose(ada, "/script", ("run.sh", b"x" * 600_000))
    ada.submit()
    [(at, text)] = view(ada).errors.items()
    assert at == block(ada, "/script")["block_id"]
    assert text.startswith("run.sh has 600 kB")
    assert "at most 524 kB" in text
    choose(ada, "/script", ("run.sh", b"true"))
    ada.submit()
    assert requested(office, ada)[1]["script"] == "true"


def test_nobody_hands_in_a_file_of_somebody_else(office: Office, ada: Client) -> None:
    theirs = files_api.keep(office.workspace, office.grace.me.id, "hers.pem", b"hers")
    ada.fill({"/certificate": [theirs]})
    ada.submit()
    assert "Is no file that you have uploaded" in str(view(ada).errors)
    files = SlackFiles(office.process.service.directory._client)  # type: ignore[attr-defined]
    with pytest.raises(PermanentError, match="no file that you have uploaded"):
        files.read(theirs["id"], ada.me.id)


def test_over_http_it_is_a_text_and_on_the_command_line_a_file(office: Office, tmp_path: Path) -> None:
    token = office.process.service.create_token(office.ada.me.id)
    client = httpx.Client(base_url=f"{office.url}/v1", headers={"Authorization": f"Bearer {token}"})
    with client:
        wrong = client.post("/offerings/site/requests", json={"form": {"certificate": "no base64!"}})
        assert wrong.json()["errors"] == [
            {"pointer": "/form/certificate", "detail": "Has to be Base64 text like aGVsbG8=; got “no base64!”."}
        ]
        made = client.post("/offerings/site/requests", json={"form": {"certificate": TEXT}})
        assert stripped(made.json()["form"]["certificate"]) == TEXT
    (tmp_path / "site.pem").write_bytes(CERTIFICATE)
    (tmp_path / "large").write_bytes(b"x" * 600_000)
    environment = {"FRONTDESK_URL": office.url, "FRONTDESK_TOKEN": token}
    line = ["request", "site", "--certificate", "@site.pem", "--chain", "@site.pem", "--chain", "@site.pem"]
    done = process(*line, "--json", cwd=tmp_path, environment=environment)
    assert stripped(json.loads(done.out)["form"]["chain"]) == [TEXT, TEXT], done
    large = process("request", "site", "--certificate", "@large", cwd=tmp_path, environment=environment)
    assert "large has 600,000 bytes; what is in it becomes the answer, so at most 524,288." in large.err


def test_a_change_shows_what_is_there_and_keeps_it(office: Office, ada: Client) -> None:
    choose(ada, "/certificate", ("site.pem", CERTIFICATE))
    ada.submit()
    number, before = requested(office, ada)
    ada.close_all()
    mine = office.told(ada, number)
    ada.click(mine.channel, mine.ts, "edit")
    office.until(ada.view)
    assert "Chosen: a file (17 bytes). It stays unless you choose again." in block(ada, "/certificate")["hint"]["text"]
    choose(ada, "/script", ("run.sh", b"true"))
    ada.submit()
    service = office.process.service
    form = service.show(service.person(ada.me.id), number).form
    assert form["certificate"] == before["certificate"]
    assert form["script"] == "true"
