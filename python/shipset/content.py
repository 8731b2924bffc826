"""Looking at and moving content outside a release: copy, inspect and verify any reference or OCI layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shipset import _core
from shipset._core import CancelToken
from shipset.display import Page, Row, Table
from shipset.document import Document
from shipset.errors import VerificationError
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.values import decode, decode_json, parse_json


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy moved, and which tags it set or found as they should be. ``bytes_again`` were sent a second time
    after a broken connection or an earlier process; ``bytes_kept`` the destination still held from an earlier attempt,
    so they were not sent."""

    blobs_moved: int
    blobs_present: int
    blobs_mounted: int
    bytes_moved: int
    bytes_again: int
    bytes_kept: int
    manifests_pushed: int
    manifests_present: int
    tags_set: tuple[str, ...]
    tags_kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: which object, where below the root, and what is wrong."""

    digest: str
    place: str
    message: str


def copy(
    source: str,
    destination: str,
    *,
    all_tags: bool = False,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> CopyResult:
    """Copies a reference with everything below it and its referrers; with ``all_tags`` every tag of the repository but
    our ``_shipset.`` ones. Tags move after all content is there."""
    text = _core.copy(
        source,
        destination,
        all_tags=all_tags,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return decode_json(CopyResult, text)


def inspect(
    reference: str,
    *,
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> dict[str, Any]:
    """What a location holds, as data: index, platforms, configs, layers, attestations; or the tags of a repository."""
    data: dict[str, Any] = parse_json(
        _core.inspect(reference, client=core_options(registry), cancel=cancel, timeout_s=timeout_s)
    )
    return data


@dataclass(frozen=True, slots=True)
class VerifiedSet:
    """The set that a reference belongs to, as far as it was looked at. ``digest`` is that of the set manifest;
    ``repository`` the one of the release file that the reference is in; ``variants`` and ``tags`` were found as the set
    manifest says; ``whole`` when all were. Repositories in ``not_looked_at`` cannot be reached from the reference."""

    digest: str
    name: str
    version: str
    generation: int
    repository: str
    variants: int
    tags: int
    whole: bool
    not_looked_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Members:
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    set: VerifiedSet | None = None


class Verification(Document[_Members]):
    """What a verification recomputed, and what does not hold. True in a condition when everything holds."""

    __slots__ = ("ok", "reference")

    def __init__(self, text: str, reference: str, ok: bool) -> None:
        super().__init__(text)
        self.reference = reference
        self.ok = ok

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What does not hold; empty when everything does."""
        return self._data.findings

    @property
    def notes(self) -> tuple[str, ...]:
        """What is no finding and good to know, e.g. that a moving tag has moved on."""
        return self._data.notes

    @property
    def set(self) -> VerifiedSet | None:
        """The set that the reference belongs to; None when no set manifest was found or looked for."""
        return self._data.set

    def check(self) -> None:
        """Raises VerificationError when something does not hold."""
        if self.ok:
            return
        first = self.findings[0] if self.findings else Finding("", "", "it does not hold")
        raise VerificationError(
            f"{self.reference} does not verify",
            why=f"{first.place}: {first.message}" if first.place else first.message,
            hint="fetch or build the content anew; what is there cannot be trusted",
            context={"findings": str(len(self.findings)), "digest": first.digest},
        )

    def __bool__(self) -> bool:
        return self.ok

    def __reduce__(self) -> tuple[Any, ...]:
        return Verification, (self._text, self.reference, self.ok)

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """Counts and findings for people."""
        counts = {name: value for name, value in self.to_dict().items() if isinstance(value, str | int)}
        facts = tuple((name.replace("_", " "), str(value)) for name, value in counts.items() if name != "ok")
        if self.set is not None:
            whole = "whole" if self.set.whole else "not all of it was found here"
            name = f"{self.set.name} {self.set.version}: {self.set.variants} variants, {self.set.tags} tags"
            facts = (*facts, ("set", f"{name}; {whole}"))
        rows = tuple(Row((found.place, found.digest, found.message), "bad") for found in self.findings)
        notes = tuple(Row((note,)) for note in self.notes)
        verdict = "verifies" if self.ok else "does not verify"
        tables = (Table("Findings", ("place", "object", "what"), rows), Table("Notes", ("what",), notes))
        return Page(f"{self.reference} {verdict}", facts, tuple(table for table in tables if table.rows))


def verify(
    reference: str,
    *,
    set: str = "if-present",  # noqa: A002 (the word of this field)
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Verification:
    """Recomputes every digest, size, diff id and platform below a reference, and looks for the attestations that its
    index promises. Where a set manifest refers to it, the whole set is proven too; ``set="required"`` demands that,
    ``"partial"`` is for copies of some variants, ``"ignored"`` looks for none. Raises only when reading was impossible;
    call :meth:`Verification.check` for the rest."""
    ok, text = _core.verify(
        reference,
        set=set,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Verification(text, reference, ok)
