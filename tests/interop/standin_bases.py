"""Small images under the names of the bases that examples/model-runner/Dockerfile and docker/Dockerfile build on.

A busybox of each architecture with the links of its shell, and programs that note how they were called in
/standin/calls (see standins/record). What an image stands for is in /standin/base. The golang image holds the Go
toolchain of this machine, for linux/amd64 alone: it is the base of a stage on $BUILDPLATFORM. The bytes are the same in
every run on one machine.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).with_name("standins") / "record"
CACHE = ROOT / "build" / "standins"
RECORDING = ("apt-get", "git", "groupadd", "useradd", "python3", "pip", "uv", "update-ca-certificates")
GO_CACHE = "standin/go-cache"
ENGINES = {"cpu": 2, "cuda": 2, "rocm": 1, "musa": 1, "cann": 2}
LLAMA_VERSIONS = ("latest", "1.2.3")


class MissingError(Exception):
    """A program that the images are made of is not on this machine."""


@dataclass(frozen=True)
class Base:
    """One image name with its tag, without docker.io/."""

    name: str
    architectures: tuple[str, ...] = ("amd64", "arm64")
    env: tuple[str, ...] = ()
    system: str = "ubuntu 24.04"
    kind: str = "system"  # or "go", "llama", "file"
    file: str = ""  # the one program of a "file"
    note: str = ""  # changes the bytes: the upstream that moved its tag

    @property
    def repository(self) -> str:
        return self.name.rpartition(":")[0]

    @property
    def tag(self) -> str:
        return self.name.rpartition(":")[2]


NVIDIA = ("NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility")
BASES: tuple[Base, ...] = (
    Base("library/ubuntu:26.04", system="ubuntu 26.04"),
    Base("nvidia/cuda:12.9.0-runtime-ubuntu24.04", env=("CUDA_VERSION=12.9.0", *NVIDIA)),
    Base("nvidia/cuda:13.0.2-runtime-ubuntu24.04", env=("CUDA_VERSION=13.0.2", *NVIDIA)),
    Base("rocm/dev-ubuntu-22.04:latest", ("amd64",), system="ubuntu 22.04"),
    Base("mthreads/musa:rc4.3.0-runtime-ubuntu22.04-amd64", ("amd64",), system="ubuntu 22.04"),
    Base(
        "ascendai/cann:8.2.rc2-910b-ubuntu22.04-py3.11",
        system="ubuntu 22.04",
        env=("LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64",),
    ),
    Base("library/golang:1.24-bookworm", ("amd64",), system="debian 12", kind="go"),
    Base("library/debian:bookworm-slim", system="debian 12"),
    Base("library/docker:28.2.2-cli", kind="file", file="usr/local/bin/docker"),
    Base("docker/buildx-bin:0.38.2", kind="file", file="buildx"),
    *(
        Base(
            f"docker/docker-model-backend-llamacpp:{version}-{engine}",
            ("amd64", "arm64")[:count],
            kind="llama",
        )
        for version in LLAMA_VERSIONS
        for engine, count in ENGINES.items()
    ),
)


@dataclass
class Tar:
    """A layer in the making; times and owners are 0."""

    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._folders: set[str] = set()

    def _folders_of(self, path: str) -> None:
        for parent in reversed(Path(path).parents):
            if str(parent) != "." and str(parent) not in self._folders:
                self.folder(str(parent))

    def folder(self, path: str, mode: int = 0o755) -> None:
        self._folders_of(path)
        self._folders.add(path)
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._folders_of(path)
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), mode
        self._tar.addfile(entry, io.BytesIO(content))

    def link(self, path: str, target: str) -> None:
        self._folders_of(path)
        entry = tarfile.TarInfo(path)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._tar.addfile(entry)

    def done(self) -> bytes:
        self._tar.close()
        return self.buffer.getvalue()


@dataclass(frozen=True)
class Layer:
    blob: bytes
    diff_id: str
    media_type: str


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def packed(tar: bytes) -> Layer:
    suffix, blob = ("+gzip", gzip.compress(tar, 1, mtime=0)) if len(tar) < 16 << 20 else ("", tar)
    return Layer(blob, digest_of(tar), f"application/vnd.oci.image.layer.v1.tar{suffix}")


def busybox(architecture: str) -> Path:
    """A static busybox for the architecture; that of a foreign one is fetched once."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
    if architecture == machine:
        found = shutil.which("busybox", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
        if found is None or b"/ld-linux" in Path(found).read_bytes()[:4096]:
            raise MissingError("no static busybox (Debian: busybox-static)")
        return Path(found)
    path = CACHE / f"busybox-{architecture}"
    if not path.exists():
        done = subprocess.run(
            ["bash", str(ROOT / "tests/lib/arm64-busybox.sh"), str(path)], capture_output=True, text=True, timeout=300
        )
        if done.returncode != 0:
            raise MissingError(f"busybox for {architecture}: {done.stderr.strip()}")
    return path


def shell_layer(architecture: str) -> Layer:
    tar = Tar()
    for name in ("bin", "sbin", "usr/sbin"):
        tar.link(name, "/usr/bin")
    tar.file("usr/bin/busybox", busybox(architecture).read_bytes(), 0o755)
    listed = subprocess.run([busybox("amd64"), "--list"], capture_output=True, text=True, check=True)
    for applet in sorted(set(listed.stdout.split()) - {"busybox", "dpkg", "dpkg-deb", "rpm", *RECORDING}):
        tar.link(f"usr/bin/{applet}", "busybox")
    tar.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
    tar.file("etc/group", b"root:x:0:\nvideo:x:44:\nnogroup:x:65534:\n")
    tar.folder("root", 0o700)
    tar.folder("tmp", 0o1777)
    tar.folder("var/tmp", 0o1777)
    tar.file("standin/architecture", f"{architecture}\n".encode())
    return packed(tar.done())


def system_layer(base: Base, architecture: str) -> Layer:
    tar = Tar()
    name, version = base.system.split()
    tar.file("etc/os-release", f'ID={name}\nVERSION_ID="{version}"\nPRETTY_NAME="{base.system} stand-in"\n'.encode())
    tar.file("standin/base", f"{base.name}\n{base.note}".encode())
    tar.file("standin/calls", b"", 0o666)
    tar.file("standin/record", RECORD.read_bytes(), 0o755)
    if base.kind == "system":
        for program in RECORDING:
            tar.link(f"usr/bin/{program}", "/standin/record")
    status = (
        "Package: base-files\nStatus: install ok installed\nPriority: required\n"
        f"Maintainer: tests\nArchitecture: {architecture}\nVersion: {version}\nDescription: stand-in\n\n"
    )
    tar.file("var/lib/dpkg/status", status.encode())
    return packed(tar.done())


def llama_layer(base: Base, architecture: str) -> Layer:
    version, _, engine = base.tag.rpartition("-")
    root = f"com.docker.llama-server.native.linux.{engine}.{architecture}"
    about = f"llama-server {version} {engine} {architecture}{base.note}"
    tar = Tar()
    tar.file(f"{root}/bin/com.docker.llama-server", f"#!/bin/sh\necho {about}\n".encode(), 0o755)
    tar.file(f"{root}/lib/libllama.so", f"{about}\n".encode())
    return packed(tar.done())


def go_root() -> Path:
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        raise MissingError("go")
    return Path(subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())


def go_files(root: Path) -> Iterator[Path]:
    """What compiling a program without cgo needs."""
    yield from (root / name for name in ("VERSION", "go.env", "bin/go"))
    yield from sorted((root / "pkg/include").rglob("*"))
    yield from (root / "pkg/tool/linux_amd64" / name for name in ("asm", "compile", "link"))
    for path in sorted((root / "src").rglob("*")):
        inside = path.relative_to(root / "src").parts
        if inside[0] != "cmd" and "testdata" not in inside and not path.name.endswith("_test.go"):
            yield path


def add_compiled(tar: Tar, root: Path) -> None:
    """The standard library for both platforms, as the compiler keeps it: else every fresh node compiles it again."""
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ("amd64", "arm64"):
            environment = {"CGO_ENABLED": "0", "GOARCH": architecture, "GOCACHE": folder, "GOTOOLCHAIN": "local"}
            clean = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
            subprocess.run(
                [root / "bin/go", "build", "-trimpath", "net/http", "encoding/json", "flag", "os/signal"],
                env=clean | environment,
                check=True,
                timeout=600,
            )
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                tar.file(f"{GO_CACHE}/{path.relative_to(folder)}", path.read_bytes())


def go_layer() -> Layer:
    root = go_root()
    version = (root / "VERSION").read_text(encoding="utf-8").split()[0]
    kept = CACHE / f"{version}-compiled.tar"
    if not kept.exists():
        tar = Tar()
        for path in go_files(root):
            if path.is_file():
                mode = 0o755 if os.access(path, os.X_OK) else 0o644
                tar.file(f"usr/local/go/{path.relative_to(root)}", path.read_bytes(), mode)
        add_compiled(tar, root)
        tar.folder("go", 0o777)
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(tar.done())
        fresh.replace(kept)
    return packed(kept.read_bytes())


def layers_of(base: Base, architecture: str) -> list[Layer]:
    if base.kind == "llama":
        return [llama_layer(base, architecture)]
    if base.kind == "file":
        tar = Tar()
        tar.file(base.file, f"#!/bin/sh\necho {base.name} {architecture}{base.note}\n".encode(), 0o755)
        return [packed(tar.done())]
    layers = [shell_layer(architecture), system_layer(base, architecture)]
    return [layers[0], go_layer(), layers[1]] if base.kind == "go" else layers


def config_of(base: Base, architecture: str, layers: list[Layer]) -> bytes:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env = list(base.env)
    if base.kind == "go":
        path = f"/go/bin:/usr/local/go/bin:{path}"
        env += ["GOPATH=/go", "GOTOOLCHAIN=local", f"GOCACHE=/{GO_CACHE}"]
    shell = {"Env": [f"PATH={path}", *env], "Cmd": ["/bin/sh"]}
    config: dict[str, object] = {} if base.kind in {"llama", "file"} else shell
    document = {
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    return json.dumps(document).encode()


class Pusher:
    """Sends blobs and manifests to a registry on loopback without authentication."""

    def __init__(self, host: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=60)

    def __enter__(self) -> Pusher:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream") -> str:
        self._connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status >= 300 and not (method == "HEAD" and answer.status == 404):
            raise OSError(f"{method} {path} was answered with {answer.status}")
        return "" if answer.status == 404 else answer.headers.get("Location", "there")

    def blob(self, repository: str, content: bytes) -> dict[str, object]:
        digest = digest_of(content)
        if not self._ask("HEAD", f"/v2/{repository}/blobs/{digest}"):
            place = self._ask("POST", f"/v2/{repository}/blobs/uploads/", b"").removeprefix("http://")
            place = place[place.index("/") :]
            self._ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content)
        return {"digest": digest, "size": len(content)}

    def manifest(self, repository: str, reference: str, document: dict[str, object]) -> dict[str, object]:
        content = json.dumps(document).encode()
        kind = str(document["mediaType"])
        self._ask("PUT", f"/v2/{repository}/manifests/{reference or digest_of(content)}", content, kind)
        return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def push(host: str, base: Base) -> str:
    """Puts the image below its name into the registry at host; returns the digest of its index."""
    with Pusher(host) as pusher:
        entries = []
        for architecture in base.architectures:
            layers = layers_of(base, architecture)
            config = pusher.blob(base.repository, config_of(base, architecture, layers))
            manifest: dict[str, object] = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                "layers": [{"mediaType": one.media_type, **pusher.blob(base.repository, one.blob)} for one in layers],
            }
            described = pusher.manifest(base.repository, "", manifest)
            entries.append({**described, "platform": {"os": "linux", "architecture": architecture}})
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
        return str(pusher.manifest(base.repository, base.tag, index)["digest"])


def push_all(host: str) -> dict[str, str]:
    """All of them; the digest of each index by name."""
    return {base.name: push(host, base) for base in BASES}
