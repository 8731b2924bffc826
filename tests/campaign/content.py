"""What the campaign moves: a small release in two variants for two platforms, with attestations and a referrer.

Everything is read from a layout that shipset released once, and from there on compared byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shipset
from shipset.testing import FakeRegistry

sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from helpers import tags_of
from release_files import BOTH, release_file

REPOSITORY = "team/app"
INDEX = "application/vnd.oci.image.index.v1+json"


def release_text(moves: str) -> str:
    """Every image has a layer that all have, and one of its variant."""
    layers = '[{ from = "files", to = "/app" }, { from = "{variant}", to = "/extra" }]'
    return release_file("plain", "extra", default="1.0.0", platforms=BOTH, layers=layers, moves=moves)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Content:
    """Digest → bytes of everything, tag → digest, and the referrer of the first tag."""

    layout: Path
    project: Path
    objects: dict[str, bytes]
    tags: dict[str, str]
    referrer: str

    def document(self, digest: str) -> dict[str, Any] | None:
        """The manifest with this digest, None for a blob."""
        data = self.objects.get(digest, b"")
        if not data.startswith(b"{"):
            return None
        found: dict[str, Any] = json.loads(data)
        return found if "schemaVersion" in found and ("manifests" in found or "layers" in found) else None

    def closure(self, digest: str) -> set[str]:
        """A manifest and everything below it."""
        seen, waiting = set(), [digest]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            document = self.document(at) or {}
            parts = [document.get("config") or {}, *document.get("layers", ()), *document.get("manifests", ())]
            waiting += [part["digest"] for part in parts if "digest" in part]
        return seen


def make_project(folder: Path) -> Path:
    """A release file and what it packs; the same bytes every time."""
    noise = random.Random(1)
    for name, size in (
        ("files/hello.txt", 0),
        ("files/noise.bin", 200_000),
        ("plain/a", 0),
        ("extra/more.bin", 30_000),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise.randbytes(size) or b"hello\n")
    (folder / "shipset.toml").write_text(release_text("always"), encoding="utf-8")
    return folder


def make_content(folder: Path) -> Content:
    """Releases into a layout, adds a referrer there by way of a registry, and reads it."""
    project = make_project(folder / "project")
    first, layout = folder / "first", folder / "layout"
    shipset.plan(shipset.load(project / "shipset.toml").matrix(), to=f"oci:{first}").execute()
    with FakeRegistry() as registry:
        shipset.copy(f"oci:{first}", f"{registry.host}/{REPOSITORY}", all_tags=True)
        referrer = put_referrer(registry, registry.tags(REPOSITORY)["1.0.0"])
        shipset.copy(f"{registry.host}/{REPOSITORY}", f"oci:{layout}", all_tags=True)
    objects = {digest_of(data): data for data in map(Path.read_bytes, sorted((layout / "blobs/sha256").iterdir()))}
    return Content(layout, project, objects, tags_of(layout), referrer)


def put_referrer(registry: FakeRegistry, subject: str) -> str:
    """A small artifact about an index."""
    empty = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": registry.put_blob(REPOSITORY, b"{}"),
        "size": 2,
    }
    kind = "application/vnd.oci.image.manifest.v1+json"
    size = len(registry.manifest(REPOSITORY, subject))
    document = {
        "schemaVersion": 2,
        "mediaType": kind,
        "artifactType": "example/report",
        "config": empty,
        "layers": [empty],
        "subject": {"mediaType": INDEX, "digest": subject, "size": size},
    }
    return registry.put_manifest(REPOSITORY, document)


def fallback_tag(subject: str) -> str:
    return subject.replace(":", "-")


def fill(registry: FakeRegistry, content: Content, tags: dict[str, str] | None = None) -> None:
    """Puts everything into a registry, as if it had been pushed right; without requests."""
    for digest, data in content.objects.items():
        if content.document(digest) is not None:
            registry.put_manifest(REPOSITORY, data)
        else:
            registry.put_blob(REPOSITORY, data)
    for tag, digest in (content.tags if tags is None else tags).items():
        registry.set_tag(REPOSITORY, tag, digest)
    if not registry.behaviour.referrers_api:
        subject = content.tags["1.0.0"]
        data = content.objects[content.referrer]
        entry = {"mediaType": json.loads(data)["mediaType"], "digest": content.referrer, "size": len(data)}
        entry["artifactType"] = "example/report"
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        registry.put_manifest(REPOSITORY, index, tags=[fallback_tag(subject)])
