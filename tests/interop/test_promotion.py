"""Promotion on real registries: holds, undo, and two releases that race, read with nothing of shipset."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

import shipset
from conftest import Registry
from helpers import Project
from release_files import release_file
from remote import Remote

SUFFIXES = ("", "-cuda", "-rocm")
RELEASE = release_file("cpu", "cuda", "rocm", moving=("{version.major}", "latest"), moves="always")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Project.make(tmp_path / "project", RELEASE).folder


def tags(host: str) -> dict[str, str]:
    return Remote(host, "team/app").table()


def plan(project: Path, version: str, host: str) -> shipset.Plan:
    return shipset.plan(shipset.load(project / "shipset.toml").matrix(version=version), to=host)


def test_promotion__next_version__moves_everything_and_leaves_no_tag_of_ours(
    distribution: Registry, project: Path
) -> None:
    plan(project, "1.0.0", distribution.host).execute()
    before = tags(distribution.host)
    report = plan(project, "1.1.0", distribution.host).execute().report
    after = tags(distribution.host)
    assert report.targets[0].holds_left == ()
    assert set(after) == set(before) | {f"1.1.0{suffix}" for suffix in SUFFIXES}
    for suffix in SUFFIXES:
        assert after[f"latest{suffix}"] == after[f"1{suffix}"] == after[f"1.1.0{suffix}"]
        assert after[f"1.0.0{suffix}"] == before[f"1.0.0{suffix}"], "removing holds took no content along"


def test_promotion__exact_tags_of_the_last_version_are_gone__holds_keep_its_manifests(
    distribution: Registry, project: Path
) -> None:
    """The moving tags are the last ones on their manifests; an undone release gives them back."""
    plan(project, "1.0.0", distribution.host).execute()
    second = plan(project, "1.1.0", distribution.host)
    before = tags(distribution.host)
    stop = shipset.CancelToken()

    def on_event(event: shipset.Event) -> None:
        if event.kind == "tag_moved":
            stop.cancel()

    with pytest.raises(shipset.Cancelled):
        second.execute(on_event=on_event, cancel=stop)
    assert tags(distribution.host) == before
    done = plan(project, "1.1.0", distribution.host).execute().report
    assert done.outcome == "released"


@pytest.mark.parametrize("attempt", range(6))
def test_race__two_real_releases__never_a_mixture(
    distribution: Registry, project: Path, tmp_path: Path, attempt: int
) -> None:
    plan(project, "1.0.0", distribution.host).execute()
    before = tags(distribution.host)
    versions = ("1.1.0", "1.2.0")
    plans = []
    for version in versions:
        copy = tmp_path / version
        shutil.copytree(project, copy)
        (copy / "files" / "hello").write_text(f"hello {version} {attempt}\n")
        plans.append(plan(copy, version, distribution.host))
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
    judge(before, tags(distribution.host), ends)


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
