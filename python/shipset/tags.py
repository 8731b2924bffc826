"""The tag table: every tag of a release, where it will point, why, and how it moves. Looks at no registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shipset.document import Document
from shipset.values import Platform, decode

if TYPE_CHECKING:
    from shipset.display import Page
    from shipset.matrix import Matrix


@dataclass(frozen=True, slots=True)
class TagEntry:
    """One tag of one repository. Empty ``platforms``: it points at the index of the variant."""

    repository: str
    tag: str
    reference: str
    variant: str
    active: bool
    platforms: tuple[Platform, ...]
    index: bool
    moves: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Members:
    schema_version: int
    name: str
    version: str
    entries: tuple[TagEntry, ...]


class TagTable(Document[_Members]):
    """Every tag of a release: variants in file order, repositories in order, rules in order."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """The version of the release."""
        return self._data.version

    @property
    def entries(self) -> tuple[TagEntry, ...]:
        """Every tag."""
        return self._data.entries

    def references(self, variant: str) -> tuple[str, ...]:
        """The references of one variant, as people write them."""
        return tuple(entry.reference for entry in self.entries if entry.variant == variant)

    def __len__(self) -> int:
        return len(self.entries)

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """One row a tag."""
        from shipset.report.pages import tags_page  # noqa: PLC0415 (printing JSON needs no tables)

        return tags_page(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return TagTable, (self._text,)


def tag_table(matrix: Matrix, *, include_inactive: bool = False) -> TagTable:
    """The tag table of a matrix; raises ReleaseFileError with every clash and bad tag.

    ``include_inactive`` lists variants whose condition is false too.
    """
    return TagTable(matrix._core.tags_json(include_inactive=include_inactive, indented=False))


def github_outputs(matrix: Matrix) -> str:
    """One multi-line output per declared variant, in the form that ``$GITHUB_OUTPUT`` takes."""
    return matrix._core.github_outputs()
