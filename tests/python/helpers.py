"""A small release in a folder of its own, the command, layouts seen from outside, and a registry with a login."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SMALL = """\
[release]
name         = "app"
version      = "{inputs.version}"
repositories = ["example.org/team/app"]

[inputs.version]
default = "1.0.0"
[inputs.latest]
type    = "boolean"
default = false

[build]
backend   = "native"
platforms = ["linux/amd64", "linux/arm64"]

[build.native]
layers = [{ from = "files", to = "/app" }]

[tags]
rules = [
  { tag = "{version}{-suffix}" },
  { tag = "latest{-suffix}", when = "inputs.latest", moves = "forward" },
]
"""
VARIANTS = """
[[variant]]
name   = "plain"
suffix = ""

[[variant]]
name = "extra"
"""
FOREIGN = ("GITHUB_", "SHIPSET_", "CI_", "BUILDKITE", "CIRCLE", "SOURCE_DATE_EPOCH", "DOCKER_", "REGISTRY_AUTH", "XDG_")


@dataclass(frozen=True)
class Project:
    """A folder with a release file and the files that it packs."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, text: str) -> Project:
        """With one small file to pack."""
        project = cls(folder)
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "hello").write_text("hello\n", encoding="utf-8")
        project.write(text)
        return project

    @property
    def file(self) -> Path:
        return self.folder / "shipset.toml"

    @property
    def layout(self) -> Path:
        return self.folder / "dist"

    @property
    def to(self) -> str:
        return f"oci:{self.layout}"

    def write(self, text: str) -> None:
        self.file.write_text(text, encoding="utf-8")

    def add(self, text: str) -> None:
        self.write(self.file.read_text(encoding="utf-8") + text)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "shipset", *map(str, arguments)]


@dataclass
class Shipset:
    """Runs the command as people do: another process, its own environment."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: object, stdin: str | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 120
    ) -> Done:
        done = subprocess.run(
            command(*arguments),
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env={**os.environ, **self.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env={**os.environ, **self.environ, **(env or {})},
        )


def seen(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its bytes; {} when there is no folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def temporary_files(folder: Path) -> list[str]:
    """Left-overs of writing: whatever is not part of an OCI layout."""
    known = ("oci-layout", "index.json")
    return [
        name
        for name in seen(folder)
        if name not in known and not name.startswith("blobs/sha256/") and not name.endswith(".lock")
    ] + [name for name in seen(folder) if name.startswith("blobs/sha256/") and len(Path(name).name) != 64]


def tags_of(folder: Path) -> dict[str, str]:
    """Tag → digest, read from index.json with nothing of shipset."""
    file = folder / "index.json"
    if not file.is_file():
        return {}
    entries = json.loads(file.read_text(encoding="utf-8"))["manifests"]
    name = "org.opencontainers.image.ref.name"
    return {entry["annotations"][name]: entry["digest"] for entry in entries if name in entry.get("annotations", {})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(done: Callable[[], bool], *, timeout_s: float = 30, what: str = "it") -> None:
    end = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.01)


@dataclass(frozen=True)
class Registry:
    host: str
    username: str
    password: str


@contextlib.contextmanager
def serve_with_login(folder: Path) -> Iterator[Registry]:
    """Debian's docker-registry that wants a login."""
    folder.mkdir(parents=True, exist_ok=True)
    username, password, port = "builder", "correct-horse-battery", free_port()
    line = subprocess.run(
        ["htpasswd", "-nbB", username, password], capture_output=True, text=True, check=True
    ).stdout.strip()
    (folder / "htpasswd").write_text(line + "\n", encoding="utf-8")
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n",
        encoding="utf-8",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
        try:
            wait_until(lambda: _answers(port), what="an answer of docker-registry")
            yield Registry(f"127.0.0.1:{port}", username, password)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False
    return True
