"""Pushing a whole release: shipset against crane, regctl, oras and skopeo, all in one run.

    python tests/bench/push.py [--rounds 5] [--smoke] [--check] [--json FILE] [--only link,again,loopback,memory]

link      7 variants, 34 blobs, 162 MiB, over a link of 40 ms round trip and 40 MB/s per connection. The peers run one
          command for each of seven tags, in turn and all at once; shipset one command for fourteen tags.
again     the same with nothing to do.
loopback  the same release eight times as large, over plain HTTP and HTTPS without the slow link.
memory    100 GB of sparse layers to a registry that throws them away.

Prints wall seconds (median), requests, processor seconds per GiB and ratios. `--check` exits 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers
from release_layout import MIB, Layout, make_release, make_sparse

PEERS = ("crane", "regctl", "oras", "skopeo")
numbers = itertools.count()


@dataclass
class Row:
    """One line of the table; ``limit`` is the largest ratio to ``against`` that is allowed."""

    work: str
    who: str
    seconds: list[float] = field(default_factory=list)
    requests: int = 0
    cpu_seconds: float = 0.0
    size_bytes: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def command_of(peer: str, layout: Layout, variant: str, repository: str, *, tls: bool) -> list[str]:
    tag = "v1.0.0" if variant == "cpu" else f"v1.0.0-{variant}"
    target = f"{repository}:{tag}"
    if peer == "crane":
        return ["crane", "push", "--insecure", str(layout.single / variant), target]
    if peer == "regctl":
        return ["regctl", "image", "copy", f"ocidir://{layout.path}:{tag}", target]
    if peer == "oras":
        return [
            *("oras", "cp", "--from-oci-layout", f"{layout.path}:{tag}", target),
            *(["--to-insecure", "--to-plain-http=false"] if tls else ["--to-plain-http"]),
        ]
    return ["skopeo", "copy", "--all", "--dest-tls-verify=false", f"oci:{layout.path}:{tag}", f"docker://{target}"]


def shipset_command(source: Path, repository: str, *, tls: bool) -> list[str]:
    program = shutil.which("shipset") or sys.exit("shipset is not installed")
    host = repository.partition("/")[0]
    return [program, "copy", f"oci:{source}", repository, "--all-tags", *(["--insecure", host] if tls else [])]


class CommandError(Exception):
    """A command ended with an error; its text."""


def run_all(commands: list[list[str]], *, at_once: bool, environment: dict[str, str]) -> tuple[float, float]:
    """Wall and processor seconds."""
    before = os.times()
    begin = time.perf_counter()
    running: list[subprocess.Popen[bytes]] = []
    errors = []
    for command in commands:
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment))
        if not at_once:
            errors.append(error_of(running.pop()))
    errors += [error_of(process) for process in running]
    seconds = time.perf_counter() - begin
    if any(errors):
        raise CommandError(f"{commands[0][0]}: " + "".join(errors)[-2000:])
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu


def error_of(process: subprocess.Popen[bytes]) -> str:
    _, text = process.communicate(timeout=600)
    return text.decode(errors="replace") if process.returncode != 0 else ""


class Bench:
    """One registry, with what every row needs."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder, self.rounds = folder, rounds
        self.rows: list[Row] = []
        # A host's regctl configuration and everybody's credentials stay out of it.
        self.environment = {name: value for name, value in os.environ.items() if not name.endswith("_proxy")}
        for name in ("HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            self.environment[name] = str(folder / "home")
        (folder / "home").mkdir(exist_ok=True)

    def insecure_regctl(self, host: str, tls: str) -> None:
        subprocess.run(["regctl", "registry", "set", host, "--tls", tls], check=True, env=self.environment)

    def row(self, work: str, who: str, rounds: int, prepare: Callable[[], list[list[str]]], **how: Any) -> Row:
        """Runs it ``rounds`` times; ``prepare`` gives the commands of one run and is not timed."""
        registry: servers.Registry = how.pop("registry")
        row = Row(work, who, size_bytes=how.pop("size_bytes", 0))
        for _ in range(rounds):
            for attempt in range(3):
                commands = prepare()
                before = registry.requests()
                try:
                    seconds, cpu = run_all(commands, environment=self.environment, **how)
                    break
                except CommandError as failure:
                    # docker-registry 2.8 may refuse a manifest while another process writes the same link.
                    if who == "shipset" or attempt == 2:
                        sys.exit(str(failure))
                    print(f"{who}: failed and runs again: {str(failure).splitlines()[-1][:120]}")
            row.seconds.append(seconds)
            row.requests = registry.requests() - before
            row.cpu_seconds = cpu
        self.rows.append(row)
        print(line(row), flush=True)
        return row

    def best(self, work: str, how: str) -> Row:
        return min((row for row in self.rows if row.work == work and row.who.endswith(how)), key=lambda row: row.median)

    def find(self, work: str, who: str = "shipset") -> Row:
        return next(row for row in self.rows if row.work == work and row.who == who)


def line(row: Row) -> str:
    gib = row.size_bytes / (1 << 30)
    cpu = f"{row.cpu_seconds / gib:8.2f}" if gib else " " * 8
    return f"{row.work:22} {row.who:18} {row.median:8.3f} s {row.requests:6} requests {cpu} CPU s/GiB"


def new_repository(host: str) -> str:
    return f"{host}/bench/app{next(numbers)}"


def over_link(bench: Bench, layout: Layout, *, again: bool) -> None:
    with servers.Registry("plain", bench.folder / "link").serve() as registry, servers.slow_link(registry.port) as port:
        host = f"127.0.0.1:{port}"
        bench.insecure_regctl(host, "disabled")
        how = {"registry": registry, "size_bytes": layout.size_bytes}

        def peer(name: str, repository: str) -> list[list[str]]:
            return [command_of(name, layout, variant, repository, tls=False) for variant in layout.variants]

        def push(name: str) -> Callable[[], list[list[str]]]:
            return lambda: peer(name, new_repository(host))

        for name in PEERS:
            bench.row("link", f"{name} in turn", 1, push(name), at_once=False, **how)
        for _ in range(bench.rounds):  # in turn with each other, so that all see the same noise
            for name in PEERS[:3]:
                bench.row("link", f"{name} at once", 1, push(name), at_once=True, **how)
            run = lambda: [shipset_command(layout.path, new_repository(host), tls=False)]  # noqa: E731
            bench.row("link", "shipset", 1, run, at_once=True, **how)
        join_rounds(bench, "link")
        if again:
            over_link_again(bench, layout, registry, host, peer)


def over_link_again(
    bench: Bench, layout: Layout, registry: servers.Registry, host: str, peer: Callable[[str, str], list[list[str]]]
) -> None:
    repository = new_repository(host)
    commands = [shipset_command(layout.path, repository, tls=False)]
    run_all(commands, at_once=False, environment=bench.environment)
    for name in PEERS:
        bench.row(
            "again", f"{name} in turn", 1, lambda name=name: peer(name, repository), at_once=False, registry=registry
        )
    for _ in range(bench.rounds):
        for name in PEERS[:3]:
            bench.row(
                "again", f"{name} at once", 1, lambda name=name: peer(name, repository), at_once=True, registry=registry
            )
        bench.row("again", "shipset", 1, lambda: commands, at_once=True, registry=registry)
    join_rounds(bench, "again")
    bench.rows.append(inside(bench, layout.path, repository, "again"))
    print(line(bench.rows[-1]), flush=True)


def inside(bench: Bench, source: Path, repository: str, work: str) -> Row:
    """The same copy as a call, without the start of a process."""
    import shipset

    os.environ.update(bench.environment)
    row = Row(work, "shipset inside")
    for _ in range(bench.rounds):
        begin = time.perf_counter()
        shipset.copy(f"oci:{source}", repository, all_tags=True)
        row.seconds.append(time.perf_counter() - begin)
    return row


def join_rounds(bench: Bench, work: str) -> None:
    """Rows of one program become one, with all seconds."""
    joined: dict[tuple[str, str], Row] = {}
    for row in bench.rows:
        if (row.work, row.who) in joined:
            joined[row.work, row.who].seconds += row.seconds
        else:
            joined[row.work, row.who] = row
    bench.rows = list(joined.values())
    for row in bench.rows:
        if row.work == work:
            print("median:", line(row), flush=True)


def loopback(bench: Bench, layout: Layout) -> None:
    for work, kind in (("loopback http", "plain"), ("loopback https", "tls")):
        tls = kind == "tls"
        with servers.Registry(kind, bench.folder / kind).serve() as registry:
            bench.insecure_regctl(registry.host, "insecure" if tls else "disabled")
            for _ in range(max(1, bench.rounds // 2 + 1)):
                for who in (*PEERS, "shipset"):

                    def run(who: str = who, tls: bool = tls) -> list[list[str]]:
                        registry.forget()
                        repository = new_repository(registry.host)
                        if who == "shipset":
                            return [shipset_command(layout.path, repository, tls=tls)]
                        return [command_of(who, layout, variant, repository, tls=tls) for variant in layout.variants]

                    bench.row(work, who, 1, run, at_once=False, registry=registry, size_bytes=layout.size_bytes)
            join_rounds(bench, work)


@contextlib.contextmanager
def sink() -> Iterator[int]:
    tool = shutil.which("sink_tool", path=f"{os.environ.get('SHIPSET_TEST_BUILD', '')}/tests/bench") or sys.exit(
        "cannot run without sink_tool: build with SHIPSET_BENCH=ON and set SHIPSET_TEST_BUILD"
    )
    port = servers.free_port()
    with servers.running([tool, str(port)], port):
        yield port


def memory(bench: Bench, total_bytes: int) -> dict[str, int]:
    """Peak memory of a push of sparse layers above that of the same process without any work."""
    source = make_sparse(bench.folder, total_bytes, layers=8)
    script = "import shipset, sys, resource\n"
    script += "if len(sys.argv) > 1: shipset.copy(sys.argv[1], sys.argv[2])\n"
    script += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"

    def peak(*arguments: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], check=True, capture_output=True, env=bench.environment
        )
        return int(done.stdout) * 1024

    with sink() as port:
        begin = time.perf_counter()
        busy = peak(f"oci:{source}:sparse", f"127.0.0.1:{port}/app:sparse")
        seconds = time.perf_counter() - begin
    idle = peak()
    over = busy - idle
    print(
        f"memory: {total_bytes / 1e9:.0f} GB in {seconds:.1f} s, {over / MIB:.1f} MiB over the idle process", flush=True
    )
    return {"over_idle_bytes": over, "size_bytes": total_bytes}


def verdicts(bench: Bench, over_idle_bytes: int | None) -> list[tuple[str, float, float]]:
    """What is measured, its value and the limit."""
    out: list[tuple[str, float, float]] = []
    works = {row.work for row in bench.rows}
    if "link" in works:
        mine = bench.find("link")
        out.append(("link: time / best at once", mine.median / bench.best("link", "at once").median, 0.9))
        out.append(("link: time / best in turn", mine.median / bench.best("link", "in turn").median, 0.25))
        out.append(("link: requests", mine.requests, 100))
    if "again" in works:
        mine, best = bench.find("again"), bench.best("again", "at once").median
        out.append(("again: process / best at once", mine.median / best, 2.0))
        out.append(("again: inside / best at once", bench.find("again", "shipset inside").median / best, 1.0))
        out.append(("again: requests", mine.requests, 14))
    for work, limit in (("loopback http", 1.15), ("loopback https", 1.0)):
        if work in works:
            best = min(row.median for row in bench.rows if row.work == work and row.who != "shipset")
            out.append((f"{work}: time / best", bench.find(work).median / best, limit))
    if over_idle_bytes is not None:
        out.append(("memory over idle, MB", over_idle_bytes / 1e6, 24))
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="one round, small, no limits")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--only", default="link,again,loopback,memory")
    options = parser.parse_args()
    servers.need(*PEERS, "docker-registry", "toxiproxy-server", "shipset")
    wanted = set(options.only.split(","))
    rounds = 1 if options.smoke else options.rounds
    over_idle = None
    with tempfile.TemporaryDirectory(prefix="shipset-push-") as temporary:
        folder = Path(temporary)
        bench = Bench(folder, rounds)
        layout = make_release(folder / "release")
        print(f"{layout.blobs} blobs, {layout.size_bytes / MIB:.0f} MiB, {len(layout.variants)} variants, 14 tags")
        if wanted & {"link", "again"}:
            over_link(bench, layout, again="again" in wanted)
        if "loopback" in wanted:
            loopback(bench, make_release(folder / "large", scale=1 if options.smoke else 8))
        if "memory" in wanted:
            over_idle = memory(bench, 2 * 10**9 if options.smoke else 100 * 10**9)["over_idle_bytes"]
        results = verdicts(bench, over_idle)
    for name, value, limit in results:
        print(f"{name:36} {value:8.2f}   limit {limit:6.2f}   {'ok' if value <= limit else 'MISSED'}")
    if options.json:
        rows = [
            {"work": row.work, "who": row.who, "seconds": row.seconds, "requests": row.requests} for row in bench.rows
        ]
        options.json.write_text(json.dumps({"rows": rows, "limits": results}, indent=1))
    return 1 if options.check and any(value > limit for _, value, limit in results) else 0


if __name__ == "__main__":
    sys.exit(main())
