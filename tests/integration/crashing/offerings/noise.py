"""Noise

One call, with a secret, about a channel that is archived: the approvers get their cards in person.
"""

import os

from pydantic import SecretStr

from bot import Approval, Form, Offering, Request
from bot.handlers import webhook


class Noise(Form):
    name: str = "drums"
    password: SecretStr


noise = Offering("noise", Noise, owner="@data-platform", notify="#old-stuff", approval=Approval("@dba"))


@noise.step
def make(request: Request[Noise]) -> webhook.Call:
    """It is made."""
    body = {"name": request.form.name, "password": request.secret("password")}
    return webhook.Call(url=f"{os.environ['RECEIVER']}/make", body=body)
