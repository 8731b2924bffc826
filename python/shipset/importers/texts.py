"""Templates and conditions of the release file, as the importers make them.

A :class:`Text` is a list of alternatives, each with its condition; most have one that always holds. Conditions are
True, False, or an expression for `when`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Condition = bool | str
MAX_ALTERNATIVES = 16
MAX_TEXT = 20_000
MAX_CONDITION = 4_000
_PIECES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|.", re.DOTALL)
_SIMPLE = re.compile(r'(?:not )?[\w.-]+|[\w.-]+ (?:==|!=) (?:"[^"]*"|[\w.-]+)')


class NotUnderstoodError(ValueError):
    """Something has no counterpart in the release file; the text says why."""


def escaped(text: str) -> str:
    """Literal text as a template."""
    return text.replace("{", "{{").replace("}", "}}")


def unescaped(template: str) -> str | None:
    """The text of a template without names; None when it has one."""
    pieces = list(pieces_of(template))
    if any(is_name(piece) for piece in pieces):
        return None
    return "".join(piece[0] for piece in pieces)


def pieces_of(template: str) -> Iterator[str]:
    """Single letters, `{{`, `}}` and `{name}`."""
    return (found[0] for found in _PIECES.finditer(template))


def is_name(piece: str) -> bool:
    """Whether a piece is `{name}`."""
    return len(piece) > 1 and piece not in ("{{", "}}")


def cuts(template: str, letter: str) -> list[tuple[str, str]]:
    """What stands before and after each such letter outside of `{name}`, from left to right."""
    found, offset = [], 0
    for piece in pieces_of(template):
        if piece == letter:
            found.append((template[:offset], template[offset + 1 :]))
        offset += len(piece)
    return found


def both(left: Condition, right: Condition) -> Condition:
    """left and right"""
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    return left if left == right else _bounded(f"{_grouped(left, ' or ')} and {_grouped(right, ' or ')}")


def either(left: Condition, right: Condition) -> Condition:
    """left or right"""
    if isinstance(left, bool):
        return True if left else right
    if isinstance(right, bool):
        return True if right else left
    return left if left == right else _bounded(f"{left} or {right}")


def negated(condition: Condition) -> Condition:
    """not condition"""
    if isinstance(condition, bool):
        return not condition
    if condition.startswith("not ") and _SIMPLE.fullmatch(condition):
        return condition.removeprefix("not ")
    if _SIMPLE.fullmatch(condition) and " " not in condition:
        return f"not {condition}"
    if _SIMPLE.fullmatch(condition):
        return condition.replace(" == ", " != ") if " == " in condition else condition.replace(" != ", " == ")
    return f"not ({condition})"


def _bounded(condition: str) -> str:
    if len(condition) > MAX_CONDITION:
        raise NotUnderstoodError("the condition is too long")
    return condition


def _grouped(condition: str, weaker: str) -> str:
    return f"({condition})" if weaker in condition else condition


def quoted(text: str) -> str:
    """A text as a literal of a condition. It has no escapes: what has both kinds of quotes cannot be written."""
    if '"' in text:
        if "'" in text:
            raise NotUnderstoodError("a text with both kinds of quotes cannot stand in a condition")
        return f"'{text}'"
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class Text:
    """Templates with their conditions; the first whose condition holds is meant."""

    alternatives: tuple[tuple[Condition, str], ...]

    @classmethod
    def template(cls, template: str) -> Text:
        """One template."""
        return cls(((True, template),))

    @classmethod
    def literal(cls, text: str) -> Text:
        """Literal text."""
        return cls.template(escaped(text))

    @property
    def single(self) -> str | None:
        """The template when there is only one, None otherwise."""
        return self.alternatives[0][1] if len(self.alternatives) == 1 else None

    def followed_by(self, other: Text) -> Text:
        """Both in a row: every alternative of the one with every one of the other. NotUnderstoodError for too many."""
        combined = [
            (both(first, second), left + right)
            for first, left in self.alternatives
            for second, right in other.alternatives
        ]
        combined = [entry for entry in combined if entry[0] is not False]
        if len(combined) > MAX_ALTERNATIVES:
            raise NotUnderstoodError("too many conditions in one text")
        if any(len(template) > MAX_TEXT for _, template in combined):
            raise NotUnderstoodError("the text is too long")
        return Text(tuple(combined))

    def value(self) -> Any:
        """As a value of the release file: a string, or a list of `{ when, value }`."""
        if self.single is not None:
            return self.single
        return [
            {"value": template} if condition is True else {"when": condition, "value": template}
            for condition, template in self.alternatives
        ]


def joined(parts: list[Text]) -> Text:
    """All in a row."""
    out = Text.literal("")
    for part in parts:
        out = out.followed_by(part)
    return out
