"""A release of three variants with moving tags, for tests of how they move."""

from __future__ import annotations

import shipset
from helpers import Project
from release_files import release_file


def three(moving: tuple[str, ...] = ("{version.major}.{version.minor}", "{version.major}", "latest")) -> str:
    return release_file(
        *("cpu", "cuda", "vllm-cuda"),
        moving=moving,
        tags='withdrawn = ["3.0.0"]',
        tables='[attestations]\nsbom = "none"\nprovenance = "none"',
    )


THREE = three()


def release(project: Project, version: str, *only: str, force: tuple[str, ...] = ()) -> shipset.Report:
    matrix = shipset.load(project.file).matrix_of({"version": version}, facts=shipset.Facts(date_unix_s=1))
    return shipset.plan(matrix, to=project.to, only=only, force_tag=force).execute().report
