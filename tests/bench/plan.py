"""Planning 1,000 variants x 4 platforms x 6 tags against `buildx bake --print` on the same matrix.

Prints wall seconds and ratios of one run: inside the process, and as a whole command with Python's start; then how
planning grows up to 10,000 variants. Limits (as ratios): 7 inside, 3 as a command, and at most 1.5 times the time per
variant at ten times the variants. Exit code 1 when a limit is missed.

    python tests/bench/plan.py [--smoke]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PLATFORMS = ["linux/amd64", "linux/arm64", "linux/riscv64", "linux/s390x"]
TAGS = ["{version}", "{version.major}.{version.minor}", "{version.major}", "latest", "edge", "stable"]


def axes(variants: int) -> tuple[list[str], list[str]]:
    side = 40
    return [f"a{i}" for i in range(variants // side)], [f"b{i}" for i in range(side)]


def release_file(variants: int) -> str:
    first, second = axes(variants)
    rules = ",\n".join(
        f'  {{ tag = "{tag}{{-suffix}}", moves = "{"never" if tag == "{version}" else "always"}" }}' for tag in TAGS
    )
    return f"""
[release]
name = "bench"
version = "v1.2.3"
repositories = ["acme/app"]
[build]
backend = "native"
platforms = {json.dumps(PLATFORMS)}
args = {{ ENGINE = "{{axis.a}}", HARDWARE = "{{axis.b}}" }}
[build.native]
config = {{ entrypoint = ["/app"], env = {{ VARIANT = "{{variant}}" }} }}
[matrix]
name = "{{axis.a}}-{{axis.b}}"
[matrix.axis.a]
values = {json.dumps(first)}
[matrix.axis.b]
values = {json.dumps(second)}
[tags]
rules = [
{rules},
]
"""


def bake_file(variants: int) -> str:
    first, second = axes(variants)
    names = ["v1.2.3", "1.2", "1", "latest", "edge", "stable"]
    tags = ", ".join(f'"acme/app:{name}-${{a}}-${{b}}"' for name in names)
    return f"""
target "app" {{
  name = "${{a}}-${{b}}"
  matrix = {{ a = {json.dumps(first)}, b = {json.dumps(second)} }}
  dockerfile = "Dockerfile"
  platforms = {json.dumps(PLATFORMS)}
  args = {{ ENGINE = a, HARDWARE = b }}
  tags = [{tags}]
}}
group "default" {{ targets = ["app"] }}
"""


def median(run: Callable[[], None], times: int) -> float:
    samples = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples)


def command(arguments: list[str], folder: Path) -> Callable[[], None]:
    def run() -> None:
        subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return run


def inside(folder: Path, name: str) -> Callable[[], None]:
    import shipset

    def run() -> None:
        matrix = shipset.load(folder / name).matrix()
        text = shipset.plan(matrix, to=f"oci:{folder / 'empty'}").to_json()
        assert text.startswith("{")

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="fewer runs and variants, no limits")
    options = parser.parse_args()
    variants, times = (200, 1) if options.smoke else (1000, 5)
    buildx, shipset_command = shutil.which("buildx"), shutil.which("shipset")
    if buildx is None or shipset_command is None:
        print(f"cannot run: buildx is {buildx}, shipset is {shipset_command}; tests/run.sh installs both")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "docker-bake.hcl").write_text(bake_file(variants))
        sizes = [variants, 2 * variants, 5 * variants, 10 * variants]
        for size in sizes:
            (folder / f"{size}.toml").write_text(release_file(size))
        peer = median(command([buildx, "bake", "-f", "docker-bake.hcl", "--print"], folder), times)
        whole = median(
            command([shipset_command, "plan", f"{variants}.toml", "--to", "oci:empty", "--format", "json"], folder),
            times,
        )
        seconds = {size: median(inside(folder, f"{size}.toml"), times) for size in sizes}
    print(f"{variants} variants x {len(PLATFORMS)} platforms x {len(TAGS)} tags, median of {times}")
    print(f"{'buildx bake --print':34} {peer:7.3f} s")
    print(f"{'shipset plan, whole command':34} {whole:7.3f} s  {peer / whole:5.1f} x faster (limit 3)")
    print(f"{'shipset plan, inside':34} {seconds[variants]:7.3f} s  {peer / seconds[variants]:5.1f} x faster (limit 7)")
    for size in sizes[1:]:
        growth = seconds[size] / size / (seconds[variants] / variants)
        print(f"{f'inside, {size} variants':34} {seconds[size]:7.3f} s  {growth:5.2f} x the time per variant")
    growth = seconds[sizes[-1]] / 10 / seconds[variants]
    missed = peer / whole < 3 or peer / seconds[variants] < 7 or growth > 1.5
    return 1 if missed and not options.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
