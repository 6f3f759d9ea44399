r"""Text for Jira: wiki markup made harmless, and lengths.

Notation: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all. A backslash keeps a character
from being markup, but a doubled one is a line break, so a backslash itself becomes an entity.
"""

import re

#: Jira refuses longer ones (`jira.text.field.character.limit` for the description and for comments).
SUMMARY_LIMIT, TEXT_LIMIT = 255, 32_767

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
#: Always markup, or half of it: macros, links and mentions, tables, images, phrase modifiers.
_MARKUP = re.compile(r"[{}\[\]|!^~*]")
#: Markup only at the edge of a word: `_emphasis_`, `-deleted-`, `+inserted+`, `??cited??`, `--`, lists, rules.
_AT_EDGE = re.compile(r"(?<![^\W_])[_+-]|[_+-](?![^\W_])|\?(?=\?)|(?<=\?)\?|^(\s*)#", re.MULTILINE)
_AT_START = re.compile(r"^(\s*)(?=(?:h[1-6]|bq)\.)", re.MULTILINE)
_MARK = " […]"


def clean(text: str) -> str:
    """Without what Jira's XML cannot hold, and with one kind of line end."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape(text: str) -> str:
    """`text` so that Jira shows it as it is: no formatting, macro, link or mention comes of it."""
    text = _ENTITY.sub("&#38;", clean(text)).replace("\\", "&#92;")
    text = _MARKUP.sub(r"\\\g<0>", text)
    text = _AT_EDGE.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", text)
    return _AT_START.sub("\\1\u200b", text)


def plain(text: str) -> str:
    """A comment as somebody reads it who has no Jira: no mention by account id, no colours."""
    text = re.sub(r"\[~(?:accountid:)?[^\]]+\]", "@…", clean(text))
    return re.sub(r"\{(?:color|panel|quote|noformat|code)(?::[^{}]*)?\}", "", text).strip()


def units(text: str) -> int:
    """Length as Jira's Java counts it, in UTF-16 units: an emoji is two."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def fit(text: str, limit: int) -> str:
    """At most `limit` units; what is cut leaves a mark, and never half an escape."""
    if units(text) <= limit:
        return text
    text = text[: limit - len(_MARK)]
    while units(text) > limit - len(_MARK):
        text = text[:-1]
    return re.sub(r"(\\|&#?\w{0,4})+$", "", text) + _MARK


def summary(text: str) -> str:
    """One line of plain text, as Jira wants a summary."""
    return fit(" ".join(clean(text).split()), SUMMARY_LIMIT)


def body(text: str, footer: str = "") -> str:
    """A description or a comment; the footer stays whole when the text is too long."""
    footer = f"\n\n{footer}" if footer else ""
    return fit(text, TEXT_LIMIT - units(footer)) + footer
