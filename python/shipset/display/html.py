"""HTML tables as one self-contained fragment: no script, no style sheet from outside, every text escaped."""

from __future__ import annotations

from html import escape

from shipset.display.table import Page, Table, clean

_TONES = {"good": "color:#1a7f37", "bad": "color:#cf222e", "dim": "opacity:0.55"}
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"


def to_html(page: Page | Table) -> str:
    """A ``<div>`` with titles, facts, tables and notes."""
    if isinstance(page, Table):
        page = Page("", (), (page,))
    parts = ['<div class="shipset">']
    if page.title:
        parts.append(f"<p><b>{escape(clean(page.title))}</b></p>")
    if page.facts:
        facts = (f"{escape(name)}: {escape(clean(value))}" for name, value in page.facts)
        parts.append(f"<p>{' · '.join(facts)}</p>")
    for table in page.tables:
        parts += _table(table)
    parts.append("</div>")
    return "\n".join(parts)


def _table(table: Table) -> list[str]:
    parts = [f"<p><b>{escape(clean(table.title))}</b></p>"] if table.title else []
    if table.rows:
        head = "".join(f'<th style="{_CELL}">{escape(column)}</th>' for column in table.columns)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
        for row in table.rows:
            style = _TONES.get(row.tone, "")
            cells = "".join(f'<td style="{_CELL}">{escape(clean(cell))}</td>' for cell in row.cells)
            parts.append(f'<tr style="{style}">{cells}</tr>' if style else f"<tr>{cells}</tr>")
        parts.append("</tbody></table>")
    parts += [f"<p>{escape(clean(note))}</p>" for note in table.notes]
    return parts
