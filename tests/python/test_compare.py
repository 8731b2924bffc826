"""diff and sbom: what images hold, from statements and from layers, in layouts and registries."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import shipset
from helpers import Project, Registry, tags_of
from shipset.cli.app import run
from shipset.testing import FakeRegistry

STATUS = """\
Package: {name}
Status: install ok installed
Version: {version}
Architecture: amd64
Maintainer: Someone <someone@example.org>
Description: of a test

"""
FILE = """\
[release]
name         = "app"
version      = "{inputs.version}"
repositories = ["example.org/team/app"]
[inputs.version]
default = "1.0.0"
[inputs.sbom]
default = "spdx"
[inputs.level]
default = "info"
[build]
backend   = "native"
platforms = ["linux/amd64"]
[build.native]
layers = [{ from = "shared", to = "/" }, { from = "own", to = "/" }]
config = { entrypoint = ["/bin/app"], env = { LEVEL = "{inputs.level}", SAME = "1" }, labels = { v = "{version}" } }
[attestations]
sbom       = "{inputs.sbom}"
provenance = "none"
[tags]
rules = ["{version}{-suffix}"]
[[variant]]
name   = "plain"
suffix = ""
"""


def packages(folder: Path, **versions: str) -> None:
    place = folder / "own" / "var" / "lib" / "dpkg"
    place.mkdir(parents=True, exist_ok=True)
    text = "".join(STATUS.format(name=name, version=version) for name, version in versions.items())
    (place / "status").write_text(text, encoding="utf-8")
    (folder / "own" / "etc").mkdir(exist_ok=True)
    (folder / "own" / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="12"\n', encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "data").write_text("shared\n" * 100, encoding="utf-8")
    found.write(FILE)
    return found


def release(project: Project, version: str, to: str = "", **inputs: str) -> str:
    matrix = shipset.load(project.file).matrix_of({"version": version, **inputs}, facts=shipset.Facts(date_unix_s=1))
    shipset.plan(matrix, to=to or project.to).execute()
    return f"{to or project.to}:{version}"


@pytest.fixture
def two(project: Project) -> tuple[str, str]:
    packages(project.folder, curl="7.88.1-10", zlib="1.2.13", old="1")
    one = release(project, "1.0.0")
    packages(project.folder, curl="7.88.1-11", zlib="1.2.13", fresh="2")
    text = project.file.read_text(encoding="utf-8").replace('["linux/amd64"]', '["linux/amd64", "linux/arm64"]')
    project.file.write_text(text, encoding="utf-8")
    return one, release(project, "2.0.0", level="debug")


def test_diff__two_releases__names_platforms_config_layers_and_packages(two: tuple[str, str]) -> None:
    found = shipset.diff(*two)
    assert found
    assert not found.equal
    amd, arm = found.platforms
    assert (amd["platform"], amd["status"]) == ("linux/amd64", "changed")
    assert (arm["platform"], arm["status"]) == ("linux/arm64", "added")
    data = found.to_dict()["platforms"][0]
    changes = {entry["name"]: (entry["from"], entry["to"]) for entry in data["config"]}
    assert changes["env.LEVEL"] == ("info", "debug")
    assert changes["labels.v"] == ("1.0.0", "2.0.0")
    assert "env.SAME" not in changes
    assert "entrypoint" not in changes
    layers = data["layers"]
    assert [len(layers[which]) for which in ("shared", "removed", "added")] == [1, 1, 1]
    assert layers["shared_bytes"] == layers["shared"][0]["size_bytes"] > 0
    rows = {entry["name"]: (entry["status"], entry["from"], entry["to"]) for entry in data["packages"]["changes"]}
    assert rows == {
        "curl": ("changed", ["7.88.1-10"], ["7.88.1-11"]),
        "fresh": ("added", [], ["2"]),
        "old": ("removed", ["1"], []),
    }
    assert data["packages"]["equal"] == 1
    assert data["packages"]["from_source"] == "attestation"
    text = repr(found)
    assert "curl" in text
    assert "debug" in text
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 (our own)


def test_diff__same_reference__is_equal(two: tuple[str, str]) -> None:
    found = shipset.diff(two[0], two[0])
    assert found.equal
    assert not found
    assert [platform["status"] for platform in found.platforms] == ["equal"]


def test_diff__other_direction__is_the_mirror(two: tuple[str, str]) -> None:
    there, back = (shipset.diff(*pair).to_dict()["platforms"] for pair in (two, two[::-1]))
    assert [one["status"] for one in back] == ["changed", "removed"]
    mirrored = [{**entry, "from": entry["to"], "to": entry["from"]} for entry in back[0]["config"]]
    assert mirrored == there[0]["config"]
    assert back[0]["layers"]["added"] == there[0]["layers"]["removed"]


def test_diff__image_without_sbom__is_catalogued_from_its_layers(project: Project) -> None:
    packages(project.folder, curl="1")
    one = release(project, "1.0.0", sbom="none")
    packages(project.folder, curl="2")
    two = release(project, "2.0.0", sbom="none")
    data = shipset.diff(one, two).to_dict()["platforms"][0]["packages"]
    assert (data["from_source"], data["to_source"]) == ("layers", "layers")
    assert [(entry["name"], entry["from"], entry["to"]) for entry in data["changes"]] == [("curl", ["1"], ["2"])]
    without = shipset.diff(one, two, packages=False).to_dict()["platforms"][0]
    assert "packages" not in without


def test_diff__two_layouts_of_several_tags__goes_tag_by_tag(project: Project) -> None:
    packages(project.folder, curl="1")
    first, second = f"oci:{project.folder}/a", f"oci:{project.folder}/b"
    release(project, "1.0.0", first)
    release(project, "2.0.0", first)
    release(project, "2.0.0", second, level="debug")
    release(project, "3.0.0", second)
    found = shipset.diff(first, second)
    assert {tag["tag"]: tag["status"] for tag in found.tags} == {
        "1.0.0": "removed",
        "2.0.0": "changed",
        "3.0.0": "added",
    }
    assert "LEVEL" in repr(found)
    assert shipset.diff(first, first).equal


def test_diff__between_registry_and_layout__works(two: tuple[str, str]) -> None:
    with FakeRegistry() as registry:
        options = shipset.RegistryOptions(plain_http=[registry.host])
        reference = f"{registry.host}/team/app:1.0.0"
        shipset.copy(two[0], reference, registry=options)
        assert shipset.diff(reference, two[0], registry=options).equal
        changed = shipset.diff(reference, two[1], registry=options)
        assert changed.platforms[0]["status"] == "changed"
        with pytest.raises(shipset.NotFound):
            shipset.diff(f"{registry.host}/team/app:9", two[0], registry=options)


def test_diff_and_sbom__of_a_real_registry__are_those_of_the_layout(
    two: tuple[str, str], login_registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    shipset.login(login_registry.host, username=login_registry.username, password=login_registry.password)
    there = [f"{login_registry.host}/team/app:{index}" for index in range(2)]
    for reference, copied in zip(two, there, strict=True):
        shipset.copy(reference, copied)
    here, remote = (shipset.diff(*pair).to_dict() for pair in (two, there))
    assert remote["platforms"] == here["platforms"]
    assert shipset.sbom(there[0]) == shipset.sbom(two[0])


def test_diff__platform__limits_it_or_is_refused(two: tuple[str, str]) -> None:
    assert len(shipset.diff(*two, platform="linux/amd64").platforms) == 1
    with pytest.raises(shipset.UsageError, match="has no image for linux/riscv64"):
        shipset.diff(*two, platform="linux/riscv64")


def test_diff__layer_is_missing_and_no_sbom__error_not_an_empty_list(project: Project) -> None:
    packages(project.folder, curl="1")
    one = release(project, "1.0.0", sbom="none")
    packages(project.folder, curl="2")
    two = release(project, "2.0.0", sbom="none")
    added = shipset.diff(one, two, packages=False).to_dict()["platforms"][0]["layers"]["added"][0]["digest"]
    (project.layout / "blobs" / "sha256" / added.partition(":")[2]).unlink()
    with pytest.raises(shipset.ShipsetError):
        shipset.diff(one, two)


def test_sbom__attested__is_the_document_as_it_was_written(two: tuple[str, str], project: Project) -> None:
    (found,) = shipset.sbom(two[0])
    assert (found.platform, found.source) == ("linux/amd64", "attestation")
    assert [(package.name, package.version) for package in found.packages] == [
        ("curl", "7.88.1-10"),
        ("old", "1"),
        ("zlib", "1.2.13"),
    ]
    blobs = [path.read_bytes() for path in (project.layout / "blobs" / "sha256").iterdir()]
    assert any(found.document.encode() in blob for blob in blobs), "byte for byte"


def test_sbom__none_attested__is_made_of_the_layers_and_equal_to_an_attested_one(project: Project) -> None:
    packages(project.folder, curl="1", zlib="2")
    bare = release(project, "1.0.0", f"oci:{project.folder}/bare", sbom="none")
    (made,) = shipset.sbom(bare)
    (attested,) = shipset.sbom(release(project, "1.0.0"))
    assert made.source == "layers"
    assert made.packages == attested.packages
    assert made.to_dict()["spdxVersion"] == "SPDX-2.3"


def test_sbom__statement_that_is_broken__is_refused(two: tuple[str, str], project: Project) -> None:
    (found,) = shipset.sbom(two[0])
    for path in (project.layout / "blobs" / "sha256").iterdir():
        if found.document.encode() in path.read_bytes():
            path.write_bytes(path.read_bytes()[:-2] + b"  ")
    with pytest.raises(shipset.ShipsetError) as caught:
        shipset.sbom(two[0])
    assert caught.value.exit_code == 7


def test_commands__diff_and_sbom__print_text_and_json(
    two: tuple[str, str], capfd: pytest.CaptureFixture[str], project: Project
) -> None:
    assert run(["diff", *two, "-q"]) == 0
    assert "curl" in capfd.readouterr().out
    assert run(["diff", *two, "-q", "--format", "json", "--no-packages"]) == 0
    assert json.loads(capfd.readouterr().out)["equal"] is False
    assert run(["sbom", two[0], "-q"]) == 0
    assert json.loads(capfd.readouterr().out)["spdxVersion"] == "SPDX-2.3"
    assert run(["sbom", two[1], "-q"]) == 2
    assert "linux/amd64, linux/arm64" in capfd.readouterr().err
    assert run(["sbom", two[1], "-q", "--platform", "linux/arm64"]) == 0
    capfd.readouterr()
    assert run(["sbom", two[1], "-q", "--format", "json"]) == 0
    images = json.loads(capfd.readouterr().out)["images"]
    assert [image["platform"] for image in images] == ["linux/amd64", "linux/arm64"]
    assert run(["sbom", two[0], "-q", "--format", "text"]) == 0
    assert "zlib" in capfd.readouterr().out
    assert run(["diff", two[0], f"{project.to}:none"]) != 0
    assert len(tags_of(project.layout)) == 2
