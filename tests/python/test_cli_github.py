"""On GitHub Actions: annotations, outputs and the step summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import SMALL, VARIANTS, Project, Shipset
from shipset.cli import github, output
from shipset.errors import Problem

ACTIONS = {"GITHUB_ACTIONS": "true", "CI": "true"}


def test_check__problems__are_annotations_with_escaped_text(shipset_command: Shipset, project: Project) -> None:
    project.add('sufix = "x"\n')
    done = shipset_command("check", env={**ACTIONS, "GITHUB_WORKSPACE": str(project.folder.parent)})
    assert done.code == 2
    commands = [line for line in done.err.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=project/shipset.toml,line=31,col=1::")
    assert "%0A" in commands[0], "message and hint in one command"
    assert done.out == ""


def test_release__file_with_problems__is_annotated_too(shipset_command: Shipset, project: Project) -> None:
    project.write((SMALL + VARIANTS).replace("{version}{-suffix}", "{version}"))
    done = shipset_command("release", "--to", project.to, env=ACTIONS)
    assert done.code == 2
    assert "::error file=" in done.err


def test_annotation__hostile_text__cannot_end_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    problem = Problem("error", "a,b:c.toml", 1, 2, "", "100%\r\n::set-env name=x::y", "")
    github.annotate_problems([Problem("warning", "", 0, 0, "", "later"), problem])
    assert capsys.readouterr().err.splitlines() == [
        "::error file=a%2Cb%3Ac.toml,line=1,col=2::100%25%0D%0A::set-env name=x::y",
        "::warning::later",
    ]


def test_say__text_that_looks_like_a_command__is_made_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    output.say("fine\n::add-mask::x\n  ##[error]y\x1b[2J")
    assert capsys.readouterr().err.splitlines() == ["fine", "| ::add-mask::x", "|   ##[error]y\\x1b[2J"]


def test_tags__github__appends_to_the_file_byte_for_byte(
    shipset_command: Shipset, project: Project, tmp_path: Path
) -> None:
    target = tmp_path / "outputs"
    target.write_text("before=1\n", encoding="utf-8")
    done = shipset_command("tags", "--format", "github", env={**ACTIONS, "GITHUB_OUTPUT": str(target)})
    assert (done.code, done.out) == (0, "")
    assert target.read_bytes() == (
        b"before=1\nplain<<EOF\nexample.org/team/app:1.0.0\nEOF\nextra<<EOF\nexample.org/team/app:1.0.0-extra\nEOF\n"
    )
    assert shipset_command("tags", "--format", "github").out.encode() == target.read_bytes()[len(b"before=1\n") :]


def test_tags__github_file_that_cannot_be_written__exits_3(shipset_command: Shipset, tmp_path: Path) -> None:
    done = shipset_command("tags", "--format", "github", env={**ACTIONS, "GITHUB_OUTPUT": str(tmp_path / "no" / "f")})
    assert (done.code, done.out) == (3, "")


@pytest.mark.parametrize("fails", [False, True])
def test_release__report__goes_to_the_step_summary(
    shipset_command: Shipset, project: Project, tmp_path: Path, fails: bool
) -> None:
    if fails:
        project.add('\n[[gate]]\nname = "no | way"\nat = "before-build"\nrun = ["false"]\n')
    summary = tmp_path / "summary"
    done = shipset_command("release", "--to", project.to, env={**ACTIONS, "GITHUB_STEP_SUMMARY": str(summary)})
    text = summary.read_text(encoding="utf-8")
    assert done.code == (4 if fails else 0)
    assert text.startswith("## app 1.0.0\n")
    assert ("no \\| way" in text) == fails


def test_summary__over_one_mebibyte__is_cut_at_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from shipset.display import Page, Row, Table

    class Big:
        def page(self) -> Page:
            return Page("big", (), (Table("", ("a",), tuple(Row(("ö" * 1000,)) for _ in range(2000))),))

    target = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    github.append_summary(Big())  # type: ignore[arg-type]
    data = target.read_bytes()
    assert len(data) <= 1 << 20
    assert data.decode().endswith("|\n\nThe rest is cut: GitHub keeps 1 MiB of a summary.\n")
