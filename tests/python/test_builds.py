"""Builds on their way: what each image is at, on a clock of the test's own."""

from __future__ import annotations

from shipset.builds import Builds
from shipset.events import Event
from shipset.progress import Progress
from shipset.values import FrozenMap


def started(name: str) -> Event:
    return Event("task_started", "build", name)


def step(kind: str, subject: str, message: str, **fields: str) -> Event:
    return Event(kind, "build", subject, message, fields=FrozenMap(fields))


def test_builds__steps_of_one_platform_and_shared_ones__count_where_they_belong() -> None:
    now = [100.0]
    builds = Builds(lambda: now[0])
    for name in ("cuda/linux/amd64", "cuda/linux/arm64", "cpu/linux/amd64"):
        builds(started(name))
    builds(step("step_started", "cuda/linux/arm64", "[final 1/2] RUN a"))
    builds(step("step_finished", "cuda/linux/arm64", "[final 1/2] RUN a", cached="true", milliseconds="0"))
    builds(step("step_finished", "cuda", "[builder 1/1] RUN b", cached="false", transferred_bytes="2048"))
    now[0] = 112.0
    arm = builds.all[1]
    assert (arm.steps_done, arm.steps_cached, arm.transferred_bytes) == (2, 1, 2048)
    assert builds.all[0].steps_done == 1
    assert builds.all[2].steps_done == 0, "cpu is not cuda"
    line = builds.describe(arm)
    assert line == "cuda/linux/arm64 (12 s, 1 of 2 steps cached, 2.0 KiB to the builder) [final 1/2] RUN a"


def test_builds__ended__are_not_active_and_keep_their_time() -> None:
    now = [0.0]
    builds = Builds(lambda: now[0])
    builds(started("cpu/linux/amd64"))
    builds(started("rocm/linux/amd64"))
    now[0] = 5.0
    builds(Event("task_finished", "build", "cpu/linux/amd64"))
    builds(Event("task_failed", "build", "rocm/linux/amd64", "step failed"))
    builds(Event("task_finished", "gates", "unit tests"))
    now[0] = 50.0
    assert not builds.active
    assert [build.state for build in builds.all] == ["finished", "failed"]
    assert builds.all[0].seconds(now[0]) == 5.0


def test_progress__builds_then_blobs__tells_both() -> None:
    progress = Progress(lambda: 0.0)
    progress(started("cpu/linux/amd64"))
    progress(started("cpu/linux/arm64"))
    assert str(progress) == "0 of 2 images built"
    assert "cpu/linux/arm64" in progress._repr_html_()
    progress(Event("task_finished", "build", "cpu/linux/amd64"))
    progress(Event("blob_finished", "stage", "sha256:1", done_bytes=4, total_bytes=4))
    assert str(progress).startswith("1 of 2 images built, 1 of 1 blobs")
    assert Progress(lambda: 0.0).builds.all == ()
