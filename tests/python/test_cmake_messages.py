"""What CMake says on a machine that lacks libraries."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def configure(build: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cmake", "-S", str(ROOT), "-B", str(build), "-G", "Ninja", *options],
        capture_output=True,
        text=True,
        check=False,
    )


def test_configure__two_libraries_missing__names_both_with_packages_of_three_systems(tmp_path: Path) -> None:
    answer = configure(tmp_path, "-DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON")
    said = re.sub(r"\s+", " ", answer.stderr)
    assert answer.returncode != 0
    for package in ("libcurl4-openssl-dev", "libcurl-devel", "libfmt-dev", "fmt-devel"):
        assert f"install {package}" in said
    assert "brew install curl" in said
    assert "libzstd-dev" not in said


def test_configure__pcre2_missing__names_its_packages(tmp_path: Path) -> None:
    answer = configure(tmp_path, "-DSHIPSET_pcre2-8_LIBRARY=OFF")
    said = re.sub(r"\s+", " ", answer.stderr)
    assert answer.returncode != 0
    for package in ("apt-get install libpcre2-dev", "dnf install pcre2-devel", "brew install pcre2"):
        assert package in said


def test_configure__without_isal__succeeds(tmp_path: Path) -> None:
    answer = configure(tmp_path, "-DSHIPSET_WITH_ISAL=OFF")
    assert answer.returncode == 0, answer.stderr
    assert "SHIPSET_HAVE_ISAL" not in (tmp_path / "build.ninja").read_text(encoding="utf-8")
