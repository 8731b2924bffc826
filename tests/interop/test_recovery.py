"""resume and rollback on real registries, after a process was killed; and with BuildKit, whose caches are empty."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_builds import Project as Built
from real_builds import variants
from watching_proxy import Watch, watching_proxy

from buildkit_kit import Kit
from conftest import Registry, need, serve
from helpers import Project
from release_files import BOTH, release_file
from remote import Remote

CI = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "4711"}
RELEASE = release_file("cpu", "cuda", "rocm", platforms=BOTH, moves="always")
SUFFIXES = ("", "-cuda", "-rocm")


@pytest.fixture
def watched(distribution: Registry) -> Iterator[Watch]:
    with watching_proxy(distribution.host) as proxy:
        yield proxy


class Machine:
    """A folder with the checkout, and the command there; its environment is a CI run's, or none."""

    def __init__(self, folder: Path, host: str, **environment: str) -> None:
        self.folder, self.host = folder, host
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI"))}
        self.environment = outside | environment
        Project.make(folder, RELEASE)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = [need("shipset"), *arguments]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=120, env=self.environment, cwd=self.folder, check=False
        )

    def told(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        done = self.command(*arguments, "--format", "json")
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def release(self, version: str, code: int = 0) -> dict[str, Any]:
        return self.told("release", "--to", self.host, "--input", f"version={version}", code=code)

    def killed(self, watch: Watch, version: str, path: str) -> str:
        """The id of a release that was killed when the registry had taken this tag."""
        words = [need("shipset"), "release", "--to", self.host, "--input", f"version={version}"]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, cwd=self.folder, text=True
        )
        watch.when("PUT", path, process.kill)
        _, said = process.communicate(timeout=120)
        assert process.returncode == -9, said
        return str(self.told("status")["releases"][-1]["id"])


def tags(host: str) -> dict[str, str]:
    return Remote(host, "team/app").table()


def check_released(machine: Machine, version: str, before: dict[str, str]) -> None:
    after = tags(machine.host)
    assert not [tag for tag in after if tag.startswith("_shipset.")]
    for suffix in SUFFIXES:
        assert after[f"latest{suffix}"] == after[f"{version}{suffix}"]
        machine.told("verify", f"{machine.host}/team/app:{version}{suffix}", "--set", "required")
    exact = {tag: at for tag, at in before.items() if tag.startswith("1.0.0")}
    assert {tag: at for tag, at in after.items() if tag in exact} == exact


def sent_twice(watch: Watch) -> set[str]:
    sent = watch.blobs_sent()
    return {digest for digest in sent if sent.count(digest) > 1}


PLACES = [r"/manifests/1\.1\.0-cuda$", r"/manifests/latest-rocm$", r"/manifests/latest$"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("again", ["resume", "release"])
def test_resume__killed_while_tags_move__all_new_and_nothing_sent_twice(
    watched: Watch, tmp_path: Path, place: str, again: str
) -> None:
    machine = Machine(tmp_path / "project", watched.host)
    machine.release("1.0.0")
    before = tags(watched.host)
    watched.requests.clear()
    id_ = machine.killed(watched, "1.1.0", place)
    done = machine.told("resume", id_) if again == "resume" else machine.release("1.1.0")
    assert (done["id"], done["outcome"]) == (id_, "released")
    # What every throw-away manifest has as its config: sent when a registry keeps no tag's removal otherwise.
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert sent_twice(watched) - {empty, empty.replace(":", "%3A")} == set()
    check_released(machine, "1.1.0", before)
    watched.requests.clear()
    assert machine.release("1.1.0")["outcome"] == "nothing to do"
    assert watched.writes() == []


@pytest.mark.parametrize("place", PLACES)
def test_rollback__killed_while_tags_move__all_old_and_release_works_again(
    watched: Watch, tmp_path: Path, place: str
) -> None:
    machine = Machine(tmp_path / "project", watched.host)
    machine.release("1.0.0")
    before = tags(watched.host)
    id_ = machine.killed(watched, "1.1.0", place)
    assert tags(watched.host) != before
    assert machine.told("rollback", id_)["outcome"] == "rolled back"
    assert tags(watched.host) == before
    assert machine.told("rollback", id_)["outcome"] == "nothing to do"
    machine.release("1.1.0")
    check_released(machine, "1.1.0", before)


def test_rollback__after_the_commit_point__tags_and_set_manifests_are_as_before(watched: Watch, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "project", watched.host)
    machine.release("1.0.0")
    before = tags(watched.host)
    id_ = machine.release("1.1.0")["id"]
    assert machine.told("rollback", id_)["outcome"] == "rolled back"
    assert tags(watched.host) == before
    for suffix in SUFFIXES:
        machine.told("verify", f"{machine.host}/team/app:latest{suffix}", "--set", "required")
    machine.release("1.1.0")
    check_released(machine, "1.1.0", before)


@pytest.mark.parametrize("command", ["release", "resume", "rollback"])
def test_mirror__ci_run_killed_in_its_moves__another_machine_ends_it(
    watched: Watch, tmp_path: Path, command: str
) -> None:
    machine = Machine(tmp_path / "project", watched.host, **CI)
    machine.environment["GITHUB_RUN_ID"] = "1000"
    machine.release("1.0.0")
    machine.environment["GITHUB_RUN_ID"] = "4711"
    before = tags(watched.host)
    id_ = machine.killed(watched, "1.1.0", r"/manifests/latest-cuda$")
    other = Machine(tmp_path / "other", watched.host, **CI)
    if command == "release":
        assert other.release("1.1.0")["id"] == id_
    else:
        shutil.rmtree(other.folder)
        other.folder.mkdir()
        other.told(command, id_, "--staging", f"{watched.host}/team/app")
    if command == "rollback":
        assert tags(watched.host) == before
    else:
        check_released(other, "1.1.0", before)


# With BuildKit.

DOCKERFILE = """\
FROM ubuntu:26.04 AS base
RUN echo shared {unique}
FROM base AS one
RUN echo one
FROM base AS two
RUN --mount=type=secret,id=flag test "$(cat /run/secrets/flag)" = yes
FROM base AS three
RUN echo three
"""
THREE = """\
[release]
name = "app"
version = "1.0.0"
repositories = ["team/app"]
[tags]
rules = ["{version}-{variant}"]
[build]
backend = "buildx"
platforms = ["linux/amd64"]
secrets = [{ id = "flag", env = "FLAG" }]
""" + "".join(f'[[variant]]\nname = "{name}"\ntarget = "{name}"\n' for name in ("one", "two", "three"))


@pytest.mark.parametrize("again", ["resume", "release"])
def test_resume__one_of_three_builds_failed__builders_without_cache_build_that_one_alone(
    buildkit: Kit, tmp_path: Path, again: str
) -> None:
    with serve("distribution", tmp_path / "registry") as registry, watching_proxy(registry.host) as proxy:
        project = Built(buildkit, tmp_path / "project")
        project.write(Dockerfile=DOCKERFILE.replace("{unique}", f"# {project.folder}"), shipset_toml=THREE)
        words = ("release", project.file, "--builder", "one", "--to", proxy.host, "--format", "json")
        failed = project.shipset(*words, check=False, FLAG="no")
        assert failed.returncode == 3, failed.stderr
        id_ = json.loads(failed.stdout)["id"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            Remote(registry.host, "team/app").tags()
        buildkit.prune()
        project.calls()
        for path in project.kept.glob("bake.*.json"):
            path.unlink()
        if again == "resume":
            told = project.report("resume", id_, FLAG="yes")
        else:
            told = project.release(proxy.host, FLAG="yes")
        assert (told["id"], told["outcome"]) == (id_, "released")
        assert len(project.builds()) == 1
        assert {target["target"] for target in project.told("bake").values()} == {"two"}
        earlier = {name for name, variant in variants(told).items() if "earlier attempt" in str(variant["images"])}
        assert earlier == {"one", "three"}
        known = [tag for tag in Remote(registry.host, "team/app").tags() if not tag.startswith("sha256-")]
        assert known == ["1.0.0-one", "1.0.0-three", "1.0.0-two"]
        for name in ("one", "two", "three"):
            project.shipset("verify", f"{proxy.host}/team/app:1.0.0-{name}")
        proxy.requests.clear()
        assert project.release(proxy.host, FLAG="yes")["outcome"] == "nothing to do"
        assert proxy.writes() == []
        assert project.builds() == []
