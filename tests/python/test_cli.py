"""The command as people run it: another process, arguments, two streams and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import shipset
from helpers import SMALL, VARIANTS, Project, Shipset, command, seen, tags_of

COMMANDS = ("check", "plan", "tags", "build", "release", "verify", "inspect", "copy", "login", "logout")


def test_help__lists_every_command_and_exit_code(shipset_command: Shipset) -> None:
    done = shipset_command("--help")
    assert done.code == 0
    for word in (*COMMANDS, "Exit codes", "130"):
        assert word in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_help__of_each_command__is_on_standard_output(shipset_command: Shipset, name: str) -> None:
    done = shipset_command(name, "-h")
    assert (done.code, done.err) == (0, "")
    assert "Usage: shipset" in done.out


def test_version__is_the_one_of_the_library(shipset_command: Shipset) -> None:
    assert shipset_command("--version").out == f"shipset {shipset.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["relaese"], "release"),
        (["plan", "--format", "yaml"], "yaml"),
        (["plan", "--input", "novalue"], "NAME=VALUE"),
        (["plan", "--input", "verison=1"], "version"),
        (["plan", "a.toml", "b.toml"], "b.toml"),
        (["copy", "onlyone"], "DESTINATION"),
        (["plan", "--to", "oci:"], "oci:"),
        (["plan", "--backend", "nativ"], "native"),
        (["plan", "--only", "nothing"], "nothing"),
        (["release", "--plan", "plan.json", "--to", "oci:x"], "--plan already decides to"),
        (["release", "--plan", "plan.json", "other.toml"], "--plan already decides file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments__wrong__exit_2_and_say_which(
    shipset_command: Shipset, project: Project, arguments: list[str], word: str
) -> None:
    before = seen(project.folder)
    done = shipset_command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert word in done.err
    assert "Traceback" not in done.err
    assert seen(project.folder) == before


def test_check__right_file__exits_0_and_says_so(shipset_command: Shipset) -> None:
    done = shipset_command("check")
    assert (done.code, done.out) == (0, "")
    assert "no problems" in done.err


def test_check__wrong_file_as_json__is_data_on_standard_output(shipset_command: Shipset, project: Project) -> None:
    project.add('sufix = "x"\n')
    done = shipset_command("check", "--format", "json")
    assert done.code == 2
    data = json.loads(done.out)
    assert (data["schema_version"], data["errors"]) == (1, 1)
    assert (data["problems"][0]["line"], data["problems"][0]["severity"]) == (31, "error")
    assert set(data["problems"][0]) == {"severity", "file", "line", "column", "key", "message", "hint"}


def test_inputs__command_line_wins_over_environment(shipset_command: Shipset) -> None:
    env = {"SHIPSET_INPUT_VERSION": "2.0.0", "SHIPSET_INPUT_LATEST": "true"}
    done = shipset_command("tags", "--format", "json", "--input", "version=3.0.0", env=env)
    assert [entry["tag"] for entry in json.loads(done.out)["entries"]] == [
        *("3.0.0", "latest", "3.0.0-extra", "latest-extra")
    ]


def test_release__then_again__changes_nothing_and_says_so(shipset_command: Shipset, project: Project) -> None:
    first = shipset_command("release", "--to", project.to, "--format", "json")
    assert first.code == 0, first.err
    assert json.loads(first.out)["outcome"] == "released"
    before = seen(project.layout)
    again = shipset_command("release", "--to", project.to)
    assert again.code == 0
    assert "nothing to do" in again.out
    assert "0 bytes, 0 tags" in again.out
    assert seen(project.layout) == before


def test_release__relative_destination__is_relative_to_the_current_folder(
    shipset_command: Shipset, project: Project, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    done = Shipset(other)("release", project.file, "--to", "oci:here", "-q")
    assert (done.code, done.err) == (0, "")
    assert tags_of(other / "here")
    assert not (project.folder / "here").exists()


def test_plan__frozen_to_a_file__is_what_release_then_does(shipset_command: Shipset, project: Project) -> None:
    assert shipset_command("plan", "--to", project.to, "-o", "plan.json", "-q").code == 0
    assert not project.layout.exists()
    done = shipset_command("release", "--plan", "plan.json", "-o", "report.json")
    assert done.code == 0, done.err
    assert set(tags_of(project.layout)) == {"1.0.0", "1.0.0-extra"}
    assert json.loads((project.folder / "report.json").read_text(encoding="utf-8"))["outcome"] == "released"


def test_build__only_one__stages_it_and_moves_no_tag(shipset_command: Shipset, project: Project) -> None:
    done = shipset_command("build", "--to", project.to, "--only", "extra/linux/arm64", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["outcome"] == "staged"
    assert not {"1.0.0", "1.0.0-extra"} & set(tags_of(project.layout))


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_plan__each_form__is_on_standard_output_alone(shipset_command: Shipset, project: Project, form: str) -> None:
    done = shipset_command("plan", "--to", project.to, "--format", form, "-q")
    assert (done.code, done.err) == (0, "")
    assert "1.0.0-extra" in done.out
    if form == "json":
        assert json.loads(done.out)["schema_version"] == 1
    if form == "html":
        assert done.out.startswith("<!doctype html>")


def test_verify_inspect_copy__on_a_layout__work_in_both_forms(
    shipset_command: Shipset, project: Project, tmp_path: Path
) -> None:
    shipset_command("release", "--to", project.to)
    for name, arguments in {
        "verify": [f"{project.to}:1.0.0"],
        "inspect": [f"{project.to}:1.0.0"],
        "copy": ["--all-tags", project.to, f"oci:{tmp_path}/copy"],
    }.items():
        text = shipset_command(name, *arguments)
        assert text.code == 0, text.err
        assert text.out
        data = shipset_command(name, *arguments, "--format", "json")
        assert data.code == 0, data.err
        assert isinstance(json.loads(data.out), dict)
    assert tags_of(tmp_path / "copy") == tags_of(project.layout)


def test_progress__no_terminal__is_one_line_an_event_without_control_codes(
    shipset_command: Shipset, project: Project
) -> None:
    done = shipset_command("release", "--to", project.to)
    lines = done.err.splitlines()
    assert any(line.startswith("tag ") and "1.0.0-extra" in line for line in lines)
    assert any(line.startswith("done ") and "plain/linux/amd64" in line for line in lines)
    assert "\x1b" not in done.err
    assert "\r" not in done.err


def test_release__on_a_terminal__shows_and_removes_bars(shipset_command: Shipset, project: Project) -> None:
    """rich is loaded after a moment, so a gate makes the release last that long."""
    project.add('\n[[gate]]\nname = "wait"\nat = "before-build"\nrun = ["sleep", "1"]\n')
    reader, writer = os.openpty()
    process = subprocess.Popen(
        command("release", "--to", project.to),
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=writer,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(writer)
    shown = b""
    while True:
        try:
            piece = os.read(reader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(reader)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"released" in out
    assert b"\x1b[" in shown
    assert b"1.0.0-extra" in shown
    assert shown.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?25h" in shown, "the cursor is shown again"


def test_output__reader_went_away__is_no_error(shipset_command: Shipset, project: Project) -> None:
    project.add("".join(f'\n[[variant]]\nname = "v{number}"\n' for number in range(400)))
    process = shipset_command.start("plan", "--to", project.to, "--format", "json", "-q")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), error) == (0, "")


@pytest.mark.parametrize(("redirect", "word"), [(">&-", "closed"), (">/dev/full", "No space left")])
def test_output__cannot_be_written__exits_3(project: Project, redirect: str, word: str) -> None:
    words = " ".join(f"'{part}'" for part in command("tags", "--format", "github"))
    done = subprocess.run(
        ["sh", "-c", f"{words} {redirect}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=project.folder,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_output__plain_locale__writes_utf_8_all_the_same(shipset_command: Shipset, project: Project) -> None:
    project.write((SMALL + VARIANTS).replace('name = "extra"', 'name = "extra"\nlabels = { a = "größe…" }'))
    env = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = shipset_command("plan", "--to", project.to, "--format", "json", "-q", env=env)
    assert done.code == 0, done.err
    assert "größe…" in done.out


def test_bug__inside_a_command__is_one_line_and_exit_1(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:  # type: ignore[no-untyped-def]
    from shipset.cli import app, check

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(check, "check", fail)
    assert app.run(["check", str(project.file)]) == 1
    shown = capsys.readouterr().err
    assert "unexpected failure: ZeroDivisionError: odd" in shown
    assert "Traceback" not in shown
