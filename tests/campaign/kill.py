"""The kill campaign: a release is ended by SIGKILL at every step of its journal and at random moments, then another
process resumes it, takes it back, or releases again; sometimes that one is killed too.

    python tests/campaign/kill.py [--full] [--seed N] [--random N] [--registry NAME] [--case JSON]

The short form strikes every write of the journal once and 16 random moments; --full strikes each write before, half-way
and after, on every registry, and 1,000 random moments. What fails prints the line that runs it alone. Exit code
0: tags were all old or all new, nothing was sent twice, nothing was left over.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from kill_case import Case, Outcome, run_case
from kill_world import Distribution, Fake, Kill, compile_shim, make_old, serve_distribution
from pool import Campaign

REGISTRIES = ("oci", "distribution-3.1", "distribution", "distribution-2.8", "quay", "ghcr")
RECOVERIES = (("resume",), ("rollback",), ("release",), ("rollback", "release"))
_shared: list[tuple[Path, str, Path]] = []


def prepare(folder: str, host: str, log: str) -> None:
    _shared.append((Path(folder), host, Path(log)))


def place_of(registry: str, name: str) -> AbstractContextManager[Fake | Distribution]:
    if registry == "distribution":
        return Distribution(_shared[0][1], _shared[0][2], name)
    return Fake(registry)


def work(case: Case, after: dict[str, str]) -> Outcome:
    """Runs a case in a folder of its own; what it raises is a complaint."""
    root = _shared[0][0]
    folder = Path(tempfile.mkdtemp(dir=root, prefix="case-"))
    name = re.sub(r"[^a-z0-9]", "0", folder.name.lower()) + str(time.time_ns())
    try:
        return run_case(case, place_of(case.registry, name), folder, root / "layout", root / "journal_kill.so", after)
    except Exception as problem:
        return Outcome(case, "broke", 0, complaints=[f"{type(problem).__name__}: {problem}"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def random_case(seed: int, plain: dict[str, Outcome]) -> Case:
    """A moment anywhere in a release; one in three times the process that recovers is killed too."""
    pick = random.Random(seed)
    registry = pick.choice(sorted(plain))
    kill = random_kill(pick, plain[registry])
    then = pick.choice(RECOVERIES)
    second = None
    if pick.random() < 1 / 3:
        second = random_kill(pick, plain[registry])
        then = (then[0], *pick.choice(RECOVERIES))
    mirror = pick.random() < 1 / 3
    moved = mirror and second is None and pick.random() < 1 / 2
    return Case(registry, kill, then, second, mirror, moved, staged=not moved and pick.random() < 1 / 4)


def random_kill(pick: random.Random, plain: Outcome) -> Kill:
    by = pick.choice(("journal", "time") if plain.case.registry == "distribution" else ("journal", "request", "time"))
    if by == "journal":
        return Kill(by, pick.randint(1, plain.journal_lines), pick.choice("bha"))
    if by == "request":
        return Kill(by, pick.randint(1, plain.requests), pick.choice("ba"))
    return Kill(by, pick.randint(plain.milliseconds // 4, plain.milliseconds))


def steps(plain: dict[str, Outcome], seed: int, *, full: bool) -> list[Case]:
    """Every write to the journal."""
    cases = []
    for shift, registry in enumerate(sorted(plain)) if full else ():
        for nth in range(1, plain[registry].journal_lines + 1):
            for number, how in enumerate("bha"):
                # Over the registries every step meets every way to recover.
                cases.append(
                    Case(registry, Kill("journal", nth, how), RECOVERIES[(nth + number + shift) % len(RECOVERIES)])
                )
    if not full and plain:
        pick = random.Random(seed)
        for nth in range(1, max(outcome.journal_lines for outcome in plain.values()) + 1):
            kill = Kill("journal", nth, pick.choice("bha"))
            cases.append(Case(pick.choice(sorted(plain)), kill, pick.choice(RECOVERIES)))
    return cases


class Kills(Campaign):
    """Knows what the tags of a release are that nobody killed, by registry."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        super().__init__(pool, work)
        self.after: dict[str, dict[str, str]] = {}

    def run(self, cases: list[Case]) -> list[Outcome]:
        return self.run_all((case, self.after.get(case.registry, {})) for case in cases)

    def plain(self, registries: list[str]) -> dict[str, Outcome]:
        """A release that nobody kills tells what the tags are to be, and how many steps there are."""
        done = {o.case.registry: o for o in self.run([Case(registry, None) for registry in registries])}
        self.after = {registry: outcome.after for registry, outcome in done.items()}
        return done


@contextlib.contextmanager
def distribution(folder: Path, registries: list[str]) -> Iterator[tuple[str, Path]]:
    """The real one, when it is wanted."""
    if "distribution" not in registries:
        yield "", folder
        return
    with serve_distribution(folder / "distribution") as running:
        yield running


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int)
    parser.add_argument("--registry", action="append", choices=REGISTRIES)
    parser.add_argument("--case")
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    alone = Case.parse(options.case) if options.case else None
    registries = options.registry or list(REGISTRIES if options.full else REGISTRIES[:3])
    if alone is not None:
        registries = [alone.registry]
    with tempfile.TemporaryDirectory(prefix="shipset-kill-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        make_old(folder)
        compile_shim(folder)
        host, log = stack.enter_context(distribution(folder, registries))
        context = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(options.workers, context, prepare, (name, host, str(log))))
        campaign = Kills(pool)
        plain = campaign.plain(registries)
        if campaign.wrong:
            pass
        elif alone is not None:
            campaign.run([alone])
        else:
            count = options.random if options.random is not None else 1000 if options.full else 16
            cases = steps(plain, options.seed, full=options.full)
            cases += [random_case(options.seed * 100_000 + number, plain) for number in range(count)]
            campaign.run(cases)
    return campaign.close(f"seed {options.seed}")


if __name__ == "__main__":
    sys.exit(main())
