"""The report of a release as a value: what is done, failed, not started, and what moved. Immutable; pickles."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shipset import _core
from shipset.display import Page, Row, Table
from shipset.document import Document
from shipset.values import Digest, FrozenMap, Platform


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What and how much: media type, digest and size of a manifest or index."""

    media_type: str
    digest: Digest
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed, as data."""

    kind: str
    what: str
    why: str = ""
    hint: str = ""
    exit_code: int = 1
    context: FrozenMap[str] = FrozenMap()

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)


@dataclass(frozen=True, slots=True)
class GateReport:
    """One gate. ``detail`` holds the last lines of its output when it failed."""

    name: str
    at: str
    status: str
    required: bool
    exit_code: int
    duration_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One platform image. ``size_bytes`` counts its compressed layers."""

    platform: Platform
    status: str
    manifest: Descriptor | None
    size_bytes: int
    packages: int
    sbom: bool
    provenance: bool
    duration_ms: int
    notes: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class VariantReport:
    """One variant with its platform images."""

    name: str
    status: str
    required: str
    build_key: Digest | None
    index: Descriptor | None
    why: str
    images: tuple[ImageReport, ...]


@dataclass(frozen=True, slots=True)
class TagReport:
    """One tag where it really is. ``status``: done (created or moved), present (held it already), skipped (a rule
    refused), undone, failed, not_started."""

    reference: str
    variant: str
    status: str
    old_digest: Digest | None
    new_digest: Digest | None
    reason: str


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What went to one destination."""

    name: str
    blobs_moved: int
    blobs_present: int
    blobs_mounted: int
    bytes_moved: int
    manifests_pushed: int


@dataclass(frozen=True, slots=True)
class _Members:
    schema_version: int
    id: str
    name: str
    version: str
    file: str
    outcome: str
    bytes_moved: int
    tags_moved: int
    gates: tuple[GateReport, ...]
    variants: tuple[VariantReport, ...]
    tags: tuple[TagReport, ...]
    targets: tuple[TargetReport, ...]
    warnings: tuple[str, ...]
    duration_ms: int
    promotion_ms: int
    error: Failure | None = None


_TONES = {"done": "good", "failed": "bad", "undone": "bad", "not_started": "dim", "skipped": "dim"}


class Report(Document[_Members]):
    """What a release did. ``outcome``: released, nothing to do, staged, failed, cancelled or incomplete."""

    __slots__ = ()
    _members = _Members

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
        """From the first to the last tag."""
        return self._data.promotion_ms

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes .html, .json, .md or .txt, by the ending of the name."""
        from shipset.report.render import save  # noqa: PLC0415 (render reads documents like this one)

        return save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Report, (self._text,)

    def page(self) -> Page:
        """Facts and tables for people."""
        moved = f"{self.bytes_moved} bytes, {self.tags_moved} tags"
        if self.bytes_moved >= 1024:  # noqa: PLR2004 (below, the exact number says more)
            moved = f"{_core.human_bytes(self.bytes_moved)}, {self.tags_moved} tags"
        facts = [
            ("outcome", self.outcome),
            ("moved", moved),
            ("to", ", ".join(target.name for target in self.targets)),
            ("took", f"{self.duration_ms / 1000:.1f} s"),
            ("id", self.id),
        ]
        if self.error:
            facts[1:1] = [("error", str(self.error))]
            if self.error.hint:
                facts[2:2] = [("hint", self.error.hint)]
        tables = (self._gate_table(), self._image_table(), self._tag_table(), Table("", (), (), self.warnings))
        title = " ".join(part for part in (self.name, self.version) if part)
        return Page(title, tuple(facts), tuple(table for table in tables if table.rows or table.notes))

    def _gate_table(self) -> Table:
        rows = tuple(
            Row((gate.name, gate.at, gate.status, f"{gate.duration_ms / 1000:.1f} s"), _TONES.get(gate.status, ""))
            for gate in self.gates
        )
        details = tuple(f"{gate.name}: {gate.detail}" for gate in self.gates if gate.detail)
        return Table("Gates", ("gate", "at", "result", "took"), rows, details)

    def _image_table(self) -> Table:
        rows = []
        for variant in self.variants:
            for image in variant.images:
                digest = image.manifest.digest.brief if image.manifest else ""
                evidence = ", ".join(
                    name for name, there in (("sbom", image.sbom), ("provenance", image.provenance)) if there
                )
                size = _core.human_bytes(image.size_bytes) if image.size_bytes else ""
                why = str(image.error) if image.error else "; ".join((*filter(None, [variant.why]), *image.notes))
                cells = (variant.name, str(image.platform), image.status, digest, size, evidence, why)
                rows.append(Row(cells, _TONES.get(image.status, "")))
        return Table("Images", ("variant", "platform", "result", "digest", "size", "evidence", "why"), tuple(rows))

    def _tag_table(self) -> Table:
        rows = tuple(
            Row(
                (
                    tag.reference,
                    tag.status,
                    tag.old_digest.brief if tag.old_digest else "",
                    tag.new_digest.brief if tag.new_digest else "",
                    tag.reason,
                ),
                _TONES.get(tag.status, ""),
            )
            for tag in self.tags
        )
        return Table("Tags", ("tag", "result", "old", "new", "why"), rows)
