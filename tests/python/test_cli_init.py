"""``shipset init``: writes a release file, does not overwrite one, lists what was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

import shipset
from helpers import Shipset
from importing import FIXTURES


@pytest.fixture
def command(tmp_path: Path) -> Shipset:
    return Shipset(tmp_path)


def test_init__plain__writes_a_file_without_mistakes(command: Shipset) -> None:
    done = command("init", "--name", "my product")
    assert (done.code, done.out) == (0, "")
    assert shipset.check(command.folder / "shipset.toml") == ()
    assert shipset.load(command.folder / "shipset.toml").name == "my product"
    again = command("init")
    assert again.code == 2
    assert "the file exists" in again.err
    assert "--force" in again.err
    assert command("init", "--force").code == 0


@pytest.mark.parametrize("option", [("--from-bake", "groups.bake.json"), ("--from-workflow", "model-runner.yml")])
def test_init__from_a_file__lists_what_was_left_out_and_ends_well(command: Shipset, option: tuple[str, str]) -> None:
    done = command("init", option[0], FIXTURES / option[1])
    assert done.code == 0
    assert "left out: " in done.err
    assert "0 left out" not in done.err
    assert command("check").code == 0


def test_init__to_standard_output_from_standard_input__is_the_same_text(command: Shipset) -> None:
    text = (FIXTURES / "model-runner.yml").read_text(encoding="utf-8")
    piped = command("init", "-", "--from-workflow", "-", stdin=text)
    direct = command("init", "-", "--from-workflow", FIXTURES / "model-runner.yml")
    assert piped.code == direct.code == 0
    assert piped.out.splitlines()[1:] == direct.out.splitlines()[1:]
    assert not (command.folder / "shipset.toml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from-bake", "a", "--from-workflow", "b"],
        ["--job", "x"],
        ["--from-workflow", str(FIXTURES / "groups.bake.json")],
        ["--from-bake", str(FIXTURES / "model-runner.hcl")],
    ],
)
def test_init__wrong_use__exits_2_and_writes_nothing(command: Shipset, arguments: list[str]) -> None:
    done = command("init", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert list(command.folder.iterdir()) == []
