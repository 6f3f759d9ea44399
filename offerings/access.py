"""Access to a system

Membership of a system until a date; it ends by itself.
"""

from datetime import date
from typing import Literal

from bot import Approval, Field, Form, Offering, Person, Request
from bot.handlers import jira, manual


class Membership(Form):
    system: Literal["billing", "warehouse", "observability"] = Field(description="Where to")
    member: Person = Field(description="Who gets in")
    role: Literal["reader", "admin"] = "reader"
    until: date = Field(description="The last day")
    reason: str = Field(min_length=10, max_length=500, description="The approvers read it")


def rule(request: Request[Membership]) -> list[Approval]:
    """An admin needs two people; taking access away needs nobody."""
    if request.kind == "delete":
        return []
    return [Approval("@security", "@data-platform", count=2 if request.form.role == "admin" else 1)]


access = Offering(
    "access",
    Membership,
    tags=["permissions", "membership"],
    owner="@security",
    notify="#access",
    approval=rule,
    expires=lambda request: request.form.until,
)


@access.step(early=True)
def ticket(request: Request[Membership]) -> jira.Issue:
    """A ticket keeps track of it."""
    form = request.form
    return jira.Issue(
        project="ACCESS",
        summary=f"{form.system}: {form.role} for {form.member} until {form.until}",
        description=form.reason,
    )


@access.step
def membership(request: Request[Membership]) -> manual.Task:
    """The security team adds the member."""
    form = request.form
    return manual.Task(
        group="@security",
        instructions=f"Add {form.member} to {form.system} as {form.role} ({request.of(ticket).key})",
        undo=manual.Task(group="@security", instructions=f"Remove {form.member} from {form.system}"),
    )
