"""Fixtures of the Python tests; what they give is in helpers.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import FOREIGN, SMALL, VARIANTS, Project, Registry, Shipset, serve_with_login
from recovering import Machine, released
from shipset.testing import FakeRegistry


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the CI, the logins or the git settings of the machine."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith(FOREIGN) or name == "CI":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp().parent))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    (made.folder / "files" / "sub").mkdir(parents=True)
    (made.folder / "files" / "hello.txt").write_text("hello\n", encoding="utf-8")
    (made.folder / "files" / "sub" / "data.bin").write_bytes(bytes(range(256)) * 64)
    made.write(SMALL + VARIANTS)
    return made


@pytest.fixture
def shipset_command(project: Project) -> Shipset:
    return Shipset(project.folder)


@pytest.fixture
def login_registry(tmp_path: Path) -> Iterator[Registry]:
    for program in ("docker-registry", "htpasswd"):
        if shutil.which(program) is None:
            pytest.skip(f"NOT RUN: {program} is not installed: bash tests/run.sh --only python installs it")
    with serve_with_login(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("distribution-3.1") as running:
        yield running


@pytest.fixture
def machine(project: Project, registry: FakeRegistry) -> Machine:
    return released(project, registry)
