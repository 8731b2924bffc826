"""Bases that are pinned once: what the plan says is what the builder gets, however the names move meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_builds import RELEASE, SLSA, Project, toolbox
from test_buildkit_kit import BOTH

from buildkit_kit import Kit
from conftest import Registry, run, serve
from remote import Remote

UBUNTU = "library/ubuntu:26.04"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with serve("distribution", tmp_path / "registry") as running:
        yield running


def project_of(kit: Kit, folder: Path, dockerfile: str, more: str = "") -> Project:
    project = Project(kit, folder)
    text = toolbox("app", version="v1.0.0", platforms=BOTH, moving=())
    project.write(shipset_toml=text + more, Dockerfile=dockerfile)
    return project


def frozen(project: Project, to: str) -> Path:
    file = project.folder.parent / "plan.json"
    project.shipset("plan", project.file, "--to", to, "--builder", "one", "-o", file)
    return file


def own_base(kit: Kit, registry: Registry, name: str = UBUNTU) -> str:
    """A copy of a base under a name of our own, which a test may take away."""
    reference = f"{registry.host}/bases/own:v1"
    run("crane", "copy", "--insecure", f"{kit.mirror}/{name}", reference)
    return reference


def test_base__moved_after_the_plan__is_built_as_planned_and_told(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    project = project_of(buildkit, tmp_path / "toolbox", "FROM ubuntu:26.04\nRUN cat /standin/base > /seen\n")
    file = frozen(project, registry.host)
    planned = buildkit.bases[UBUNTU]
    images = json.loads(file.read_text())["variants"][0]["images"]
    assert {base["index_digest"] for image in images for base in image["bases"]} == {planned}
    assert len({base["digest"] for image in images for base in image["bases"]}) == 2  # one for each platform
    remote = Remote(registry.host, "team/toolbox")
    buildkit.prune()
    with buildkit.moved_base(UBUNTU) as moved:
        done = project.shipset("release", "--plan", file)
        assert moved != planned
        for image in images:
            told = f"the image ubuntu:26.04 for {image['platform']} has moved since the plan was made"
            assert told in done.stdout + done.stderr
            assert image["bases"][0]["digest"] in done.stdout + done.stderr
        for image in remote.images("v1.0.0", tmp_path / "planned").values():
            assert "moved" not in image.text("seen")
        for platform in BOTH:
            statements = remote.statements("v1.0.0", platform)
            sources = statements[SLSA]["predicate"]["buildDefinition"]["resolvedDependencies"]
            digests = {source["digest"]["sha256"] for source in [*sources, *statements[RELEASE]["predicate"]["bases"]]}
            assert digests == {planned.removeprefix("sha256:")}
        # A plan that is made now sees the other base: under the same version that is another release.
        said = project.fails(4, "release", project.file, "--to", registry.host, "--builder", "one")
        assert "v1.0.0" in said


def test_base__gone_after_the_plan__is_refused_before_anything_is_built(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    base = own_base(buildkit, registry)
    project = project_of(buildkit, tmp_path / "toolbox", f"FROM {base}\nRUN true\n")
    file = frozen(project, registry.host)
    digest = run("crane", "digest", "--insecure", base).stdout.strip()
    run("crane", "delete", "--insecure", f"{registry.host}/bases/own@{digest}")
    said = project.fails(4, "release", "--plan", file, "--builder", "one")
    assert base in said
    assert "gone" in said or "no longer" in said
    assert project.calls() == []
    said = project.fails(5, "plan", project.file, "--to", registry.host)
    assert "Dockerfile:1" in said


def test_base__without_a_platform__is_an_error_of_the_plan_that_names_the_line(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    dockerfile = "FROM ubuntu:26.04 AS other\nRUN true\n\nFROM rocm/dev-ubuntu-22.04\nCOPY --from=other /bin /b\n"
    project = project_of(buildkit, tmp_path / "toolbox", dockerfile)
    for command in ("plan", "release"):
        said = project.fails(2, command, project.file, "--to", registry.host)
        for part in ("rocm/dev-ubuntu-22.04", "linux/arm64", "linux/amd64", "Dockerfile:4"):
            assert part in said
    assert project.calls() == []


def test_base__without_any_platform_and_if_present__leaves_the_variant_out(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    arm = 'platforms = ["linux/arm64"]\nrequired = "if-present"'
    more = f'\n[[variant]]\nname = "rocm"\ndockerfile = "Dockerfile.rocm"\n{arm}\n'
    gone = f'\n[[variant]]\nname = "gone"\ndockerfile = "Dockerfile.gone"\n{arm}\n'
    project = project_of(buildkit, tmp_path / "toolbox", "FROM ubuntu:26.04\n", more + gone)
    (project.folder / "Dockerfile.rocm").write_text("FROM rocm/dev-ubuntu-22.04\n")
    (project.folder / "Dockerfile.gone").write_text(f"FROM {registry.host}/bases/nowhere:v1\n")
    report = project.release(registry.host)
    status = {variant["name"]: variant["status"] for variant in report["variants"]}
    assert status == {"app": "done", "rocm": "skipped", "gone": "skipped"}
    assert Remote(registry.host, "team/toolbox").tags() == ["v1.0.0"]


def test_base__of_the_builders_own_platform_or_of_no_use__is_no_problem_for_arm64(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    """golang exists for amd64 alone here; the stage that nobody reaches stands on what exists nowhere."""
    dockerfile = (
        "FROM --platform=$BUILDPLATFORM golang:1.24-bookworm AS tools\nRUN uname -m > /machine\n"
        "FROM nowhere.invalid/gone:v1 AS unused\nRUN true\n"
        "FROM scratch\nCOPY --from=tools /machine /machine\nCOPY --from=debian:bookworm-slim /standin/base /base\n"
    )
    project = project_of(buildkit, tmp_path / "toolbox", dockerfile)
    report = project.release(registry.host, builder="two")
    assert report["tags_moved"] == 1
    remote = Remote(registry.host, "team/toolbox")
    found = remote.images("v1.0.0", tmp_path / "layout")
    assert {image.text("machine") for image in found.values()} == {"x86_64\n"}
    assert {image.text("base").split()[0] for image in found.values()} == {"library/debian:bookworm-slim"}
    pinned = {base["digest"]["sha256"] for base in remote.statements("v1.0.0", BOTH[1])[RELEASE]["predicate"]["bases"]}
    names = ("library/golang:1.24-bookworm", "library/debian:bookworm-slim")
    assert pinned == {buildkit.bases[name].removeprefix("sha256:") for name in names}
    project.write(Dockerfile="FROM golang:1.24-bookworm\n")
    assert "linux/arm64" in project.fails(2, "plan", project.file, "--to", registry.host)
