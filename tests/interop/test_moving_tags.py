"""Releases of three variants in the order that lies: an older line after the newer, a pre-release, a version of no
scheme. The tag table of real registries after each step, read with nothing of shipset."""

from __future__ import annotations

from pathlib import Path

import shipset
from conftest import Registry
from helpers import Project
from release_files import BOTH, release_file
from remote import Remote

SUFFIXES = ("", "-cuda", "-vllm-cuda")
RELEASE = release_file(
    *("cpu", "cuda", "vllm-cuda"),
    platforms=BOTH,
    moving=("{version.major}.{version.minor}", "{version.major}", "latest"),
)
# What is released, and which version each moving tag holds after it.
STEPS = (
    ("2.0.1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1"}),
    ("1.9.1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("2.1.0-rc1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("v0.2.1.0-rc1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("2.1.0", {"latest": "2.1.0", "2": "2.1.0", "2.1": "2.1.0", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
)


def test_releases__older_line_pre_release_and_odd_version__tags_of_three_variants_tell_the_truth(
    any_registry: Registry, tmp_path: Path
) -> None:
    spec = shipset.load(Project.make(tmp_path, RELEASE).file)
    digests: dict[str, str] = {}
    for version, moving in STEPS:
        shipset.plan(spec.matrix(version=version), to=any_registry.host).execute()
        tags = Remote(any_registry.host, "team/app").public()
        digests |= {version + suffix: tags[version + suffix] for suffix in SUFFIXES}
        assert len(set(digests.values())) == len(digests), "every release has content of its own"
        held = {tag + suffix: digests[at + suffix] for tag, at in moving.items() for suffix in SUFFIXES}
        assert tags == digests | held, f"after {version}"
    found = shipset.next_version(spec, "minor", source="registry", to=any_registry.host)
    assert (found.highest, found.version) == ("2.1.0", "2.2.0")
    again = shipset.plan(spec.matrix(version="2.1.0"), to=any_registry.host)
    assert again.nothing_to_do
