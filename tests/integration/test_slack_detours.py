"""Channels that are archived, renamed or gone, and people who have left: where what must be said goes, and back."""

from pathlib import Path
from typing import Any

import pytest

from bot.demo.slack import administration
from bot.demo.slack.entities import Message
from bot.errors import Unavailable
from bot.lifecycle import ApprovalRule
from bot.permissions import Permissions
from bot.slack.deliveries import SlackSender
from bot.store import detours
from bot.store.records import RequestRecord
from bot.store.sending import ClaimedDelivery
from tests.integration.clicks import fill_in, read
from tests.integration.office import ROOT, Office, buttons, everything, is_card, opened, text_of

PLATFORM = "#announcements"
ORDERED = "/platform request order name=orders"
ORDER = '''"""Order

Something that somebody makes.
"""

from bot import Approval, Form, Offering, Request
from bot.handlers import manual, message


class Order(Form):
    name: str


order = Offering("order", Order, owner="@data-platform", notify="{place}", approval=Approval("@dba"))


@order.step
def make(request: Request[Order]) -> manual.Task:
    """Somebody makes it."""
    return manual.Task(group="@security", instructions="Make it.")


@order.step
def announce(request: Request[Order]) -> message.Post:
    """Everybody hears of it."""
    return message.Post(channel="{announced}", text="It is made.")
'''


def offerings(tmp_path: Path, place: str, announced: str = "#general") -> Path:
    folder = tmp_path / "offerings"
    folder.mkdir()
    (folder / "order.py").write_text(ORDER.replace("{place}", place).replace("{announced}", announced))
    for path in (ROOT / "offerings").glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    return folder


def cards(office: Office, number: str, channel: str) -> list[Message]:
    return [m for m in office.grace.sees(channel) if is_card(m, number)]


def said(office: Office, channel: str, words: str) -> list[Message]:
    return [m for m in office.grace.sees(channel) if words in text_of(m)]


def below(office: Office, card: Message, words: str) -> list[Message]:
    """What the thread of a card says."""
    return [m for m in office.workspace.messages(card.channel) if m.thread_ts == card.ts and words in text_of(m)]


def probe(office: Office) -> None:
    """An hour later, by hand: what is out of order is tried again."""
    with office.process.database.write() as tx:
        detours.work_again(tx)


@pytest.mark.parametrize("place", ["#old-stuff", "#nowhere", "#secret-plans"])
def test_a_card_whose_channel_is_out_of_order_goes_to_the_platforms_channel(tmp_path: Path, place: str) -> None:
    folder = offerings(tmp_path, place)
    with opened(tmp_path, offerings=folder, PLATFORM_CHANNEL=PLATFORM) as office:
        number, other = office.ask(office.ada, ORDERED), office.ask(office.ada, ORDERED)
        shown = read(office, number, f"Its card belongs in {place}, and is here because", PLATFORM)
        assert buttons(shown) == ["approve", "reject"]
        office.press(office.grace, "approve", number, PLATFORM)
        read(office, number, "Approved by <@U01GRACE>", PLATFORM)
        office.until(lambda: below(office, office.card(number, PLATFORM), "Approved by <@U01GRACE>"))
        office.card(other, PLATFORM)
        (notice,) = office.until(lambda: said(office, PLATFORM, f"cannot be shown in {place}"))
        assert f"The card of {number}" in notice.text
        assert f"What belongs there goes to {PLATFORM} until it works again" in notice.text
        assert [m for m in everything(office.linus) if is_card(m, number)] == []
        assert len(cards(office, number, PLATFORM)) == 1


def test_without_a_platforms_channel_that_works_people_are_asked_in_person(tmp_path: Path) -> None:
    with opened(tmp_path, offerings=offerings(tmp_path, "#old-stuff"), PLATFORM_CHANNEL="#nowhere") as office:
        number = office.ask(office.ada, ORDERED)
        for who in (office.grace, office.linus, office.margaret):
            card = office.told(who, f"{number} · Order")
            assert buttons(card) == ["approve", "reject"]
        office.linus.click(
            card_of(office, office.linus, number).channel, card_of(office, office.linus, number).ts, "approve"
        )
        office.told(office.margaret, "Approved by <@U01LINUS>")
        # A task that is opened later is told below each card, so whoever is asked hears of it.
        office.until(lambda: below(office, card_of(office, office.margaret, number), "Make it."))


def card_of(office: Office, who: Any, number: str) -> Message:
    return next(m for m in everything(who) if is_card(m, number))


def test_a_channel_that_is_archived_later_moves_its_open_cards_and_gets_them_back(tmp_path: Path) -> None:
    with opened(tmp_path, PLATFORM_CHANNEL=PLATFORM) as office:
        number = office.ask(office.ada)
        first = office.card(number)
        office.told(office.ada, "See its card")
        administration.archive(office.workspace, "#data-platform")
        stand_in = read(office, number, "Its card belongs in #data-platform", PLATFORM)
        assert buttons(stand_in) == ["approve", "reject"]
        office.press(office.grace, "approve", number, PLATFORM)
        read(office, number, "Approved by", PLATFORM)
        administration.archive(office.workspace, "#data-platform", archived=False)
        back = read(office, number, "Approved by")
        assert (back.ts, back.channel) == (first.ts, first.channel)
        moved = office.until(
            lambda: next((m for m in said(office, PLATFORM, "its card is in") if m.ts == stand_in.ts), None)
        )
        assert f"<#{first.channel}> again" in moved.text
        assert f"p{first.ts.replace('.', '')}" in moved.text
        assert buttons(moved) == []
        office.press(office.grace, "complete", number)
        fill_in(office, office.grace, host="db1.example.com")
        office.until(lambda: below(office, office.card(number), "Done."))
        assert len(cards(office, number, "#data-platform")) == 1
        assert len(office.until(lambda: said(office, PLATFORM, "cannot be shown in #data-platform"))) == 1


def test_a_private_channel_gets_its_cards_once_the_bot_is_invited(tmp_path: Path) -> None:
    folder = offerings(tmp_path, "#secret-plans")
    with opened(tmp_path, offerings=folder, PLATFORM_CHANNEL=PLATFORM) as office:
        number = office.ask(office.ada, ORDERED)
        stand_in = office.card(number, PLATFORM)
        app = next(iter(office.workspace.apps.values()))
        administration.invite(office.workspace, "#secret-plans", app)
        card = office.until(
            lambda: next((m for m in office.margaret.sees("#secret-plans") if is_card(m, number)), None)
        )
        assert buttons(card) == ["approve", "reject"]
        office.until(lambda: [m for m in said(office, PLATFORM, "its card is in") if m.ts == stand_in.ts])


def test_a_channel_that_works_again_without_an_event_is_found_by_trying(tmp_path: Path) -> None:
    with opened(tmp_path, offerings=offerings(tmp_path, "#old-stuff"), PLATFORM_CHANNEL=PLATFORM) as office:
        numbers = [office.ask(office.ada, ORDERED) for _ in range(2)]
        for number in numbers:
            office.card(number, PLATFORM)
        office.workspace.channel("#old-stuff").archived = False
        probe(office)
        for number in numbers:
            office.card(number, "#old-stuff")


def test_a_channel_with_another_name_is_found_by_its_id_and_the_platform_hears_of_it(tmp_path: Path) -> None:
    with opened(tmp_path, PLATFORM_CHANNEL=PLATFORM) as office:
        number = office.ask(office.ada)
        office.card(number)
        office.told(office.ada, "See its card")  # it is known where the card stands
        administration.rename(office.workspace, "#data-platform", "data")
        told = office.until(lambda: next(iter(said(office, PLATFORM, "is called #data now")), None))
        assert "#data-platform is called #data now. Cards still go there" in told.text
        other = office.ask(office.ada, "/platform request postgres name=second size=small")
        office.press(office.grace, "approve", other, "#data")
        office.until(lambda: below(office, office.card(other, "#data"), "Approved by <@U01GRACE>"))
        assert said(office, PLATFORM, "cannot be shown") == []


def test_a_channel_with_another_id_keeps_its_cards(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        office.card(number)
        office.told(office.ada, "See its card")
        read(office, number, "/browse/DBA-1")
        administration.replace_id(office.workspace, "#data-platform", "C09MOVED")
        office.press(office.grace, "approve", number)
        assert read(office, number, "Approved by").channel == "C09MOVED"
        assert len(cards(office, number, "#data-platform")) == 1


def test_a_card_that_somebody_deleted_is_posted_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = office.ask(office.ada)
        first = office.card(number)
        office.told(office.ada, "asked for")
        office.workspace.remove_message(first)
        office.process.service.approve(office.process.service.person(office.grace.me.id), number)
        card = read(office, number, "Approved by")
        assert card.ts != first.ts
        office.until(lambda: below(office, office.card(number), "Approved by <@U01GRACE>"))
        assert len(cards(office, number, "#data-platform")) == 1


def test_what_a_handler_posts_goes_to_the_platforms_channel_where_its_own_is_gone(tmp_path: Path) -> None:
    folder = offerings(tmp_path, "#data-platform", announced="#nowhere")
    with opened(tmp_path, offerings=folder, PLATFORM_CHANNEL=PLATFORM) as office:
        number = office.ask(office.ada, ORDERED)
        office.press(office.grace, "approve", number)
        office.press(office.margaret, "complete", number)
        posted = office.until(lambda: next(iter(said(office, PLATFORM, "It is made.")), None))
        assert "(This belongs in #nowhere, where nothing can be said now.)" in posted.text


# People who have left


def test_nobody_writes_to_people_who_have_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, offerings=offerings(tmp_path, "#old-stuff")) as office:
        administration.deactivate(office.workspace, "linus")
        number = office.ask(office.ada, ORDERED)
        office.told(office.grace, f"{number} · Order")
        administration.deactivate(office.workspace, "ada")
        office.grace.click(
            card_of(office, office.grace, number).channel, card_of(office, office.grace, number).ts, "approve"
        )
        office.told(office.grace, "Approved by <@U01GRACE>")
        office.until(lambda: "U01ADA has left: nobody would read it." in caplog.text)
        assert everything(office.linus) == []
        assert [m.text for m in everything(office.ada) if "approved by" in m.text] == []


def test_a_request_that_nobody_is_left_to_approve_says_so_and_the_platform_hears_of_it(tmp_path: Path) -> None:
    with opened(tmp_path, PLATFORM_CHANNEL=PLATFORM) as office:
        number = office.ask(office.ada)
        assert "Nobody is left" not in text_of(office.card(number))
        administration.deactivate(office.workspace, "linus")
        administration.deactivate(office.workspace, "grace")
        read(office, number, "*Nobody is left who could approve this for <!subteam^S01DBA>*")
        told = office.until(lambda: next(iter(said(office, PLATFORM, "Nobody is left who could approve")), None))
        assert f"Nobody is left who could approve {number} for @dba" in told.text
        administration.regroup(office.workspace, "dba", "margaret")
        office.until(lambda: "Nobody is left" not in text_of(office.card(number)))
        office.press(office.margaret, "approve", number)
        assert "Nobody is left" not in text_of(read(office, number, "Approved by <@U01MARGARET>"))
        assert len(said(office, PLATFORM, "Nobody is left who could approve")) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # one thread dies, as it should
def test_a_worker_that_dies_while_it_looks_for_approvers_leaves_the_look_to_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = SlackSender._look_for_stuck

    def dies_first(sender: SlackSender, delivery: ClaimedDelivery) -> None:
        looked.append("a look")
        if len(looked) == 1:
            raise SystemExit
        look(sender, delivery)

    monkeypatch.setattr(SlackSender, "_look_for_stuck", dies_first)
    with opened(tmp_path, offerings=offerings(tmp_path, "#data-platform"), FRONTDESK_LEASE="2") as office:
        number = office.ask(office.ada, ORDERED)
        office.card(number)
        administration.regroup(office.workspace, "dba", "ada")
        read(office, number, "*Nobody is left who could approve this for <!subteam^S01DBA>*")
        assert len(looked) > 1


def test_slack_that_does_not_answer_keeps_the_look_for_approvers_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, offerings=offerings(tmp_path, "#data-platform")) as office:
        number = office.ask(office.ada, ORDERED)
        office.card(number)
        refusals = [Unavailable("Slack is down.")]
        stuck = Permissions.stuck

        def once(permissions: Permissions, record: RequestRecord) -> list[ApprovalRule]:
            if refusals:
                raise refusals.pop()
            return stuck(permissions, record)

        monkeypatch.setattr(Permissions, "stuck", once)
        administration.regroup(office.workspace, "dba", "ada")
        read(office, number, "*Nobody is left who could approve this for <!subteam^S01DBA>*")
        assert not refusals


def test_a_request_of_the_last_approver_says_that_nobody_is_left(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        administration.regroup(office.workspace, "dba", "grace")
        number = office.ask(office.grace)
        read(office, number, "*Nobody is left who could approve this")
