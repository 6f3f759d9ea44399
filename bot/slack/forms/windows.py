"""The modal that a form is shown in: whose answers it collects, what it opens with, what stands in it.

What stands on a page is kept as it is entered, and before anything else is shown. Closing rejects nothing: the next time
the form opens with what was entered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from bot import contract
from bot.contract import Schema
from bot.errors import Conflict, Problem
from bot.slack.forms import pages
from bot.slack.forms.about import CHANGE, COMPLETE, EDIT, ENTRY, FORM, STALE, About
from bot.slack.forms.choices import Groups
from bot.slack.forms.entries import Chain, Draft, Gone, Noted, fitting, list_of
from bot.slack.forms.filled import Filled
from bot.slack.forms.modal import AS_TYPED
from bot.slack.forms.pages import Sheet
from bot.slack.interaction import Interaction
from bot.store.drafts import DraftRecord

JSON = dict[str, Any]
#: What a click changes, once what stands on the page is kept; and where in the form it leads.
Edit = Callable[[Draft, Filled], Draft]
Go = Callable[[Sheet], About]
#: So often a window is drawn anew for one click, while others go on changing it.
_LOOKS = 5


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
    #: Whose answers they are: their time zone.
    zone: tzinfo | None = None
    #: User groups to choose from, as far as they are known.
    groups: Groups = ()

    def draft(self, record: DraftRecord | None) -> Draft:
        """What was entered in it."""
        draft = Draft.from_json(record.answers) if record else Draft()
        return draft if self.base is None else replace(draft, base=dict(self.base))


def asked(interaction: Interaction, about: About) -> Asked:
    """The form that a modal is about. Raises NotFound, Forbidden, Conflict."""
    service, zone = interaction.service, interaction.zone
    groups = tuple((group.id, group.handle) for group in interaction.directory.remembered_groups())
    if about.step:
        record, ask = service.may_answer(interaction.person, about.number, about.step)
        name, known = f"{record.number}/{about.step}", service.known_outputs(record, ask)
        title = f"Finish {record.number}"
        return Asked(ask["outputs"] or {}, title, COMPLETE, name, "", "Done", known, zone, groups)
    base, name, callback = None, about.offering, FORM
    title = ""
    if about.number.startswith("INS-"):
        instance, _ = service.may_update(interaction.person, about.number, about.version)
        base, name, callback, title = instance.form, instance.number, CHANGE, f"Change {instance.number}"
    elif about.number:
        edited = service.may_edit(interaction.person, about.number)
        base, name, callback = edited.form, edited.number, EDIT
    offering = service.offering(about.offering, about.version)
    submit = "Review" if offering.review else "Request"
    shown = title or offering.title
    return Asked(offering.presented, shown, callback, name, offering.version, submit, base, zone, groups)


# Opening


def opened(
    interaction: Interaction, about: About, answers: Mapping[str, Any] | None = None, problems: Sequence[Problem] = ()
) -> JSON:
    """The first view of a form, with what was left in it the last time; `answers` of a command win over that."""
    form = asked(interaction, about)
    record = interaction.service.draft(interaction.user, form.name)
    draft, notice = _resumed(form, record, answers or {})
    sheet = sheet_of(form, draft, open_form(form, draft, ()), replace(about, kept=record is not None), notice)
    if not sheet.is_plain:
        sheet = replace(sheet, about=replace(sheet.about, kept=True))
        if answers:  # the pages that come later need them
            kept = replace(draft, base=sheet.filled.open_base())
            interaction.service.keep(interaction.person, form.name, form.version, lambda _: kept.to_json())
    return sheet.view([*problems, *_not_asked(sheet.filled, answers or {})])


def _not_asked(filled: Filled, answers: Mapping[str, Any]) -> list[Problem]:
    """What a command says of fields that these answers leave out."""
    out = sorted(path for path in filled.applied.left_out if _stands(answers, path))
    return [Problem(contract.pointer(path), "Is not asked for with these answers, and left out.") for path in out]


def _stands(answers: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        answers = answers.get(part) if isinstance(answers, Mapping) else None
    return answers is not None


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


def sheet_of(form: Asked, draft: Draft, filled: Filled, about: About, notice: tuple[JSON, ...] = ()) -> Sheet:
    if not about.chain:
        return Sheet(filled, about, form.title, form.callback, form.submit, draft, form.groups, notice)
    trail = tuple(
        f"{list_of(draft.open(form.schema, about.chain[:depth]), key).title} {index + 1}"
        for depth, (key, index) in enumerate(about.chain)
    )
    return Sheet(filled, about, trail[-1], ENTRY, "Done", draft, form.groups, notice, trail)


# What stands in the window


class Window:
    """The modal that somebody acts in."""

    def __init__(self, interaction: Interaction, about: About | None = None) -> None:
        """`about`: of the form below the one that was acted in."""
        self.interaction = interaction
        self.view: JSON = interaction.args.body["view"]
        self.about = about or About.read(self.view)
        self.form = asked(interaction, self.about)
        self.shown = {block["block_id"] for block in self.view["blocks"] if "block_id" in block}

    @property
    def decides_nothing(self) -> bool:
        """Whether a character was typed in a text on which nothing else depends: that is kept, and that is all."""
        name = (self.interaction.args.action or {}).get("block_id")
        block: JSON = next((each for each in self.view["blocks"] if each.get("block_id") == name), {})
        told = block.get("element", {}).get("dispatch_action_config")
        return bool(told == AS_TYPED["dispatch_action_config"])

    def sheet(self) -> Sheet:
        """With what stands on the page, also secrets. Raises Conflict."""
        record = self.interaction.service.draft(self.interaction.user, self.form.name) if self.about.kept else None
        draft = self.form.draft(record)
        return sheet_of(self.form, draft, self._read(draft), self.about)

    def keep(self, edit: Edit = lambda draft, _: draft, go: Go = lambda sheet: sheet.about) -> Sheet:
        """Keep what stands on the page, change something, and go elsewhere in the form. Raises Conflict.

        What comes in late is older than what is kept: it changes nothing there, and goes nowhere once a later click has.
        """

        def write(record: DraftRecord | None) -> JSON:
            draft = self.form.draft(record)
            late = _is_earlier(self._when, self._noted(draft).when)
            before = open_form(self.form, draft, self.about.chain)
            filled = before if late else self._answered(before)
            draft = edit(draft if late else draft.keep(filled, self.about.chain), filled)
            there = self._place(draft)
            there = replace(there, drawn=there.drawn + filled.asks_otherwise(before))
            there = there if self._has_left(there) else go(self.at(draft, there))
            return self._with_note(draft, there, late=late).to_json()

        service, form = self.interaction.service, self.form
        draft = form.draft(service.keep(self.interaction.person, form.name, form.version, write))
        return self.at(draft, self._place(draft))

    def note(self, about: About) -> None:
        """Remember what this window shows next."""
        self.interaction.service.keep(
            self.interaction.person,
            self.form.name,
            self.form.version,
            lambda record: self._with_note(self.form.draft(record), about, late=True).to_json(),
        )

    def newest(self) -> Sheet | None:
        """What this window is to show by now, whoever led there; None: something else than a page of the form."""
        record = self.interaction.service.draft(self.interaction.user, self.form.name)
        if record is None:
            return None
        draft = self.form.draft(record)
        there = self._place(draft)
        return None if there.review or there.checking else self.at(draft, there)

    def shows_lists_of(self, draft: Draft) -> bool:
        """Whether the lists are as this window showed them, so that a place in them means the same entry."""
        return self.at(draft, self.about).listed in {self.about.listed, ""}

    def at(self, draft: Draft, about: About) -> Sheet:
        """What a place in the form shows of a draft. Raises Conflict."""
        return sheet_of(self.form, draft, open_form(self.form, draft, about.chain), about)

    def _noted(self, draft: Draft) -> Noted:
        return draft.windows.get(self.view["id"], Noted())

    def _with_note(self, draft: Draft, there: About, *, late: bool) -> Draft:
        when = self._noted(draft).when if late else self._when
        return draft.noted(self.view["id"], Noted(when, str(replace(there, kept=True))))

    @property
    def _when(self) -> str:
        """Slack's time of what was done; empty for what closes or submits the window, which is the last thing in it."""
        return str((self.interaction.args.action or {}).get("action_ts", ""))

    def _place(self, draft: Draft) -> About:
        """Where in the form this window is: where somebody went from what it showed, else what it showed."""
        where = self._noted(draft).where
        there = About.read({"private_metadata": where}) if where else self.about
        return there if self._has_left(there) else replace(self.about, kept=True, drawn=there.drawn)

    def _has_left(self, there: About) -> bool:
        """Whether the window has gone there from what it showed when this was done."""
        if there.turn != self.about.turn:
            return there.turn > self.about.turn
        return _elsewhere(there) != _elsewhere(self.about)

    def kept(self) -> Sheet:
        """As it was kept, whoever did that."""
        record = self.interaction.service.draft(self.interaction.user, self.form.name)
        draft, about = self.form.draft(record), replace(self.about, kept=True)
        return sheet_of(self.form, draft, open_form(self.form, draft, about.chain), about)

    @property
    def is_handed_in(self) -> bool:
        """Whether what was kept has become something: its draft goes in the same moment."""
        return self.interaction.service.draft(self.interaction.user, self.form.name) is None

    def forget(self) -> None:
        """What was entered has become a request, or is not wanted."""
        self.interaction.service.forget(self.interaction.person, self.form.name)

    def show(self, sheet: Sheet, **more: Any) -> None:
        """Show another page, or this one as it is now.

        Where the window has changed since the click, what it is to show by now is looked up: of two quick answers the
        second one's fields come too, and no click is lost because an answer before it has changed the window meanwhile.
        """
        if self.interaction.update(sheet.view(**more), self.view["id"], self.view["hash"]):
            return
        shown: JSON = {}
        for _ in range(_LOOKS):
            newest = self.newest()
            if newest is None or (view := newest.view(**more)) == shown:
                return
            if not self.interaction.update(view, self.view["id"]):
                return
            shown = view

    def _read(self, draft: Draft) -> Filled:
        return self._answered(open_form(self.form, draft, self.about.chain))

    def _answered(self, filled: Filled) -> Filled:
        return filled.read(self.view["state"]["values"], self.shown, self.about.turn)


def _elsewhere(about: About) -> About:
    """What of a place says where it is, not what stands there."""
    return replace(about, kept=True, listed="", drawn=0)


def _is_earlier(when: str, other: str) -> bool:
    """By Slack's times, `1548426417.840180`."""
    try:
        return bool(when and other) and float(when) < float(other)
    except ValueError:
        return False


def open_form(form: Asked, draft: Draft, chain: Chain) -> Filled:
    try:
        return draft.open(form.schema, chain, form.zone)
    except Gone:
        raise Conflict(STALE) from None
