"""The text of `/platform`: what it asks for. Pure."""

from dataclasses import dataclass

from bot.slack.text import unescape

#: Quotes that keep words together; a phone types the curly ones.
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}


@dataclass(frozen=True)
class Command:
    """One slash command: its verb, and its words; `name=value` words of `request` and `change` are pairs."""

    verb: str
    words: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


def parse(text: str) -> Command:
    """`request postgres name=orders size="very large"` in parts. Every text is accepted; a lone quote is a character."""
    words = split(unescape(text).strip())
    verb, rest = (words[0].lower(), words[1:]) if words else ("", [])
    named = [word for word in rest[1:] if "=" in word] if verb in ("request", "change") else []
    return Command(
        verb,
        tuple(word for word in rest if word not in named),
        tuple((name, value) for name, _, value in (word.partition("=") for word in named)),
    )


def split(text: str) -> list[str]:
    """Words at white space; a pair of quotes at the start of a word or of a value keeps it together and goes."""
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        word, position = _word(text, position)
        words.append(word)
    return words


def _word(text: str, position: int) -> tuple[str, int]:
    word = ""
    while position < len(text) and not text[position].isspace():
        closing = _closing(text, position) if not word or word.endswith("=") else None
        if closing is None:
            word += text[position]
            position += 1
        else:
            word += text[position + 1 : closing]
            position = closing + 1
    return word, position


def _closing(text: str, position: int) -> int | None:
    """Where the quotation that opens here ends: before white space or at the end of the text, else it is none."""
    wanted = _QUOTES.get(text[position])
    if wanted is None:
        return None
    end = text.find(wanted, position + 1)
    while end != -1 and end + 1 < len(text) and not text[end + 1].isspace():
        end = text.find(wanted, end + 1)
    return None if end == -1 else end
