"""A release of three variants with moving tags, for tests of how they move."""

from __future__ import annotations

from pathlib import Path

import shipset
from helpers import Project

THREE = """\
[release]
name         = "app"
version      = "{inputs.version}"
repositories = ["example.org/team/app"]

[inputs.version]

[build]
backend   = "native"
platforms = ["linux/amd64"]

[build.native]
layers = [{ from = "files", to = "/app" }]
config = { labels = { what = "{version} {variant}" } }

[attestations]
sbom       = "none"
provenance = "none"

[tags]
withdrawn = ["3.0.0"]
rules = [
  { tag = "{version}{-suffix}" },
  { tag = "{version.major}.{version.minor}{-suffix}", moves = "forward" },
  { tag = "{version.major}{-suffix}", moves = "forward" },
  { tag = "latest{-suffix}", moves = "forward" },
]

[[variant]]
name   = "cpu"
suffix = ""
[[variant]]
name = "cuda"
[[variant]]
name = "vllm-cuda"
"""


def release(project: Project, version: str, *only: str, force: tuple[str, ...] = ()) -> shipset.Report:
    matrix = shipset.load(project.file).matrix_of({"version": version}, facts=shipset.Facts(date_unix_s=1))
    return shipset.plan(matrix, to=project.to, only=only, force_tag=force).execute().report


def small(folder: Path) -> Project:
    project = Project(folder)
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "hello").write_text("hello\n", encoding="utf-8")
    project.write(THREE)
    return project
