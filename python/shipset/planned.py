"""What a plan holds, as values: destinations, variants with what will be done to them, tags with where they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shipset.errors import Problem
from shipset.facts import Facts
from shipset.report.values import Descriptor
from shipset.values import Digest, FrozenMap, Platform
from shipset.variant import BuildSettings, Gate


@dataclass(frozen=True, slots=True)
class Target:
    """One place that receives the release: a repository of the file, and where it really goes. ``left_out``: why it
    could not be asked and takes no part (``on_registry_failure = "continue"``), else empty."""

    repository: str
    location: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class PinnedBase:
    """A base image pinned to a digest."""

    arg: str
    reference: str
    digest: Digest | None
    index_digest: Digest | None = None
    platform: str = ""


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One platform image. ``source`` is the digest of its inputs where it is known."""

    platform: Platform
    backend: str
    source: Digest | None
    bases: tuple[PinnedBase, ...]
    settings: BuildSettings


@dataclass(frozen=True, slots=True)
class PlannedPlace:
    """One destination of a variant, and the index of this very build that is there."""

    target: str
    index: Descriptor | None


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """One variant. ``action``: build, present, copy, repair, inactive, absent or excluded."""

    name: str
    action: str
    why: str
    required: str
    publish: bool
    build_key: Digest | None
    images: tuple[PlannedImage, ...]
    at: tuple[PlannedPlace, ...] = ()
    hardware: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTag:
    """One tag. ``action``: create, move, keep, decide (known only after the build) or refuse; ``current`` is what the
    tag holds now."""

    reference: str
    repository: str
    tag: str
    variant: str
    platforms: tuple[Platform, ...]
    index: bool
    moves: str
    action: str
    current: Descriptor | None
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """The set manifest: its own tag, empty without one, and whether it is all that is missing."""

    tag: str = ""
    due: bool = False


@dataclass(frozen=True, slots=True)
class PlanMembers:
    schema_version: int
    id: str
    file: str
    file_digest: Digest
    name: str
    version: str
    inputs: FrozenMap[Any]
    facts: Facts
    targets: tuple[Target, ...]
    gates: tuple[Gate, ...]
    variants: tuple[PlannedVariant, ...]
    tags: tuple[PlannedTag, ...]
    warnings: tuple[Problem, ...]
    disk_bytes: int
    nothing_to_do: bool
    set: PlannedSet = PlannedSet()
    legacy_attestations: bool = False
