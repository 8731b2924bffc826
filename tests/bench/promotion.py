"""Promotion of 14 tags over a link of 40 ms: everything between the last gate and the end of the release.

    python tests/bench/promotion.py [--rounds 7] [--smoke] [--check] [--json FILE]

A release of seven variants, each with an exact tag that does not exist and a `latest` that moves, to distribution 3
behind toxiproxy (40 ms round trip). The phase `promote` is timed from the events: every tag is looked at, seven old
digests get a tag that holds them, the tags move step after step, everything is read back, the holds are removed. Raw
manifests were read in preflight, connections are open from staging. Prints its median in round trips, and the requests
that name a tag. Limit: 10 round trips. `--check` exits 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import servers
from seven_variants import VARIANTS, make_project

import shipset

LIMIT = 10.0
TAGGED = re.compile(rb'"(HEAD|GET|PUT|DELETE) /v2/acme/app/manifests/(?!sha256:)[^ ?]+ HTTP/')


def requests(registry: servers.Registry) -> list[str]:
    """Methods of the requests so far that name a tag."""
    time.sleep(0.1)
    return [found.decode() for found in TAGGED.findall((registry.folder / "log").read_bytes())]


def release(file: Path, version: str, host: str, registry: servers.Registry) -> tuple[float, list[str], int]:
    """Seconds of the phase, the requests of tags in it, and the window that the report tells."""
    (file.parent / "files" / "version").write_text(version)
    plan = shipset.plan(shipset.load(file).matrix(version=version), to=host)
    before = len(requests(registry))
    times: dict[str, float] = {}

    def on_event(event: shipset.Event) -> None:
        if event.subject == "promote" and event.kind in ("phase_started", "phase_finished"):
            times[event.kind] = time.perf_counter()

    report = plan.execute(on_event=on_event).report
    if report.tags_moved != 2 * len(VARIANTS) or any(target.holds_left for target in report.targets):
        sys.exit(f"{version}: {report.tags_moved} tags moved, holds left: {report.targets[0].holds_left}")
    seconds = times["phase_finished"] - times["phase_started"]
    return seconds, requests(registry)[before:], report.promotion_ms


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--smoke", action="store_true", help="one round, no limit")
    parser.add_argument("--check", action="store_true", help="exit 1 when the limit is missed")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    servers.need("registry", "toxiproxy-server")
    seconds, windows = [], []
    with tempfile.TemporaryDirectory(prefix="shipset-promotion-") as temporary:
        folder = Path(temporary)
        file = make_project(folder / "project", '[{ from = "files/version", to = "/version" }]')
        registry = servers.Registry("distribution", folder / "registry")
        with registry.serve(), servers.slow_link(registry.port) as port:
            release(file, "1.0.0", f"127.0.0.1:{port}", registry)  # the tags `latest` that later ones move
            for number in range(1, 1 + (1 if options.smoke else options.rounds)):
                took, asked, window = release(file, f"1.{number}.0", f"127.0.0.1:{port}", registry)
                seconds.append(took)
                windows.append(window)
                kinds = ", ".join(f"{asked.count(kind)} {kind}" for kind in ("HEAD", "GET", "PUT", "DELETE"))
                print(f"promotion {took * 1000:5.0f} ms, window {window:4} ms, {len(asked)} requests: {kinds}")
    trips = statistics.median(seconds) * 1000 / servers.ROUND_TRIP_MS
    print(f"promotion of 14 tags: {trips:.1f} round trips of {servers.ROUND_TRIP_MS} ms, limit {LIMIT:.0f}")
    if options.json:
        figures = {"seconds": seconds, "window_ms": windows, "round_trips": trips, "limit": LIMIT}
        options.json.write_text(json.dumps(figures, indent=1))
    return 1 if options.check and trips > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
