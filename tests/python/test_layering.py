"""The order of the modules, read from the #includes and from the Python imports, against the tables of the house.

The C++ table is stated here once more on purpose: cpp/CMakeLists.txt, cpp/README.md and the sources must all agree
with it, so that a wrong dependency cannot be allowed by one careless line.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPP = ROOT / "cpp"

# Module → modules that it may use directly. Order of the lines is the order of the house.
MODULES = {
    "base": [],
    "model": ["base"],
    "tags": ["model"],
    "oci": ["tags"],
    "attest": ["oci"],
    "registry": ["oci"],
    "build": ["attest", "registry"],
    "release": ["build"],
}
# Module → foreign headers in its sources, besides nlohmann and fmt.
FOREIGN = {
    "base": r"openssl/|libdeflate\.h|isa-l(/|\.h)|zstd(_errors)?\.h",
    "model": r"toml\+\+/",
    "tags": r"pcre2\.h",
    "oci": None,
    "attest": r"openssl/",
    "registry": r"curl/",
    "build": None,
    "release": None,
}
EVERYWHERE = re.compile(r"nlohmann/|fmt/")
# Headers of the platform that any module may use; a name with a slash or .h that is not here is foreign.
SYSTEM = re.compile(
    r"(sys|linux|netinet|arpa|net)/|[a-z0-9_]+$|"
    r"(dirent|errno|fcntl|grp|netdb|poll|pthread|pwd|sched|signal|spawn|stdio|string|termios|time|unistd)\.h$"
)
HEAVY = re.compile(r"nlohmann/json\.hpp|openssl/|curl/|toml\+\+/|libdeflate\.h|isa-l|zstd\.h|pcre2\.h|pybind11/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def may_use(module: str) -> set[str]:
    """The module itself and everything below it."""
    found = {module}
    for below in MODULES[module]:
        found |= may_use(below)
    return found


def files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in {".cpp", ".hpp", ".h"})


def includes(path: Path) -> list[str]:
    return [name for _, name in INCLUDE.findall(path.read_text(encoding="utf-8"))]


def forbidden(module: str, include: str) -> str | None:
    """Why a module may not include this, or None."""
    if include.startswith("shipset/"):
        other = include.split("/")[1]
        return None if other in may_use(module) else f"{module} may not use {other}"
    foreign = FOREIGN[module]
    if EVERYWHERE.match(include) or SYSTEM.match(include) or (foreign and re.match(foreign, include)):
        return None
    private = CPP / "src" / module / include
    return None if private.is_file() else f"{include} is foreign to {module}"


def problems_of(module: str) -> list[str]:
    found = []
    for path in files(CPP / "include/shipset" / module, CPP / "src" / module):
        for include in includes(path):
            if why := forbidden(module, include):
                found.append(f"{path.relative_to(ROOT)}: {why}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_includes__module__uses_only_what_is_below_it(module: str) -> None:
    assert list(files(CPP / "src" / module)), f"{module} has no sources"
    assert problems_of(module) == []


@pytest.mark.parametrize(
    ("module", "include"),
    [
        ("base", "shipset/model/version.hpp"),
        ("attest", "shipset/registry/client.hpp"),
        ("registry", "shipset/attest/spdx.hpp"),
        ("oci", "curl/curl.h"),
        ("model", "openssl/evp.h"),
        ("release", "pybind11/pybind11.h"),
        ("build", "boost/any.hpp"),
    ],
)
def test_includes__wrong_one__is_noticed(module: str, include: str) -> None:
    assert forbidden(module, include)


def test_public_headers__heavy_foreign_header__in_none() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {include}"
        for path in files(CPP / "include")
        for include in includes(path)
        if HEAVY.match(include)
    ]
    assert found == []


def test_bindings__pybind11__enters_by_one_door() -> None:
    doors = {
        path.name
        for path in files(CPP / "bindings")
        if any(include.startswith("pybind11/") for include in includes(path))
    }
    assert doors == {"pybind.hpp"}


def test_cmake__module_lines__state_the_same_table() -> None:
    text = (CPP / "CMakeLists.txt").read_text(encoding="utf-8")
    stated = {}
    for name, rest in re.findall(r"^shipset_module\((\w+)(.*)\)$", text, re.MULTILINE):
        depends = re.search(r"DEPENDS ([a-z ]+)", rest)
        stated[name] = depends[1].split() if depends else []
    assert stated == MODULES
    assert list(stated) == list(MODULES)


def test_folders__modules__no_others() -> None:
    for folder in (CPP / "src", CPP / "include/shipset"):
        assert {path.name for path in folder.iterdir()} == set(MODULES)


def test_python_imports__layers__are_kept() -> None:
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
