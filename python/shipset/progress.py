"""Progress of builds and of content on its way: what each image is at, what each blob does, how fast all of it goes,
and how long it will take.

A :class:`Progress` is fed with events (it may be an ``on_event`` itself) and asked at any time; :func:`live` shows one
while a call lasts, as one line in a terminal or as a display that changes in a notebook. Both belong to one thread.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import Any

from shipset import _core
from shipset.builds import Builds
from shipset.events import Event

_WINDOW_S = 5.0
_REFRESH_S = 0.2
_STATES = {
    "blob_waiting": "waiting",
    "blob_skipped": "skipped",
    "blob_mounted": "mounted",
    "blob_started": "started",
    "blob_progress": "active",
    "blob_finished": "finished",
    "blob_failed": "failed",
}
_ENDED = {"skipped", "mounted", "finished", "failed"}


@dataclass(slots=True)
class BlobProgress:
    """One blob on its way to one destination. ``state`` is one of waiting, started, active, finished, skipped,
    mounted, failed; ``began_s`` is the clock when its first bytes moved."""

    digest: str
    destination: str
    state: str = "waiting"
    done_bytes: int = 0
    total_bytes: int = 0
    began_s: float | None = None
    ended_s: float | None = None

    def rate_bytes_per_s(self, now_s: float) -> float | None:
        """Bytes in a second since its first byte; None before."""
        if self.began_s is None:
            return None
        seconds = (now_s if self.ended_s is None else self.ended_s) - self.began_s
        return self.done_bytes / seconds if seconds > 0 else None


class Progress:
    """What a copy or release has moved so far. ``clock`` gives seconds, for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Builds of platform images.
        self.builds = Builds(clock)
        self._blobs: dict[tuple[str, str], BlobProgress] = {}
        self._moved = 0
        self._samples: deque[tuple[float, int]] = deque()

    def __call__(self, event: Event) -> None:
        """Takes an event; those that are not about builds or blobs change nothing."""
        self.builds(event)
        state = _STATES.get(event.kind)
        if state is None:
            return
        now = self._clock()
        destination = event.fields.get("destination", "")
        blob = self._blobs.setdefault((destination, event.subject), BlobProgress(event.subject, destination))
        if blob.state in _ENDED:
            return
        blob.state = state
        blob.total_bytes = event.total_bytes or blob.total_bytes
        if state == "started":
            blob.began_s = now
        if state in {"active", "finished"}:
            # A broken upload may stand behind where it was.
            self._moved += max(0, event.done_bytes - blob.done_bytes)
        if state in {"active", *_ENDED} and state != "failed":
            blob.done_bytes = event.done_bytes
        if state in _ENDED:
            blob.ended_s = now
        self._sample(now)

    def _sample(self, now: float) -> None:
        self._samples.append((now, self._moved))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:  # noqa: PLR2004 (two ends)
            self._samples.popleft()

    @property
    def blobs(self) -> tuple[BlobProgress, ...]:
        """Every blob that is known so far, in the order in which they became known."""
        return tuple(self._blobs.values())

    @property
    def active(self) -> tuple[BlobProgress, ...]:
        """Those that move right now."""
        return tuple(blob for blob in self._blobs.values() if blob.state in {"started", "active"})

    @property
    def blobs_done(self) -> int:
        """Blobs that are finished, skipped or mounted."""
        return sum(blob.state in _ENDED and blob.state != "failed" for blob in self._blobs.values())

    @property
    def total_bytes(self) -> int:
        """Bytes of all blobs that are known so far."""
        return sum(blob.total_bytes for blob in self._blobs.values())

    @property
    def done_bytes(self) -> int:
        """Bytes that are in place, or on the wire."""
        return sum(blob.done_bytes for blob in self._blobs.values())

    @property
    def moved_bytes(self) -> int:
        """Bytes that were sent; what was skipped or mounted is not among them."""
        return self._moved

    @property
    def rate_bytes_per_s(self) -> float | None:
        """Bytes in a second over the last five seconds; None before there is something to measure."""
        if len(self._samples) < 2:  # noqa: PLR2004 (two ends)
            return None
        (first, before), (_, after) = self._samples[0], self._samples[-1]
        seconds = self._clock() - first
        return (after - before) / seconds if seconds > 0 else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds until everything known is there, at the present rate; None when that cannot be said."""
        left = self.total_bytes - self.done_bytes
        if left <= 0:
            return 0.0
        rate = self.rate_bytes_per_s
        return left / rate if rate else None

    def __str__(self) -> str:
        parts = [f"{len(self.builds) - len(self.builds.active)} of {len(self.builds)} images built"] * bool(self.builds)
        if self.builds and not self._blobs:
            return parts[0]
        parts += [
            f"{self.blobs_done} of {len(self._blobs)} blobs",
            f"{_core.human_bytes(self.done_bytes)} of {_core.human_bytes(self.total_bytes)}",
        ]
        if rate := self.rate_bytes_per_s:
            parts.append(f"{_core.human_bytes(int(rate))}/s")
        if (remaining := self.remaining_s) is not None and remaining > 0:
            parts.append(f"{duration(remaining)} left")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        rows = [_bar(str(self), self.done_bytes, self.total_bytes)]
        now = self._clock()
        rows += [f"<div>{escape(self.builds.describe(build))}</div>" for build in self.builds.active]
        for blob in self.active:
            rate = blob.rate_bytes_per_s(now)
            speed = f" {_core.human_bytes(int(rate))}/s" if rate else ""
            rows.append(_bar(f"{blob.digest[:19]} {blob.destination}{speed}", blob.done_bytes, blob.total_bytes))
        return f'<div class="shipset">{"".join(rows)}</div>'


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(1, round(seconds))
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _bar(label: str, done: int, total: int) -> str:
    share = min(100.0, 100.0 * done / total) if total else 0.0
    return (
        f'<div>{escape(label)}<div style="background:#8883;height:6px;border-radius:3px">'
        f'<div style="background:#1a7f37;height:6px;border-radius:3px;width:{share:.1f}%"></div></div></div>'
    )


@contextmanager
def live() -> Iterator[Callable[[Event], None]]:
    """An ``on_event`` that shows the progress while this lasts::

        with shipset.live() as show:
            shipset.copy("oci:dist", "registry.example/app", all_tags=True, on_event=show)

    In a notebook the display of the cell changes; in a terminal one line on standard error does; elsewhere nothing is
    shown."""
    progress = Progress()
    draw, end = _notebook(progress) or _terminal(progress)
    last = 0.0

    def show(event: Event) -> None:
        nonlocal last
        progress(event)
        if (now := time.monotonic()) - last >= _REFRESH_S:
            last = now
            draw()

    try:
        yield show
    finally:
        draw()
        end()


def _notebook(progress: Progress) -> tuple[Callable[[], object], Callable[[], object]] | None:
    shell = sys.modules.get("IPython")
    active: Any = shell.get_ipython() if shell is not None else None
    if active is None or not hasattr(active, "kernel"):
        return None
    notebook: Any = import_module("IPython.display")
    handle: Any = notebook.display(progress, display_id=True)
    return lambda: handle.update(progress), lambda: None


def _terminal(progress: Progress) -> tuple[Callable[[], object], Callable[[], object]]:
    stream = sys.stderr
    if stream is None or not stream.isatty():
        return lambda: None, lambda: None

    def draw() -> None:
        stream.write(f"\r\x1b[K{progress}")
        stream.flush()

    return draw, lambda: stream.write("\n")
