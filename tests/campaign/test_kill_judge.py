"""The judge of the kill campaign must see what is wrong, else a campaign without complaints proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kill import random_case
from kill_case import NEW, Case, Judge, Outcome, expected, public, run_case
from kill_world import REPOSITORY, Fake, Kill, World, compile_shim, make_old
from shipset.testing import FakeRegistry


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kill")
    make_old(folder)
    compile_shim(folder)
    return folder


@pytest.fixture
def judge(ready: Path, tmp_path: Path) -> Iterator[Judge]:
    """After a release that nobody killed."""
    with Fake("distribution-3.1") as place:
        world = World(tmp_path, place, ready / "layout", ready / "journal_kill.so", mirror=False)
        assert world.run("release").code == 0
        yield Judge(world, public(place.tags()))


def registry_of(judge: Judge) -> FakeRegistry:
    assert isinstance(judge.place, Fake)
    return judge.place.registry


def all_of(judge: Judge) -> str:
    judge.every_tag("now")
    judge.complete()
    judge.sent_once({})
    judge.left_over()
    return "\n".join(judge.complaints)


def move_back(registry: FakeRegistry, judge: Judge) -> None:
    registry.set_tag(REPOSITORY, "latest", judge.old["latest"])


def move_elsewhere(registry: FakeRegistry, judge: Judge) -> None:
    registry.set_tag(REPOSITORY, "latest", judge.new["1.0.0-extra"])


def lose_a_manifest(registry: FakeRegistry, judge: Judge) -> None:
    del registry._core.store.repository(REPOSITORY).manifests[judge.new["1.0.0"]]


def lose_a_child(registry: FakeRegistry, judge: Judge) -> None:
    child = min(judge.below({judge.new["1.0.0"]}) - {judge.new["1.0.0"]} - judge.below(set(judge.old.values())))
    del registry._core.store.repository(REPOSITORY).manifests[child]


def leave_a_tag(registry: FakeRegistry, judge: Judge) -> None:
    registry.set_tag(REPOSITORY, "_shipset.0123456789ab.hold.1", judge.new["1.0.0"])


def leave_a_list(registry: FakeRegistry, judge: Judge) -> None:
    registry.set_tag(REPOSITORY, f"sha256-{'0' * 64}", judge.new["1.0.0"])


def send_again(registry: FakeRegistry, judge: Judge) -> None:
    done = [r for r in registry.requests if r.kind == "upload" and "digest" in r.query and r.status == 201]
    registry.requests.append(done[0])


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (move_elsewhere, "the tag latest points at"),
        (lose_a_manifest, "the manifest of the tag 1.0.0 is gone"),
        (lose_a_child, "does not verify"),
        (leave_a_tag, "is left after clean"),
        (leave_a_list, "the fallback tag"),
        (send_again, "was sent 2 times"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_judge__something_wrong__complains(
    judge: Judge, spoil: Callable[[FakeRegistry, Judge], None], word: str
) -> None:
    spoil(registry_of(judge), judge)
    assert word in all_of(judge)


def test_judge__nothing_wrong__only_the_journal_is_there_before_clean(judge: Judge) -> None:
    assert judge.side() == "after"
    assert all_of(judge).splitlines() == [judge.complaints[0]]
    assert judge.complaints[0].endswith("journal is left after clean")
    assert judge.world.run("clean").code == 0
    judge.complaints.clear()
    assert all_of(judge) == ""


def test_judge__one_tag_old__is_a_mixture(judge: Judge) -> None:
    move_back(registry_of(judge), judge)
    assert judge.side() == "mixed"
    assert "latest old" in judge.differing()
    assert set(NEW) <= judge.new.keys()


@pytest.mark.parametrize(
    "kill", [Kill("journal", 36, "h"), Kill("request", 80, "a"), Kill("time", 1)], ids=lambda k: k.by
)
def test_case__kill__strikes_and_is_recovered(ready: Path, tmp_path: Path, kill: Kill) -> None:
    with Fake("oci") as place:
        world = World(tmp_path / "whole", place, ready / "layout", ready / "journal_kill.so", mirror=False)
        assert world.run("release").code == 0
        after = public(place.tags())
    case = Case("oci", kill, ("rollback", "release"))
    outcome = run_case(case, Fake("oci"), tmp_path / "killed", ready / "layout", ready / "journal_kill.so", after)
    assert outcome.ended.startswith("killed"), outcome.log
    assert outcome.complaints == []


def test_case__json__gives_the_same_case() -> None:
    plain = {"oci": Outcome(Case("oci", None), "", 0, journal_lines=47, requests=90, milliseconds=600)}
    for seed in range(50):
        case = random_case(seed, plain)
        assert Case.parse(case.json()) == case
        assert random_case(seed, plain) == case


def test_expected__state_of_the_journal__decides() -> None:
    assert expected("resume", "moving tags", "mixed") == ((0,), "after")
    assert expected("resume", "going back", "mixed") == ((0,), "before")
    assert expected("release", "going back", "mixed") == ((0,), "after")
    assert expected("rollback", "released", "after") == ((0,), "before")
