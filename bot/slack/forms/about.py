"""What a modal is about: what comes back with everything that is done in it. Pure."""

import json
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.errors import Conflict
from bot.slack.rules import sizes

JSON = dict[str, Any]

#: Modals, by their callback id.
CATALOGUE, FORM, REJECT, COMPLETE, REFUSE, EDIT = "catalogue", "form", "reject", "complete", "refuse", "edit"
#: The form of a change of an instance.
CHANGE = "change"
#: The form of one entry of a list, above the one of its list.
ENTRY = "entry"
STALE = "This window is from an older version of Frontdesk. Copy what you need and start with /platform."


@dataclass(frozen=True)
class About:
    """What a modal is about, kept in its `private_metadata` (at most 3,000 characters; never an answer)."""

    offering: str = ""
    version: str = ""
    number: str = ""
    revision: int | None = None
    step: str = ""
    #: A draft of it is kept.
    kept: bool = False
    #: The page of a form, and how often it was rendered with other answers: what its blocks' ids end in.
    page: int = 0
    turn: int = 0
    #: How often an answer has changed what is asked: whoever shows less of them has to show what is asked now.
    drawn: int = 0
    #: It shows what would be asked for, not the page.
    review: bool = False
    #: It says that what was handed in is checked.
    checking: bool = False
    #: The list of objects whose entries are shown from `first` on, not from their start.
    listing: str = ""
    #: The entries of its lists as they are shown, in short: a click counts for those that its clicker saw.
    listed: str = ""
    first: int = 0
    #: For the form of an entry: where it belongs, see `bot.slack.entries`, and page, turn, listing and first of the
    #: forms beneath.
    chain: tuple[tuple[str, int], ...] = ()
    under: tuple[tuple[int, int, str, int], ...] = ()

    @property
    def fills(self) -> bool:
        """Whether Slack stacks no more windows above this one: a form of an entry takes its place, and gives it back."""
        return len(self.chain) >= sizes.VIEW_STACK - 1

    @property
    def took_place(self) -> bool:
        """Whether it took the place of the form of its list."""
        return len(self.chain) > sizes.VIEW_STACK - 1

    def above(self, key: str, index: int) -> "About":
        """The form of an entry of a list on this page."""
        here = (self.page, self.turn, self.listing, self.first)
        turn = (
            self.turn + 1 if self.fills else 0
        )  # blocks of one window that ask for something else are called otherwise
        chain, under = (*self.chain, (key, index)), (*self.under, here)
        return replace(self, kept=True, page=0, turn=turn, listing="", first=0, chain=chain, under=under)

    def below(self, depth: int) -> "About":
        """The form in which the one of its `depth`-th entry was opened; the one in whose place it stands is newer."""
        page, turn, listing, first = self.under[depth]
        turn = self.turn + 1 if depth >= sizes.VIEW_STACK - 1 else turn
        chain, under = self.chain[:depth], self.under[:depth]
        return replace(self, page=page, turn=turn, listing=listing, first=first, chain=chain, under=under)

    @property
    def of_list(self) -> "About":
        """The form of its list in this window; itself where that stands in the window below."""
        return self.below(len(self.chain) - 1) if self.took_place else self

    def __str__(self) -> str:
        return json.dumps({key: value for key, value in vars(self).items() if value})

    @classmethod
    def read(cls, view: JSON) -> "About":
        """Back from a view. Raises Conflict for one that is not ours, or not any more."""
        try:
            return _ABOUT.validate_json(view.get("private_metadata") or "{}")
        except ValidationError:
            raise Conflict(STALE) from None


_ABOUT = TypeAdapter(About)
