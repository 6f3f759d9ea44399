"""Expressions of HCL, Terraform's language, as a tree: types, and the conditions of validations.

https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md. What is left out (templates, splats, indices) raises
Unreadable: nobody needs it in a type, and a condition with it is carried over by no schema.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\#[^\n]*|//[^\n]*|/\*.*?\*/)+)
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<mark>&&|\|\||==|!=|<=|>=|=>|\.\.\.|[<>!?:=()\[\]{},.+*/%-])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_STRENGTH = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}


class Unreadable(ValueError):
    """An expression that has no place in a type or a simple condition."""


@dataclass(frozen=True)
class Literal:
    value: Any


@dataclass(frozen=True)
class Name:
    """`string`, `var.size`, `each.value.name`."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Items:
    """`[a, b]`."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class Fields:
    """`{a = 1}`."""

    fields: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True)
class Each:
    """`[for name in source : body]`."""

    name: str
    source: "Node"
    body: "Node"


@dataclass(frozen=True)
class Operation:
    """Of one operand (`right` is None) or two; `?` has its outcomes in Items on the right."""

    mark: str
    left: "Node"
    right: "Node | None" = None


Node = Literal | Name | Call | Items | Fields | Each | Operation


def expression(text: str) -> Node:
    """The tree of an expression. Raises Unreadable."""
    try:
        reader = _Reader(_tokens(text))
        node = reader.expression()
        reader.expect("end")
    except RecursionError:
        raise Unreadable("too deep") from None
    return node


def unquoted(text: str) -> str:
    """The text of a quoted string. Raises Unreadable where it has a template."""
    if re.search(r"(?<![$%])[$%]\{", text):
        raise Unreadable("a template")
    inner = re.sub(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", _escape, text[1:-1], flags=re.DOTALL)
    return inner.replace("$${", "${").replace("%%{", "%{")


def _escape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, found[0])


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unreadable(text[at : at + 20])
        at = found.end()
        if found.lastgroup != "space":
            tokens.append((str(found.lastgroup), found[0]))
    return [*tokens, ("end", "")]


class _Reader:
    """Reads tokens from the left, one ahead."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    def next(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def is_at(self, *marks: str) -> bool:
        kind, text = self.tokens[self.at]
        return (text if kind == "mark" else kind) in marks

    def taken(self, mark: str) -> bool:
        found = self.is_at(mark)
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        if not self.taken(mark):
            raise Unreadable(f"{self.tokens[self.at][1]} where {mark} is expected")

    def expression(self) -> Node:
        condition = self.operation(1)
        if not self.taken("?"):
            return condition
        yes = self.expression()
        self.expect(":")
        return Operation("?", condition, Items((yes, self.expression())))

    def operation(self, weakest: int) -> Node:
        left = self.unary()
        while self.is_at(*(mark for mark, strength in _STRENGTH.items() if strength >= weakest)):
            mark = self.next()[1]
            left = Operation(mark, left, self.operation(_STRENGTH[mark] + 1))
        return left

    def unary(self) -> Node:
        if self.taken("!"):
            return Operation("!", self.unary())
        if self.taken("-"):
            operand = self.unary()
            if isinstance(operand, Literal) and isinstance(operand.value, int | float):
                return Literal(-operand.value)
            raise Unreadable("a computed number")
        return self.primary()

    def primary(self) -> Node:
        kind, text = self.next()
        readers: dict[str, Callable[[str], Node]] = {
            "string": lambda text: Literal(unquoted(text)),
            "number": lambda text: Literal(float(text) if re.search(r"[.eE]", text) else int(text)),
            "name": self.name,
            "(": self.group,
            "[": self.items,
            "{": self.fields,
        }
        read = readers.get(text if kind == "mark" else kind)
        if read is None:
            raise Unreadable(text)
        return read(text)

    def group(self, _: str) -> Node:
        inner = self.expression()
        self.expect(")")
        return inner

    def name(self, text: str) -> Node:
        if self.taken("("):
            return Call(text, self.listed(")"))
        path = [text]
        while self.taken("."):
            kind, part = self.next()
            if kind != "name":
                raise Unreadable(part)
            path.append(part)
        return Literal(_WORDS[text]) if text in _WORDS and len(path) == 1 else Name(tuple(path))

    def items(self, _: str) -> Node:
        if self.tokens[self.at] == ("name", "for"):
            return self.each()
        return Items(self.listed("]"))

    def each(self) -> Node:
        self.next()
        (kind, name), word = self.next(), self.next()
        if kind != "name" or word != ("name", "in"):
            raise Unreadable("for with an index")
        source = self.expression()
        self.expect(":")
        body = self.expression()
        self.expect("]")
        return Each(name, source, body)

    def listed(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.taken(end):
            found.append(self.expression())
            if not self.taken(","):
                self.expect(end)
                break
        return tuple(found)

    def fields(self, _: str) -> Node:
        found: list[tuple[str, Node]] = []
        while not self.taken("}"):
            kind, text = self.next()
            if kind not in {"name", "string"} or not (self.taken("=") or self.taken(":")):
                raise Unreadable(text)
            found.append((unquoted(text) if kind == "string" else text, self.expression()))
            self.taken(",")
        return Fields(tuple(found))
