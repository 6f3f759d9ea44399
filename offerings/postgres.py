"""PostgreSQL

A database for one team, with backups, on the shared cluster.
"""

from typing import Literal

from bot import Approval, Field, Form, Offering, Outputs, Request
from bot.handlers import jira, manual


class Database(Form):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,30}$", description="Lower case, no spaces", examples=["orders"])
    size: Literal["small", "large"] = Field("small", description="Small: 10 GB. Large: 200 GB.")


class Connection(Outputs):
    host: str = Field(min_length=1, description="Where applications connect to", examples=["orders.db.example.com"])
    port: int = Field(5432, ge=1, le=65535)


postgres = Offering(
    "postgres",
    Database,
    outputs=Connection,
    version="v1",
    tags=["database", "sql"],
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
)


@postgres.step(early=True)
def ticket(request: Request[Database]) -> jira.Issue:
    """A ticket keeps track of it."""
    return jira.Issue(project="DBA", summary=f"PostgreSQL {request.form.name} for {request.requester.name}")


@postgres.step
def database(request: Request[Database]) -> manual.Task[Connection]:
    """Somebody on the data platform creates the database."""
    form, verb = request.form, "Change" if request.kind == "update" else "Create"
    return manual.Task(
        group="@data-platform",
        outputs=Connection,
        instructions=f"{verb} {form.name}, {form.size} ({request.of(ticket).key})",
    )
