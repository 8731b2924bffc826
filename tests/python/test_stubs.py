"""The committed stubs are what the extension says, and the types of the package hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("pybind11_stubgen", reason="NOT RUN: the extra lint is not installed")


def test_stubs__written_again__are_the_committed_ones() -> None:
    script = ROOT / "cpp" / "bindings" / "make_stubs.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types__use_of_the_package__passes_strict_checking(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import shipset\n"
        "spec: shipset.Spec = shipset.load('shipset.toml')\n"
        "plan = shipset.plan(spec.matrix(version='1'), to='oci:dist')\n"
        "result: shipset.Result = plan.execute(on_event=print, timeout_s=3.5)\n"
        "moved: int = result.report.bytes_moved\n"
        "digests: list[shipset.Digest | None] = [tag.new_digest for tag in result.report.tags]\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout
