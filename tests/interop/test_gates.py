"""Gates against real registries: results that another machine posts, and the example that runs an image's own test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import ROOT, Registry, need, run
from helpers import Project
from release_files import BOTH, release_file
from remote import Remote

EXAMPLE = ROOT / "examples" / "gate"
GATE = """
[[gate]]
name     = "runs on a GPU"
at       = "external"
variants = ["cuda"]
"""
RELEASE = release_file("cpu", "cuda", platforms=BOTH, tables=GATE)
INPUT = ("--input", "version=v1.0.0")


class Machine:
    """A working copy and a home of its own; it may have no sources at all."""

    def __init__(self, folder: Path, *, sources: bool = True) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "home").mkdir()
        if sources:
            Project.make(folder, RELEASE)

    def shipset(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "XDG_", "CI"))}
        environment = kept | {"CI": "1", "HOME": str(self.folder / "home")}
        return run(need("shipset"), *arguments, check=False, cwd=self.folder, env=environment)

    def result(self, text: str) -> Path:
        file = self.folder / "result.json"
        file.write_text(text)
        return file


def public(host: str) -> set[str]:
    return set(Remote(host, "team/app").public())


def test_external_gate__result_from_a_machine_without_sources__lets_another_machine_promote(
    distribution: Registry, tmp_path: Path
) -> None:
    builder, gpu, promoter = Machine(tmp_path / "a"), Machine(tmp_path / "b", sources=False), Machine(tmp_path / "c")
    to = ("--to", distribution.host)
    staged = builder.shipset("release", *to, *INPUT, "-q")
    assert staged.returncode == 4, staged.stderr
    assert 'the gate "runs on a GPU" is open' in staged.stderr
    lines = staged.stderr.splitlines()
    gate = next(line for line in lines if line.startswith("shipset gate "))
    promote = next(line for line in lines if line.startswith("shipset promote "))
    assert gate.endswith(f" 'runs on a GPU' --result FILE --to {distribution.host} --input version=v1.0.0")
    release_id = promote.split()[2]
    assert public(distribution.host) == set()

    place = ("--staging", f"{distribution.host}/team/app")
    failed = gpu.result('{"result": "fail", "details": "no kernel image is available", "duration_s": 3.5}')
    assert gpu.shipset("gate", release_id, "runs on a GPU", "--result", failed, *place).returncode == 0
    refused = promoter.shipset("promote", release_id, *to, *INPUT, "-q")
    assert refused.returncode == 4
    assert "no kernel image is available" in refused.stderr
    assert public(distribution.host) == set()

    passed = gpu.result('{"result": "pass", "details": {"kernels": 17}, "duration_s": 81.5}')
    again = gpu.shipset("gate", release_id, "runs on a GPU", "--result", passed, *place, "--format", "json")
    assert again.returncode == 0, again.stderr
    posted = json.loads(again.stdout)
    assert {image["variant"] for image in posted["judged"]} == {"cuda"}
    assert posted["notes"][0].startswith("it replaces the result fail of ")

    done = promoter.shipset(*promote.split()[1:], "-q", "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    row = report["gates"][0]
    assert (row["status"], row["duration_ms"], row["result"]) == ("done", 81500, posted["reference"])
    assert public(distribution.host) == {"v1.0.0", "v1.0.0-cuda", "latest", "latest-cuda"}
    assert promoter.shipset(*promote.split()[1:], "-q").returncode == 0, "the same again has nothing to do"


def test_external_gate__wrong_id_or_name__is_refused_with_the_nearest(distribution: Registry, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "a")
    machine.shipset("build", "--to", distribution.host, *INPUT, "-q", "--id", "release-one")
    result = machine.result('{"result": "pass"}')
    place = ("--staging", f"{distribution.host}/team/app")
    name = machine.shipset("gate", "release-one", "runs on GPU", "--result", result, *place)
    assert (name.returncode, 'did you mean "runs on a GPU"?' in name.stderr) == (2, True), name.stderr
    wrong = machine.shipset("gate", "release-onw", "runs on a GPU", "--result", result, *place)
    assert (wrong.returncode, "did you mean release-one?" in wrong.stderr) == (4, True), wrong.stderr
    empty = machine.shipset(
        "gate", "release-one", "runs on a GPU", "--result", result, "--staging", f"{distribution.host}/x"
    )
    assert empty.returncode in (4, 5), empty.stderr


def test_external_gate__result_for_other_bytes__does_not_count(distribution: Registry, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "a")
    to = ("--to", distribution.host)
    machine.shipset("build", *to, *INPUT, "-q", "--id", "one")
    result = machine.result('{"result": "pass"}')
    assert machine.shipset("gate", "one", "runs on a GPU", "--result", result, *to, *INPUT).returncode == 0
    (machine.folder / "files" / "hello").write_text("other\n")
    machine.shipset("build", *to, *INPUT, "-q", "--id", "one")
    stopped = machine.shipset("promote", "one", *to, *INPUT, "-q")
    assert stopped.returncode == 4
    assert "does not count: it judged other bytes of cuda linux/amd64 (it judged sha256:" in stopped.stderr
    assert public(distribution.host) == set()


def test_external_gate__posts_at_the_same_time__leave_one_result(distribution: Registry, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "a")
    to = ("--to", distribution.host)
    machine.shipset("build", *to, *INPUT, "-q", "--id", "one")
    files = []
    for number in range(4):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps({"result": "pass", "details": f"job {number}"}))
    with ThreadPoolExecutor(4) as pool:
        posts = list(
            pool.map(lambda file: machine.shipset("gate", "one", "runs on a GPU", "--result", file, *to, *INPUT), files)
        )
    assert [post.returncode for post in posts] == [0] * 4, [post.stderr for post in posts]
    done = machine.shipset("promote", "one", *to, *INPUT, "-q", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"job \d", json.loads(done.stdout)["gates"][0]["detail"])


@pytest.fixture
def example_gate(tmp_path: Path) -> Path:
    for program in ("umoci", "cc", "unshare"):
        need(program)
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("build", "dist", ".shipset"))
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    file = folder / "shipset.toml"
    file.write_text(file.read_text().replace('arch = "amd64"', f'arch = "{arch}"'))
    run("sh", folder / "build.sh")
    return folder


def release_example(folder: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CI": "1", "PATH": path + os.environ["PATH"]}
    return run(need("shipset"), "release", "-q", "--to", "oci:dist", check=False, cwd=folder, env=environment)


def fake(folder: Path, program: str, text: str) -> str:
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / program).write_text(f"#!/bin/sh\n{text}\n")
    (tools / program).chmod(0o755)
    return f"{tools}:"


def logs(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.glob(".shipset/*/logs/gate-its-own-test-*.log"))


def test_example__own_test_in_the_unpacked_image__lets_the_release_go_on(example_gate: Path) -> None:
    done = release_example(example_gate)
    assert done.returncode == 0, done.stderr
    assert "self-test: all is well" in logs(example_gate)


def test_example__for_a_user__runs_in_a_user_namespace(example_gate: Path) -> None:
    if run("unshare", "--user", "--map-root-user", "true", check=False).returncode != 0:
        pytest.skip("NOT RUN: this machine allows no user namespaces")
    done = release_example(example_gate, fake(example_gate, "id", "echo 1000"))
    assert done.returncode == 0, done.stderr
    assert "self-test: all is well" in logs(example_gate)


def test_example__neither_root_nor_namespaces__says_what_it_needs(example_gate: Path) -> None:
    fake(example_gate, "id", "echo 1000")
    done = release_example(example_gate, fake(example_gate, "unshare", "exit 1"))
    assert done.returncode == 4
    assert "run this gate as root, or allow user namespaces" in done.stderr


def test_example__image_fails_its_own_test__moves_no_tag(example_gate: Path) -> None:
    file = example_gate / "shipset.toml"
    file.write_text(
        file.read_text().replace('to = "/bin"', 'to = "/usr/bin"').replace('"/bin/hello", "--', '"/usr/bin/hello", "--')
    )
    done = release_example(example_gate)
    assert done.returncode == 4
    assert "self-test: /bin/hello is not in this image" in done.stderr
    listed = json.loads(
        run(need("shipset"), "inspect", "oci:dist", "--format", "json", cwd=example_gate, check=False).stdout or "{}"
    )
    assert [row["tag"] for row in listed.get("tags", []) if not row["tag"].startswith("_shipset.")] == []
