"""Releases built by the real BuildKit of the kit, with a watched buildx, and registries read without any client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildkit_kit import Kit
from conftest import MODEL_RUNNER, need, run
from release_files import release_file

SPDX = "https://spdx.dev/Document"
SLSA = "https://slsa.dev/provenance/v1"
RELEASE = "urn:shipset:release:v1"
# Notes each call, and keeps what buildx was given and what it told.
WATCH = """#!/bin/bash
printf '%s\\n' "$*" >> "{kept}/calls"
"{real}" "$@"
code=$?
while [ $# -gt 1 ]; do
  case $1 in
    --metadata-file) [ -e "$2" ] && cp "$2" "{kept}/metadata.$$.json" ;;
    --file) cp "$2" "{kept}/bake.$$.json" ;;
  esac
  shift
done
exit $code
"""


class Project:
    """A folder with a release file, and the commands on it. Every buildx that shipset starts is watched."""

    def __init__(self, kit: Kit, folder: Path) -> None:
        self.kit, self.folder = kit, folder
        self.kept = folder.parent / f"{folder.name}.buildx"
        self.kept.mkdir(parents=True)
        folder.mkdir(exist_ok=True)
        tools = self.kept / "tools"
        tools.mkdir()
        (tools / "buildx").write_text(WATCH.format(kept=self.kept, real=need("buildx")))
        (tools / "buildx").chmod(0o755)
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "SHIPSET_"))}
        self.environment = outside | kit.environment | {"CI": "1", "PATH": f"{tools}:{os.environ['PATH']}"}

    @property
    def file(self) -> Path:
        return self.folder / "shipset.toml"

    def write(self, **files: str) -> None:
        """Files by name; `_` before the ending is a dot, as in shipset_toml."""
        for name, text in files.items():
            path = self.folder / name.replace("_", ".")
            path.write_text(text)

    def shipset(
        self, command: str, *arguments: str | Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return run("shipset", command, *arguments, check=check, env=self.environment | environment, cwd=self.folder)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """A process of its own beside others."""
        words = [need("shipset"), *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, env=self.environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def report(self, command: str, *arguments: str | Path, **environment: str) -> dict[str, Any]:
        done = self.shipset(command, *arguments, "--format", "json", **environment)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def release(self, to: str, *arguments: str, builder: str = "one", **environment: str) -> dict[str, Any]:
        return self.report("release", self.file, "--builder", builder, "--to", to, *arguments, **environment)

    def fails(self, code: int, command: str, *arguments: str | Path, **environment: str) -> str:
        """What the command says on its way to this exit code."""
        done = self.shipset(command, *arguments, check=False, **environment)
        assert done.returncode == code, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr

    def calls(self) -> list[str]:
        """Calls of buildx since the last look."""
        path = self.kept / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def builds(self) -> list[str]:
        """Calls since the last look that build something."""
        return [call for call in self.calls() if call.split()[0] == "bake"]

    def told(self, kind: str) -> dict[str, Any]:
        """What all calls so far told (`metadata`) or were given (`bake`), by target."""
        found: dict[str, Any] = {}
        for path in self.kept.glob(f"{kind}.*.json"):
            text = json.loads(path.read_text())
            found |= text["target"] if kind == "bake" else text
        return found


def toolbox(variant: str, **lines: Any) -> str:
    """A release file with a variant that takes further lines at its end."""
    tables = '[attestations]\nsbom = "none"\n'
    names = {"name": "toolbox", "repositories": ["team/toolbox"]}
    return release_file(variant, backend="buildx", tables=tables, **names, **lines)


def example_project(kit: Kit, folder: Path) -> Project:
    project = Project(kit, folder)
    shutil.copytree(MODEL_RUNNER, folder, ignore=shutil.ignore_patterns("build", ".shipset"), dirs_exist_ok=True)
    return project


def variants(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {variant["name"]: variant for variant in report["variants"]}


def built(report: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Variant and platform image of each that a report says was built."""
    for variant in report["variants"]:
        for image in variant["images"]:
            if image["status"] == "done":
                yield variant["name"], image
