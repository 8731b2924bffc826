"""A rollback that is killed too, and what the first process left behind unseen."""

from __future__ import annotations

import pytest

from helpers import Project, Shipset, wait_until
from recovering import REPOSITORY, THREE, Machine, check_released, public
from shipset.testing import FakeRegistry
from shipset.testing.wire import Request, Response

SET_TYPE = b"vnd.shipset.set"


def set_manifests(registry: FakeRegistry) -> list[str]:
    return [digest for digest, data in registry.manifests(REPOSITORY).items() if SET_TYPE in data]


def released(project: Project, registry: FakeRegistry) -> Machine:
    project.write(THREE)
    machine = Machine(project, registry.host)
    assert machine.release("1.0.0").code == 0
    return machine


def kill_at_first_set_manifest(machine: Machine, registry: FakeRegistry, version: str) -> None:
    """The registry takes the manifest, and no list of referrers is told of it."""
    process = Shipset(machine.project.folder).start("release", "--to", registry.host, "--input", f"version={version}")

    def kill(request: Request) -> Response | None:
        data = request.body.read_all(4 << 20) or b""
        request.body.put_back(data)
        if SET_TYPE in data:
            process.kill()
            process.wait(timeout=20)
        return None

    registry.faults.on("PUT", path="/manifests/sha256:", times=None).call(kill)
    process.communicate(timeout=120)
    assert process.returncode == -9
    registry.faults.clear()


def test_rollback__killed_between_set_manifest_and_its_list__removes_what_nothing_lists(project: Project) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        machine = released(project, registry)
        before, sets = registry.tags(REPOSITORY), set_manifests(registry)
        kill_at_first_set_manifest(machine, registry, "1.1.0")
        wait_until(lambda: len(set_manifests(registry)) > len(sets), what="the set manifest")
        done = machine.run("rollback", machine.id)
        assert done.code == 0, done.err
        assert sorted(set_manifests(registry)) == sorted(sets)
        assert registry.tags(REPOSITORY) == before


@pytest.mark.parametrize("verb", ["release", "resume", "rollback"])
def test_rollback__killed_where_new_tags_stay__is_finished_and_release_goes_forward(
    project: Project, verb: str
) -> None:
    with FakeRegistry.like("ghcr") as registry:
        machine = released(project, registry)
        before = registry.tags(REPOSITORY)
        kill_at_first_set_manifest(machine, registry, "1.1.0")
        release = machine.id
        process = Shipset(project.folder).start("rollback", release)

        def kill(request: Request) -> Response | None:
            del request
            process.kill()
            process.wait(timeout=20)
            return None

        fault = registry.faults.on("PUT", path="/manifests/latest").call(kill)
        process.communicate(timeout=120)
        assert fault.fired == 1
        registry.faults.clear()
        if verb == "release":
            done = machine.release("1.1.0")
            assert done.code == 0, done.err
            check_released(registry, "1.1.0", before)
            return
        done = machine.run(verb, release)
        assert done.code == 8, done.err
        tags = public(registry)
        for suffix in ("", "-extra", "-more"):
            assert f"1.1.0{suffix}" in done.err
            assert tags[f"latest{suffix}"] == before[f"latest{suffix}"]
        # It has ended all the same, and the next one goes forward.
        again = machine.release("1.1.0")
        assert again.code == 0, again.err
        check_released(registry, "1.1.0", before)
