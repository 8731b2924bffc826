"""What happens during a long call, told to its ``on_event`` while it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shipset.values import FrozenMap


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``kind`` is one of phase_started, phase_finished, task_started, task_finished, task_failed,
    step_started, step_finished, step_failed, step_log (of a builder that runs a Dockerfile), blob_waiting,
    blob_skipped, blob_mounted, blob_started, blob_progress, blob_finished, blob_failed, manifest_pushed, tag_moved,
    tag_kept, warning, note. ``total_bytes`` is 0 where it is unknown."""

    kind: str
    phase: str = ""
    subject: str = ""
    message: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    fields: FrozenMap[str] = FrozenMap()

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.subject, self.message) if part)


#: What a long call takes as ``on_event``. It is called on the calling thread only; when it raises, the call stops,
#: waits for its workers and raises that exception.
OnEvent = Callable[[Event], object]


def core_callback(on_event: OnEvent | None) -> Callable[..., Any] | None:
    """The same callback in the form that the core calls."""
    if on_event is None:
        return None

    def deliver(
        kind: str,
        phase: str,
        subject: str,
        message: str,
        done_bytes: int,
        total_bytes: int,
        fields: Mapping[str, str],
    ) -> None:
        on_event(Event(kind, phase, subject, message, done_bytes, total_bytes, FrozenMap(fields)))

    return deliver
