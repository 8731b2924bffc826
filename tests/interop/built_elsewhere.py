"""Images as other programs leave them, in layouts and archives, and a release file that takes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import run, write_blob

RELEASE = """
[release]
name         = "toolbox"
version      = "v1.0.0"
repositories = ["team/toolbox"]

[build]
backend   = "prebuilt"
platforms = ["linux/amd64"]

[tags]
rules = ["{version}{-suffix}", { tag = "latest{-suffix}", moves = "always" }]
"""


def variant(name: str, image: str, more: str = "") -> str:
    return f'\n[[variant]]\nname = "{name}"\n{more}\n[variant.prebuilt]\nimage = "{image}"\n'


def layer(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def image(layout: Path, architecture: str) -> dict[str, Any]:
    """Puts an image of two gzip layers into a layout; its descriptor."""
    layers = [layer("etc/name", architecture.encode()), layer("usr/data", os.urandom(100_000))]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/usr/data"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(item).hexdigest()}" for item in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            **write_blob(layout, json.dumps(config).encode()),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                **write_blob(layout, gzip.compress(item, mtime=0)),
            }
            for item in layers
        ],
    }
    return {
        "mediaType": manifest["mediaType"],
        **write_blob(layout, json.dumps(manifest).encode()),
        "platform": {"os": "linux", "architecture": architecture},
    }


def attestation(layout: Path, about: dict[str, Any]) -> dict[str, Any]:
    """What BuildKit says about an image beside it in the index: provenance of the older kind."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "app", "digest": {"sha256": about["digest"].removeprefix("sha256:")}}],
        "predicate": {"builder": {"id": "ci"}, "buildType": "https://mobyproject.org/buildkit@v1"},
    }
    blob = write_blob(layout, json.dumps(statement).encode())
    config = {
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [blob["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            **write_blob(layout, json.dumps(config).encode()),
        },
        "layers": [
            {
                "mediaType": "application/vnd.in-toto+json",
                **blob,
                "annotations": {"in-toto.io/predicate-type": statement["predicateType"]},
            }
        ],
    }
    return {
        "mediaType": manifest["mediaType"],
        **write_blob(layout, json.dumps(manifest).encode()),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": about["digest"],
        },
    }


def built_layout(layout: Path) -> None:
    """A layout as `buildx build --output type=oci` leaves it: an index of two platforms and what BuildKit says."""
    images = [image(layout, architecture) for architecture in ("amd64", "arm64")]
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [*images, *(attestation(layout, item) for item in images)],
    }
    root = {
        "mediaType": index["mediaType"],
        **write_blob(layout, json.dumps(index).encode()),
        "annotations": {"org.opencontainers.image.ref.name": "v1"},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def release(folder: Path, to: str) -> dict[str, Any]:
    done = run("shipset", "release", folder / "shipset.toml", "--to", to, "--format", "json")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def images_of(index: dict[str, Any]) -> dict[str, str]:
    return {
        item["platform"]["architecture"]: item["digest"]
        for item in index["manifests"]
        if item["platform"]["os"] != "unknown"
    }


def statements(index: dict[str, Any], read: Callable[[str], bytes]) -> list[str]:
    """Predicate types of everything that an index attests."""
    out = []
    for item in index["manifests"]:
        if item.get("annotations", {}).get("vnd.docker.reference.type") == "attestation-manifest":
            manifest = json.loads(read(item["digest"]))
            out += [blob["annotations"]["in-toto.io/predicate-type"] for blob in manifest["layers"]]
    return sorted(out)


def sources(index: dict[str, Any], read: Callable[[str], bytes]) -> list[str]:
    """What our provenance of an index with one image names as its dependencies."""
    for item in index["manifests"]:
        if item.get("annotations", {}).get("vnd.docker.reference.type") == "attestation-manifest":
            for blob in json.loads(read(item["digest"]))["layers"]:
                if blob["annotations"]["in-toto.io/predicate-type"] == "https://slsa.dev/provenance/v1":
                    definition = json.loads(read(blob["digest"]))["predicate"]["buildDefinition"]
                    return [source["uri"] for source in definition["resolvedDependencies"]]
    return []
