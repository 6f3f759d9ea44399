"""The use cases: what people can do, at any door. Every rule is decided here, in `lifecycle` or in `permissions`.

Each takes the person who acts and plain data, and answers with records. What cannot be done raises a `Refused` whose
text is for that person. Reads happen on the reader; each use case writes in one transaction.

    desk        what all of them stand on
    people      who acts
    filing      files that are answers
    offers      what can be asked for, and whether answers can be taken
    reading     what people may read
    asking      submit, edit, delete, drafts
    news        what other systems tell
    deciding    approve, reject, do, withdraw, cancel, retry
    timing      reminders, expiry, renewals
"""

from bot.service.asking import Asked
from bot.service.changing import Changing
from bot.service.deciding import Deciding
from bot.service.news import Listening, News
from bot.service.offers import Offered, Planned, Reviewed
from bot.service.reading import Page
from bot.service.timing import Timing

__all__ = ["Asked", "News", "Offered", "Page", "Planned", "Reviewed", "Service"]


class Service(Changing, Timing, Deciding, Listening):
    """The use cases over one database and one catalogue."""
