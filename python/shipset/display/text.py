"""Text tables: columns as wide as their content, the last one free. For terminals, logs and ``repr``."""

from __future__ import annotations

from shipset.display.table import Page, Table, clean


def to_text(page: Page | Table) -> str:
    """The page or table as lines without a line feed at the end."""
    if isinstance(page, Table):
        return _table(page)
    width = max((len(name) for name, _ in page.facts), default=0)
    head = [clean(page.title)] if page.title else []
    head += [f"  {name.ljust(width)}  {clean(value)}" for name, value in page.facts]
    return "\n\n".join(part for part in ("\n".join(head), *map(_table, page.tables)) if part)


def _table(table: Table) -> str:
    lines = [clean(table.title)] if table.title else []
    if table.rows:
        grid = [[clean(cell) for cell in row.cells] for row in table.rows]
        header = [column.upper() for column in table.columns]
        widths = [max(len(row[place]) for row in [header, *grid]) for place in range(len(header))]
        for row in [header, *grid]:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
    lines += [clean(note) for note in table.notes]
    return "\n".join(lines)
