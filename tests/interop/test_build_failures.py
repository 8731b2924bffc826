"""Builds that fail with the real BuildKit: the name of the fault, its place, the exit code, and that no tag moved."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from failing_project import ONE, Outcome, Project, variants

from buildkit_kit import Kit
from conftest import Registry, serve

BASE = "FROM ubuntu:26.04 AS base\nRUN echo shared {unique}\n"
MUSA = "mthreads/musa:rc4.3.0-runtime-ubuntu22.04-amd64"


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Registry]:
    with serve("plain", tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def project(buildkit: Kit, tmp_path: Path, plain: Registry) -> Project:
    return Project(buildkit, tmp_path, plain.host)


def check_nothing_happened(project: Project) -> None:
    assert project.tags() == []
    assert project.left() == []


@dataclass(frozen=True)
class Case:
    """A failure of variant `one` while it is built, or (without a fault) before, when the plan is made."""

    dockerfile: str
    says: tuple[str, ...]
    fault: str = ""
    line: int = 0
    code: int = 3
    variant: str = ONE
    build: str = ""
    builder: str = "one"
    kind: str = "build"
    silent: tuple[str, ...] = field(default=())  # what must not be said


AT_BUILD = {
    "builder-missing": Case(
        BASE,
        ("one: linux/amd64: there is no builder nope: ", "hint: buildx ls lists the builders"),
        fault="builder-missing",
        builder="nope",
    ),
    "step": Case(
        BASE + "FROM base\nRUN echo a line; echo another; exit 7\nRUN echo never\n",
        (
            "one/linux/amd64 failed in a step of its Dockerfile: its command ended with exit code 7\nDockerfile:4\n",
            "| >>> RUN echo a line; echo another; exit 7\n",
            "| a line\n| another\nlog: ",
        ),
        fault="step-failed",
        line=4,
    ),
    "step of many lines": Case(
        BASE + "RUN echo first && \\\n    # a comment\n    echo second && \\\n    false\n",
        ("exit code 1\nDockerfile:3\n", "| first\n| second\n"),
        fault="step-failed",
        line=3,
    ),
    "copy of what is not there": Case(
        BASE + "COPY nothing /x\n",
        ('one/linux/amd64 lacks a file of its build context: failed to calculate checksum: "/nothing": not found',),
        fault="context",
        line=3,
        silent=("::",),
    ),
    "secret without a value": Case(
        BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n",
        ("lacks the build secret token: the environment variable NOT_SET is not set\n",),
        fault="secret-missing",
        build='secrets = [{ id = "token", env = "NOT_SET" }]',
    ),
    "secret without a file": Case(
        BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n",
        ("lacks the build secret token: there is no file secrets/token\n",),
        fault="secret-missing",
        build='secrets = [{ id = "token", file = "secrets/token" }]',
    ),
    "secret that no one names": Case(
        BASE + "RUN --mount=type=secret,id=token,required=true cat /run/secrets/token\n",
        (
            "one/linux/amd64 lacks a build secret: secret token: not found\nDockerfile:3\n",
            "hint: name it in the release",
        ),
        fault="secret-missing",
        line=3,
    ),
    "killed": Case(
        BASE + "RUN sh -c 'kill -9 $$'; exit $?\n",
        ("was killed on the builder, as it happens when memory runs out", "hint: give the builder more memory"),
        fault="out-of-memory",
        line=3,
    ),
}
AT_PLAN = {
    "target": Case(
        BASE,
        ('has no stage "bass"\n', "its stages are base\n", "in one/linux/amd64\n", "hint: did you mean base?"),
        code=2,
        variant=ONE + 'target = "bass"\n',
    ),
    "base without the platform": Case(
        f"FROM {MUSA}\n",
        (f"{MUSA} does not exist for linux/arm64\nit exists for linux/amd64\n", "FROM in stage 0, Dockerfile:1\n"),
        code=2,
        variant=ONE + 'platforms = ["linux/arm64"]\n',
    ),
    "instruction": Case(
        BASE + "RUNN x\n", ('Dockerfile:3: error: "runn" is no instruction\n', "did you mean RUN?"), code=2
    ),
    "secret in an argument": Case(
        BASE,
        (
            "build argument MY_TOKEN of variant one looks like a secret\n",
            'secrets = [{ id = "my_token", env = "MY_TOKEN" }]',
        ),
        code=4,
        build='args = { MY_TOKEN = "value-of-it" }',
        silent=("value-of-it",),
    ),
}


def check(case: Case, outcome: Outcome) -> None:
    assert outcome.code == case.code, outcome.said
    for text in case.says:
        assert text in outcome.said
    for text in case.silent:
        assert text not in outcome.said


@pytest.mark.parametrize("name", AT_BUILD)
def test_build__fails__says_which_fault_and_where(project: Project, name: str) -> None:
    case = AT_BUILD[name]
    project.write(case.dockerfile, case.variant, case.build)
    outcome = project.release(builder=case.builder)
    check(case, outcome)
    assert outcome.said.startswith("shipset: 1 of 1 variant could not be built; no tag has moved\n")
    error = outcome.image("one")["error"]
    assert (error["context"]["fault"], error["kind"]) == (case.fault, case.kind)
    assert error["context"].get("line") == (str(case.line) if case.line else None)
    if log := error["context"].get("log"):
        assert "ERROR: " in Path(log).read_text()
        assert f"log: {log}\n" in outcome.said
    check_nothing_happened(project)


@pytest.mark.parametrize("name", AT_PLAN)
def test_plan__build_cannot_succeed__is_told_before_anything_is_built(project: Project, name: str) -> None:
    case = AT_PLAN[name]
    project.write(case.dockerfile, case.variant, case.build)
    outcome = project.release()
    check(case, outcome)
    assert outcome.report is None
    assert not (project.folder / ".shipset").exists()
    check_nothing_happened(project)


def test_plan__base_that_is_not_there__is_told_with_its_place(project: Project, buildkit: Kit) -> None:
    project.write(f"FROM {buildkit.mirror}/none/x:1\n")
    outcome = project.release()
    assert outcome.code == 5
    assert f"there is no {buildkit.mirror}/none/x:1\n" in outcome.said
    assert "FROM in stage 0, Dockerfile:1\nin one/linux/amd64\n" in outcome.said
    check_nothing_happened(project)


def test_argument__looks_secret_but_allowed__is_built(project: Project) -> None:
    project.write(
        BASE + "ARG MY_TOKEN\nRUN test $MY_TOKEN = none\n",
        build='args = { MY_TOKEN = "none" }\nallow_secret_args = ["MY_TOKEN"]',
    )
    assert project.release().code == 0
    assert project.tags() == ["1.0.0-one"]


def test_argument__used_by_no_stage__is_a_warning(project: Project) -> None:
    project.write(BASE + "ARG RELEASE\n", build='args = { RELAESE = "1" }')
    outcome = project.release()
    assert outcome.code == 0
    assert outcome.report is not None
    (warning,) = [text for text in outcome.report["warnings"] if "lists no referrers itself" not in text]
    assert "the build argument RELAESE is used by no stage in Dockerfile\n  hint: did you mean RELEASE?" in warning


def riscv_program() -> bytes:
    """As much of a program as the kernel reads before it says that it is for another machine."""
    head = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    return head + struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, 0x10000, 64, 0, 0, 64, 56, 0, 0, 0, 0)


def test_platform__that_nobody_emulates__is_named_with_what_to_register(project: Project) -> None:
    project.write(
        'FROM scratch\nCOPY --chmod=755 --from=programs program /\nRUN ["/program"]\n',
        ONE + 'platforms = ["linux/riscv64"]\n',
        'contexts = { programs = "programs" }',
    )
    (project.folder / "programs").mkdir()
    (project.folder / "programs" / "program").write_bytes(riscv_program())
    outcome = project.release()
    assert outcome.code == 3
    assert outcome.fault("one", "linux/riscv64") == "no-emulation"
    assert "one/linux/riscv64 cannot run programs of its platform on the builder" in outcome.said
    assert "| exec /program: exec format error" in outcome.said
    assert project.tags() == []


SEVERAL = (
    BASE + "FROM base AS first\nRUN echo same; exit 1\nFROM base AS second\nRUN echo same; exit 1\n"
    "FROM base AS good\nRUN sleep 1; echo good > /good\nCMD cat /good\n"
)


def test_several__equal_steps_fail_in_two_variants__each_has_its_own_line(project: Project) -> None:
    """BuildKit takes the two steps for one, and buildx shows the place of one failure alone."""
    project.write(SEVERAL, variants("first", "second", "good"))
    outcome = project.release()
    assert outcome.code == 3
    assert outcome.said.startswith("shipset: 2 of 3 variants could not be built; no tag has moved\n")
    for name, line in (("first", "4"), ("second", "6")):
        assert outcome.fault(name) == "step-failed"
        assert outcome.image(name)["error"]["context"]["line"] == line
        assert (
            f"{name}/linux/amd64 failed in a step of its Dockerfile: "
            f"its command ended with exit code 1\nDockerfile:{line}\n" in outcome.said
        )
    good = outcome.image("good")
    assert good["status"] == "done"
    assert good["notes"][0].startswith("Dockerfile:9: JSONArgsRecommended: ")
    check_nothing_happened(project)

    project.write(SEVERAL.replace("exit 1", "exit 0"), variants("first", "second", "good"))
    again = project.release()
    assert again.code == 0, again.said
    steps = again.image("good")["steps"]
    assert steps["cached"] >= 2  # both RUN; whether the base is a step that was looked at is for BuildKit to say
    assert again.image("good")["manifest"]["digest"] == good["manifest"]["digest"]
    assert project.tags() == ["1.0.0-first", "1.0.0-good", "1.0.0-second"]


def test_several__failed_one_is_optional__the_others_are_released(project: Project) -> None:
    project.write(SEVERAL, variants("first", "good", first="required = false"))
    outcome = project.release()
    assert outcome.code == 0
    assert outcome.report is not None
    assert any(
        text.startswith("optional variant first failed: first/linux/amd64 failed in")
        for text in outcome.report["warnings"]
    )
    assert project.tags() == ["1.0.0-good"]


def test_several__fail_fast__stops_the_others(project: Project) -> None:
    slow = SEVERAL.replace("sleep 1", "sleep 60")
    project.write(slow, variants("first", "good"), "fail_fast = true")
    outcome = project.release()
    assert outcome.code == 3
    assert outcome.image("good")["status"] == "not_started"
    assert "good: not built, because another variant failed" in outcome.said
    check_nothing_happened(project)


def test_platforms__one_of_two_fails__is_named_and_the_other_is_not_blamed(project: Project) -> None:
    project.write(
        BASE + 'ARG TARGETARCH\nRUN echo for $TARGETARCH; test "$TARGETARCH" = amd64\n',
        ONE + 'platforms = ["linux/amd64", "linux/arm64"]\n',
    )
    outcome = project.release()
    assert outcome.code == 3
    assert "one/linux/arm64 failed in a step of its Dockerfile" in outcome.said
    assert outcome.image("one", "linux/arm64")["error"]["context"]["line"] == "4"
    assert outcome.image("one", "linux/amd64")["error"] is None
    check_nothing_happened(project)
