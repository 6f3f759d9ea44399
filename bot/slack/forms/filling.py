"""What people do inside a form: turn its pages, search, work on its lists, submit it, close it. Thin."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast

from bot import contract
from bot.errors import Conflict, Invalid, Problem, Refused, Unavailable
from bot.offering import Offering
from bot.slack import views
from bot.slack.errors import bug
from bot.slack.files import SlackFiles
from bot.slack.forms import choices, contents, pages, patience, reviews
from bot.slack.forms.about import STALE, About
from bot.slack.forms.asking import ACTION
from bot.slack.forms.entries import Draft, Verb, entries_of, list_of
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import is_list, ref
from bot.slack.forms.pages import Sheet
from bot.slack.forms.windows import Window, open_form, sheet_of
from bot.slack.interaction import Interaction, Lazy
from bot.slack.messages import Message
from bot.slack.outgoing import checked_view
from bot.slack.rules import sizes
from bot.slack.text import escape
from bot.slack.words import Words

log = logging.getLogger(__name__)

JSON = dict[str, Any]
#: What a click changes, once what stands on the page is kept.
Edit = Callable[[Draft, Filled], Draft]
#: Makes something of the answers, and ends their draft in the same transaction: a crash leaves one of the two.
HandIn = Callable[[JSON, str], JSON | None]


# Clicks


def _turn(interaction: Interaction) -> None:
    """Back, Next, or a page by its number; Back from a review, whose secrets stay in their blocks."""
    window, page = Window(interaction), _number(_value(interaction))

    def go(sheet: Sheet) -> About:
        return replace(sheet.about, review=False) if sheet.about.review else sheet.turned(page).about

    window.show(window.keep(go=go))


def _find(interaction: Interaction) -> None:
    window = Window(interaction)
    name = _value(interaction)
    window.show(window.keep(go=lambda sheet: sheet.found(name).about), focus=name)


def keep_shown(interaction: Interaction) -> None:
    """Keep all that stands on the page, before a click there is acknowledged."""
    Window(interaction).keep()


def _changed(interaction: Interaction) -> None:
    """Show what an answer has changed, if it did: whoever types is not disturbed for nothing."""
    window = Window(interaction)
    if window.decides_nothing:
        return
    sheet = window.newest()
    if sheet is None or sheet.about.turn != window.about.turn:  # who went elsewhere shows what is there
        return
    # An answer before this one may just be about to show fields that it has brought in and this one takes away.
    if sheet.about.drawn != window.about.drawn or not sheet.stands_in(window.view):
        window.show(sheet)


def _keep(interaction: Interaction) -> None:
    """Keep what stands here, and say so."""
    window = Window(interaction)
    sheet = window.keep()
    window.show(replace(sheet, notice=pages.kept_for_later(sheet.filled)))


def _again(interaction: Interaction) -> None:
    """Start over."""
    window = Window(interaction)
    window.forget()
    draft = window.form.draft(None)
    sheet = sheet_of(
        window.form, draft, open_form(window.form, draft, ()), About(**vars(window.about) | {"kept": False})
    )
    sheet = replace(sheet, about=replace(sheet.about, kept=not sheet.is_plain))
    window.show(sheet.turned(0))


def _remove(interaction: Interaction) -> None:
    """Do without a file that was chosen. In blocks of other names: Slack keeps what is chosen in those that stand there."""
    window, name = Window(interaction), _value(interaction)

    def without(draft: Draft, filled: Filled) -> Draft:
        gone = {each.key: None for each in filled.questions if ref(each) == name}
        return draft.keep(replace(filled, entered={**filled.entered, **gone}), window.about.chain)

    window.show(window.keep(without, lambda sheet: sheet.turned(sheet.number).about))


def _resume(interaction: Interaction) -> None:
    """Out of a check that is not over, and may never be: whoever checked may be gone. Submitting again makes no second one."""
    window = Window(interaction)
    if window.is_handed_in:
        interaction.update(views.message("Handed in", _HANDED_IN), window.view["id"])
        return
    about = replace(window.about, checking=False, review=False)
    window.note(about)
    interaction.update(replace(window.kept(), about=about).view(), window.view["id"])


_HANDED_IN = "What you had entered was handed in meanwhile. Close this window: /platform list shows what became of it."


def _add(interaction: Interaction) -> None:
    name, _, _ = _value(interaction).partition("|")
    _open_entry(interaction, name, None)


def _entry(interaction: Interaction) -> None:
    """Something that the menu of an entry offers."""
    verb, _, index = _value(interaction).partition("|")
    name = str((interaction.args.action or {}).get("block_id", "")).removeprefix("entry-").partition("-")[0]
    if verb == "edit":
        _open_entry(interaction, name, _number(index))
        return
    window = Window(interaction)

    def turn(draft: Draft, filled: Filled) -> Draft:
        if not window.shows_lists_of(draft):  # of two quick clicks the second one meant the list before the first
            return draft
        chain = window.about.chain
        return draft.turn(window.form.schema, chain, _key(filled, name), _number(index), cast("Verb", verb))

    window.show(window.keep(turn))


def _open_entry(interaction: Interaction, name: str, index: int | None) -> None:
    """The form of an entry above the one of its list, or in its place; without an index, of a new one."""
    window = Window(interaction)

    def above(sheet: Sheet) -> About:
        key = _key(sheet.filled, name)
        if index is not None and not window.shows_lists_of(sheet.draft):
            return sheet.about
        return sheet.about.above(key, _count(sheet, key) if index is None else index)

    if window.about.fills:
        window.show(window.keep(go=above))
        return
    sheet = window.keep()
    there = above(replace(sheet, about=window.about))
    if there == window.about:
        window.show(sheet)
        return
    interaction.push(window.at(sheet.draft, there).view())


def _count(sheet: Sheet, key: str) -> int:
    return len(entries_of(sheet.filled, list_of(sheet.filled, key)))


def _leave(interaction: Interaction) -> None:
    """Back to the list, whose place the form of an entry took: it is kept, and not finished."""
    window = Window(interaction)
    window.show(window.keep(go=lambda sheet: _list_of(sheet.about)))


def _list_of(about: About) -> About:
    return about.below(len(about.chain) - 1) if about.took_place else about


def _window(interaction: Interaction) -> None:
    """Earlier or later entries of a long list."""
    window = Window(interaction)
    name, _, first = _value(interaction).partition("|")
    window.show(window.keep(go=lambda sheet: replace(sheet.about, listing=name, first=_number(first))))


def _key(filled: Filled, name: str) -> str:
    for question in filled.questions:
        if ref(question) == name and is_list(question):
            return question.key
    raise Conflict(STALE)


def _value(interaction: Interaction) -> str:
    """What a button, a select or a menu says."""
    action = interaction.args.action or {}
    return str((action.get("selected_option") or action).get("value", ""))


def _number(text: str) -> int:
    """A place that a click names; what is none is the first."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


CLICKS: Mapping[str, Lazy] = {
    ACTION: _changed,
    pages.BACK: _turn,
    pages.NEXT: _turn,
    pages.PAGE: _turn,
    pages.FIND: _find,
    pages.AGAIN: _again,
    pages.KEEP: _keep,
    pages.ADD: _add,
    pages.ENTRY: _entry,
    pages.EARLIER: _window,
    pages.LATER: _window,
    pages.LEAVE: _leave,
    pages.RESUME: _resume,
    pages.REMOVE: _remove,
}


#: What changes nothing of what stands on the page: that is kept before it is acknowledged.
KEPT_FIRST = CLICKS.keys() - {pages.AGAIN, pages.RESUME}


def found_fields(interaction: Interaction) -> list[JSON]:
    """The fields that somebody searches for."""
    return Window(interaction).sheet().options(str(interaction.args.body.get("value", "")))


def found_choices(interaction: Interaction) -> list[JSON]:
    """The choices of a field that somebody searches for."""
    body, window = interaction.args.body, Window(interaction)
    sheet, text = window.sheet(), str(body.get("value", ""))
    question = sheet.field(str(body.get("block_id", "")))
    if question is None:
        return []
    return _from_data(window, sheet, question.source, text) if question.source else choices.suggested(question, text)


def _from_data(window: Window, sheet: Sheet, path: str, text: str) -> list[JSON]:
    """What the offering's function offers; in a window without words of ours, why it offers nothing."""
    service, about = window.interaction.service, window.about
    offering = service.offering(about.offering, about.version)
    answers = open_form(window.form, sheet.draft, ()).answers if about.chain else sheet.filled.answers
    try:
        return choices.from_data(service.options(window.interaction.person, offering, path, answers, text))
    except (Unavailable, ValueError) as error:
        log.warning("no options for %s of %s: %s", path, offering.name, error)
        return choices.no_data()


SEARCHES: Mapping[str, Callable[[Interaction], list[JSON]]] = {ACTION: found_choices, pages.FIND: found_fields}


# Submitting and closing


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
    """Show what came of it; tell it where the window is closed."""
    try:
        view, told = (done.result() or {}).get("view"), ""
        view = view or views.message("Done", "What you have changed is in.")
    except Refused as refused:
        problems = refused.problems if isinstance(refused, Invalid) else [Problem("", str(refused))]
        view, told = _again_with(window, problems), " ".join(each.detail for each in problems)
    except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
        told = bug(error)
        view = _again_with(window, [Problem("", told)])
    if not window.interaction.update(view, window.view["id"]) and told:
        title = escape(window.form.title)
        window.interaction.tell(
            Message(f"*{title}* was not sent. {escape(told)} What you had entered is kept: ask again.")
        )


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
    kept = window.keep(
        lambda draft, _: draft.close(window.form.schema, window.about.chain, answers),
        lambda sheet: _list_of(sheet.about),
    )
    if not window.about.took_place:
        return None
    return {"response_action": "update", "view": checked_view(kept.view())}


def _wrong(filled: Filled) -> list[Problem]:
    """What cannot be read, as the reader says it; and what the form refuses elsewhere."""
    pointers = [each.pointer for each in filled.unread] + [
        at for at, _ in contents.chosen(filled.schema, filled.answers)
    ]
    found = [*contract.unstorable(filled.answers), *contract.problems(filled.schema, filled.answers)]
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
