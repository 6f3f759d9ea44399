"""Texts at Slack's border: escaped, cut, and read back from Slack's markup. The one place for all three."""

import re
from typing import Any

ELLIPSIS = "…"
#: `<@U1|ada>`, `<#C1|general>`, `<!subteam^S1|@dba>`, `<mailto:a@b.c|a@b.c>`, `<https://x.y|x.y>`
_HALF = re.compile(r"(<[^<>]*|&[a-z]*)$")
_LINK = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def escape(text: str) -> str:
    """Text for mrkdwn with nothing live in it: no mention, no link, no `<!channel>`.

    Slack asks for these three characters only, `&` first:
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text: str, most: int) -> str:
    """At most `most` code points; what was cut ends in an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def plain_text(text: str, most: int) -> dict[str, Any]:
    """A text object that Slack never interprets. An empty one would be refused, so it becomes a dash."""
    return {"type": "plain_text", "text": clip(text.strip() or "–", most)}  # noqa: RUF001 - a dash is meant


def mrkdwn(text: str, most: int = 3000) -> dict[str, Any]:
    """A text object with markup; whatever people typed in it has been escaped. Slack links nothing by itself in it."""
    return {"type": "mrkdwn", "text": cut(text, most), "verbatim": True}


def cut(text: str, most: int) -> str:
    """At most `most` characters of mrkdwn, never cut within a `<...>` or an `&...;`; what was cut ends in an ellipsis."""
    return text if len(text) <= most else _HALF.sub("", text[: most - 2]).rstrip() + " " + ELLIPSIS


def parts(text: str, most: int) -> list[str]:
    """All of the text in pieces of at most `most` characters; cut after a line or a word, never within an escape."""
    pieces: list[str] = []
    rest = text
    while len(rest) > most:
        piece = _HALF.sub("", rest[:most]) or rest[:most]
        end = max(piece.rfind("\n"), piece.rfind(" ")) + 1
        piece = piece[:end] if end > most // 2 else piece
        pieces.append(piece)
        rest = rest[len(piece) :]
    return [*pieces, rest]


def unescape(text: str) -> str:
    """The text of a slash command as it was typed: links by what they point at, people and places by their ids."""
    typed = _LINK.sub(_unlinked, text)
    return typed.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _unlinked(found: re.Match[str]) -> str:
    mark, target, label = found.groups()
    if mark == "!":
        name, _, rest = target.partition("^")
        return rest if name == "subteam" else label or f"@{name}"
    if mark:
        return str(target)
    return str(target).removeprefix("mailto:") if target.startswith("mailto:") or "://" in target else found[0]
