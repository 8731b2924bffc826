"""One case of the campaign: a verb, registries, faults; run, judged, and run once more without the faults."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import shipset
from catalogue import CATALOGUE
from content import Content
from shipset.testing import Fault
from shipset.testing.log import LoggedRequest
from verbs import PASSWORD, UNDONE_TAG, USER, VERBS, Verb, World, start

DEADLINE_S = 40
#: How long a call may need to stop when its time is over; more than the second that is promised, for a busy machine.
STOP_S = 5
EXIT_CODES = {
    "auth": 5,
    "registry": 5,
    "not_found": 5,
    "network": 6,
    "verify": 7,
    "cancelled": 130,
    "policy": 4,
    "tag_moved": 4,
    "tag_conflict": 4,
    "incomplete": 8,
    "io": 3,
}
#: Upload locations, storage URLs and tokens of FakeRegistry: none of them may be told to anyone.
SECRET = re.compile(r"_state=[0-9a-f]|X-Amz-Signature=[0-9a-f]|token-[0-9a-f]{32}|" + re.escape(PASSWORD))


@dataclass(frozen=True)
class Strike:
    """A fault of the catalogue at certain requests of one side."""

    effect: str
    side: str
    method: str
    kind: str
    nth: int = 1
    byte: int = 100


@dataclass(frozen=True)
class Case:
    verb: str
    strikes: tuple[Strike, ...] = ()
    preset: str = ""
    auth: bool = False
    seed: int = 0

    def json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> Case:
        data = json.loads(text)
        return Case(**(data | {"strikes": tuple(Strike(**strike) for strike in data["strikes"])}))

    def __str__(self) -> str:
        what = ", ".join(f"{s.effect} ({s.side}: {s.method} {s.kind} no. {s.nth})" for s in self.strikes)
        return f"{self.verb}{' at ' + self.preset if self.preset else ''}: {what or 'no fault'}"


@dataclass
class Outcome:
    """How a case ended; empty ``complaints`` are right."""

    case: Case
    ended: str = ""
    seconds: float = 0
    fired: int = 0
    complaints: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Side, method and kind of every request of a case without faults."""
    log: str = ""


@contextlib.contextmanager
def own_home(folder: Path, hosts: list[str]) -> Iterator[None]:
    """A home with the login of the campaign for these hosts."""
    docker = folder / ".docker"
    docker.mkdir(parents=True)
    login = {host: {"username": USER, "password": PASSWORD} for host in hosts}
    (docker / "config.json").write_text(json.dumps({"auths": login}), encoding="utf-8")
    before = dict(os.environ)
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_case(case: Case, content: Content) -> Outcome:
    """Runs a case in folders of its own."""
    verb = VERBS[case.verb]
    outcome = Outcome(case)
    with tempfile.TemporaryDirectory(prefix="shipset-campaign-") as temporary:
        folder = Path(temporary)
        world = start(verb, content, folder, case.preset or verb.preset, dict(verb.switches), case.auth)
        try:
            with own_home(folder / "home", [world.source.host, world.destination.host]):
                _run(case, verb, world, outcome)
        finally:
            world.source.stop()
            world.destination.stop()
    return outcome


def _run(case: Case, verb: Verb, world: World, outcome: Outcome) -> None:
    sides = {"source": world.source, "destination": world.destination}
    kinds = [CATALOGUE[strike.effect] for strike in case.strikes]
    for strike, kind in zip(case.strikes, kinds, strict=True):
        fault = Fault(kind.make(strike.byte), strike.method, strike.kind, "", strike.nth, None if kind.always else 1)
        sides[strike.side].faults.add(fault)
    if deadlines := [kind.deadline_s for kind in kinds if kind.deadline_s]:
        world.deadline_s = min(deadlines)
    refusal = None
    if verb.fails:
        refusal = world.destination.faults.on("PUT", "manifest", path=f"(/|tag=){UNDONE_TAG}", times=None)
        refusal.status(403, code="DENIED")
    began = time.monotonic()
    error = _attempt(verb, world)
    outcome.seconds = time.monotonic() - began
    outcome.fired = sum(registry.faults.fired for registry in sides.values())
    outcome.ended = "done" if error is None else getattr(error, "kind", type(error).__name__)
    if not case.strikes:
        outcome.requests = [(name, entry.method, _kind_of(entry)) for name in sides for entry in sides[name].requests]
    complaints = outcome.complaints
    complaints += _right_end(case, verb, error, world)
    found = verb.judge(world, error is None)
    if any(strike.side == "source" and strike.kind == "referrers" for strike in case.strikes):
        # "There is no such API" cannot be told from a lie: then the list under a tag counts, and there is none.
        found = [text for text in found if text != "the referrer is not there"]
    incomplete = getattr(error, "kind", "") in ("incomplete",)
    complaints += [text for text in found if not (incomplete and text.startswith("TRANSACTION"))]
    complaints += _told_secrets(error, world)
    if outcome.seconds > world.deadline_s + STOP_S:
        complaints.append(f"it took {outcome.seconds:.0f} s")
    outcome.log = "\n".join(
        f"--- {name}\n{registry.requests}" for name, registry in sides.items() if len(registry.requests)
    )
    for registry in sides.values():
        registry.faults.clear()
        registry.settle()
    world.deadline_s = DEADLINE_S
    again = _attempt(verb, world)
    if again is not None:
        complaints.append(f"the same again, with nothing wrong, fails: {again}")
    else:
        complaints += [f"the same again: {text}" for text in verb.judge(world, True)]


def _kind_of(entry: LoggedRequest) -> str:
    if entry.kind != "manifest":
        return entry.kind
    return "digest" if ":" in entry.reference else "tag"


def _attempt(verb: Verb, world: World) -> Exception | None:
    try:
        verb.call(world)
    except Exception as error:  # which one it is, is judged
        return error
    return None


def _right_end(case: Case, verb: Verb, error: Exception | None, world: World) -> list[str]:
    """Whether the call may end like this after these faults."""
    kinds = [CATALOGUE[strike.effect] for strike in case.strikes]
    if error is None:
        return ["it succeeded, and cannot have"] if verb.fails else []
    if not isinstance(error, shipset.ShipsetError):
        return [f"it raised {type(error).__name__}: {error}"]
    complaints = []
    if not verb.fails and len(kinds) <= 1 and all(map(_heals, case.strikes)):
        complaints.append(f"this heals, and the call failed with {error.kind}:\n{error}")
    allowed = frozenset({"auth"} if verb.fails else ()).union(*(kind.kinds for kind in kinds))
    if case.verb in ("release", "delete"):
        allowed |= {"incomplete", "tag_moved", "policy"}
    if error.kind not in allowed:
        complaints.append(f"the error is {error.kind}, not one of {sorted(allowed)}:\n{error}")
    if EXIT_CODES.get(error.kind) != error.exit_code:
        complaints.append(f"the exit code of {error.kind} is {error.exit_code}")
    text = str(error)
    hosts = (world.source.host, world.destination.host)
    if error.kind != "cancelled" and not any(host in text for host in hosts) and str(world.out) not in text:
        complaints.append(f"the error names no host:\n{text}")
    if error.kind != "cancelled" and not error.hint:
        complaints.append(f"the error says not what to do:\n{text}")
    return complaints


def _heals(strike: Strike) -> bool:
    kind = CATALOGUE[strike.effect]
    return kind.heals and (strike.nth == 1 or not kind.first_only)


def _told_secrets(error: Exception | None, world: World) -> list[str]:
    told: list[Any] = [str(event) + repr(event) for event in world.events]
    if error is not None:
        told += [str(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")]
        told += [str(error.__cause__), repr(error.report.to_dict()) if getattr(error, "report", None) else ""]
    return [f"a secret was told: {found[0][:12]}…" for text in told if (found := SECRET.search(text))]
