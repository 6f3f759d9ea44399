"""A desk behind real HTTP, with tokens for the people of the story. SQLite, turned by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bot import api
from bot import catalogue as catalogues
from bot.demo.server import Server
from bot.store.database import Database
from tests.conftest import Clock, Desk, file_at

DATABASE = '''
"""A database

For one team.
"""
from datetime import date
from typing import Literal
from pydantic import BaseModel, SecretStr
from bot import Approval, Field, Form, Offering, Outputs, Request
from bot.handlers import manual

class Network(BaseModel):
    cidr: str = Field(pattern="^[0-9./]+$", description="Who may connect")
    ports: list[int] = []

class Database(Form):
    name: str = Field(pattern="^[a-z][a-z0-9-]{2,30}$", description="Lower case, no spaces")
    size: Literal["small", "large"] = "small"
    replicas: int = Field(0, ge=0, le=3)
    public: bool = False
    until: date | None = None
    network: Network | None = None

class Connection(Outputs):
    host: str = Field(min_length=1)
    port: int = 5432

database = Offering("database", Database, outputs=Connection, owner="@data-platform", notify="#data",
                    approval=Approval("@dba"))

@database.step
def create(request: Request[Database]) -> manual.Task[Connection]:
    """Somebody creates it."""
    return manual.Task(group="@data-platform", outputs=Connection, instructions=f"Create {request.form.name}")
'''

#: Needs no approval; its field has the name of one of the command line's own options.
SEAT = '''
"""A seat in the quiet room"""
from bot import Field, Form, Offering, Request
from bot.handlers import manual

class Seat(Form):
    reason: str = Field(min_length=3)

seat = Offering("seat", Seat, owner="@data-platform", notify="#seats")

@seat.step
def reserve(request: Request[Seat]) -> manual.Task:
    return manual.Task(group="@data-platform", instructions="Reserve it")
'''


class HttpDesk:
    """A desk and its address. `token` and `client` are for a person by first name."""

    def __init__(self, folder: Path) -> None:
        for name, text in (("database", DATABASE), ("seat", SEAT)):
            (folder / f"{name}.py").write_text(text)
        url = file_at(folder / "frontdesk.db")
        self.desk = Desk(Database(url), catalogues.load(folder, {}), Clock())
        self.not_ready: str | None = None
        self.application = api.build(self.desk.service, ready=lambda: self.not_ready)
        self.server = Server(self.application)
        self.url = self.server.url
        self._tokens: dict[str, str] = {}
        self._clients: dict[str, httpx.Client] = {}

    def token(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = self.desk.service.create_token(f"{name}@example.com")
        return self._tokens[name]

    def client(self, name: str) -> httpx.Client:
        """Somebody's; nobody's with an empty name."""
        if name not in self._clients:
            headers = {"Authorization": f"Bearer {self.token(name)}"} if name else {}
            self._clients[name] = httpx.Client(base_url=self.url, headers=headers, trust_env=False)
        return self._clients[name]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self.server.stop()
        self.desk.database.close()


@contextmanager
def http_desk(folder: Path) -> Iterator[HttpDesk]:
    """Served until the end of the block."""
    served = HttpDesk(folder)
    served.server.start()
    try:
        yield served
    finally:
        served.close()
