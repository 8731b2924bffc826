"""Builds on their way: what each platform image is at, what its cache had, what went to the builder.

A :class:`Builds` is fed with events and asked at any time; :class:`shipset.Progress` has one. It belongs to one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shipset import _core
from shipset.events import Event


@dataclass(slots=True)
class BuildProgress:
    """One platform image, ``variant/os/arch``. ``state`` is building, finished or failed; ``step`` is what it is at,
    ``ended_steps`` what has ended and whether the cache had it; ``transferred_bytes`` went to the builder, of all
    platforms that it builds together."""

    name: str
    state: str = "building"
    step: str = ""
    ended_steps: dict[str, bool] = field(default_factory=dict)
    transferred_bytes: int = 0
    began_s: float = 0.0
    ended_s: float | None = None

    @property
    def steps_done(self) -> int:
        """Steps of its Dockerfile, and of the builder, that have ended."""
        return len(self.ended_steps)

    @property
    def steps_cached(self) -> int:
        """Those of them that the cache had."""
        return sum(self.ended_steps.values())

    def seconds(self, now_s: float) -> float:
        """How long it has taken, or took."""
        return (now_s if self.ended_s is None else self.ended_s) - self.began_s


class Builds:
    """Every platform image that a release builds. ``clock`` gives seconds, for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._builds: dict[str, BuildProgress] = {}

    def __call__(self, event: Event) -> None:
        """Takes an event; those that are not about builds change nothing."""
        if event.kind == "task_started" and event.phase == "build":
            self._builds[event.subject] = BuildProgress(event.subject, began_s=self._clock())
        elif event.kind in ("task_finished", "task_failed") and event.subject in self._builds:
            build = self._builds[event.subject]
            build.state = "finished" if event.kind == "task_finished" else "failed"
            build.ended_s = self._clock()
        elif event.kind.startswith("step_"):
            for build in self._of(event.subject):
                _step(build, event)

    def _of(self, subject: str) -> list[BuildProgress]:
        """A step that platforms share is a step of each."""
        return [build for name, build in self._builds.items() if name == subject or name.startswith(f"{subject}/")]

    def __len__(self) -> int:
        return len(self._builds)

    @property
    def all(self) -> tuple[BuildProgress, ...]:
        """Every build that has begun, in that order."""
        return tuple(self._builds.values())

    @property
    def active(self) -> tuple[BuildProgress, ...]:
        """Those that have not ended."""
        return tuple(build for build in self._builds.values() if build.state == "building")

    def describe(self, build: BuildProgress) -> str:
        """One line for people: what it is at, its cache, its time."""
        parts = [f"{build.seconds(self._clock()):.0f} s"]
        if build.steps_done:
            parts.append(f"{build.steps_cached} of {build.steps_done} steps cached")
        if build.transferred_bytes:
            parts.append(f"{_core.human_bytes(build.transferred_bytes)} to the builder")
        return " ".join(part for part in (build.name, f"({', '.join(parts)})", build.step) if part)


def _step(build: BuildProgress, event: Event) -> None:
    if event.kind == "step_started":
        build.step = event.message
    elif event.kind == "step_finished":
        # The builder may take a step up again, which is still one step.
        build.ended_steps[event.message] = event.fields.get("cached") == "true"
        build.transferred_bytes = max(build.transferred_bytes, int(event.fields.get("transferred_bytes", "0")))
