"""Announcement

A notice for everybody who uses the platform.
"""

from typing import Literal

from bot import Field, Form, Offering, Request, Secret
from bot.handlers import message, webhook


class Notice(Form):
    title: str = Field(min_length=3, max_length=80)
    text: str = Field(min_length=10, max_length=2000)
    level: Literal["information", "maintenance", "incident"] = "information"


notice = Offering("notice", Notice, tags=["status"], owner="@data-platform", notify="#announcements")


@notice.step
def post(request: Request[Notice]) -> message.Post:
    """The notice is posted."""
    form = request.form
    return message.Post(channel="#announcements", text=f"{form.level.capitalize()}: {form.title}\n{form.text}")


@notice.step
def status_page(request: Request[Notice]) -> webhook.Call:
    """The status page shows it."""
    form = request.form
    return webhook.Call(url=Secret("STATUS_PAGE_URL"), body={"title": form.title, "level": form.level})
