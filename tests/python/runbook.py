"""The failures that the runbook is about, each made to happen: a release of two variants against a registry of the
test, and what went wrong with it. A case yields what the user saw; when it goes on, the cause is mended."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from helpers import Done, Project
from recovering import REPOSITORY, public, rewrite
from release_files import release_file
from shipset.testing import FakeRegistry
from shipset.testing.auth import BasicAuth
from shipset.testing.wire import Request, Response, error

TAGS = ("1.1.0", "1.1.0-extra", "latest", "latest-extra")
LAST = r"manifests/latest$"
Case = Iterator[Done]
CASES: dict[str, Callable[[World], Case]] = {}


@dataclass
class World:
    """A machine with a release file, and a registry where 1.0.0 is released and 1.1.0 is to be."""

    folder: Path
    registry: FakeRegistry
    id: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.make_project()
        commands = self.folder / "bin"
        commands.mkdir()
        tool = commands / "shipset"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shipset "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
        self.environ["PATH"] = f"{commands}:{os.environ['PATH']}"
        first = self.run("shipset release --input version=1.0.0")
        assert first.code == 0, first.err
        (self.project / "files" / "hello").write_text("hello, better\n", encoding="utf-8")
        self.before = public(self.registry)

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def file(self) -> Path:
        return self.project / "shipset.toml"

    @property
    def journal(self) -> Path:
        return self.project / ".shipset" / self.id / "journal"

    def make_project(self) -> None:
        places = [f"{self.registry.host}/{REPOSITORY}"]
        text = release_file("plain", "extra", default="1.1.0", repositories=places, release="set_tag = true")
        Project.make(self.project, text)

    def forget(self) -> None:
        """What another machine has: the release file and the sources."""
        shutil.rmtree(self.project / ".shipset", ignore_errors=True)

    def add(self, text: str) -> None:
        Project(self.project).add(text)

    def start(self, command: str) -> subprocess.Popen[str]:
        """A command of the page, with its names replaced by those of this world."""
        line = command.replace("registry.example.com", self.registry.host)
        return subprocess.Popen(
            ["sh", "-c", "exec " + re.sub(r"\bID\b", self.id, line)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.project,
            env={**os.environ, **self.environ},
        )

    def run(self, command: str) -> Done:
        process = self.start(command)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def release(self, *options: str) -> Done:
        """The release of 1.1.0; its id is known from here on."""
        done = self.run(" ".join(("shipset release", *options)))
        self.find_id()
        return done

    def find_id(self) -> None:
        """Of the release of 1.1.0, as far as it left a journal."""
        for journal in self.project.glob(".shipset/*/journal"):
            header = json.loads(journal.read_text(encoding="utf-8").split("\n")[0][17:])
            if header["version"] == "1.1.0":
                self.id = header["id"]

    def release_killed_at(self, method: str, kind: str, path: str, *options: str, number: int = signal.SIGKILL) -> Done:
        """The same, by a process that gets a signal in the middle of the request."""
        running: list[subprocess.Popen[str]] = []

        def strike(request: Request) -> Response | None:
            os.kill(running[0].pid, number)
            return error(503, "UNKNOWN", "nobody reads this") if number == signal.SIGKILL else None

        fault = self.registry.faults.on(method, kind, path=path).call(strike)
        running.append(self.start(" ".join(("shipset release", *options))))
        out, err = running[0].communicate(timeout=120)
        assert fault.fired == 1, err
        self.find_id()
        return Done(running[0].returncode, out, err)

    def state(self) -> str:
        """How the public tags stand: old, new, or mixed."""
        tags = {name: digest for name, digest in public(self.registry).items() if not name.endswith(".shipset")}
        old = {name: digest for name, digest in self.before.items() if not name.endswith(".shipset")}
        if tags == old:
            return "old"
        moved = all(name in tags for name in TAGS) and tags["latest"] == tags["1.1.0"]
        moved = moved and tags["latest-extra"] == tags["1.1.0-extra"] and tags["1.1.0"] != old["1.0.0"]
        return "new" if moved and all(tags[name] == old[name] for name in ("1.0.0", "1.0.0-extra")) else "mixed"


def case(title: str) -> Callable[[Callable[[World], Case]], Callable[[World], Case]]:
    """Names the section of the page."""

    def taken(made: Callable[[World], Case]) -> Callable[[World], Case]:
        assert title not in CASES, title
        CASES[title] = made
        return made

    return taken


@case("A gate says no")
def _gate(world: World) -> Case:
    world.add('\n[[gate]]\nname = "smoke test"\nat = "staged"\nrun = ["test", "-e", "mended"]\n')
    yield world.release()
    (world.project / "mended").touch()


@case("An external gate is open")
def _external(world: World) -> Case:
    world.add('\n[[gate]]\nname = "gpu"\nat = "external"\n')
    yield world.release()
    (world.project / "result.json").write_text('{"result": "pass"}', encoding="utf-8")


@case("The build fails")
def _build(world: World) -> Case:
    pipe = world.project / "files" / "pipe"
    os.mkfifo(pipe)
    yield world.release()
    pipe.unlink()


@case("The registry wants a login")
def _login(world: World) -> Case:
    world.registry.auth = BasicAuth("builder", "correct-horse")
    yield world.release()
    (world.project / "password.txt").write_text("correct-horse\n", encoding="utf-8")


@case("The registry refuses to let you push")
def _push(world: World) -> Case:
    world.registry.faults.on("POST", "upload", times=None).status(403, code="DENIED")
    yield world.release()
    world.registry.faults.clear()


@case("The network is lost while images go up")
def _network(world: World) -> Case:
    world.registry.faults.on("PUT", "digest", times=None).drop_request()
    yield world.release()
    world.registry.faults.clear()


@case("A tag of this version is there already")
def _conflict(world: World) -> Case:
    world.registry.set_tag(REPOSITORY, "1.1.0", world.before["1.0.0"])
    world.before = public(world.registry)
    yield world.release()


@case("Someone else moves a tag meanwhile")
def _moved(world: World) -> Case:
    foreign = world.before["latest-extra"]
    world.before["latest"] = foreign
    world.registry.faults.on("PUT", "upload").move_tag("latest", foreign)
    yield world.release()


@case("Tags cannot be moved, and all went back")
def _undone(world: World) -> Case:
    world.registry.faults.on("PUT", "tag", path=LAST, times=None).status(403, code="DENIED")
    yield world.release()
    world.registry.faults.clear()


@case("Tags cannot be moved, and some could not go back")
def _stuck(world: World) -> Case:
    def end(request: Request) -> Response | None:
        world.registry.faults.on("PUT|DELETE", "tag", path="latest|1.1.0", times=None).status(403, code="DENIED")
        return error(403, "DENIED", "no")

    world.registry.faults.on("PUT", "tag", path=LAST).call(end)
    yield world.release()
    world.registry.faults.clear()


@case("The process was killed before a tag moved")
def _killed_early(world: World) -> Case:
    yield world.release_killed_at("PUT", "digest", "")


@case("The process was killed while tags moved")
def _killed_moving(world: World) -> Case:
    yield world.release_killed_at("PUT", "tag", LAST)


@case("The process was killed after the commit point")
def _killed_late(world: World) -> Case:
    yield world.release_killed_at("PUT", "tag", r"1\.1\.0\.shipset")


@case("You stopped it")
def _stopped(world: World) -> Case:
    yield world.release_killed_at("PUT", "tag", LAST, number=signal.SIGTERM)


@case("Another release is in between")
def _between(world: World) -> Case:
    world.release_killed_at("PUT", "tag", LAST)
    yield world.run("shipset release --input version=1.2.0")


@case("Another process works on it")
def _running(world: World) -> Case:
    world.release_killed_at("PUT", "tag", LAST)
    lock = world.journal.parent / "lock"
    hold = f"import fcntl, sys; f = open({str(lock)!r}, 'r+'); fcntl.flock(f, 2); print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    yield world.run("shipset resume ID")
    holder.communicate("\n")


@case("The last line of the journal is torn")
def _torn(world: World) -> Case:
    world.release_killed_at("PUT", "tag", LAST)
    with world.journal.open("ab") as journal:
        journal.write(b'0123456789abcdef {"step":"act","ac')
    yield world.run("shipset status ID")


@case("The journal is broken")
def _broken(world: World) -> Case:
    world.release_killed_at("PUT", "tag", LAST)
    lines = world.journal.read_text(encoding="utf-8").split("\n")
    lines[3] = lines[3].replace('"', "'", 1)
    world.journal.write_text("\n".join(lines), encoding="utf-8")
    yield world.run("shipset resume ID")


@case("The journal is of another release")
def _foreign(world: World) -> Case:
    world.release_killed_at("PUT", "digest", "")
    rewrite(world.journal, lambda lines: [lines[0].replace(world.id, "0123456789ab"), *lines[1:]])
    yield world.run("shipset resume ID")


@case("The journal is of a newer shipset")
def _newer(world: World) -> Case:
    world.release_killed_at("PUT", "tag", LAST)
    rewrite(world.journal, lambda lines: [lines[0].replace('"schema_version":1', '"schema_version":2'), *lines[1:]])
    yield world.run("shipset resume ID")
    rewrite(world.journal, lambda lines: [lines[0].replace('"schema_version":2', '"schema_version":1'), *lines[1:]])


@case("The disk is full")
def _full(world: World) -> Case:
    (world.project / "files" / "large").write_bytes(os.urandom(1 << 20))
    done = world.run("sh -c 'ulimit -f 256; exec shipset release'")
    world.find_id()
    yield done


@case("One destination of several refuses")
def _several(world: World) -> Case:
    text = world.file.read_text(encoding="utf-8")
    host = world.registry.host
    text = text.replace(f'["{host}/team/app"]', f'["{host}/team/app", "{host}/mirror/app"]')
    world.file.write_text(text.replace("set_tag", 'on_registry_failure = "continue"\nset_tag'), encoding="utf-8")
    world.registry.faults.on("POST", "upload", path="mirror/app", times=None).status(403, code="DENIED")
    yield world.release()
    world.registry.faults.clear()


@case("The machine is lost")
def _lost(world: World) -> Case:
    done = world.release_killed_at("PUT", "tag", LAST, "--mirror-journal")
    shutil.rmtree(world.project)
    world.make_project()
    (world.project / "files" / "hello").write_text("hello, better\n", encoding="utf-8")
    yield done


@case("A released version is to be taken back")
def _back(world: World) -> Case:
    yield world.release()


@case("The registry removes no tags")
def _stays(world: World) -> Case:
    world.registry.faults.on("DELETE", times=None).status(405)
    yield world.release_killed_at("PUT", "tag", LAST)
