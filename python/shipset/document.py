"""Base of the larger values: something that the core wrote as JSON text, decoded into typed members when looked at.

Equal text is an equal value; hashing follows. Nothing is parsed before a member is read, so printing the JSON of a
thousand variants costs no Python objects. Thread-safe: decoding twice gives the same.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from shipset.display import Page, Table, to_html, to_text
from shipset.values import decode

D = TypeVar("D")

#: Rows that ``repr`` and notebooks show; more are counted.
SHOWN_ROWS = 200


class Document(Generic[D]):
    """JSON text with typed members. ``_members`` is the dataclass that it decodes into."""

    __slots__ = ("_decoded", "_written")
    _members: type[D]

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._written = text
        self._decoded: D | None = None

    @property
    def _text(self) -> str:
        if not isinstance(self._written, str):
            self._written = self._written()
        return self._written

    @property
    def _data(self) -> D:
        if self._decoded is None:
            self._decoded = decode(self._members, json.loads(self._text))
        return self._decoded

    @abstractmethod
    def page(self) -> Page:
        """What people see of it."""

    def to_json(self, *, indented: bool = False) -> str:
        """Stable JSON, without a line feed at the end."""
        return json.dumps(json.loads(self._text), indent=2, ensure_ascii=False) if indented else self._text

    def to_dict(self) -> dict[str, Any]:
        """The same as new Python data."""
        data: dict[str, Any] = json.loads(self._text)
        return data

    def to_text(self) -> str:
        """Text tables."""
        return to_text(self.page())

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Document) and self._text == other._text

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._text))

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return to_text(shortened(self.page()))

    def _repr_html_(self) -> str:
        return to_html(shortened(self.page()))


def shortened(page: Page) -> Page:
    """At most SHOWN_ROWS rows a table, and a note that counts the rest."""
    return Page(page.title, page.facts, tuple(map(_shortened, page.tables)))


def _shortened(table: Table) -> Table:
    rest = len(table.rows) - SHOWN_ROWS
    if rest <= 0:
        return table
    return Table(table.title, table.columns, table.rows[:SHOWN_ROWS], (f"… and {rest} more", *table.notes))
