"""The journal in the staging repository: a CI run that dies is gone on with, or back, by a machine that has nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import shipset
from helpers import Project
from recovering import (
    CI,
    REPOSITORY,
    Machine,
    check_released,
    gate_of,
    own,
    public,
    released,
    report,
    sent_twice,
    writes,
)
from shipset.testing import FakeRegistry

JOURNAL = "application/vnd.shipset.journal.v1"
PLAN = "application/vnd.shipset.plan.v1+json"


@pytest.fixture
def runner(project: Project, registry: FakeRegistry) -> Machine:
    """One machine of a CI, after the release 1.0.0 of an earlier run."""
    return prepared(project, registry)


def prepared(project: Project, registry: FakeRegistry) -> Machine:
    made = released(project, registry, **{**CI, "GITHUB_RUN_ID": "1000"})
    made.environ = dict(CI)
    return made


def mirror_tag(release: str) -> str:
    return f"_shipset.{release}.journal"


def staging(registry: FakeRegistry) -> str:
    return f"{registry.host}/{REPOSITORY}"


def test_release__ci_run_killed_in_its_moves__fresh_machine_goes_on_with_the_frozen_plan(
    runner: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    before = registry.tags(REPOSITORY)
    assert own(registry) == set(), "the mirror of 1.0.0 went with its end"
    runner.killed(registry, "1.1.0", at=r"/manifests/latest-extra$")
    id_ = runner.id
    assert mirror_tag(id_) in own(registry)
    fresh = runner.fresh(tmp_path / "fresh")
    done = fresh.release("1.1.0")
    assert done.code == 0, done.err
    told = report(done)
    assert (told["id"], told["outcome"]) == (id_, "released")
    frozen = json.loads((fresh.journal(id_).parent / "plan.json").read_text(encoding="utf-8"))
    current = {tag["tag"]: tag for tag in frozen["tags"]}
    assert before["latest-extra"] in json.dumps(current["latest-extra"]), "not what it held when the second one looked"
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)
    assert own(registry) == set()


def test_release__ci_run_killed_after_staging__fresh_machine_builds_nothing_again(
    runner: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    runner.project.add(gate_of(good))
    before = registry.tags(REPOSITORY)
    assert runner.release("1.1.0").code == 4
    good.touch()
    done = runner.fresh(tmp_path / "fresh").release("1.1.0")
    assert done.code == 0, done.err
    notes = [image["notes"] for variant in report(done)["variants"] for image in variant["images"]]
    assert all("built by an earlier attempt of this release" in note for note in notes)
    assert sent_twice(registry) == []
    check_released(registry, "1.1.0", before)


@pytest.mark.parametrize("command", ["resume", "rollback"])
def test_recovery__from_an_empty_folder__takes_the_journal_from_the_staging_repository(
    runner: Machine, registry: FakeRegistry, tmp_path: Path, command: str
) -> None:
    before = registry.tags(REPOSITORY)
    runner.killed(registry, "1.1.0", at=r"/manifests/latest$")
    id_ = runner.id
    empty = runner.fresh(tmp_path / "empty", empty=True)
    missing = empty.run(command, id_)
    assert missing.code == 2
    assert "--staging" in missing.err
    seen = empty.run("status", id_, "--staging", staging(registry), "--format", "json")
    assert json.loads(seen.out)["releases"][0]["state"] == "moving tags"
    done = empty.run(command, id_, "--staging", staging(registry), "--format", "json")
    assert done.code == 0, done.err
    if command == "resume":
        check_released(registry, "1.1.0", before)
        assert own(registry) == set()
    else:
        assert registry.tags(REPOSITORY) == before, "the mirror went too"


def test_rollback__of_a_mirrored_release__no_machine_goes_on_with_it(
    runner: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    runner.killed(registry, "1.1.0", at=r"/manifests/latest$")
    id_ = runner.id
    empty = runner.fresh(tmp_path / "empty", empty=True)
    assert empty.run("rollback", id_, "--staging", staging(registry)).code == 0
    other = runner.fresh(tmp_path / "other")
    other.environ["GITHUB_RUN_ID"] = "4712"
    done = other.release("1.2.0")
    assert done.code == 0, done.err
    check_released(registry, "1.2.0", {})


@pytest.mark.parametrize("end", ["released", "rolled back"])
def test_mirror__registry_that_removes_no_tag__says_that_it_has_ended_and_holds_up_no_other_run(
    project: Project, tmp_path: Path, end: str
) -> None:
    with FakeRegistry.like("ghcr") as registry:
        runner = prepared(project, registry)
        if end == "rolled back":
            runner.killed(registry, "1.1.0", at=r"/manifests/1\.1\.0$")
            id_ = runner.id
            runner.run("rollback", id_)  # ends with 8: new tags cannot be removed there either
        else:
            told = report(runner.release("1.1.0"))
            id_ = told["id"]
            assert any("mirrored journal" in warning for warning in told["warnings"])
            left = runner.fresh(tmp_path / "left").run(
                "status", id_, "--staging", staging(registry), "--format", "json"
            )
            assert json.loads(left.out)["releases"][0]["state"] == "released"
            fresh = runner.fresh(tmp_path / "fresh")
            registry.requests.clear()
            again = fresh.release("1.1.0")
            assert (again.code, report(again)["outcome"]) == (0, "nothing to do")
            assert writes(registry) == []
            other = runner.fresh(tmp_path / "other")
            other.environ["GITHUB_RUN_ID"] = "4712"
            done = other.release("1.2.0")
            assert done.code == 0, done.err
            check_released(registry, "1.2.0", {})
        assert mirror_tag(id_) in own(registry)


def test_mirror__run_is_cancelled_in_its_moves__tells_that_its_tags_were_put_back(
    runner: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    before = public(registry)
    matrix = shipset.load(runner.project.file).matrix_of(
        {"version": "1.1.0"}, facts=shipset.collect_facts(runner.project.folder, environ=CI)
    )
    cancel = shipset.CancelToken()
    registry.faults.on("PUT", "tag", path=r"/manifests/latest-extra$").call(lambda request: cancel.cancel())
    with pytest.raises(shipset.Cancelled) as caught:
        shipset.plan(matrix, to=registry.host).execute(cancel=cancel)
    registry.faults.clear()
    assert public(registry) == before
    id_ = caught.value.report.id
    empty = runner.fresh(tmp_path / "empty", empty=True)
    seen = empty.run("status", id_, "--staging", staging(registry), "--format", "json")
    assert json.loads(seen.out)["releases"][0]["state"] == "cancelled"
    other = runner.fresh(tmp_path / "other")
    other.environ["GITHUB_RUN_ID"] = "4712"
    done = other.release("1.2.0")
    assert done.code == 0, done.err


def test_release__another_ci_run_is_stuck_with_a_shared_tag__exit_4_until_it_has_ended(
    runner: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    runner.killed(registry, "1.1.0", at=r"/manifests/latest-extra$")
    id_ = runner.id
    before = registry.tags(REPOSITORY)
    other = runner.fresh(tmp_path / "other")
    other.environ["GITHUB_RUN_ID"] = "4712"
    refused = other.release("1.2.0")
    assert refused.code == 4, refused.err
    for words in (f"shipset resume {id_} --staging", f"shipset rollback {id_} --staging", "latest"):
        assert words in refused.err
    assert registry.tags(REPOSITORY) == before
    assert other.run("rollback", id_, "--staging", staging(registry)).code == 0
    done = other.release("1.2.0")
    assert done.code == 0, done.err


def test_mirror__registry_refuses_it__is_a_warning_and_the_release_goes_on(
    runner: Machine, registry: FakeRegistry
) -> None:
    registry.faults.on("PUT", path=r"/manifests/_shipset\..*\.journal", times=None).status(403, code="DENIED")
    done = runner.release("1.1.0")
    assert done.code == 0, done.err
    told = report(done)["warnings"]
    assert len([warning for warning in told if "could not be mirrored" in warning]) == 1, told
    assert own(registry) == set()
    check_released(registry, "1.1.0", {})


def test_release__same_again_in_ci__writes_nothing(runner: Machine, registry: FakeRegistry, tmp_path: Path) -> None:
    assert runner.release("1.1.0").code == 0
    for machine in (runner, runner.fresh(tmp_path / "fresh")):
        before = sorted(machine.project.folder.rglob("*"))
        registry.requests.clear()
        done = machine.release("1.1.0")
        assert done.code == 0, done.err
        assert report(done)["outcome"] == "nothing to do"
        assert writes(registry) == []
        assert sorted(machine.project.folder.rglob("*")) == before


def test_release__same_again_outside_of_ci__writes_nothing(project: Project, registry: FakeRegistry) -> None:
    machine = released(project, registry)
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    registry.requests.clear()
    done = machine.release("1.0.0")
    assert (done.code, report(done)["outcome"]) == (0, "nothing to do")
    assert writes(registry) == []
    assert {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()} == before


# Mirrors that are not what they say.


def forge(registry: FakeRegistry, release: str, change: str) -> None:
    """Puts something else under the tag of the mirror."""
    document = json.loads(registry.manifest(REPOSITORY, mirror_tag(release)))
    parts = {layer["mediaType"]: layer for layer in document["layers"]}
    if change == "of another release":
        document["annotations"] = {"io.shipset.release": "f" * len(release)}
    elif change == "no annotation":
        document["annotations"] = {}
    elif change == "huge":
        parts[JOURNAL]["size"] = 1 << 40
    elif change == "no journal":
        document["layers"] = [parts[PLAN]]
    elif change == "not JSON":
        replace_part(registry, parts[JOURNAL], b"\x00\xff nonsense\n" * 100)
    elif change == "empty":
        replace_part(registry, parts[JOURNAL], b"")
    elif change == "plan exchanged":
        plan = registry.blobs[parts[PLAN]["digest"]]
        replace_part(registry, parts[PLAN], plan.replace(b'"latest', b'"newest'))
    elif change == "journal edited":
        journal = registry.blobs[parts[JOURNAL]["digest"]]
        replace_part(registry, parts[JOURNAL], journal.replace(b'"tag":"latest"', b'"tag":"newest"'))
    else:
        other = registry.put_image(REPOSITORY, b"someone else")
        registry.set_tag(REPOSITORY, mirror_tag(release), other)
        return
    registry.put_manifest(REPOSITORY, document, tags=[mirror_tag(release)])


def replace_part(registry: FakeRegistry, layer: dict[str, object], data: bytes) -> None:
    registry.put_blob(REPOSITORY, data)
    layer.update(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))


@pytest.mark.parametrize(
    "change",
    [
        *("of another release", "no annotation", "huge", "no journal", "not JSON", "empty"),
        *("plan exchanged", "journal edited", "an image"),
    ],
)
def test_mirror__not_what_it_says__is_refused_and_nothing_is_touched(
    runner: Machine, registry: FakeRegistry, tmp_path: Path, change: str
) -> None:
    runner.killed(registry, "1.1.0", at=r"/manifests/latest-extra$")
    id_ = runner.id
    forge(registry, id_, change)
    before = registry.tags(REPOSITORY)
    registry.requests.clear()
    for command in ("resume", "rollback", "status"):
        empty = runner.fresh(tmp_path / command, empty=True)
        done = empty.run(command, id_, "--staging", staging(registry))
        assert done.code == 7, f"{command}: {done.code} {done.err}"
        assert id_ in done.err
        assert list(empty.project.folder.iterdir()) == []
    fresh = runner.fresh(tmp_path / "fresh").release("1.1.0")
    assert fresh.code == 7, fresh.err
    assert registry.tags(REPOSITORY) == before
    assert writes(registry) == []
