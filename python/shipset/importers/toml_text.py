"""Writes tidy TOML: aligned keys, short arrays and tables on one line, long ones over several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

LINE_LENGTH = 110
INLINE_ENTRIES = 2
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def key(name: str) -> str:
    """A key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else string(name)


def string(text: str) -> str:
    """A basic string on one line."""
    out = []
    for letter in text:
        code = ord(letter)
        if letter in _ESCAPES:
            out.append(_ESCAPES[letter])
        elif code < 0x20 or code == 0x7F:  # noqa: PLR2004 (ASCII's control characters)
            out.append(f"\\u{code:04x}")
        elif 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 (half of a pair, which UTF-8 cannot hold)
            out.append("\\ufffd")
        else:
            out.append(letter)
    return '"' + "".join(out) + '"'


def inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key(name)} = {inline(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return str(value)


def section(header: str, values: Mapping[str, Any], *, comment: str = "") -> str:
    """A section: plain keys aligned, then tables of more than a few entries below headers of their own.

    ``header`` is with its brackets; of ``[[variant]]``, tables are ``[variant.args]``.
    """
    path = header.strip("[]")
    plain: dict[str, Any] = {}
    tables: dict[str, Mapping[str, Any]] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and (len(value) > INLINE_ENTRIES or len(inline(value)) > LINE_LENGTH - 20):
            tables[name] = value
        else:
            plain[name] = value
    lines = [f"# {line}" if line else "#" for line in comment.splitlines()]
    lines += [header, *_aligned(plain)]
    text = "\n".join(lines) + "\n"
    for name, table in tables.items():
        text += f"\n[{path}.{key(name)}]\n" + "\n".join(_aligned(table)) + "\n"
    return text


def _aligned(values: Mapping[str, Any]) -> Iterable[str]:
    width = max((len(key(name)) for name in values), default=0)
    for name, value in values.items():
        line = f"{key(name):<{width}} = {inline(value)}"
        if isinstance(value, list | tuple) and (len(line) > LINE_LENGTH or _is_rules(value)):
            line = f"{key(name):<{width}} = [\n" + "".join(f"  {inline(item)},\n" for item in value) + "]"
        yield line


def _is_rules(value: list[Any] | tuple[Any, ...]) -> bool:
    return len(value) > 1 and all(isinstance(item, Mapping) for item in value)
