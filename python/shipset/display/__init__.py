"""Pages and tables of plain data, shown as text in a terminal, as HTML in a notebook, as Markdown on GitHub."""

from shipset.display.html import to_html
from shipset.display.markdown import to_markdown
from shipset.display.table import Page, Row, Table, shortened
from shipset.display.text import to_text

__all__ = ["Page", "Row", "Table", "shortened", "to_html", "to_markdown", "to_text"]
