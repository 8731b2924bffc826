"""What images hold, compared: the difference of two references, layouts or sets of tags, and the SBOM of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shipset import _core
from shipset._core import CancelToken
from shipset.display import Page, Row, Table
from shipset.document import Document
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.values import FrozenMap, decode, parse_json

_STYLES = {"added": "good", "removed": "bad", "changed": "", "equal": ""}


@dataclass(frozen=True, slots=True)
class Package:
    """A package as an SPDX document tells of it."""

    name: str
    version: str
    purl: str
    license: str


@dataclass(frozen=True, slots=True)
class Sbom:
    """The SPDX document of one platform image. ``source`` says where it is from: an ``attestation`` of the index, a
    ``referrer``, or the ``layers`` where nobody attested one."""

    platform: str
    image: str
    source: str
    document: str

    @property
    def packages(self) -> tuple[Package, ...]:
        """What it lists, by name; the image itself is not among them."""
        found = []
        for entry in _list(parse_json(self.document), "packages"):
            purls = [
                reference.get("referenceLocator", "")
                for reference in _list(entry, "externalRefs")
                if isinstance(reference, dict) and reference.get("referenceType") == "purl"
            ]
            purl = next(iter(purls), "")
            if purl.startswith(("pkg:oci/", "pkg:docker/")) or entry.get("primaryPackagePurpose") == "CONTAINER":
                continue
            license_ = entry.get("licenseDeclared") or ""
            version = entry.get("versionInfo") or ""
            found.append(Package(str(entry.get("name", "")), str(version), purl, str(license_)))
        return tuple(sorted(found, key=lambda package: (package.name, package.version, package.purl)))

    def to_dict(self) -> dict[str, Any]:
        """The document as data."""
        data: dict[str, Any] = parse_json(self.document)
        return data

    def page(self) -> Page:
        """One row a package."""
        rows = tuple(Row((one.name, one.version, one.license, one.purl)) for one in self.packages)
        facts = (("image", self.image), ("from", self.source), ("packages", str(len(rows))))
        return Page(f"SBOM of {self.platform}", facts, (Table("", ("package", "version", "license", "purl"), rows),))


def _list(data: Any, name: str) -> list[Any]:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def sbom(
    reference: str,
    *,
    platform: str = "",
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> tuple[Sbom, ...]:
    """The SBOM of each platform image of a reference or layout, or of the one platform.

    An attestation is taken as it is; without one the layers are catalogued, which reads them all. Raises UsageError
    for a platform that is not there, VerificationError for a statement that cannot be read.
    """
    found = _core.sboms(
        reference,
        platform=platform,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return tuple(Sbom(*parts) for parts in found)


@dataclass(frozen=True, slots=True)
class _Members:
    equal: bool
    platforms: tuple[FrozenMap[Any], ...] = ()
    tags: tuple[FrozenMap[Any], ...] = ()


class Difference(Document[_Members]):
    """What differs between two images, indexes, or sets of tags. True in a condition when something does."""

    __slots__ = ()

    @property
    def equal(self) -> bool:
        """Whether both are the same, byte for byte."""
        return self._data.equal

    @property
    def platforms(self) -> tuple[FrozenMap[Any], ...]:
        """Each platform with ``status`` added, removed, changed or equal; of changed ones config, layers, packages."""
        return self._data.platforms

    @property
    def tags(self) -> tuple[FrozenMap[Any], ...]:
        """Of two sets: each tag with its ``status``, and the ``difference`` of changed ones."""
        return self._data.tags

    def __bool__(self) -> bool:
        return not self.equal

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """Tables of what differs."""
        data = self.to_dict()
        if "tags" in data:
            tables = [_table("Tags", ("tag", "status"), [(tag["tag"], tag["status"]) for tag in data["tags"]], 1)]
            for tag in data["tags"]:
                if "difference" in tag:
                    tables += _tables(tag["difference"], f"{tag['tag']} ")
            facts: tuple[tuple[str, str], ...] = (("from", data["from"]), ("to", data["to"]))
        else:
            tables = _tables(data, "")
            facts = tuple((side, f"{data[side]['name']}@{data[side]['digest']}") for side in ("from", "to"))
        return Page("equal" if self.equal else "different", facts, tuple(table for table in tables if table.rows))

    def __reduce__(self) -> tuple[Any, ...]:
        return Difference, (self._text,)


def _tables(data: dict[str, Any], prefix: str) -> list[Table]:
    sizes = [(one["platform"], one["status"], _size(one, "from"), _size(one, "to")) for one in data["platforms"]]
    tables = [
        _table(f"{prefix}Platforms", ("platform", "status", "bytes before", "bytes after"), sizes, 1),
        _table(f"{prefix}Annotations", ("name", "before", "after"), _changes(data["annotations"])),
    ]
    for one in data["platforms"]:
        about = f"{prefix}{one['platform']}: "
        tables.append(_table(about + "config", ("name", "before", "after"), _changes(one.get("config", ()))))
        layers = [
            (status, layer["digest"], str(layer["size_bytes"]))
            for status in ("shared", "removed", "added")
            for layer in one.get("layers", {}).get(status, ())
        ]
        tables.append(_table(about + "layers", ("status", "digest", "bytes"), layers, 0))
        packages = [
            (entry["name"], entry["status"], ", ".join(entry["from"]), ", ".join(entry["to"]))
            for entry in one.get("packages", {}).get("changes", ())
        ]
        tables.append(_table(about + "packages", ("package", "status", "before", "after"), packages, 1))
    return tables


def _changes(entries: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(entry["name"], _shown(entry["from"]), _shown(entry["to"])) for entry in entries]


def _size(one: dict[str, Any], side: str) -> str:
    return str(one.get(f"{side}_bytes", ""))


def _shown(value: str | None) -> str:
    return "(none)" if value is None else value


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], status: int | None = None) -> Table:
    return Table(title, head, tuple(Row(row, "" if status is None else _STYLES.get(row[status], "")) for row in rows))


def diff(
    one: str,
    other: str,
    *,
    platform: str = "",
    packages: bool = True,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Difference:
    """What differs between two references or layouts: platforms, config, layers, packages.

    Repositories, and layouts of several tags, are compared tag by tag. Packages come from SBOMs; images without one are
    catalogued from their layers, unless ``packages`` is False. Raises UsageError for a platform that is not there.
    """
    return Difference(
        _core.diff(
            one,
            other,
            platform=platform,
            packages=packages,
            client=core_options(registry),
            on_event=core_callback(on_event),
            cancel=cancel,
            timeout_s=timeout_s,
        )
    )
