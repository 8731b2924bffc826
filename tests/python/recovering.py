"""Releases that are broken off at a chosen request, for tests of what comes after: another process, another machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shipset
from helpers import Done, Project, Shipset
from release_files import release_file
from shipset.testing import FakeRegistry
from shipset.testing.wire import Request, Response

REPOSITORY = "team/app"
CI = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1"}


def three(**lines: Any) -> str:
    return release_file("plain", "extra", "more", moves="always", **lines)


THREE = three()


def gate_of(file: Path) -> str:
    """A gate that says no while there is no such file."""
    return f'\n[[gate]]\nname = "look"\nat = "staged"\nrun = ["test", "-e", "{file}"]\n'


@dataclass
class Machine:
    """A folder with a checkout and its own state; ``run`` starts the command there as another process."""

    project: Project
    host: str
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: object, env: dict[str, str] | None = None) -> Done:
        return Shipset(self.project.folder, {**self.environ, **(env or {})})(*arguments)

    def release(self, version: str, *more: object) -> Done:
        return self.run("release", "--to", self.host, "--input", f"version={version}", *more, "--format", "json")

    def killed(self, registry: FakeRegistry, version: str, *, at: str, method: str = "PUT", nth: int = 1) -> None:
        """Releases, and is killed when the request ``method`` of a path ``at`` arrives; it is still carried out."""
        command = ["release", "--to", self.host, "--input", f"version={version}"]
        process = Shipset(self.project.folder, self.environ).start(*command)

        def kill(request: Request) -> Response | None:
            del request
            process.kill()
            process.wait(timeout=20)
            return None

        fault = registry.faults.on(method, path=at, nth=nth).call(kill)
        _, said = process.communicate(timeout=120)
        assert fault.fired == 1, f"it ended before: {said}"
        assert process.returncode == -9
        registry.faults.clear()

    def status(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("status", "--format", "json").out)["releases"]
        return found

    @property
    def id(self) -> str:
        """Of the release that began last."""
        return str(self.status()[-1]["id"])

    def journal(self, release: str) -> Path:
        return self.project.folder / ".shipset" / release / "journal"

    def fresh(self, folder: Path, *, empty: bool = False) -> Machine:
        """Another machine with the same checkout, or an empty folder."""
        if empty:
            folder.mkdir()
        else:
            shutil.copytree(self.project.folder, folder, ignore=shutil.ignore_patterns(".shipset"))
        return Machine(Project(folder), self.host, dict(self.environ))


def released(project: Project, registry: FakeRegistry, **environ: str) -> Machine:
    """Where 1.0.0 was released from."""
    project.write(THREE)
    machine = Machine(project, registry.host, environ)
    done = machine.release("1.0.0")
    assert done.code == 0, done.err
    return machine


def report(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.out)
    return found


def rewrite(journal: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Changes the records of a journal and keeps its checksums right."""
    records = [line[17:] for line in journal.read_text(encoding="utf-8").splitlines()]
    text, check = "", ""
    for record in change(records):
        check = hashlib.sha256((check + record).encode()).hexdigest()[:16]
        text += f"{check} {record}\n"
    journal.write_text(text, encoding="utf-8")


def public(registry: FakeRegistry) -> dict[str, str]:
    return {tag: at for tag, at in registry.tags(REPOSITORY).items() if not tag.startswith("_shipset.")}


def own(registry: FakeRegistry) -> set[str]:
    return {tag for tag in registry.tags(REPOSITORY) if tag.startswith("_shipset.")}


def check_released(registry: FakeRegistry, version: str, before: dict[str, str]) -> None:
    """Every tag is that of this version, the others are as before, and every one verifies with its whole set."""
    tags = public(registry)
    for suffix in ("", "-extra", "-more"):
        assert tags[f"latest{suffix}"] == tags[f"{version}{suffix}"]
        proof = shipset.verify(f"{registry.host}/{REPOSITORY}:{version}{suffix}", set="required")
        proof.check()
    untouched = {tag: at for tag, at in before.items() if "latest" not in tag and not tag.startswith("sha256-")}
    assert {tag: at for tag, at in tags.items() if tag in untouched} == untouched


def sent_twice(registry: FakeRegistry) -> list[str]:
    """Blobs that were uploaded more than once."""
    ends = [
        digest
        for entry in registry.requests
        if entry.kind == "upload" and entry.method in ("PUT", "POST") and entry.status == 201
        for digest in entry.query.get("digest", [])
    ]
    return sorted({digest for digest in ends if ends.count(digest) > 1})


def writes(registry: FakeRegistry) -> list[str]:
    return [str(entry) for entry in registry.requests if entry.method not in ("GET", "HEAD")]


def forget(registry: FakeRegistry, *digests: str) -> None:
    """The registry's own cleaner takes manifests, and the tags that hold them."""
    for digest in digests:
        place = f"{registry.url}/v2/{REPOSITORY}/manifests/{digest}"
        urllib.request.urlopen(urllib.request.Request(place, method="DELETE"), timeout=20).close()
        assert digest not in registry.manifests(REPOSITORY)
        assert digest not in registry.tags(REPOSITORY).values()
