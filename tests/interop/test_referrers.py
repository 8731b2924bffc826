"""Referrers on registries without the API: other tools find what a release and a copy attached."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import shipset
from conftest import need, serve
from helpers import Project
from release_files import release_file

TABLES = """
[attestations]
sbom       = "spdx"
provenance = "min"
store      = ["referrer"]
"""
FILE = release_file("plain", version="1.0.0", moving=(), tables=TABLES)


def listed_by_oras(place: str, digest: str) -> set[str]:
    done = subprocess.run(
        [need("oras"), "discover", "--plain-http", "--format", "json", f"{place}@{digest}"],
        capture_output=True,
        text=True,
        check=True,
    )
    data = json.loads(done.stdout)
    return {entry["digest"] for entry in data.get("referrers", data.get("manifests", []))}


def platform_digest(place: str) -> str:
    text = subprocess.run([need("crane"), "manifest", place], capture_output=True, text=True, check=True).stdout
    return str(json.loads(text)["manifests"][0]["digest"])


@pytest.mark.parametrize("kind", ["plain", "distribution", "crane"])
def test_referrers__release_and_copy__are_found_by_another_tool(kind: str, tmp_path: Path) -> None:
    file = Project.make(tmp_path, FILE).file
    with serve(kind, tmp_path / "one") as registry, serve("plain", tmp_path / "two") as other:
        plan = shipset.plan(shipset.load(file).matrix(), to=registry.host)
        result = plan.execute()
        assert any("lists no referrers itself" in warning for warning in result.report.warnings)
        place = f"{registry.host}/team/app"
        digest = platform_digest(f"{place}:1.0.0")
        found = listed_by_oras(place, digest)
        assert len(found) == 2
        shipset.copy(f"{place}:1.0.0", f"{other.host}/else/app:1.0.0")
        assert listed_by_oras(f"{other.host}/else/app", digest) == found


def test_copy_all_tags__lists_of_referrers__grow_at_the_destination(tmp_path: Path) -> None:
    file = Project.make(tmp_path, FILE).file
    note = tmp_path / "note.txt"
    note.write_text("seen\n", encoding="utf-8")
    with serve("plain", tmp_path / "one") as registry, serve("distribution", tmp_path / "two") as other:
        shipset.plan(shipset.load(file).matrix(), to=registry.host).execute()
        source, target = f"{registry.host}/team/app", f"{other.host}/team/app"
        digest = platform_digest(f"{source}:1.0.0")
        found = listed_by_oras(source, digest)
        result = shipset.copy(source, target, all_tags=True)
        assert [name.rpartition(":")[2] for name in result.tags_set] == ["1.0.0"]
        attach = [need("oras"), "attach", "--plain-http", "--disable-path-validation", "--artifact-type", "text/x-note"]
        subprocess.run([*attach, f"{target}@{digest}", str(note)], capture_output=True, check=True)
        assert len(listed_by_oras(target, digest)) == 3
        shipset.copy(source, target, all_tags=True)
        after = listed_by_oras(target, digest)
        assert found < after
        assert len(after) == 3
