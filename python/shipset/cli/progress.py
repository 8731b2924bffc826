"""Progress of a long call on standard error: bars on a terminal, else one plain line per event.

The bars appear after a moment only, so that a quick command neither loads rich nor flickers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shipset import _core
from shipset.cli import output
from shipset.events import Event, OnEvent
from shipset.progress import Progress

_QUIET = {"step_started", "blob_waiting", "blob_started", "blob_progress", "blob_skipped"}
_LABELS = {
    "phase_started": "begin",
    "phase_finished": "end",
    "task_started": "start",
    "task_finished": "done",
    "task_failed": "FAILED",
    "step_started": "step",
    "step_finished": "step done",
    "step_failed": "step FAILED",
    "step_log": "|",
    "blob_mounted": "mounted",
    "blob_finished": "blob",
    "blob_failed": "blob FAILED",
    "manifest_pushed": "manifest",
    "tag_moved": "tag",
    "tag_kept": "tag kept",
    "warning": "WARNING",
    "note": "note",
}
_DELAY_S = 0.4
_REFRESH_S = 0.1
_KEPT_LINES = {"task_finished", "task_failed", "step_failed", "blob_failed", "tag_moved", "warning", "note"}


def line_of(event: Event) -> str:
    """The event as one line for people."""
    label = _LABELS.get(event.kind, event.kind)
    subject = event.subject or event.phase
    if event.kind == "step_finished":
        cached, milliseconds = event.fields.get("cached") == "true", int(event.fields.get("milliseconds", "0"))
        return f"{label:<8} {subject} {event.message} ({'cached' if cached else f'{milliseconds / 1000:.1f} s'})"
    size = f"({_core.human_bytes(event.total_bytes)})" if event.total_bytes else ""
    message = event.message if event.message != subject else ""
    return " ".join(part for part in (f"{label:<8}", subject, message, size) if part).replace("\n", " ")


@contextmanager
def shown(*, quiet: bool) -> Iterator[OnEvent]:
    """The callback that shows events while this lasts."""
    if quiet:
        yield lambda event: None
    elif sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("CI"):
        bars = _Bars()
        try:
            yield bars
        finally:
            bars.close()
    else:
        yield _plain


def _plain(event: Event) -> None:
    if event.kind not in _QUIET:
        output.say(line_of(event))


class _Bars:
    """A line for the phase, one for everything, and one bar for each blob on its way; what is done scrolls up."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._waiting: list[Event] = []
        self._state = Progress()
        self._bars: Any = None
        self._phase: Any = None
        self._all: Any = None
        self._blobs: dict[tuple[str, str], Any] = {}
        self._builds: dict[str, Any] = {}
        self._added_up = 0.0

    def __call__(self, event: Event) -> None:
        self._state(event)
        if self._bars is None:
            self._waiting.append(event)
            if time.monotonic() - self._start < _DELAY_S:
                return
            self._open()
            for earlier in self._waiting:
                self._show(earlier)
            self._waiting.clear()
            return
        self._show(event)

    def close(self) -> None:
        """Takes the bars away."""
        if self._bars is not None:
            self._bars.stop()
            return
        for event in self._waiting:
            if event.kind in _KEPT_LINES:
                output.say(line_of(event))

    def _open(self) -> None:
        from rich.console import Console  # noqa: PLC0415 (slow to load)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            SpinnerColumn,
            TextColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bars  # noqa: PLC0415

        console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
        )
        self._bars.start()

    def _show(self, event: Event) -> None:
        if event.kind == "phase_started":
            if self._phase is not None:
                self._bars.remove_task(self._phase)
            self._phase = self._bars.add_task(event.subject or event.phase, total=None)
        elif event.kind.startswith("blob_"):
            self._show_blob(event)
        elif event.kind.startswith(("step_", "task_")):
            self._show_build(event)
        if event.kind in _KEPT_LINES:
            self._bars.console.print(output.harmless(line_of(event)), soft_wrap=True)

    def _show_build(self, event: Event) -> None:
        """One line for each image that is being built: what it is at, its cache, its time."""
        builds = self._state.builds
        for build in builds.active:
            text = output.harmless(f"  {builds.describe(build)}")[: self._bars.console.width - 20]
            if build.name in self._builds:
                self._bars.update(self._builds[build.name], description=text)
            else:
                self._builds[build.name] = self._bars.add_task(text, total=None)
        if event.kind in ("task_finished", "task_failed") and event.subject in self._builds:
            self._bars.remove_task(self._builds.pop(event.subject))

    def _show_blob(self, event: Event) -> None:
        key = (event.fields.get("destination", ""), event.subject)
        if event.kind in ("blob_started", "blob_progress") and event.total_bytes:
            if key not in self._blobs:
                name = f"{event.subject.partition(':')[2][:12]} {event.message}".strip()
                self._blobs[key] = self._bars.add_task(f"  {name}", total=event.total_bytes)
            self._bars.update(self._blobs[key], completed=event.done_bytes)
        elif key in self._blobs:
            self._bars.remove_task(self._blobs.pop(key))
        # Adding everything up for each event would cost more than it shows.
        if (now := time.monotonic()) - self._added_up < _REFRESH_S:
            return
        self._added_up = now
        if self._all is None:
            self._all = self._bars.add_task("", total=None)
        total = self._state.total_bytes or None
        self._bars.update(self._all, description=str(self._state), completed=self._state.done_bytes, total=total)
