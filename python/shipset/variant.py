"""What a matrix holds, as values: variants, platform images, build settings, tags and gates. Immutable and hashable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shipset import _core
from shipset.errors import Problem
from shipset.facts import Facts
from shipset.values import Digest, FrozenMap, Platform


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base of a Dockerfile build and the build argument that carries it; ``variant`` names one of this release."""

    arg: str
    image: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class NativeLayer:
    """One layer of a native build: what goes where, with which owner and mode."""

    from_: str
    to: str
    owner: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """Container configuration as the file states it; None inherits from the base."""

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: FrozenMap[str] = FrozenMap()
    user: str | None = None
    workdir: str | None = None
    labels: FrozenMap[str] = FrozenMap()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeSettings:
    """What the native builder makes an image from."""

    base: str
    layers: tuple[NativeLayer, ...]
    compression: str
    config: ContainerSettings


@dataclass(frozen=True, slots=True)
class AttestationSettings:
    """Which attestations an image gets, and where they are kept."""

    sbom: str
    provenance: str
    form: str
    store: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What one platform image is built from, with every template and condition evaluated."""

    backend: str
    builder: FrozenMap[Any]
    dockerfile: str
    context: str
    target: str
    bases: tuple[BaseImage, ...]
    args: FrozenMap[str]
    labels: FrozenMap[str]
    annotations: FrozenMap[str]
    cache_from: tuple[str, ...]
    cache_to: tuple[str, ...]
    secrets: tuple[FrozenMap[str], ...]
    attestations: AttestationSettings
    native: NativeSettings | None
    prebuilt: str
    hardware: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    contexts: FrozenMap[str] = FrozenMap()
    network: str = ""
    ulimits: tuple[str, ...] = ()
    no_cache: bool = False
    pull: bool = False
    rewrite_timestamp: bool = False
    output: str = "registry"
    allow_secret_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """One variant on one platform."""

    platform: Platform
    settings: BuildSettings
    ci: Any = None


@dataclass(frozen=True, slots=True)
class ResolvedTag:
    """A tag rule of a variant with its template evaluated. Empty ``platforms``: the tag is on the variant's index."""

    tag: str
    rule: str
    moves: str
    platforms: tuple[Platform, ...] = ()
    index: bool = False
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One flavour of the product. ``active`` says whether its ``when`` is true for these inputs."""

    name: str
    suffix: str
    active: bool
    when: str
    required: str
    publish: bool
    repositories: tuple[str, ...]
    platforms: tuple[PlatformImage, ...]
    tags: tuple[ResolvedTag, ...]
    hardware: tuple[str, ...] = ()
    axes: FrozenMap[str] = FrozenMap()
    depends_on: tuple[str, ...] = ()
    ci: Any = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """Sizes that no staged platform image may exceed, in compressed bytes; growth is over the last release."""

    image_bytes: int | None = None
    layer_bytes: int | None = None
    growth_bytes: int | None = None
    growth_percent: float | None = None

    def __str__(self) -> str:
        limits = (
            ("image", _size(self.image_bytes)),
            ("layer", _size(self.layer_bytes)),
            ("growth", "" if self.growth_percent is None else f"{self.growth_percent:g} %"),
            ("growth", _size(self.growth_bytes)),
        )
        return ", ".join(f"{name} {limit}" for name, limit in limits if limit)


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else _core.human_bytes(size_bytes)


@dataclass(frozen=True, slots=True)
class Gate:
    """A command, a size budget or an outside answer that can refuse a release. ``at``: before-build, staged or
    external."""

    name: str
    at: str
    run: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    required: bool = True
    timeout_s: int = 3600
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class MatrixMembers:
    file: str
    directory: str
    file_digest: Digest
    name: str
    version: str
    scheme: str
    repositories: tuple[str, ...]
    inputs: FrozenMap[Any]
    gates: tuple[Gate, ...]
    variants: tuple[Variant, ...]
    facts: Facts
    warnings: tuple[Problem, ...]
