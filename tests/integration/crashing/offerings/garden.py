"""A garden

Every kind of step once: a ticket, a call that takes its time, a person, a message.
"""

import os

from bot import Approval, Form, Offering, Outputs, Request
from bot.handlers import jira, manual, message, webhook

RECEIVER = os.environ["RECEIVER"]


class Garden(Form):
    name: str = "roses"


class Place(Outputs):
    place: str


garden = Offering(
    "garden",
    Garden,
    outputs=Place,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
)


@garden.step(early=True)
def ticket(request: Request[Garden]) -> jira.Issue:
    """A ticket keeps track of it."""
    return jira.Issue(project="DBA", summary=f"Garden {request.form.name}")


@garden.step
def dig(request: Request[Garden]) -> webhook.Call[Place]:
    """Somebody digs."""
    return webhook.Call(
        url=f"{RECEIVER}/dig",
        body={"name": request.form.name, "ticket": request.of(ticket).key},
        outputs=Place,
        undo=webhook.Call(url=f"{RECEIVER}/fill", body={"name": request.form.name}),
    )


@garden.step
def plant(request: Request[Garden]) -> manual.Task:
    """Somebody plants."""
    return manual.Task(group="@data-platform", instructions=f"Plant {request.form.name} at {request.of(dig).place}")


@garden.step
def tell(request: Request[Garden]) -> message.Post:
    """People hear of it."""
    return message.Post(channel="#announcements", text=f"{request.form.name}: come and see.")
