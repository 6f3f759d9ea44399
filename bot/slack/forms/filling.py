"""What people do inside a form: turn its pages, search, work on its lists. Thin; `handing_in` is how they leave it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from bot.errors import Conflict, Unavailable
from bot.slack import views
from bot.slack.forms import choices, pages
from bot.slack.forms.about import STALE, About
from bot.slack.forms.asking import ACTION
from bot.slack.forms.entries import Draft, Verb, entries_of, list_of
from bot.slack.forms.filled import Filled
from bot.slack.forms.layout import is_list, ref
from bot.slack.forms.pages import Sheet
from bot.slack.forms.windows import Window, open_form, sheet_of
from bot.slack.interaction import Interaction, Lazy

log = logging.getLogger(__name__)

JSON = dict[str, Any]
#: What a click changes, once what stands on the page is kept.
Edit = Callable[[Draft, Filled], Draft]


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
    window.show(window.keep(go=lambda sheet: sheet.about.of_list))


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
