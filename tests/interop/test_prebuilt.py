"""Images that other programs have built and saved, released as they are: archives, layouts and references."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_elsewhere import RELEASE, built_layout, images_of, release, sources, statements, variant

from conftest import ROOT, Registry, need, run, serve


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The registry that another job pushes to."""
    with serve("plain", tmp_path_factory.mktemp("other")) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, other: Registry) -> Path:
    """A folder with everything that another job has left: layout, archives of two programs, and pushed images."""
    need("skopeo")
    need("crane")
    folder = tmp_path / "project"
    folder.mkdir()
    layout = folder / "layout"
    built_layout(layout)
    for architecture in ("amd64", "arm64"):
        saved = folder / f"{architecture}.tar"
        run(
            *("skopeo", "--override-arch", architecture, "copy", f"oci:{layout}:v1"),
            f"docker-archive:{saved}:app/toolbox:{architecture}",
        )
    (folder / "amd64.tar.gz").write_bytes(gzip.compress((folder / "amd64.tar").read_bytes()))
    run("skopeo", "copy", "--all", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{other.host}/ci/app:v1")
    # Docker's own media types, as docker push leaves them.
    run(
        *("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s2", f"docker-archive:{folder / 'amd64.tar'}"),
        f"docker://{other.host}/ci/app:docker",
    )
    run("crane", "pull", "--insecure", "--platform", "linux/amd64", f"{other.host}/ci/app:v1", folder / "crane.tar")
    return folder


def every_source(other: Registry) -> str:
    both = 'platforms = ["linux/amd64", "linux/arm64"]'
    per_platform = "\n".join(
        f'[variant.platform."linux/{name}".prebuilt]\nimage = "docker-archive:{name}.tar:app/toolbox:{name}"'
        for name in ("amd64", "arm64")
    )
    return RELEASE + "".join(
        [
            variant("layout", "oci:layout:v1", both),
            f'\n[[variant]]\nname = "archives"\n{both}\n{per_platform}\n',
            variant("gzip", "docker-archive:amd64.tar.gz"),
            variant("crane", "docker-archive:crane.tar"),
            variant("pushed", f"{other.host}/ci/app:v1", both),
            variant("docker", f"{other.host}/ci/app:docker"),
        ]
    )


VARIANTS = ["layout", "archives", "gzip", "crane", "pushed", "docker"]


def test_prebuilt__every_kind_of_source_into_a_registry__is_valid_and_a_second_run_does_nothing(
    registry: Registry, project: Path, other: Registry
) -> None:
    (project / "shipset.toml").write_text(every_source(other))
    first = release(project, registry.host)
    assert first["outcome"] == "released"
    assert first["tags_moved"] == 2 * len(VARIANTS)
    repository = f"{registry.host}/team/toolbox"
    for name in VARIANTS:
        reference = f"{repository}:v1.0.0-{name}"
        run("crane", "validate", "--insecure", "--remote", reference)
        run("shipset", "verify", reference)
        for architecture in images_of(json.loads(run("crane", "manifest", "--insecure", reference).stdout)):
            run("skopeo", "--override-arch", architecture, "inspect", "--tls-verify=false", f"docker://{reference}")
    second = release(project, registry.host)
    assert second["outcome"] == "nothing to do"
    assert second["bytes_moved"] == 0


def test_prebuilt__every_kind_of_source_into_a_layout__keeps_bytes_and_statements_of_the_builder(
    project: Path, other: Registry, tmp_path: Path
) -> None:
    (project / "shipset.toml").write_text(every_source(other))
    dist = tmp_path / "dist"
    assert release(project, f"oci:{dist}")["outcome"] == "released"

    def blob(digest: str) -> bytes:
        return (dist / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    def index(name: str) -> dict[str, Any]:
        raw = run("skopeo", "inspect", "--raw", f"oci:{dist}:v1.0.0-{name}").stdout
        found: dict[str, Any] = json.loads(raw)
        return found

    root = json.loads((project / "layout" / "index.json").read_text())["manifests"][0]["digest"]
    source = json.loads((project / "layout" / "blobs" / "sha256" / root.removeprefix("sha256:")).read_text())
    assert images_of(index("layout")) == images_of(source)
    assert images_of(index("pushed")) == images_of(source)
    for name in ("layout", "pushed"):
        kinds = statements(index(name), blob)
        # The builder's provenance stays the only one; the list of packages is ours, once per platform.
        assert kinds.count("https://slsa.dev/provenance/v0.2") == 2
        assert "https://slsa.dev/provenance/v1" not in kinds
        assert kinds.count("https://spdx.dev/Document") == 2
    assert statements(index("archives"), blob).count("https://slsa.dev/provenance/v1") == 2
    assert sources(index("gzip"), blob) == ["docker-archive:amd64.tar.gz"]
    assert sources(index("docker"), blob)[0].startswith("pkg:docker/127.0.0.1")
    types = {item["mediaType"] for item in index("docker")["manifests"]}
    assert "application/vnd.docker.distribution.manifest.v2+json" in types

    # Archives hold plain layers: the same content, compressed by us, under the config that it had.
    amd64 = json.loads(blob(images_of(index("archives"))["amd64"]))
    config = json.loads(blob(amd64["config"]["digest"]))
    for item, diff_id in zip(amd64["layers"], config["rootfs"]["diff_ids"], strict=True):
        plain = gzip.decompress(blob(item["digest"]))
        assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == diff_id
    assert images_of(index("gzip"))["amd64"] == images_of(index("archives"))["amd64"]
    # crane keeps layers compressed in its archives; so do we.
    pulled = json.loads(blob(images_of(index("crane"))["amd64"]))
    original = json.loads(blob(images_of(index("layout"))["amd64"]))
    assert [item["digest"] for item in pulled["layers"]] == [item["digest"] for item in original["layers"]]
    assert pulled["config"]["digest"] == original["config"]["digest"]

    again = release(project, f"oci:{dist}")
    assert again["outcome"] == "nothing to do"


def fails(project: Path, text: str, code: int, *expected: str) -> None:
    (project / "shipset.toml").write_text(text)
    dist = project / "dist"
    done = run("shipset", "release", project / "shipset.toml", "--to", f"oci:{dist}", check=False)
    assert done.returncode == code, done.stderr
    for part in expected:
        assert part in done.stderr, done.stderr
    assert not (dist / "index.json").exists()


def test_prebuilt__wrong_sources__have_their_exit_code_and_say_what_to_do(project: Path, other: Registry) -> None:
    arm = 'platforms = ["linux/arm64"]'
    missing = "does not exist for linux/arm64"
    fails(project, RELEASE + variant("a", "docker-archive:amd64.tar", arm), 2, missing, "linux/amd64")
    fails(project, RELEASE + variant("a", f"{other.host}/ci/app:docker", arm), 2, missing, "linux/amd64")
    riscv = 'platforms = ["linux/riscv64"]'
    fails(project, RELEASE + variant("a", "oci:layout:v1", riscv), 2, "it exists for linux/amd64, linux/arm64")
    fails(project, RELEASE + variant("a", "docker-archive:gone.tar"), 5, "gone.tar", "does not exist")
    fails(project, RELEASE + variant("a", "docker-archive:amd64.tar:app:v9"), 5, "app:v9", "app/toolbox:amd64")
    fails(project, RELEASE + variant("a", f"{other.host}/ci/app:gone"), 5, "gone")
    fails(project, RELEASE + variant("a", "oci:layout:v9"), 5, "v9")
    fails(project, RELEASE + '\n[[variant]]\nname = "a"\n', 2, "[variant.prebuilt] image")
    (project / "text.tar").write_text("text\n" * 1000)
    fails(project, RELEASE + variant("a", "docker-archive:text.tar"), 7, "no tar archive")


def test_prebuilt__damaged_archives__are_refused_with_7(project: Path) -> None:
    text = RELEASE + variant("a", "docker-archive:bad.tar")
    whole = (project / "amd64.tar").read_bytes()
    bad = project / "bad.tar"
    bad.write_bytes(whole[: len(whole) // 2])
    fails(project, text, 7, "bad.tar", "truncated")
    # One letter of a file in a layer: the archive itself looks whole.
    at = whole.index(b"amd64" + b"\0" * 100)
    bad.write_bytes(whole[:at] + b"M" + whole[at + 1 :])
    fails(project, text, 3, "bad.tar", "diff id", "damaged")
    packed = (project / "amd64.tar.gz").read_bytes()
    bad.write_bytes(packed[:-4])
    fails(project, text, 7, "bad.tar", "truncated")


def test_prebuilt__if_present__without_its_source_is_left_out(project: Path, tmp_path: Path) -> None:
    present = variant("here", "docker-archive:amd64.tar")
    for number, absent in enumerate(("docker-archive:gone.tar", "docker-archive:arm64.tar")):
        text = RELEASE + present + variant("maybe", absent, 'required = "if-present"')
        (project / "shipset.toml").write_text(text)
        report = release(project, f"oci:{tmp_path / str(number)}")
        assert report["outcome"] == "released"
        assert report["tags_moved"] == 2


def test_prebuilt__settings_without_effect__are_told_once(project: Path, tmp_path: Path) -> None:
    settings = 'args = { A = "b" }\nlabels = { x = "y" }\nplatforms = ["linux/amd64", "linux/arm64"]'
    (project / "shipset.toml").write_text(RELEASE + variant("a", "oci:layout:v1", settings))
    done = run("shipset", "plan", project / "shipset.toml", "--to", f"oci:{tmp_path / 'dist'}")
    assert (done.stdout + done.stderr).count("args, labels have no effect") == 1


def test_prebuilt__plan__counts_the_disk_that_archives_need_and_no_other(project: Path, tmp_path: Path) -> None:
    def need_of(image: str) -> int:
        (project / "shipset.toml").write_text(RELEASE + variant("a", image))
        done = run("shipset", "plan", project / "shipset.toml", "--to", f"oci:{tmp_path / 'd'}", "--format", "json")
        return int(json.loads(done.stdout)["disk_bytes"])

    assert need_of("docker-archive:amd64.tar") >= (project / "amd64.tar").stat().st_size
    assert need_of("oci:layout:v1") == 0


def test_prebuilt__release_file_of_the_how_to_page__is_released(project: Path, other: Registry, tmp_path: Path) -> None:
    page = (ROOT / "python/docs/how-to/images-built-elsewhere.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    text = text.replace("registry.example/ci/toolbox:build-1234", f"{other.host}/ci/app:v1")
    (project / "dist").mkdir()
    (project / "amd64.tar").rename(project / "dist/cuda-amd64.tar")
    (project / "layout").rename(project / "dist/cuda-arm64")
    (project / "shipset.toml").write_text(text)
    report = release(project, f"oci:{tmp_path / 'released'}")
    assert report["outcome"] == "released"
    assert report["tags_moved"] == 4
    run("shipset", "verify", f"oci:{tmp_path / 'released'}:latest-cuda")


def test_copy_and_inspect__docker_archive__is_read_and_gone_without_a_trace(
    project: Path, other: Registry, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary), "CI": "1"}
    archive = f"docker-archive:{project / 'amd64.tar'}"
    shown = run("shipset", "inspect", f"{archive}:app/toolbox:amd64", "--format", "json", env=environment)
    found = json.loads(shown.stdout)
    assert found["config"]["platform"] == "linux/amd64"
    run("shipset", "copy", archive, f"{other.host}/copied/app", env=environment)
    run("crane", "validate", "--insecure", "--remote", f"{other.host}/copied/app:amd64")
    digest = run("crane", "digest", "--insecure", f"{other.host}/copied/app:amd64").stdout.strip()
    assert digest == found["digest"]
    run("shipset", "copy", f"{archive}:app/toolbox:amd64", f"oci:{tmp_path / 'layout'}:mine", env=environment)
    assert (
        run("skopeo", "inspect", f"oci:{tmp_path / 'layout'}:mine", "--format", "{{.Digest}}").stdout.strip() == digest
    )
    assert list(temporary.iterdir()) == []
    for arguments, code in (
        (("copy", archive, "--all-tags", f"oci:{tmp_path / 'all'}"), 2),
        (("copy", f"oci:{project / 'layout'}:v1", f"docker-archive:{tmp_path / 'new.tar'}"), 2),
        (("copy", f"{archive}:app/toolbox:v9", f"oci:{tmp_path / 'all'}:v9"), 5),
        (("inspect", f"docker-archive:{project / 'gone.tar'}"), 5),
    ):
        done = run("shipset", *arguments, check=False, env=environment)
        assert done.returncode == code, done.stderr
    assert list(temporary.iterdir()) == []
