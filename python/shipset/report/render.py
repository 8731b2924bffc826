"""The forms of a plan or report, by name and by the ending of a file. HTML wants jinja2 (extra ``report``)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shipset.display import to_markdown, to_text
from shipset.document import Document, write_file
from shipset.errors import UsageError


def _text(document: Document[Any]) -> str:
    return to_text(document.page()) + "\n"


def _json(document: Document[Any]) -> str:
    return document.to_json(indented=True) + "\n"


def _markdown(document: Document[Any]) -> str:
    return to_markdown(document.page()) + "\n"


def _html(document: Document[Any]) -> str:
    from shipset.report.html import to_page  # noqa: PLC0415 (jinja2 is optional and slow to load)

    return to_page(document.page())


RENDERERS: dict[str, Callable[[Document[Any]], str]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
}
_ENDINGS = {".txt": "text", ".json": "json", ".md": "markdown", ".html": "html"}


def render(document: Document[Any], form: str) -> str:
    """The document in one of RENDERERS' forms, with a line feed at the end. Raises UsageError for another name, or
    when jinja2 is missing for html."""
    renderer = RENDERERS.get(form)
    if renderer is None:
        raise UsageError(f"there is no form {form!r}", hint=f"choose one of {', '.join(RENDERERS)}")
    return renderer(document)


def save(document: Document[Any], path: str | os.PathLike[str]) -> Path:
    """Writes the document in the form that the ending names: .html, .json, .md or .txt. Readers of the file see the
    old or the new one, never half. Raises UsageError for another ending, DiskError when it cannot be written."""
    target = Path(path)
    form = _ENDINGS.get(target.suffix)
    if form is None:
        raise UsageError(f"cannot tell the form of {target}", hint=f"end its name in {', '.join(_ENDINGS)}")
    write_file(target, render(document, form))
    return target
