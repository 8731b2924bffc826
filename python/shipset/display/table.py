"""What is shown, without how: a table with a title, columns, rows and lines below it. Plain data, immutable."""

from __future__ import annotations

from dataclasses import dataclass

#: Rows that ``repr`` and notebooks show of a table; more are counted.
SHOWN_ROWS = 200

#: Control characters from outside would let a tag or message forge lines or terminal codes.
_UNPRINTABLE = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), *range(127, 160))}


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``tone`` is "", "good", "bad" or "dim" and colours it where colours exist."""

    cells: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns, rows of as many cells as columns, and notes below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def clean(text: str) -> str:
    """One line without control characters."""
    return text.replace("\n", " ").translate(_UNPRINTABLE)


@dataclass(frozen=True, slots=True)
class Page:
    """A title, named facts, and tables."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


def shortened(page: Page) -> Page:
    """At most SHOWN_ROWS rows a table, and a note that counts the rest."""
    return Page(page.title, page.facts, tuple(map(_shortened, page.tables)))


def _shortened(table: Table) -> Table:
    rest = len(table.rows) - SHOWN_ROWS
    if rest <= 0:
        return table
    return Table(table.title, table.columns, table.rows[:SHOWN_ROWS], (f"… and {rest} more", *table.notes))
