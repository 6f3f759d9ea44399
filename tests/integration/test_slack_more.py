"""What the story leaves out: rejections, edits, retries, two approvals, ends, lists; against the workspace."""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.store.database import utc_now
from tests.integration.clicks import click_old, fill_in, give_reason, read, start_over
from tests.integration.office import ROOT, Office, buttons, everything, opened, text_of
from tests.integration.receiver import Receiver, answer


@pytest.fixture(scope="module")
def open_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with opened(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def office(open_office: Office) -> Office:
    """One office for the whole file."""
    return start_over(open_office)


def fulfilled(office: Office, name: str) -> str:
    """A PostgreSQL that Ada has; its request's number."""
    number = office.ask(office.ada, f"/platform request postgres name={name}")
    office.press(office.grace, "approve", number)
    office.press(office.grace, "complete", number)
    fill_in(office, office.grace, host=f"{name}.example.com")
    office.told(office.ada, f"{number} · PostgreSQL*: ready")
    return number


def instance_of(office: Office, number: str) -> str:
    """The instance that a request made."""
    service = office.process.service
    return str(service.show(service.person(office.ada.me.id), number).instance)


def asked_for_access(office: Office, role: str = "reader", until: str = "2030-05-31") -> str:
    """Ada asks for Linus's access; the request's number."""
    ada = office.ada
    ada.type_command("#general", "/platform request access")
    office.until(ada.view)
    ada.fill({"/system": "billing", "/member": "@linus", "/role": role, "/until": until, "/reason": "Quarterly books"})
    ada.submit()
    view = ada.view()
    assert view is not None
    assert view.title.startswith("REQ-"), (view.errors, ada.notice())
    ada.close()
    return view.title


# Deciding


def test_a_rejection_asks_for_a_reason_that_the_requester_and_jira_read(office: Office) -> None:
    number = office.ask(office.ada)
    issue = office.jira.find(issue_key(office, number))
    assert issue is not None
    office.press(office.grace, "reject", number)
    give_reason(office, office.grace, "   ")
    assert "/reason" in office.grace.errors()
    give_reason(office, office.grace, "There is one already.")
    assert office.grace.view() is None
    assert buttons(read(office, number, "There is one already.")) == []
    office.told(office.ada, f"{number} · PostgreSQL*: rejected by <@U01GRACE>. There is one already.")
    office.until(lambda: issue.status.category == "done")
    assert any("There is one already." in comment.body for comment in issue.comments)


def issue_key(office: Office, number: str) -> str:
    """The key of the Jira issue of a request, from its card."""
    found = re.search(r"\|((?:DBA|ACCESS)-\d+)>", text_of(read(office, number, "/browse/")))
    assert found
    return found[1]


def test_somebody_who_may_not_decide_is_told_who_may_and_nobody_else_sees_it(office: Office) -> None:
    number = office.ask(office.ada)
    office.press(office.margaret, "approve", number)
    told = office.told(office.margaret, f"{number} is for @dba to decide. Ask one of them.")
    assert told.only_for == "U01MARGARET"
    assert buttons(office.card(number)) == ["approve", "reject"]


def test_nobody_decides_on_their_own_request(office: Office) -> None:
    number = office.ask(office.grace)
    office.press(office.grace, "approve", number)
    told = office.told(office.grace, f"You asked for {number} yourself")
    assert told.only_for == "U01GRACE"
    office.press(office.grace, "reject", number)
    office.until(
        lambda: len([m for m in everything(office.grace) if f"You asked for {number} yourself" in m.text]) == 2
    )
    assert office.grace.view() is None
    assert buttons(office.card(number)) == ["approve", "reject"]


def test_a_second_click_changes_nothing_and_says_so(office: Office) -> None:
    number = office.ask(office.ada)
    card = copy.deepcopy(office.card(number))
    threads = [threading.Thread(target=click_old, args=(office, office.grace, card, "approve")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    office.until(
        lambda: len([m for m in everything(office.grace) if number in m.text and "Nothing was" in m.text]) == 3
    )
    read(office, number, "Approved by <@U01GRACE>")
    record = office.process.service.show(office.process.service.person("U01ADA"), number)
    assert [event.name for event in record.events].count("approved") == 1
    assert len(record.decisions) == 1


def test_a_click_that_comes_too_late_is_told_what_has_happened(office: Office) -> None:
    number = office.ask(office.ada)
    old = copy.deepcopy(office.card(number))
    office.press(office.grace, "reject", number)
    give_reason(office, office.grace, "No.")
    click_old(office, office.linus, old, "approve")
    told = office.told(office.linus, f"{number} was rejected by Grace Hopper on")
    assert told.only_for == "U01LINUS"
    assert "Nothing was changed." in told.text


def test_a_rejection_that_comes_too_late_is_told_in_its_modal(office: Office) -> None:
    number = office.ask(office.ada)
    office.press(office.linus, "reject", number)
    office.until(office.linus.view)
    office.press(office.grace, "approve", number)
    read(office, number, "Approved by <@U01GRACE>")
    give_reason(office, office.linus, "Too many.")
    assert "Nothing was changed." in office.linus.errors()["/reason"]


def test_a_card_older_than_an_edit_is_not_decided_on(office: Office) -> None:
    ada, number = office.ada, office.ask(office.ada)
    old = copy.deepcopy(office.card(number))
    mine = office.told(ada, f"{number} · PostgreSQL*: asked for")
    ada.click(mine.channel, mine.ts, "edit")
    view = office.until(ada.view)
    assert view.values["/name"]["answer"]["value"] == "orders"
    ada.fill({"/name": "Not this"})
    ada.submit()
    assert "/name" in ada.errors()
    ada.fill({"/name": "invoices", "/size": "large"})
    ada.submit()
    assert ada.view() is None
    assert "invoices" in text_of(read(office, number, "large"))
    click_old(office, office.grace, old, "approve")
    told = office.told(office.grace, f"{number} was edited since you looked")
    assert told.only_for == "U01GRACE"
    assert buttons(office.card(number)) == ["approve", "reject"]
    office.press(office.grace, "approve", number)
    read(office, number, "Approved by <@U01GRACE>")
    click_old(office, ada, mine, "edit")
    office.told(ada, "Nothing was changed.")


def test_the_requester_withdraws_from_the_direct_message(office: Office) -> None:
    ada, number = office.ada, office.ask(office.ada)
    old = copy.deepcopy(office.card(number))
    mine = office.told(ada, f"{number} · PostgreSQL*: asked for")
    assert buttons(mine) == ["edit", "withdraw"]
    ada.click(mine.channel, mine.ts, "withdraw")
    assert buttons(read(office, number, "Withdrawn")) == []
    office.told(ada, f"{number} · PostgreSQL*: withdrawn by <@U01ADA>")
    ada.click(mine.channel, mine.ts, "withdraw")
    office.told(ada, f"{number} was withdrawn by Ada Lovelace on")
    click_old(office, office.grace, old, "reject")
    assert office.told(office.grace, f"{number} was withdrawn").only_for == "U01GRACE"


def test_an_admin_needs_two_different_people(office: Office) -> None:
    number = asked_for_access(office, role="admin")
    office.press(office.grace, "approve", number, "#access")
    assert "Approved so far by <@U01GRACE>" in text_of(read(office, number, "so far", "#access"))
    office.until(
        lambda: any("More approvals are needed" in m.text for m in office.grace.sees("#access") if m.thread_ts)
    )
    office.press(office.grace, "approve", number, "#access")
    assert office.told(office.grace, f"You have approved {number} already").only_for == "U01GRACE"
    office.press(office.margaret, "approve", number, "#access")
    shown = text_of(read(office, number, "To do for", "#access"))
    assert "Add " in shown
    assert "<@U01GRACE>" in shown
    assert "<@U01MARGARET>" in shown


# Doing


def test_what_cannot_be_done_fails_with_its_reason_and_is_tried_again_from_there(office: Office) -> None:
    number = office.ask(office.ada)
    office.press(office.grace, "approve", number)
    office.press(office.ada, "complete", number)
    assert office.told(office.ada, f"database of {number} is for @data-platform to do.").only_for == "U01ADA"
    office.press(office.margaret, "refuse", number)
    give_reason(office, office.margaret, "The cluster is full.")
    failed = read(office, number, "The cluster is full.")
    assert buttons(failed)[0] == "retry"
    office.told(office.ada, f"{number} · PostgreSQL*: it could not be finished yet")
    issues = len(office.jira.issues)
    office.press(office.ada, "retry", number)
    assert office.told(office.ada, f"{number} is looked after by @data-platform").only_for == "U01ADA"
    office.press(office.grace, "retry", number)
    office.press(office.grace, "complete", number)
    fill_in(office, office.grace, host="db9.example.com")
    office.told(office.ada, f"{number} · PostgreSQL*: ready")
    assert len(office.jira.issues) == issues, "only the failed step ran again"


def test_a_report_without_what_was_promised_is_told_beside_its_field(office: Office) -> None:
    number = office.ask(office.ada)
    office.press(office.grace, "approve", number)
    office.press(office.grace, "complete", number)
    office.until(office.grace.view)
    office.grace.submit()
    assert "/host" in office.grace.errors()
    office.grace.fill({"/host": "db1", "/port": "99999"})
    office.grace.submit()
    assert "/port" in office.grace.errors()


def test_a_task_is_done_once_whoever_presses_first(office: Office) -> None:
    number = office.ask(office.ada)
    office.press(office.grace, "approve", number)
    office.press(office.grace, "complete", number)
    office.until(office.grace.view)
    office.press(office.margaret, "complete", number)
    fill_in(office, office.margaret, host="first.example.com")
    office.grace.fill({"/host": "second.example.com"})
    office.grace.submit()
    assert "database of" in " ".join(office.grace.errors().values())
    told = office.told(office.ada, f"{number} · PostgreSQL*: ready")
    assert "`first.example.com`" in told.text


# What people have


def test_an_instance_is_deleted_from_the_list_and_taken_back(office: Office) -> None:
    ada, made = office.ada, fulfilled(office, "gone")
    instance = instance_of(office, made)
    ada.type_command("#general", "/platform list")
    listed = office.told(ada, f"*{instance}* · PostgreSQL · ready")
    assert listed.only_for == ada.me.id
    ada.click("#general", listed.ts, "delete", f"{instance}||")
    told = office.told(ada, f"asks for the end of {instance}. It waits for <!subteam^S01DBA>")
    number = told.text.split(" ")[0]
    ada.click("#general", listed.ts, "delete", f"{instance}||")
    office.told(ada, f"{number} about the same instance is open.")
    office.press(office.grace, "approve", number)
    shown = read(office, number, "To do for")
    assert "End of PostgreSQL" in text_of(shown)
    assert "Take this back: Create gone" in text_of(shown)
    office.press(office.grace, "complete", number)
    office.told(ada, f"{number} · End of PostgreSQL*: {instance} is gone.")
    ada.type_command("#general", "/platform list")
    office.until(lambda: len([m for m in everything(ada) if m.text.startswith("You have")]) == 2)
    latest = [m for m in everything(ada) if m.text.startswith("You have")][-1]
    assert f"*{instance}* · PostgreSQL · ready" not in text_of(latest)


def test_what_ends_at_its_date_is_taken_back_without_asking_anybody(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        number = asked_for_access(office, until="2030-05-31")
        office.press(office.margaret, "approve", number, "#access")
        office.press(office.margaret, "complete", number, "#access")
        office.told(office.ada, f"{number} · Access to a system*: ready")
        assert office.process.service.sweep() == []
        office.process.database._clock = lambda: utc_now() + timedelta(days=3650)
        office.workspace.clock = office.process.database._clock().timestamp  # Slack signs by the same time
        assert office.process.service.sweep() == ["expiry INS-1"]
        assert office.process.service.sweep() == [], "one request for each end"
        shown = text_of(read(office, "REQ-2", "To do for", "#access"))
        assert "Remove linus@example.com from billing" in shown
        assert "Its time was over on 2030-0" in shown
        office.press(office.margaret, "complete", "REQ-2", "#access")
        office.told(office.ada, "REQ-2 · End of Access to a system*: INS-1 is gone.")


def test_waiting_shows_what_waits_with_buttons_that_work(office: Office) -> None:
    grace, number = office.grace, office.ask(office.ada)
    grace.type_command("#general", "/platform waiting")
    shown = office.told(grace, f"*{number}* · PostgreSQL · asked for by <@U01ADA>")
    assert shown.only_for == grace.me.id
    value = f"{number}|1|"
    grace.click("#general", shown.ts, "approve", value)
    office.told(grace, f"You approved {number}.")
    read(office, number, "Approved by <@U01GRACE>")


def test_show_tells_the_whole_story_to_those_who_may_read_it(office: Office) -> None:
    number = fulfilled(office, "shown")
    office.ada.type_command("#general", f"/platform show {number}")
    told = text_of(office.told(office.ada, "*Name*\nshown"))
    for words in ("shown", "approved", "finished it", "`shown.example.com`", "A ticket keeps track of it", "is ready"):
        assert words in told
    office.linus.type_command("#general", f"/platform show {number.lower()}")
    assert office.told(office.linus, "*Name*\nshown").only_for == "U01LINUS"


def test_a_long_story_has_pages_and_nothing_of_it_is_lost(office: Office) -> None:
    number = office.ask(office.ada)
    reason = " ".join(f"because{each}" for each in range(280))
    assert len(reason) < 3000
    for _ in range(8):
        grace = office.process.service.person(office.grace.me.id)
        ada = office.process.service.person(office.ada.me.id)
        office.process.service.approve(grace, number, reason=reason)
        record = office.process.service.show(ada, number)
        if record.state != "awaiting_approval":
            break
    office.process.service.cancel(ada, number, reason=reason)
    office.ada.type_command("#general", f"/platform show {number}")
    first = office.told(office.ada, "Page 1 of 2")
    assert buttons(first)[-1:] == ["story_more"]
    office.ada.click("#general", first.ts, "story_more")
    last = office.told(office.ada, "Page 2 of 2")
    assert buttons(last) == ["story_back"]
    assert last.only_for == office.ada.me.id
    both = text_of(first) + text_of(last)
    assert [each for each in range(280) if f"because{each}" not in both] == []


def test_help_says_what_the_command_knows(office: Office) -> None:
    office.linus.type_command("#general", "/platform help")
    told = office.told(office.linus, "*/platform waiting*").text
    assert all(f"/platform {verb}" in told for verb in ("request", "list", "show", "help"))


def test_somebody_with_nothing_is_told_so(office: Office) -> None:
    office.linus.type_command("#general", "/platform list")
    office.told(office.linus, "You have nothing yet. /platform shows what you can ask for.")


def test_a_value_that_cannot_be_used_is_named_above_its_field_and_shown_there(office: Office) -> None:
    office.ada.type_command("#general", '/platform request postgres name="Orders DB" size=huge')
    view = office.until(office.ada.view)
    at = {block.get("block_id"): number for number, block in enumerate(view.blocks)}
    assert "Name: Does not match the pattern" in json.dumps(view.blocks[at["/name"] - 1])
    assert view.values["/name"]["answer"]["value"] == "Orders DB"
    assert "got “huge”" in json.dumps(view.blocks[at["/size"] - 1], ensure_ascii=False)
    assert view.values["/size"]["answer"]["selected_option"] is None
    office.ada.fill({"/name": "orders-db", "/size": "small"})
    office.ada.submit()
    confirmation = office.ada.view()
    assert confirmation is not None
    assert confirmation.title.startswith("REQ-")


# The promise of the whole project


def automated(folder: Path, url: str) -> Path:
    """The offerings, with a call in the place of postgres's task; nothing else is different."""
    folder.mkdir()
    for path in (ROOT / "offerings").glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    source = (folder / "postgres.py").read_text()
    before, task = source.split("    return manual.Task(")
    assert task.rstrip().endswith(")")
    call = f'    return webhook.Call(url="{url}", body=request.form.model_dump(), outputs=Connection)\n'
    source = before.replace("import jira, manual", "import jira, webhook") + call
    (folder / "postgres.py").write_text(source.replace("manual.Task[Connection]", "webhook.Call[Connection]"))
    return folder


def what_ada_gets(office: Office, finish: Callable[[Office], None]) -> dict[str, str]:
    """The contract, and every byte that reaches the requester of one whole request; the card's address left out.

    `finish`: somebody, or something, does the work, once she has read that it is under way.
    """
    ada, workspace = office.ada, office.workspace
    ada.type_command("#general", "/platform")
    office.until(ada.view)
    ada.fill({"offering": "PostgreSQL"})
    ada.submit()
    ada.fill({"/name": "orders"})
    ada.submit()
    ada.close()
    office.told(ada, "REQ-1 · PostgreSQL*: asked for")  # with buttons, as long as it waits
    office.press(office.grace, "approve", "REQ-1")
    office.told(ada, "REQ-1 · PostgreSQL*: approved by")
    finish(office)
    office.told(ada, "REQ-1 · PostgreSQL*: ready")
    ada.type_command("#general", "/platform list")
    listed = office.told(ada, "*INS-1* · PostgreSQL · ready")
    offering = office.process.service.offering("postgres")
    parts = {
        "contract": [offering.contract.form, offering.contract.outputs, offering.version, offering.title],
        "catalogue": workspace.calls("views.open")[0].arguments["view"],
        "form, confirmation": [
            d.answer for d in workspace.deliveries("view_submission") if d.payload["user"]["id"] == ada.me.id
        ],
        # All that she reads: `metadata` is our own mark, by which a message is found again.
        "messages": [
            {name: value for name, value in call.arguments.items() if name != "metadata"}
            for call in workspace.calls("chat.postMessage")
            if call.arguments["channel"] == ada.me.id
        ],
        "list": [listed.text, *(block["text"] for block in listed.blocks if "text" in block)],
    }
    passing = r"https?://[^|>\"]*|!date[^>]*"
    return {name: re.sub(passing, "ADDRESS OR TIME", json.dumps(part)) for name, part in parts.items()}


def test_whether_a_person_or_a_system_does_it_is_seen_by_nobody_who_asks(tmp_path: Path) -> None:
    def by_grace(office: Office) -> None:
        office.press(office.grace, "complete", "REQ-1")
        fill_in(office, office.grace, host="orders.example.com")

    def held(_caller: object) -> None:
        go_on.wait(20)

    with opened(tmp_path / "manual") as office:
        by_hand = what_ada_gets(office, by_grace)
    receiver, go_on = Receiver(), threading.Event()
    made = answer(201, {"host": "orders.example.com", "port": 5432})
    url = receiver.script("/databases", replace(made, before=held))
    folder = automated(tmp_path / "offerings", url)
    with receiver.running(), opened(tmp_path / "automated", offerings=folder) as office:
        by_machine = what_ada_gets(office, lambda _: go_on.set())
    assert [arrival.body for arrival in receiver.arrivals] == [{"name": "orders", "size": "small"}]
    moment = re.compile(r"<!date[^>]*>")  # the two were asked for at different moments
    assert {k: moment.sub("", str(v)) for k, v in by_machine.items()} == {
        k: moment.sub("", str(v)) for k, v in by_hand.items()
    }
    assert by_hand["messages"].count('"channel"') == 3
    assert by_hand["form, confirmation"].count("response_action") == 2


def test_an_instance_from_before_is_deleted_the_way_it_was_made(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        fulfilled(office, "before")
    receiver = Receiver()
    url = receiver.script("/databases", answer(201, {"host": "orders.example.com", "port": 5432}))
    folder = automated(tmp_path / "offerings", url)
    with receiver.running(), opened(tmp_path, offerings=folder) as office:
        ada = office.ada
        ada.type_command("#general", "/platform list")
        listed = office.told(ada, "*INS-1* · PostgreSQL · ready")
        ada.click("#general", listed.ts, "delete")
        office.press(office.grace, "approve", "REQ-2")
        assert "Take this back: Create before, small" in text_of(read(office, "REQ-2", "To do for"))
        office.press(office.grace, "complete", "REQ-2")
        office.told(ada, "REQ-2 · End of PostgreSQL*: INS-1 is gone.")
    assert receiver.arrivals == []
