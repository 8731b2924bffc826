"""Real registries and the example release, for every test of this folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildkit_kit import Kit, KitMissingError, buildkit_kit

ROOT = Path(__file__).resolve().parents[2]
MODEL_RUNNER = ROOT / "examples" / "model-runner"


def need(program: str) -> str:
    """The path of a peer. On CI a missing peer is a failure; elsewhere the test says loudly that it did not run."""
    path = shutil.which(program)
    if path is not None:
        return path
    message = f"{program} is not installed: bash tests/run.sh --only interop installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(f"NOT RUN: {message}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Registry:
    kind: str
    host: str
    directory: Path


@contextlib.contextmanager
def serve(kind: str, directory: Path) -> Iterator[Registry]:
    need({"crane": "crane", "distribution": "registry"}.get(kind.partition("-")[0], "docker-registry"))
    port = free_port()
    script = ROOT / "tests" / "interop" / "registry_serve.sh"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["bash", str(script), kind, str(directory), str(port)], stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/v2/", process, directory / "log")
            yield Registry(kind, f"127.0.0.1:{port}", directory)
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"the registry ended at once: {log.read_text()}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the registry did not answer: {log.read_text()}")


@pytest.fixture(params=["plain", "crane"], ids=["docker-registry", "crane-registry"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with serve(request.param, tmp_path / "registry") as running:
        yield running


@pytest.fixture(params=["plain", "distribution"], ids=["docker-registry", "distribution"])
def distribution(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """The old and the new generation of one program."""
    with serve(request.param, tmp_path / "registry") as running:
        yield running


@pytest.fixture(params=["plain", "distribution", "crane"], ids=["docker-registry", "distribution", "crane-registry"])
def any_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with serve(request.param, tmp_path / "registry") as running:
        yield running


@pytest.fixture(scope="session")
def buildkit() -> Iterator[Kit]:
    """Two real BuildKit nodes with builders and a mirror of stand-in bases; see buildkit_kit.py.

    The files that import from buildkit_kit run in one process, so that they share it.
    """
    with contextlib.ExitStack() as stack:
        try:
            kit = stack.enter_context(buildkit_kit())
        except KitMissingError as missing:
            if os.environ.get("CI") == "true":
                pytest.fail(str(missing))
            pytest.skip(f"NOT RUN: {missing}")
        yield kit


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Puts the tests of files that use the kit into one process, so that they share its daemons.

    A mark xdist_group would say it more simply, but with pytest 9.2 and xdist 3.8 nobody reads it.
    """
    from xdist.scheduler import LoadGroupScheduling

    class OneKit(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file not in known:
                known[file] = "from buildkit_kit import" in (config.rootpath / file).read_text(encoding="utf-8")
            return "buildkit" if known[file] else str(super()._split_scope(nodeid))

    known: dict[str, bool] = {}
    return OneKit(config, log) if config.getvalue("dist") == "loadgroup" else None


def run(*arguments: str | Path, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")} | {"CI": "1"}
    done = subprocess.run(
        [str(item) for item in arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=options.pop("env", environment),  # type: ignore[arg-type]
        **options,  # type: ignore[call-overload]
    )
    if check:
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's release file with its programs compiled, in a folder of its own."""
    need("go")
    folder = tmp_path_factory.mktemp("example") / "model-runner"
    shutil.copytree(MODEL_RUNNER, folder, ignore=shutil.ignore_patterns("build", ".shipset"))
    run("bash", folder / "build.sh")
    return folder


def write_blob(layout: Path, content: bytes) -> dict[str, object]:
    """Puts a blob into a layout; returns digest and size."""
    digest = hashlib.sha256(content).hexdigest()
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def write_image(layout: Path, layer: dict[str, object]) -> None:
    """Makes the layout one of an image with this uncompressed layer, which lies there already, under the tag v1."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    described = write_blob(layout, json.dumps(config).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
    }
    root = write_blob(layout, json.dumps(manifest).encode())
    annotations = {"org.opencontainers.image.ref.name": "v1"}
    entry = {"mediaType": manifest["mediaType"], **root, "annotations": annotations}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


ALL_INPUTS = [
    *("--input", "release_tag=v1.0.0"),
    *("--input", "push_latest=true"),
    *("--input", "build_musa_cann=true"),
]
SUFFIXES = ["", "-cuda", "-vllm-cuda", "-sglang-cuda", "-rocm", "-musa", "-cann"]
