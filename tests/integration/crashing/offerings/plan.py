"""A plan

One call, about a file that was uploaded before.
"""

import os

from bot import Approval, File, Form, Offering, Request
from bot.handlers import webhook


class Plan(Form):
    drawing: File


plan = Offering("plan", Plan, owner="@data-platform", notify="#data-platform", approval=Approval("@dba"))


@plan.step
def print_it(request: Request[Plan]) -> webhook.Call:
    """It is printed."""
    return webhook.Call(url=f"{os.environ['RECEIVER']}/print", body={"name": request.form.drawing.name})
