"""The release file: loading, checking, its inputs and its JSON Schema. The checker itself is in the core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.errors import Problem, ReleaseFileError, ShipsetError
from shipset.facts import Facts, collect_facts, with_zones
from shipset.matrix import Matrix, input_texts
from shipset.values import decode_json, parse_json

if TYPE_CHECKING:
    from shipset.display import Page


@dataclass(frozen=True, slots=True)
class Input:
    """A typed parameter of the release. ``type`` is string, boolean, integer or choice; ``default`` None: required."""

    name: str
    type: str = "string"
    default: str | None = None
    options: tuple[str, ...] = ()
    pattern: str = ""
    description: str = ""


class Spec:
    """A checked release file. Immutable; equal when text and path are equal."""

    __slots__ = ("_core",)

    def __init__(self, core: _core.Spec) -> None:
        self._core = core

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._core.name

    @property
    def file(self) -> Path:
        """The release file as it was given."""
        return Path(self._core.file)

    @property
    def text(self) -> str:
        """The release file's text."""
        return self._core.text

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Every declared variant, after matrix expansion, in file order."""
        return tuple(self._core.variant_names)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the declared inputs in file order."""
        return tuple(self._core.input_names)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Declared inputs in file order."""
        return decode_json(tuple[Input, ...], self._core.inputs_json)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Findings that are no errors."""
        return decode_json(tuple[Problem, ...], self._core.warnings_json)

    def matrix(self, /, **inputs: str | bool | int) -> Matrix:
        """Applies inputs, and what git, CI, clock and environment say now.

        Raises UsageError for unknown, missing and ill-typed inputs, ReleaseFileError for values that only now turn out
        wrong.
        """
        return self.matrix_of(inputs)

    def matrix_of(
        self, inputs: Mapping[str, str | bool | int], *, facts: Facts | None = None, version: str | None = None
    ) -> Matrix:
        """As :meth:`matrix`, with the inputs as a mapping, and with other facts.

        ``version`` takes the place of the file's own, and of inputs that only this one names; the release is looked at
        as when that git tag was pushed.
        """
        if facts is None:
            facts = collect_facts(self.file.parent)
        facts = with_zones(facts, self._core.text)
        core = self._core.matrix(input_texts(inputs), facts._core(), version)
        return Matrix(core, (self._core.text, self._core.file), version)

    def page(self) -> Page:
        """One row an input."""
        from shipset.display import Page, Row, Table  # noqa: PLC0415 (loading needs no tables)

        rows = tuple(
            Row((entry.name, entry.type, "required" if entry.default is None else entry.default, entry.description))
            for entry in self.inputs
        )
        note = f"{len(self.variant_names)} variants: {', '.join(self.variant_names[:50])}"
        table = Table("", ("input", "type", "default", "description"), rows, (note,))
        return Page(f"{self.name} ({self.file})", (), (table,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (self.text, self.file) == (other.text, other.file)

    def __hash__(self) -> int:
        return hash((self.text, self.file))

    def __reduce__(self) -> tuple[Any, ...]:
        return parse, (self.text, str(self.file))

    def __repr__(self) -> str:
        from shipset.display import to_text  # noqa: PLC0415

        return to_text(self.page())

    def _repr_html_(self) -> str:
        from shipset.display import to_html  # noqa: PLC0415

        return to_html(self.page())


def load(file: str | os.PathLike[str] = "shipset.toml") -> Spec:
    """Reads and checks a release file.

    Raises DiskError when it cannot be read, ReleaseFileError with every problem at once.
    """
    return Spec(_core.Spec.load(os.fspath(file)))


def parse(text: str, file: str | os.PathLike[str] = "shipset.toml") -> Spec:
    """Checks a release file given as text; ``file`` is used in messages and for relative paths."""
    return Spec(_core.Spec.parse(text, os.fspath(file)))


def check(
    file: str | os.PathLike[str] = "shipset.toml",
    *,
    inputs: Mapping[str, str | bool | int] | None = None,
    facts: Facts | None = None,
) -> tuple[Problem, ...]:
    """Every problem of a release file: of the file, of the values that the inputs give, and of the tag table.

    An empty tuple: the file is right. Inputs that have no default and are not given are no problem; what depends on
    them is not looked at. Raises DiskError when the file cannot be read.
    """
    try:
        spec = load(file)
    except ReleaseFileError as error:
        return _problems(error, file)
    found = list(spec.warnings)
    given = inputs or {}
    required = {entry.name for entry in spec.inputs if entry.default is None}
    if required <= given.keys():
        try:
            matrix = spec.matrix_of(given, facts=facts)
            found += [problem for problem in matrix.warnings if problem not in found]
            matrix._core.tags_json(include_inactive=True, indented=False)
        except ReleaseFileError as error:
            found += _problems(error, file)
    return tuple(found)


def inputs_from_environment(spec: Spec, environ: Mapping[str, str]) -> dict[str, str]:
    """Inputs that the environment gives: SHIPSET_INPUT_NAME, in capitals, other letters than A-Z and 0-9 as ``_``."""
    given = {}
    for name in spec.input_names:
        letters = (letter if letter.isascii() and letter.isalnum() else "_" for letter in name.upper())
        variable = "SHIPSET_INPUT_" + "".join(letters)
        if variable in environ:
            given[name] = environ[variable]
    return given


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the release file."""
    data: dict[str, Any] = parse_json(_core.release_file_schema())
    return data


def _problems(error: ShipsetError, file: str | os.PathLike[str]) -> tuple[Problem, ...]:
    if error.problems:
        return error.problems
    message = f"{error.what}: {error.why}" if error.why else error.what
    return (Problem("error", os.fspath(file), 0, 0, "", message, error.hint),)
