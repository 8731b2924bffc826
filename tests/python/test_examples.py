"""The tags of every release file in examples/ are those of the table that a person has read.

Nothing is planned here: the base images of most lie in registries that tests do not reach.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shipset

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "tests" / "fixtures" / "release_files"
GIT = {
    "sha": "0123456789abcdef0123456789abcdef01234567",
    "branch": "main",
    "ref_type": "branch",
    "default_branch": "main",
    "commit_count": "4321",
}
NOW = 1767960000  # 2026-01-09T12:00:00Z


def on_tag(name: str) -> dict[str, str]:
    return {**{key: value for key, value in GIT.items() if key != "branch"}, "tag": name, "ref_type": "tag"}


CASES = [
    ("releases/two-axes", "two-axes", {"build": "b4321"}, GIT),
    ("releases/variant-on-variant", "variant-on-variant", {"version": "0.12.0"}, GIT),
    ("releases/two-registries", "two-registries.tag", {"flavour": "aio"}, on_tag("v3.1.0")),
    ("releases/two-registries", "two-registries.branch", {}, GIT),
    ("releases/dockerfile-per-variant", "dockerfile-per-variant", {}, GIT),
    ("releases/base-per-platform", "base-per-platform", {}, on_tag("v0.9.1")),
    ("releases/image-tree", "image-tree", {}, GIT),
    ("gate", "gate", {}, GIT),
    ("model-runner", "model-runner", {"release_tag": "v1.0.0", "push_latest": "true"}, GIT),
]


def tags_of_table(name: str) -> set[tuple[str, str, str]]:
    """(variant, repository, tag) of every active variant of a table."""
    found = set()
    for block in re.split(r"\n\n(?=\S)", (TABLES / f"{name}.expected.txt").read_text())[1:]:
        lines = block.splitlines()
        variant = lines[0].split()[0]
        if "inactive" in block:
            continue
        repositories = next(line.split()[1:] for line in lines if line.startswith("  repositories:"))
        rows = lines[lines.index("  tags") + 1 :] if "  tags" in lines else []
        tags = [line.split()[0] for line in rows if line.startswith("    ")]
        found |= {(variant, repository, tag) for repository in repositories for tag in tags}
    return found


@pytest.mark.parametrize(("example", "table", "inputs", "git"), CASES, ids=[case[1] for case in CASES])
def test_example__its_tags__are_those_that_a_person_has_read(
    example: str, table: str, inputs: dict[str, str], git: dict[str, str]
) -> None:
    file = ROOT / "examples" / example / "shipset.toml"
    facts = shipset.Facts(git=git, event_name="push", date_unix_s=NOW)
    matrix = shipset.load(file).matrix_of(inputs, facts=facts)
    tags = shipset.tag_table(matrix)
    inactive = {variant.name for variant in matrix.variants if not variant.active}
    expected = {row for row in tags_of_table(table) if row[0] not in inactive}
    assert expected
    found = {
        (tag.variant, tag.repository.removeprefix("docker.io/").removeprefix("library/"), tag.tag)
        for tag in tags.entries
    }
    assert found == expected


def test_examples__every_release_file__has_a_case() -> None:
    files = {str(path.parent.relative_to(ROOT / "examples")) for path in (ROOT / "examples").rglob("shipset.toml")}
    left_out = {"embed", "releases/mixed-backends", "releases/metadata-rules"}
    assert files - left_out == {case[0] for case in CASES}


def test_metadata_rules__on_a_tag__give_the_tags_of_the_action_and_move_as_they_should() -> None:
    file = ROOT / "examples" / "releases" / "metadata-rules" / "shipset.toml"
    facts = shipset.Facts(git=on_tag("v1.4.0"), event_name="push", date_unix_s=NOW)
    entries = shipset.tag_table(shipset.load(file).matrix_of({}, facts=facts)).entries
    sha = GIT["sha"]
    assert [(entry.variant, entry.tag, entry.moves) for entry in entries] == [
        ("plain", "1.4.0", "never"),
        ("plain", "1.4", "forward"),
        ("plain", "1", "forward"),
        ("plain", f"sha-{sha}", "never"),
        ("plain", "latest", "forward"),
        ("debug", "1.4.0-debug", "never"),
        ("debug", "1.4-debug", "forward"),
        ("debug", "1-debug", "forward"),
        ("debug", "troubleshooting", "forward"),
        ("debug", f"sha-{sha}-debug", "never"),
        ("debug", "latest-debug", "forward"),
        ("debug", "v1.4.0-with-symbols", "never"),
        ("fips", "1.4.0-fips-140-3", "never"),
        ("fips", "1.4-fips-140-3", "forward"),
        ("fips", "1-fips-140-3", "forward"),
        ("fips", f"sha-{sha}-fips-140-3", "never"),
    ]
