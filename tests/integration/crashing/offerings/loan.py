"""A loan

Somebody approves it, one step says how far it is, and it ends by itself.
"""

from datetime import timedelta

from bot import Approval, Form, Offering, Request
from tests.integration.crashing.speech import Speech


class What(Form):
    name: str = "spade"


loan = Offering(
    "loan",
    What,
    owner="@data-platform",
    notify="#data-platform",
    approval=Approval("@dba"),
    expires=timedelta(days=1),
)


@loan.step
def speak(request: Request[What]) -> Speech:
    """It is spoken about."""
    return Speech(about=request.form.name)
