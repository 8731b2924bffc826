"""One case of the kill campaign: a release is killed, another process goes on or back, and what is there is judged by
what the registry holds."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import shipset
from kill_world import REPOSITORY, Distribution, Done, Fake, Kill, World

OWN = ("_shipset.", "sha256-")
NEW = {"1.0.0": "latest", "1.0.0-extra": "latest-extra"}


@dataclass(frozen=True)
class Case:
    """``registry`` is distribution or a preset of FakeRegistry; ``then`` the commands that follow the killed release,
    of which the first is killed too when there is a ``second``. ``moved``: the journal is lost, its mirror is not.
    ``staged``: what is killed is the promotion of what ``build`` has staged before; "release" means promoting it."""

    registry: str
    kill: Kill | None
    then: tuple[str, ...] = ()
    second: Kill | None = None
    mirror: bool = False
    moved: bool = False
    staged: bool = False

    def __str__(self) -> str:
        return self.json()

    def json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def parse(cls, text: str) -> Case:
        data: dict[str, Any] = json.loads(text)
        for name in ("kill", "second"):
            data[name] = Kill(**data[name]) if data.get(name) else None
        data["then"] = tuple(data.get("then", ()))
        return cls(**data)


@dataclass
class Outcome:
    case: Case
    ended: str
    seconds: float
    complaints: list[str] = field(default_factory=list)
    log: str = ""
    after: dict[str, str] = field(default_factory=dict)
    journal_lines: int = 0
    requests: int = 0
    milliseconds: int = 0


def public(tags: dict[str, str]) -> dict[str, str]:
    return {tag: digest for tag, digest in tags.items() if not tag.startswith(OWN)}


class Judge:
    """``after`` is what the tags of a release are that nobody killed."""

    def __init__(self, world: World, after: dict[str, str]) -> None:
        self.world = world
        self.place = world.place
        self.old = public(world.before)
        self.new = after
        self.id = ""  # of the release that was cleaned
        self.complaints: list[str] = []

    def say(self, complaint: str) -> None:
        self.complaints.append(complaint)

    def side(self) -> str:
        """before, after, or mixed."""
        tags = public(self.place.tags())
        if tags == self.new:
            return "after"
        if tags == self.old:
            return "before"
        return "mixed"

    def every_tag(self, when: str) -> None:
        """Whatever happened, a tag holds its old image or its new one, whole."""
        for tag, digest in public(self.place.tags()).items():
            if digest not in (self.old.get(tag), self.new.get(tag)):
                self.say(f"{when}: the tag {tag} points at {digest}")
            if self.place.manifest(digest) is None:
                self.say(f"{when}: the manifest of the tag {tag} is gone")
        for tag in self.old.keys() - self.place.tags().keys():
            self.say(f"{when}: the tag {tag} is gone")

    def expect(self, verb: str, done: Done, codes: tuple[int, ...], side: str) -> None:
        if done.code not in codes:
            self.say(f"{verb} ended with {done.code}, not {codes}\n{done.out[-600:]}\n{done.err[-600:]}")
        elif self.side() != side:
            self.say(f"after {verb} (exit {done.code}) the tags are {self.side()}, not {side}: {self.differing()}")

    def differing(self) -> str:
        wanted = {**self.old, **self.new}
        now = public(self.place.tags())
        names = dict.fromkeys(self.old.values(), "old") | {
            digest: "new" for tag, digest in self.new.items() if self.old.get(tag) != digest
        }
        return ", ".join(f"{tag} {names.get(now.get(tag, ''), now.get(tag, 'missing'))}" for tag in sorted(wanted))

    def complete(self) -> None:
        """Everything below every tag is there; new ones belong to a set that is proven."""
        for tag, digest in public(self.place.tags()).items():
            fresh = tag in NEW and self.new.get(tag) == digest
            reference = f"{self.place.host}/{REPOSITORY}:{tag}"
            try:
                shipset.verify(reference, set="required" if fresh and self.side() == "after" else "ignored").check()
            except shipset.ShipsetError as problem:
                self.say(f"{tag} does not verify: {problem}")

    def sent_once(self, already: dict[str, int]) -> None:
        for digest, count in self.place.uploads().items():
            if count - already.get(digest, 0) > (0 if digest in already else 1):
                self.say(f"the blob {digest} was sent {count} times to its end")

    def left_over(self) -> None:
        """After clean: nothing of ours but what belongs to images under public tags."""
        tags = self.place.tags()
        kept = self.below(set(public(tags).values()))
        for tag in tags:
            if tag.startswith("_shipset."):
                self.say(f"the tag {tag} is left after clean of {self.id}")
            if tag.startswith("sha256-") and tag not in self.world.before:
                subject = "sha256:" + tag.removeprefix("sha256-")
                if subject not in kept:
                    self.say(f"the fallback tag {tag} is left, and no public tag leads to its subject")
        for digest, subject in self.place.referrers().items():
            data = self.place.manifest(digest) or b""
            if b"vnd.shipset.set" in data and subject not in kept:
                self.say(f"the set manifest {digest} is left, and no public tag leads to its subject")
        for journal in (self.world.folder / ".shipset").glob("*/journal"):
            self.say(f"{journal} is left after clean")

    def below(self, roots: set[str]) -> set[str]:
        seen, waiting = set(roots), list(roots)
        while waiting:
            data = self.place.manifest(waiting.pop())
            if data is None:
                continue
            for entry in json.loads(data).get("manifests", []):
                if entry["digest"] not in seen:
                    seen.add(entry["digest"])
                    waiting.append(entry["digest"])
        return seen


#: exit codes and the tags' side after a command that ended, by the state that status told before it.
def expected(verb: str, state: str, side: str) -> tuple[tuple[int, ...], str]:
    if verb == "release":
        return (0,), "after"
    if state == "none":
        return (0, 2), side
    if verb == "rollback":
        return (0,), "before"
    if state == "rolled back":
        return (4,), "before"
    return (0,), "before" if state == "going back" else "after"


def state_of(status: dict[str, Any]) -> str:
    return str(status["state"]) if status.get("attempts") else "none"


def follow(case: Case, world: World, judge: Judge) -> None:
    """The commands after the kill, each judged by where the release stood before it."""
    for number, verb in enumerate(case.then):
        status = world.status()
        state, side = state_of(status), judge.side()
        if state == "none" and side != "before" and not case.moved:
            judge.say(f"nothing is in the journal, and the tags are {side}: {judge.differing()}")
        if verb != "release" and not world.id():
            continue  # it died before it had a journal; there is nothing to go on with
        mirrored = case.moved and not status
        done = world.run(verb, case.second if number == 0 else None)
        if done.killed:
            judge.every_tag(f"{verb} was killed")
            continue
        codes, wanted = expected(verb, state, side)
        if case.staged and verb == "release" and state in ("rolled back", "going back"):
            # A promotion that was public has removed what was staged for it.
            codes, wanted = ((0,), "after") if done.code == 0 else ((4,), "before")
        if mirrored and verb != "release":
            # With the mirror it is as with the journal; with none, nothing has begun to move or all is done.
            wanted = side if done.code == 2 else "after" if verb == "resume" else "before"
            codes = (0, 2) if side != "mixed" else (0,)
        back = verb == "rollback" or (verb == "resume" and state == "going back")
        if back and not world.place.removes and set(NEW) & world.place.tags().keys():
            judge.every_tag(f"{verb} where tags cannot be removed")
            if done.code not in (0, 8) or (done.code == 8 and not all(tag in done.err for tag in NEW)):
                judge.say(f"{verb} ended with {done.code} and did not name the new tags\n{done.err[-600:]}")
            continue
        judge.expect(verb, done, codes, wanted)


def run_case(
    case: Case,
    place: AbstractContextManager[Fake | Distribution],
    folder: Path,
    old: Path,
    shim: Path,
    after: dict[str, str],
) -> Outcome:
    began = time.monotonic()
    with place as there:
        world = World(folder, there, old, shim, mirror=case.mirror)
        already = dict(there.uploads())
        requests = len(there.registry.requests) if isinstance(there, Fake) else 0
        if case.staged:
            world.stage()
        start = time.monotonic()
        first = world.run("release", case.kill)
        milliseconds = int((time.monotonic() - start) * 1000)
        judge = Judge(world, after or public(there.tags()))
        out = Outcome(case, "", 0, after=judge.new, milliseconds=milliseconds)
        if case.kill is None:
            out.journal_lines = world.journal_lines()
        if isinstance(there, Fake):
            out.requests = len(there.registry.requests) - requests
        if first.code not in (0, -9):
            judge.say(f"release ended with {first.code}\n{first.err[-800:]}")
        out.ended = f"killed {state_of(world.status())}" if first.killed else "not struck"
        judge.every_tag("after the kill")
        if case.moved:
            world.lose_journal()
        follow(case, world, judge)
        if there.removes and not judge.complaints:
            judge.complete()
            judge.id = world.id() or world.staged
            if world.status() or (world.staged and any(tag.startswith("_shipset.") for tag in there.tags())):
                cleaned = world.run("clean")
                if cleaned.code != 0:
                    judge.say(f"clean ended with {cleaned.code}\n{cleaned.err[-600:]}")
            judge.left_over()
        judge.sent_once(already)
        out.complaints, out.log = judge.complaints, world.log
    out.seconds = time.monotonic() - began
    return out
