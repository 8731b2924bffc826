"""A page as one HTML file: inline style, no script, nothing from the network. Wants jinja2 (extra ``report``)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from shipset.display import Page
from shipset.display.table import clean
from shipset.errors import UsageError


def to_page(page: Page) -> str:
    """A complete document. Raises UsageError when jinja2 is not installed."""
    text: str = _template().render(page=page)
    return text


@cache
def _template() -> Any:
    try:
        import jinja2  # noqa: PLC0415 (optional, and slow to load)
    except ImportError as error:
        raise UsageError(
            "HTML reports need jinja2", why="it is not installed", hint="pip install 'shipset[report]'"
        ) from error
    source = resources.files("shipset.report").joinpath("templates", "page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clean"] = clean
    return environment.from_string(source)
