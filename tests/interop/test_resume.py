"""A process that pushes a big blob is killed; the next one goes on where the registry says that it stands.

The blob has 256 MiB; SHIPSET_TEST_RESUME_MIB sets another size (1024 is what a release candidate is tried with).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from cutting_proxy import CuttingProxy

from conftest import Registry, run, serve, write_image

MIB = 1 << 20
BLOB_BYTES = int(os.environ.get("SHIPSET_TEST_RESUME_MIB", "256")) * MIB
#: What ring, sockets and proxy may hold when a process is killed or a connection cut.
IN_FLIGHT_BYTES = 24 * MIB
#: Heads of requests, manifests and the config.
SMALL_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image whose one layer is BLOB_BYTES of noise."""
    folder = tmp_path_factory.mktemp("resume") / "layout"
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    piece, hasher = os.urandom(MIB - 8), hashlib.sha256()
    with (folder / "layer").open("wb") as out:
        for number in range(BLOB_BYTES // MIB):
            chunk = number.to_bytes(8, "big") + piece
            hasher.update(chunk)
            out.write(chunk)
    (folder / "layer").rename(blobs / hasher.hexdigest())
    write_image(folder, {"digest": f"sha256:{hasher.hexdigest()}", "size": BLOB_BYTES})
    return folder


def layer_of(layout: Path) -> str:
    index = json.loads((layout / "index.json").read_text())
    manifest = layout / "blobs" / "sha256" / index["manifests"][0]["digest"].removeprefix("sha256:")
    return str(json.loads(manifest.read_text())["layers"][0]["digest"])


def check_content(registry: Registry, digest: str) -> None:
    hasher = hashlib.sha256()
    with urllib.request.urlopen(f"http://{registry.host}/v2/team/app/blobs/{digest}", timeout=60) as answer:
        while piece := answer.read(MIB):
            hasher.update(piece)
    assert f"sha256:{hasher.hexdigest()}" == digest


def copy_command(layout: Path, host: str) -> list[str]:
    return [sys.executable, "-m", "shipset", "copy", f"oci:{layout}:v1", f"{host}/team/app:v1", "--format", "json"]


def environment(state: Path) -> dict[str, str]:
    return os.environ | {"XDG_STATE_HOME": str(state), "CI": "1"}


def kill_at(proxy: CuttingProxy, total: int, command: list[str], state: Path) -> None:
    process = subprocess.Popen(command, env=environment(state), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    proxy.at(total, process.kill)
    process.communicate(timeout=300)
    assert process.returncode == -9, "it ended before it was killed"
    proxy.wait_until_quiet()


def state_files(state: Path) -> list[Path]:
    return sorted((state / "shipset" / "uploads").glob("*.json"))


def held_by(location: str) -> int:
    """What the registry says that it has of an upload."""
    with urllib.request.urlopen(location, timeout=30) as answer:
        last = re.fullmatch(r"0-(\d+)", answer.headers["Range"])
    assert last is not None
    return int(last[1]) + 1


def test_push__killed_at_60_percent__next_process_goes_on_at_the_registrys_byte(layout: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with (
        serve("distribution", tmp_path / "registry") as registry,
        CuttingProxy(int(registry.host.rpartition(":")[2])) as proxy,
    ):
        kill_at(proxy, BLOB_BYTES * 6 // 10, copy_command(layout, proxy.host), state)
        [left] = state_files(state)
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
        assert stat.S_IMODE(left.parent.stat().st_mode) == 0o700
        location = json.loads(left.read_text())["location"]
        held = held_by(location)
        assert BLOB_BYTES * 6 // 10 - 2 * SMALL_BYTES <= held < BLOB_BYTES
        before = proxy.to_server
        done = run(*copy_command(layout, proxy.host), env=environment(state))
        report = json.loads(done.stdout)
        assert report["bytes_kept"] == held
        assert report["bytes_again"] <= IN_FLIGHT_BYTES, "only what was on its way and did not arrive"
        assert proxy.to_server - before <= BLOB_BYTES - held + SMALL_BYTES, (
            "something that the registry holds was sent again"
        )
        assert state_files(state) == []
        for secret in (location, location.partition("?")[2]):
            assert secret not in done.stdout + done.stderr
        check_content(registry, layer_of(layout))


@pytest.mark.parametrize("kind", ["plain", "crane"], ids=["docker-registry", "crane-registry"])
def test_push__killed_at_60_percent__registry_forgets__only_that_blob_again_and_reported(
    layout: Path, tmp_path: Path, kind: str
) -> None:
    state = tmp_path / "state"
    with (
        serve(kind, tmp_path / "registry") as registry,
        CuttingProxy(int(registry.host.rpartition(":")[2])) as proxy,
    ):
        kill_at(proxy, BLOB_BYTES * 6 // 10, copy_command(layout, proxy.host), state)
        assert len(state_files(state)) == 1
        before = proxy.to_server
        report = json.loads(run(*copy_command(layout, proxy.host), env=environment(state)).stdout)
        assert report["bytes_kept"] == 0
        assert BLOB_BYTES // 2 <= report["bytes_again"] <= BLOB_BYTES * 6 // 10 + IN_FLIGHT_BYTES
        assert BLOB_BYTES <= proxy.to_server - before <= BLOB_BYTES + SMALL_BYTES
        assert state_files(state) == []
        check_content(registry, layer_of(layout))


@pytest.mark.parametrize("kind", ["distribution", "plain", "crane"])
def test_push__connection_cut_at_60_percent__same_process_goes_on_or_begins_that_blob_anew(
    layout: Path, tmp_path: Path, kind: str
) -> None:
    with (
        serve(kind, tmp_path / "registry") as registry,
        CuttingProxy(int(registry.host.rpartition(":")[2])) as proxy,
    ):
        proxy.at(BLOB_BYTES * 6 // 10, proxy.cut)
        report = json.loads(run(*copy_command(layout, proxy.host), env=environment(tmp_path / "state")).stdout)
        again = proxy.to_server - BLOB_BYTES
        if kind == "distribution":
            assert report["bytes_kept"] >= BLOB_BYTES // 2
            assert report["bytes_again"] <= IN_FLIGHT_BYTES
            assert again <= IN_FLIGHT_BYTES
        else:
            assert report["bytes_kept"] == 0
            assert BLOB_BYTES // 2 <= report["bytes_again"] <= BLOB_BYTES * 6 // 10 + IN_FLIGHT_BYTES
        assert state_files(tmp_path / "state") == []
        check_content(registry, layer_of(layout))


def test_pull__killed_at_60_percent__next_process_goes_on_in_the_layout(layout: Path, tmp_path: Path) -> None:
    target, state = tmp_path / "pulled", tmp_path / "state"
    with serve("distribution", tmp_path / "registry") as registry:
        run(*copy_command(layout, registry.host), env=environment(state))
        command = [sys.executable, "-m", "shipset", "copy", f"{registry.host}/team/app:v1", f"oci:{target}:v1"]
        process = subprocess.Popen(
            command, env=environment(state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            first_part = sum(file.stat().st_size for file in target.glob(".shipset-partial-*"))
            if first_part >= BLOB_BYTES * 4 // 10:
                process.kill()
            time.sleep(0.002)
        process.wait()
        assert process.returncode == -9, "it ended before it was killed"
        held = sum(file.stat().st_size for file in target.glob(".shipset-partial-*"))
        assert held > 0
        report = json.loads(run(*command, "--format", "json", env=environment(state)).stdout)
        assert report["bytes_kept"] == held
        assert report["bytes_again"] == 0
        assert list(target.glob(".shipset-*partial*")) == []
    digest = layer_of(layout).removeprefix("sha256:")
    assert hashlib.sha256((target / "blobs" / "sha256" / digest).read_bytes()).hexdigest() == digest
