"""A change of what somebody has, in Slack: from today's answers to the difference that approvers see, and back to ready."""

import json
from pathlib import Path

from bot.demo.slack.client import Client
from tests.integration.clicks import fill_in, read
from tests.integration.office import Office, buttons, everything, opened, text_of


def have_orders(office: Office) -> str:
    """Ada has a small PostgreSQL; its instance."""
    number = office.ask(office.ada, "/platform request postgres name=orders")
    office.press(office.grace, "approve", number)
    office.press(office.grace, "complete", number)
    fill_in(office, office.grace, host="orders.example.com")
    office.told(office.ada, f"{number} · PostgreSQL*: ready")
    service = office.process.service
    return str(service.show(service.person(office.ada.me.id), number).instance)


def test_a_change_goes_the_whole_way(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        instance = have_orders(office)
        ada, grace = office.ada, office.grace
        issue = next(iter(office.jira.issues.values()))

        ada.type_command("#general", "/platform list")
        listed = office.until(lambda: next((m for m in everything(ada) if "delete" in buttons(m)), None))
        assert buttons(listed) == ["change", "delete"]
        ada.click("#general", listed.ts, "change")
        view = office.until(ada.view)
        assert view.title == f"Change {instance}"
        assert "orders" in held(ada)["/name"]
        ada.submit()
        assert "has these answers already" in "".join(ada.errors().values())
        ada.fill({"/size": "large"})
        ada.submit()
        confirmed = office.until(ada.view)
        number = confirmed.title
        assert "Change of PostgreSQL" in json.dumps(confirmed.body)
        ada.close_all()

        assert "small → *large*" in text_of(read(office, number, "Waits for approval"))
        office.press(grace, "approve", number)
        assert "Change orders, large" in text_of(read(office, number, "To do for"))
        office.press(grace, "complete", number)
        office.until(grace.view)
        assert "orders.example.com" in held(grace)["/host"], "what stays as it is need not be typed again"
        grace.submit()
        assert grace.view() is None, grace.errors()
        office.told(ada, f"{number} · Change of PostgreSQL*: {instance} is changed.")
        office.until(lambda: any(f"{number} fulfilled" in comment.body for comment in issue.comments))
        assert len(office.jira.issues) == 1, "the issue of the creation is told; no other one is made"


def test_a_command_opens_the_change_with_what_was_typed(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        instance = have_orders(office)
        office.linus.type_command("#general", f"/platform change {instance}")
        assert "no instance" in office.until(lambda: office.linus.notice() or _told(office.linus))
        office.ada.type_command("#general", f"/platform change {instance} size=large colour=red")
        view = office.until(office.ada.view)
        assert "colour" in json.dumps(view.body)
        assert "large" in held(office.ada)["/size"]
        office.ada.close_all()
        office.ada.type_command("#general", "/platform change")
        office.told(office.ada, "Say which: /platform change INS-7")


def _told(who: Client) -> str:
    return "\n".join(text_of(m) for m in everything(who))


def held(who: Client) -> dict[str, str]:
    """What the fields of the modal hold, by their block."""
    view = who.view()
    assert view is not None
    return {block: json.dumps(values) for block, values in view.values.items()}
