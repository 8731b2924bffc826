"""The CI files in examples/ci and those of the project: checked by actionlint and zizmor, and their commands parse.

GitHub's files are put where GitHub reads them, so that both checkers see what it would see. zizmor runs offline with
its strictest useful persona for the examples, and nothing is ignored.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = CI / "gitlab" / ".gitlab-ci.yml"
PINNED = re.compile(r"\s*(?:- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
CALLER = """\
name: caller
on: workflow_dispatch
permissions: {}
jobs:
  plan:
    runs-on: ubuntu-24.04
    outputs:
      matrix: ${{ steps.shipset.outputs.matrix }}
    steps:
      - id: shipset
        uses: ./.github/actions/shipset
        with:
          command: plan
          arguments: |
            --format
            github-matrix
          INPUT: |
            version=1.0.0
"""
pytestmark = pytest.mark.interop


def program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{ROOT}/build/tools/bin") or shutil.which(name)
    if found is None:
        pytest.skip(f"NOT RUN: {name} is not installed: bash tests/run.sh --only peers,build installs it")
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that uses the examples as their first lines say."""
    for folder, files in ((".github/workflows", WORKFLOWS), (".github/actions/shipset", [CI / "action.yml"])):
        (tmp_path / folder).mkdir(parents=True)
        for file in files:
            shutil.copy(file, tmp_path / folder)
    (tmp_path / ".github/workflows/caller.yml").write_text(CALLER.replace("INPUT", "inputs"), encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def lint(folder: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [program("actionlint"), "-no-color", *map(str, files)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def audit(folder: Path, *options: str) -> list[dict[str, Any]]:
    command = [program("zizmor"), "--offline", "--no-progress", "--no-config", "--format=json", *options, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_actionlint__examples_and_action__finds_nothing(repository: Path) -> None:
    done = lint(repository)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_actionlint__wrong_input_of_the_action__is_found(repository: Path) -> None:
    caller = repository / ".github/workflows/caller.yml"
    caller.write_text(CALLER, encoding="utf-8")
    done = lint(repository)
    assert done.returncode == 1
    assert 'input "INPUT" is not defined' in done.stdout


def test_actionlint__own_workflows__finds_nothing() -> None:
    done = lint(ROOT, *OWN)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_zizmor__examples__finds_nothing(repository: Path) -> None:
    (repository / ".github/workflows/caller.yml").unlink()
    assert audit(repository, "--persona=pedantic", "--strict-collection") == []


def test_zizmor__script_with_an_input__is_found(repository: Path) -> None:
    file = repository / ".github/workflows/release.yml"
    file.write_text(
        file.read_text("utf-8").replace("shipset plan -o", "shipset plan ${{ inputs.version }} -o"), "utf-8"
    )
    assert "template-injection" in {finding["ident"] for finding in audit(repository)}


def test_zizmor__own_workflows__finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert audit(tmp_path, "--strict-collection") == []


@pytest.mark.parametrize("file", [*WORKFLOWS, CI / "action.yml", *OWN], ids=lambda file: file.name)
def test_actions__each__is_pinned_by_commit_with_its_version(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    uses = [line for line in text.splitlines() if re.match(r"\s*(- )?uses:", line)]
    assert uses
    assert [line for line in uses if not PINNED.fullmatch(line)] == []
    assert not re.search(r"(zizmor|actionlint): *(ignore|disable)", text)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflow__every_job__has_few_permissions_and_a_time_limit(file: Path) -> None:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert data["permissions"] == {}
    assert data["concurrency"] == {"group": "release", "cancel-in-progress": False}
    for job in data["jobs"].values():
        assert job["permissions"] == {"contents": "read", "packages": "write"}
        assert job["timeout-minutes"] <= 120
        checkouts = [step for step in job["steps"] if str(step.get("uses")).startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def scripts(file: Path) -> list[str]:
    """Every line of every script of a file, without Python that stands in it."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key in ("run", "script", "before_script"):
                    text = item if isinstance(item, str) else "\n".join(item)
                    found.extend(re.sub(r"<<'PY'\n.*?\nPY", "", text, flags=re.DOTALL).splitlines())
                else:
                    walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(data)
    return found


def commands(lines: list[str]) -> list[list[str]]:
    """The words of each call of shipset, variables in them as they stand."""
    out = []
    for line in lines:
        for part in re.split(r"[|;&]", line.split(" > ")[0]):
            words = shlex.split(part) if part.strip().startswith("shipset ") else []
            if words:
                out.append(words[1:])
    return out


def child_pipeline(folder: Path, matrix: dict[str, Any]) -> dict[str, Any]:
    """What the script in GitLab's file makes of a matrix."""
    script = next(line for line in yaml.safe_load(GITLAB.read_text("utf-8"))["plan"]["script"] if "python3" in line)
    (folder / "matrix.json").write_text(json.dumps(matrix), encoding="utf-8")
    subprocess.run(["bash", "-euc", script], cwd=folder, check=True, timeout=60)
    made: dict[str, Any] = yaml.safe_load((folder / "build.yml").read_text(encoding="utf-8"))
    return made


IMAGE = {"variant": "a", "platform": "linux/arm64", "name": "a linux/arm64", "key": "a.linux-arm64", "level": 0}
MATRIX = {
    "include": [
        {**IMAGE, "only": "a/linux/arm64", "ci": {}},
        {**IMAGE, "key": "b.linux-amd64", "level": 1, "only": "b/linux/amd64", "ci": {"tag": "big $(machine)"}},
    ]
}


def test_gitlab__child_pipeline__has_a_job_for_each_platform_image_in_levels(tmp_path: Path) -> None:
    made = child_pipeline(tmp_path, MATRIX)
    assert made.pop("stages") == ["level 0", "level 1"]
    assert set(made) == {"build a.linux-arm64", "build b.linux-amd64"}
    job = made["build b.linux-amd64"]
    assert (job["stage"], job["tags"], job["variables"]["ONLY"]) == ("level 1", ["big $(machine)"], "b/linux/amd64")
    assert commands(job["script"]) == [["build", "--only", "$ONLY", "--plan", "plan.json", "-o", "part.json"]]
    assert made["build a.linux-arm64"]["tags"] == ["linux-arm64"]


def test_gitlab__nothing_to_build__is_a_pipeline_all_the_same(tmp_path: Path) -> None:
    made = child_pipeline(tmp_path, {"include": []})
    assert made["nothing to build"]["stage"] in made["stages"]


def test_gitlab__jobs__use_stages_and_jobs_that_there_are() -> None:
    data = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))
    jobs = {name: job for name, job in data.items() if name not in ("variables", "workflow", "stages", "default")}
    assert set(jobs) == {"plan", "build", "promote"}
    for job in jobs.values():
        assert job["stage"] in data["stages"]
        assert ("script" in job) != ("trigger" in job)
        needs = [need if isinstance(need, str) else need["job"] for need in job.get("needs", [])]
        assert all(data["stages"].index(jobs[name]["stage"]) < data["stages"].index(job["stage"]) for name in needs)
    assert jobs["build"]["trigger"]["include"] == [{"artifact": "build.yml", "job": "plan"}]
    assert jobs["build"]["trigger"]["strategy"] == "depend"
    assert {"plan.json", "build.yml"} == set(jobs["plan"]["artifacts"]["paths"])
    assert jobs["promote"]["resource_group"] == "release"


def calls() -> list[Any]:
    found = [(file.name, words) for file in [*WORKFLOWS, GITLAB] for words in commands(scripts(file))]
    return [pytest.param(words, id=f"{name}: {' '.join(words)}") for name, words in found]


@pytest.mark.parametrize("words", calls())
def test_command__in_an_example__exists_with_these_options(words: list[str]) -> None:
    from shipset.cli.app import cli

    context = cli.make_context("shipset", [words[0]], resilient_parsing=True)
    command = cli.get_command(context, words[0])
    assert command is not None, f"there is no shipset {words[0]}"
    command.make_context(words[0], list(words[1:]))


def test_commands__of_the_examples__are_found_at_all() -> None:
    names = {words[0] for file in [*WORKFLOWS, GITLAB] for words in commands(scripts(file))}
    assert names == {"plan", "build", "release", "promote", "login"}


def test_action__its_script__passes_every_line_as_one_word(tmp_path: Path) -> None:
    step = yaml.safe_load((CI / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][-1]
    fake = tmp_path / "shipset"
    fake.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n', encoding="utf-8")
    fake.chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "COMMAND": "plan",
        "ARGUMENTS": "--to\noci:my dist; $(touch owned)\n\n",
        "RELEASE_INPUTS": "version=1.0.0 `touch owned`\n",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step["run"]],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = ["plan", "--to", "oci:my dist; $(touch owned)", "--input", "version=1.0.0 `touch owned`"]
    assert done.stdout.splitlines() == [f"<{word}>" for word in expected]
    assert not (tmp_path / "owned").exists()
