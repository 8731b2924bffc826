"""Packing of one large tar layer against `crane append` and `pigz -6`, all on the same two cores, in one run.

    python tests/bench/packing.py [--size-mb 2048] [--rounds 2] [--json FILE] [--tar FILE] [--smoke]

The tar is made from a seed: many files of mixed kinds that compress about 3:1. Each tool runs `--rounds` times in
turn and its best time counts. Digests are recomputed from the decompressed output by sha256sum. Exits 1 when a target
is missed; `--smoke` only shows that the benchmark runs. Needs crane, pigz, taskset and the program packing_tool (CMake
option SHIPSET_BENCH).
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORES = "0,1"
TARGETS = {"gzip-fast": 10.0, "gzip": 5.0}  # times faster than crane append
MEMORY_LIMIT_BYTES = 64 << 20
POOL_BYTES = 24 << 20


def text_pool(seed: random.Random, size_bytes: int) -> bytes:
    """Lines as in source code: common words often, rare ones seldom, and many lines like one shortly before."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(seed.choices(letters, range(26, 0, -1), k=seed.randint(2, 11))) for _ in range(6000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    lines: list[str] = []
    size = 0
    while size < size_bytes:
        picked = iter(seed.choices(words, weights, k=4000))
        for word in picked:
            if lines and seed.random() < 0.4:
                line = lines[-seed.randint(1, min(len(lines), 120))]
                line = line[: seed.randint(8, len(line))] + word + ";\n"
            else:
                rest = [word, *itertools.islice(picked, 6)]
                line = f"{' ' * (4 * seed.randrange(4))}{' '.join(rest)}({seed.randrange(1000)});\n"
            lines.append(line)
            size += len(line)
    return "".join(lines).encode()[:size_bytes]


def binary_pool(seed: random.Random, size_bytes: int) -> bytes:
    """Records as in object code: few distinct opcodes, sequences that come again, small operands, some addresses."""
    codes = [seed.randbytes(seed.randint(1, 4)) for _ in range(700)]
    weights = [1 / (rank + 1) for rank in range(3000)]
    phrases = [b"".join(seed.choices(codes, weights[:700], k=seed.randint(3, 12))) for _ in range(3000)]
    parts: list[bytes] = []
    size = 0
    while size < size_bytes:
        pairs = zip(seed.choices(codes, weights[:700], k=4000), seed.choices(phrases, weights, k=4000), strict=True)
        for code, phrase in pairs:
            kind = seed.getrandbits(8)
            operand = bytes([kind & 15, 0, 0, 0]) if kind < 190 else seed.randbytes(2) if kind < 215 else b""
            parts.append(phrase if kind < 110 else code + operand)
            size += len(parts[-1])
    return b"".join(parts)[:size_bytes]


def make_tar(path: Path, size_bytes: int) -> int:
    """Writes the tar and returns its number of files."""
    seed = random.Random("shipset packing")
    pools = [text_pool(seed, POOL_BYTES), binary_pool(seed, POOL_BYTES), seed.randbytes(POOL_BYTES // 4)]
    files = 0
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        while tar.offset < size_bytes:
            pool = seed.choices(pools, (67, 30, 3))[0]
            length = min(int(seed.lognormvariate(8.6, 1.6)), 8 << 20, len(pool))
            begin = seed.randrange(len(pool) - length + 1)
            info = tarfile.TarInfo(f"usr/lib/part{files % 97:02}/module{files // 97 % 211:03}/file{files:07}.bin")
            info.size = length
            info.mtime = 1_700_000_000
            tar.addfile(info, io.BytesIO(pool[begin : begin + length]))
            files += 1
    return files


def timed(command: list[str], stdout: Any = subprocess.DEVNULL) -> dict[str, Any]:
    """Time on the clock and on the processors, and peak memory, of a command on the two cores."""
    begin = time.perf_counter()
    process = subprocess.Popen(["taskset", "-c", CORES, *command], stdout=stdout)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed with exit code {process.returncode}")
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}


def sha256(command: str) -> str:
    output = subprocess.run(["bash", "-o", "pipefail", "-c", command + " | sha256sum"], check=True, capture_output=True)
    return "sha256:" + output.stdout.decode().split()[0]


def run_crane(crane: str, tar: Path, work: Path) -> dict[str, Any]:
    out = work / "crane.tar"
    command = [crane, "append", "--oci-empty-base", "-f", str(tar), "-t", "example.test/a:b", "-o", str(out)]
    result = timed(command)
    result["size_bytes"] = out.stat().st_size
    out.unlink()
    return result


def run_pigz(tar: Path, work: Path) -> dict[str, Any]:
    out = work / "pigz.gz"
    with out.open("wb") as stream:
        result = timed(["pigz", "-6", "-p", "2", "-c", str(tar)], stream)
    result["size_bytes"] = out.stat().st_size
    out.unlink()
    return result


def run_shipset(tool: Path, compression: str, tar: Path, work: Path, verify: bool) -> dict[str, Any]:
    out = work / "layer"
    answer = work / "answer.json"
    with answer.open("wb") as stream:
        times = timed([str(tool), compression, "0", str(tar), str(out)], stream)
    result: dict[str, Any] = json.loads(answer.read_text())
    result |= {name: times[name] for name in ("seconds", "cpu_seconds")}  # of the whole process, as with the others
    if verify:
        unpack = "zstd -dc" if compression == "zstd" else "gzip -dc"
        if sha256(f"{unpack} < '{out}'") != result["diff_id"] or result["diff_id"] != sha256(f"cat '{tar}'"):
            sys.exit(f"{compression}: the diff id is not the digest of the tar")
        if sha256(f"cat '{out}'") != result["digest"] or out.stat().st_size != result["size_bytes"]:
            sys.exit(f"{compression}: the digest is not that of the layer")
    out.unlink()
    return result


def find_tool() -> Path:
    builds = [os.environ.get("SHIPSET_TEST_BUILD", ""), str(ROOT / "build" / "cpp")]
    for build in filter(None, builds):
        tool = Path(build) / "tests" / "bench" / "packing_tool"
        if tool.exists():
            return tool
    sys.exit("packing_tool was not found: build with -DSHIPSET_BENCH=ON and set SHIPSET_TEST_BUILD")


def measure(tar: Path, work: Path, rounds: int) -> dict[str, dict[str, Any]]:
    tool = find_tool()
    crane = shutil.which("crane") or str(ROOT / "build" / "tools" / "bin" / "crane")
    runs = {
        "crane append": lambda first: run_crane(crane, tar, work),
        "pigz -6": lambda first: run_pigz(tar, work),
        "shipset gzip": lambda first: run_shipset(tool, "gzip", tar, work, first),
        "shipset gzip-fast": lambda first: run_shipset(tool, "gzip-fast", tar, work, first),
        "shipset zstd": lambda first: run_shipset(tool, "zstd", tar, work, first),
    }
    best: dict[str, dict[str, Any]] = {}
    for turn in range(rounds):
        for name, run in runs.items():
            result = run(turn == 0)
            if name not in best or result["seconds"] < best[name]["seconds"]:
                best[name] = result
            print(f"round {turn + 1}: {name} {result['seconds']:.2f} s", file=sys.stderr)
    return best


def report(best: dict[str, dict[str, Any]], tar_bytes: int) -> list[str]:
    """Prints the table; returns the targets that were missed."""
    crane, pigz = best["crane append"]["seconds"], best["pigz -6"]["seconds"]
    missed = []
    head = f"{'':18} {'seconds':>8} {'CPU s':>6} {'MB/s':>6} {'x crane':>8} {'x pigz':>7} {'ratio':>6}"
    print(f"{head} {'memory over idle':>17}")
    for name, result in best.items():
        seconds = result["seconds"]
        memory = ""
        if "idle_bytes" in result:
            over = result["peak_bytes"] - result["idle_bytes"]
            memory = f"{over / 1e6:.1f} MB"
            if over > MEMORY_LIMIT_BYTES:
                missed.append(f"{name}: {memory} over idle")
        print(
            f"{name:18} {seconds:8.2f} {result['cpu_seconds']:6.2f} {tar_bytes / seconds / 1e6:6.0f} "
            f"{crane / seconds:8.2f} {pigz / seconds:7.2f} {tar_bytes / result['size_bytes']:6.3f} {memory:>17}"
        )
        target = TARGETS.get(name.removeprefix("shipset "))
        if target and result["used"] == name.removeprefix("shipset ") and crane / seconds < target:
            missed.append(f"{name}: {crane / seconds:.2f} times crane append; the target is {target:g}")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mb", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--tar", type=Path, help="pack this uncompressed tar instead of a made one")
    parser.add_argument("--smoke", action="store_true", help="a small tar, once, no limits: does the benchmark run?")
    options = parser.parse_args()
    if options.smoke:
        options.size_mb, options.rounds = 64, 1
    with tempfile.TemporaryDirectory(prefix="shipset-bench-") as folder:
        work = Path(folder)
        tar = options.tar or work / "input.tar"
        if options.tar is None:
            files = make_tar(tar, options.size_mb << 20)
            print(f"made {tar.stat().st_size / 1e6:.0f} MB in {files} files", file=sys.stderr)
        best = measure(tar, work, options.rounds)
        missed = report(best, tar.stat().st_size)
        if options.json:
            options.json.write_text(json.dumps({"tar_bytes": tar.stat().st_size, "results": best}, indent=1) + "\n")
    for line in missed:
        print("missed: " + line)
    return 1 if missed and not options.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
