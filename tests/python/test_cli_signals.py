"""Ctrl-C and SIGTERM in the middle of a release: exit 130, nothing public, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import Project, Shipset, seen, tags_of, temporary_files, wait_until

MEGABYTES = 256


@pytest.fixture
def big(project: Project) -> Project:
    """Files that take seconds to pack, so that the signal comes in the middle of the build."""
    block = bytes((number * 7919) & 0xFF for number in range(1 << 20))
    with (project.folder / "files" / "big.bin").open("wb") as stream:
        for number in range(MEGABYTES):
            stream.write(number.to_bytes(8, "big") + block)
    return project


def started(process: subprocess.Popen[str], word: str) -> str:
    """Reads standard error up to the line with the word."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if word in line:
            return read
    pytest.fail(f"{word!r} never came:\n{read}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_release__signal_in_the_build__stops_soon_and_leaves_nothing(
    big: Project, shipset_command: Shipset, number: signal.Signals, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = shipset_command.start("release", "--to", big.to, env={"TMPDIR": str(scratch)})
    started(process, "start ")
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < 10
    assert process.returncode == 130, err
    assert "stopping and cleaning up" in err
    assert "cancelled" in out, "the report says how it ended"
    assert tags_of(big.layout) == {}
    assert temporary_files(big.layout) == []
    assert seen(scratch) == {}
    assert {name for name in seen(big.folder) if not name.startswith(("dist/", ".shipset/"))} == {
        *("shipset.toml", "files/hello.txt", "files/sub/data.bin", "files/big.bin")
    }


def test_release__after_an_interrupted_one__completes(big: Project, shipset_command: Shipset) -> None:
    process = shipset_command.start("release", "--to", big.to)
    started(process, "start ")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    done = shipset_command("release", "--to", big.to, timeout_s=240)
    assert done.code == 0, done.err
    assert set(tags_of(big.layout)) == {"1.0.0", "1.0.0-extra"}


def test_release__signal_after_its_end__changes_nothing(project: Project, shipset_command: Shipset) -> None:
    process = shipset_command.start("release", "--to", project.to)
    started(process, "end      promote")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "nothing public was changed" not in err
    assert "1.0.0-extra" in out, "the report is told all the same"
    assert set(tags_of(project.layout)) == {"1.0.0", "1.0.0-extra"}


def test_release__second_signal__ends_at_once(project: Project, shipset_command: Shipset, tmp_path: Path) -> None:
    """The gate ignores the polite stop, so only the second signal can end it soon."""
    mark = tmp_path / "mark"
    script = f"trap '' TERM INT; touch {mark}; sleep 30"
    project.add(f'\n[[gate]]\nname = "stubborn"\nat = "before-build"\nrun = ["sh", "-c", "{script}"]\n')
    process = shipset_command.start("release", "--to", project.to)
    wait_until(mark.exists, what="the gate")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    process.communicate(timeout=60)
    assert time.monotonic() - start < 10
    assert process.returncode == 130
    assert tags_of(project.layout) == {}


def test_release__kill__leaves_a_layout_that_the_next_one_completes(big: Project, shipset_command: Shipset) -> None:
    process = shipset_command.start("release", "--to", big.to)
    started(process, "start ")
    process.kill()
    process.communicate(timeout=60)
    assert tags_of(big.layout) == {}
    done = shipset_command("release", "--to", big.to, timeout_s=240)
    assert done.code == 0, done.err
    assert shipset_command("verify", f"{big.to}:1.0.0").code == 0


@pytest.mark.parametrize("written", [b"", b'067d6f9ec093d213 {"kind":"shipset.jour'], ids=["nothing", "half a line"])
def test_rollback__release_killed_before_its_journal_began__has_nothing_to_undo(
    project: Project, shipset_command: Shipset, written: bytes
) -> None:
    journal = project.folder / ".shipset" / "0123456789ab" / "journal"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(written)
    for _ in range(2):
        done = shipset_command("rollback", "0123456789ab")
        assert done.code == 0, done.err
        assert "had not begun" in done.out + done.err
        assert shipset_command("status").code == 0, "the journal can still be read"
    assert shipset_command("resume", "0123456789ab").code == 2
    assert shipset_command("clean", "0123456789ab", "--yes").code == 0
    assert not journal.exists()
