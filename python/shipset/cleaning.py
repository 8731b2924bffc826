"""What releases leave behind, and the list that people's own cleaners need."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.document import Document
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.values import decode

if TYPE_CHECKING:
    from shipset._core import CancelToken
    from shipset.display import Page


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing of a release: ``kind`` is tag or folder, ``status`` is listed, removed or left (``why`` tells)."""

    release: str
    kind: str
    name: str
    what: str
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """A release that is left alone, and why."""

    release: str
    why: str


@dataclass(frozen=True, slots=True)
class CleanMembers:
    """What a cleaning found."""

    items: tuple[Leftover, ...]
    kept: tuple[KeptRelease, ...]


class Cleaning(Document["CleanMembers"]):
    """What releases left behind, and what became of it."""

    __slots__ = ()

    @property
    def items(self) -> tuple[Leftover, ...]:
        """Everything that is ours and done."""
        return self._data.items

    @property
    def kept(self) -> tuple[KeptRelease, ...]:
        """Releases that were left alone."""
        return self._data.kept

    def _decode(self, data: Any) -> CleanMembers:
        return decode(CleanMembers, data)

    def page(self) -> Page:
        """Facts and tables for people."""
        from shipset.report.pages import cleaning_page  # noqa: PLC0415

        return cleaning_page(self)


def clean(
    id: str = "",  # noqa: A002 (its name everywhere)
    *,
    directory: str | os.PathLike[str] = ".",
    staging: str = "",
    remove: bool = False,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Cleaning:
    """Lists what releases left behind, and with ``remove`` removes it: tags ``_shipset.<id>.…`` and their folders.

    Of releases that are public or taken back; one that failed and could be resumed, and images that wait for a
    promotion, only when ``id`` names them; one that has begun to move tags is kept in any case. ``staging`` is a
    repository in which mirrored journals and staged images are looked for too. Only what a journal or the marker of a
    staged image proves to be ours is touched. Raises UsageError when there is no such release.
    """
    text = _core.clean(
        os.fspath(directory),
        id=id,
        staging=staging,
        remove=remove,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Cleaning(text)


def keep_list(
    reference: str,
    *,
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> tuple[str, ...]:
    """Every digest that a tag of the repository or layout needs: manifests, indexes, attestations and what refers to
    them, sorted. For cleaners that delete by digest. A listing that is refused or cut short is an error."""
    return tuple(_core.keep_list(reference, client=core_options(registry), cancel=cancel, timeout_s=timeout_s))
