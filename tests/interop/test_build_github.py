"""A build on GitHub Actions as a person sees it: annotations, the summary of the step, the outputs of the matrix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildkit_kit import Kit

RELEASE = """
[release]
name = "demo"
version = "1.0.0"
repositories = ["team/demo"]
[build]
platforms = ["linux/amd64", "linux/arm64"]
[attestations]
sbom = "none"
[tags]
rules = ["{version}{-suffix}"]
[[variant]]
name = "base"
suffix = ""
target = "good"
ci = { runner = "large" }
[[variant]]
name = "upper"
target = "upper"
base = "variant:base"
platforms = ["linux/amd64"]
"""
DOCKERFILE = """\
ARG BASE_IMAGE=ubuntu:26.04
FROM ubuntu:26.04 AS good
RUN echo good > /good

FROM ${BASE_IMAGE} AS upper
RUN echo one
RUN echo before the end; exit 5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shipset.toml").write_text(RELEASE)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def shipset(kit: Kit, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | kit.environment
    environ |= {
        "GITHUB_ACTIONS": "true",
        "CI": "true",
        "GITHUB_WORKSPACE": str(project.parent),
        "GITHUB_STEP_SUMMARY": str(project.parent / "summary.md"),
        "GITHUB_OUTPUT": str(project.parent / "outputs"),
    }
    return subprocess.run(
        [sys.executable, "-m", "shipset", *words], cwd=project, env=environ, capture_output=True, text=True, timeout=280
    )


def test_release__a_step_fails__is_annotated_at_its_line_of_the_dockerfile(buildkit: Kit, project: Path) -> None:
    done = shipset(buildkit, project, "release", "--builder", "one", "--to", "oci:dist", "-q")
    assert done.returncode == 3, done.stderr
    places = [line for line in done.stderr.splitlines() if line.startswith("::error file=")]
    assert len(places) == 1, done.stderr
    assert places[0].startswith("::error file=project/Dockerfile,line=7,title=upper/linux/amd64")
    assert "before the end" in places[0]
    assert not (project / "dist").exists()


def test_release__done__summary_has_times_and_cache_hits(buildkit: Kit, project: Path) -> None:
    (project / "Dockerfile").write_text(DOCKERFILE.replace("exit 5", "exit 0"))
    command = ["release", "--builder", "one", "-q", "--to"]
    first = shipset(buildkit, project, *command, "oci:dist", "--format", "json")
    assert first.returncode == 0, first.stderr
    (project.parent / "summary.md").unlink()
    second = shipset(buildkit, project, *command, "oci:elsewhere", "--format", "json")
    assert second.returncode == 0, second.stderr
    images = [image for variant in json.loads(second.stdout)["variants"] for image in variant["images"]]
    assert len(images) == 3
    assert all(image["steps"]["cached"] == image["steps"]["total"] > 0 for image in images)
    assert all("RUN echo" in Path(image["steps"]["log"]).read_text() for image in images)
    summary = (project.parent / "summary.md").read_text()
    assert "| upper | linux/amd64 | done |" in summary
    total = sum(image["steps"]["total"] for image in images)
    assert f"{total} of {total} steps" in summary


def test_plan__github_matrix__writes_one_line_and_outputs(buildkit: Kit, project: Path) -> None:
    done = shipset(buildkit, project, "plan", "--to", "oci:dist", "--format", "github-matrix", "-q")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    jobs = json.loads(done.stdout)["include"]
    assert [(job["only"], job["level"]) for job in jobs] == [
        ("base/linux/amd64", 0),
        ("base/linux/arm64", 0),
        ("upper/linux/amd64", 1),
    ]
    assert jobs[0]["ci"] == {"runner": "large"}
    assert jobs[0]["key"] == "base.linux-amd64"
    outputs = dict(line.split("=", 1) for line in (project.parent / "outputs").read_text().splitlines())
    assert json.loads(outputs["matrix"])["include"] == jobs
    assert (outputs["levels"], outputs["empty"]) == ("2", "false")
    assert len(outputs["id"]) == 12

    one = shipset(buildkit, project, "plan", "--to", "oci:dist", "--format", "github-matrix", "--level", "1", "-q")
    assert [job["variant"] for job in json.loads(one.stdout)["include"]] == ["upper"]
    by_variant = shipset(
        buildkit, project, "plan", "--to", "oci:dist", "--format", "github-matrix", "--by-variant", "-q"
    )
    assert [job["only"] for job in json.loads(by_variant.stdout)["include"]] == ["base", "upper"]
    wrong = shipset(buildkit, project, "plan", "--to", "oci:dist", "--format", "github-matrix", "--level", "7", "-q")
    assert wrong.returncode == 2
    assert "no level 7" in wrong.stderr
    misplaced = shipset(buildkit, project, "plan", "--to", "oci:dist", "--level", "1", "-q")
    assert misplaced.returncode == 2


def test_release__its_own_files_lie_in_the_context__the_same_again_is_nothing_to_do(
    buildkit: Kit, project: Path
) -> None:
    (project / "Dockerfile").write_text(DOCKERFILE.replace("exit 5", "exit 0"))
    planned = shipset(buildkit, project, "plan", "--builder", "one", "--to", "oci:dist", "-q", "-o", "plan.json")
    assert planned.returncode == 0, planned.stderr
    first = shipset(buildkit, project, "release", "--plan", "plan.json", "-q", "-o", "report.json")
    assert first.returncode == 0, first.stderr
    (project / "plan.json").unlink()
    again = shipset(buildkit, project, "release", "--to", "oci:dist", "-q", "-o", "report.json", "--format", "json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["outcome"] == "nothing to do"
