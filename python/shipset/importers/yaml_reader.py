"""YAML 1.2 as GitHub reads it, into plain values: mappings are :class:`Map` with lines, scalars are typed.

PyYAML takes the text apart; its YAML 1.1 readings (`on` is true) are not used. Depth, size and the number of nodes
after anchors are replaced are bounded.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from shipset.errors import UsageError
from shipset.importers.source import MAX_DEPTH

MAX_NODES = 50_000
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_FLOAT = re.compile(r"[-+]?(\d{1,18}\.\d{0,18}|\.\d{1,18})([eE][-+]?\d{1,2})?")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = {"", "~", "null", "Null", "NULL"}


class Map(dict[str, Any]):
    """A mapping that knows its line and those of its keys."""

    line: int = 0
    lines: dict[str, int]


def read_yaml(text: str, file: str) -> Any:
    """The only document of a text. Raises UsageError for anything else, with line where it is known."""
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        hint = "pip install 'shipset[import]'"
        raise UsageError(f"cannot import {file}", why="reading YAML needs PyYAML", hint=hint) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_depth(yaml, loader, text, file)
        node = yaml.compose(text, Loader=loader)
    except UsageError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise UsageError(f"cannot import {file}: it is not YAML", why=f"{where}{problem}") from error
    except (RecursionError, ValueError) as error:
        raise UsageError(f"cannot import {file}: it is not YAML", why=str(error).split("\n")[0]) from error
    return _Reader(yaml, file).value(node, 0) if node is not None else None


def _refuse_depth(yaml: Any, loader: Any, text: str, file: str) -> None:
    """Before anything recursive looks at the text."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise UsageError(f"cannot import {file}", why=f"line {line} is nested more than {MAX_DEPTH} levels deep")
        if count > 2 * MAX_NODES:
            raise UsageError(f"cannot import {file}", why=f"it has more than {MAX_NODES} nodes")


class _Reader:
    def __init__(self, yaml: Any, file: str) -> None:
        self._yaml = yaml
        self._file = file
        self._nodes = 0

    def value(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        line = node.start_mark.line + 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            why = f"line {line}: with its anchors replaced it has too many nodes, or anchors contain themselves"
            raise UsageError(f"cannot import {self._file}", why=why)
        if isinstance(node, self._yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, self._yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        out = Map()
        out.line, out.lines = line, {}
        for key, item in node.value:
            if not isinstance(key, self._yaml.ScalarNode):
                raise UsageError(f"cannot import {self._file}", why=f"line {line}: a key is not a text")
            out[key.value] = self.value(item, depth + 1)
            out.lines[key.value] = key.start_mark.line + 1
        return out


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style is not None:
        return text
    if text in _NULL:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() else number
    return text


def line_of(value: Any, key: str = "") -> int:
    """The line of a mapping or of one of its keys; 0 when it is not known."""
    if not isinstance(value, Map):
        return 0
    return value.lines.get(key, value.line) if key else value.line
