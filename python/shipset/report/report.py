"""The report of a release as a value: what is done, failed, not started, and what moved. Immutable; pickles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipset.document import Document
from shipset.report.values import Descriptor, Failure, GateReport, ReportMembers, TagReport, TargetReport, VariantReport
from shipset.values import decode

if TYPE_CHECKING:
    from shipset.display import Page


class Report(Document[ReportMembers]):
    """What a release did. ``outcome``: released, nothing to do, staged, failed, cancelled or incomplete."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id of the release, stable over attempts."""
        return self._data.id

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """Its version."""
        return self._data.version

    @property
    def file(self) -> str:
        """Path of the release file, as it was given."""
        return self._data.file

    @property
    def outcome(self) -> str:
        """How it ended."""
        return self._data.outcome

    @property
    def bytes_moved(self) -> int:
        """Bytes of blobs that went to destinations."""
        return self._data.bytes_moved

    @property
    def tags_moved(self) -> int:
        """Tags that were created or moved."""
        return self._data.tags_moved

    @property
    def gates(self) -> tuple[GateReport, ...]:
        """Every gate in file order."""
        return self._data.gates

    @property
    def variants(self) -> tuple[VariantReport, ...]:
        """Every declared variant in file order."""
        return self._data.variants

    @property
    def tags(self) -> tuple[TagReport, ...]:
        """Every tag in the order of promotion."""
        return self._data.tags

    @property
    def targets(self) -> tuple[TargetReport, ...]:
        """Every destination."""
        return self._data.targets

    @property
    def set(self) -> Descriptor | None:
        """The set manifest, once every destination has it."""
        return self._data.set

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know."""
        return self._data.warnings

    @property
    def error(self) -> Failure | None:
        """The first cause, when it failed."""
        return self._data.error

    @property
    def duration_ms(self) -> int:
        """From start to end."""
        return self._data.duration_ms

    @property
    def promotion_ms(self) -> int:
        """From before the first request that moves a tag to after the last: so long readers may see a mixture."""
        return self._data.promotion_ms

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes .html, .json, .md or .txt, by the ending of the name."""
        from shipset.report.render import save  # noqa: PLC0415 (render reads documents like this one)

        return save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Report, (self._text,)

    def _decode(self, data: Any) -> ReportMembers:
        return decode(ReportMembers, data)

    def page(self) -> Page:
        """Facts and tables for people."""
        from shipset.report.pages import report_page  # noqa: PLC0415 (JSON needs no tables)

        return report_page(self)
