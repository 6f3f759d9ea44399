"""What people do inside a form: turn its pages, search, work on its lists, close it, submit it. Thin.

What stands on the page that they leave is kept before anything else is shown; where a form is one plain page, nothing
is kept until it is closed. Closing rejects nothing: the next time the form opens with what was entered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from bot import contract
from bot.contract import Schema
from bot.errors import Conflict, Invalid, Problem
from bot.slack import pages, views
from bot.slack.asking import ACTION
from bot.slack.entries import Chain, Draft, Gone, Verb, entries_of, fitting, list_of
from bot.slack.filled import Filled
from bot.slack.interaction import Interaction, Lazy
from bot.slack.layout import is_list, ref
from bot.slack.outgoing import checked_view
from bot.slack.pages import Sheet
from bot.slack.views import About
from bot.store.drafts import DraftRecord

JSON = dict[str, Any]
#: What a click changes, once what stands on the page is kept.
Edit = Callable[[Draft, Filled], Draft]


@dataclass(frozen=True)
class Asked:
    """Whose answers a form collects."""

    schema: Schema
    title: str
    callback: str
    #: What its draft is about, see `Service.draft`, and the version of the form.
    name: str
    version: str = ""
    submit: str = "Request"
    #: What it begins with, where that is stored elsewhere.
    base: Mapping[str, Any] | None = None

    def draft(self, record: DraftRecord | None) -> Draft:
        """What was entered in it."""
        draft = Draft.from_json(record.answers) if record else Draft()
        return draft if self.base is None else replace(draft, base=dict(self.base))


def asked(interaction: Interaction, about: About) -> Asked:
    """The form that a modal is about. Raises NotFound, Forbidden, Conflict."""
    service = interaction.service
    if about.step:
        record, ask = service.may_answer(interaction.person, about.number, about.step)
        name = f"{record.number}/{about.step}"
        return Asked(ask["outputs"] or {}, f"{record.number} is done", views.COMPLETE, name, submit="Done")
    base, name, callback = None, about.offering, views.FORM
    if about.number:
        edited = service.may_edit(interaction.person, about.number)
        base, name, callback = edited.form, edited.number, views.EDIT
    offering = service.offering(about.offering, about.version)
    return Asked(offering.contract.form, offering.title, callback, name, offering.version, base=base)


# Opening


def opened(
    interaction: Interaction, about: About, answers: Mapping[str, Any] | None = None, problems: Sequence[Problem] = ()
) -> JSON:
    """The first view of a form, with what was left in it the last time; `answers` of a command win over that."""
    form = asked(interaction, about)
    record = interaction.service.draft(interaction.user, form.name)
    draft, notice = _resumed(form, record, answers or {})
    sheet = _sheet(form, draft, draft.open(form.schema), replace(about, kept=record is not None), notice)
    if not sheet.is_plain:
        sheet = replace(sheet, about=replace(sheet.about, kept=True))
        if answers:  # the pages that come later need them
            kept = replace(draft, base=sheet.filled.open_base())
            interaction.service.keep(interaction.person, form.name, form.version, lambda _: kept.to_json())
    return sheet.view(problems)


def _resumed(form: Asked, record: DraftRecord | None, answers: Mapping[str, Any]) -> tuple[Draft, tuple[JSON, ...]]:
    draft, left_out = form.draft(record), list[str]()
    if record is not None and record.version != form.version:
        draft, left_out = fitting(draft, form.schema)
    given = [contract.pointer((name,)) for name in answers]
    entered = {
        key: value
        for key, value in draft.entered.get("", {}).items()
        if not any(key == each or key.startswith((f"{each}/", f"{each}?")) for each in given)
    }
    draft = replace(draft, base={**draft.base, **answers}, entered={**draft.entered, "": entered})
    if record is None or not (left_out or any(draft.entered.values())):
        return draft, ()
    return draft, pages.welcome_back(record.updated_at, left_out)


def _sheet(form: Asked, draft: Draft, filled: Filled, about: About, notice: tuple[JSON, ...] = ()) -> Sheet:
    if not about.chain:
        return Sheet(filled, about, form.title, form.callback, form.submit, draft, notice=notice)
    key, index = about.chain[-1]
    title = f"{list_of(draft.open(form.schema, about.chain[:-1]), key).title} {index + 1}"
    return Sheet(filled, about, title, views.ENTRY, "Done", draft, notice=notice)


# What stands in the window


class _Window:
    """The modal that somebody acts in."""

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction
        self.view: JSON = interaction.args.body["view"]
        self.about = About.read(self.view)
        self.form = asked(interaction, self.about)
        self.shown = {block["block_id"] for block in self.view["blocks"]}

    def sheet(self) -> Sheet:
        """With what stands on the page, also secrets. Raises Conflict."""
        record = self.interaction.service.draft(self.interaction.user, self.form.name) if self.about.kept else None
        draft = self.form.draft(record)
        return _sheet(self.form, draft, self._read(draft), self.about)

    def keep(self, edit: Edit = lambda draft, _: draft) -> Sheet:
        """Keep what stands on the page, and change something. Raises Conflict."""

        def write(record: DraftRecord | None) -> JSON:
            draft, filled = self.form.draft(record), self._read(self.form.draft(record))
            return edit(draft.keep(filled, self.about.chain), filled).to_json()

        service, form = self.interaction.service, self.form
        draft = form.draft(service.keep(self.interaction.person, form.name, form.version, write))
        about = replace(self.about, kept=True)
        return _sheet(form, draft, _open(form, draft, about.chain), about)

    def show(self, sheet: Sheet, **more: Any) -> None:
        """Show another page, or this one as it is now."""
        self.interaction.update(sheet.view(**more), self.view["id"], self.view["hash"])

    def _read(self, draft: Draft) -> Filled:
        filled = _open(self.form, draft, self.about.chain)
        return filled.read(self.view["state"]["values"], self.shown, self.about.turn)


def _open(form: Asked, draft: Draft, chain: Chain) -> Filled:
    try:
        return draft.open(form.schema, chain)
    except Gone:
        raise Conflict(views.STALE) from None


# Clicks


def _turn(interaction: Interaction) -> None:
    """Back, Next, or a page by its number."""
    window = _Window(interaction)
    window.show(window.keep().turned(_number(_value(interaction))))


def _find(interaction: Interaction) -> None:
    window = _Window(interaction)
    name = _value(interaction)
    window.show(window.keep().found(name), focus=name)


def _changed(interaction: Interaction) -> None:
    """A field that others depend on has another answer."""
    window = _Window(interaction)
    sheet = window.keep()
    if sheet.blocks() != window.shown:
        window.show(sheet)


def _again(interaction: Interaction) -> None:
    """Start over."""
    window = _Window(interaction)
    interaction.service.forget(interaction.person, window.form.name)
    draft = window.form.draft(None)
    sheet = _sheet(window.form, draft, draft.open(window.form.schema), About(**vars(window.about) | {"kept": False}))
    sheet = replace(sheet, about=replace(sheet.about, kept=not sheet.is_plain))
    window.show(sheet.turned(0))


def _add(interaction: Interaction) -> None:
    name, _, _ = _value(interaction).partition("|")
    _open_entry(interaction, name, None)


def _entry(interaction: Interaction) -> None:
    """Something that the menu of an entry offers."""
    verb, _, index = _value(interaction).partition("|")
    name = str((interaction.args.action or {}).get("block_id", "")).split("-")[1]
    if verb == "edit":
        _open_entry(interaction, name, _number(index))
        return
    window = _Window(interaction)

    def turn(draft: Draft, filled: Filled) -> Draft:
        chain = window.about.chain
        return draft.turn(window.form.schema, chain, _key(filled, name), _number(index), cast("Verb", verb))

    window.show(window.keep(turn))


def _open_entry(interaction: Interaction, name: str, index: int | None) -> None:
    """The form of an entry above the one of its list; without an index, of a new one."""
    window = _Window(interaction)
    sheet = window.keep()
    key = _key(sheet.filled, name)
    at = len(entries_of(sheet.filled, list_of(sheet.filled, key))) if index is None else index
    about = window.about
    here = (about.page, about.turn, about.listing, about.first)
    above = replace(
        about,
        kept=True,
        page=0,
        turn=0,
        listing="",
        first=0,
        chain=(*about.chain, (key, at)),
        under=(*about.under, here),
    )
    entry = _sheet(window.form, sheet.draft, _open(window.form, sheet.draft, above.chain), above)
    interaction.push(entry.view())


def _window(interaction: Interaction) -> None:
    """Earlier or later entries of a long list."""
    window = _Window(interaction)
    name, _, first = _value(interaction).partition("|")
    sheet = window.keep()
    window.show(replace(sheet, about=replace(sheet.about, listing=name, first=max(0, _number(first)))))


def _key(filled: Filled, name: str) -> str:
    for question in filled.questions:
        if ref(question) == name and is_list(question):
            return question.key
    raise Conflict(views.STALE)


def _value(interaction: Interaction) -> str:
    """What a button, a select or a menu says."""
    action = interaction.args.action or {}
    return str((action.get("selected_option") or action).get("value", ""))


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() else 0


CLICKS: Mapping[str, Lazy] = {
    ACTION: _changed,
    pages.BACK: _turn,
    pages.NEXT: _turn,
    pages.PAGE: _turn,
    pages.FIND: _find,
    pages.AGAIN: _again,
    pages.ADD: _add,
    pages.ENTRY: _entry,
    pages.EARLIER: _window,
    pages.LATER: _window,
}


def options(interaction: Interaction) -> list[JSON]:
    """The fields that somebody searches for."""
    return _Window(interaction).sheet().options(str(interaction.args.body.get("value", "")))


# Submitting and closing


def submitted(interaction: Interaction, hand_in: Callable[[JSON], JSON | None]) -> JSON | None:
    """Hand in all of the answers; what is refused stands beside its field, on the page where that is."""
    window = _Window(interaction)
    sheet = window.sheet()
    try:
        answer = hand_in(sheet.filled.answers)
    except Invalid as invalid:
        return _refused(window, sheet, invalid.problems)
    if window.about.kept:
        interaction.service.forget(interaction.person, window.form.name)
    return answer


def submitted_entry(interaction: Interaction, _view: JSON) -> JSON | None:
    """Put a finished entry into its list; the list below shows it once this window is closed."""
    window = _Window(interaction)
    sheet = window.sheet()
    answers = sheet.filled.answers
    problems = [*contract.unstorable(answers), *contract.problems(sheet.filled.schema, answers)]
    if problems:
        return _refused(window, sheet, problems)
    window.keep(lambda draft, _: draft.close(window.form.schema, window.about.chain, answers))
    return None


def _refused(window: _Window, sheet: Sheet, problems: Sequence[Problem]) -> JSON:
    errors, there = sheet.errors(problems, window.shown)
    if errors:
        return {"response_action": "errors", "errors": errors}
    kept = window.keep()
    view = replace(kept, about=replace(there.about, kept=True)).view(problems)
    return {"response_action": "update", "view": checked_view(view)}


def show_list(interaction: Interaction) -> None:
    """Show the form below with the entry that was finished or left above it."""
    view = interaction.args.body["view"]
    about = About.read(view)
    below = view.get("previous_view_id")
    if not (about.chain and about.under and below):
        return
    page, turn, listing, first = about.under[-1]
    about = replace(
        about, page=page, turn=turn, listing=listing, first=first, chain=about.chain[:-1], under=about.under[:-1]
    )
    form = asked(interaction, about)
    draft = form.draft(interaction.service.draft(interaction.user, form.name))
    interaction.update(_sheet(form, draft, _open(form, draft, about.chain), about).view(), below)


def closed(interaction: Interaction) -> None:
    """Keep what stands in a window that was closed without submitting."""
    window = _Window(interaction)
    if window.about.kept or window.sheet().filled.kept():
        window.keep()
    if not interaction.args.body.get("is_cleared"):
        show_list(interaction)
