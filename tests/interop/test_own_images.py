"""The images of this project: docker/shipset.toml and docker/Dockerfile, on stand-in bases.

The stand-ins compile nothing; that the wheel itself builds and runs alone is what tests/lib/wheel.sh shows.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from buildkit_kit import Kit
from conftest import ROOT, run
from image_files import Image, images

RELEASE_FILE = ROOT / "docker" / "shipset.toml"
VERSION = re.search(r"^project\(Shipset VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]  # type: ignore[index]
TAGS = [f"{tag}{suffix}" for tag in (VERSION, VERSION.rpartition(".")[0], "latest") for suffix in ("", "-slim")]


def test_release_file__checked_and_planned__six_tags_for_two_variants(buildkit: Kit, tmp_path: Path) -> None:
    run("shipset", "check", RELEASE_FILE)
    planned = run(
        *("shipset", "plan", RELEASE_FILE, "--input", f"version={VERSION}", "--to", f"oci:{tmp_path / 'none'}"),
        *("--format", "json"),
        env=os.environ | buildkit.environment,
    )
    plan = json.loads(planned.stdout)
    assert sorted(tag["tag"] for tag in plan["tags"]) == sorted(TAGS)


def test_release_file__version_that_is_none__refused() -> None:
    refused = run("shipset", "tags", RELEASE_FILE, "--input", "version=next", check=False)
    assert refused.returncode == 2
    assert "version" in refused.stderr


@pytest.fixture(scope="module")
def built(buildkit: Kit, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Image]]:
    folder = tmp_path_factory.mktemp("own")
    for target in ("cli", "cli-slim"):
        buildkit.buildx(
            *("build", "--builder", "one", "--platform", "linux/amd64,linux/arm64", "--target", target),
            *("--build-arg", f"SHIPSET_VERSION={VERSION}", "--build-arg", "SHIPSET_REVISION=abc"),
            *("--file", ROOT / "docker" / "Dockerfile", "--output", f"type=oci,dest={folder / target},tar=false", ROOT),
        )
    return {target: images(folder / target) for target in ("cli", "cli-slim")}


@pytest.mark.parametrize("target", ["cli", "cli-slim"])
def test_image__both_platforms__runs_shipset_as_a_user_of_its_own(
    built: dict[str, dict[str, Image]], target: str
) -> None:
    assert sorted(built[target]) == ["linux/amd64", "linux/arm64"]
    for image in built[target].values():
        config = image.config["config"]
        assert config["Entrypoint"] == ["shipset"]
        assert config["User"] == "shipset"
        assert config["Labels"]["org.opencontainers.image.version"] == VERSION
        assert config["Labels"]["org.opencontainers.image.revision"] == "abc"
        assert "shipset:x:1000:1000:" in image.text("etc/passwd")
        assert image.environment()["PATH"].startswith("/opt/shipset/bin:")
        assert "opt/shipset/bin/python3" in image.entries
        assert not any(path.startswith(("src/", "wheels/", "opt/build/")) for path in image.entries)


def test_image__cli__has_what_builds_dockerfiles_and_slim_has_not(built: dict[str, dict[str, Image]]) -> None:
    plugin = "usr/local/libexec/docker/cli-plugins/docker-buildx"
    for platform, image in built["cli"].items():
        architecture = platform.partition("/")[2]
        assert image.text(plugin).endswith(f"docker/buildx-bin:0.38.2 {architecture}\n")
        assert image.text("usr/local/bin/docker").endswith(f"library/docker:28.2.2-cli {architecture}\n")
        assert "apt-get install --yes --no-install-recommends git" in image.text("standin/calls")
        assert "git config --system --add safe.directory /work" in image.text("standin/calls")
    for image in built["cli-slim"].values():
        assert plugin not in image.entries
        assert " git" not in image.text("standin/calls")
