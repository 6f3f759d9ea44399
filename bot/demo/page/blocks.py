"""Slack's text for a browser: mrkdwn, plain text and Markdown to safe HTML.

Everything is escaped here and nowhere else; what these functions return is `Markup`, so the templates print it as it is.
mrkdwn: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

JSON = dict[str, Any]

#: The shortcodes that bots use; others stay as they were typed.
EMOJI = {
    name: sign
    for sign, *names in (
        line.split()
        for line in """
        ✅ white_check_mark|☑️ ballot_box_with_check|✔️ heavy_check_mark|❌ x|🚫 no_entry_sign|⛔ no_entry|⚠️ warning|❗ exclamation
        ❓ question|ℹ️ information_source|🎉 tada|🚀 rocket|👋 wave|👍 +1 thumbsup|👎 -1 thumbsdown|🙏 pray|👀 eyes|🔒 lock|🔓 unlock
        🔑 key|⏳ hourglass_flowing_sand|⌛ hourglass|⏰ alarm_clock|🕐 clock1|📅 date calendar|🗓️ spiral_calendar_pad|📝 memo pencil
        📋 clipboard|📦 package|🗄️ file_cabinet|💾 floppy_disk|🔔 bell|🔕 no_bell|🔗 link|🔍 mag|🛠️ hammer_and_wrench|🔧 wrench|⚙️ gear
        🔁 repeat|🔄 arrows_counterclockwise|➡️ arrow_right|⬅️ arrow_left|⏩ fast_forward|⏸️ double_vertical_bar|🛑 octagonal_sign
        🔴 red_circle|🟠 large_orange_circle|🟡 large_yellow_circle|🟢 large_green_circle|🔵 large_blue_circle blue_circle|⚪ white_circle
        ⚫ black_circle|💡 bulb|🔥 fire|❤️ heart|😀 grinning|🙂 slightly_smiling_face|😄 smile|😅 sweat_smile|🤔 thinking_face|😢 cry
        🤖 robot_face|👤 bust_in_silhouette|👥 busts_in_silhouette|📣 mega|📢 loudspeaker|💬 speech_balloon|🧹 broom|🗑️ wastebasket
        ✨ sparkles|🏷️ label|📌 pushpin|🎫 ticket|🐘 elephant|☁️ cloud|🌍 earth_africa|🏁 checkered_flag|➕ heavy_plus_sign
        """.replace("\n", "|").split("|")  # noqa: RUF001 - these are emoji, not letters
        if line.strip()
    )
    for name in names
}

_SKIN = r"(?:::skin-tone-[2-6])?"
_EMOJI = rf":(?P<emoji>[a-z0-9_+'-]+):{_SKIN}"
_MRKDWN = re.compile(
    rf"`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>|{_EMOJI}"
    r"|(?<![\w*_~])(?P<mark>[*_~])(?=[^\s*_~]|[*_~]\w)(?P<marked>[^\n]*?[^\s])(?P=mark)(?![\w])"
)
_MARKDOWN = re.compile(
    rf"`(?P<code>[^`\n]+)`|\[(?P<label>[^\]\n]+)\]\((?P<href>[^)\s]+)\)|<(?P<angle>[^<>\n]+)>|{_EMOJI}"
    r"|(?P<mark>\*\*|__|~~|(?<!\w)[*_])(?=\S)(?P<marked>[^\n]*?\S)(?P=mark)(?!\w)"
)
_TAGS = {"*": "strong", "**": "strong", "__": "strong", "_": "em", "~": "s", "~~": "s"}
_FENCE = re.compile(r"```\n?(.+?)\n?```\n?", re.DOTALL)
_QUOTE = re.compile(r"^(?:&gt;|>) ?")


class Names(Protocol):
    """What a text needs to know of the workspace, as one person sees it."""

    def person(self, ident: str) -> str: ...
    def room(self, ident: str) -> tuple[str, str]:
        """Its name and where it opens."""

    def group(self, ident: str) -> str: ...
    def href(self, url: str) -> str:
        """Where a link leads: a permalink of this workspace stays on the page."""

    def concerns(self, ident: str) -> bool:
        """Whether a mention of this person or group means the reader."""


@dataclass(frozen=True)
class Reader:
    """Renders text for one person: names as they are known here, moments in their time zone."""

    names: Names
    zone: ZoneInfo
    now: Callable[[], float]

    def text(self, obj: JSON | str | None) -> Markup:
        """A text object (`plain_text` or `mrkdwn`) or a bare string, which Slack takes for mrkdwn."""
        if isinstance(obj, dict):
            return self.plain(obj) if obj.get("type") == "plain_text" else self.mrkdwn(str(obj.get("text", "")))
        return self.mrkdwn(obj or "")

    def plain(self, obj: JSON | None) -> Markup:
        """A `plain_text` object: nothing but emoji is interpreted."""
        text = str((obj or {}).get("text", ""))
        if (obj or {}).get("emoji") is False:
            return escape(text)
        return escape(re.sub(_EMOJI, lambda found: emoji(found["emoji"], found[0]), text))

    def mrkdwn(self, text: str) -> Markup:
        parts = _FENCE.split(text)
        return _join(
            Markup("<pre><code>{}</code></pre>").format(self._code(part)) if index % 2 else self._lines(part)
            for index, part in enumerate(parts)
        )

    def _lines(self, text: str) -> Markup:
        """Lines with their quotes; line breaks stay line breaks (the style sheet keeps them)."""
        out: list[Markup] = []
        for line in text.split("\n") if text else ():
            quoted = _QUOTE.match(line)
            shown = self._inline(line[quoted.end() :] if quoted else line, _MRKDWN)
            if quoted:
                _append_quote(out, shown)
            else:
                out.append(shown)
        return _join_lines(out)

    def _inline(self, text: str, grammar: re.Pattern[str]) -> Markup:
        out, end = Markup(), 0
        for found in grammar.finditer(text):
            out += escape(_unescape(text[end : found.start()])) + self._token(found, grammar)
            end = found.end()
        return out + escape(_unescape(text[end:]))

    def _token(self, found: re.Match[str], grammar: re.Pattern[str]) -> Markup:
        token = found.groupdict()
        if token["code"]:
            return Markup("<code>{}</code>").format(self._code(token["code"]))
        if token["angle"]:
            return self.angle(token["angle"])
        if token["emoji"]:
            return escape(emoji(token["emoji"], found[0]))
        if token.get("href"):
            return self.link(token["href"], token["label"])
        tag = Markup(_TAGS[token["mark"]])  # noqa: S704 - one of our own tags
        return Markup("<{0}>{1}</{0}>").format(tag, self._inline(token["marked"], grammar))

    def _code(self, text: str) -> Markup:
        """Inside code only links and mentions are shown by their text, as Slack does."""
        return escape(_unescape(re.sub(r"<([^<>\n|]+)(?:\|([^<>\n]+))?>", lambda m: m[2] or m[1], text)))

    def angle(self, inside: str) -> Markup:
        """What stands between `<` and `>`: a mention, a date or a link."""
        target, _, label = inside.partition("|")
        if target.startswith("@"):
            return self.mention(target[1:])
        if target.startswith("#"):
            name, href = self.names.room(target[1:])
            return Markup('<a class="mention" href="{}">#{}</a>').format(href, name or _unescape(label) or target[1:])
        if target.startswith("!"):
            return self._special(target[1:], label)
        return self.link(target, label)

    def mention(self, ident: str) -> Markup:
        """A person or a group by id."""
        name = self.names.group(ident) if ident.startswith("S") else self.names.person(ident)
        mine = " mention-me" if self.names.concerns(ident) else ""
        return Markup('<span class="mention{}">@{}</span>').format(mine, name or ident)

    def _special(self, target: str, label: str) -> Markup:
        kind, _, rest = target.partition("^")
        if kind == "subteam":
            return self.mention(rest)
        if kind == "date":
            return self.date(rest, label)
        if kind in {"channel", "here", "everyone"}:
            return Markup('<span class="mention mention-me">@{}</span>').format(kind)
        return escape(_unescape(label) or target)

    def date(self, spec: str, fallback: str = "") -> Markup:
        """`<!date^1392734382^{date_short_pretty} {time}^https://...|fallback>`, in the reader's time zone."""
        stamp, _, rest = spec.partition("^")
        form, _, href = rest.partition("^")
        if not re.fullmatch(r"-?\d{1,11}", stamp):
            return escape(_unescape(fallback))
        moment = datetime.fromtimestamp(int(stamp), self.zone)
        shown = re.sub(r"\{(\w+)\}", lambda m: self._date_part(m[1], moment) or m[0], _unescape(form))
        text = Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), shown)
        return Markup('<a href="{}" rel="noopener">{}</a>').format(href, text) if _is_web(href) else text

    def _date_part(self, name: str, moment: datetime) -> str:
        known = {
            "date_num": moment.strftime("%Y-%m-%d"),
            "date_slash": moment.strftime("%m/%d/%Y"),
            "date": f"{moment:%B} {moment.day}, {moment.year}",
            "date_long": f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}",
            "date_short": f"{moment:%b} {moment.day}, {moment.year}",
            "time": moment.strftime("%H:%M"),
            "time_secs": moment.strftime("%H:%M:%S"),
            "ago": f"{max(0, int(self.now() - moment.timestamp())) // 60} minutes ago",
        }
        if name.endswith("_pretty"):
            days = (moment.date() - datetime.fromtimestamp(self.now(), self.zone).date()).days
            return {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days) or known.get(name.removesuffix("_pretty"), "")
        return known.get(name, "")

    def link(self, url: str, label: str = "") -> Markup:
        """A web or mail address as a link, anything else as its text (so no `javascript:`)."""
        address = _unescape(url)
        shown = _unescape(label) or address.removeprefix("mailto:")
        if not _is_web(address):
            return escape(shown)
        href = self.names.href(address)
        outside = Markup("") if href.startswith("/") else Markup(' target="_blank" rel="noopener noreferrer"')
        return Markup('<a href="{}"{}>{}</a>').format(href, outside, shown)

    @staticmethod
    def safe_href(url: str) -> str:
        """The address of a button or an option, if it is one of the web or of mail."""
        return url if _is_web(url) else "#"

    def markdown(self, text: str) -> Markup:
        """The standard Markdown of a `markdown` block, as far as bots use it: no raw HTML, no images."""
        parts = _FENCE.split(text)
        return _join(
            Markup("<pre><code>{}</code></pre>").format(re.sub(r"^\w+\n", "", part))
            if index % 2
            else _join_lines([self._markdown_line(line) for line in part.strip("\n").split("\n")])
            for index, part in enumerate(parts)
            if part
        )

    def _markdown_line(self, line: str) -> Markup:
        heading = re.match(r"#{1,6} +(.*)", line)
        if heading:
            return Markup("<h3>{}</h3>").format(self._inline(heading[1], _MARKDOWN))
        if re.fullmatch(r"\s*(-{3,}|\*{3,})\s*", line):
            return Markup("<hr>")
        if line.startswith(">"):
            return Markup("<blockquote>{}</blockquote>").format(self._inline(line[1:].strip(), _MARKDOWN))
        listed = re.match(r"(\s*)[-*+] +(?:\[( |x)\] )?(.*)", line)
        if listed:
            sign = {" ": "☐", "x": "☑"}.get(listed[2], "•")
            return Markup("{}{} {}").format(listed[1], sign, self._inline(listed[3], _MARKDOWN))
        return self._inline(line, _MARKDOWN)


def emoji(name: str, otherwise: str = "") -> str:
    """The sign of a shortcode without its colons, or `otherwise`."""
    return EMOJI.get(name, otherwise or f":{name}:")


def _unescape(text: str) -> str:
    """Slack escapes `&`, `<` and `>`, and nothing else."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _is_web(url: str) -> bool:
    return bool(re.match(r"(?:https?://|mailto:)[^\s]+$", url, re.IGNORECASE))


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _append_quote(out: list[Markup], line: Markup) -> None:
    """Quoted lines that follow each other are one quote."""
    end = Markup("</blockquote>")
    if out and out[-1].endswith(end):
        out[-1] = Markup("{}\n{}{}").format(out[-1].removesuffix(end), line, end)
    else:
        out.append(Markup("<blockquote>{}</blockquote>").format(line))


_BLOCK_ENDS = ("</blockquote>", "</h3>", "<hr>")


def _join_lines(lines: list[Markup]) -> Markup:
    """Lines with breaks between them, but none beside what is a paragraph of its own."""
    out = Markup()
    for line in lines:
        own = line.endswith(_BLOCK_ENDS)
        out += line if not out or own or out.endswith(_BLOCK_ENDS) else Markup("\n") + line
    return out
