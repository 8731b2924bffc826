"""The example release for real: seven variants, eleven platform images and fourteen tags out of one Dockerfile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real_builds import RELEASE, SLSA, SPDX, Project, built, example_project, variants
from test_buildkit_kit import CASES, check_calls

from buildkit_kit import Kit
from conftest import SUFFIXES, need, run, serve
from image_files import images
from remote import Remote

INPUTS = ("release_tag=v1.0.0", "push_latest=true", "llama_server_version=1.2.3", "vllm_version=0.13.1")
ALL = [word for value in (*INPUTS, "sglang_version=0.4.5", "build_musa_cann=true") for word in ("--input", value)]
FIVE = [word for value in INPUTS for word in ("--input", value)]
TAGS = sorted(f"{name}{suffix}" for suffix in SUFFIXES for name in ("v1.0.0", "latest"))
IMAGES = [(variant, platform) for variant, case in CASES.items() for platform in case.platforms]
REPOSITORY = "docker/model-runner"


def tag_of(variant: str) -> str:
    return "v1.0.0" if variant == "cpu" else f"v1.0.0-{variant}"


@dataclass
class Released:
    project: Project
    remote: Remote
    report: dict[str, Any]
    calls: list[str]


@pytest.fixture(scope="module", params=["plain", "distribution"])
def released(
    request: pytest.FixtureRequest, buildkit: Kit, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    need("go")
    folder = tmp_path_factory.mktemp("release")
    project = example_project(buildkit, folder / "model-runner")
    with serve(request.param, folder / "registry") as registry:
        report = project.release(registry.host, "--backend", "buildx", *ALL)
        yield Released(project, Remote(registry.host, REPOSITORY), report, project.calls())


def test_release__all_inputs_on__has_seven_variants_eleven_images_fourteen_tags(released: Released) -> None:
    assert released.report["outcome"] == "released"
    assert released.report["tags_moved"] == 14
    assert [(gate["name"], gate["status"]) for gate in released.report["gates"]] == [("unit tests", "done")]
    assert sorted((name, image["platform"]) for name, image in built(released.report)) == sorted(IMAGES)
    assert all(image["sbom"] and image["provenance"] and not image["notes"] for _, image in built(released.report))
    assert released.remote.tags() == TAGS
    for variant in CASES:
        exact = released.remote.digest(tag_of(variant))
        assert exact == released.remote.digest(tag_of(variant).replace("v1.0.0", "latest"))
        assert exact == variants(released.report)[variant]["index"]["digest"]
    # One builder process for the whole set.
    assert [call.split()[0] for call in released.calls] == ["inspect", "bake"]


def test_release__every_tag__is_read_by_other_programs(released: Released, tmp_path: Path) -> None:
    for variant, case in CASES.items():
        name = released.remote.name(tag_of(variant))
        run("crane", "validate", "--insecure", "--remote", name)
        provenance, sbom = (
            json.loads(released.project.kit.buildx("imagetools", "inspect", name, "--format", what).stdout)
            for what in ("{{json .Provenance}}", "{{json .SBOM}}")
        )
        if len(case.platforms) > 1:
            assert sorted(provenance) == sorted(sbom) == sorted(case.platforms)
            provenance, sbom = provenance["linux/amd64"], sbom["linux/amd64"]
        assert provenance["SLSA"]["buildDefinition"]["externalParameters"]["request"]["frontend"] == "dockerfile.v0"
        assert sbom["SPDX"]["packages"]
        released.project.shipset("verify", name)
    copied = tmp_path / "copied"
    name = released.remote.name("latest-cann")
    run("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{name}", f"oci:{copied}:cann")
    assert sorted(images(copied)) == sorted(CASES["cann"].platforms)


@pytest.mark.parametrize("variant", CASES)
def test_release__each_variant__was_built_with_its_own_arguments(
    released: Released, tmp_path: Path, variant: str
) -> None:
    case = CASES[variant]
    found = released.remote.images(tag_of(variant), tmp_path / "layout")
    assert sorted(found) == sorted(case.platforms)
    for platform, image in found.items():
        config = image.config["config"]
        assert (config["Entrypoint"], config["User"]) == (["/app/model-runner"], "modelrunner")
        assert config["Labels"]["com.docker.desktop.service"] == "model-runner"
        assert image.environment()["LLAMA_SERVER_PATH"] == "/app/bin"
        assert image.text("standin/base").split()[0].removeprefix("library/").removesuffix(":latest") == case.base
        architecture = platform.partition("/")[2]
        assert image.text("app/lib/libllama.so") == f"llama-server 1.2.3 {case.llama} {architecture}\n"
        check_calls(variant, platform, image.text("standin/calls").splitlines(), vllm="0.13.1", sglang="0.4.5")


def test_release__each_image__has_one_attestation_manifest_with_the_builders_own_bytes(released: Released) -> None:
    """What BuildKit pushed is still there by digest: the indexes that its metadata names."""
    told = released.project.told("metadata")
    for variant, case in CASES.items():
        theirs = released.remote.attestations(told[variant]["containerimage.digest"])
        ours = released.remote.attestations(tag_of(variant))
        digests = released.remote.platforms(tag_of(variant))
        assert sorted(theirs) == sorted(ours) == sorted(digests[platform] for platform in case.platforms)
        for image, manifests in ours.items():
            (manifest,), (original,) = manifests, theirs[image]
            kinds = [layer["annotations"]["in-toto.io/predicate-type"] for layer in manifest["layers"]]
            assert sorted(kinds) == sorted([SPDX, SLSA, RELEASE])
            for layer in original["layers"]:
                assert layer in manifest["layers"]
                released.remote.blob(layer["digest"])
            assert [layer["annotations"]["in-toto.io/predicate-type"] for layer in original["layers"]] == [SLSA]


@pytest.mark.parametrize(("variant", "platform"), IMAGES)
def test_release__statements_of_each_image__agree_and_say_what_was_built(
    released: Released, variant: str, platform: str
) -> None:
    statements = released.remote.statements(tag_of(variant), platform)
    image = released.remote.platforms(tag_of(variant))[platform]
    for statement in statements.values():
        assert [subject["digest"] for subject in statement["subject"]] == [{"sha256": image.removeprefix("sha256:")}]
    definition = statements[SLSA]["predicate"]["buildDefinition"]
    arguments = definition["externalParameters"]["request"]["args"]
    assert arguments["build-arg:LLAMA_SERVER_VERSION"] == "1.2.3"
    assert arguments["target"] == CASES[variant].target
    assert definition["internalParameters"]["buildConfig"]["llbDefinition"]  # only mode max tells the steps
    ours = statements[RELEASE]["predicate"]
    assert ours["release"]["name"] == "model-runner"
    assert ours["release"]["version"] == "v1.0.0"
    assert (ours["variant"], ours["platform"]) == (variant, platform)
    assert ours["inputs"]["vllm_version"] == "0.13.1"
    assert ours["buildKey"] == released.remote.manifest(tag_of(variant))["annotations"]["io.shipset.build-key"]
    assert ours["buildKey"] == variants(released.report)[variant]["build_key"]
    # Both name the same bases by the same digests: that of the name's index, which the builder was given.
    pinned = {base["digest"]["sha256"] for base in ours["bases"]}
    assert {source["digest"]["sha256"] for source in definition["resolvedDependencies"]} == pinned
    known = {digest.removeprefix("sha256:"): name for name, digest in released.project.kit.bases.items()}
    names = {known[digest].removeprefix("library/").removesuffix(":latest") for digest in pinned}
    llama = f"docker/docker-model-backend-llamacpp:1.2.3-{CASES[variant].llama}"
    assert names == {"golang:1.24-bookworm", llama, CASES[variant].base}
    golang = next(base for base in ours["bases"] if base["uri"].startswith("pkg:docker/golang@"))
    assert golang["uri"] == "pkg:docker/golang@1.24-bookworm"  # a stage on $BUILDPLATFORM, whatever that is


@pytest.mark.parametrize(("variant", "platform"), IMAGES)
def test_release__sbom_of_each_image__lists_what_was_installed(released: Released, variant: str, platform: str) -> None:
    document = released.remote.statements(tag_of(variant), platform)[SPDX]["predicate"]
    packages = {package["name"]: package.get("versionInfo") for package in document["packages"]}
    assert {"base-files", "ca-certificates", "libgomp1"} <= set(packages)
    assert ("vllm" in packages, "sglang" in packages) == (variant == "vllm-cuda", variant == "sglang-cuda")
    if variant == "vllm-cuda":
        assert packages["vllm"] == ("0.13.1+cu130" if platform == "linux/amd64" else "0.13.1")
    if variant == "sglang-cuda":
        assert packages["sglang"] == "0.4.5"
        assert "cuda-toolkit-13-0" in packages


def test_release__the_same_again__has_nothing_to_do_and_starts_no_builder(released: Released) -> None:
    before = {tag: released.remote.digest(tag) for tag in TAGS}
    again = released.project.release(released.remote.host, "--backend", "buildx", *ALL)
    assert (again["outcome"], again["bytes_moved"], again["tags_moved"]) == ("nothing to do", 0, 0)
    assert released.project.calls() == []
    assert {tag: released.remote.digest(tag) for tag in TAGS} == before


def test_release__other_argument_under_the_same_version__is_refused_before_anything_is_built(
    released: Released,
) -> None:
    said = released.project.fails(
        *(4, "release", released.project.file, "--builder", "one", "--to", released.remote.host, *ALL),
        *("--input", "vllm_version=0.14.0"),
    )
    assert "v1.0.0-vllm-cuda" in said
    assert released.project.calls() == []


def test_release__without_musa_and_cann__has_five_variants_eight_images_ten_tags(buildkit: Kit, tmp_path: Path) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    with serve("plain", tmp_path / "registry") as registry:
        report = project.release(registry.host, *FIVE)
        remote = Remote(registry.host, REPOSITORY)
        assert remote.tags() == [tag for tag in TAGS if "musa" not in tag and "cann" not in tag]
    assert report["tags_moved"] == 10
    done = list(built(report))
    assert len(done) == 8
    assert len({name for name, _ in done}) == 5
    assert {"musa", "cann"} & set(project.told("bake")) == set()


def test_release__gate_before_build_fails__builds_nothing_and_leaves_nothing(buildkit: Kit, tmp_path: Path) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    tests = project.folder / "main_test.go"
    tests.write_text(tests.read_text() + '\nfunc TestBroken(t *testing.T) { t.Fatal("broken on purpose") }\n')
    with serve("plain", tmp_path / "registry") as registry:
        said = project.fails(4, "release", project.file, "--builder", "one", "--to", registry.host, *ALL)
        catalog = run("crane", "catalog", "--insecure", registry.host).stdout.split()
    assert "unit tests" in said
    assert "broken on purpose" in said
    assert project.calls() == []
    assert catalog == []


@pytest.mark.parametrize("builder", ["one", "two"])
def test_release__into_a_layout__holds_the_whole_set(buildkit: Kit, tmp_path: Path, builder: str) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    dist = tmp_path / "dist"
    report = project.release(f"oci:{dist}", *ALL, builder=builder)
    assert report["tags_moved"] == 14
    project.shipset("verify", f"oci:{dist}:v1.0.0-vllm-cuda")
    for variant, case in CASES.items():
        index = json.loads(run("skopeo", "inspect", "--raw", f"oci:{dist}:{tag_of(variant)}").stdout)
        assert len(index["manifests"]) == 2 * len(case.platforms)
    copied = tmp_path / "copied"
    run("skopeo", "copy", "--all", f"oci:{dist}:latest-cuda", f"oci:{copied}:cuda")
    found = images(copied)
    assert {platform: image.text("app/lib/libllama.so") for platform, image in found.items()} == {
        "linux/amd64": "llama-server 1.2.3 cuda amd64\n",
        "linux/arm64": "llama-server 1.2.3 cuda arm64\n",
    }
    assert not list((project.folder / ".shipset").glob("work-*"))
    again = project.release(f"oci:{dist}", *ALL, builder=builder)
    assert (again["outcome"], again["bytes_moved"]) == ("nothing to do", 0)


def test_release__two_registries__is_built_once_and_equal_on_both(buildkit: Kit, tmp_path: Path) -> None:
    project = example_project(buildkit, tmp_path / "model-runner")
    with serve("plain", tmp_path / "first") as first, serve("distribution", tmp_path / "second") as second:
        text = project.file.read_text()
        both = f'["{first.host}/team/one", "{second.host}/other/path"]'
        project.write(shipset_toml=text.replace('["docker/model-runner"]', both, 1))
        report = project.report("release", project.file, "--builder", "one", *ALL)
        assert len(project.builds()) == 1
        remotes = [Remote(first.host, "team/one"), Remote(second.host, "other/path")]
        assert remotes[0].tags() == remotes[1].tags() == TAGS
        for tag in TAGS:
            assert remotes[0].digest(tag) == remotes[1].digest(tag)
        run("crane", "validate", "--insecure", "--remote", remotes[1].name("latest-vllm-cuda"))
    assert report["tags_moved"] == 28
