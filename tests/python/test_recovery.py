"""resume and rollback in a new process: nothing twice, all new or all old, and refusals that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shipset
from helpers import Project, Shipset, tags_of
from recovering import REPOSITORY, THREE, Machine, check_released, forget, gate_of, own, public, report, sent_twice
from shipset.testing import FakeRegistry

EARLIER = "built by an earlier attempt of this release"


def earlier(told: dict[str, object]) -> list[bool]:
    variants = told["variants"]
    assert isinstance(variants, list)
    return [EARLIER in image["notes"] for variant in variants for image in variant["images"]]


# Going on.


def test_resume__gate_said_no_and_now_says_yes__builds_and_sends_nothing_again(
    machine: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    machine.project.add(gate_of(good))
    before = registry.tags(REPOSITORY)
    refused = machine.release("1.1.0")
    assert refused.code == 4, refused.err
    assert public(registry) == {tag: at for tag, at in before.items() if not tag.startswith("_shipset.")}
    still = machine.run("resume", machine.id)
    assert still.code == 4, "the gate is asked again, and its answer is the same"
    good.touch()
    done = machine.run("resume", machine.id, "--format", "json")
    assert done.code == 0, done.err
    told = report(done)
    assert told["outcome"] == "released"
    assert earlier(told) == [True, True, True]
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)


@pytest.mark.parametrize("again", ["resume", "release"])
@pytest.mark.parametrize(
    ("method", "at"), [("POST", r"/blobs/uploads/"), ("PUT", r"/manifests/sha256:"), ("PUT", r"/manifests/latest-more")]
)
def test_release__registry_refuses_once__going_on_builds_and_sends_nothing_again(
    machine: Machine, registry: FakeRegistry, again: str, method: str, at: str
) -> None:
    before = registry.tags(REPOSITORY)
    nth = 2 if method == "POST" else 1  # the first one is the proof of push rights
    fault = registry.faults.on(method, path=at, nth=nth, times=None).status(403, code="DENIED")
    refused = machine.release("1.1.0")
    assert refused.code == 5, refused.err
    assert fault.fired > 0
    assert registry.tags(REPOSITORY) == before
    assert report(refused)["outcome"] == "failed"
    registry.faults.clear()
    id_ = machine.id
    done = machine.run("resume", id_, "--format", "json") if again == "resume" else machine.release("1.1.0")
    assert done.code == 0, done.err
    told = report(done)
    assert told["id"] == id_
    assert earlier(told) == [True, True, True]
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)
    assert own(registry) == set()


def test_resume__tag_moved_in_a_race__refuses_to_go_on_with_the_old_plan_and_release_goes_on(
    machine: Machine, registry: FakeRegistry
) -> None:
    other = registry.put_image(REPOSITORY, b"someone else")
    registry.faults.on("PUT", path=r"/manifests/1\.1\.0$").move_tag("latest", other)
    lost = machine.release("1.1.0")
    assert lost.code == 4, lost.err
    assert public(registry)["latest"] == other
    assert "1.1.0" not in public(registry)
    stale = machine.run("resume", machine.id)
    assert stale.code == 4, stale.err
    assert "latest" in stale.err
    assert public(registry)["latest"] == other, "the plan did not know of it"
    done = machine.release("1.1.0")
    assert done.code == 0, done.err
    assert earlier(report(done)) == [True, True, True]
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", {})


@pytest.mark.parametrize("again", ["resume", "release"])
@pytest.mark.parametrize(
    "at",
    [
        r"/manifests/_shipset.*hold",
        r"/manifests/1\.1\.0-extra$",
        r"/manifests/latest-more$",
        r"/manifests/latest$",
    ],
)
def test_release__killed_while_tags_move__goes_on_there(
    machine: Machine, registry: FakeRegistry, again: str, at: str
) -> None:
    before = registry.tags(REPOSITORY)
    machine.killed(registry, "1.1.0", at=at)
    id_ = machine.id
    done = machine.run("resume", id_, "--format", "json") if again == "resume" else machine.release("1.1.0")
    assert done.code == 0, done.err
    told = report(done)
    assert (told["id"], told["outcome"]) == (id_, "released")
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)
    assert own(registry) == set()
    assert machine.run("resume", id_).code == 0, "there is nothing left to do"
    assert report(machine.release("1.1.0"))["outcome"] == "nothing to do"


def test_resume__from_another_folder_with_a_relative_layout__goes_on_in_the_same_one(
    project: Project, tmp_path: Path
) -> None:
    project.write(THREE)
    good = tmp_path / "good"
    project.add(gate_of(good))
    here = Shipset(project.folder)
    refused = here("release", "--to", "oci:dist", "--input", "version=1.0.0", "--format", "json")
    assert refused.code == 4, refused.err
    good.touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = Shipset(elsewhere)("resume", report(refused)["id"], "--file", "../project/shipset.toml", "--format", "json")
    assert done.code == 0, done.err
    assert earlier(report(done)) == [True, True, True]
    assert {"1.0.0", "latest-more"} <= set(tags_of(project.layout))
    assert list(elsewhere.iterdir()) == []


def test_resume__source_changed__refuses_and_release_builds_the_new_source(
    machine: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    machine.project.add(gate_of(good))
    assert machine.release("1.1.0").code == 4
    id_ = machine.id
    (machine.project.folder / "files" / "hello.txt").write_text("changed\n", encoding="utf-8")
    good.touch()
    before = registry.tags(REPOSITORY)
    stale = machine.run("resume", id_)
    assert stale.code == 4, stale.err
    assert registry.tags(REPOSITORY) == before
    done = machine.release("1.1.0")
    assert done.code == 0, done.err
    assert earlier(report(done)) == [False, False, False]
    check_released(registry, "1.1.0", {})


def test_resume__release_file_changed_since__goes_on_with_the_frozen_one(machine: Machine, tmp_path: Path) -> None:
    good = tmp_path / "good"
    machine.project.add(gate_of(good))
    assert machine.release("1.1.0").code == 4
    id_ = machine.id
    machine.project.add('\n[[variant]]\nname = "fourth"\n')
    good.touch()
    done = machine.run("resume", id_, "--format", "json")
    assert done.code == 0, done.err
    assert [variant["name"] for variant in report(done)["variants"]] == ["plain", "extra", "more"]


# Going back.


def test_rollback__before_any_tag_moved__changes_nothing_and_says_so(
    machine: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    machine.project.add(gate_of(tmp_path / "good"))
    before = registry.tags(REPOSITORY)
    assert machine.release("1.1.0").code == 4
    done = machine.run("rollback", machine.id, "--format", "json")
    assert done.code == 0, done.err
    assert report(done)["outcome"] == "rolled back"
    assert any("nothing had to be undone" in warning for warning in report(done)["warnings"])
    assert registry.tags(REPOSITORY) == before


@pytest.mark.parametrize("at", [r"/manifests/1\.1\.0-more$", r"/manifests/latest-extra$", r"/manifests/latest$"])
def test_rollback__killed_while_tags_moved__all_old_and_release_works_again(
    machine: Machine, registry: FakeRegistry, at: str
) -> None:
    before = registry.tags(REPOSITORY)
    machine.killed(registry, "1.1.0", at=at)
    id_ = machine.id
    done = machine.run("rollback", id_, "--format", "json")
    assert done.code == 0, done.err
    told = report(done)
    assert told["outcome"] == "rolled back"
    assert any(tag["status"] == "undone" for tag in told["tags"])
    assert registry.tags(REPOSITORY) == before
    twice = machine.run("rollback", id_, "--format", "json")
    assert (twice.code, report(twice)["outcome"]) == (0, "nothing to do")
    refused = machine.run("resume", id_)
    assert refused.code == 4
    assert "was rolled back" in refused.err
    again = machine.release("1.1.0")
    assert again.code == 0, again.err
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)


def test_rollback__killed_while_going_back__resume_rollback_and_release_finish_it(
    machine: Machine, registry: FakeRegistry
) -> None:
    before = registry.tags(REPOSITORY)
    for finish in ("resume", "rollback", "release"):
        machine.killed(registry, "1.1.0", at=r"/manifests/latest$")
        id_ = machine.id
        process = Shipset(machine.project.folder).start("rollback", id_)
        stop = registry.faults.on("PUT", path=r"/manifests/latest-more$").call(lambda request: process.kill())  # noqa: B023
        process.communicate(timeout=60)
        assert (process.returncode, stop.fired) == (-9, 1)
        registry.faults.clear()
        done = machine.release("1.1.0") if finish == "release" else machine.run(finish, id_)
        assert done.code == 0, done.err
        if finish == "release":  # goes back first, and then forward
            check_released(registry, "1.1.0", before)
        else:
            assert registry.tags(REPOSITORY) == before


def test_rollback__after_the_commit_point__tags_and_set_manifests_are_as_before(
    machine: Machine, registry: FakeRegistry
) -> None:
    before = registry.tags(REPOSITORY)
    assert machine.release("1.1.0").code == 0
    id_ = machine.id
    assert registry.tags(REPOSITORY) != before
    done = machine.run("rollback", id_, "--format", "json")
    assert done.code == 0, done.err
    assert any("this release was public" in warning for warning in report(done)["warnings"])
    assert registry.tags(REPOSITORY) == before
    for suffix in ("", "-extra", "-more"):
        shipset.verify(f"{registry.host}/{REPOSITORY}:latest{suffix}", set="required").check()
    again = machine.release("1.1.0")
    assert again.code == 0, again.err
    check_released(registry, "1.1.0", before)


def test_rollback__old_image_is_gone__refused_with_its_name_and_nothing_touched(
    machine: Machine, registry: FakeRegistry
) -> None:
    old = registry.tags(REPOSITORY)["latest-extra"]
    [image] = [
        item["digest"]
        for item in json.loads(registry.manifest(REPOSITORY, old))["manifests"]
        if item["platform"]["os"] == "linux"
    ]
    assert machine.release("1.1.0").code == 0
    id_ = machine.id
    forget(registry, old, image)
    after = registry.tags(REPOSITORY)
    refused = machine.run("rollback", id_)
    assert refused.code == 4, refused.err
    assert f"{REPOSITORY}:latest-extra held {old}" in refused.err
    assert "latest-more held" not in refused.err
    assert registry.tags(REPOSITORY) == after
    assert machine.run("status", id_).code == 0
    assert report(machine.release("1.1.0"))["outcome"] == "nothing to do"


def test_rollback__only_the_old_index_was_collected__is_put_back_from_the_journal(
    machine: Machine, registry: FakeRegistry
) -> None:
    old = registry.tags(REPOSITORY)["latest-extra"]
    assert machine.release("1.1.0").code == 0
    id_ = machine.id
    raw = registry.manifest(REPOSITORY, old)
    forget(registry, old)
    done = machine.run("rollback", id_)
    assert done.code == 0, done.err
    assert registry.tags(REPOSITORY)["latest-extra"] == old
    assert registry.manifest(REPOSITORY, "latest-extra") == raw


@pytest.mark.parametrize("committed", [True, False])
def test_rollback__someone_moved_a_tag_since__it_is_left_and_named(
    machine: Machine, registry: FakeRegistry, committed: bool
) -> None:
    before = registry.tags(REPOSITORY)
    if committed:
        assert machine.release("1.1.0").code == 0
    else:
        machine.killed(registry, "1.1.0", at=r"/manifests/latest$")
    other = registry.put_image(REPOSITORY, b"someone else", tags=["latest-extra"])
    done = machine.run("rollback", machine.id, "--format", "json")
    assert done.code == 0, done.err
    rows = {tag["reference"].rpartition(":")[2]: tag for tag in report(done)["tags"]}
    assert rows["latest-extra"]["status"] == "foreign"
    assert rows["latest-extra"]["found_digest"] == other
    assert any("latest-extra was left alone" in warning for warning in report(done)["warnings"])
    assert registry.tags(REPOSITORY) == {**before, "latest-extra": other}
