"""A machine

Five steps behind an approval: what crashes and restarts are thrown at.
"""

import os

from bot import Approval, Field, Form, Offering, Outputs, Request
from bot.handlers import jira, manual, message, webhook

RECEIVER = os.environ["RECEIVER"]


class Machine(Form):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,30}$")


class Place(Outputs):
    place: str


class Address(Outputs):
    place: str
    address: str


machine = Offering(
    "machine",
    Machine,
    outputs=Address,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
)


def call(request: Request[Machine], step: str, **more: str) -> dict[str, str]:
    """The body of a call, which says of itself for which request and step it was made."""
    return {"request": request.number, "name": request.form.name, "step": step, **more}


@machine.step(early=True)
def ticket(request: Request[Machine]) -> jira.Issue:
    """A ticket keeps track of it."""
    return jira.Issue(project="DBA", summary=f"Machine {request.form.name}")


@machine.step
def reserve(request: Request[Machine]) -> webhook.Call[Place]:
    """A place is reserved."""
    return webhook.Call(
        url=f"{RECEIVER}/reserve",
        body=call(request, "reserve", ticket=request.of(ticket).key),
        outputs=Place,
        undo=webhook.Call(url=f"{RECEIVER}/release", body=call(request, "release")),
    )


@machine.step
def mount(request: Request[Machine]) -> manual.Task:
    """Somebody puts it into its rack."""
    return manual.Task(group="@data-platform", instructions=f"Mount {request.form.name} at {request.of(reserve).place}")


@machine.step
def install(request: Request[Machine]) -> webhook.Call[Address]:
    """It is installed."""
    return webhook.Call(
        url=f"{RECEIVER}/install",
        body=call(request, "install", place=request.of(reserve).place),
        outputs=Address,
        undo=webhook.Call(url=f"{RECEIVER}/wipe", body=call(request, "wipe")),
    )


@machine.step
def announce(request: Request[Machine]) -> message.Post:
    """People hear of it."""
    return message.Post(channel="#announcements", text=f"{request.form.name} ({request.number}) is there.")
