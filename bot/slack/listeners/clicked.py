"""Buttons of cards, messages and listings."""

from collections.abc import Mapping

from bot.errors import Conflict
from bot.slack import views, words
from bot.slack.forms import windows
from bot.slack.forms.about import REFUSE, REJECT, About
from bot.slack.interaction import Interaction, Lazy
from bot.slack.listeners import typed
from bot.slack.listeners.wrapped import Decide

# What is decided by the click alone: done before the acknowledgement, with the words that say so; None: first ask.


def _approve(interaction: Interaction) -> str:
    target, click = interaction.target, interaction.click
    record = interaction.service.approve(interaction.person, target.number, revision=target.revision, click=click)
    return f"You approved {record.number}."


def _complete(interaction: Interaction) -> str | None:
    target, service = interaction.target, interaction.service
    record, asked = service.may_answer(interaction.person, target.number, target.step or "")
    if asked["outputs"]:
        return None
    service.complete(interaction.person, record.number, target.step or "", click=interaction.click)
    return f"Thank you: {target.step} of {record.number} is done."


def _retry(interaction: Interaction) -> str:
    record = interaction.service.retry(interaction.person, interaction.target.number, click=interaction.click)
    return f"{record.number} is tried again."


def _withdraw(interaction: Interaction) -> str:
    interaction.service.withdraw(interaction.person, interaction.target.number, click=interaction.click)
    return ""  # the requester hears of it in a message


def _cancel(interaction: Interaction) -> str:
    record = interaction.service.cancel(interaction.person, interaction.target.number, click=interaction.click)
    return f"{record.number} is cancelled."


def _delete(interaction: Interaction) -> str:
    number = interaction.target.number
    record, _ = interaction.service.delete(interaction.person, number, key=interaction.click or None)
    waits = f" It waits for {interaction.words(record).deciders(record)}." if record.rules else ""
    return f"{record.number} asks for the end of {number}.{waits}"


def _renew(interaction: Interaction) -> str:
    target, click = interaction.target, interaction.click
    renewed = interaction.service.renew(interaction.person, target.number, seen=target.revision or 0, click=click)
    until = f" until {words.end(renewed.expires_at)}" if renewed.expires_at else ""
    return f"{renewed.number} is renewed{until}."


# What opens a window or answers: after the acknowledgement


def _report(interaction: Interaction) -> None:
    target = interaction.target
    interaction.open(windows.opened(interaction, About(number=target.number, step=target.step or "")))


def _reject(interaction: Interaction) -> None:
    target = interaction.target
    record, _ = interaction.service.may_decide(interaction.person, target.number, target.revision)
    about = About(number=record.number, revision=target.revision)
    title, question = f"Reject {record.number}", "Why is it rejected?"
    interaction.open(views.reason(REJECT, about, title=title, question=question, submit="Reject"))


def _refuse(interaction: Interaction) -> None:
    target = interaction.target
    record, _ = interaction.service.may_answer(interaction.person, target.number, target.step or "")
    about = About(number=record.number, step=target.step or "")
    title, question = f"Can't do {record.number}", "Why can't it be done?"
    interaction.open(views.reason(REFUSE, about, title=title, question=question, submit="Can't do"))


def _edit(interaction: Interaction) -> None:
    record = interaction.service.may_edit(interaction.person, interaction.target.number)
    about = About(offering=record.offering, version=record.version, number=record.number)
    interaction.open(windows.opened(interaction, about))


def _change(interaction: Interaction) -> None:
    typed.open_change(interaction, interaction.target.number)


def _catalogue(interaction: Interaction) -> None:
    typed.open_catalogue(interaction)
    interaction.prepare()


def _request(interaction: Interaction) -> None:
    typed.open_form(interaction, interaction.target.number)
    interaction.prepare()


def _story(interaction: Interaction) -> None:
    typed.tell_story(interaction, interaction.target.number, interaction.target.page or 1)


def stale(_interaction: Interaction) -> None:
    """A button that nobody knows any more. Raises Conflict."""
    raise Conflict("This button is from an older version of Frontdesk and does nothing any more. Try /platform list.")


#: By the button's action; with what asks first, where that may be needed.
DECISIONS: Mapping[str, tuple[Decide, Lazy | None]] = {
    "approve": (_approve, None),
    "complete": (_complete, _report),
    "retry": (_retry, None),
    "withdraw": (_withdraw, None),
    "cancel": (_cancel, None),
    "delete": (_delete, None),
    "renew": (_renew, None),
}
#: By the button's action.
CLICKS: Mapping[str, Lazy] = {
    "catalogue": _catalogue,
    "request": _request,
    "reject": _reject,
    "refuse": _refuse,
    "edit": _edit,
    "change": _change,
    "story_back": _story,
    "story_more": _story,
}
