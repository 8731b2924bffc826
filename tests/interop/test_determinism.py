"""The same input gives the same layer on every processor: natively, without any extension, and on arm64."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, need

LINES = ["directory", "gzip", "zstd"]


def digests(command: list[str], folder: Path) -> list[str]:
    folder.mkdir()
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == LINES
    return lines


@pytest.fixture(scope="module")
def native_tool() -> str:
    build = Path(os.environ.get("SHIPSET_TEST_BUILD") or ROOT / "build" / "cpp")
    tool = build / "tests" / "cpp" / "tools" / "layer_digest"
    if not tool.exists():
        pytest.fail(f"{tool} is missing: configure with -DSHIPSET_TESTS=ON")
    return str(tool)


def test_layer__oldest_x86_64__has_the_same_digests(native_tool: str, tmp_path: Path) -> None:
    emulator = need("qemu-x86_64-static")
    native = digests([native_tool], tmp_path / "native")
    assert digests([emulator, "-cpu", "qemu64", native_tool], tmp_path / "qemu64") == native


def test_layer__second_run_with_one_core__has_the_same_digests(native_tool: str, tmp_path: Path) -> None:
    native = digests([native_tool], tmp_path / "native")
    assert digests([need("taskset"), "-c", "0", native_tool], tmp_path / "one-core") == native


@pytest.mark.timeout(1800)
def test_layer__arm64__has_the_same_digests(native_tool: str, tmp_path: Path) -> None:
    emulator = need("qemu-aarch64-static")
    need("aarch64-linux-gnu-g++")
    need("apt-get")
    folder = ROOT / "build" / "arm64"
    script = ROOT / "tests" / "interop" / "arm64_build.sh"
    built = subprocess.run(["bash", str(script), str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    native = digests([native_tool], tmp_path / "native")
    assert digests([emulator, str(folder / "layer_digest")], tmp_path / "arm64") == native
