"""The model release on one real BuildKit node: buildx in turn, bake at once, shipset; each from an empty cache.

Seven variants, eleven platform images, pushed with provenance. *In turn* is one `buildx build --push` a variant, as
workflows do; *at once* is one `buildx bake`, as an expert would. Of shipset two times are taken: from the start of its
first builder process to the end of its last, and the whole command without the time of the gate's own command, until
all of it is indexed, attested, staged and tagged (14 tags). Then the same release again.

Limits, of medians: builder processes at most 1.05 x bake at once; everything at most 1 s more than that; the same again
at most 0.10 of the first and without any builder process. Exit code 1 with --check when one is missed.

    python tests/bench/build.py [--rounds 5] [--check] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))

from buildkit_kit import Kit, KitMissingError, buildkit_kit  # noqa: E402 (the tests' own kit)
from buildkit_kit import registry as serve_registry  # noqa: E402

INPUTS = ["release_tag=v1.0.0", "push_latest=true", "build_musa_cann=true"]
WRAPPER = """#!/bin/bash
begin=$EPOCHREALTIME
"{real}" "$@"
code=$?
printf '%s %s\\n' "$begin" "$EPOCHREALTIME" >> "{log}"
exit $code
"""


class Bench:
    """One kit, one registry, a copy of the example, and a buildx that notes when it runs."""

    def __init__(self, kit: Kit, host: str, folder: Path) -> None:
        self.kit, self.host, self.folder = kit, host, folder
        self.log = folder / "buildx.log"
        tools = folder / "tools"
        tools.mkdir()
        wrapper = tools / "buildx"
        wrapper.write_text(WRAPPER.format(real=shutil.which("buildx"), log=self.log))
        wrapper.chmod(0o755)
        self.environ = os.environ | kit.environment
        self.environ["PATH"] = f"{tools}:{self.environ['PATH']}"
        self.example = folder / "model-runner"
        shutil.copytree(ROOT / "examples" / "model-runner", self.example)

    def run(self, *command: str) -> tuple[float, str]:
        """Seconds and standard output."""
        start = time.monotonic()
        done = subprocess.run(command, cwd=self.example, env=self.environ, check=False, capture_output=True)
        seconds = time.monotonic() - start
        if done.returncode != 0:
            sys.exit(f"{command[:4]} failed:\n{done.stderr.decode()[-4000:]}")
        return seconds, done.stdout.decode()

    def processes(self) -> list[tuple[float, float]]:
        """Begin and end of each builder process since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [(float(line.split()[0]), float(line.split()[1])) for line in lines]

    def targets(self, repository: str) -> dict[str, Any]:
        """The release as an expert's bake file: from shipset's own, without pins, with tags."""
        _, text = self.run(*self.shipset("plan", repository), "--format", "bake")
        targets = json.loads(text)["target"]
        for name, target in targets.items():
            target.pop("contexts", None)
            suffix = "" if name == "cpu" else f"-{name}"
            target["tags"] = [f"{repository}:v1.0.0{suffix}", f"{repository}:latest{suffix}"]
            target["output"] = [{"type": "registry"}]
        return dict(targets)

    def shipset(self, command: str, repository: str) -> list[str]:
        host, _, path = repository.partition("/")
        file = self.example / f"{path.replace('/', '-')}.toml"
        text = (ROOT / "examples/model-runner/shipset.toml").read_text()
        file.write_text(text.replace('"docker/model-runner"', f'"{path}"', 1))
        inputs = [word for pair in INPUTS for word in ("--input", pair)]
        return [sys.executable, "-m", "shipset", command, str(file), "--builder", "one", "--to", host, "-q", *inputs]

    def repository(self) -> str:
        return f"{self.host}/bench/{uuid.uuid4().hex[:12]}"

    def in_turn(self) -> float:
        """Seconds of one `buildx build` a variant, one after the other."""
        commands = []
        for target in self.targets(self.repository()).values():
            words = ["--target", target["target"], "--platform", ",".join(target["platforms"]), "--push"]
            for name, value in target["args"].items():
                words += ["--build-arg", f"{name}={value}"]
            for tag in target["tags"]:
                words += ["--tag", tag]
            commands.append(["buildx", "build", "--builder", "one", "--provenance", "mode=max", *words, "."])
        self.kit.prune()
        return sum(self.run(*command)[0] for command in commands)

    def at_once(self) -> float:
        """Seconds of one `buildx bake`."""
        file = self.folder / "bake.json"
        file.write_text(json.dumps({"target": (targets := self.targets(self.repository()))}))
        self.kit.prune()
        return self.run("buildx", "bake", "--builder", "one", "--file", str(file), *targets)[0]

    def shipped(self) -> tuple[float, float, float]:
        """Seconds of the builder processes, of everything without the gate, and of the same again."""
        command = [*self.shipset("release", self.repository()), "--format", "json"]
        self.kit.prune()
        self.processes()
        seconds, text = self.run(*command)
        report = json.loads(text)
        gates = sum(gate["duration_ms"] for gate in report["gates"]) / 1000
        processes = self.processes()
        built = max(end for _, end in processes) - min(begin for begin, _ in processes)
        if report["tags_moved"] != 14:
            sys.exit(f"{report['tags_moved']} tags moved")
        again, text = self.run(*command)
        if json.loads(text)["outcome"] != "nothing to do" or self.processes():
            sys.exit("the same release again did something")
        return built, seconds - gates, again


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit code 1 when a limit is missed")
    parser.add_argument("--smoke", action="store_true", help="one round, no limits: does it run at all")
    options = parser.parse_args()
    rounds = 1 if options.smoke else options.rounds
    samples: dict[str, list[float]] = {name: [] for name in ("in turn", "at once", "built", "tagged", "again")}
    with tempfile.TemporaryDirectory() as temporary, buildkit_kit() as kit:
        folder = Path(temporary)
        with serve_registry(folder / "registry") as host:
            bench = Bench(kit, host, folder)
            bench.at_once()  # base layers and the pages of programs come from the disk once
            for _ in range(rounds):
                samples["in turn"].append(bench.in_turn())
                samples["at once"].append(bench.at_once())
                for name, seconds in zip(("built", "tagged", "again"), bench.shipped(), strict=True):
                    samples[name].append(seconds)
    middle = {name: statistics.median(values) for name, values in samples.items()}
    for name, values in samples.items():
        print(f"{name:8} {middle[name]:7.2f} s   {' '.join(f'{value:.2f}' for value in values)}")
    at_once = middle["at once"]
    checks = [
        ("builder processes / bake at once", middle["built"] / at_once, 1.05),
        ("tagged - 1.05 x bake at once, s", middle["tagged"] - 1.05 * at_once, 1.0),
        ("the same again / first", middle["again"] / middle["tagged"], 0.10),
    ]
    missed = False
    for name, value, limit in checks:
        print(f"{name:34} {value:6.2f}   limit {limit}")
        missed |= value > limit
    print(f"{'in turn / tagged':34} {middle['in turn'] / middle['tagged']:6.2f}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KitMissingError as missing:
        sys.exit(f"cannot run: {missing}")
