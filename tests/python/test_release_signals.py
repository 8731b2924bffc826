"""Ctrl-C and SIGTERM at each step of a release to a registry that holds it there: before the first move nothing has
changed, from there to the commit point tags go back within seconds, after it the release goes on to its end; a second
signal ends the process at once and says how to go on."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import shipset
from helpers import Project, Shipset, wait_until
from recovering import REPOSITORY, public
from shipset.testing import FakeRegistry, Request, Response

NEW = {"1.0.0", "1.0.0-extra"}
UNDO_S = 5
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])


class Held:
    """The first request of ``method`` for ``path`` that comes after one for ``after`` gets no answer until ``free``."""

    def __init__(self, registry: FakeRegistry, method: str, path: str, after: str = "") -> None:
        self.reached = threading.Event()
        self.free = threading.Event()
        self._dropped = False
        self._method, self._path, self._after = method, re.compile(path), re.compile(after)
        self._armed = not after
        registry.faults.on(times=None).call(self._look)

    def _look(self, request: Request) -> Response | None:
        line = f"{request.method} {request.target}"
        if not self._armed:
            self._armed = self._after.search(line) is not None
        elif request.method == self._method and self._path.search(request.target) and not self.reached.is_set():
            self.reached.set()
            self.free.wait(60)
            return Response(503) if self._dropped else None
        return None

    def drop(self) -> None:
        """Its sender is gone: the request never came to be."""
        self._dropped = True
        self.free.set()


LAST = r"PUT .*manifests/latest(\?|$)"
#: name → method and path of the request that is held, and the one that comes before it.
BEFORE_MOVES = {
    "planning": ("HEAD", r"manifests", ""),
    "preflight": ("POST", r"blobs/uploads", ""),
    "blob": ("PUT", r"blobs/uploads", ""),
    "index": ("PUT", r"manifests/sha256", ""),
    "hold": ("PUT", r"manifests/_shipset\..*hold", ""),
}
MOVES = {
    "first move": ("PUT", r"manifests/1\.0\.0$", ""),
    "middle move": ("PUT", r"manifests/latest-extra", ""),
    "last move": ("PUT", r"manifests/latest$", ""),
    "read back": ("HEAD", r"manifests/1\.0\.0$", LAST),
}
AFTER_COMMIT = {
    "holds removed": ("DELETE", r"_shipset", LAST),
    "set manifest": ("PUT", r"manifests/sha256", LAST),
}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


@pytest.fixture
def old(project: Project, registry: FakeRegistry) -> dict[str, str]:
    """An older release with its own bytes is there; its tags."""
    matrix = shipset.load(project.file).matrix(version="0.9.0", latest=True)
    shipset.plan(matrix, to=registry.host).execute()
    (project.folder / "files" / "hello.txt").write_text("hello again\n", encoding="utf-8")
    return public(registry)


def start(shipset_command: Shipset, registry: FakeRegistry) -> subprocess.Popen[str]:
    return shipset_command.start("release", "--input", "latest=true", "--to", registry.host)


def id_in(err: str) -> str:
    found = re.search(r"shipset resume ([0-9a-f]+)", err)
    assert found is not None, err
    assert f"shipset rollback {found[1]}" in err
    return found[1]


@SIGNALS
@pytest.mark.parametrize("step", [*BEFORE_MOVES, *MOVES])
def test_release__signal_before_the_commit__ends_soon_with_tags_as_before(
    registry: FakeRegistry, old: dict[str, str], shipset_command: Shipset, number: signal.Signals, step: str
) -> None:
    held = Held(registry, *(BEFORE_MOVES | MOVES)[step])
    process = start(shipset_command, registry)
    wait_until(held.reached.is_set, what=step)
    sent = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < UNDO_S, err
    held.drop()
    assert process.returncode == 130, err
    assert "stopping and cleaning up" in err
    assert public(registry) == old
    assert not [tag for tag in registry.tags(REPOSITORY) if ".hold." in tag]


@SIGNALS
def test_release__signal_before_the_commit__same_release_again_completes(
    registry: FakeRegistry, old: dict[str, str], shipset_command: Shipset, number: signal.Signals
) -> None:
    held = Held(registry, *MOVES["last move"])
    process = start(shipset_command, registry)
    wait_until(held.reached.is_set, what="the last move")
    process.send_signal(number)
    process.communicate(timeout=60)
    held.drop()
    assert public(registry) == old
    done = shipset_command("release", "--input", "latest=true", "--to", registry.host)
    assert done.code == 0, done.err
    assert public(registry).keys() == old.keys() | NEW


@SIGNALS
@pytest.mark.parametrize("step", AFTER_COMMIT)
def test_release__signal_after_the_commit__goes_on_to_the_end(
    registry: FakeRegistry, old: dict[str, str], shipset_command: Shipset, number: signal.Signals, step: str
) -> None:
    held = Held(registry, *AFTER_COMMIT[step])
    process = start(shipset_command, registry)
    wait_until(held.reached.is_set, what=step)
    process.send_signal(number)
    time.sleep(0.5)  # time for a stop that it must not make
    held.free.set()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    tags = public(registry)
    assert tags.keys() == old.keys() | NEW
    assert (tags["latest"], tags["latest-extra"]) == (tags["1.0.0"], tags["1.0.0-extra"])
    assert shipset.verify(f"{registry.host}/{REPOSITORY}:1.0.0", set="required")


@pytest.mark.parametrize("verb", ["resume", "rollback"])
@pytest.mark.parametrize("step", [*MOVES, *AFTER_COMMIT])
def test_release__second_signal_after_the_first_move__exits_8_and_what_it_prints_works(
    registry: FakeRegistry, old: dict[str, str], shipset_command: Shipset, step: str, verb: str
) -> None:
    held = Held(registry, *(MOVES | AFTER_COMMIT)[step])
    process = start(shipset_command, registry)
    wait_until(held.reached.is_set, what=step)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < UNDO_S
    assert process.returncode == 8, err
    release = id_in(err)
    held.drop()
    registry.faults.clear()
    done = shipset_command(verb, release)
    assert done.code == 0, done.err
    if verb == "rollback":
        assert public(registry) == old
    elif step in AFTER_COMMIT:
        assert public(registry).keys() == old.keys() | NEW
    else:
        # Where the first signal had decided to go back, going on is finishing that.
        assert public(registry) == old or public(registry).keys() == old.keys() | NEW


def test_rollback__second_signal__exits_8_and_rollback_again_works(
    registry: FakeRegistry, old: dict[str, str], project: Project, shipset_command: Shipset
) -> None:
    assert shipset_command("release", "--input", "latest=true", "--to", registry.host).code == 0
    release = next(path.parent.name for path in (project.folder / ".shipset").glob("*/journal") if is_new(path))
    held = Held(registry, *MOVES["middle move"])
    process = shipset_command.start("rollback", release)
    wait_until(held.reached.is_set, what="the middle of going back")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 8, err
    assert public(registry) != old
    assert f"shipset rollback {release}" in err
    held.drop()
    registry.faults.clear()
    done = shipset_command("rollback", release)
    assert done.code == 0, done.err
    assert public(registry) == old


def is_new(journal: Path) -> bool:
    return '"version":"1.0.0"' in journal.read_text(encoding="utf-8").splitlines()[0]
