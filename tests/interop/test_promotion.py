"""Promotion on real registries: holds, undo, and two releases that race, read with nothing of shipset."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

import shipset
from conftest import Registry, serve

SUFFIXES = ("", "-cuda", "-rocm")
RELEASE = """\
[release]
name         = "app"
version      = "{inputs.version}"
repositories = ["example.org/team/app"]
[inputs.version]
[build]
backend   = "native"
platforms = ["linux/amd64"]
[build.native]
layers = [{ from = "files", to = "/app" }]
config = { labels = { what = "{version} {variant}" } }
[tags]
rules = [
  { tag = "{version}{-suffix}" },
  { tag = "{version.major}{-suffix}", moves = "always" },
  { tag = "latest{-suffix}", moves = "always" },
]
[[variant]]
name   = "cpu"
suffix = ""
[[variant]]
name = "cuda"
[[variant]]
name = "rocm"
"""


@pytest.fixture(params=["plain", "distribution"], ids=["docker-registry", "distribution"])
def any_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with serve(request.param, tmp_path / "registry") as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "hello").write_text("hello\n")
    (folder / "shipset.toml").write_text(RELEASE)
    return folder


def tags(host: str) -> dict[str, str]:
    """Every tag with its digest, without the lists of referrers."""
    with urllib.request.urlopen(f"http://{host}/v2/team/app/tags/list", timeout=10) as answer:
        names = [name for name in json.load(answer)["tags"] or [] if not name.startswith("sha256-")]
    found = {}
    for name in names:
        request = urllib.request.Request(f"http://{host}/v2/team/app/manifests/{name}", method="HEAD")
        request.add_header("Accept", "application/vnd.oci.image.index.v1+json, */*")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found[name] = answer.headers["Docker-Content-Digest"]
        except urllib.error.HTTPError as refusal:
            # docker-registry 2.8 may list the name of a tag that is gone, when two of them go in the same moment.
            if refusal.code != HTTPStatus.NOT_FOUND:
                raise
    return found


def plan(project: Path, version: str, host: str) -> shipset.Plan:
    return shipset.plan(shipset.load(project / "shipset.toml").matrix(version=version), to=host)


def test_promotion__next_version__moves_everything_and_leaves_no_tag_of_ours(
    any_registry: Registry, project: Path
) -> None:
    plan(project, "1.0.0", any_registry.host).execute()
    before = tags(any_registry.host)
    report = plan(project, "1.1.0", any_registry.host).execute().report
    after = tags(any_registry.host)
    assert report.targets[0].holds_left == ()
    assert set(after) == set(before) | {f"1.1.0{suffix}" for suffix in SUFFIXES}
    for suffix in SUFFIXES:
        assert after[f"latest{suffix}"] == after[f"1{suffix}"] == after[f"1.1.0{suffix}"]
        assert after[f"1.0.0{suffix}"] == before[f"1.0.0{suffix}"], "removing holds took no content along"


def test_promotion__exact_tags_of_the_last_version_are_gone__holds_keep_its_manifests(
    any_registry: Registry, project: Path
) -> None:
    """The moving tags are the last ones on their manifests; an undone release gives them back."""
    plan(project, "1.0.0", any_registry.host).execute()
    second = plan(project, "1.1.0", any_registry.host)
    before = tags(any_registry.host)
    stop = shipset.CancelToken()

    def on_event(event: shipset.Event) -> None:
        if event.kind == "tag_moved":
            stop.cancel()

    with pytest.raises(shipset.Cancelled):
        second.execute(on_event=on_event, cancel=stop)
    assert tags(any_registry.host) == before
    done = plan(project, "1.1.0", any_registry.host).execute().report
    assert done.outcome == "released"


@pytest.mark.parametrize("attempt", range(6))
def test_race__two_real_releases__never_a_mixture(
    any_registry: Registry, project: Path, tmp_path: Path, attempt: int
) -> None:
    plan(project, "1.0.0", any_registry.host).execute()
    before = tags(any_registry.host)
    versions = ("1.1.0", "1.2.0")
    plans = []
    for version in versions:
        copy = tmp_path / version
        shutil.copytree(project, copy)
        (copy / "files" / "hello").write_text(f"hello {version} {attempt}\n")
        plans.append(plan(copy, version, any_registry.host))
    ends: dict[str, Exception | None] = {}
    ready = threading.Barrier(len(plans))

    def run(version: str, one: shipset.Plan) -> None:
        def on_event(event: shipset.Event) -> None:
            if event.kind == "phase_finished" and event.subject == "stage":
                ready.wait(timeout=60)

        try:
            one.execute(on_event=on_event)
            ends[version] = None
        except shipset.ShipsetError as failure:
            ends[version] = failure

    threads = [threading.Thread(target=run, args=item) for item in zip(versions, plans, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    judge(before, tags(any_registry.host), ends)


def judge(before: dict[str, str], after: dict[str, str], ends: dict[str, Exception | None]) -> None:
    """All tags are of one release, or all are old; and every loser knows it."""
    versions = list(ends)
    winners = [version for version in versions if ends[version] is None]
    losers = [failure for failure in ends.values() if failure is not None]
    assert all(isinstance(failure, shipset.TagMoved) for failure in losers), losers
    assert not [tag for tag in after if tag.startswith("_shipset.")]
    moving = [f"{name}{suffix}" for name in ("1", "latest") for suffix in SUFFIXES]
    for suffix in SUFFIXES:
        assert after[f"1.0.0{suffix}"] == before[f"1.0.0{suffix}"]
    if len(winners) == 2:  # the second one began after the first had ended
        winners = [version for version in versions if after["latest"] == after[version]]
    if winners:
        expected = {tag: after[f"{winners[0]}{tag.removeprefix('latest').removeprefix('1')}"] for tag in moving}
        assert {tag: after[tag] for tag in moving} == expected
    else:
        assert after == before
    for version in versions:
        if ends[version] is not None:
            assert version not in after
