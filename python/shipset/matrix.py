"""The matrix: a release with its inputs given, every variant with its platforms, settings and tags. Immutable.

Made by :meth:`shipset.Spec.matrix`; read by :func:`shipset.plan` and :func:`shipset.tag_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shipset import _core
from shipset.display import Page, Row, Table
from shipset.document import Document
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
class Gate:
    """A command, or an outside answer, that can refuse a release. ``at``: before-build, staged or external."""

    name: str
    at: str
    run: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    required: bool = True
    timeout_s: int = 3600


@dataclass(frozen=True, slots=True)
class _Members:
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


class Matrix(Document[_Members]):
    """A release with its inputs given. In Jupyter: a table of variants, platforms and tags."""

    __slots__ = ("_core", "_source")
    _members = _Members

    def __init__(self, core: _core.Matrix, source: tuple[str, str]) -> None:
        super().__init__(lambda: core.to_json(indented=False))
        self._core = core
        self._source = source

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """The version of the release, "" when the file gives none."""
        return self._data.version

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

    def __len__(self) -> int:
        return len(self.variants)

    def __getitem__(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (*self._source, dict(self.inputs), self.facts)

    def page(self) -> Page:
        """One row a variant."""
        rows = tuple(
            Row(
                (
                    variant.name,
                    ", ".join(str(image.platform) for image in variant.platforms),
                    _made_from(variant),
                    ", ".join(tag.tag for tag in variant.tags) or "none",
                    f"when {variant.when}" if variant.when else "always",
                ),
                "" if variant.active else "dim",
            )
            for variant in self.variants
        )
        title = " ".join(part for part in (self.name, self.version) if part)
        images = sum(len(variant.platforms) for variant in self.variants if variant.active)
        active = sum(variant.active for variant in self.variants)
        notes = (f"{active} of {len(self)} variants are on, {images} platform images", *map(str, self.warnings))
        return Page(title, (), (Table("", ("variant", "platforms", "made from", "tags", "built"), rows, notes),))


def _made_from(variant: Variant) -> str:
    """What people would call its source, from its first platform."""
    if not variant.platforms:
        return ""
    settings = variant.platforms[0].settings
    if settings.backend == "prebuilt":
        return settings.prebuilt
    if settings.backend == "native":
        return f"native on {settings.native.base}" if settings.native else "native"
    base = settings.bases[0] if settings.bases else None
    on = f" on {base.image or 'variant:' + base.variant}" if base else ""
    return (settings.target or settings.dockerfile) + on


def _rebuild(text: str, file: str, inputs: dict[str, Any], facts: Facts) -> Matrix:
    core = _core.Spec.parse(text, file).matrix(input_texts(inputs), facts._core())
    return Matrix(core, (text, file))


def input_texts(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Inputs as the core reads them: true and false, decimal, text."""
    texts = {True: "true", False: "false"}
    return {
        name: texts[value] if isinstance(value, bool) else str(value)
        for name, value in inputs.items()
        if value is not None
    }
