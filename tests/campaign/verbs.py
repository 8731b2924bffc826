"""What people do with a registry, each as a call and what must hold after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import shipset
from content import REPOSITORY, Content, fill
from judge import judge_layout, judge_registry
from shipset.testing import FakeRegistry, TokenAuth

USER, PASSWORD = "campaign", "the-password-of-the-campaign"
UNDONE_TAG = "latest"


@dataclass
class World:
    """The registries and folders of one case."""

    content: Content
    folder: Path
    source: FakeRegistry
    destination: FakeRegistry
    before: dict[str, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    events: list[shipset.Event] = field(default_factory=list)
    deadline_s: float = 40

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def at(self, registry: FakeRegistry, tag: str = "") -> str:
        return f"{registry.host}/{REPOSITORY}" + (f":{tag}" if tag else "")

    def copy(self, source: str, destination: str, *, all_tags: bool = False) -> None:
        shipset.copy(source, destination, all_tags=all_tags, on_event=self.events.append, timeout_s=self.deadline_s)


@dataclass(frozen=True)
class Verb:
    """``source`` and ``destination`` say which registries hold the content before; ``preset`` how they behave."""

    call: Callable[[World], None]
    judge: Callable[[World, bool], list[str]]
    sides: tuple[str, ...]
    filled: tuple[str, ...] = ()
    preset: str = "oci"
    switches: tuple[tuple[str, object], ...] = ()
    only_kinds: tuple[str, ...] = ()
    """Faults strike only these requests."""
    fails: bool = False
    """The call cannot succeed; it must fail well."""


def _on_destination(wanted: Callable[[World], dict[str, str]], referrer: bool) -> Callable[[World, bool], list[str]]:
    def judge(world: World, done: bool) -> list[str]:
        return judge_registry(
            world.destination,
            world.content,
            wanted(world),
            done=done,
            before=world.before,
            foreign=world.foreign,
            with_referrer=referrer,
        )

    return judge


def _all(world: World) -> dict[str, str]:
    return world.content.tags


def _one(world: World) -> dict[str, str]:
    return {"1.0.0": world.content.tags["1.0.0"]}


def _stable(world: World) -> dict[str, str]:
    return {"stable": world.content.tags["1.0.0"]}


def _release(world: World) -> None:
    spec = shipset.load(world.content.project / "shipset.toml")
    plan = shipset.plan(spec.matrix(), to=world.destination.host, timeout_s=world.deadline_s)
    plan.execute(on_event=world.events.append, timeout_s=world.deadline_s)


def _nothing_or_all(world: World, done: bool) -> list[str]:
    """A release that fails leaves the tags as they were; `incomplete` is told apart by the caller."""
    complaints = _on_destination(_all, False)(world, done)
    if not done and world.destination.tags(REPOSITORY).keys() & world.content.tags.keys():
        now = {tag: at for tag, at in world.destination.tags(REPOSITORY).items() if tag in world.content.tags}
        if now != world.before:
            complaints.append(f"TRANSACTION: the tags are {sorted(now)} after a release that failed")
    return complaints


def _inspect(world: World) -> None:
    found = shipset.inspect(world.at(world.source, "1.0.0"), timeout_s=world.deadline_s)
    (world.folder / "inspected.json").write_text(json.dumps(found), encoding="utf-8")


def _inspected(world: World, done: bool) -> list[str]:
    if not done:
        return []
    found = json.loads((world.folder / "inspected.json").read_text(encoding="utf-8"))
    expected = shipset.inspect(f"oci:{world.content.layout}:1.0.0")
    same = ("digest", "media_type", "manifests")
    return [f"inspect shows another {name}" for name in same if found.get(name) != expected.get(name)]


def _verify(world: World) -> None:
    shipset.verify(world.at(world.source, "1.0.0"), timeout_s=world.deadline_s).check()


def _layout(wanted: Callable[[World], dict[str, str]]) -> Callable[[World, bool], list[str]]:
    return lambda world, done: judge_layout(world.out, world.content, wanted(world), done=done)


VERBS: dict[str, Verb] = {
    "push": Verb(
        lambda world: world.copy(f"oci:{world.content.layout}", world.at(world.destination), all_tags=True),
        _on_destination(_all, True),
        ("destination",),
    ),
    "push in chunks": Verb(
        lambda world: world.copy(f"oci:{world.content.layout}", world.at(world.destination), all_tags=True),
        _on_destination(_all, True),
        ("destination",),
        switches=(("monolithic", False), ("changing_locations", True)),
    ),
    "pull": Verb(
        lambda world: world.copy(world.at(world.source), f"oci:{world.out}", all_tags=True),
        _layout(_all),
        ("source",),
        ("source",),
    ),
    "pull from storage": Verb(
        lambda world: world.copy(world.at(world.source), f"oci:{world.out}", all_tags=True),
        _layout(_all),
        ("source",),
        ("source",),
        preset="docker-hub",
    ),
    "copy": Verb(
        lambda world: world.copy(world.at(world.source), world.at(world.destination), all_tags=True),
        _on_destination(_all, True),
        ("source", "destination"),
        ("source",),
    ),
    "tag": Verb(
        lambda world: world.copy(world.at(world.destination, "1.0.0"), world.at(world.destination, "stable")),
        _on_destination(_stable, False),
        ("destination",),
        ("destination",),
    ),
    "list": Verb(
        lambda world: world.copy(world.at(world.source), f"oci:{world.out}", all_tags=True),
        _layout(_all),
        ("source",),
        ("source",),
        switches=(("page_limit", 1),),
        only_kinds=("tags", "referrers"),
    ),
    "referrers": Verb(
        lambda world: world.copy(f"oci:{world.content.layout}:1.0.0", world.at(world.destination, "1.0.0")),
        _on_destination(_one, True),
        ("destination",),
        preset="distribution-3.1",
    ),
    "inspect": Verb(_inspect, _inspected, ("source",), ("source",)),
    "verify": Verb(_verify, lambda world, done: [], ("source",), ("source",)),
    "release": Verb(_release, _nothing_or_all, ("destination",)),
    "delete": Verb(_release, _nothing_or_all, ("destination",), only_kinds=("tag",), fails=True),
}


def start(verb: Verb, content: Content, folder: Path, preset: str, switches: dict[str, object], auth: bool) -> World:
    """The running registries of a case, filled as the verb wants it."""

    def make() -> FakeRegistry:
        login = TokenAuth(USER, PASSWORD, requests_per_token=None) if auth else None
        return FakeRegistry.like(preset, auth=login, **switches).start()

    world = World(content, folder, make(), make())
    for name in ("source", "destination"):
        registry: FakeRegistry = getattr(world, name)
        registry.make_repository(REPOSITORY)
        if name in verb.filled:
            fill(registry, content)
    world.before = world.destination.tags(REPOSITORY)
    return world
