"""Destinations that cannot be asked while others can: `on_registry_failure` decides, from the plan to the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import Done, Project, Shipset, free_port
from recovering import REPOSITORY, public, report, three, writes
from shipset.testing import FakeRegistry


@pytest.fixture
def good() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("distribution-3.1") as running:
        yield running


@pytest.fixture
def bad() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("distribution-3.1") as running:
        yield running


def write(project: Project, *hosts: str, policy: str = "continue") -> Shipset:
    places = [f"{host}/{REPOSITORY}" for host in hosts]
    project.write(three(repositories=places, release=f'on_registry_failure = "{policy}"'))
    return Shipset(project.folder)


def release(run: Shipset, version: str, *more: object) -> Done:
    return run("release", "--input", f"version={version}", "--format", "json", *more)


def planned(run: Shipset, version: str, *more: object) -> dict[str, object]:
    done = run("plan", "--input", f"version={version}", "--format", "json", *more)
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


def images(registry: FakeRegistry) -> dict[str, str]:
    """Public tags without the lists of referrers, which tell of each attempt."""
    return {tag: at for tag, at in public(registry).items() if not tag.startswith("sha256-")}


def refuse_looks(registry: FakeRegistry) -> None:
    registry.faults.on("HEAD", path="/manifests/", times=None).status(403, code="DENIED")
    registry.faults.on("GET", path="/manifests/", times=None).status(403, code="DENIED")


def test_plan__one_destination_cannot_be_reached__names_it_and_plans_the_others(
    project: Project, good: FakeRegistry
) -> None:
    gone = f"127.0.0.1:{free_port()}"
    run = write(project, gone, good.host)
    plan = planned(run, "1.0.0")
    first, second = plan["targets"]  # type: ignore[misc]
    assert first["location"].startswith(gone)
    assert "connect" in first["left_out"]
    assert second["left_out"] == ""
    assert [warning["key"] for warning in plan["warnings"]] == ["release.on_registry_failure"]  # type: ignore[attr-defined]
    acts = {tag["reference"].split("/")[0]: tag["action"] for tag in plan["tags"]}  # type: ignore[attr-defined]
    assert acts == {gone: "refuse", good.host: "create"}
    shown = run("plan", "--input", "version=1.0.0")
    assert f"left out {gone}/{REPOSITORY}" in " ".join(shown.out.split())


def test_release__one_destination_cannot_be_asked__others_are_released_and_exit_5_names_it(
    project: Project, good: FakeRegistry, bad: FakeRegistry
) -> None:
    run = write(project, bad.host, good.host)
    assert release(run, "1.0.0").code == 0
    before = bad.tags(REPOSITORY)
    refuse_looks(bad)
    done = release(run, "1.1.0")
    assert done.code == 5, done.err
    assert bad.host in done.err
    told = report(done)
    assert told["outcome"] == "released"
    assert [target["status"] for target in told["targets"]] == ["failed", "done"]
    assert {tag["status"] for tag in told["tags"] if bad.host in tag["reference"]} == {"skipped"}
    assert public(good)["latest"] == public(good)["1.1.0"]
    assert bad.tags(REPOSITORY) == before

    # Again: nothing is left to do but what cannot be done.
    good.requests.clear()
    again = release(run, "1.1.0")
    assert again.code == 5, again.err
    assert "the others have this release already" in again.err
    assert report(again)["outcome"] == "nothing to do"
    assert writes(good) == []

    # It answers again: only what is missing is done.
    bad.faults.clear()
    healed = release(run, "1.1.0")
    assert healed.code == 0, healed.err
    assert images(bad) == images(good)


def test_release__policy_all_and_a_destination_cannot_be_asked__nothing_moves(
    project: Project, good: FakeRegistry, bad: FakeRegistry
) -> None:
    run = write(project, bad.host, good.host, policy="all")
    assert release(run, "1.0.0").code == 0
    before = good.tags(REPOSITORY)
    refuse_looks(bad)
    assert release(run, "1.1.0").code == 5
    assert good.tags(REPOSITORY) == before


def test_release__no_destination_can_be_asked__is_an_error_whatever_the_policy(
    project: Project, good: FakeRegistry, bad: FakeRegistry
) -> None:
    run = write(project, bad.host, good.host)
    refuse_looks(bad)
    refuse_looks(good)
    done = release(run, "1.0.0")
    assert done.code == 5
    assert "403" in done.err
    assert writes(good) == writes(bad) == []


def test_frozen_plan__destination_was_left_out_and_answers_now__stays_left_out(
    project: Project, good: FakeRegistry, bad: FakeRegistry, tmp_path: Path
) -> None:
    run = write(project, bad.host, good.host)
    refuse_looks(bad)
    frozen = tmp_path / "plan.json"
    planned(run, "1.0.0", "-o", frozen)
    bad.faults.clear()
    done = run("release", "--plan", frozen, "--format", "json")
    assert done.code == 5, done.err
    assert sorted(images(good)) == ["1.0.0", "1.0.0-extra", "1.0.0-more", "latest", "latest-extra", "latest-more"]
    assert writes(bad) == []


def test_frozen_plan__destination_answered_and_is_gone_now__is_left_out(
    project: Project, good: FakeRegistry, bad: FakeRegistry, tmp_path: Path
) -> None:
    run = write(project, bad.host, good.host)
    assert release(run, "1.0.0").code == 0
    before = bad.tags(REPOSITORY)
    frozen = tmp_path / "plan.json"
    planned(run, "1.1.0", "-o", frozen)
    refuse_looks(bad)
    done = run("release", "--plan", frozen, "--format", "json")
    assert done.code == 5, done.err
    assert report(done)["outcome"] == "released"
    assert public(good)["latest"] == public(good)["1.1.0"]
    assert bad.tags(REPOSITORY) == before


@pytest.mark.parametrize("refused", ["look", "push"])
def test_resume__destination_was_left_out_before_the_kill__is_told_again(
    project: Project, good: FakeRegistry, bad: FakeRegistry, refused: str
) -> None:
    run = write(project, bad.host, good.host)
    assert release(run, "1.0.0").code == 0
    before = bad.tags(REPOSITORY)
    if refused == "look":
        refuse_looks(bad)
    else:
        bad.faults.on("POST", "upload", times=None).status(403, code="DENIED")
    process = run.start("release", "--input", "version=1.1.0")

    def kill(request: object) -> None:
        del request
        process.kill()
        process.wait(timeout=20)

    good.faults.on("PUT", path="/manifests/latest").call(kill)
    process.communicate(timeout=120)
    assert process.returncode == -9
    good.faults.clear()
    bad.faults.clear()
    releases = json.loads(run("status", "--format", "json").out)["releases"]
    done = run("resume", releases[-1]["id"], "--format", "json")
    assert done.code == 5, done.err
    assert bad.host in done.err
    assert report(done)["outcome"] == "released"
    assert public(good)["latest"] == public(good)["1.1.0"]
    assert bad.tags(REPOSITORY) == before
