"""The cases of a campaign: run in processes of their own, counted, and those that ended wrong told at once."""

from __future__ import annotations

import collections
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any


class Campaign:
    """``work`` makes an outcome of the arguments of a case."""

    def __init__(self, pool: ProcessPoolExecutor, work: Callable[..., Any]) -> None:
        self._pool = pool
        self._work = work
        self._began = time.monotonic()
        self.ended: collections.Counter[str] = collections.Counter()
        self.wrong: list[Any] = []

    def run_all(self, cases: Iterable[tuple[Any, ...]]) -> list[Any]:
        outcomes = []
        for future in as_completed([self._pool.submit(self._work, *case) for case in cases]):
            outcome = future.result()
            outcomes.append(outcome)
            self.ended[outcome.ended] += 1
            if outcome.complaints:
                self.wrong.append(outcome)
                report(outcome)
        return outcomes

    def close(self, *notes: str) -> bool:
        """Prints the sums; whether anything was wrong."""
        ended = ", ".join(f"{count} {name}" for name, count in self.ended.most_common())
        print(f"\nended: {'; '.join((ended, *notes))}")
        passed = sum(self.ended.values()) - len(self.wrong)
        print(f"{passed} passed, {len(self.wrong)} failed in {time.monotonic() - self._began:.1f}s")
        return bool(self.wrong)


def report(outcome: Any) -> None:
    print(f"\nWRONG  {outcome.case}  [{outcome.ended}, {outcome.seconds:.1f} s]")
    for complaint in outcome.complaints:
        print("  " + complaint.replace("\n", "\n    "))
    print("  " + "\n  ".join(outcome.log.splitlines()[-60:]))
    script = Path(sys.argv[0]).name
    print(f"  alone: python tests/campaign/{script} --case '{outcome.case.json()}'", flush=True)
