"""The page about importing does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shipset
from helpers import Shipset
from importing import FIXTURES, ROOT

PAGE = (ROOT / "python/docs/how-to/import-a-release.md").read_text(encoding="utf-8")


def test_page__python__runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(code, "import-a-release.md", "exec"), {})  # noqa: S102
    spec = shipset.load(tmp_path / "shipset.toml")
    assert (spec.variant_names, spec.matrix().version) == (("cuda",), "1.4.0")
    assert [tag.rule for tag in spec.matrix().variants[0].tags] == ["{version}{-suffix}", "latest{-suffix}"]


def test_page__commands__run_as_printed(tmp_path: Path) -> None:
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "release.yml").write_bytes((FIXTURES / "model-runner.yml").read_bytes())
    (tmp_path / "bake.json").write_bytes((FIXTURES / "model-runner.bake.json").read_bytes())
    command = Shipset(tmp_path)
    lines = [
        line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.split("\n")
    ]
    ours = [line.split()[1:] for line in lines if line.startswith("shipset ")]
    assert [words[0] for words in ours] == ["init", "check", "init", "check"]
    for words in ours:
        if words[0] == "init":
            (tmp_path / "shipset.toml").unlink(missing_ok=True)
        done = command(*words)
        assert done.code == 0, done.err
