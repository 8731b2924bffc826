"""Expressions of GitHub Actions (`${{ … }}`, `if:`) taken apart into a tree. GitHub docs: "Evaluate expressions"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from shipset.importers.texts import NotUnderstoodError

MAX_LENGTH = 4000
MAX_TOKENS = 300
MAX_DEPTH = 40
_TOKENS = re.compile(
    r"\s*(?:(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?))|(?P<string>'(?:[^']|'')*')"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\],.*])|(?P<name>[A-Za-z_][\w-]*))"
)
_WORDS = {"true": True, "false": False, "null": None}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """`github.event.inputs.tag` as its parts, in lower case but for the last ones of free choice."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, or an operator as a function: `&&`, `||`, `==`, `!=`, `!`."""

    function: str
    arguments: tuple[Node, ...]


Node = Literal | Name | Call


def parse(text: str) -> Node:
    """The tree of an expression without its braces. Raises NotUnderstoodError."""
    if len(text) > MAX_LENGTH:
        raise NotUnderstoodError("the expression is too long")
    tokens: list[tuple[str, str]] = []
    offset = 0
    text = text.rstrip()
    while offset < len(text):
        found = _TOKENS.match(text, offset)
        if not found:
            raise NotUnderstoodError(f"the expression cannot be read at {text[offset : offset + 20]!r}")
        kind = found.lastgroup or ""
        tokens.append((kind, found[kind]))
        offset = found.end()
    if len(tokens) > MAX_TOKENS:
        raise NotUnderstoodError("the expression is too long")
    parser = _Parser(tokens)
    node = parser.level(0, 0)
    if parser.position != len(tokens):
        raise NotUnderstoodError(f"the expression cannot be read at {tokens[parser.position][1]!r}")
    return node


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self.position = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self.position] if self.position < len(self._tokens) else ("end", "")

    def _take(self, expected: str = "") -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (expected and token[1] != expected):
            raise NotUnderstoodError(
                f"the expression lacks {expected!r}" if expected else "the expression ends too early"
            )
        self.position += 1
        return token

    def level(self, level: int, depth: int) -> Node:
        """Operators from the weakest to the strongest."""
        if depth > MAX_DEPTH:
            raise NotUnderstoodError("the expression is nested too deeply")
        if level == len(_LEVELS):
            return self._unary(depth)
        node = self.level(level + 1, depth)
        while self._peek()[0] == "operator" and self._peek()[1] in _LEVELS[level]:
            operator = self._take()[1]
            node = Call(operator, (node, self.level(level + 1, depth)))
        return node

    def _unary(self, depth: int) -> Node:
        if self._peek() == ("operator", "!"):
            self._take()
            if depth > MAX_DEPTH:
                raise NotUnderstoodError("the expression is nested too deeply")
            return Call("!", (self._unary(depth + 1),))
        return self._primary(depth)

    def _primary(self, depth: int) -> Node:
        kind, text = self._take()
        if text == "(" and kind == "operator":
            node = self.level(0, depth + 1)
            self._take(")")
            return node
        if kind == "string":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(int(text, 16) if "x" in text else float(text) if "." in text else int(text))
        if kind != "name":
            raise NotUnderstoodError(f"the expression cannot be read at {text!r}")
        if text in _WORDS:
            return Literal(_WORDS[text])
        if self._peek() == ("operator", "("):
            return self._call(text, depth)
        return self._name(text)

    def _call(self, function: str, depth: int) -> Node:
        self._take("(")
        arguments: list[Node] = []
        while self._peek() != ("operator", ")"):
            if arguments:
                self._take(",")
            arguments.append(self.level(0, depth + 1))
        self._take(")")
        return Call(function.lower(), tuple(arguments))

    def _name(self, first: str) -> Node:
        parts = [first]
        while self._peek() in (("operator", "."), ("operator", "[")):
            if self._take()[1] == ".":
                parts.append(self._take()[1])
                continue
            kind, text = self._take()
            if kind not in ("string", "number"):
                raise NotUnderstoodError("an index that is not a literal")
            parts.append(text[1:-1] if kind == "string" else text)
            self._take("]")
        return Name(tuple(parts))
