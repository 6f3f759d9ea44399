"""Moments

Whatever ends by itself, soon and not so soon.
"""

from datetime import timedelta

from bot import Approval, Deadline, Form, Offering, Request
from bot.handlers import message


class Nothing(Form):
    pass


TEAM, CARDS = "@data-platform", "#data-platform"
SOON, LATER = Deadline(timedelta(seconds=2), remind=[]), Deadline(timedelta(minutes=30))
hasty = Offering("hasty", Nothing, owner=TEAM, notify=CARDS, approval=Approval("@dba"), deadline=SOON)
patient = Offering("patient", Nothing, owner=TEAM, notify=CARDS, approval=Approval("@dba"), deadline=LATER)
lent = Offering("lent", Nothing, owner=TEAM, notify=CARDS, expires=timedelta(minutes=30))


def say(request: Request[Nothing]) -> message.Post:
    """It is said that it is there."""
    return message.Post(channel="#announcements", text=f"{request.number} is there.")


for each in (hasty, patient, lent):
    each.step(say)
