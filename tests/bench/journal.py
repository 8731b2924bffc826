"""What the journal costs: the time in writing and flushing it, as a part of the whole release.

    python tests/bench/journal.py [--rounds 5] [--smoke] [--check] [--json FILE]

A release of seven variants (32 MiB each, built natively, 14 tags) as a process, to distribution 3 on this machine. A
preloaded library adds up the time of every write and flush of the journal and of what lies beside it. Prints the median
of the shares. Limit: 1 %. `--check` exits 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers
from seven_variants import VARIANTS, make_project

LIMIT = 0.01
MIB = 1 << 20
HERE = Path(__file__).resolve().parent


def add_noise(folder: Path, mib: int) -> None:
    for number in range(mib):
        (folder / f"noise-{number}").write_bytes(random.Random(number).randbytes(MIB))


def add_version(folder: Path, version: str, mib: int) -> None:
    for name in VARIANTS:
        with (folder / "files" / f"{name}-{version}").open("wb") as stream:
            for number in range(mib):
                stream.write(f"{name} {version} {number}\n".encode())
                stream.write((folder / f"noise-{number}").read_bytes())


def release(folder: Path, version: str, to: str, library: Path) -> tuple[float, float, int]:
    """Seconds of the process, seconds and calls of its journal."""
    told = folder / "told"
    environment = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("GITHUB_")}
    environment |= {"LD_PRELOAD": str(library), "SHIPSET_BENCH_JOURNAL": str(told)}
    command = [sys.executable, "-m", "shipset", "release", "-q", "--to", to, "--input", f"version={version}"]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    nanoseconds, calls = told.read_text().split()
    told.unlink()
    return seconds, int(nanoseconds) / 1e9, int(calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="one small round, no limit")
    parser.add_argument("--check", action="store_true", help="exit 1 when the limit is missed")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    servers.need("registry")
    mib = 2 if options.smoke else 32
    shares = []
    with tempfile.TemporaryDirectory(prefix="shipset-journal-") as temporary:
        layers = '[{ from = "files/{variant}-{version}", to = "/data" }]'
        folder = make_project(Path(temporary) / "project", layers).parent
        add_noise(folder, mib)
        library = Path(temporary) / "journal_time.so"
        source = str(HERE / "journal_time.c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), source, "-ldl"], check=True)
        registry = servers.Registry("distribution", Path(temporary) / "registry")
        with registry.serve():
            for number in range(1 if options.smoke else options.rounds):
                version = f"1.{number}.0"
                add_version(folder, version, mib)
                whole, journal, calls = release(folder, version, f"127.0.0.1:{registry.port}", library)
                shares.append(journal / whole)
                print(
                    f"release {whole:6.2f} s, journal {journal * 1000:6.1f} ms in {calls} calls: {journal / whole:.2%}"
                )
    share = statistics.median(shares)
    print(f"journal: {share:.2%} of a release of {len(VARIANTS) * mib} MiB, limit {LIMIT:.0%}")
    if options.json:
        options.json.write_text(json.dumps({"shares": shares, "limit": LIMIT}, indent=1))
    return 1 if options.check and share > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
