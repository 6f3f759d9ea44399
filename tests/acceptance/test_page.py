"""The workspace's page in a real browser, with a small bot behind it over signed HTTP: what each person reads and does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.demo.page import routes as page_of
from bot.demo.server import serve
from bot.demo.slack.entities import Message
from bot.demo.slack.workspace import Workspace
from tests.acceptance import page_bot

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser: {CHROMIUM} is missing")
expect: Any = playwright.expect
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Ada, Grace and Linus, three channels, the bot, and the page on a port of its own."""
    workspace = Workspace(patience=1.0)
    for handle, name in (("ada", "Ada Lovelace"), ("grace", "Grace Hopper"), ("linus", "Linus")):
        workspace.add_person(handle, name, f"{handle}@example.com").tz = "Etc/UTC"
    workspace.add_group("dba", "Database administrators", ["grace", "linus"])
    for name in ("general", "data-platform", "random"):
        workspace.add_channel(name, ["ada", "grace", "linus"])
    with serve(workspace, page_of.routes(workspace, suggestions=("/order", "/say hello"))):
        app = page_bot.build(workspace)
        workspace.channel("data-platform").members.append(next(iter(workspace.apps.values())).user_id)
        with page_bot.serve(workspace, app):
            yield workspace


@pytest.fixture
def enter(browser: Any, workspace: Workspace) -> Iterator[Open]:
    """Opens the page as somebody, somewhere; at the end nothing may have gone wrong in any window."""
    windows: list[Any] = []
    trouble: list[str] = []

    def opened(who: str, where: str = "general") -> Any:
        # Each in a context of its own: a browser slows down a window that is behind another.
        window = browser.new_page(viewport={"width": 1360, "height": 820})
        windows.append(window)
        window.set_default_timeout(5000)
        window.on("pageerror", lambda error: trouble.append(str(error)))
        window.on("console", lambda line: trouble.append(line.text) if line.type in {"error", "warning"} else None)
        window.goto(f"{workspace.base_url}/as/{who}/{where}")
        return window

    yield opened
    for window in windows:
        window.close()
    assert trouble == []


def write(window: Any, text: str) -> None:
    window.get_by_label("Message", exact=True).fill(text)
    window.keyboard.press("Enter")


def order(window: Any, name: str) -> Any:
    """Opens the modal and fills in what is required."""
    write(window, "/order")
    modal = window.get_by_role("dialog", name="Order a database")
    modal.get_by_label("Name").fill(name)
    modal.get_by_label("Size").click()
    window.get_by_role("option", name="Medium").click()
    modal.get_by_label("Region").click()
    window.keyboard.type("region-33")
    expect(window.get_by_role("option")).to_have_count(1)
    window.keyboard.press("Enter")
    modal.get_by_label("Production").check()
    return modal


def card(workspace: Workspace) -> tuple[WebClient, Message]:
    """A card that waits for a decision."""
    app = next(iter(workspace.apps.values()))
    client = WebClient(app.bot_token, base_url=workspace.base_url + "/api/")
    client.chat_postMessage(channel="#data-platform", text="orders was asked for", blocks=page_bot.card("orders"))
    return client, workspace.messages("data-platform")[-1]


def test_a_request_goes_from_a_command_through_errors_to_a_card_that_somebody_else_approves(enter: Open) -> None:
    ada, grace = enter("ada"), enter("grace", "data-platform")
    modal = order(ada, "Orders")
    modal.get_by_role("button", name="Submit").click()

    name = modal.get_by_label("Name")
    expect(modal.get_by_text("Lower case only, please.")).to_be_visible()
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description("Lower case only, please. Lower case, no spaces")
    expect(name).to_have_value("Orders")
    expect(modal.get_by_label("Size")).to_have_value("Medium")
    expect(modal.get_by_label("Region")).to_have_value("region-33")
    expect(modal.get_by_label("Production")).to_be_checked()

    name.fill("orders")
    ada.keyboard.press("Enter")
    expect(modal).to_be_hidden()
    expect(ada.get_by_text("Only visible to you")).to_be_visible()
    expect(ada.get_by_text("Asked for orders.")).to_be_visible()

    grace.get_by_role("button", name="Approve").click()
    expect(grace.get_by_text("Approved by @Grace Hopper")).to_be_visible()
    expect(grace.get_by_role("button", name="Approve")).to_have_count(0)
    grace.get_by_role("link", name="1 reply").click()
    thread = grace.get_by_role("complementary", name="Thread")
    expect(thread.get_by_text("The database is being made.")).to_be_visible()
    expect(thread.get_by_role("textbox", name="Reply")).to_be_focused()
    grace.keyboard.type("Thank you")
    grace.keyboard.press("Enter")
    expect(thread.get_by_role("article").filter(has_text="Thank you")).to_be_visible()
    expect(grace.get_by_role("link", name="2 replies")).to_be_visible()

    ada.get_by_role("link", name="Helper").click()
    ada.get_by_role("link", name="card").click()
    expect(ada.locator(".message.linked")).to_contain_text("PostgreSQL orders")
    expect(ada).to_have_title("data-platform · Ada Lovelace · Frontdesk")


def test_a_slash_shows_the_commands_and_tab_completes_one(enter: Open) -> None:
    ada = enter("ada")
    field = ada.get_by_label("Message", exact=True)
    expect(field).to_be_focused()
    ada.keyboard.type("/or")
    hints = ada.get_by_role("listbox", name="Commands")
    expect(hints.get_by_role("option")).to_have_count(1)
    expect(hints).to_contain_text("NAME")
    ada.keyboard.press("Tab")
    expect(field).to_have_value("/order ")
    ada.keyboard.press("Escape")
    expect(hints).to_be_hidden()


def test_a_command_worth_typing_is_put_into_the_message_field(enter: Open) -> None:
    ada = enter("ada")
    expect(ada.get_by_text("Nothing leaves this machine.")).to_be_visible()
    ada.get_by_role("button", name="/say hello").click()
    ada.keyboard.press("Enter")
    expect(ada.get_by_text("You said hello.")).to_be_visible()


def test_a_modal_takes_the_focus_and_escape_closes_it_and_gives_the_focus_back(
    enter: Open, workspace: Workspace
) -> None:
    ada = enter("ada")
    write(ada, "/order")
    modal = ada.get_by_role("dialog", name="Order a database")
    expect(modal.get_by_label("Name")).to_be_focused()
    modal.get_by_label("Size").click()
    ada.keyboard.press("Escape")
    expect(ada.get_by_role("listbox")).to_have_count(0)
    expect(modal).to_be_visible()
    ada.keyboard.press("Escape")
    expect(modal).to_be_hidden()
    expect(ada.get_by_label("Message", exact=True)).to_be_focused()
    assert workspace.person("ada").views() == []


def test_several_people_are_chosen_and_taken_back_with_the_keyboard(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    write(ada, "/order")
    owners = ada.get_by_label("Owners")
    owners.focus()
    for name in ("gra", "lin"):
        ada.keyboard.type(name)
        ada.keyboard.press("Enter")
        expect(owners).to_have_value("")
    expect(ada.get_by_role("button", name="Remove Linus")).to_be_visible()
    ada.keyboard.press("Backspace")
    expect(ada.get_by_role("button", name="Remove Linus")).to_have_count(0)
    view = workspace.person("ada").view()
    assert view is not None
    assert view.values["owners"]["owners"]["selected_users"] == [workspace.find_person("grace").id]


def test_nothing_typed_is_lost_when_news_arrive_or_the_app_updates_the_modal(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    ada.get_by_label("Message", exact=True).fill("half a sent")
    workspace.person("grace").say("#general", "Good morning")
    expect(ada.get_by_text("Good morning")).to_be_visible()
    expect(ada.get_by_label("Message", exact=True)).to_have_value("half a sent")

    write(ada, "/order")
    name = ada.get_by_label("Name")
    expect(name).to_be_focused()
    ada.keyboard.type("ord")
    view = workspace.person("ada").view()
    assert view is not None
    app = next(iter(workspace.apps.values()))
    client = WebClient(app.bot_token, base_url=workspace.base_url + "/api/")
    client.views_update(view_id=view.id, view=page_bot.form("Order quickly"))
    expect(ada.get_by_role("dialog", name="Order quickly")).to_be_visible()
    expect(name).to_be_focused()
    ada.keyboard.type("ers")
    expect(name).to_have_value("orders")


def test_what_goes_wrong_is_said_where_it_happened(enter: Open) -> None:
    ada = enter("ada")
    write(ada, "/slow")
    expect(ada.get_by_role("alert")).to_contain_text('/slow failed with the error "operation_timeout"')
    ada.get_by_role("button", name="Dismiss").click()
    expect(ada.get_by_role("alert")).to_be_empty()
    write(ada, "/unknown")
    expect(ada.get_by_role("alert")).to_contain_text("/unknown is not a valid command.")

    modal = order(ada, "broken")
    modal.get_by_role("button", name="Submit").click()
    expect(modal.get_by_role("alert")).to_contain_text("We had some trouble connecting. Try again?")
    expect(modal.get_by_label("Name")).to_have_value("broken")


def test_a_dangerous_button_asks_first(enter: Open, workspace: Workspace) -> None:
    card(workspace)
    grace = enter("grace", "data-platform")
    grace.get_by_role("button", name="Reject").click()
    asked = grace.get_by_role("dialog", name="Reject this?")
    expect(asked.get_by_role("button", name="Keep")).to_be_focused()
    grace.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    assert workspace.deliveries("block_actions") == []
    grace.get_by_role("button", name="Reject").click()
    asked.get_by_role("button", name="Reject").click()
    expect(grace.get_by_text("Rejected")).to_be_visible()


def test_a_menu_of_more_actions_is_answered_to_that_person_only(enter: Open, workspace: Workspace) -> None:
    card(workspace)
    grace, ada = enter("grace", "data-platform"), enter("ada", "data-platform")
    grace.get_by_label("More actions").click()
    grace.get_by_role("button", name="Withdraw").click()
    expect(grace.get_by_text("You chose withdraw.")).to_be_visible()
    expect(ada.get_by_role("button", name="Approve")).to_be_visible()
    expect(ada.get_by_text("You chose withdraw.")).to_have_count(0)


def test_what_is_new_is_marked_until_it_is_read(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    card(workspace)
    room = ada.get_by_role("link", name="data-platform 1 unread")
    expect(room).to_be_visible()
    expect(ada.get_by_role("link", name="Grace 1 unread")).to_be_visible()
    room.click()
    expect(ada.get_by_role("link", name="data-platform", exact=True)).to_be_visible()


def test_commands_do_not_work_in_threads(enter: Open, workspace: Workspace) -> None:
    _, posted = card(workspace)
    ada = enter("ada", f"data-platform?thread={posted.ts}")
    ada.get_by_role("textbox", name="Reply").fill("/order")
    ada.keyboard.press("Enter")
    expect(ada.get_by_role("alert")).to_contain_text("/order is not supported in threads.")
    assert workspace.deliveries() == []


def test_what_people_write_is_text_and_mentions_are_names(enter: Open) -> None:
    ada = enter("ada")
    attack = "<img src=x onerror=alert(1)> <script>alert(2)</script> & <!channel>"
    write(ada, attack)
    expect(ada.get_by_role("log").get_by_text(attack)).to_be_visible()
    write(ada, "@grace and @dba in #random at https://example.com/a?b=1&c=2 now")
    said = ada.get_by_role("article").last
    expect(said).to_contain_text("@Grace Hopper and @dba in #random at https://example.com/a?b=1&c=2 now")
    expect(said.get_by_role("link", name="https://example.com")).to_have_attribute(
        "href", "https://example.com/a?b=1&c=2"
    )


def test_every_kind_of_block_is_drawn(enter: Open, workspace: Workspace) -> None:
    app = next(iter(workspace.apps.values()))
    client = WebClient(app.bot_token, base_url=workspace.base_url + "/api/")
    client.chat_postMessage(channel="#data-platform", text="everything", blocks=page_bot.sampler())
    ada = enter("ada", "data-platform")
    drawn = ada.get_by_role("article")
    for text in ("Everything", "in small", "a picture", "rich bold", "listed", "Price", "A title", "first"):
        expect(drawn.get_by_text(text, exact=True).first).to_be_visible()
    expect(drawn.get_by_role("heading", name="From Markdown")).to_be_visible()
    expect(drawn.get_by_label("Pick a person")).to_have_role("combobox")
    expect(drawn.locator("input[type=date]")).to_have_value("2026-11-30")
    expect(drawn.locator("input[type=time]")).to_have_value("14:05")
    expect(drawn.locator("input[type=datetime-local]")).to_have_value("2026-09-21T14:14")
    expect(drawn.locator(".unknown")).to_have_count(0)
    drawn.get_by_label("Pick a channel").click()
    ada.get_by_role("option", name="#random").click()
    sent = workspace.until(lambda: workspace.deliveries("block_actions"))
    assert sent[0].payload["actions"][0]["selected_channel"] == workspace.channel("random").id


def test_a_modal_upon_a_modal_goes_back_with_what_was_typed(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    write(ada, "/more")
    first = ada.get_by_role("dialog", name="First")
    first.get_by_label("Note").fill("kept")
    first.get_by_role("button", name="Further").click()
    second = ada.get_by_role("dialog", name="Second")
    second.get_by_label("Kind").click()
    ada.get_by_role("option", name="Two").click()
    expect(second.get_by_text("You chose two.")).to_be_visible()
    ada.keyboard.press("Escape")
    expect(first.get_by_label("Note")).to_have_value("kept")
    first.get_by_role("button", name="Further").click()
    expect(second).to_be_visible()
    second.get_by_role("button", name="Close", exact=True).click()
    expect(ada.get_by_role("dialog")).to_have_count(0)

    write(ada, "/more")
    first.get_by_role("button", name="Further").click()
    expect(second).to_be_visible()
    ada.keyboard.press("Escape")
    expect(first).to_be_visible()
    ada.keyboard.press("Escape")
    expect(ada.get_by_role("dialog")).to_have_count(0)
    assert workspace.person("ada").views() == []


class Held:
    """Holds back what a window's person does first; what they do after that goes on, if it goes out at all."""

    def __init__(self, window: Any) -> None:
        self.window = window
        self.first: list[Any] = []
        self.overtaking: list[str] = []
        window.route("**/as/**", self._sent)

    def _sent(self, route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
        elif not self.first:
            self.first.append(route)
        else:
            self.overtaking.append(route.request.url)
            route.continue_()

    def let_go(self) -> None:
        """Let it go on, after what would overtake it had the time to."""
        self.window.wait_for_timeout(500)
        overtook = list(self.overtaking)
        self.first[0].continue_()
        assert overtook == []


def test_a_button_of_a_window_waits_for_what_was_entered_before_and_is_pressed_once(
    enter: Open, workspace: Workspace
) -> None:
    ada = enter("ada")
    write(ada, "/more")
    first = ada.get_by_role("dialog", name="First")
    held = Held(ada)
    first.get_by_label("Note").fill("kept")
    first.get_by_role("button", name="Further").dblclick()
    held.let_go()
    expect(ada.get_by_role("dialog", name="Second")).to_be_visible()
    expect(ada.get_by_role("alert")).to_be_empty()
    (pressed,) = workspace.deliveries("block_actions")
    assert pressed.payload["view"]["state"]["values"]["note"]["note"]["value"] == "kept"


def test_a_window_is_sent_once_and_after_a_file_that_is_still_on_its_way(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    modal = order(ada, "orders")
    held = Held(ada)
    modal.get_by_label("Drawing").set_input_files({"name": "north.pdf", "mimeType": "application/pdf", "buffer": b"%"})
    modal.get_by_role("button", name="Submit").dblclick()
    held.let_go()
    expect(modal).to_be_hidden()
    expect(ada.get_by_role("alert")).to_be_empty()
    (sent,) = workspace.deliveries("view_submission")
    assert [file["name"] for file in sent.payload["view"]["state"]["values"]["drawing"]["drawing"]["files"]] == [
        "north.pdf"
    ]


def test_a_window_closes_after_what_was_entered_in_it(enter: Open) -> None:
    ada = enter("ada")
    write(ada, "/more")
    first = ada.get_by_role("dialog", name="First")
    held = Held(ada)
    first.get_by_label("Note").fill("in vain")
    first.get_by_role("button", name="Close").last.click()
    held.let_go()
    expect(first).to_be_hidden()
    expect(ada.get_by_role("alert")).to_be_empty()


def test_an_answer_that_comes_late_takes_no_news_away(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    late: list[tuple[Any, Any]] = []
    ada.route("**/say", lambda route: late.append((route, route.fetch())))
    ended = "event => { window.ended ||= event.detail.ctx.request.action.endsWith('/say'); }"
    ada.evaluate(f"document.addEventListener('htmx:finally:request', {ended})")
    write(ada, "/say hello")
    expect(ada.get_by_text("You said hello.")).to_be_visible()
    workspace.person("grace").say("#general", "Good morning")
    expect(ada.get_by_text("Good morning")).to_be_visible()
    ((route, answer),) = late
    route.fulfill(response=answer)
    ada.wait_for_function("window.ended")
    expect(ada.get_by_text("Good morning")).to_be_visible()


def test_the_apps_home_is_drawn_and_its_buttons_work(enter: Open, workspace: Workspace) -> None:
    ada = enter("ada")
    ada.get_by_role("link", name="Helper").click()
    ada.get_by_role("link", name="Home").click()
    ada.get_by_role("button", name="Count").click()
    expect(ada.get_by_text("Counted: 1")).to_be_visible()
    ada.get_by_role("button", name="Count").click()
    expect(ada.get_by_text("Counted: 2")).to_be_visible()


def test_a_narrow_window_keeps_the_channels_behind_a_button(enter: Open) -> None:
    ada = enter("ada")
    ada.set_viewport_size({"width": 420, "height": 760})
    rooms = ada.get_by_role("navigation", name="Channels and direct messages")
    expect(rooms).to_be_hidden()
    ada.get_by_role("button", name="Channels").click()
    rooms.get_by_role("link", name="random").click()
    expect(ada.get_by_role("heading", name="random").first).to_be_visible()
