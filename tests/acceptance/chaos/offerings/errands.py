"""An errand

Three calls that nobody has to approve.
"""

import os

from bot import Field, Form, Offering, Request
from bot.handlers import webhook

RECEIVER = os.environ["RECEIVER"]


class Errand(Form):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,30}$")


errand = Offering("errand", Errand, owner="@data-platform", notify="#data-platform")


def call(request: Request[Errand], step: str) -> webhook.Call:
    body = {"request": request.number, "name": request.form.name, "step": step}
    return webhook.Call(url=f"{RECEIVER}/{step}", body=body)


@errand.step
def fetch(request: Request[Errand]) -> webhook.Call:
    """Something is fetched."""
    return call(request, "fetch")


@errand.step
def carry(request: Request[Errand]) -> webhook.Call:
    """It is carried."""
    return call(request, "carry")


@errand.step
def leave(request: Request[Errand]) -> webhook.Call:
    """It is left where it belongs."""
    return call(request, "leave")
