"""A party

Steps side by side, one with a limit of time, and one that cleans up whatever happens.
"""

import os
from datetime import timedelta

from bot import Form, Offering, Outputs, Renewal, Request
from bot.handlers import manual, message, webhook

RECEIVER = os.environ["RECEIVER"]


class Party(Form):
    name: str = "birthday"


class Place(Outputs):
    place: str


party = Offering(
    "party",
    Party,
    owner="@data-platform",
    notify="#data-platform",
    expires=timedelta(days=1),
    renew=Renewal(timedelta(days=1)),
)


@party.step(after=[])
def rent(request: Request[Party]) -> webhook.Call[Place]:
    """A room is rented."""
    return webhook.Call(url=f"{RECEIVER}/dig", body={"name": request.form.name}, outputs=Place)


@party.step(after=[])
def music(request: Request[Party]) -> webhook.Call:
    """It needs music, and that needs to know where."""
    return webhook.Call(url=f"{RECEIVER}/music", body={"where": request.of(rent).place})


@party.step(after=[], limit=timedelta(hours=2))
def invite(request: Request[Party]) -> manual.Task:
    """Somebody invites the guests."""
    return manual.Task(group="@data-platform", instructions=f"Invite to {request.form.name}")


@party.step(always=True)
def clean(request: Request[Party]) -> message.Post:
    """It is cleaned up."""
    return message.Post(channel="#general", text=f"Cleaned up after {request.form.name}: {request.failure or 'fine'}")
