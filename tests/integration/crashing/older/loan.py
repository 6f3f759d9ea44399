"""A loan

As it was before anybody spoke about it.
"""

from datetime import timedelta

from bot import Approval, Form, Offering, Request
from bot.handlers import message


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
def write(request: Request[What]) -> message.Post:
    """It is written down."""
    return message.Post(channel="#announcements", text=f"{request.form.name}: lent.")
