"""How a form is handed in, or left: submitted, reviewed, checked, closed. Thin."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import contract
from bot.contract import maps
from bot.errors import Invalid, Problem, Refused, Unavailable
from bot.offering import Offering
from bot.slack import views
from bot.slack.errors import bug
from bot.slack.files import SlackFiles
from bot.slack.forms import contents, patience, reviews
from bot.slack.forms.about import About
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from bot.slack.forms.windows import Window
from bot.slack.interaction import Interaction
from bot.slack.messages import Message
from bot.slack.outgoing import checked_view
from bot.slack.rules import sizes
from bot.slack.text import escape
from bot.slack.words import Words

log = logging.getLogger(__name__)

JSON = dict[str, Any]
#: Makes something of the answers, and ends their draft in the same transaction: a crash leaves one of the two.
HandIn = Callable[[JSON, str], JSON | None]


def submitted(interaction: Interaction, hand_in: HandIn) -> JSON | None:
    """Hand in all of the answers; what is refused stands beside its field, on the page where that is."""
    window = Window(interaction)
    if window.about.checking:  # submitted once more meanwhile: the first one counts
        return {"response_action": "update", "view": checked_view(reviews.checking(window.kept()))}
    sheet = window.sheet()
    if sheet.filled.unread:
        return _refused(window, sheet, _wrong(sheet.filled))
    offering = _offering(window)
    reviewed = offering if offering and offering.review and not window.about.review else None

    def go_on() -> JSON | None:
        return _review(window, sheet, reviewed) if reviewed else _handed_in(window, sheet, hand_in)

    try:
        return _soon(window, go_on) if _looks_up(sheet.filled, offering) else go_on()
    except Invalid as invalid:
        return _refused(window, sheet, invalid.problems)
    except Unavailable as unavailable:
        if not window.about.review:
            raise
        return _refused(window, sheet, [Problem("", str(unavailable))])


def _looks_up(filled: Filled, offering: Offering[Any] | None) -> bool:
    """Whether handing it in asks other systems, which may take a while."""
    return bool((offering and offering.options) or contents.chosen(filled.schema, filled.answers))


def _offering(window: Window) -> Offering[Any] | None:
    """What is asked for; None for what a step asks."""
    about = window.about
    return None if about.step else window.interaction.service.offering(about.offering, about.version)


def _answers(window: Window, filled: Filled) -> JSON:
    """All of the answers, with the files among them known as this person's or read. Raises Invalid, Unavailable."""
    interaction = window.interaction
    interaction.service.attach(interaction.person, filled.schema, filled.answers)
    source = SlackFiles(interaction.args.client)
    return contents.taken_in(filled.schema, filled.answers, lambda file: source.read(file, interaction.user))


def _handed_in(window: Window, sheet: Sheet, hand_in: HandIn) -> JSON | None:
    return hand_in(_answers(window, sheet.filled), window.form.name)


def _review(window: Window, sheet: Sheet, offering: Offering[Any]) -> JSON:
    """Show once more what would be asked for, if it is valid."""
    interaction = window.interaction
    answers = _answers(window, sheet.filled)
    found = interaction.service.review(interaction.person, offering, answers, window.about.number)
    words = Words(offering, interaction.directory.remembered_mention)
    kept = window.keep(go=lambda kept: replace(kept.about, review=True))
    view = reviews.review(sheet.filled, kept, found, words)
    return {"response_action": "update", "view": checked_view(view)}


def _soon(window: Window, go_on: Callable[[], JSON | None]) -> JSON | None:
    """Its answer; where it takes longer than Slack waits, the window says so now, and shows the answer later.

    What was entered is kept before anything begins: whenever the process ends, it is a draft or handed in, never both.
    """
    kept = window.keep()
    under_way = patience.begun(go_on)
    try:
        return patience.soon(under_way)
    except patience.TakesLonger:
        window.note(replace(kept.about, checking=True))
        patience.later(under_way, lambda done: _late(window, done))
        return {"response_action": "update", "view": checked_view(reviews.checking(kept))}


def _late(window: Window, done: "Future[JSON | None]") -> None:
    """Show what came of it; tell it where the window is closed or cannot be brought up to date."""
    wrong = ""
    try:
        view = (done.result() or {}).get("view") or views.message("Done", "What you have changed is in.")
    except Refused as refused:
        problems = refused.problems if isinstance(refused, Invalid) else [Problem("", str(refused))]
        view, wrong = _again_with(window, problems), " ".join(each.detail for each in problems)
    except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
        wrong = bug(error)
        view = _again_with(window, [Problem("", wrong)])
    title = escape(window.form.title)
    told = f"*{title}* was not sent. {escape(wrong)} What you had entered is kept: ask again." if wrong else ""
    try:
        if window.interaction.update(view, window.view["id"]):
            return
    except (Unavailable, SlackApiError) as error:
        log.warning("a window still says that it checks: %s", error)
        told = told or f"*{title}* was sent. Its window could not be told so: please close it."
    if told:
        window.interaction.tell(Message(told))


def _again_with(window: Window, problems: Sequence[Problem]) -> JSON:
    """The form with what is wrong above its fields, on the first page that has any of it."""
    kept = window.kept()
    kept = replace(kept, about=replace(kept.about, review=False))
    _, there = kept.errors(problems, kept.blocks())
    window.note(there.about)
    return there.view(problems)


def submitted_entry(interaction: Interaction, _view: JSON) -> JSON | None:
    """Put a finished entry into its list; the list shows it in this place, or below once this window is closed."""
    window = Window(interaction)
    sheet = window.sheet()
    answers = sheet.filled.answers
    problems = _wrong(sheet.filled)
    if problems:
        return _refused(window, sheet, problems)
    try:
        kept = window.keep(
            lambda draft, _: draft.close(window.form.schema, window.about.chain, answers),
            lambda sheet: sheet.about.of_list,
        )
    except maps.Taken as taken:
        return _refused(
            window,
            sheet,
            [
                Problem(
                    contract.pointer((maps.NAME,)),
                    f"Another entry is called {taken}. Choose another name, or change that one.",
                )
            ],
        )
    if not window.about.took_place:
        return None
    return {"response_action": "update", "view": checked_view(kept.view())}


def _wrong(filled: Filled) -> list[Problem]:
    """What cannot be read, as the reader says it; and what the form refuses elsewhere."""
    pointers = [each.pointer for each in filled.unread] + [
        at for at, _ in contents.chosen(filled.schema, filled.answers)
    ]
    found = [*contract.unstorable(filled.answers), *maps.problems(filled.schema, filled.answers)]
    return [*filled.unread, *(each for each in found if not any(_lies_in(each.pointer, at) for at in pointers))]


def _lies_in(pointer: str, around: str) -> bool:
    return pointer == around or pointer.startswith(f"{around}/")


def _refused(window: Window, sheet: Sheet, problems: Sequence[Problem]) -> JSON:
    sheet = replace(sheet, about=replace(sheet.about, review=False))
    errors, there = sheet.errors(problems, window.shown)
    if errors:
        return {"response_action": "errors", "errors": errors}
    kept = window.keep(go=lambda _: there.about)
    view = replace(kept, about=replace(there.about, kept=True)).view(problems)
    return {"response_action": "update", "view": checked_view(view)}


def show_list(interaction: Interaction) -> None:
    """Show the form below with the entry that was finished above it."""
    if not About.read(interaction.args.body["view"]).took_place:
        _show_below(interaction)


def _show_below(interaction: Interaction) -> None:
    view = interaction.args.body["view"]
    about, below = About.read(view), view.get("previous_view_id")
    if about.chain and about.under and below:
        depth = min(len(about.chain), sizes.VIEW_STACK - 1) - 1
        interaction.update(Window(interaction, about.below(depth)).kept().view(), below)


def closed(interaction: Interaction) -> None:
    """Keep what a window still tells of itself when it is closed, and show the list that an entry belongs to."""
    window = Window(interaction)
    # While it is checked, what was entered is kept already, and may have become a request meanwhile.
    if not window.about.checking and (window.about.kept or window.sheet().filled.kept()):
        window.keep()
    if not interaction.args.body.get("is_cleared"):
        _show_below(interaction)
