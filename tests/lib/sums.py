"""Adds up the closing lines of Catch2 and pytest in the logs of tests/run.sh: one line for all runners."""

import re
import sys
from pathlib import Path

CATCH_ALL = re.compile(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)")
CATCH_SOME = re.compile(r"test cases:\s+(\d+)((?:\s*\|\s*\d+ \w+(?: \w+)*)*)")
PYTEST = re.compile(r"^=* ?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)


def count(text: str, runners: int = 1) -> tuple[int, int, int]:
    """Passed, failed, skipped in one log, where the last so many closing lines in pytest's form count."""
    passed = sum(int(n) for n in CATCH_ALL.findall(text))
    failed = skipped = 0
    for total, rest in CATCH_SOME.findall(text):
        named = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", rest)}
        failed += named.get("failed", 0)
        skipped += named.get("skipped", 0)
        passed += named.get("passed", int(total) - named.get("failed", 0) - named.get("skipped", 0))
    for line in PYTEST.findall(text)[-runners:]:
        named = {word.rstrip("s"): int(n) for n, word in re.findall(r"(\d+) (\w+)", line)}
        passed += named.get("passed", 0) + named.get("xfailed", 0)
        failed += named.get("failed", 0) + named.get("error", 0) + named.get("xpassed", 0)
        skipped += named.get("skipped", 0)
    return passed, failed, skipped


def main() -> None:
    logs, failed_parts = Path(sys.argv[1]), int(sys.argv[2])
    sums = [0, 0, 0]
    for name in ("cpp", "asan", "tsan", "python", "interop", "campaign"):
        log = logs / f"{name}.log"
        if log.exists():
            found = count(log.read_text(errors="replace"), 3 if name == "campaign" else 1)
            sums = [a + b for a, b in zip(sums, found, strict=True)]
    parts = f"; {failed_parts} parts failed" if failed_parts else ""
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped{parts}")


if __name__ == "__main__":
    main()
