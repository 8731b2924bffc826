"""Real BuildKit on this machine: one or two daemons, a mirror of docker.io with stand-in bases, builders of buildx.

Everything lives below one temporary folder and ends with the kit: daemons, registry, mounts, emulation. As a program it
keeps running until it is interrupted, and prints what a shell needs:

    python3 tests/interop/buildkit_kit.py [FOLDER]

Needs root (mounts, runc). A kit whose process was killed is swept away by the next one.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import standin_bases
from emulation import emulation

SERVE = Path(__file__).with_name("registry_serve.sh")
PROGRAMS = ("buildkitd", "buildx", "runc", "docker-registry")
START_S = 60
MNT_DETACH = 2


class KitMissingError(Exception):
    """What the kit needs and this machine does not have."""


@dataclass
class Node:
    """One buildkitd. Its socket, everything it wrote, and its log are below directory."""

    name: str
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        return self.directory / "buildkitd.sock"

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Ends the daemon as an accident would: what is in work is lost."""
        end(self.process)


@dataclass
class Kit:
    directory: Path
    mirror: str  # host:port
    bases: dict[str, str]  # digest of each stand-in's index by its name without docker.io/
    nodes: list[Node] = field(default_factory=list)

    @property
    def builders(self) -> Path:
        """The folder that BUILDX_CONFIG must name for the builders `one` and `two` to be known."""
        return self.directory / "buildx"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use the builders and the mirror, and nothing of this machine's Docker."""
        return {
            "BUILDX_CONFIG": str(self.builders),
            "DOCKER_CONFIG": str(self.directory / "docker"),
            "CONTAINERS_REGISTRIES_CONF": str(self.directory / "registries.conf"),
        }

    def prune(self) -> None:
        """Empties the caches of both nodes, so that the next build starts from nothing."""
        self.buildx("prune", "--builder", "two", "--all", "--force")

    @contextlib.contextmanager
    def moved_base(self, name: str) -> Iterator[str]:
        """The upstream moves a tag: meanwhile the base has other content. Gives the digest of its new index."""
        base = next(one for one in standin_bases.BASES if one.name == name)
        try:
            yield standin_bases.push(self.mirror, dataclasses.replace(base, note="moved\n"))
        finally:
            standin_bases.push(self.mirror, base)

    def buildx(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["buildx", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=280,
            env=os.environ | self.environment,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"buildx {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def create_builder(self, name: str, *nodes: tuple[Node, str]) -> None:
        """A builder over nodes; each with the platforms that it builds ("" for whatever it can)."""
        for count, (node, platforms) in enumerate(nodes):
            options = ["--append"] if count else []
            options += ["--platform", platforms] if platforms else []
            address = (node.address,)
            self.buildx("create", "--name", name, "--node", node.name, "--driver", "remote", *options, *address)


def missing() -> str:
    """Why no kit can run here; empty if one can."""
    if os.geteuid() != 0:
        return "BuildKit's daemon needs root, for mounts and runc"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    absent = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    return f"{', '.join(absent)} not installed: bash tests/run.sh --only peers installs them" if absent else ""


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start(arguments: list[str], log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Starts a daemon that ends with us, however we end."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    with log.open("wb") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"PATH": path} | environment,
            start_new_session=True,  # Ctrl-C in a terminal is for us; we end them in order
        )


def answers(address: Path | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(str(address) if isinstance(address, Path) else address) == 0


def wait_until_answers(address: Path | tuple[str, int], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise KitMissingError(f"{address} did not answer: {log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.02)


@contextlib.contextmanager
def registry(directory: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    directory.mkdir()
    process = start(["bash", str(SERVE), "plain", str(directory), str(port)], directory / "start.log")
    try:
        wait_until_answers(("127.0.0.1", port), process, directory / "start.log")
        yield f"127.0.0.1:{port}"
    finally:
        end(process)


CONFIG = """
root = "{directory}/root"
[grpc]
  address = ["unix://{directory}/buildkitd.sock"]
[worker.oci]
  enabled = true
  snapshotter = "auto"
  networkMode = "host"
  max-parallelism = {parallelism}
[worker.containerd]
  enabled = false
[registry."docker.io"]
  mirrors = ["{mirror}"]
[registry."{mirror}"]
  http = true
"""


@contextlib.contextmanager
def node(name: str, directory: Path, mirror: str, *, size_mib: int = 0, parallelism: int = 0) -> Iterator[Node]:
    """A daemon. With size_mib what it writes goes to a file system of that size, which a build can fill.

    Registries on 127.0.0.1 are spoken to by http without being named in its configuration.
    """
    directory.mkdir(parents=True)
    (directory / "root").mkdir()
    if size_mib:
        options = ["-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(directory / "root")]
        subprocess.run(["mount", *options], check=True)
    config = directory / "buildkitd.toml"
    config.write_text(CONFIG.format(directory=directory, mirror=mirror, parallelism=parallelism), encoding="utf-8")
    arguments = ["buildkitd", "--config", str(config)]
    process = start(arguments, directory / "log", OTEL_TRACES_EXPORTER="none", TMPDIR=str(directory))
    try:
        wait_until_answers(directory / "buildkitd.sock", process, directory / "log")
        yield Node(name, directory, process)
    finally:
        end(process)
        unmount_below(directory)


def unmount_below(directory: Path) -> None:
    """Takes away the mounts that a daemon left below directory, the inner ones first."""
    library = ctypes.CDLL(None, use_errno=True)
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    for point in reversed([point for point in points if Path(point).is_relative_to(directory)]):
        library.umount2(os.fsencode(point), MNT_DETACH)


# For shipset and other tools that know the file; the daemons have their own configuration.
REGISTRIES = """
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "{mirror}"
insecure = true
"""
PREFIX = "shipset-kit-"
MAKING = Path("/run/shipset-kits.lock")  # held while folders are made and swept


@contextlib.contextmanager
def folder(wanted: Path | None) -> Iterator[Path]:
    """The kit's own folder, locked while the kit lives. Unlocked ones of earlier kits are swept away.

    Short, because the name of a socket may have 107 bytes at most.
    """
    with contextlib.ExitStack() as stack:
        with MAKING.open("w") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            sweep()
            if wanted is not None:
                wanted.mkdir(parents=True, exist_ok=False)
            made = wanted or Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = stack.enter_context((made / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield made
        finally:
            remove(made)


def sweep() -> None:
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (old / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(old)


def remove(directory: Path) -> None:
    unmount_below(directory)
    shutil.rmtree(directory)


@contextlib.contextmanager
def buildkit_kit(wanted: Path | None = None) -> Iterator[Kit]:
    """Two nodes, the mirror with its bases, and the builders `one` (both platforms on one node) and `two`.

    Raises KitMissingError where that cannot be.
    """
    if reason := missing():
        raise KitMissingError(reason)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(folder(wanted))
        try:
            stack.enter_context(emulation("aarch64"))
            mirror = stack.enter_context(registry(directory / "mirror"))
            bases = standin_bases.push_all(mirror)
        except (standin_bases.MissingError, OSError, subprocess.SubprocessError) as error:
            raise KitMissingError(str(error)) from error
        kit = Kit(directory, mirror, bases)
        (directory / "registries.conf").write_text(REGISTRIES.format(mirror=mirror), encoding="utf-8")
        for name in ("first", "second"):
            kit.nodes.append(stack.enter_context(node(name, directory / name, mirror)))
        first, second = kit.nodes
        kit.create_builder("one", (first, "linux/amd64,linux/arm64"))
        kit.create_builder("two", (first, "linux/amd64"), (second, "linux/arm64"))
        yield kit


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), buildkit_kit(Path(sys.argv[1]) if len(sys.argv) > 1 else None) as kit:
        for name, value in kit.environment.items():
            print(f"export {name}={value}")
        print(f"export SHIPSET_TEST_MIRROR={kit.mirror}")
        for one in kit.nodes:
            print(f"# {one.name}: {one.address}, log {one.directory}/log")
        print(
            f"# builders one and two; docker.io is http://{kit.mirror}: {json.dumps(kit.bases, indent=1)}", flush=True
        )
        while all(one.process.poll() is None for one in kit.nodes):
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KitMissingError as error:
        sys.exit(f"buildkit_kit.py: {error}")
