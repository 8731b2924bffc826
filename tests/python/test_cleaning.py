"""clean removes what a journal or a marker proves to be ours; keep-list names everything that a tag needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import shipset
from helpers import Project, Shipset, tags_of
from recovering import CI, REPOSITORY, THREE, Machine, forget, gate_of, own, public, released
from shipset.testing import FakeRegistry

FOREIGN = "_shipset.0123456789ab.hold.0"


def cleaned(machine: Machine, *arguments: object) -> dict[str, Any]:
    done = machine.run("clean", *arguments, "--format", "json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def leave(machine: Machine, registry: FakeRegistry, release: str, *names: str) -> list[str]:
    """Tags of a release, as a process leaves them that dies between commit point and end."""
    digest = registry.tags(REPOSITORY)["1.0.0"]
    tags = [f"_shipset.{release}.{name}" for name in names]
    for tag in tags:
        registry.set_tag(REPOSITORY, tag, digest)
    return [f"{machine.host}/{REPOSITORY}:{tag}" for tag in sorted(tags)]


def test_clean__without_yes__lists_and_touches_nothing(machine: Machine, registry: FakeRegistry) -> None:
    left = leave(machine, registry, machine.id, "hold.1", "leg.plain.linux-amd64", "journal")
    leave(machine, registry, "0123456789ab", "hold.0")
    before, folder = registry.tags(REPOSITORY), sorted(machine.project.folder.rglob("*"))
    registry.requests.clear()
    found = cleaned(machine)
    assert [item["name"] for item in found["items"] if item["kind"] == "tag"] == left
    assert {item["what"] for item in found["items"]} == {
        *("keeps an old image", "staged image", "mirrored journal", "journal, frozen plan and logs"),
    }
    assert {item["status"] for item in found["items"]} == {"listed"}
    assert registry.tags(REPOSITORY) == before
    assert registry.requests.count("PUT") == registry.requests.count("DELETE") == registry.requests.count("POST") == 0
    assert sorted(machine.project.folder.rglob("*")) == folder


def test_clean__yes__removes_ours_and_nothing_of_others(machine: Machine, registry: FakeRegistry) -> None:
    id_ = machine.id
    leave(machine, registry, id_, "hold.1", "leg.plain.linux-amd64", "journal")
    leave(machine, registry, "0123456789ab", "hold.0")
    registry.set_tag(REPOSITORY, f"_shipset.{id_}x.hold.0", registry.tags(REPOSITORY)["1.0.0"])
    kept = public(registry)
    held = registry.manifests(REPOSITORY)
    found = cleaned(machine, "--yes")
    assert {item["status"] for item in found["items"]} == {"removed"}
    assert public(registry) == kept
    assert own(registry) == {FOREIGN, f"_shipset.{id_}x.hold.0"}
    assert registry.manifests(REPOSITORY) == held, "no content was deleted"
    assert not (machine.project.folder / ".shipset" / id_).exists()
    assert cleaned(machine, "--yes") == {"schema_version": 1, "kind": "shipset.clean", "items": [], "kept": []}


def test_clean__release_is_stuck_in_its_moves__is_kept_even_when_named(
    machine: Machine, registry: FakeRegistry
) -> None:
    machine.killed(registry, "1.1.0", at=r"/manifests/latest-extra$")
    id_ = machine.id
    before = registry.tags(REPOSITORY)
    for arguments in (("--yes",), (id_, "--yes")):
        found = cleaned(machine, *arguments)
        assert [kept["release"] for kept in found["kept"]] == [id_]
        assert f"shipset resume {id_}, or shipset rollback {id_}" in found["kept"][0]["why"]
        assert registry.tags(REPOSITORY) == before
    assert machine.run("resume", id_).code == 0, "its journal is there"
    cleaned(machine, "--yes")
    assert own(registry) == set()


def test_clean__release_that_failed__is_given_up_only_by_its_name(
    machine: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    machine.project.add(gate_of(tmp_path / "good"))
    machine.environ = dict(CI)
    assert machine.release("1.1.0").code == 4
    id_ = machine.id
    found = cleaned(machine, "--yes")
    assert [kept["release"] for kept in found["kept"]] == [id_]
    assert own(registry) == {f"_shipset.{id_}.journal"}
    found = cleaned(machine, id_, "--yes")
    assert {item["status"] for item in found["items"]} == {"removed"}
    assert own(registry) == set()
    assert not (machine.project.folder / ".shipset" / id_).exists()


def test_clean__from_another_machine__needs_the_mirror_as_its_proof(
    machine: Machine, registry: FakeRegistry, tmp_path: Path
) -> None:
    machine.project.add(gate_of(tmp_path / "good"))
    machine.environ = dict(CI)
    assert machine.release("1.1.0").code == 4
    id_ = machine.id
    leave(machine, registry, id_, "hold.9")
    leave(machine, registry, "0123456789ab", "hold.0")
    empty = machine.fresh(tmp_path / "empty", empty=True)
    assert empty.run("clean", id_, "--yes").code == 2
    found = cleaned(empty, id_, "--yes", "--staging", f"{machine.host}/{REPOSITORY}")
    assert {item["status"] for item in found["items"]} == {"removed"}
    assert own(registry) == {FOREIGN}


@pytest.mark.parametrize("like", ["ghcr", "docker-hub"])
def test_clean__registry_that_removes_no_tag__lists_what_stays_and_how(project: Project, like: str) -> None:
    with FakeRegistry.like(like) as registry:
        machine = released(project, registry)
        id_ = machine.id
        left = leave(machine, registry, id_, "hold.1")
        before = registry.tags(REPOSITORY)
        for _ in range(2):
            found = cleaned(machine, "--yes")
            rows = {item["name"]: item for item in found["items"]}
            assert rows[left[0]]["status"] == "left"
            assert "web interface" in rows[left[0]]["why"]
            [folder] = [item for item in found["items"] if item["kind"] == "folder"]
            assert folder["status"] == "left", "it proves what is ours"
            assert registry.tags(REPOSITORY) == before


def test_clean__id_that_is_none__is_refused_before_any_path_is_made_of_it(machine: Machine) -> None:
    for wrong in ("../..", "..", "a/b", "", "nonsense"):
        done = machine.run("clean", wrong, "--yes") if wrong else machine.run("resume", wrong)
        assert done.code == 2, done.err
    assert machine.journal(machine.id).exists()


# Images that were built and wait.


def test_clean__built_and_never_promoted__needs_its_name_and_the_repository(
    machine: Machine, registry: FakeRegistry
) -> None:
    before = registry.tags(REPOSITORY)
    built = machine.run("build", "--to", registry.host, "--input", "version=1.1.0", "--format", "json")
    assert built.code == 0, built.err
    id_ = json.loads(built.out)["id"]
    staged = {tag for tag in own(registry) if tag.startswith(f"_shipset.{id_}.leg.")}
    assert len(staged) == 3
    # Tags of the same name that someone else has put prove nothing.
    leave(machine, registry, id_, "leg.foreign", "gate.foreign", "hold.7")
    place = f"{registry.host}/{REPOSITORY}"
    found = cleaned(machine, "--staging", place, "--yes")
    [kept] = [one for one in found["kept"] if one["release"] == id_]
    assert f"shipset clean {id_} --staging {place}" in kept["why"]
    assert staged <= own(registry)
    assert machine.run("clean", id_, "--yes").code == 2, "without the repository nothing tells of it"
    listed = cleaned(machine, id_, "--staging", place)
    assert {item["name"] for item in listed["items"]} == {f"{place}:{tag}" for tag in staged}
    assert staged <= own(registry)
    done = cleaned(machine, id_, "--staging", place, "--yes")
    assert {item["status"] for item in done["items"]} == {"removed"}
    assert own(registry) == {f"_shipset.{id_}.{name}" for name in ("leg.foreign", "gate.foreign", "hold.7")}
    assert before.items() <= registry.tags(REPOSITORY).items()


def test_clean__promotion_died_before_it_wrote_anything_down__says_where_to_look(
    machine: Machine, registry: FakeRegistry
) -> None:
    built = machine.run("build", "--to", registry.host, "--input", "version=1.1.0", "--format", "json")
    id_ = json.loads(built.out)["id"]
    journal = machine.journal(id_)
    journal.parent.mkdir()
    journal.touch()
    done = cleaned(machine, id_, "--yes")
    assert [(item["kind"], item["status"]) for item in done["items"]] == [("folder", "removed")]
    assert "--staging" in done["items"][0]["why"]
    place = f"{registry.host}/{REPOSITORY}"
    assert len(cleaned(machine, id_, "--staging", place, "--yes")["items"]) == 3
    assert own(registry) == set()


# The keep-list.


def test_keep_list__everything_else_is_deleted__every_tag_still_verifies(
    machine: Machine, registry: FakeRegistry
) -> None:
    (machine.project.folder / "files" / "hello.txt").write_text("second\n", encoding="utf-8")
    assert machine.release("1.1.0").code == 0
    rubbish = {registry.put_image(REPOSITORY, f"rubbish {number}".encode()) for number in range(3)}
    keep = set(machine.run("keep-list", f"{machine.host}/{REPOSITORY}").out.split())
    manifests = set(registry.manifests(REPOSITORY))
    assert rubbish & keep == set()
    assert keep <= manifests
    tags = registry.tags(REPOSITORY)
    for digest in manifests - keep:
        forget(registry, digest)
    assert set(registry.manifests(REPOSITORY)) == keep
    assert registry.tags(REPOSITORY) == tags
    for tag in public(registry):
        if not tag.startswith("sha256-"):
            shipset.verify(f"{machine.host}/{REPOSITORY}:{tag}", set="required").check()


def test_keep_list__registry_with_referrers_api__holds_what_refers_to_the_images(project: Project) -> None:
    with FakeRegistry.like("oci") as registry:
        machine = released(project, registry)
        keep = set(machine.run("keep-list", f"{machine.host}/{REPOSITORY}").out.split())
        subjects = {
            digest
            for digest, raw in registry.manifests(REPOSITORY).items()
            if json.loads(raw).get("subject") is not None
        }
        assert subjects, "set manifests refer to their index"
        assert subjects <= keep
        for digest in set(registry.manifests(REPOSITORY)) - keep:
            forget(registry, digest)
        for tag in public(registry):
            shipset.verify(f"{machine.host}/{REPOSITORY}:{tag}", set="required").check()


def test_keep_list__of_a_layout__everything_else_is_deleted__every_tag_still_verifies(project: Project) -> None:
    project.write(THREE)
    here = Shipset(project.folder)
    for version in ("1.0.0", "1.1.0"):
        (project.folder / "files" / "hello.txt").write_text(version, encoding="utf-8")
        assert here("release", "--to", project.to, "--input", f"version={version}").code == 0
    keep = set(here("keep-list", project.to).out.split())
    needed = set(keep)
    for digest in keep:
        document = json.loads(blob(project.layout, digest).read_bytes())
        needed |= {item["digest"] for item in (document.get("layers") or [])}
        needed |= {document["config"]["digest"]} if "config" in document else set()
    copy = project.folder / "copy"
    shutil.copytree(project.layout, copy)
    for path in (copy / "blobs" / "sha256").iterdir():
        if f"sha256:{path.name}" not in needed:
            path.unlink()
    index = json.loads((copy / "index.json").read_text(encoding="utf-8"))
    index["manifests"] = [item for item in index["manifests"] if item["digest"] in keep]
    (copy / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert tags_of(copy) == tags_of(project.layout)
    for tag in tags_of(copy):
        if not tag.startswith("sha256-"):
            shipset.verify(f"oci:{copy}:{tag}", set="required").check()


def test_keep_list__listing_is_refused__is_an_error_and_no_short_list(machine: Machine, registry: FakeRegistry) -> None:
    registry.faults.on("GET", "tags", times=None).status(403, code="DENIED")
    done = machine.run("keep-list", f"{machine.host}/{REPOSITORY}")
    assert done.code == 5, done.err
    assert done.out == ""


def test_keep_list__referrers_are_refused__is_an_error_and_no_short_list(project: Project) -> None:
    with FakeRegistry.like("oci") as registry:
        machine = released(project, registry)
        registry.faults.on("GET", "referrers", nth=2, times=None).status(403, code="DENIED")
        done = machine.run("keep-list", f"{machine.host}/{REPOSITORY}")
        assert done.code == 5, done.err
        assert done.out == ""


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
