"""After a release was interrupted, in a new process: where it stands, going on, going back.

What is known of a release lies in its journal, ``.shipset/<id>/`` beside the release file. One process at a time works
on a release."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.document import Document
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.release import Result
from shipset.values import Digest, decode

if TYPE_CHECKING:
    from shipset._core import CancelToken
    from shipset.display import Page

_Outcome = tuple[str, Any, Any]


@dataclass(frozen=True, slots=True)
class TagStatus:
    """One tag that a release moves. ``state`` is waiting, begun, moved or undone, as the journal says; ``now`` and
    ``holds`` (old, new, other) tell what the registry said, where it was asked."""

    reference: str
    variant: str
    old_digest: Digest | None
    new_digest: Digest | None
    state: str
    now: Digest | None = None
    holds: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """Where one release stands. ``state`` is one of: before staging, staged, moving tags, going back, committed,
    released, failed, cancelled, rolled back, unreadable (``problem`` tells why)."""

    id: str
    name: str
    version: str
    state: str
    phase: str
    running: bool
    attempts: int
    images_built: int
    committed: bool
    tags: tuple[TagStatus, ...]
    next: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StatusMembers:
    """What a status holds."""

    releases: tuple[ReleaseStatus, ...]


class Status(Document["StatusMembers"]):
    """Where releases stand, oldest first."""

    __slots__ = ()

    @property
    def releases(self) -> tuple[ReleaseStatus, ...]:
        """Every release that has a journal here."""
        return self._data.releases

    def _decode(self, data: Any) -> StatusMembers:
        return decode(StatusMembers, data)

    def page(self) -> Page:
        """Facts and tables for people."""
        from shipset.report.pages import status_page  # noqa: PLC0415

        return status_page(self)


def resume(
    id: str,  # noqa: A002 (its name everywhere)
    *,
    directory: str | os.PathLike[str] = ".",
    staging: str = "",
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Result:
    """Goes on with a release exactly where it stands, with the plan that it froze.

    Nothing is built again that is there, and nothing is sent again that the destination has; an undo that was
    interrupted is finished. ``directory`` is that of the release file; ``staging`` a repository from which the
    journal is taken when none is here.

    Raises UsageError when there is no such journal, VerificationError for a broken one, PolicyRefused when the release
    was rolled back or the world is not as its plan says, and what :meth:`Plan.execute` raises.
    """
    return _recover(_core.resume, id, directory, staging, registry, on_event, cancel, timeout_s)


def rollback(
    id: str,  # noqa: A002 (its name everywhere)
    *,
    directory: str | os.PathLike[str] = ".",
    staging: str = "",
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Result:
    """Restores every tag that a release moved, in reverse order, and removes the new ones where the registry can.

    A tag that someone else has moved since is left alone and named. After the commit point it is proven first that
    every old image can be pulled; else PolicyRefused names those that cannot, and nothing changes. Raises
    ReleaseIncomplete naming the tags that could not be put back.
    """
    return _recover(_core.rollback, id, directory, staging, registry, on_event, cancel, timeout_s)


def status(
    id: str = "",  # noqa: A002 (its name everywhere)
    *,
    directory: str | os.PathLike[str] = ".",
    look: bool = False,
    staging: str = "",
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Status:
    """Where the releases stand that have a journal here, or the one of ``id``.

    With ``look`` every tag is asked what it holds now; else no request is made.
    """
    text = _core.status(
        os.fspath(directory),
        id=id,
        look=look,
        staging=staging,
        client=core_options(registry),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Status(text)


def _recover(
    call: Callable[..., _Outcome],
    id: str,  # noqa: A002
    directory: str | os.PathLike[str],
    staging: str,
    registry: RegistryOptions | None,
    on_event: OnEvent | None,
    cancel: CancelToken | None,
    timeout_s: float | None,
) -> Result:
    from shipset.report import Report  # noqa: PLC0415 (planning needs none)

    text, failure, stop = call(
        os.fspath(directory),
        id=id,
        staging=staging,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Result.of(Report(text), failure, stop)
