"""What people do in the office beyond one click, and what nobody can do with a mouse."""

from typing import Any

from bot.demo.slack import interactions
from bot.demo.slack.client import Client
from bot.demo.slack.delivery import deliver
from bot.demo.slack.entities import Delivery, Message
from tests.integration.office import Office, text_of


def start_over(office: Office) -> Office:
    """No modal is open and nothing that was entered is remembered: as if another test had never been here."""
    service = office.process.service
    for who in (office.ada, office.grace, office.linus, office.margaret):
        if who.view():
            who.close_all()
        person = service.person(who.me.id)
        for offered in service.offered():
            service.forget(person, offered.offering.name)
    return office


def click_old(office: Office, who: Client, message: Message, action: str, **forged: Any) -> None:
    """Press a button of a message as it was on a screen that has not been refreshed.

    `forged` replaces parts of the payload.
    """
    app = office.workspace.apps[message.app_id]
    element, block = next(
        (e, block)
        for block in message.blocks
        if block["type"] == "actions"
        for e in block["elements"]
        if e["action_id"] == action
    )
    pressed = {key: element[key] for key in ("type", "action_id", "value", "text")} | {"block_id": block["block_id"]}
    payload = interactions.message_action(office.workspace, app, who.me, message, pressed, {})
    deliver(office.workspace, app, payload | forged)


def fill_in(office: Office, who: Client, **answers: Any) -> None:
    """Fill in and submit the modal that opens."""
    office.until(who.view)
    who.fill({f"/{name}": value for name, value in answers.items()})
    who.submit()
    assert who.view() is None, (who.errors(), who.notice())


def give_reason(office: Office, who: Client, reason: str) -> None:
    """Fill in and submit the modal that asks for a reason."""
    office.until(who.view)
    who.fill({"/reason": reason})
    who.submit()


def read(office: Office, number: str, words: str, channel: str = "#data-platform") -> Message:
    """The card of a request, once it reads so."""

    def shown() -> Message | None:
        card = office.card(number, channel)
        return card if words in text_of(card) else None

    return office.until(shown)


def submit_forged(office: Office, who: Client, **forged: Any) -> Delivery:
    """Submit the visible modal with parts of it replaced, as nobody's Slack would; the app's answer."""
    view = who.view()
    assert view is not None
    app = office.workspace.apps[view.app_id]
    payload = interactions.view_submission(office.workspace, app, who.me, view)
    payload["view"] |= forged
    return deliver(office.workspace, app, payload)
