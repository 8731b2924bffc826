"""Reading what is imported: text or file, UTF-8, at most 1 MiB, with bounded depth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shipset.errors import DiskError, UsageError

MAX_BYTES = 1 << 20
MAX_DEPTH = 64


def read_source(text_or_path: str | os.PathLike[str]) -> tuple[str, str]:
    """(name for messages, text). A str with a line break or an opening brace is text, else it is a path."""
    if isinstance(text_or_path, str) and ("\n" in text_or_path or text_or_path.lstrip().startswith("{")):
        name, data = "<text>", text_or_path.encode("utf-8", "surrogatepass")
    else:
        name = os.fspath(text_or_path)
        try:
            with Path(name).open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise DiskError(f"cannot read {name!r}", why=why) from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"cannot import {name}", why=f"it is larger than {MAX_BYTES} bytes")
    try:
        return name, data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"cannot import {name}", why=f"line {line} is not UTF-8") from error


def refuse_depth(value: Any, name: str) -> None:
    """Raises UsageError when lists and objects lie in each other too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise UsageError(f"cannot import {name}", why=f"it is nested more than {MAX_DEPTH} levels deep")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return list(item) if isinstance(item, list) else []


def as_text(value: Any) -> str | None:
    """A scalar as people wrote it; None for lists, objects and null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else None


def as_texts(value: Any) -> list[str]:
    """The texts of a list, or of one scalar; what is no text is passed over."""
    values = value if isinstance(value, list) else [value]
    return [text for item in values if (text := as_text(item)) is not None]


def as_mapping(value: Any) -> dict[str, Any]:
    """The mapping, or an empty one when it is something else."""
    return value if isinstance(value, dict) else {}
