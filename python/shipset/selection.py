"""The variant of a released set for a machine, picked from the set manifest in the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shipset import _core
from shipset._core import CancelToken
from shipset.display import Page, Row, Table
from shipset.document import Document
from shipset.errors import UsageError
from shipset.registry import RegistryOptions, core_options
from shipset.report.values import Descriptor
from shipset.values import Digest, Platform, decode

Value = str | int | float
Hardware = Mapping[str, Mapping[str, Value | Iterable[Value]]] | Iterable[str]


@dataclass(frozen=True, slots=True)
class RefusedVariant:
    """A variant that was not taken, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class _Members:
    reference: str
    name: str
    version: str
    variant: str
    why: str
    index: Descriptor
    platform: str
    image: Descriptor | None
    image_reference: str
    hardware: tuple[str, ...]
    tags: tuple[str, ...]
    refused: tuple[RefusedVariant, ...]
    set: Digest


class Selection(Document[_Members]):
    """The chosen variant. ``str(selection)`` is text for people; ``selection.reference`` is what to pull."""

    __slots__ = ()

    @property
    def reference(self) -> str:
        """The variant's index, by digest."""
        return self._data.reference

    @property
    def variant(self) -> str:
        """Name of the variant."""
        return self._data.variant

    @property
    def name(self) -> str:
        """Name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """Version of the release."""
        return self._data.version

    @property
    def why(self) -> str:
        """Why this variant."""
        return self._data.why

    @property
    def index(self) -> Descriptor:
        """Descriptor of the variant's index."""
        return self._data.index

    @property
    def platform(self) -> Platform | None:
        """The platform that was asked for."""
        return Platform.parse(self._data.platform) if self._data.platform else None

    @property
    def image(self) -> Descriptor | None:
        """Descriptor of that platform's manifest; None when no platform was asked for."""
        return self._data.image

    @property
    def image_reference(self) -> str:
        """The same by digest; empty when no platform was asked for."""
        return self._data.image_reference

    @property
    def hardware(self) -> tuple[str, ...]:
        """Properties that the variant asks for."""
        return self._data.hardware

    @property
    def tags(self) -> tuple[str, ...]:
        """References of the variant's tags, as the set manifest lists them."""
        return self._data.tags

    @property
    def refused(self) -> tuple[RefusedVariant, ...]:
        """The other variants, with reasons."""
        return self._data.refused

    @property
    def set(self) -> Digest:
        """Digest of the set manifest's document."""
        return self._data.set

    def __reduce__(self) -> tuple[Any, ...]:
        return Selection, (self._text,)

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """The choice and the reasons."""
        facts = (("reference", self.reference), ("why", self.why), ("tags", ", ".join(self.tags)))
        rows = tuple(Row((one.name, one.why)) for one in self.refused)
        tables = (Table("Not taken", ("variant", "why"), rows),) if rows else ()
        return Page(f"{self.name} {self.version}: variant {self.variant}", facts, tables)


def select(
    reference: str,
    *,
    hardware: Hardware = (),
    platform: str | Platform | None = None,
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Selection:
    """Picks the variant for a machine from the set that a reference belongs to: any variant's tag or digest, or the tag
    ``<version>.shipset``.

    ``hardware`` is what the machine has, as ``{"nvidia": {"cuda_version": "12.9"}}`` (a value, or several) or as texts
    ``nvidia :: cuda_version :: 12.9``. A property ``…_lower_bound`` of a variant holds when the machine's version is at
    least that; ``…_upper_bound`` when it is below; others when the machine has the value. The variant with the most
    properties wins, then the one with the higher bounds, then the first of the release file; one without properties
    fits every machine. Raises NotFound (a LookupError) that tells why each was refused when none fits."""
    text = _core.select(
        reference,
        hardware=_facts(hardware),
        platform=str(platform) if platform else "",
        client=core_options(registry),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Selection(text)


def _facts(hardware: Hardware) -> list[str]:
    if isinstance(hardware, str):
        raise UsageError("hardware is one text", hint="give a list of texts, or a mapping")
    if not isinstance(hardware, Mapping):
        return [str(text) for text in hardware]
    found = []
    for vendor, properties in hardware.items():
        if not isinstance(properties, Mapping):
            raise UsageError(
                f"hardware of {vendor!r} is no mapping", hint='write e.g. {"nvidia": {"cuda_version": "12.9"}}'
            )
        for name, value in properties.items():
            values = (value,) if isinstance(value, str | int | float) else tuple(value)
            found += [f"{vendor} :: {name} :: {one}" for one in values]
    return found
