"""`strategy.matrix` of a job: axes, include and exclude as GitHub expands them."""

from __future__ import annotations

from itertools import product
from typing import Any

from shipset.importers.draft import MAX_TARGETS
from shipset.importers.source import as_mapping


class TooManyError(ValueError):
    """The matrix has more combinations than GitHub runs."""


def combinations(matrix: Any) -> list[dict[str, Any]] | None:
    """Every combination; None for a matrix that is known only when the workflow runs. Raises TooManyError."""
    if not isinstance(matrix, dict):
        return None
    axes = {name: values for name, values in matrix.items() if name not in ("include", "exclude")}
    include, exclude = matrix.get("include") or [], matrix.get("exclude") or []
    if not all(isinstance(values, list) for values in [*axes.values(), include, exclude]):
        return None
    count = 1
    for values in axes.values():
        count *= max(len(values), 1)
    if count > MAX_TARGETS or len(include) > MAX_TARGETS:
        raise TooManyError(f"it has more than {MAX_TARGETS} combinations")
    found = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    found = [row for row in found if not any(_matches(row, as_mapping(entry)) for entry in exclude)]
    originals = len(found)
    names = [set(row) for row in found]
    for entry in map(as_mapping, include):
        fits = [
            row
            for row, own in zip(found[:originals], names, strict=True)
            if all(row[name] == value for name, value in entry.items() if name in own)
        ]
        for row in fits:
            row.update(entry)
        if not fits:
            found.append(dict(entry))
    return found


def _matches(row: dict[str, Any], entry: dict[str, Any]) -> bool:
    return bool(entry) and all(name in row and _covers(row[name], value) for name, value in entry.items())


def _covers(value: Any, wanted: Any) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(name in value and _covers(value[name], item) for name, item in wanted.items())
    return bool(value == wanted)
