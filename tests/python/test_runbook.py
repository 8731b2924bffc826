"""The runbook: every failure is made to happen, and the page's commands are typed as they stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook import CASES, World
from shipset.testing import FakeRegistry

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "python/docs/runbook.md").read_text(encoding="utf-8")
GONE = "nothing more; the process is gone"


@dataclass(frozen=True)
class Section:
    """What the page says about one failure."""

    shown: str
    tags: str
    status: str
    ways: dict[str, str]  # commands by "" and "instead"
    afterwards: dict[str, str]

    @staticmethod
    def of(text: str) -> Section:
        def said(name: str) -> str:
            found = re.findall(rf"^- {name}: (.*)$", text, re.MULTILINE)
            return found[0] if len(found) == 1 else ""

        ways = {
            way.strip(): body
            for way, body in re.findall(r"^```sh( instead)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        }
        afterwards = {"": said("Afterwards"), "instead": said("Afterwards, instead")}
        return Section(said("Shown"), said("Public tags"), said("Status"), ways, afterwards)


PARTS = re.split(r"^### ", re.sub(r"^## .*", "", PAGE, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
SECTIONS = {part.split("\n")[0]: Section.of(part) for part in PARTS}
WAYS = [(title, way) for title, section in SECTIONS.items() for way in section.ways]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with FakeRegistry() as registry:
        yield World(tmp_path, registry)


def like(pattern: str, host: str) -> re.Pattern[str]:
    """Words of the page, with … for anything."""
    text = re.escape(pattern.replace("registry.example.com", host)).replace("…", ".*")
    return re.compile(rf"^{text}$", re.MULTILINE)


def status_of(world: World) -> str:
    done = world.run("shipset status --format json")
    assert done.code == 0, done.err
    states = {one["id"]: one["state"] for one in json.loads(done.out)["releases"]}
    return states.get(world.id, "no journal")


def test_runbook__sections__are_the_failures_that_are_tried() -> None:
    assert set(SECTIONS) == set(CASES)
    for title, section in SECTIONS.items():
        assert section.shown, title
        assert section.status, title
        assert section.ways, title
        assert {way for way, state in section.afterwards.items() if state} == set(section.ways), title


@pytest.mark.parametrize(("title", "way"), WAYS, ids=lambda value: value or "way")
def test_runbook__failure__is_as_the_page_says_and_its_commands_mend_it(title: str, way: str, world: World) -> None:
    section = SECTIONS[title]
    trouble = CASES[title](world)
    done = next(trouble)
    if section.shown == GONE:
        assert done.code == -9
    else:
        code, message = re.fullmatch(r"exit code (\d+)(?:, `(.*)`)?", section.shown).groups()  # type: ignore[union-attr]
        assert done.code == int(code), done.err
        said = [line for line in done.err.splitlines() if line.startswith("shipset: ") and "once more" not in line]
        first = said[0] if said else ""
        assert like(message or "", world.registry.host).match(first), first
    assert world.state() == section.tags
    assert status_of(world) == section.status
    assert next(trouble, None) is None
    for line in section.ways[way].splitlines():
        command, _, comment = line.partition("#")
        wanted = int(comment.removeprefix(" exit code ")) if comment else 0
        done = world.run(command.strip())
        assert done.code == wanted, f"{command}\n{done.err}"
    assert world.state() == section.afterwards[way]


@pytest.mark.parametrize("delete", [("tag", "digest", "blob"), ()])
@pytest.mark.parametrize("end", ["resume", "rollback"])
def test_mirror__release_that_ended__does_not_stop_the_next_one(
    tmp_path: Path, delete: tuple[str, ...], end: str
) -> None:
    """Also on registries that remove no tags, where the mirror stays."""
    with FakeRegistry(delete=delete) as registry:
        world = World(tmp_path, registry)
        next(CASES["The machine is lost"](world))
        # Another machine: it has the release file and no journal.
        world.forget()
        done = world.run(f"shipset {end} ID --staging registry.example.com/team/app")
        assert done.code == (8 if end == "rollback" and not delete else 0), done.err
        if done.code == 0:
            assert world.state() == ("new" if end == "resume" else "old")
            world.forget()
            after = world.run("shipset release --mirror-journal --input version=1.2.0")
            assert after.code == 0, after.err
            assert "Traceback" not in after.err
