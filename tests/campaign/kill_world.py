"""Where a release is killed: its project, a registry with an older release, and `python -m shipset` as a process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shipset
from content import REPOSITORY, release_text
from shipset.testing import FakeRegistry, Request, Response

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import servers

PUT_OF_A_BLOB = re.compile(r'"(?:PUT|POST) (/v2/\S+/blobs/uploads/\S*digest=\S+) HTTP/[\d.]+" 201 ')
FOREIGN = ("GITHUB_", "SHIPSET_", "CI_", "GITLAB_", "SOURCE_DATE_EPOCH", "REGISTRY_AUTH", "XDG_", "LD_PRELOAD")


@dataclass(frozen=True)
class Kill:
    """When a process is killed: ``by`` journal at the ``nth`` write (``how``: b before, h half-written, a after), by
    request at the nth that it sends (b before the registry does it, a after), by time ``nth`` milliseconds after its
    start."""

    by: str
    nth: int
    how: str = "b"


@dataclass(frozen=True)
class Done:
    """A process that ended; ``code`` -9: it was killed."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def write_project(folder: Path, *, version: str) -> None:
    """The release file and what it packs; each version has layers of its own, and one that both have."""
    for name in ("files", "plain", "extra"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "of-it").write_bytes(f"{name} {version}\n".encode() * 4000)
    (folder / "files" / "of-all").write_bytes(b"the same in all versions\n" * 4000)
    (folder / "shipset.toml").write_text(release_text("forward"), encoding="utf-8")


def make_old(folder: Path) -> Path:
    """A layout with the older release, which every case finds at its destination."""
    project = folder / "old"
    write_project(project, version="0.9.0")
    layout = folder / "layout"
    matrix = shipset.load(project / "shipset.toml").matrix(version="0.9.0")
    shipset.plan(matrix, to=f"oci:{layout}").execute()
    return layout


def compile_shim(folder: Path) -> Path:
    """journal_kill.c as a library for LD_PRELOAD."""
    made = folder / "journal_kill.so"
    source = Path(__file__).parent / "journal_kill.c"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True)
    return made


class Fake:
    """FakeRegistry as the place of a case."""

    def __init__(self, preset: str) -> None:
        self.registry = FakeRegistry.like(preset)
        self.removes = bool({"tag", "digest"} & set(self.registry.behaviour.delete))
        self._kill: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._left = 0

    def __enter__(self) -> Fake:
        self.registry.start()
        self.registry.faults.on(times=None).call(self._seen)
        return self

    def __exit__(self, *gone: object) -> None:
        self.registry.stop()

    @property
    def host(self) -> str:
        return self.registry.host

    def kill_at(self, kill: Kill, end: Callable[[], None]) -> None:
        with self._lock:
            self._left, self._kill, self._how = kill.nth, end, kill.how

    def _seen(self, request: Request) -> Response | None:
        del request
        with self._lock:
            self._left -= 1
            if self._kill is None or self._left != 0:
                return None
            end, self._kill = self._kill, None
        end()
        # Nobody reads the answer. What it stands for is only whether the registry did what it was asked.
        return Response(503) if self._how == "b" else None

    def quiet(self) -> None:
        """Until what a killed process had sent is done."""
        seen = -1
        while seen != len(self.registry.requests):
            seen = len(self.registry.requests)
            time.sleep(0.1)

    def tags(self) -> dict[str, str]:
        return self.registry.tags(REPOSITORY)

    def manifest(self, digest: str) -> bytes | None:
        try:
            return self.registry.manifest(REPOSITORY, digest)
        except LookupError:
            return None

    def uploads(self) -> Counter[str]:
        """How often each blob was sent to its end."""
        return Counter(
            entry.query["digest"][0]
            for entry in self.registry.requests
            if entry.kind == "upload" and entry.method in ("PUT", "POST") and "digest" in entry.query
            if entry.status == 201
        )

    def referrers(self) -> dict[str, str]:
        """Manifests that name a subject, with it."""
        found = {}
        for digest, data in self.registry.manifests(REPOSITORY).items():
            subject = json.loads(data).get("subject")
            if subject:
                found[digest] = str(subject["digest"])
        return found


class Distribution:
    """One repository of a running distribution; ``name`` keeps cases apart."""

    removes = True

    def __init__(self, host: str, log: Path, name: str) -> None:
        self.host = f"{host}/{name}"
        self._base = f"http://{host}/v2/{name}/{REPOSITORY}"
        self._log = log
        self._name = name

    def __enter__(self) -> Distribution:
        return self

    def __exit__(self, *gone: object) -> None:
        pass

    def quiet(self) -> None:
        size = -1
        while size != self._log.stat().st_size:
            size = self._log.stat().st_size
            time.sleep(0.15)

    def _get(self, path: str) -> tuple[bytes, str]:
        kinds = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
        request = urllib.request.Request(f"{self._base}/{path}", headers={"Accept": kinds})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read(), answer.headers.get("Docker-Content-Digest", "")

    def tags(self) -> dict[str, str]:
        try:
            names = json.loads(self._get("tags/list?n=1000")[0])["tags"] or []
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return {}
            raise
        return {name: self._get(f"manifests/{name}")[1] for name in sorted(names)}

    def manifest(self, digest: str) -> bytes | None:
        try:
            return self._get(f"manifests/{digest}")[0]
        except urllib.error.HTTPError:
            return None

    def uploads(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for match in PUT_OF_A_BLOB.finditer(self._log.read_text(errors="replace")):
            url = urllib.parse.urlsplit(match[1])
            if url.path.startswith(f"/v2/{self._name}/"):
                found[urllib.parse.parse_qs(url.query)["digest"][0]] += 1
        return found

    def referrers(self) -> dict[str, str]:
        return {}  # it has no such list: fallback tags tell


@contextlib.contextmanager
def serve_distribution(folder: Path) -> Iterator[tuple[str, Path]]:
    """Host and access log of a distribution."""
    servers.need("registry")
    registry = servers.Registry("distribution", folder)
    with registry.serve():
        yield registry.host, folder / "log"


class World:
    """One release of one project at one place."""

    def __init__(self, folder: Path, place: Fake | Distribution, old: Path, shim: Path, *, mirror: bool) -> None:
        self.folder = folder
        self.place = place
        self._shim = shim
        self._mirror = ["--mirror-journal"] if mirror else []
        write_project(folder, version="1.0.0")
        shipset.copy(f"oci:{old}", f"{place.host}/{REPOSITORY}", all_tags=True)
        self.before = place.tags()
        self.log = ""
        self._lost = ""
        self.staged = ""  # the id of what `build` has staged

    def stage(self) -> None:
        """`build` first: what is killed then is a promotion of what it staged."""
        done = self.run("build")
        if done.code != 0:
            raise RuntimeError(f"build ended with {done.code}: {done.err}")
        self.staged = str(json.loads(done.out)["id"])

    def arguments(self, verb: str) -> list[str]:
        if verb == "build":
            return ["build", "--to", self.place.host, "--format", "json"]
        if verb == "release" and self.staged:
            return ["promote", self.staged, "--to", self.place.host, *self._mirror]
        if verb == "release":
            return ["release", "--to", self.place.host, *self._mirror]
        if verb == "clean":
            # What was staged and never promoted has no journal: its marker tells.
            staged = ["--staging", f"{self.place.host}/{REPOSITORY}"] if self.staged else []
            return ["clean", self.id() or self.staged, "--yes", *staged]
        return [verb, self.id(), *(["--staging", f"{self.place.host}/{REPOSITORY}"] if self._lost else [])]

    def run(self, verb: str, kill: Kill | None = None) -> Done:
        """A process of its own; it is killed, or ends."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) and name != "CI"}
        environ |= {"HOME": str(self.folder / "home"), "NO_COLOR": "1"}
        if kill is not None and kill.by == "journal":
            environ |= {"LD_PRELOAD": str(self._shim), "SHIPSET_TEST_KILL": f"{kill.nth}{kill.how}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "shipset", *self.arguments(verb)],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if kill is not None and kill.by == "request":
            assert isinstance(self.place, Fake)
            self.place.kill_at(kill, process.kill)
        timer = threading.Timer(kill.nth / 1000, process.kill) if kill is not None and kill.by == "time" else None
        if timer is not None:
            timer.start()
        try:
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
            if timer is not None:
                timer.cancel()
        done = Done(process.returncode, out, err)
        if done.killed:
            self.place.quiet()
        self.log += f"--- {verb} → {done.code} {kill or ''}\n{err[-1500:]}"
        return done

    def id(self) -> str:
        """Of the release, by its folder."""
        home = self.folder / ".shipset"
        found = [path.name for path in home.iterdir() if (path / "journal").exists()] if home.exists() else []
        return found[0] if found else self._lost

    def lose_journal(self) -> None:
        """As on another machine in the same CI run: no journal is here, and the release has the same id."""
        self._lost = self.id()
        home, lost = self.folder / ".shipset", self.folder / "lost"
        if home.exists():
            home.rename(lost)
            home.mkdir()
            shutil.copy(lost / "seed", home / "seed")

    def status(self) -> dict[str, Any]:
        """What `shipset status` says of it; {} when it knows none."""
        done = subprocess.run(
            [sys.executable, "-m", "shipset", "status", "--format", "json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(f"status ended with {done.returncode}: {done.stderr}")
        releases = json.loads(done.stdout)["releases"]
        return dict(releases[0]) if releases else {}

    def journal_lines(self) -> int:
        return len((self.folder / ".shipset" / self.id() / "journal").read_text(encoding="utf-8").splitlines())
