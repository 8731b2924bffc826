"""The journal of a release as others find it: torn, edited, foreign, newer, in use, in the way of another release."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helpers import Shipset, wait_until
from recovering import REPOSITORY, Machine, check_released, own, rewrite
from shipset.testing import FakeRegistry


@pytest.fixture
def stuck(machine: Machine, registry: FakeRegistry) -> str:
    """The id of a release that was killed in its moves."""
    machine.killed(registry, "1.1.0", at=r"/manifests/latest-extra$")
    return machine.id


@pytest.mark.parametrize("command", ["resume", "rollback"])
def test_journal__torn_last_line__is_survived(
    machine: Machine, registry: FakeRegistry, stuck: str, command: str
) -> None:
    journal = machine.journal(stuck)
    with journal.open("ab") as stream:
        stream.write(journal.read_bytes().splitlines()[-1][:-5])
    assert machine.run("status", stuck).code == 0
    done = machine.run(command, stuck)
    assert done.code == 0, done.err
    assert ("1.1.0" in registry.tags(REPOSITORY)) == (command == "resume")
    assert len({registry.tags(REPOSITORY)[f"latest{suffix}"] for suffix in ("", "-extra", "-more")}) == 3


@pytest.mark.parametrize("command", ["resume", "rollback", "release", "status"])
def test_journal__edited_line__is_refused_and_nothing_written(
    machine: Machine, registry: FakeRegistry, stuck: str, command: str
) -> None:
    journal = machine.journal(stuck)
    journal.write_bytes(journal.read_bytes().replace(b'"tag":"latest-more"', b'"tag":"latest-evil"'))
    before = registry.tags(REPOSITORY)
    registry.requests.clear()
    done = machine.release("1.1.0") if command == "release" else machine.run(command, stuck)
    assert done.code == 7, done.err
    assert "does not hold" in done.err
    assert registry.tags(REPOSITORY) == before


@pytest.mark.parametrize("command", ["resume", "rollback", "clean"])
def test_journal__of_another_release__is_refused(
    machine: Machine, registry: FakeRegistry, stuck: str, command: str
) -> None:
    other = "0" * len(stuck)
    shutil.copytree(machine.journal(stuck).parent, machine.journal(other).parent)
    before = registry.tags(REPOSITORY)
    done = machine.run(command, other, *(["--yes"] if command == "clean" else []))
    if command == "clean":
        assert "belongs to release" in done.out
        assert machine.journal(other).exists()
    else:
        assert done.code == 7, done.err
        assert f"it belongs to release {stuck}" in done.err
    assert registry.tags(REPOSITORY) == before


@pytest.mark.parametrize("command", ["resume", "rollback", "release"])
def test_journal__of_a_newer_shipset__is_refused_as_such(
    machine: Machine, registry: FakeRegistry, stuck: str, command: str
) -> None:
    journal = machine.journal(stuck)
    rewrite(journal, lambda lines: [lines[0].replace('"schema_version":1', '"schema_version":2'), *lines[1:]])
    before = registry.tags(REPOSITORY)
    done = machine.release("1.1.0") if command == "release" else machine.run(command, stuck)
    assert done.code == 2, done.err
    assert "has schema version 2" in done.err
    assert registry.tags(REPOSITORY) == before


def test_journal__one_that_nobody_can_read__stops_clean_for_no_other_release(
    machine: Machine, registry: FakeRegistry, stuck: str
) -> None:
    journal = machine.journal(stuck)
    journal.write_bytes(b"nonsense\n" + journal.read_bytes())
    done = machine.run("clean", "--yes", "--format", "json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert [kept["release"] for kept in told["kept"]] == [stuck]
    assert [item["kind"] for item in told["items"]] == ["folder"], "that of 1.0.0"
    assert journal.exists()
    assert own(registry) != set(), "its holds stay"


def test_release__another_process_works_on_it__exit_4(machine: Machine, registry: FakeRegistry, tmp_path: Path) -> None:
    machine.project.add(
        f'\n[[gate]]\nname = "slow"\nat = "staged"\nrun = ["sh", "-c", "touch {tmp_path}/on; sleep 60"]\n'
    )
    process = Shipset(machine.project.folder).start("release", "--to", machine.host, "--input", "version=1.1.0")
    try:
        wait_until((tmp_path / "on").exists, what="the gate")
        id_ = machine.id
        assert machine.status()[-1]["running"] is True
        before = registry.tags(REPOSITORY)
        for done in (machine.release("1.1.0"), machine.run("resume", id_), machine.run("rollback", id_)):
            assert done.code == 4, done.err
            assert f"another process works on release {id_}" in done.err
        kept = json.loads(machine.run("clean", id_, "--yes", "--format", "json").out)
        assert kept["kept"] == [{"release": id_, "why": "a process works on it"}]
        assert registry.tags(REPOSITORY) == before
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_release__another_one_is_stuck_with_a_shared_tag__exit_4_names_it_and_both_commands(
    machine: Machine, registry: FakeRegistry, stuck: str
) -> None:
    before = registry.tags(REPOSITORY)
    refused = machine.release("1.2.0")
    assert refused.code == 4, refused.err
    for words in (stuck, f"shipset resume {stuck}", f"shipset rollback {stuck}", "latest"):
        assert words in refused.err
    assert registry.tags(REPOSITORY) == before
    assert machine.run("rollback", stuck).code == 0
    done = machine.release("1.2.0")
    assert done.code == 0, done.err
    check_released(registry, "1.2.0", {})
