"""GitHub-flavoured Markdown tables, for step summaries and release notes. Text from outside cannot become markup."""

from __future__ import annotations

import re

from shipset.display.table import Page, Table, clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#!|~@])")


def escape(text: str) -> str:
    """The text, with everything that Markdown or HTML would read as markup escaped."""
    return _SPECIAL.sub(r"\\\1", clean(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\@", "&#64;")


def to_markdown(page: Page | Table) -> str:
    """Headings, facts, tables and notes; ends without a line feed."""
    if isinstance(page, Table):
        return _table(page)
    parts = [f"## {escape(page.title)}"] if page.title else []
    if page.facts:
        parts.append("\n".join(f"- {escape(name)}: {escape(value)}" for name, value in page.facts))
    return "\n\n".join([*parts, *(text for text in map(_table, page.tables) if text)])


def _table(table: Table) -> str:
    parts = [f"### {escape(table.title)}"] if table.title else []
    if table.rows:
        lines = [_line(table.columns), _line(["---"] * len(table.columns), raw=True)]
        lines += [_line(row.cells) for row in table.rows]
        parts.append("\n".join(lines))
    if table.notes:
        parts.append("\n".join(f"- {escape(note)}" for note in table.notes))
    return "\n\n".join(parts)


def _line(cells: tuple[str, ...] | list[str], *, raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else escape(cell) for cell in cells) + " |"
