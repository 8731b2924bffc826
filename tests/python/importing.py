"""What the tests of the importers compare: what is built of which settings, and which tags there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shipset
from shipset.importers import Imported, from_workflow

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "importers"
ORIGINAL = ROOT / "examples" / "model-runner" / "shipset.toml"
NOW = 1767960000  # 2026-01-09T12:00:00Z
SHA = "0123456789abcdef0123456789abcdef01234567"


def matrix_of(imported: Imported, *, facts: shipset.Facts | None = None, **inputs: str | bool | int) -> shipset.Matrix:
    """The matrix of an imported release file, which must have no mistake."""
    return shipset.parse(imported.toml).matrix_of(inputs, facts=facts)


def on_tag(tag: str) -> shipset.Facts:
    git = {"sha": SHA, "tag": tag, "ref_type": "tag", "default_branch": "main"}
    return shipset.Facts(git=git, event_name="push", date_unix_s=NOW)


def on_branch(branch: str, event: str = "push") -> shipset.Facts:
    git = {"sha": SHA, "branch": branch, "ref_type": "branch", "default_branch": "main", "commit_count": "77"}
    return shipset.Facts(git=git, event_name=event, date_unix_s=NOW)


def what_is_built(matrix: shipset.Matrix) -> dict[tuple[str, str], Any]:
    """(variant, platform) → what goes into the image."""
    return {
        (variant.name, str(image.platform)): (
            variant.suffix,
            image.settings.context,
            image.settings.dockerfile,
            image.settings.target,
            image.settings.bases,
            dict(image.settings.args),
            image.settings.attestations,
        )
        for variant in matrix.variants
        if variant.active
        for image in variant.platforms
    }


def tags_of(matrix: shipset.Matrix) -> set[tuple[str, str, str]]:
    """(variant, repository, tag)"""
    return {
        (variant.name, repository, tag.tag)
        for variant in matrix.variants
        if variant.active and variant.publish
        for repository in variant.repositories
        for tag in variant.tags
    }


HEAD = """\
on:
  workflow_dispatch:
    inputs:
      tag: { type: string, default: "1.0.0" }
      latest: { type: boolean }
      flavour: { type: choice, options: [plain, full] }
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
"""


def workflow(inputs: str, *, before: str = "", condition: str = "") -> Imported:
    """A workflow with one build step of these inputs, each on a line."""
    rows = "\n".join(f"          {line}" for line in inputs.splitlines())
    first = "\n".join(f"      {line}" for line in before.splitlines())
    guard = f"        if: {condition}\n" if condition else ""
    return from_workflow(f"{HEAD}{first}\n      - uses: docker/build-push-action@v6\n{guard}        with:\n{rows}\n")
