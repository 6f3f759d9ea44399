"""Every handler that comes with Frontdesk keeps the contract of handlers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from bot.demo.jira import site as stand_in
from bot.handler import Outputs, Secret
from bot.handlers import command, jira, manual, message, webhook
from tests.integration.handler_contract import (
    NOW,
    HandlerContract,
    RemoteHandlerContract,
    RemoteWorld,
    Surroundings,
    World,
)
from tests.integration.jira_site import Server, Site
from tests.integration.receiver import Arrival, Reaction, Receiver, answer


class Address(Outputs):
    host: str
    port: int = 5432


class Databases(Receiver):
    """Makes one database for each key, however often it is asked; `DELETE /databases` takes away what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.status = 0

    def react(self, arrival: Arrival) -> Reaction:
        if self.status:
            return answer(self.status)
        if arrival.method == "DELETE":
            gone = bool(self.made)
            self.made.clear()
            return answer(204 if gone else 404)
        self.made.add(arrival.headers["idempotency-key"])
        return answer(201, {"host": "db-1.example", "internal": 7})


class SlowDatabases(Databases):
    """Answers 202 first; the location says 202 once more, and then what was made."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def react(self, arrival: Arrival) -> Reaction:
        reaction = super().react(arrival) if arrival.method != "GET" else answer(200, {"host": "db-1.example"})
        if arrival.method == "POST" and reaction.status == 201:
            return answer(202, location="/operations/1")
        if arrival.method == "GET" and not self.status:
            self.looks += 1
            return answer(202) if self.looks % 2 else reaction
        return reaction


class WebhookWorld(RemoteWorld):
    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.handler = webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1"})
        self.resource = webhook.Call(
            url=databases.url("/databases?token=in-clear"),
            headers={"Authorization": Secret("TOKEN")},
            body={"name": "orders", "admin": {"password": Secret("PASSWORD")}},
            outputs=Address,
            undo=webhook.Call(url=databases.url("/databases"), method="DELETE", headers={"X-Key": Secret("TOKEN")}),
        )

    def made(self) -> int:
        return len(self.databases.made)

    def fail(self, status: int) -> None:
        self.databases.status = status


class TestWebhook(RemoteHandlerContract):
    @contextmanager
    def world(self) -> Iterator[RemoteWorld]:
        with Databases().running() as databases:
            assert isinstance(databases, Databases)
            yield WebhookWorld(databases)

    def test_what_was_made_is_gone_after_its_deletion(self) -> None:
        with self.world() as world:
            surroundings = Surroundings()
            self.settle(world, surroundings)
            assert world.made() == 1
            world.handler.delete(world.resource, surroundings.context("REQ-2/step"))
            assert world.made() == 0


class TestWebhookThatIsPolled(TestWebhook):
    @contextmanager
    def world(self) -> Iterator[RemoteWorld]:
        with SlowDatabases().running() as databases:
            assert isinstance(databases, SlowDatabases)
            yield WebhookWorld(databases)


class ManualWorld(World):
    handler = manual.TaskHandler({})
    resource = manual.Task(group="@dba", instructions="Create the database orders", outputs=Address)


class TestManual(HandlerContract):
    @contextmanager
    def world(self) -> Iterator[World]:
        yield ManualWorld()


class MessageWorld(World):
    handler = message.PostHandler({})
    resource = message.Post(channel="#data-platform", text="orders is there")


class TestMessage(HandlerContract):
    @contextmanager
    def world(self) -> Iterator[World]:
        yield MessageWorld()


class CommandWorld(World):
    handler = command.RunHandler({"PATH": "/usr/bin:/bin"})
    resource = command.Run(
        argv=("sh", "-c", 'test -n "$TOKEN" && echo {\\"host\\": \\"db-1.example\\"}'),
        environment={"TOKEN": Secret("TOKEN")},
        outputs=Address,
        undo=command.Run(argv=("true",)),
    )


class TestCommand(HandlerContract):
    @contextmanager
    def world(self) -> Iterator[World]:
        yield CommandWorld()


class JiraWorld(RemoteWorld):
    def __init__(self, site: Site) -> None:
        self.site = site
        self.site.clock.now = NOW
        self.handler = site.handler()
        self.resource = jira.Issue(project="DBA", summary="PostgreSQL orders for Ada", labels=("database",))
        self.before = len(site.jira.issues)

    def made(self) -> int:
        return len(self.site.jira.issues) - self.before

    def forward(self, seconds: float) -> None:
        self.site.clock.forward(seconds)

    def fail(self, status: int) -> None:
        for method in ("GET", "POST", "PUT", "DELETE"):
            self.site.jira.fail(method, ".*", stand_in.Answer(status), times=100)


class TestJira(RemoteHandlerContract):
    @contextmanager
    def world(self) -> Iterator[RemoteWorld]:
        with closing(Server()) as server:
            yield JiraWorld(server.site())
