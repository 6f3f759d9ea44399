"""Everything that can go wrong on purpose.

    FrontdeskError
    ├── Refused             what a person asked for cannot be done; the text is for that person
    │   ├── Invalid         the answers are wrong: one problem for each field
    │   ├── NotFound        it does not exist, or this person may not know that it does
    │   ├── Forbidden       it exists, and somebody else has to do it
    │   ├── Conflict        the request has moved on since the person looked
    │   │   └── KeyTaken    an idempotency key came again with other answers
    │   ├── Unproven        a call from another system does not prove whose it is
    │   └── Unavailable     a system that is needed to answer does not answer; try again
    ├── Misconfigured       the process must not start: what, where, what to do
    ├── TemporaryError      a handler or a sender: try again
    │   ├── Unsure          a sender: it may have happened all the same; look before it is done again
    │   └── Blocked         a handler: the platform's people have to mend something first; they are told
    └── PermanentError      a handler or a sender: trying again is pointless
        └── Unreachable     a sender: nothing can be said in this place; say it in another one

Doors map these once each. Anything else that is raised is a bug.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with an answer.

    `pointer` is a JSON pointer (RFC 6901) into the answers: `/network/cidr`; empty means the whole form.
    """

    pointer: str
    detail: str


class FrontdeskError(Exception):
    """Base of all errors that Frontdesk raises on purpose."""


class Refused(FrontdeskError):
    """What a person asked for cannot be done; `str(error)` says why and what to do next."""


class Invalid(Refused):
    """The answers are wrong; `problems` has one entry for each field."""

    def __init__(self, problems: Sequence[Problem], text: str = "Some answers need another look.") -> None:
        super().__init__(text)
        self.problems = tuple(problems)


class NotFound(Refused):
    """It does not exist, or the person may not know that it does: both read alike."""


class Forbidden(Refused):
    """It exists, but somebody else has to do it."""


class Conflict(Refused):
    """The request has moved on since the person looked."""


class KeyTaken(Conflict):
    """An idempotency key came again, with other answers than those that made a request of it."""


class Unproven(Refused):
    """A call from another system does not prove whose it is; nothing of it was read."""


class Unavailable(Refused):
    """A system that is needed for the answer does not answer; nothing was changed."""


class Misconfigured(FrontdeskError):
    """The process must not start. `where` is a file, with a line where one is known, or a setting."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(": ".join(part for part in (where, what) if part) + (f" {hint}" if hint else ""))


class TemporaryError(FrontdeskError):
    """A handler could not do it now. Tried again after `delay` seconds (None: the engine's back-off)."""

    def __init__(self, text: str, *, delay: float | None = None) -> None:
        super().__init__(text)
        self.delay = delay


class Unsure(TemporaryError):
    """What was sent may have arrived, and only its answer was lost: whoever tries again looks for it first."""


class Blocked(TemporaryError):
    """Nothing of a system can be done until the platform's people mend something, such as an expired token.

    They are told once a day for each `system`; whatever needs it waits, and goes on by itself.
    """

    def __init__(self, text: str, *, system: str, delay: float = 300.0) -> None:
        super().__init__(text, delay=delay)
        self.system = system


class PermanentError(FrontdeskError):
    """A handler cannot do it, and trying again is pointless: the step fails, with a Retry for people."""


class Unreachable(PermanentError):
    """Nothing can be said in this place: it is archived, gone, or not ours to speak in."""
