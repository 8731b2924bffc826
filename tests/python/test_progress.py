"""Progress: states, rates and remaining time from events, on a clock of the test's own."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import shipset
from helpers import Project
from shipset.progress import Progress, duration, live
from shipset.values import FrozenMap

DESTINATION = FrozenMap({"destination": "localhost/app"})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def event(kind: str, subject: str, done: int = 0, total: int = 0) -> shipset.Event:
    return shipset.Event(kind, subject=subject, done_bytes=done, total_bytes=total, fields=DESTINATION)


def test_progress__blobs_on_their_way__rate_and_remaining_time() -> None:
    clock = Clock()
    progress = Progress(clock)
    for name in ("a", "b"):
        progress(event("blob_waiting", name, 0, 1000))
    assert (progress.total_bytes, progress.done_bytes, progress.remaining_s) == (2000, 0, None)
    progress(event("blob_started", "a", 0, 1000))
    clock.now += 2
    progress(event("blob_progress", "a", 500, 1000))
    assert progress.rate_bytes_per_s == 250
    assert progress.remaining_s == 6
    assert progress.blobs[0].rate_bytes_per_s(clock.now) == 250
    assert str(progress) == "0 of 2 blobs, 500 B of 2.0 KiB, 250 B/s, 6 s left"
    progress(event("blob_finished", "a", 1000, 1000))
    progress(event("blob_mounted", "b", 1000, 1000))
    assert (progress.blobs_done, progress.moved_bytes, progress.remaining_s) == (2, 1000, 0)


def test_progress__states__follow_the_events() -> None:
    progress = Progress(Clock())
    seen = []
    for kind in ("blob_waiting", "blob_started", "blob_progress", "blob_finished", "blob_progress"):
        progress(event(kind, "a", 1, 2))
        seen.append(progress.blobs[0].state)
    assert seen == ["waiting", "started", "active", "finished", "finished"]
    progress(event("blob_failed", "b", 0, 2))
    assert [blob.state for blob in progress.blobs] == ["finished", "failed"]
    assert progress.blobs_done == 1


def test_progress__old_samples__do_not_count() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress(event("blob_started", "a", 0, 10_000))
    clock.now += 1
    progress(event("blob_progress", "a", 5000, 10_000))
    for done in range(5010, 5110, 10):
        clock.now += 1
        progress(event("blob_progress", "a", done, 10_000))
    rate = progress.rate_bytes_per_s
    assert rate is not None
    assert rate < 20


def test_progress__hostile_names__are_escaped_in_html() -> None:
    progress = Progress(Clock())
    progress(event("blob_started", "<script>alert(1)</script>", 0, 10))
    assert "<script>" not in progress._repr_html_()
    assert "&lt;script&gt;" in progress._repr_html_()


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_duration__as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_live__terminal__one_line_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with live() as show:
        show(event("blob_started", "a", 0, 10))
    assert terminal.getvalue().startswith("\r")
    assert terminal.getvalue().endswith("\n")
    assert "0 of 1 blobs" in terminal.getvalue()


def test_copy__every_blob__is_told_from_waiting_to_its_end(project: Project, tmp_path: Path) -> None:
    shipset.plan(shipset.load(project.file).matrix(), to=project.to).execute()
    progress = Progress()
    kinds: dict[str, list[str]] = {}

    def note(happened: shipset.Event) -> None:
        progress(happened)
        kinds.setdefault(happened.subject, []).append(happened.kind)

    result = shipset.copy(f"oci:{project.layout}", f"oci:{tmp_path / 'copy'}", all_tags=True, on_event=note)
    assert len(progress.blobs) == result.blobs_moved
    assert progress.blobs_done == result.blobs_moved
    assert progress.done_bytes == progress.total_bytes
    for blob in progress.blobs:
        told = kinds[blob.digest]
        assert told[0] == "blob_waiting"
        assert told[-1] == "blob_finished"
