"""What the README shows is run as it is printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shipset

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## A first release file") : README.index("## Installing and building")]


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shipset.toml").write_text(block("toml"), encoding="utf-8")
    for architecture in ("amd64", "arm64"):
        program = tmp_path / f"build/linux-{architecture}/hello"
        program.parent.mkdir(parents=True)
        program.write_bytes(architecture.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_release_file__as_printed__gives_the_tags_that_its_comments_say(folder: Path) -> None:
    table = shipset.tag_table(shipset.load(folder / "shipset.toml").matrix(version="1.0.0"))
    assert [entry.tag for entry in table.entries] == ["1.0.0", "latest"]


def test_python__as_printed__releases(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "README.md", "exec"), {})  # noqa: S102
    assert (folder / "dist/index.json").exists()
    assert capsys.readouterr().out


def test_commands__as_printed__succeed_in_their_order(folder: Path) -> None:
    shipset_command = shutil.which("shipset", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert shipset_command
    steps = re.findall(r"^\d\. `shipset ([^`]+)`(?:.* and `shipset ([^`]+)`)?", SECTION, re.MULTILINE)
    commands = [command for step in steps for command in step if command]
    assert len(commands) == 6
    for command in commands:
        answer = subprocess.run(
            [shipset_command, *command.split()], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert answer.returncode == 0, f"shipset {command}\n{answer.stdout}{answer.stderr}"
