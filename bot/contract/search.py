"""Which of many choices somebody means by what they have typed. Pure."""

from collections.abc import Iterable

from bot.contract.questions import Choice

#: A label begins with the text; one of its words does; the text stands in it; each of its words does.
_BEGINS, _WORD, _WITHIN, _WORDS = range(4)


def ranked(choices: Iterable[Choice], text: str) -> list[Choice]:
    """The choices that have all words of `text` in their labels, the nearest first, else in their order."""
    wanted = text.casefold().strip()
    if not wanted:
        return list(choices)
    words = wanted.split()
    found: tuple[list[Choice], ...] = ([], [], [], [])
    for choice in choices:
        label = choice.label.casefold()
        if words[0] in label and (rank := _rank(label, wanted, words)) is not None:
            found[rank].append(choice)
    return [choice for rank in found for choice in rank]


def _rank(label: str, wanted: str, words: list[str]) -> int | None:
    if label.startswith(wanted):
        return _BEGINS
    at = label.find(wanted)
    if at < 0:
        return _WORDS if all(word in label for word in words) else None
    while at > 0:
        if not label[at - 1].isalnum():
            return _WORD
        at = label.find(wanted, at + 1)
    return _WITHIN
