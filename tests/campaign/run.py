"""The fault campaign: every fault of shipset.testing on every verb, and seeded random mixtures of them.

    python tests/campaign/run.py [--full] [--seed N] [--mixtures N] [--verb VERB] [--effect TEXT] [--case JSON]

The short form strikes one kind of request for each fault and verb, and 40 mixtures; --full strikes every kind of
request that the verb makes, first and last, and 300 mixtures. What fails prints the line that runs it alone. Exit code
0: every call ended right.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import random
import signal
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from case import Case, Outcome, Strike, run_case
from catalogue import CATALOGUE
from content import Content, make_content
from pool import Campaign
from verbs import VERBS

HANGING_S = 150
PRESETS = ("oci", "distribution-2.8", "distribution-3.1", "crane", "ghcr", "quay", "harbor", "gar")
_content: list[Content] = []


def prepare(folder: str) -> None:
    """In each worker: the content, from the layout that the first process made."""
    mine = Path(tempfile.mkdtemp(dir=folder))
    _content.append(make_content(mine))


def work(case: Case) -> Outcome:
    """Runs a case; one that hangs is broken off, as by Ctrl-C, and is a complaint."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError(f"the case was broken off after {HANGING_S} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGING_S)
    try:
        return run_case(case, _content[0])
    except TimeoutError as error:
        return Outcome(case, "hung", HANGING_S, complaints=[str(error)])
    finally:
        signal.alarm(0)


Requests = dict[tuple[str, str, str], int]


def singles(verb: str, requests: Requests, auth: bool, *, full: bool, seed: int) -> list[Case]:
    """Each fault of the catalogue on the requests of a verb that it can strike."""
    cases = []
    for name, kind in CATALOGUE.items():
        places = [place for place in sorted(requests) if kind.fits(*place[1:]) and place[0] in VERBS[verb].sides]
        places = [place for place in places if not VERBS[verb].only_kinds or place[2] in VERBS[verb].only_kinds]
        if not full and places:
            places = random.Random(f"{seed}/{verb}/{name}").sample(places, 1)
        for place in places:
            last = requests[place]
            for nth in {1, last} if full else {1}:
                cases.append(Case(verb, (Strike(name, *place, nth=nth),), auth=auth))
    return cases


def mixture(seed: int, found: dict[tuple[str, str, bool], Requests]) -> Case:
    """Two to four faults at once, on any verb and registry."""
    pick = random.Random(seed)
    verb, preset, auth = pick.choice(sorted(found))
    requests = found[verb, preset, auth]
    strikes: list[Strike] = []
    count = pick.randint(2, 4)
    while len(strikes) < count:
        name = pick.choice(sorted(CATALOGUE))
        places = [place for place in sorted(requests) if CATALOGUE[name].fits(*place[1:])]
        if places:
            place = pick.choice(places)
            strikes.append(Strike(name, *place, nth=pick.randint(1, requests[place]), byte=pick.randint(0, 150_000)))
    return Case(verb, tuple(strikes), preset, auth, seed)


class Faults(Campaign):
    """Counts the cases in which no fault struck."""

    idle = 0

    def run(self, cases: list[Case]) -> list[Outcome]:
        outcomes = self.run_all((case,) for case in cases)
        self.idle += sum(bool(outcome.case.strikes) and outcome.fired == 0 for outcome in outcomes)
        return outcomes


def requests_of(outcome: Outcome) -> Requests:
    return dict(collections.Counter(outcome.requests))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mixtures", type=int)
    parser.add_argument("--verb", action="append", choices=list(VERBS))
    parser.add_argument("--effect", default="")
    parser.add_argument("--case")
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    verbs = options.verb or list(VERBS)
    with tempfile.TemporaryDirectory(prefix="shipset-campaign-") as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.workers, context, prepare, (folder,)) as pool:
            campaign = Faults(pool, work)
            if options.case:
                campaign.run([Case.parse(options.case)])
            else:
                cases = plan(campaign, verbs, options)
                campaign.run(cases)
    return campaign.close(f"in {campaign.idle} no fault struck", f"seed {options.seed}")


def plan(campaign: Faults, verbs: list[str], options: argparse.Namespace) -> list[Case]:
    """First every verb without a fault, which tells what it asks; from that the cases."""
    count = options.mixtures if options.mixtures is not None else 300 if options.full else 40
    plain = [Case(verb, auth=auth) for verb in verbs for auth in (False, True)]
    varied = [Case(verb, preset=preset, auth=auth) for verb in verbs for preset in PRESETS for auth in (False, True)]
    if count < len(varied) // 2:
        varied = random.Random(options.seed).sample(varied, max(count, 1) // 2) if count else []
    seen = campaign.run([*plain, *varied])
    cases = []
    for outcome in seen:
        if not outcome.case.preset:
            # Half of the verbs with a login in the short form: the token server is struck too.
            wanted = options.full or outcome.case.auth == (verbs.index(outcome.case.verb) % 2 == 0)
            if wanted:
                arguments = {"full": options.full, "seed": options.seed}
                cases += singles(outcome.case.verb, requests_of(outcome), outcome.case.auth, **arguments)
    cases = [case for case in cases if options.effect in case.strikes[0].effect]
    found = {(o.case.verb, o.case.preset, o.case.auth): requests_of(o) for o in seen if o.case.preset}
    if found and not options.effect:
        cases += [mixture(options.seed * 100_000 + number, found) for number in range(count)]
    return cases


if __name__ == "__main__":
    sys.exit(main())
