"""Wrong release files, files and layouts: one exit code each, a message with the place, nothing half-published."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers import SMALL, VARIANTS, Done, Project, Shipset, seen, tags_of, temporary_files

FILE = SMALL + VARIANTS


@dataclass(frozen=True)
class Wrong:
    """A change to the small release file, and words that the message must hold."""

    text: str
    words: tuple[str, ...]


WRONG_FILES = {
    "misspelt-key": Wrong(FILE + 'sufix = "x"\n', ("shipset.toml:31:", "sufix", "suffix")),
    "wrong-type": Wrong(FILE.replace('["linux/amd64", "linux/arm64"]', "7"), ("shipset.toml:14:", "platforms")),
    "unknown-name": Wrong(FILE.replace("{version}{-suffix}", "{verison}{-suffix}"), ("shipset.toml:21:", "verison")),
    "cycle": Wrong(
        FILE + 'base = "variant:plain"\n' + '\n[[variant]]\nname = "third"\nbase = "variant:fourth"\n'
        '\n[[variant]]\nname = "fourth"\nbase = "variant:third"\n',
        ("third", "fourth", "shipset.toml:"),
    ),
    "tag-clash": Wrong(FILE.replace("{version}{-suffix}", "{version}"), ("shipset.toml:", "1.0.0", "extra")),
    "bad-tag": Wrong(FILE.replace("{version}{-suffix}", "{version}/x{-suffix}"), ("shipset.toml:21:", "1.0.0/x")),
    "long-tag": Wrong(
        FILE.replace("{version}{-suffix}", "{version}" + "a" * 128 + "{-suffix}"), ("shipset.toml:21:", "128")
    ),
    "bad-repository": Wrong(FILE.replace("example.org/team/app", "example.org/Team/app"), ("shipset.toml:4:", "Team")),
    "bad-base": Wrong(
        FILE.replace("[build.native]", '[build.native]\nbase = "Not//a reference"'), ("shipset.toml:17:", "Not//a")
    ),
    "no-toml": Wrong(FILE + "[[[\n", ("shipset.toml:31:",)),
    "no-text": Wrong("\ud800", ("shipset.toml",)),
    "duplicate-variant": Wrong(FILE + '\n[[variant]]\nname = "extra"\n', ("shipset.toml:", "extra")),
    "empty": Wrong("", ("shipset.toml",)),
}


def refused(done: Done, code: int, *words: str) -> None:
    assert done.code == code, f"{done.code}\n{done.out}\n{done.err}"
    for word in words:
        assert word in done.err, f"{word!r} is not in\n{done.err}"
    assert "Traceback" not in done.err
    assert "unexpected failure" not in done.err


@pytest.mark.parametrize("command", ["check", "release"])
@pytest.mark.parametrize("case", WRONG_FILES)
def test_release_file__wrong__exits_2_and_names_the_place(
    shipset_command: Shipset, project: Project, case: str, command: str
) -> None:
    wrong = WRONG_FILES[case]
    project.file.write_bytes(wrong.text.encode("utf-8", "surrogatepass"))
    arguments = ["--to", project.to] if command == "release" else []
    refused(shipset_command(command, *arguments), 2, *wrong.words)
    assert not project.layout.exists()


def test_base__without_the_platform__exits_2_and_names_those_that_are_there(
    shipset_command: Shipset, project: Project
) -> None:
    project.write(FILE.replace('["linux/amd64", "linux/arm64"]', '["linux/amd64"]'))
    assert shipset_command("release", "--to", "oci:base").code == 0
    project.write(FILE.replace("[build.native]", '[build.native]\nbase = "oci:base:1.0.0"'))
    done = shipset_command("release", "--to", project.to)
    refused(done, 2, "linux/arm64", "linux/amd64")
    assert seen(project.layout) == {}


@pytest.mark.parametrize("case", ["missing", "folder", "endless"])
def test_release_file__unreadable__exits_3(shipset_command: Shipset, project: Project, case: str) -> None:
    path = {"missing": "nothing.toml", "folder": "files", "endless": "/dev/zero"}[case]
    refused(shipset_command("release", path, "--to", project.to), 3, path)
    refused(shipset_command("check", path), 3, path)
    assert not project.layout.exists()


def test_layer_input__missing__fails_and_publishes_nothing(shipset_command: Shipset, project: Project) -> None:
    project.write(FILE.replace('from = "files"', 'from = "filez"'))
    done = shipset_command("release", "--to", project.to)
    assert done.code in (2, 3)
    assert "filez" in done.err
    assert seen(project.layout) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"NOT RUN: this user may not mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_destination__disk_is_full__exits_3_and_leaves_nothing_half_written(
    shipset_command: Shipset, project: Project, small_disk: Path
) -> None:
    assert shipset_command("release", "--to", f"oci:{small_disk}/dist").code == 0
    before = tags_of(small_disk / "dist")
    (project.folder / "files" / "noise.bin").write_bytes(os.urandom(6 << 20))
    done = shipset_command("release", "--to", f"oci:{small_disk}/dist", "--input", "version=2.0.0")
    refused(done, 3, "No space left on device", str(small_disk))
    assert tags_of(small_disk / "dist") == before
    assert temporary_files(small_disk / "dist") == []
    assert shipset_command("verify", f"oci:{small_disk}/dist:1.0.0").code == 0


@pytest.mark.slow
def test_destination__held_by_another_process__waits_30_s_and_exits_3(
    shipset_command: Shipset, project: Project
) -> None:
    assert shipset_command("release", "--to", project.to).code == 0
    before = seen(project.layout)
    locks = [path for path in project.layout.iterdir() if path.name.endswith("lock")]
    assert len(locks) == 1, "the layout has one lock file"
    with locks[0].open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        done = shipset_command("release", "--to", project.to, "--input", "version=2.0.0")
        waited = time.monotonic() - start
    refused(done, 3, str(project.layout))
    assert 28 < waited < 60
    assert seen(project.layout) == before


@pytest.mark.slow
def test_two_releases__into_one_layout_at_once__both_end_well_and_the_layout_verifies(
    shipset_command: Shipset, project: Project
) -> None:
    running = [
        shipset_command.start("release", "--to", project.to, "--input", f"version={number}.0.0") for number in (1, 2)
    ]
    for process in running:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    assert set(tags_of(project.layout)) == {"1.0.0", "1.0.0-extra", "2.0.0", "2.0.0-extra"}
    for tag in tags_of(project.layout):
        assert shipset_command("verify", f"{project.to}:{tag}", "-q").code == 0


def layer_blob(project: Project) -> Path:
    blobs = project.layout / "blobs" / "sha256"
    return next(path for path in blobs.iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")


@pytest.mark.parametrize("command", ["verify", "copy"])
def test_blob__tampered_with__exits_7_and_names_it(
    shipset_command: Shipset, project: Project, command: str, tmp_path: Path
) -> None:
    assert shipset_command("release", "--to", project.to).code == 0
    blob = layer_blob(project)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 0xFF
    blob.write_bytes(data)
    target = [f"oci:{tmp_path}/copy"] if command == "copy" else []
    done = shipset_command(command, f"{project.to}:1.0.0", *target)
    refused(done, 7, blob.name)
    assert tags_of(tmp_path / "copy") == {}
    assert temporary_files(tmp_path / "copy") == []
    assert not (tmp_path / "copy" / "blobs" / "sha256" / blob.name).exists()


def test_index_json__ten_megabytes_of_nesting__exits_7_quickly(shipset_command: Shipset, project: Project) -> None:
    assert shipset_command("release", "--to", project.to).code == 0
    (project.layout / "index.json").write_text("[" * (10 << 20), encoding="ascii")
    before = seen(project.layout)
    for command in (
        ["inspect", f"{project.to}:1.0.0"],
        ["verify", f"{project.to}:1.0.0"],
        ["release", "--to", project.to],
    ):
        start = time.monotonic()
        refused(shipset_command(*command), 7, "index.json")
        assert time.monotonic() - start < 20
    assert seen(project.layout) == before


def test_index_json__names_a_manifest_that_is_not_there__is_repaired_or_refused_but_never_trusted(
    shipset_command: Shipset, project: Project
) -> None:
    assert shipset_command("release", "--to", project.to).code == 0
    digest = tags_of(project.layout)["1.0.0"].removeprefix("sha256:")
    (project.layout / "blobs" / "sha256" / digest).unlink()
    assert shipset_command("verify", f"{project.to}:1.0.0").code in (5, 7)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 3 if kind == tarfile.REGTYPE else 0
    return info


HOSTILE_TARS: dict[str, list[tarfile.TarInfo]] = {
    "dot-dot": [member("a/../../etc/passwd")],
    "dot-dot-alone": [member("..")],
    "absolute": [member("/etc/passwd")],
    "through-a-link": [member("a", tarfile.SYMTYPE, "/etc"), member("a/passwd")],
    "hard-link-out": [member("a", tarfile.LNKTYPE, "../../etc/passwd")],
}


@pytest.mark.parametrize("case", HOSTILE_TARS)
def test_layer_input__hostile_tar__is_refused_or_kept_inside_the_image(
    shipset_command: Shipset, project: Project, case: str
) -> None:
    with tarfile.open(project.folder / "files.tar", "w") as archive:
        for info in HOSTILE_TARS[case]:
            archive.addfile(info, io.BytesIO(b"abc") if info.size else None)
    project.write(FILE.replace('from = "files"', 'from = "files.tar"'))
    done = shipset_command("release", "--to", project.to)
    assert done.code in (2, 3, 7), f"{done.code}\n{done.out}\n{done.err}"
    assert re.search(r"files\.tar|in (plain|extra)/linux/a", done.err)
    assert "Traceback" not in done.err
    assert tags_of(project.layout) == {}
    assert temporary_files(project.layout) == []


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_layer_input__damaged_tar__fails_and_publishes_nothing(
    shipset_command: Shipset, project: Project, damage: str
) -> None:
    path = project.folder / "files.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(project.folder / "files", "files")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else hashlib.sha256(data).digest() * 100)
    project.write(FILE.replace('from = "files"', 'from = "files.tar.gz"'))
    done = shipset_command("release", "--to", project.to)
    assert done.code in (2, 3, 7), f"{done.code}\n{done.out}\n{done.err}"
    assert re.search(r"files\.tar\.gz|in (plain|extra)/linux/a", done.err)
    assert tags_of(project.layout) == {}


@pytest.mark.parametrize("at", ["before-build", "staged"])
def test_gate__exits_1__exits_4_and_moves_no_tag(shipset_command: Shipset, project: Project, at: str) -> None:
    project.add(f'\n[[gate]]\nname = "unit tests"\nat = "{at}"\nrun = ["sh", "-c", "echo two tests failed; exit 1"]\n')
    done = shipset_command("release", "--to", project.to, "--format", "json")
    refused(done, 4, "unit tests")
    report = json.loads(done.out)
    assert report["outcome"] == "failed"
    assert report["gates"][0]["status"] == "failed"
    assert "two tests failed" in report["gates"][0]["detail"]
    assert {tag["status"] for tag in report["tags"]} == {"not_started"}
    assert tags_of(project.layout) == {}
    built = {image["status"] for variant in report["variants"] for image in variant["images"]}
    assert built == ({"not_started"} if at == "before-build" else {"done"})


def test_variant_five_of_seven__fails__exits_3_and_the_report_says_what_is_done_and_what_not(
    shipset_command: Shipset, project: Project
) -> None:
    """The file of one variant goes away between plan and build."""
    lost = project.folder / "layers" / "v5"
    lost.parent.mkdir()
    for number in range(1, 8):
        (lost.parent / f"v{number}").write_text(f"layer {number}\n", encoding="utf-8")
    seven = SMALL.replace('{ from = "files", to = "/app" }', '{ from = "layers/{variant}", to = "/layer" }')
    seven += "".join(f'\n[[variant]]\nname = "v{number}"\n' for number in range(1, 8))
    project.write(seven + f'\n[[gate]]\nname = "thief"\nat = "before-build"\nrun = ["rm", "{lost}"]\n')
    done = shipset_command("release", "--to", project.to, "--format", "json")
    refused(done, 3, "v5")
    report = json.loads(done.out)
    status = {variant["name"]: variant["status"] for variant in report["variants"]}
    assert {name: found for name, found in status.items() if found != "done"} == {"v5": "failed"}
    assert {tag["status"] for tag in report["tags"]} == {"not_started"}
    assert "layers/v5" in str(report["variants"][4]["images"][0]["error"])
    assert tags_of(project.layout) == {}
    assert temporary_files(project.layout) == []
    lost.write_text("layer 5\n", encoding="utf-8")
    project.write(seven)
    assert shipset_command("release", "--to", project.to).code == 0
    assert len(tags_of(project.layout)) == 7


@pytest.mark.parametrize(
    "destroy",
    [
        lambda layout: (layout / "oci-layout").write_text("{}", encoding="ascii"),
        lambda layout: (layout / "index.json").write_text("<html>", encoding="ascii"),
        lambda layout: (layout / "index.json").unlink(),
    ],
    ids=["no-version", "html", "no-index"],
)
def test_destination__is_no_layout__is_refused_and_left_as_it_is(
    shipset_command: Shipset, project: Project, destroy: Callable[[Path], None]
) -> None:
    assert shipset_command("release", "--to", project.to).code == 0
    destroy(project.layout)
    before = seen(project.layout)
    done = shipset_command("release", "--to", project.to, "--input", "version=2.0.0")
    assert done.code in (3, 5, 7), f"{done.code}\n{done.err}"
    assert str(project.layout) in done.err
    assert seen(project.layout) == before


def test_destination__is_a_folder_with_other_things__is_refused_and_left_as_it_is(
    shipset_command: Shipset, project: Project
) -> None:
    before = seen(project.folder)
    done = shipset_command("release", "--to", f"oci:{project.folder}/files")
    assert done.code != 0
    assert {name: digest for name, digest in seen(project.folder).items() if not name.startswith(".shipset")} == before
