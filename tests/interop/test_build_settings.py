"""What a release file says about a build, seen in what the real BuildKit made of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_builds import SLSA, Project, example_project, toolbox
from test_build_release import ALL
from test_buildkit_kit import BOTH, CASES

import shipset
from buildkit_kit import Kit
from conftest import MODEL_RUNNER, Registry, need, run, serve
from image_files import Image, images
from remote import Remote
from shipset.importers import from_bake

VALUE = "s3cret-value-of-the-test"
ONE = 'builder = "one"'


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with serve("plain", tmp_path / "registry") as running:
        yield running


def project_of(kit: Kit, folder: Path, dockerfile: str, build: str = ONE, variant: str = "") -> Project:
    project = Project(kit, folder)
    text = toolbox("app", version="v1.0.0", build=build, moves="always")
    project.write(shipset_toml=text + variant, Dockerfile=dockerfile)
    return project


def test_secrets__printed_by_a_step__stand_in_no_text_that_we_write(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    """Both ways to give one. The step prints them as they are, and the image shows that they arrived."""
    dockerfile = (
        "FROM ubuntu:26.04\n"
        "RUN --mount=type=secret,id=token --mount=type=secret,id=key cat /run/secrets/token /run/secrets/key"
        " && cat /run/secrets/token /run/secrets/key | wc -c > /length\n"
    )
    settings = 'secrets = [{ id = "token", env = "THE_TOKEN" }, { id = "key", file = "secrets/key" }]'
    project = project_of(buildkit, tmp_path / "toolbox", dockerfile, variant=settings)
    project.write(_dockerignore="secrets\n")
    (project.folder / "secrets").mkdir()
    (project.folder / "secrets" / "key").write_text(f"{VALUE}-of-a-file\n")
    outputs = ("-o", str(tmp_path / "report.json"))
    done = project.shipset(
        *("release", project.file, "--to", registry.host, "--format", "json", *outputs), THE_TOKEN=VALUE
    )
    remote = Remote(registry.host, "team/toolbox")
    length = remote.images("v1.0.0", tmp_path / "layout")["linux/amd64"].text("length")
    assert int(length) == 2 * len(VALUE) + len("-of-a-file\n")
    logs = list((project.folder / ".shipset").rglob("*.log"))
    assert logs
    assert any("cat /run/secrets/token" in log.read_text() for log in logs)
    written = [done.stdout, done.stderr, json.dumps(project.told("bake")), *(log.read_text() for log in logs)]
    written += [(tmp_path / "report.json").read_text(), json.dumps(remote.statements("v1.0.0", "linux/amd64"))]
    assert not any(VALUE in text for text in written)
    # A secret that is not there stops the build.
    project.write(shipset_toml=project.file.read_text().replace("v1.0.0", "v1.1.0"))
    project.calls()
    assert "THE_TOKEN is not set" in project.fails(3, "release", project.file, "--to", registry.host)
    assert project.calls() == []
    assert remote.tags() == ["latest", "v1.0.0"]


def test_contexts_labels_annotations_limits_network__are_what_the_file_says(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    dockerfile = (
        "FROM ubuntu:26.04\nCOPY --from=assets hello /hello\nRUN ulimit -n > /limit\n"
        "RUN --network=default ls /sys/class/net > /net\n"
    )
    settings = """
contexts    = { assets = "assets" }
ulimits     = ["nofile=321:321"]
network     = "none"
labels      = { "org.example.label" = "{version} of {variant}" }
annotations = { "org.example.plain" = "1", "manifest:org.example.manifest" = "2", "index:org.example.index" = "3" }
"""
    project = project_of(buildkit, tmp_path / "toolbox", dockerfile, variant=settings)
    (project.folder / "assets").mkdir()
    (project.folder / "assets" / "hello").write_text("hello\n")
    project.report("release", project.file, "--to", registry.host)
    remote = Remote(registry.host, "team/toolbox")
    image = remote.images("v1.0.0", tmp_path / "layout")["linux/amd64"]
    assert image.text("hello") == "hello\n"
    assert image.text("limit") == "321\n"
    assert image.text("net") == "lo\n"
    assert image.config["config"]["Labels"]["org.example.label"] == "v1.0.0 of app"
    index = remote.manifest("v1.0.0")
    assert index["annotations"]["org.example.index"] == "3"
    assert set(index["annotations"]) == {"org.example.index", "io.shipset.build-key"}
    manifest = remote.manifest(remote.platforms("v1.0.0")["linux/amd64"])
    assert manifest["annotations"] == {"org.example.plain": "1", "org.example.manifest": "2"}
    # Another content of an extra context is another build.
    (project.folder / "assets" / "hello").write_text("other\n")
    assert "v1.0.0" in project.fails(4, "release", project.file, "--to", registry.host)


@pytest.mark.parametrize("kind", ["registry", "local"])
def test_cache__exported_by_one_build__serves_the_next_on_an_empty_builder(
    buildkit: Kit, registry: Registry, tmp_path: Path, kind: str
) -> None:
    where = {
        "registry": (f"type=registry,ref={registry.host}/team/cache:main",) * 2,
        "local": (f"type=local,src={tmp_path / 'cache'}", f"type=local,dest={tmp_path / 'cache'}"),
    }[kind]
    build = f'{ONE}\ncache_from = ["{where[0]}"]\ncache_to = ["{where[1]},mode=max"]'
    dockerfile = f"FROM ubuntu:26.04\nRUN head -c 16 /dev/urandom > /random # {tmp_path}\n"
    project = project_of(buildkit, tmp_path / "toolbox", dockerfile, build=build)
    remote = Remote(registry.host, "team/toolbox")
    project.report("release", project.file, "--to", registry.host)
    first = remote.images("v1.0.0", tmp_path / "first")["linux/amd64"].files["random"]
    buildkit.prune()
    project.write(shipset_toml=project.file.read_text().replace("v1.0.0", "v1.1.0"))
    report = project.report("release", project.file, "--to", registry.host)
    assert remote.images("v1.1.0", tmp_path / "second")["linux/amd64"].files["random"] == first
    assert report["variants"][0]["images"][0]["steps"]["cached"] > 0
    # Without the cache the same steps give something else.
    text = project.file.read_text().replace("v1.1.0", "v1.2.0").replace(ONE, f"{ONE}\nno_cache = true")
    project.write(shipset_toml=text)
    report = project.report("release", project.file, "--to", registry.host)
    assert remote.images("v1.2.0", tmp_path / "third")["linux/amd64"].files["random"] != first
    assert report["variants"][0]["images"][0]["steps"]["cached"] == 0


def test_rewrite_timestamp__two_builds_without_cache__are_the_same_bytes(buildkit: Kit, tmp_path: Path) -> None:
    found = {}
    # The stand-ins share a layer, and BuildKit notes for each layer the name that it was first pulled by.
    buildkit.prune()
    for name, rewrite in (("first", "true"), ("second", "true"), ("other", "false")):
        dockerfile = "FROM ubuntu:26.04\nRUN mkdir /made && echo made > /made/file\n"
        build = f"{ONE}\nno_cache = true\nrewrite_timestamp = {rewrite}"
        project = project_of(buildkit, tmp_path / name, dockerfile, build=build)
        project.report("release", project.file, "--to", f"oci:{tmp_path / name}.dist", SOURCE_DATE_EPOCH="1700000000")
        index = json.loads(run("skopeo", "inspect", "--raw", f"oci:{tmp_path / name}.dist:v1.0.0").stdout)
        found[name] = index["manifests"][0]["digest"]
        (one,) = all_images(tmp_path / f"{name}.dist", tmp_path / f"{name}.copied")
        assert one.config["created"] == "2023-11-14T22:13:20Z"
        assert (one.entries["made/file"].mtime == 1_700_000_000) == (rewrite == "true")
        buildkit.prune()
    assert found["first"] == found["second"] != found["other"]


def all_images(layout: Path, copied: Path) -> list[Image]:
    run("skopeo", "copy", "--all", f"oci:{layout}:v1.0.0", f"oci:{copied}")
    return list(images(copied).values())


@pytest.mark.parametrize("kind", ["endpoint", "nodes"])
def test_builder__described_and_unknown__is_made_and_used(
    buildkit: Kit, registry: Registry, tmp_path: Path, kind: str
) -> None:
    first, second = buildkit.nodes
    described = {
        "endpoint": f'driver = "remote"\nendpoint = "{first.address}"',
        "nodes": 'driver = "remote"\nnodes = [\n'
        f'  {{ name = "a", endpoint = "{first.address}", platforms = ["linux/amd64"] }},\n'
        f'  {{ name = "b", endpoint = "{second.address}", platforms = ["linux/arm64"] }},\n]',
    }[kind]
    node = "RUN grep -o -E 'first/root|second/root' /proc/self/mountinfo | head -n 1 > /node\n"
    project = project_of(
        *(buildkit, tmp_path / "toolbox", f"FROM ubuntu:26.04\n{node}", f"[build.builder]\n{described}"),
        variant='platforms = ["linux/amd64", "linux/arm64"]\n',
    )
    project.environment["BUILDX_CONFIG"] = str(tmp_path / "buildx")
    project.report("release", project.file, "--to", registry.host)
    created = [call for call in project.calls() if call.startswith("create ")]
    assert len(created) == (1 if kind == "endpoint" else 2)
    remote = Remote(registry.host, "team/toolbox")
    found = remote.images("v1.0.0", tmp_path / "layout")
    expected = ("first/root", "first/root" if kind == "endpoint" else "second/root")
    assert {platform: image.text("node").strip() for platform, image in found.items()} == dict(
        zip(BOTH, expected, strict=True)
    )
    assert remote.tags() == ["latest", "v1.0.0"]
    # It is there now.
    project.write(shipset_toml=project.file.read_text().replace("v1.0.0", "v1.1.0"))
    project.report("release", project.file, "--to", registry.host)
    assert [call for call in project.calls() if call.startswith("create ")] == []


def test_builder__described_wrongly__fails_and_moves_no_tag(buildkit: Kit, registry: Registry, tmp_path: Path) -> None:
    described = f'[build.builder]\ndriver = "remote"\nendpoint = "unix://{tmp_path}/nobody.sock"'
    project = project_of(buildkit, tmp_path / "toolbox", "FROM ubuntu:26.04\n", build=described)
    project.environment["BUILDX_CONFIG"] = str(tmp_path / "buildx")
    project.fails(3, "release", project.file, "--to", registry.host)
    assert run("crane", "catalog", "--insecure", registry.host).stdout.split() == []


def test_output_layout__with_a_registry__pushes_by_ourselves_and_leaves_nothing(
    buildkit: Kit, registry: Registry, tmp_path: Path
) -> None:
    build = 'builder = "two"\noutput = "layout"'
    both = 'platforms = ["linux/amd64", "linux/arm64"]'
    project = project_of(buildkit, tmp_path / "toolbox", "FROM ubuntu:26.04\nRUN uname -m > /m\n", build, both)
    report = project.report("release", project.file, "--to", registry.host)
    assert report["targets"][0]["bytes_moved"] > 100_000
    remote = Remote(registry.host, "team/toolbox")
    found = remote.images("latest", tmp_path / "layout")
    assert {image.text("m") for image in found.values()} == {"x86_64\n", "aarch64\n"}
    assert SLSA in remote.statements("latest", BOTH[1])
    assert all(target["output"][0]["type"] == "oci" for target in project.told("bake").values())
    assert not list((project.folder / ".shipset").glob("work-*"))


def bake(project: Project, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(need("buildx"), "bake", *arguments, env=project.environment, cwd=project.folder)


def test_bake_form__of_the_example__is_what_bake_reads_and_init_gives_back(buildkit: Kit, tmp_path: Path) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    planned = project.shipset("plan", project.file, "--to", f"oci:{tmp_path / 'dist'}", "--format", "bake", *ALL)
    registry_form = project.shipset("plan", project.file, "--to", "127.0.0.1:1", "--format", "bake", *ALL, check=False)
    assert registry_form.returncode == 6  # a plan looks at its destination
    file = tmp_path / "bake.json"
    file.write_text(planned.stdout)
    printed = json.loads(bake(project, "-f", file, "--print").stdout)["target"]
    for name, case in CASES.items():
        of = [
            target for key, target in printed.items() if key in (name, *(f"{name}_{p.replace('/', '-')}" for p in BOTH))
        ]
        assert sorted(platform for target in of for platform in target["platforms"]) == sorted(case.platforms)
        assert {target["target"] for target in of} == {case.target}


def test_bake_form__alone__builds_the_images_of_the_plan(buildkit: Kit, registry: Registry, tmp_path: Path) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    planned = project.shipset("plan", project.file, "--to", registry.host, "--format", "bake", *ALL)
    file, told = tmp_path / "bake.json", tmp_path / "metadata.json"
    file.write_text(planned.stdout)
    printed = json.loads(bake(project, "-f", file, "--print").stdout)
    assert printed["target"].keys() == json.loads(planned.stdout)["target"].keys() == CASES.keys()
    imported = shipset.parse(from_bake(json.dumps(printed)).toml).matrix()
    inputs = dict(word.split("=", 1) for word in ALL if "=" in word)
    original = shipset.load(MODEL_RUNNER / "shipset.toml").matrix(
        **{name: {"true": True}.get(value, value) for name, value in inputs.items()}
    )
    assert builds_of(imported) == builds_of(original)
    bake(project, "-f", file, "--builder", "one", "--metadata-file", told)
    remote = Remote(registry.host, "docker/model-runner")
    for name, case in CASES.items():
        digest = json.loads(told.read_text())[name]["containerimage.digest"]
        assert sorted(remote.platforms(digest)) == sorted(case.platforms)
    assert run("crane", "ls", "--insecure", f"{registry.host}/{remote.repository}", check=False).stdout == ""


def builds_of(matrix: shipset.Matrix) -> dict[tuple[str, str], object]:
    """Target, bases and arguments of each image, the way the builder gets them."""
    return {
        (variant.name, str(image.platform)): (
            image.settings.target,
            dict(image.settings.args) | {base.arg: base.image for base in image.settings.bases},
        )
        for variant in matrix.variants
        if variant.active
        for image in variant.platforms
    }
