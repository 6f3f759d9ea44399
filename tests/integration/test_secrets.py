"""Canaries: secrets are handed over at every door, and then searched for wherever something is kept, sent or told."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import SQLModel, select

from bot import app, settings
from bot.errors import Invalid, KeyTaken, Misconfigured, Unavailable
from bot.safe import NoSafe, Sealed, new_key
from bot.secrecy import MASK
from bot.store import tables
from bot.store.records import PersonRecord, RequestRecord
from tests.conftest import Desk
from tests.integration.office import Office, buttons, everything, opened, text_of
from tests.integration.receiver import Receiver, answer
from tests.integration.terminal import process

RESTORE = '''
"""A database, restored"""

from pydantic import BaseModel, SecretStr, model_validator

from bot import Approval, Field, Form, Offering, Request
from bot.handlers import webhook


class Login(BaseModel):
    user: str = "root"
    token: SecretStr


class Table(BaseModel):
    name: str


class Restore(Form):
    name: str = Field(pattern="^[a-z-]+$")
    password: SecretStr = Field(min_length=12)
    login: Login
    tables: list[Table] = []

    @model_validator(mode="after")
    def strong(self) -> "Restore":
        if "weak" in self.password.get_secret_value():
            raise ValueError(f"{self.password.get_secret_value()} is weak.")
        if "odd" in self.password.get_secret_value():
            raise KeyError(self.password.get_secret_value())
        return self


restore = Offering("restore", Restore, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"))


@restore.step
def call(request: Request[Restore]) -> webhook.Call:
    """The restorer does it."""
    form = request.form
    return webhook.Call(
        url="URL",
        headers={"X-Token": request.secret("login", "token")},
        body={
            "name": form.name,
            "password": request.secret("password"),
            "kept": form.password.get_secret_value(),
            "shown": str(form.password),
        },
    )
'''

#: The same, from a schema that does not say what is a secret.
BY_OVERLAY = '''
"""A database, restored"""

from pydantic import model_validator

from bot import Approval, ImportedForm, Offering, Request
from bot.handlers import webhook

TEXT = {"type": "string"}
LOGIN = {"type": "object", "properties": {"user": {"type": "string", "default": "root"}, "token": TEXT}, "required": ["token"]}
TABLE = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
FIELDS = {
    "name": {"type": "string", "pattern": "^[a-z-]+$"},
    "password": {"type": "string", "minLength": 12},
    "login": LOGIN,
    "tables": {"type": "array", "items": TABLE},
}
SCHEMA = {
    "type": "object", "properties": FIELDS, "required": ["name", "password", "login"], "additionalProperties": False
}


class Restore(ImportedForm, schema=SCHEMA):
    """Somebody else's."""

    @model_validator(mode="after")
    def strong(self) -> "Restore":
        if "weak" in self.password:
            raise ValueError(f"{self.password} is weak.")
        if "odd" in self.password:
            raise KeyError(self.password)
        return self


restore = Offering(
    "restore",
    Restore,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
    overlay={"password": {"secret": True, "title": "Password"}, "login.token": {"secret": True}},
)


@restore.step
def call(request: Request[Restore]) -> webhook.Call:
    """The restorer does it."""
    return webhook.Call(
        url="URL",
        headers={"X-Token": request.secret("login", "token")},
        body={
            "name": request.form.name,
            "password": request.secret("password"),
            "kept": request.form.password,
            "shown": "**********",
        },
    )
'''


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture(params=[RESTORE, BY_OVERLAY], ids=["by its type", "by the overlay"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, receiver: Receiver) -> Path:
    offerings = tmp_path / "offerings"
    offerings.mkdir()
    (offerings / "restore.py").write_text(request.param.replace('"URL"', repr(receiver.url("/restore"))).lstrip())
    return offerings


class Canaries:
    """What was planted, and all that was seen."""

    def __init__(self, office: Office, folder: Path, log: pytest.LogCaptureFixture) -> None:
        self.office, self.folder, self.log = office, folder, log
        self.planted: list[str] = []
        #: Answers of HTTP and what the command line wrote.
        self.told: list[str] = []

    def plant(self, where: str) -> str:
        self.planted.append(f"canary-{where}-{len(self.planted)}")
        return self.planted[-1]

    def everywhere(self) -> dict[str, str]:
        """All that is stored, sent, shown or logged."""
        workspace = self.office.workspace
        stored = {path.name: path.read_bytes().decode("latin-1") for path in self.folder.glob("frontdesk.db*")}
        people = [self.office.ada, self.office.grace, self.office.linus]
        metadata = [view.body.get("private_metadata") for who in people for view in who.views()]
        return stored | {
            "calls": repr([call.arguments for call in workspace.calls()]),
            "acknowledgements": repr([each.answer for each in workspace.deliveries()]),
            "metadata": repr(metadata),
            "messages": "\n".join(text_of(each) for who in people for each in everything(who)),
            "channel": "\n".join(text_of(each) for each in self.office.grace.sees("#data-platform")),
            "log": self.log.text,
            "told": "\n".join(self.told),
        }

    def search(self) -> None:
        self.office.until(lambda: "orders" in self.everywhere()["channel"])  # the card may be under way
        places = self.search_before_there_is_a_request()
        assert "orders" in places["frontdesk.db"] + places.get("frontdesk.db-wal", "")  # the search finds what is there
        assert "orders" in places["channel"]

    def search_before_there_is_a_request(self) -> dict[str, str]:
        places = self.everywhere()
        found = [(canary, name) for canary in self.planted for name, text in places.items() if canary in text]
        assert found == []
        return places

    def http(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> httpx.Response:
        headers |= {"Authorization": f"Bearer {token}"}
        response = httpx.request(
            method, f"{self.office.url}/v1{path}", json=body, headers=headers, trust_env=False, timeout=10
        )
        self.told.append(response.text + repr(response.headers))
        return response

    def command(self, token: str, *words: str) -> str:
        environment = {"FRONTDESK_URL": self.office.url, "FRONTDESK_TOKEN": token}
        done = process(*words, cwd=self.folder, environment=environment)
        self.told += [done.out, done.err]
        return done.out + done.err


@pytest.fixture
def canaries(tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Canaries]:
    caplog.set_level(logging.INFO)
    with opened(tmp_path, offerings=folder) as office:
        yield Canaries(office, tmp_path, caplog)


def shown(canaries: Canaries, number: str, state: str) -> RequestRecord:
    """The request, once it is there."""
    service = canaries.office.process.service
    ada = service.person(canaries.office.ada.me.id)
    return canaries.office.until(lambda: next(iter([r for r in [service.show(ada, number)] if r.state == state]), None))


def secrets_kept(canaries: Canaries) -> int:
    with canaries.office.process.database.read() as session:
        return len(session.exec(select(tables.Secret)).all())


def test_a_secret_from_slack_reaches_the_call_and_nothing_else(canaries: Canaries, receiver: Receiver) -> None:
    office, ada = canaries.office, canaries.office.ada
    receiver.script("/restore", answer(400, {"error": "no"}), answer(200, {"size": 3}))
    early, password, token = canaries.plant("line"), canaries.plant("password"), canaries.plant("token")
    ada.type_command("#general", f"/platform request restore name=ORDERS password={early}")
    office.until(ada.view)
    assert early not in repr([view.body for view in ada.views()])
    ada.fill({"/password": f"{password}-weak", "/login/token": token})
    ada.submit()
    assert ada.errors(), "the name is refused"
    ada.fill({"/name": "orders"})
    ada.submit()
    assert MASK in repr(ada.view()), "the validator's own words are told, without the secret"
    ada.press("entry_add")  # keeps a draft of what stands below
    office.until(lambda: len(ada.views()) == 2)
    ada.close_all()
    with office.process.database.read() as session:
        assert [each.answers["entered"] for each in session.exec(select(tables.Draft)).all()] == [
            {"": {"/name": "orders"}}
        ]
    canaries.search_before_there_is_a_request()
    ada.type_command("#general", "/platform request restore")
    office.until(ada.view)
    assert "canary" not in repr([view.body for view in ada.views()])
    ada.fill({"/name": "orders", "/password": password, "/login/token": token})
    ada.submit()
    view = ada.view()
    assert view is not None
    number = view.title
    assert number.startswith("REQ-"), (view.errors, ada.notice())
    ada.close_all()
    office.card(number)
    assert secrets_kept(canaries) == 2
    canaries.search()
    office.press(office.linus, "approve", number)
    shown(canaries, number, "failed")
    assert secrets_kept(canaries) == 2
    canaries.search()
    office.press(office.grace, "retry", number)
    shown(canaries, number, "fulfilled")
    body = {"name": "orders", "password": password, "kept": f"{number}/password", "shown": "**********"}
    assert [arrival.body for arrival in receiver.arrivals] == [body, body]
    assert {arrival.headers["x-token"] for arrival in receiver.arrivals} == {token}
    assert secrets_kept(canaries) == 0
    office.told(ada, number)
    canaries.search()


def test_a_secret_from_http_and_the_command_line_is_told_to_nobody(canaries: Canaries, receiver: Receiver) -> None:
    office, service = canaries.office, canaries.office.process.service
    receiver.script("/restore", answer(200))
    ada, linus = (service.create_token(f"{name}@example.com") for name in ("ada", "linus"))

    def form(where: str, **more: Any) -> dict[str, Any]:
        login = {"token": canaries.plant(f"{where}-token")}
        return {"name": "orders", "password": canaries.plant(where), "login": login} | more

    path = "/offerings/restore/requests"
    short = form("short") | {"password": "2short"}
    refused = canaries.http("POST", path, ada, {"form": short})
    assert (refused.status_code, "2short" in refused.text) == (422, False)
    weak = form("bad")
    weak["password"] += "-weak"
    assert canaries.http("POST", path, ada, {"form": weak}).status_code == 422
    bug = canaries.http("POST", path, ada, {"form": form("odd")})
    assert bug.status_code == 500
    assert "KeyError in the form of restore, at " in canaries.log.text
    assert (
        canaries.http("POST", path, ada, {"form": form("shape", login=[canaries.plant("in-list")])}).status_code == 422
    )
    assert canaries.http("POST", path, ada, {"forms": form("typo")}).status_code == 422
    planned = canaries.http("POST", "/offerings/restore/plan", ada, {"form": form("plan")})
    assert "REQ-?/password" in planned.text

    asked = form("http")
    made = canaries.http("POST", path, ada, {"form": asked}, **{"Idempotency-Key": "one"})
    assert made.json()["form"]["password"] == MASK
    number = made.json()["id"]
    again = canaries.http("POST", path, ada, {"form": asked | {"name": "else"}}, **{"Idempotency-Key": "one"})
    assert again.status_code == 422
    returned = canaries.http("PATCH", f"/requests/{number}", ada, {"form": made.json()["form"]})
    assert {each["pointer"] for each in returned.json()["errors"]} == {"/form/login/token", "/form/password"}
    edited = form("edit")
    assert canaries.http("PATCH", f"/requests/{number}", ada, {"form": edited}).status_code == 200
    assert secrets_kept(canaries) == 2
    canaries.search()

    password, token = canaries.plant("terminal"), canaries.plant("terminal-token")
    line = ["request", "restore", "--name", "orders", "--password", password, "--login.token", token]
    assert "REQ-" in canaries.command(ada, *line)
    canaries.command(ada, *line[:-2])
    canaries.command(ada, "show", number)
    canaries.command(ada, "list", "--json")
    assert canaries.http("POST", f"/requests/{number}/approve", linus, {}).status_code == 200
    shown(canaries, number, "fulfilled")
    assert receiver.arrivals[0].body["password"] == edited["password"]
    for where in (f"/requests/{number}", "/requests", "/instances", f"/instances/{made.json()['instance']}"):
        assert canaries.http("GET", where, ada).status_code == 200
    assert secrets_kept(canaries) == 2, "those of the other request"
    office.told(office.ada, number)
    canaries.search()


def test_an_edit_in_slack_asks_for_each_secret_again(canaries: Canaries) -> None:
    office, ada = canaries.office, canaries.office.ada
    first, second = canaries.plant("first"), canaries.plant("second")
    ada.type_command("#general", "/platform request restore name=orders")
    office.until(ada.view)
    ada.fill({"/password": first, "/login/token": canaries.plant("token")})
    ada.submit()
    view = ada.view()
    assert view is not None
    number = view.title
    ada.close_all()
    mine = office.until(lambda: next((m for m in everything(ada) if "edit" in buttons(m)), None))
    ada.click(mine.channel, mine.ts, "edit")
    office.until(ada.view)
    opened_view = ada.view()
    assert opened_view is not None
    assert "a secret is not shown again" in repr(opened_view.body)
    assert "orders" in repr(opened_view.body)
    assert MASK not in repr(opened_view.values)
    ada.submit()
    assert set(ada.errors()) == {"/password", "/login/token"}
    ada.fill({"/password": second, "/login/token": canaries.plant("token")})
    ada.submit()
    assert ada.view() is None, ada.errors()
    office.until(lambda: shown(canaries, number, "awaiting_approval").revision == 2)
    assert secrets_kept(canaries) == 2
    canaries.search()


# The store, on both


SECRETS = {"name": "orders", "password": "canary-password", "login": {"user": "root", "token": "canary-token"}}
Open = Callable[..., Desk]


@pytest.fixture
def opened_desk(desk: Open, folder: Path) -> Desk:
    return desk(folder, ALLOWED_PRIVATE_HOSTS="127.0.0.1")


def rows(desk: Desk) -> str:
    """All that the database holds, as text."""
    with desk.database.read() as session:
        found = [session.exec(table.select()).all() for table in SQLModel.metadata.sorted_tables]  # type: ignore[call-overload]
    return repr(found)


def kept(desk: Desk) -> list[str]:
    with desk.database.read() as session:
        return [each.pointer for each in session.exec(select(tables.Secret).order_by(tables.Secret.pointer)).all()]


def asked(desk: Desk, person: PersonRecord | None = None, **more: Any) -> RequestRecord:
    record, _ = desk.service.submit(person or desk.ada, "restore", SECRETS | more)
    return record


def test_the_database_holds_names_and_ciphertexts(opened_desk: Desk) -> None:
    record = asked(opened_desk)
    assert record.form["password"] == record.form["login"]["token"] == MASK
    assert kept(opened_desk) == ["/login/token", "/password"]
    assert "orders" in rows(opened_desk)
    assert "canary" not in rows(opened_desk)


def test_whatever_ends_a_request_ends_its_secrets(opened_desk: Desk) -> None:
    desk = opened_desk
    for end in (
        lambda number: desk.service.withdraw(desk.ada, number),
        lambda number: desk.service.reject(desk.grace, number, "no"),
        lambda number: (desk.service.approve(desk.grace, number), desk.service.cancel(desk.ada, number)),
    ):
        number = asked(desk).number
        assert len(kept(desk)) == 2
        end(number)
        assert kept(desk) == []


def test_what_failed_keeps_its_secrets_until_it_is_given_up(opened_desk: Desk, receiver: Receiver) -> None:
    desk = opened_desk
    receiver.script("/restore", answer(400))
    record = asked(desk)
    desk.service.approve(desk.grace, record.number)
    desk.work()
    failed = desk.service.show(desk.ada, record.number)
    assert (failed.state, len(kept(desk))) == ("failed", 2)
    assert "canary" not in rows(desk)
    desk.service.delete(desk.ada, record.instance)
    assert kept(desk) == []


def test_an_edit_replaces_them_and_a_mask_is_no_answer(opened_desk: Desk) -> None:
    desk = opened_desk
    record = asked(desk)
    with pytest.raises(Invalid) as refused:
        desk.service.edit(desk.ada, record.number, record.form)
    assert {(each.pointer, each.detail) for each in refused.value.problems} == {
        (pointer, "Enter it once more: a secret is not shown again.") for pointer in ("/password", "/login/token")
    }
    with desk.database.read() as session:
        before = {each.kept for each in session.exec(select(tables.Secret)).all()}
    desk.service.edit(desk.ada, record.number, SECRETS | {"password": "canary-other-password"})
    with desk.database.read() as session:
        after = {each.kept for each in session.exec(select(tables.Secret)).all()}
    assert len(after) == 2
    assert not before & after
    assert "canary" not in rows(desk)


def test_a_deletion_has_the_rules_of_a_form_whose_secrets_are_gone(opened_desk: Desk, receiver: Receiver) -> None:
    desk = opened_desk
    receiver.script("/restore", answer(200))
    record = asked(desk)
    desk.service.approve(desk.grace, record.number)
    desk.work()
    assert kept(desk) == []
    deletion, _ = desk.service.delete(desk.ada, record.instance)
    assert deletion.rules[0].who == ("@dba",)
    assert deletion.form["password"] == MASK


def test_the_same_key_with_another_secret_is_the_same_request(opened_desk: Desk) -> None:
    desk = opened_desk
    first, _ = desk.service.submit(desk.ada, "restore", SECRETS, key="one")
    again, created = desk.service.submit(desk.ada, "restore", SECRETS | {"password": "another-password"}, key="one")
    assert (again.number, created) == (first.number, False)
    with pytest.raises(KeyTaken):
        desk.service.submit(desk.ada, "restore", SECRETS | {"name": "else"}, key="one")


def test_a_secret_of_another_request_is_not_given(opened_desk: Desk, receiver: Receiver) -> None:
    desk = opened_desk
    receiver.script("/restore", answer(200))
    first, second = asked(desk), asked(desk)
    desk.service.approve(desk.grace, second.number)
    step = desk.engine.claim()
    assert step is not None
    context = desk.engine._context(step, desk.catalogue.handlers["webhook"])
    assert context.secret(f"{second.number}/password") == "canary-password"
    assert context.secret("ANYTHING") == "value of ANYTHING"
    with pytest.raises(Exception, match="of another request"):
        context.secret(f"{first.number}/password")
    desk.service.cancel(desk.ada, second.number)
    with pytest.raises(Exception, match="is gone"):
        context.secret(f"{second.number}/password")


def test_after_a_rotation_what_is_open_is_still_read(desk: Open, folder: Path, receiver: Receiver) -> None:
    receiver.script("/restore", answer(200))
    old, new = new_key(), new_key()
    before = desk(folder, ALLOWED_PRIVATE_HOSTS="127.0.0.1")
    before.service.safe = Sealed([old])
    record = asked(before)
    after = desk(folder, ALLOWED_PRIVATE_HOSTS="127.0.0.1")
    after.engine._secrets._safe = Sealed([new, old])
    after.service.approve(after.grace, record.number)
    after.work()
    assert receiver.arrivals[0].body["password"] == "canary-password"


def test_without_a_key_a_secret_is_refused_before_anything_is_stored(opened_desk: Desk) -> None:
    opened_desk.service.safe = NoSafe()
    with pytest.raises(Unavailable, match="FRONTDESK_KEY"):
        asked(opened_desk)
    assert "orders" not in rows(opened_desk)


class Elsewhere:
    """A store of somebody's own, behind the port."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def put(self, secret: str) -> str:
        path = f"secret/frontdesk/{len(self.held)}"
        self.held[path] = secret
        return path

    def get(self, kept: str) -> str:
        return self.held[kept]

    def forget(self, kept: str) -> None:
        del self.held[kept]


def test_a_store_of_ones_own_takes_them_and_is_told_when_they_end(opened_desk: Desk, receiver: Receiver) -> None:
    desk, store = opened_desk, Elsewhere()
    desk.service.safe = desk.engine._secrets._safe = store
    desk.database.on_forgotten(store.forget)
    receiver.script("/restore", answer(200))
    record = asked(desk)
    assert sorted(store.held.values()) == ["canary-password", "canary-token"]
    desk.service.approve(desk.grace, record.number)
    desk.work()
    assert receiver.arrivals[0].body["password"] == "canary-password"
    assert store.held == {}


# The boot


def given(folder: Path, tmp_path: Path, **more: str) -> settings.Settings:
    return settings.read({"OFFERINGS": str(folder), "DATABASE_URL": f"sqlite:///{tmp_path}/boot.db"} | more)


def test_an_offering_that_asks_for_a_secret_does_not_start_without_a_key(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"restore\.py:\d+: FRONTDESK_KEY must be set: restore .*frontdesk key"):
        app.build(given(folder, tmp_path))
    with pytest.raises(Misconfigured, match="holds what is no key"):
        app.build(given(folder, tmp_path, FRONTDESK_KEY="nonsense"))


def test_check_only_says_so(folder: Path, tmp_path: Path) -> None:
    assert any("set FRONTDESK_KEY" in line for line in app.check(given(folder, tmp_path)))
    assert not any("FRONTDESK_KEY" in line for line in app.check(given(folder, tmp_path, FRONTDESK_KEY=new_key())))


def test_a_key_that_is_made_is_one() -> None:
    key = process("key").out.strip()
    read = settings.read({"FRONTDESK_KEY": f" {key} , {new_key()},"})
    assert read.keys[0] == key
    assert len(read.keys) == 2
    assert key not in repr(read)
    assert Sealed(read.keys).get(Sealed(read.keys).put("x")) == "x"
