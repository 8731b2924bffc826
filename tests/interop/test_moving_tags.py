"""Releases of three variants in the order that lies: an older line after the newer, a pre-release, a version of no
scheme. The tag table of real registries after each step, read with nothing of shipset."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import shipset
from conftest import Registry, serve

SUFFIXES = ("", "-cuda", "-vllm-cuda")
RELEASE = """\
[release]
name         = "app"
version      = "{inputs.version}"
repositories = ["example.org/team/app"]
[inputs.version]
[build]
backend   = "native"
platforms = ["linux/amd64", "linux/arm64"]
[build.native]
layers = [{ from = "files", to = "/app" }]
config = { labels = { what = "{version} {variant}" } }
[tags]
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
# What is released, and which version each moving tag holds after it.
STEPS = (
    ("2.0.1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1"}),
    ("1.9.1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("2.1.0-rc1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("v0.2.1.0-rc1", {"latest": "2.0.1", "2": "2.0.1", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
    ("2.1.0", {"latest": "2.1.0", "2": "2.1.0", "2.1": "2.1.0", "2.0": "2.0.1", "1": "1.9.1", "1.9": "1.9.1"}),
)


@pytest.fixture(params=["plain", "distribution", "crane"], ids=["docker-registry", "distribution", "crane-registry"])
def any_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with serve(request.param, tmp_path / "registry") as running:
        yield running


def table(host: str) -> dict[str, str]:
    """Every public tag with its digest."""
    base = f"http://{host}/v2/team/app"
    with urllib.request.urlopen(f"{base}/tags/list") as answer:
        names = json.load(answer)["tags"]
    found = {}
    for name in (name for name in names if not name.startswith(("_shipset.", "sha256-"))):
        request = urllib.request.Request(f"{base}/manifests/{name}", method="HEAD")
        request.add_header("Accept", "application/vnd.oci.image.index.v1+json")
        with urllib.request.urlopen(request) as answer:
            found[name] = answer.headers["Docker-Content-Digest"]
    return found


def test_releases__older_line_pre_release_and_odd_version__tags_of_three_variants_tell_the_truth(
    any_registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "hello").write_text("hello\n", encoding="utf-8")
    (tmp_path / "shipset.toml").write_text(RELEASE, encoding="utf-8")
    spec = shipset.load(tmp_path / "shipset.toml")
    digests: dict[str, str] = {}
    for version, moving in STEPS:
        shipset.plan(spec.matrix(version=version), to=any_registry.host).execute()
        tags = table(any_registry.host)
        digests |= {version + suffix: tags[version + suffix] for suffix in SUFFIXES}
        assert len(set(digests.values())) == len(digests), "every release has content of its own"
        held = {tag + suffix: digests[at + suffix] for tag, at in moving.items() for suffix in SUFFIXES}
        assert tags == digests | held, f"after {version}"
    found = shipset.next_version(spec, "minor", source="registry", to=any_registry.host)
    assert (found.highest, found.version) == ("2.1.0", "2.2.0")
    again = shipset.plan(spec.matrix(version="2.1.0"), to=any_registry.host)
    assert again.nothing_to_do
