"""Moments: read and shown in a person's own time zone, kept in UTC. Nothing gets a `Z` that did not say where it is."""

import re
from datetime import UTC, datetime, tzinfo

from bot.contract.formats import FORMATS, is_datetime

_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", re.ASCII)


def read(text: str, zone: tzinfo | None = None) -> str:
    """A moment in UTC; without an offset it is one of `zone`. Raises ValueError with a sentence for a person."""
    text = text.strip()
    if is_datetime(text):
        return in_utc(text)
    if zone is None or not _LOCAL.fullmatch(text):
        raise ValueError(f"Has to be {expected(zone)}")
    try:
        local = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(f"Has to be {expected(zone)}") from None
    return _written(_placed(local, zone))


def _placed(local: datetime, zone: tzinfo) -> datetime:
    """The one moment that a clock on the wall shows so. Raises ValueError where there is none, or two."""
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    shown = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if shown != local:
        raise ValueError(f"There is no such time in {zone}: the clocks go forward then")
    if first.utcoffset() != second.utcoffset():
        raise ValueError(
            f"Comes twice in {zone}, as the clocks go back: say {first.isoformat()} or {second.isoformat()}"
        )
    return first


def in_utc(text: str) -> str:
    """The same moment in UTC; the very same text where it is in UTC, or is no moment."""
    if not is_datetime(text):
        return text
    moment = datetime.fromisoformat(text.upper())
    return _written(moment) if moment.utcoffset() else text


def in_zone(text: str, zone: tzinfo) -> str:
    """The same moment in a zone, with its offset; the very same text where it is no moment."""
    return datetime.fromisoformat(text.upper()).astimezone(zone).isoformat(sep=" ") if is_datetime(text) else text


def same(one: object, other: object) -> bool:
    """Whether two texts are one moment."""
    texts = [each for each in (one, other) if isinstance(each, str) and is_datetime(each)]
    moments = {datetime.fromisoformat(each.upper()) for each in texts}
    return len(texts) == 2 and len(moments) == 1


def expected(zone: tzinfo | None) -> str:
    """What to give, in words."""
    if zone is None:
        return FORMATS["date-time"][1]
    return f"a date and time like 2026-11-22 10:30, by the clocks of {zone}, or with an offset of its own"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
