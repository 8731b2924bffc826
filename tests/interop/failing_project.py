"""A small release whose builds go wrong: what shipset says, what its report says, and what is left behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildkit_kit import Kit
from conftest import need

HEAD = """
[release]
name = "faulty"
version = "1.0.0"
repositories = ["team/faulty"]
[tags]
rules = ["{version}-{variant}"]
[build]
backend = "buildx"
platforms = ["linux/amd64"]
"""
ONE = '[[variant]]\nname = "one"\n'


def variants(*names: str, **more: str) -> str:
    """A variant for each stage of that name; `more` is further text for one of them."""
    return "".join(f'[[variant]]\nname = "{name}"\ntarget = "{name}"\n{more.get(name, "")}\n' for name in names)


@dataclass
class Outcome:
    code: int
    said: str
    report: dict[str, Any] | None  # None: it ended before there was one

    def image(self, variant: str, platform: str = "linux/amd64") -> dict[str, Any]:
        assert self.report is not None
        (row,) = (one for one in self.report["variants"] if one["name"] == variant)
        (image,) = (one for one in row["images"] if one["platform"] == platform)
        return dict(image)

    def fault(self, variant: str, platform: str = "linux/amd64") -> str:
        return str(self.image(variant, platform)["error"]["context"]["fault"])


class Project:
    def __init__(self, kit: Kit, folder: Path, registry: str) -> None:
        self.folder, self.registry = folder / "project", registry
        self.temporary = folder / "tmp"
        for made in (self.folder, self.temporary):
            made.mkdir()
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "SHIPSET_"))}
        self.environment = outside | kit.environment | {"CI": "1", "TMPDIR": str(self.temporary)}

    @property
    def report_file(self) -> Path:
        return self.folder / "report.json"

    def write(self, dockerfile: str, variant: str = ONE, build: str = "", head: str = "") -> None:
        """`head` and `build` go to the tables release and build. Each project has steps of its own."""
        unique = dockerfile.replace("{unique}", f"# {self.folder}")
        (self.folder / "Dockerfile").write_text(unique)
        text = HEAD.replace('version = "1.0.0"\n', f'version = "1.0.0"\n{head}\n') + build + "\n" + variant
        (self.folder / "shipset.toml").write_text(text)

    def command(self, *options: str, builder: str = "one", to: str = "", goal: str = "release") -> list[str]:
        which = ["--builder", builder] if builder else []
        return [
            *(need("shipset"), goal, str(self.folder / "shipset.toml"), "--to", to or self.registry),
            *(*which, "-o", str(self.report_file), *options),
        ]

    def release(self, *options: str, environment: dict[str, str] | None = None, **how: str) -> Outcome:
        self.report_file.unlink(missing_ok=True)
        done = subprocess.run(
            self.command("--quiet", *options, **how),
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment | (environment or {}),
        )
        return self.outcome(done.returncode, done.stderr)

    def outcome(self, code: int, said: str) -> Outcome:
        report = json.loads(self.report_file.read_text()) if self.report_file.exists() else None
        return Outcome(code, said, report)

    def tags(self) -> list[str]:
        """Asked without any client; without the lists of what refers to a manifest. A registry that was never pushed to
        has no repository."""
        with contextlib.closing(http.client.HTTPConnection(self.registry, timeout=10)) as connection:
            connection.request("GET", "/v2/team/faulty/tags/list")
            answer = connection.getresponse()
            assert answer.status in (200, 404)
            found: list[str] = json.loads(answer.read()).get("tags") or []
            return sorted(tag for tag in found if not tag.startswith("sha256-"))

    def log(self, target: str) -> str:
        """What was logged of a target so far."""
        found = sorted(self.folder.glob(f".shipset/*/logs/{target}.log"))
        return found[-1].read_text() if found else ""

    def left(self) -> list[str]:
        """What is there besides the project's own files, the report, and what the next attempt takes up."""
        below = [path for path in (*self.folder.rglob("*"), *self.temporary.rglob("*")) if path.is_file()]
        known = {"Dockerfile", "shipset.toml", "report.json", ".gitignore", "seed"}
        kept = {file.parent for file in self.folder.glob(".shipset/*/journal")}
        return [
            str(path)
            for path in below
            if path.name not in known and path.parent.name != "logs" and not kept & set(path.parents)
        ]
