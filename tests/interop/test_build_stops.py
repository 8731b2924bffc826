"""Builds that are stopped, builders and registries that go away, and programs that are not what they should be."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_project import Project, variants

import shipset
from buildkit_kit import Kit, Node, node
from conftest import Registry, need, serve

BASE = "FROM ubuntu:26.04 AS base\nRUN echo shared {unique}\n"
LONG = BASE + "FROM base AS one\nRUN echo begun; exec sleep {seconds}\nFROM base AS good\nRUN echo good\n"


@pytest.fixture
def project(buildkit: Kit, tmp_path: Path) -> Iterator[Project]:
    with serve("plain", tmp_path / "registry") as registry:
        yield Project(buildkit, tmp_path, registry.host)


@pytest.fixture
def own_node(buildkit: Kit, request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node that a test may stop or fill, known as the builder `own`."""
    directory = buildkit.directory / f"own{len(list(buildkit.directory.iterdir()))}"
    with node("own", directory, buildkit.mirror, size_mib=getattr(request, "param", 0)) as made:
        buildkit.create_builder("own", (made, ""))
        yield made
        buildkit.buildx("rm", "own")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def sleeping(seconds: str) -> bool:
    """Whether a step of that name runs on this machine, where the nodes run."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"sleep" in words[:2] and seconds.encode() in words[:3]:
            return True
    return False


def start(project: Project, **how: str) -> subprocess.Popen[str]:
    project.report_file.unlink(missing_ok=True)
    return subprocess.Popen(
        project.command(**how), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=project.environment
    )


def builders(kit: Kit) -> set[str]:
    return {path.name for path in (kit.builders / "instances").iterdir()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_signal__while_a_step_runs__ends_the_step_on_the_builder(
    buildkit: Kit, project: Project, number: signal.Signals
) -> None:
    seconds = f"{3600 + os.getpid() % 1000}.{int(number)}"
    known = builders(buildkit)
    project.write(LONG.replace("{seconds}", seconds), variants("one", "good"))
    process = start(project)
    wait_for(lambda: sleeping(seconds), "the step did not begin")
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    wait_for(lambda: not sleeping(seconds), "the step runs on")
    assert project.tags() == []
    assert project.left() == []
    assert builders(buildkit) == known
    assert "  begun\n" in next(project.folder.glob(".shipset/*/logs/one.log")).read_text()

    project.write(LONG.replace("exec sleep {seconds}", "true"), variants("one", "good"))
    again = project.release()
    assert again.code == 0, again.said
    assert project.tags() == ["1.0.0-good", "1.0.0-one"]


def test_signal__builder_that_the_file_describes__leaves_its_definition_alone(buildkit: Kit, project: Project) -> None:
    seconds = f"{6600 + os.getpid() % 1000}"
    known = builders(buildkit)
    described = f'builder = {{ driver = "remote", endpoint = "{buildkit.nodes[0].address}" }}'
    project.write(LONG.replace("{seconds}", seconds), variants("one"), described)
    process = start(project, builder="")
    wait_for(lambda: sleeping(seconds), "the step did not begin")
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    (made,) = builders(buildkit) - known
    assert made.startswith("shipset-")
    wait_for(lambda: not sleeping(seconds), "the step runs on")
    buildkit.buildx("rm", made)
    assert project.left() == []


def test_python__time_is_up_or_token_is_cancelled__ends_the_step_on_the_builder(
    buildkit: Kit, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    seconds = f"{4600 + os.getpid() % 1000}"
    project.write(LONG.replace("{seconds}", seconds), variants("one"))
    matrix = shipset.load(project.folder / "shipset.toml").matrix()
    planned = shipset.plan(matrix, to=project.registry, builder="one")
    with pytest.raises(TimeoutError):
        planned.execute(timeout_s=4)
    wait_for(lambda: not sleeping(seconds), "the step runs on after the time was up")
    token = shipset.CancelToken()
    cancelling = threading.Timer(4, token.cancel)
    cancelling.start()
    with pytest.raises(shipset.Cancelled):
        planned.execute(cancel=token)
    cancelling.join()
    wait_for(lambda: not sleeping(seconds), "the step runs on after the token was cancelled")
    assert project.tags() == []
    assert project.left() == []


def test_builder__lost_in_the_middle_and_then_down__is_named(project: Project, own_node: Node) -> None:
    seconds = f"{5600 + os.getpid() % 1000}"
    project.write(LONG.replace("{seconds}", seconds), variants("one", "good"))
    process = start(project, builder="own")
    wait_for(lambda: sleeping(seconds), "the step did not begin")
    wait_for(lambda: "done after" in project.log("good").partition("exporting")[2], "the other variant was not built")
    own_node.stop()
    _, said = process.communicate(timeout=60)
    lost = project.outcome(process.returncode, said)
    assert lost.code == 3
    assert lost.fault("one") == "builder-unreachable"
    assert "one: linux/amd64: the builder own cannot be reached: " in said
    assert "hint: see whether it runs: buildx inspect --bootstrap" in said
    assert lost.image("good")["status"] == "done"
    assert project.left() == []

    down = project.release(builder="own")
    assert down.code == 3
    assert down.fault("one") == "builder-unreachable"
    assert "one: linux/amd64: the builder own cannot be reached: " in down.said
    # What an earlier attempt built needs no builder.
    assert down.image("good")["status"] == "done"
    assert "built by an earlier attempt of this release" in down.image("good")["notes"]
    assert project.tags() == []
    assert project.left() == []


@pytest.mark.parametrize("own_node", [64], indirect=True)
def test_builder__disk_full__is_named_and_other_variants_are_kept(project: Project, own_node: Node) -> None:
    dockerfile = (
        BASE + "FROM base AS big\nRUN dd if=/dev/zero of=/large bs=1M count=200\nFROM base AS good\nRUN echo ok\n"
    )
    project.write(dockerfile, variants("good"))
    assert project.release(builder="own", goal="build").code == 0
    project.write(dockerfile, variants("good", "big"))
    outcome = project.release(builder="own")
    assert outcome.code == 3
    assert outcome.fault("big") == "disk-full"
    assert "big/linux/amd64 ran out of disk on the builder" in outcome.said
    assert "No space left on device" in outcome.said
    assert "hint: make room there, for example with buildx prune" in outcome.said
    assert project.tags() == ["_shipset"] or all(tag.startswith("_shipset.") for tag in project.tags())
    assert project.left() == []


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Registry]:
    with serve("htpasswd", tmp_path / "guarded") as registry:
        yield registry


def login(kit: Kit, folder: Path, host: str, password: str) -> dict[str, str]:
    """A docker configuration of its own, for shipset and for buildx."""
    folder.mkdir(exist_ok=True)
    secret = base64.b64encode(f"tester:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))
    return {"DOCKER_CONFIG": str(folder)}


def wrapped(folder: Path, text: str) -> str:
    """A PATH whose buildx is this script; REAL in it is the real one."""
    folder.mkdir()
    (folder / "buildx").write_text("#!/bin/bash\n" + text.replace("REAL", need("buildx")))
    (folder / "buildx").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_push__builder_without_login__is_told_apart_from_ours(
    buildkit: Kit, project: Project, guarded: Registry, tmp_path: Path
) -> None:
    wrong = login(buildkit, tmp_path / "wrong", guarded.host, "wrong-password")
    project.write(BASE)
    refused = project.release(to=guarded.host, environment=wrong)
    assert refused.code == 5
    assert "HTTP 401 Unauthorized (credentials from " in refused.said
    assert refused.report is None
    right = login(buildkit, tmp_path / "right", guarded.host, "right-password")
    lame = wrapped(tmp_path / "bin", f'DOCKER_CONFIG={tmp_path}/none exec REAL "$@"\n')
    outcome = project.release(to=guarded.host, environment=right | {"PATH": lame})
    assert outcome.code == 3
    assert outcome.fault("one") == "push-unauthorized"
    assert outcome.image("one")["error"]["kind"] == "auth"
    assert "one/linux/amd64 may not be pushed by the builder: failed to push " in outcome.said
    assert "401 Unauthorized" in outcome.said
    assert "right-password" not in outcome.said + project.log("one")
    assert project.left() == []

    released = project.release(to=guarded.host, environment=right)
    assert released.code == 0, released.said
    project.write(f"FROM {guarded.host}/team/faulty:1.0.0-one\nRUN echo more\n")
    base = project.release(environment=right | {"PATH": lame})
    assert base.code == 3
    assert base.fault("one") == "base-unauthorized"
    assert "Dockerfile:1\n" in base.said
    unknown = project.release()
    assert unknown.code == 5
    assert f"cannot look up {guarded.host}/team/faulty:1.0.0-one\nHTTP 401 Unauthorized (no credentials" in unknown.said
    assert project.tags() == []


def test_push__registry_goes_away_during_the_build__is_named(buildkit: Kit, tmp_path: Path) -> None:
    with serve("plain", tmp_path / "registry") as registry:
        project = Project(buildkit, tmp_path, registry.host)
        project.write(BASE + "RUN echo waiting; sleep 8; echo waited\n")
        process = start(project)
        wait_for(lambda: "  waiting" in project.log("one"), "the step did not begin")
    _, said = process.communicate(timeout=60)
    outcome = project.outcome(process.returncode, said)
    assert outcome.code == 3
    assert outcome.fault("one") == "push-failed"
    assert "one/linux/amd64 could not be pushed by the builder" in said
    assert 'output = "layout" pushes from this machine instead' in said
    assert project.left() == []


def test_buildx__missing__says_what_to_install(project: Project, tmp_path: Path) -> None:
    project.write(BASE)
    (tmp_path / "empty").mkdir()
    outcome = project.release(environment={"PATH": str(tmp_path / "empty")})
    assert outcome.code == 3
    assert outcome.fault("one") == "buildx-missing"
    assert "neither docker with its buildx plugin nor buildx is installed" in outcome.said
    assert "buildx 0.20 or newer" in outcome.said


# What buildx 0.19.3 says of a definition with outputs as objects.
OLD = """
[ "$1" = version ] && exec echo "github.com/docker/buildx v0.19.3 48d6a39"
[ "$1" = inspect ] && exec REAL "$@"
echo "ERROR: $4:31,17-18: Unsuitable value type; Unsuitable value: element 0: string required, and 3 other" >&2
exit 1
"""
# Until 0.38 a target that fails cancels the others.
NO_JOBS = """
for word in "$@"; do
  [ "$word" = --jobs ] && echo "unknown flag: --jobs" >&2 && exit 1
done
exec REAL "$@"
"""
METADATA = """
REAL "$@" || exit
while [ $# -gt 1 ]; do
  [ "$1" = --metadata-file ] && CHANGE "$2"
  shift
done
exit 0
"""


def test_buildx__too_old__is_named_with_its_version(project: Project, tmp_path: Path) -> None:
    project.write(BASE)
    outcome = project.release(environment={"PATH": wrapped(tmp_path / "bin", OLD)})
    assert outcome.code == 3
    assert outcome.fault("one") == "buildx-too-old"
    assert "buildx is too old: it is github.com/docker/buildx v0.19.3 48d6a39\n" in outcome.said
    assert "hint: install buildx 0.20 or newer" in outcome.said


def test_buildx__that_knows_no_jobs__builds_what_was_cancelled_again(project: Project, tmp_path: Path) -> None:
    several = BASE + "FROM base AS one\nRUN sleep 1; exit 1\nFROM base AS good\nRUN sleep 5; echo good\n"
    project.write(several, variants("one", "good"))
    outcome = project.release(environment={"PATH": wrapped(tmp_path / "bin", NO_JOBS)})
    assert outcome.code == 3
    assert outcome.fault("one") == "step-failed"
    assert outcome.image("good")["status"] == "done"
    assert project.tags() == []


@pytest.mark.parametrize("change", ["rm", "truncate --size=20", "cp /etc/hostname"])
def test_buildx__metadata_missing_or_broken__is_no_success(project: Project, tmp_path: Path, change: str) -> None:
    project.write(BASE)
    outcome = project.release(environment={"PATH": wrapped(tmp_path / "bin", METADATA.replace("CHANGE", change))})
    assert outcome.code == 3
    assert outcome.fault("one") == "metadata"
    assert project.tags() == []
    assert project.left() == []
