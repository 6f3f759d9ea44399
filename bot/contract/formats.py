"""What each `format` accepts, and how a person is told. Our own: person, channel, group.

Checked with the standard library only, so that a format means the same wherever Frontdesk runs.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time
from functools import partial

from bot.contract.content import is_base64, is_base64url, is_data_url

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\"\\.]+(\.[^@\s<>()\[\],;:\"\\.]+)*@([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W_]{2,63}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DURATION = re.compile(r"-?P(?=.)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
#: Slack's ids: https://docs.slack.dev/reference/objects/
_PERSON_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,20}")
_CHANNEL_NAME = re.compile(r"#[^\s#@<>&A-Z]{1,80}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{2,20}")
_GROUP_HANDLE = re.compile(r"@[^\s#@<>&]{1,80}")


def is_person_id(text: str) -> bool:
    """Whether this is the id of a Slack user."""
    return _PERSON_ID.fullmatch(text) is not None


def is_channel_id(text: str) -> bool:
    """Whether this is the id of a Slack channel."""
    return _CHANNEL_ID.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """An address with a domain that has a dot."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def is_uri(text: str) -> bool:
    """RFC 3986 with a scheme and something behind it."""
    return _URI.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """`2026-11-22`."""
    return _DATE.fullmatch(text) is not None and _reads(date.fromisoformat, text)


def is_time(text: str) -> bool:
    """`10:30`, with seconds and an offset or without (RFC 3339 wants both; people and Slack give neither)."""
    return _TIME.fullmatch(text) is not None and _reads(time.fromisoformat, text)


def is_datetime(text: str) -> bool:
    """RFC 3339: without an offset it is not a moment. Seconds may be left out."""
    return _DATETIME.fullmatch(text) is not None and _reads(datetime.fromisoformat, text.upper())


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def _is_ipv4(text: str) -> bool:
    return _reads(ipaddress.IPv4Address, text)


def _is_ipv6(text: str) -> bool:
    return "%" not in text and _reads(ipaddress.IPv6Address, text)


def _is_person(text: str) -> bool:
    return is_person_id(text) or is_email(text)


def _is_channel(text: str) -> bool:
    return is_channel_id(text) or _CHANNEL_NAME.fullmatch(text) is not None


def _is_group(text: str) -> bool:
    return (_GROUP_ID.fullmatch(text) or _GROUP_HANDLE.fullmatch(text)) is not None


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _reader(read: Callable[[str], object]) -> Callable[[str], bool]:
    return partial(_reads, read)


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def expected(name: str) -> str:
    """What to give for a format, in words: `a date like 2026-11-22`; empty for one that is unknown here."""
    return FORMATS[name][1] if name in FORMATS else ""


#: Each format: what accepts it, and what a person is told to give.
FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "email": (is_email, "an e-mail address like ada@example.com"),
    "idn-email": (is_email, "an e-mail address like ada@example.com"),
    "date": (is_date, "a date like 2026-11-22"),
    "time": (is_time, "a time like 10:30"),
    "date-time": (is_datetime, "a date and time with its offset, like 2026-11-22T10:30:00Z"),
    "duration": (lambda text: _DURATION.fullmatch(text) is not None, "a duration like P3D or PT12H"),
    "uri": (is_uri, "a web address like https://example.com"),
    "url": (is_uri, "a web address like https://example.com"),
    "uuid": (lambda text: _UUID.fullmatch(text) is not None, "a UUID like 123e4567-e89b-12d3-a456-426614174000"),
    "ipv4": (_is_ipv4, "an IPv4 address like 192.0.2.1"),
    "ipv6": (_is_ipv6, "an IPv6 address like 2001:db8::1"),
    "ipvanyaddress": (_reader(ipaddress.ip_address), "an IP address like 192.0.2.1 or 2001:db8::1"),
    "ipv4network": (_reader(ipaddress.IPv4Network), "an IPv4 network like 192.0.2.0/24"),
    "ipv6network": (_reader(ipaddress.IPv6Network), "an IPv6 network like 2001:db8::/32"),
    "ipvanynetwork": (_reader(ipaddress.ip_network), "an IP network like 192.0.2.0/24 or 2001:db8::/32"),
    "ipv4interface": (_reader(ipaddress.IPv4Interface), "an IPv4 address in its network, like 192.0.2.1/24"),
    "ipv6interface": (_reader(ipaddress.IPv6Interface), "an IPv6 address in its network, like 2001:db8::1/32"),
    "ipvanyinterface": (_reader(ipaddress.ip_interface), "an IP address in its network, like 192.0.2.1/24"),
    "hostname": (_is_hostname, "a host name like db.example.com"),
    "byte": (is_base64, "Base64 text like aGVsbG8="),
    "base64": (is_base64, "Base64 text like aGVsbG8="),
    "base64url": (is_base64url, "Base64 text for addresses, like aGVsbG8="),
    "data-url": (is_data_url, "a data URL like data:text/plain;base64,aGVsbG8="),
    "regex": (_is_regex, "a regular expression"),
    "person": (_is_person, "a person: an e-mail address or a Slack id"),
    "channel": (_is_channel, "a channel: #name or a Slack id"),
    "group": (_is_group, "a group: @handle or a Slack id"),
}
