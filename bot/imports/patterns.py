r"""Patterns of Go (RE2), which Kubernetes and Terraform use, and of JavaScript, as Python reads them.

Go's syntax: https://github.com/google/re2/wiki/Syntax. Python has no `(?i)` in the middle, no `[[:alpha:]]`, no `\z`
and no `\p{L}`: the first three are translated, a pattern with the last cannot be.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_TOKEN = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|$)
    | \\x\{(?P<hex>[0-9A-Fa-f]{1,6})\} | \\u\{(?P<codepoint>[0-9A-Fa-f]{1,6})\}
    | (?P<escape>\\.)
    | \(\?(?P<flags>[a-zA-Z]*(?:-[a-zA-Z]+)?)\)
    | (?P<group>\((?:\?(?:P?<[A-Za-z_]\w*>|[a-zA-Z]*(?:-[a-zA-Z]+)?:|[=!]|<[=!]))?)
    | (?P<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {r"\z": r"\Z"}
#: What may stand in an alternative that is one plain text.
_LITERAL = re.compile(r"(?:[A-Za-z0-9 _@%&,;:=~<>!#/'\"-]|\\[^A-Za-z0-9])*")
_FEWEST, _MOST = 2, 200


class Untranslatable(ValueError):
    """Python has no words for this pattern; the text says what of it."""


def translated(pattern: str) -> str:
    """The pattern as Python compiles it, accepting the same. Raises Untranslatable."""
    if compiles(pattern):
        return pattern
    made = "".join(_Translation().parts(pattern))
    if not compiles(made):
        raise Untranslatable("Python cannot compile it")
    return made


def compiles(pattern: str) -> bool:
    """Whether Python reads it, and without a warning that it means something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
        except (re.error, Warning, RecursionError, OverflowError):
            return False
    return True


@dataclass
class _Translation:
    """For each open group the flags that were switched on inside of it: each alternative that follows has them too."""

    open: list[list[str]] = field(default_factory=lambda: [[]])

    def parts(self, pattern: str) -> Iterator[str]:
        for found in _TOKEN.finditer(pattern):
            yield self._part(found)
        yield ")" * len(self.open[-1])

    def _part(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or "other"
        translate: Callable[[str], str] = {
            "quoted": _escaped,
            "hex": _code_point,
            "codepoint": _code_point,
            "escape": _escape,
            "flags": self._switch,
            "group": self._open,
            "set": _set,
            "other": self._other,
        }[kind]
        return translate(found[kind])

    def _open(self, opening: str) -> str:
        self.open.append([])
        return _group(opening)

    def _switch(self, flags: str) -> str:
        opening = f"(?{_known(flags)}:"
        self.open[-1].append(opening)
        return opening

    def _other(self, character: str) -> str:
        if character == "|" and self.open[-1]:
            return ")" * len(self.open[-1]) + "|" + "".join(self.open[-1])
        if character == ")" and len(self.open) > 1:
            return ")" * len(self.open.pop()) + ")"
        return character


def _code_point(digits: str) -> str:
    return f"\\U{int(digits, 16):08x}"


def _escaped(text: str) -> str:
    return re.escape(text)


def _known(flags: str) -> str:
    if not flags or set(flags) - set("ims-"):
        raise Untranslatable(f"Python has no (?{flags})")
    return flags


def _group(opening: str) -> str:
    named = re.fullmatch(r"\(\?<([A-Za-z_]\w*)>", opening)
    if named:
        return f"(?P<{named[1]}>"
    flags = re.fullmatch(r"\(\?([a-zA-Z-]+):", opening)
    return f"(?{_known(flags[1])}:" if flags else opening


def _escape(escape: str) -> str:
    if escape[1] in "pPCX":
        raise Untranslatable(f"Python has no {escape}")
    return _ESCAPES.get(escape, escape)


def _set(text: str) -> str:
    """A set of characters, with the named ones written out and what Python may read as more than itself escaped."""
    opening = re.match(r"\[\^?", text)
    start = opening.end() if opening else 1
    inner = re.sub(
        r"\[:(\^?)(\w+):\]|\\x\{([0-9A-Fa-f]{1,6})\}|\\.|\[|([&|~-])(?=\4)|^\]",
        _in_set,
        text[start:-1],
        flags=re.DOTALL,
    )
    return text[:start] + inner + "]"


def _in_set(found: re.Match[str]) -> str:
    if found[2]:
        if found[1] or found[2] not in _CLASSES:
            raise Untranslatable(f"Python has no {found[0]}")
        return _CLASSES[found[2]]
    if found[3]:
        return _code_point(found[3])
    return _escape(found[0]) if found[0].startswith("\\") else "\\" + found[0]


def choices(pattern: str) -> list[str] | None:
    """The texts that an anchored alternation accepts, `^(small|large)$`; None: it is another kind of pattern."""
    inside = re.fullmatch(r"\^\((?:\?:)?([^()]*)\)\$", pattern)
    parts = inside[1].split("|") if inside else [part.removesuffix("$") for part in pattern.split("|^")]
    if inside is None:
        if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.count("$|^") != len(parts) - 1:
            return None
        parts[0] = parts[0][1:]
    if not _FEWEST <= len(parts) <= _MOST or not all(_LITERAL.fullmatch(part) for part in parts):
        return None
    return list(dict.fromkeys(re.sub(r"\\(.)", r"\1", part) for part in parts))
