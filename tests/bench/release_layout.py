"""Layouts for the transport benchmark: seven variants, eleven platform images, shared bases, noise as content.

Content is made from seeds, so every run and every machine has the same digests.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 1 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
#: variant → platforms; amd64 alone for the last three, as in the model release
VARIANTS = {
    "cpu": ("amd64", "arm64"),
    "cuda": ("amd64", "arm64"),
    "vllm-cuda": ("amd64", "arm64"),
    "sglang-cuda": ("amd64", "arm64"),
    "rocm": ("amd64",),
    "musa": ("amd64",),
    "cann": ("amd64",),
}
#: sizes in MiB of a layer that images of one base and architecture share
BASES = {"ubuntu": 10, "cuda": 24, "rocm": 22, "vendor": 6}
BASE_OF = {
    "cpu": ("ubuntu",),
    "cuda": ("ubuntu", "cuda"),
    "vllm-cuda": ("ubuntu", "cuda"),
    "sglang-cuda": ("ubuntu", "cuda"),
    "rocm": ("ubuntu", "rocm"),
    "musa": ("ubuntu", "vendor"),
    "cann": ("ubuntu", "vendor"),
}


@dataclass(frozen=True)
class Layout:
    """A layout on disk with its variants' indexes; ``single`` has one layout for each variant, for tools that push
    whole layouts."""

    path: Path
    single: Path
    variants: tuple[str, ...]
    blobs: int
    size_bytes: int


def pieces(seed: str, size: int) -> Iterator[bytes]:
    """``size`` bytes of noise; one MiB of it, stamped with its place, again and again, which is quick to make."""
    noise = bytearray(random.Random(seed).randbytes(MIB))
    for start in range(0, size, MIB):
        noise[:8] = start.to_bytes(8, "big")
        yield bytes(noise[: min(MIB, size - start)])


class Writer:
    """Puts blobs into a layout and remembers what each costs."""

    def __init__(self, path: Path) -> None:
        self.blobs = path / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.sizes: dict[str, int] = {}

    def layer(self, seed: str, size: int) -> dict[str, Any]:
        temporary = self.blobs / "new"
        digest = hashlib.sha256()
        with temporary.open("wb") as out:
            for piece in pieces(seed, size):
                digest.update(piece)
                out.write(piece)
        return self.take(temporary, digest.hexdigest(), size, LAYER)

    def sparse(self, size: int) -> dict[str, Any]:
        """A layer of zeros that takes no room on the disk."""
        temporary = self.blobs / "new"
        with temporary.open("wb") as out:
            out.truncate(size)
        with temporary.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return self.take(temporary, digest, size, LAYER)

    def document(self, value: Any, media_type: str, *, count: bool = False) -> dict[str, Any]:
        data = json.dumps(value, separators=(",", ":")).encode()
        temporary = self.blobs / "new"
        temporary.write_bytes(data)
        return self.take(temporary, hashlib.sha256(data).hexdigest(), len(data), media_type, count=count)

    def take(self, file: Path, digest: str, size: int, media_type: str, *, count: bool = True) -> dict[str, Any]:
        file.rename(self.blobs / digest)
        if count:
            self.sizes[digest] = size
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}

    def image(self, layers: list[dict[str, Any]], architecture: str, name: str) -> dict[str, Any]:
        diffs = [layer["digest"] for layer in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": [f"VARIANT={name}"]},
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.document(config, CONFIG, count=True),
            "layers": layers,
        }
        descriptor = self.document(manifest, MANIFEST)
        descriptor["platform"] = {"architecture": architecture, "os": "linux"}
        return descriptor


def write_index(path: Path, entries: list[tuple[dict[str, Any], str]]) -> None:
    manifests = [{**root, "annotations": {"org.opencontainers.image.ref.name": tag}} for root, tag in entries]
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}))


def make_release(folder: Path, scale: int = 1) -> Layout:
    """The release: 34 blobs, 162 MiB (times ``scale``), 14 tags. An own layer of 2 to 7 MiB in each image."""
    path = folder / "layout"
    writer = Writer(path)
    roots: dict[str, dict[str, Any]] = {}
    own = random.Random("own layers")
    for variant, architectures in VARIANTS.items():
        manifests = []
        for architecture in architectures:
            layers = []
            for base in BASE_OF[variant]:
                seed = f"{base}/{architecture}"
                size = BASES[base] * MIB * scale * (9 if architecture == "arm64" else 10) // 10
                layers.append(writer.layer(seed, size))
            layers.append(writer.layer(f"{variant}/{architecture}", own.randint(2 * MIB, 7 * MIB) * scale))
            if variant not in {"cann"} and architecture == "amd64":
                layers.append(writer.layer(f"{variant}/extra", 7 * MIB // 2 * scale))
            manifests.append(writer.image(layers, architecture, f"{variant}/{architecture}"))
        roots[variant] = writer.document({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX)
    tags = []
    for variant, root in roots.items():
        suffix = "" if variant == "cpu" else f"-{variant}"
        tags += [(root, f"v1.0.0{suffix}"), (root, f"latest{suffix}")]
        single = folder / "single" / variant
        single.mkdir(parents=True)
        os.symlink(path / "blobs", single / "blobs")
        (single / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        write_index(single, [(root, f"v1.0.0{suffix}")])
    write_index(path, tags)
    return Layout(path, folder / "single", tuple(VARIANTS), len(writer.sizes), sum(writer.sizes.values()))


def make_sparse(folder: Path, total_bytes: int, layers: int) -> Path:
    """One image of ``layers`` sparse layers that together have ``total_bytes``."""
    path = folder / "sparse"
    writer = Writer(path)
    each = total_bytes // layers
    image = writer.image([writer.sparse(each + number) for number in range(layers)], "amd64", "sparse")
    write_index(path, [(image, "sparse")])
    return path
