"""The matrix: a release with its inputs given, every variant with its platforms, settings and tags. Immutable.

Made by :meth:`shipset.Spec.matrix`; read by :func:`shipset.plan` and :func:`shipset.tag_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.document import Document
from shipset.values import FrozenMap, decode

if TYPE_CHECKING:
    from shipset.display import Page
    from shipset.errors import Problem
    from shipset.facts import Facts
    from shipset.variant import Gate, MatrixMembers, Variant


class Matrix(Document["MatrixMembers"]):
    """A release with its inputs given. In Jupyter: a table of variants, platforms and tags."""

    __slots__ = ("_core", "_given_version", "_source")

    def __init__(self, core: _core.Matrix, source: tuple[str, str], given_version: str | None = None) -> None:
        super().__init__(lambda: core.to_json(indented=False))
        self._core = core
        self._source = source
        self._given_version = given_version

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """The version of the release, "" when the file gives none."""
        return self._data.version

    @property
    def automatic(self) -> str:
        """The file's version where it is computed from those that exist, as ``auto:minor``; else ""."""
        return self._core.automatic

    def with_versions(self, versions: Iterable[str]) -> Matrix:
        """The same matrix where these versions exist beside those of its facts: an automatic version comes after the
        highest of all."""
        known = self.facts.versions
        facts = replace(self.facts, versions=None if known is None else (*known, *versions))
        return _rebuild(*self._source, dict(self.inputs), facts)

    def of_version(self, version: str) -> Matrix:
        """The same inputs with another version, looked at as when its git tag was pushed."""
        if self._given_version == version:
            return self
        return _rebuild(*self._source, dict(self.inputs), self.facts, version)

    @property
    def file(self) -> Path:
        """The release file."""
        return Path(self._data.file)

    @property
    def repositories(self) -> tuple[str, ...]:
        """Where the release goes, unless a variant says otherwise."""
        return self._data.repositories

    @property
    def inputs(self) -> FrozenMap[Any]:
        """Every input with its value, in file order."""
        return self._data.inputs

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Gates in file order."""
        return self._data.gates

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Every declared variant in file order, also inactive ones."""
        return self._data.variants

    @property
    def facts(self) -> Facts:
        """What the release knows about the world."""
        return self._data.facts

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Findings that are no errors."""
        return self._data.warnings

    @property
    def has_warnings(self) -> bool:
        """Whether there are warnings, without looking at anything else."""
        return self._core.has_warnings

    def _decode(self, data: Any) -> MatrixMembers:
        from shipset.variant import MatrixMembers  # noqa: PLC0415 (printing JSON needs no values)

        return decode(MatrixMembers, data)

    def page(self) -> Page:
        """One row a variant."""
        from shipset.report.pages import matrix_page  # noqa: PLC0415

        return matrix_page(self)

    def __len__(self) -> int:
        return len(self.variants)

    def __getitem__(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (*self._source, dict(self.inputs), self.facts, self._given_version)


def _rebuild(text: str, file: str, inputs: dict[str, Any], facts: Facts, version: str | None = None) -> Matrix:
    core = _core.Spec.parse(text, file).matrix(input_texts(inputs), facts._core(), version)
    return Matrix(core, (text, file), version)


def input_texts(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Inputs as the core reads them: true and false, decimal, text."""
    texts = {True: "true", False: "false"}
    return {
        name: texts[value] if isinstance(value, bool) else str(value)
        for name, value in inputs.items()
        if value is not None
    }
