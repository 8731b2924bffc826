"""One release on many machines: nodes behind one builder, and processes of their own that promote joins."""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_builds import RELEASE, SLSA, SPDX, Project, built, example_project, toolbox, variants
from test_build_release import ALL, IMAGES, REPOSITORY, TAGS, tag_of
from test_buildkit_kit import BOTH, CASES

from buildkit_kit import Kit
from conftest import Registry, run, serve
from image_files import images
from remote import Remote

# Where a step ran: each node keeps its snapshots below a folder of its name, and mounts tell.
NODE = "RUN grep -o -E 'first/root|second/root' /proc/self/mountinfo | head -n 1 > /node\n"
RELEASE_FILE = toolbox("plain", default="v1.0.0", platforms=BOTH, moves="always") + 'target = "plain"\n'
CHILD = """
[[variant]]
name   = "child"
target = "child"
bases  = { BELOW = "variant:plain" }

[[variant]]
name   = "grandchild"
target = "grandchild"
bases  = { BELOW = "variant:child" }
ci     = { runner = "large" }
"""
DOCKERFILE = """
ARG BELOW=scratch
FROM ubuntu:26.04 AS plain
ARG WORD=word
RUN echo "$WORD $(uname -m)" > /below
{node}
FROM ${{BELOW}} AS child
RUN sed 's/^/child of /' /below > /child
FROM ${{BELOW}} AS grandchild
RUN sed 's/^/grandchild of /' /child > /grandchild
"""
SMALL_TAGS = ["latest", "latest-child", "latest-grandchild", "v1.0.0", "v1.0.0-child", "v1.0.0-grandchild"]


@pytest.fixture(params=["plain", "distribution"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with serve(request.param, tmp_path / "registry") as running:
        yield running


def small(kit: Kit, folder: Path, text: str = RELEASE_FILE + CHILD) -> Project:
    project = Project(kit, folder)
    project.write(shipset_toml=text, Dockerfile=DOCKERFILE.format(node=NODE), _dockerignore="shipset.toml\n")
    return project


def plan(project: Project, to: str, *arguments: str) -> tuple[Path, list[dict[str, Any]], str]:
    """The frozen plan, its jobs, and the release's id."""
    file = project.folder.parent / "plan.json"
    done = project.shipset(
        *("plan", project.file, "--to", to, *arguments, "-o", file, "--format", "github-matrix"),
    )
    return file, json.loads(done.stdout)["include"], json.loads(file.read_text())["id"]


def build_part(project: Project, plan_file: Path, job: dict[str, Any], builder: str) -> Path:
    """What one CI job does; its part."""
    part = project.folder.parent / "parts" / f"part-{job['key']}.json"
    part.parent.mkdir(exist_ok=True)
    project.shipset("build", "--only", job["only"], "--plan", plan_file, "--builder", builder, "-o", part)
    return part


def build_parts(project: Project, plan_file: Path, jobs: list[dict[str, Any]], at_once: int = 3) -> None:
    """All jobs of one level, some of them at the same time, on two builders."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        work = [
            pool.submit(build_part, project, plan_file, job, ("one", "two")[count % 2])
            for count, job in enumerate(jobs)
        ]
        for one in work:
            one.result()


def public(tags: list[str]) -> list[str]:
    return [tag for tag in tags if not tag.startswith("_shipset.")]


def test_release__two_nodes__amd64_is_built_on_the_first_and_arm64_on_the_second(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    dockerfile = project.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("WORKDIR /app\n", f"{NODE}WORKDIR /app\n", 1))
    report = project.release(registry.host, *ALL, builder="two")
    remote = Remote(registry.host, REPOSITORY)
    assert remote.tags() == TAGS
    assert sorted((name, image["platform"]) for name, image in built(report)) == sorted(IMAGES)
    for variant in ("cpu", "cann", "rocm"):
        found = remote.images(tag_of(variant), tmp_path / variant)
        nodes = {platform: image.text("node").strip() for platform, image in found.items()}
        expected = dict(zip(BOTH, ("first/root", "second/root"), strict=True))
        assert nodes == {platform: expected[platform] for platform in CASES[variant].platforms}
        project.shipset("verify", remote.name(tag_of(variant)))


def test_parts__each_image_in_a_process_of_its_own__promote_gives_the_whole_release(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    file, jobs, release_id = plan(project, registry.host, *ALL)
    assert sorted((job["variant"], job["platform"]) for job in jobs) == sorted(IMAGES)
    assert {job["level"] for job in jobs} == {0}
    remote = Remote(registry.host, REPOSITORY)
    build_parts(project, file, jobs)
    assert public(remote.tags()) == []
    assert len(remote.tags()) == len(IMAGES)
    assert len(project.builds()) == len(IMAGES)
    # A runner that was lost and started again stages its image once more, and other jobs may have ended meanwhile.
    build_part(project, file, jobs[0], "one")
    build_part(project, file, jobs[0], "two")
    assert len(remote.tags()) == len(IMAGES)
    project.calls()

    report = project.report("promote", release_id, "--plan", file)
    assert (report["outcome"], report["tags_moved"], report["id"]) == ("released", 14, release_id)
    assert project.calls() == []
    assert public(remote.tags()) == TAGS
    left = [tag for tag in remote.tags() if tag not in TAGS]
    assert all(any(tag in warning for warning in report["warnings"]) for tag in left)
    if registry.kind == "distribution":
        assert left == []
    planned = {variant["name"]: variant["build_key"] for variant in json.loads(file.read_text())["variants"]}
    for variant, case in CASES.items():
        index = remote.manifest(tag_of(variant))
        assert index["annotations"]["io.shipset.build-key"] == planned[variant]
        assert sorted(remote.platforms(tag_of(variant))) == sorted(case.platforms)
        for platform in case.platforms:
            statements = remote.statements(tag_of(variant), platform)
            assert set(statements) == {SPDX, SLSA, RELEASE}
            assert statements[RELEASE]["predicate"]["buildKey"] == planned[variant]
        run("crane", "validate", "--insecure", "--remote", remote.name(tag_of(variant)))
        project.shipset("verify", remote.name(tag_of(variant)))
    # It is the release that one process would have made.
    again = project.release(registry.host, *ALL)
    assert (again["outcome"], again["bytes_moved"]) == ("nothing to do", 0)
    # Promoting what is promoted is no harm.
    before = {tag: remote.digest(tag) for tag in TAGS}
    promoted = project.shipset("promote", release_id, "--plan", file, check=False)
    assert promoted.returncode in (0, 4), promoted.stderr
    assert {tag: remote.digest(tag) for tag in TAGS} == before


def test_parts__variants_on_variants_by_level__stand_on_what_the_other_jobs_staged(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    project = small(buildkit, tmp_path / "toolbox")
    file, jobs, release_id = plan(project, registry.host)
    assert {job["variant"]: job["level"] for job in jobs} == {"plain": 0, "child": 1, "grandchild": 2}
    assert [job["ci"] for job in jobs if job["variant"] == "grandchild"] == [{"runner": "large"}] * 2
    early = project.fails(4, "build", "--only", "child/linux/arm64", "--plan", file, "--builder", "one")
    assert "before variant plain" in early
    for level in range(3):
        build_parts(project, file, [job for job in jobs if job["level"] == level])
    report = project.report("promote", release_id, "--plan", file, "--parts", tmp_path / "parts")
    assert report["tags_moved"] == 6
    remote = Remote(registry.host, "team/toolbox")
    assert public(remote.tags()) == SMALL_TAGS
    found = remote.images("latest-grandchild", tmp_path / "grandchild")
    machines = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
    assert {platform: image.text("grandchild") for platform, image in found.items()} == {
        platform: f"grandchild of child of word {machine}\n" for platform, machine in machines.items()
    }


@pytest.mark.parametrize("to", ["registry", "layout"])
@pytest.mark.parametrize("builders", ["one", "two", "both"])
def test_variants_on_variants__one_process__are_built_in_order(
    buildkit: Kit, tmp_path: Path, builders: str, to: str
) -> None:
    """Also where the variant below is built by another builder than the one that stands on it."""
    project = small(buildkit, tmp_path / "toolbox")
    if builders == "both":
        text = project.file.read_text().replace('target = "child"', 'target = "child"\nbuilder = { name = "two" }')
        text = text.replace("[build]", '[build]\nbuilder = { name = "one" }')
        project.write(shipset_toml=text)
    options = [] if builders == "both" else ["--builder", builders]
    with serve("distribution", tmp_path / "registry") as registry:
        place = registry.host if to == "registry" else f"oci:{tmp_path / 'dist'}"
        report = project.report("release", project.file, "--to", place, *options)
        assert report["tags_moved"] == 6
        assert len(project.builds()) == (3 if builders == "both" else 1)
        if to == "registry":
            name = f"docker://{registry.host}/team/toolbox:latest-grandchild"
        else:
            name = f"oci:{tmp_path / 'dist'}:latest-grandchild"
        copied = tmp_path / "copied"
        run("skopeo", "copy", "--all", "--src-tls-verify=false", name, f"oci:{copied}")
    found = images(copied)
    assert {image.text("grandchild") for image in found.values()} == {
        "grandchild of child of word x86_64\n",
        "grandchild of child of word aarch64\n",
    }


def test_variants_on_variants__the_one_below_is_released_already__is_taken_from_there(
    buildkit: Kit, tmp_path: Path
) -> None:
    project = small(buildkit, tmp_path / "toolbox", RELEASE_FILE)
    with serve("plain", tmp_path / "registry") as registry:
        remote = Remote(registry.host, "team/toolbox")
        project.release(registry.host)
        below = remote.digest("v1.0.0")
        project.calls()
        project.write(shipset_toml=RELEASE_FILE + CHILD)
        report = project.release(registry.host, builder="two")
        assert variants(report)["plain"]["status"] == "present"
        assert remote.digest("v1.0.0") == below
        (call,) = project.builds()
        assert sorted(call.split()[-4:]) == sorted(
            f"{name}_linux-{machine}" for name in ("child", "grandchild") for machine in ("amd64", "arm64")
        )
        child = remote.images("v1.0.0-child", tmp_path / "child")
        plain = remote.images("v1.0.0", tmp_path / "plain")
        for platform in BOTH:
            assert child[platform].config["rootfs"]["diff_ids"][:-1] == plain[platform].config["rootfs"]["diff_ids"]


def test_promote__wrong_sets_of_parts__moves_no_tag_and_names_each(buildkit: Kit, tmp_path: Path) -> None:
    project = small(buildkit, tmp_path / "toolbox", RELEASE_FILE)
    parts = tmp_path / "parts"
    with serve("distribution", tmp_path / "registry") as registry:
        remote = Remote(registry.host, "team/toolbox")
        file, (first, second), release_id = plan(project, registry.host)
        amd64 = build_part(project, file, first, "one")
        for options in ([], ["--parts", str(parts)]):
            missing = project.fails(4, "promote", release_id, "--plan", file, *options)
            assert "plain/linux/arm64 is missing" in missing
            assert public(remote.tags()) == []
        arm64 = build_part(project, file, second, "two")

        # The same image built again from nothing is another one; both parts at once are a choice that is not ours.
        (parts / "again.json").write_bytes(amd64.read_bytes())
        project.kit.prune()
        build_part(project, file, first, "one")
        assert json.loads(amd64.read_text())["variants"] != json.loads((parts / "again.json").read_text())["variants"]
        doubled = project.fails(4, "promote", release_id, "--plan", file, "--parts", parts)
        assert "plain/linux/amd64" in doubled
        assert "doubled" in doubled
        (parts / "again.json").unlink()

        foreign = tmp_path / "foreign"
        foreign.mkdir()
        text = amd64.read_text().replace(release_id, "other-release")
        for name, content in (("amd64", text), ("arm64", arm64.read_text())):
            (foreign / f"{name}.json").write_text(content)
        said = project.fails(4, "promote", release_id, "--plan", file, "--parts", foreign)
        assert "foreign" in said
        assert "other-release" in said
        (foreign / "amd64.json").write_text('{"kind": "something"}')
        project.fails(2, "promote", release_id, "--plan", file, "--parts", foreign)
        project.fails(4, "promote", "other-release", "--plan", file)
        assert public(remote.tags()) == []

        report = project.report("promote", release_id, "--plan", file, "--parts", parts)
        assert report["tags_moved"] == 2
        assert remote.tags() == ["latest", "v1.0.0"]


def test_build__plan_of_other_inputs__is_refused_and_stages_nothing(buildkit: Kit, tmp_path: Path) -> None:
    project = small(buildkit, tmp_path / "toolbox", RELEASE_FILE)
    with serve("plain", tmp_path / "registry") as registry:
        file, (first, _), _ = plan(project, registry.host)
        (project.folder / "Dockerfile").write_text("FROM ubuntu:26.04 AS plain\nRUN echo other > /below\n")
        said = project.fails(4, "build", "--only", first["only"], "--plan", file, "--builder", "one")
        assert "plain" in said
        assert "no longer what the plan says" in said
        assert project.calls() == []
        assert run("crane", "catalog", "--insecure", registry.host).stdout.split() == []
