"""What a report holds, as values: gates, variants, platform images, tags, destinations. Immutable and hashable."""

from __future__ import annotations

from dataclasses import dataclass

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
class GateMeasure:
    """What a size budget found of one platform image; sizes are of compressed layers, of all and of the largest.
    ``over`` says which limits it exceeds."""

    variant: str
    platform: Platform
    image_bytes: int
    layer_bytes: int
    former_bytes: int | None = None
    compared_with: str = ""
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateReport:
    """One gate. ``detail`` holds the last lines of its output when it failed, the images that are over a budget, or the
    details of an external result; ``log`` is a path below the folder of the release file; ``judged`` are the digests of
    the platform images that it saw; ``result`` is where the result of an external gate lies. The status
    ``not_started`` of an external gate means that its result is open."""

    name: str
    at: str
    status: str
    required: bool
    exit_code: int
    duration_ms: int
    detail: str = ""
    log: str = ""
    judged: tuple[Digest, ...] = ()
    result: str = ""
    measured: tuple[GateMeasure, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildSteps:
    """What a builder that runs a Dockerfile tells: its steps, how many its cache had, what went to it, and its log."""

    total: int = 0
    cached: int = 0
    transferred_bytes: int = 0
    log: str = ""


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One platform image. ``size_bytes`` counts its compressed layers; ``leg`` is what was staged where the run ended
    after staging."""

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
    steps: BuildSteps = BuildSteps()
    leg: Descriptor | None = None


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
    refused, or its destination is left out), undone (holds the old digest again), failed (could not be put back),
    foreign (someone else moved it), not_started. ``found_digest``: what a failed or foreign tag was seen to hold."""

    reference: str
    variant: str
    status: str
    old_digest: Digest | None
    new_digest: Digest | None
    reason: str
    found_digest: Digest | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What went to one destination. ``status``: done (tags moved), failed (left out before anything moved),
    not_started. ``holds_left``: tags that kept old digests and could not be removed."""

    name: str
    blobs_moved: int
    blobs_present: int
    blobs_mounted: int
    bytes_moved: int
    bytes_again: int
    bytes_kept: int
    manifests_pushed: int
    status: str = "not_started"
    holds_left: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class ReportMembers:
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
    set: Descriptor | None = None
