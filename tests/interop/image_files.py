"""What an image in an OCI layout holds: its configuration and its files as a container would see them."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Image:
    config: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, tarfile.TarInfo] = field(default_factory=dict)

    def text(self, path: str) -> str:
        return self.files[path.lstrip("/")].decode()

    def environment(self) -> dict[str, str]:
        return dict(item.split("=", 1) for item in self.config["config"]["Env"])


def read_blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def images(layout: Path) -> dict[str, Image]:
    """The platform images of a layout that holds one index or one manifest, by "os/architecture"."""
    found: dict[str, Image] = {}
    waiting = [entry["digest"] for entry in json.loads((layout / "index.json").read_bytes())["manifests"]]
    while waiting:
        document = json.loads(read_blob(layout, waiting.pop()))
        if "manifests" in document:
            waiting += [
                one["digest"] for one in document["manifests"] if "vnd.docker.reference.type" not in annotated(one)
            ]
            continue
        image = Image(json.loads(read_blob(layout, document["config"]["digest"])))
        for layer in document["layers"]:
            apply_layer(image, read_blob(layout, layer["digest"]))
        found[f"{image.config['os']}/{image.config['architecture']}"] = image
    return found


def annotated(descriptor: dict[str, Any]) -> dict[str, str]:
    return descriptor.get("annotations", {})


def apply_layer(image: Image, blob: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for entry in tar:
            path = entry.name.removeprefix("./").rstrip("/")
            folder, _, name = path.rpartition("/")
            if name.startswith(".wh."):
                forget(image, folder if name == ".wh..wh..opq" else f"{folder}/{name[4:]}".lstrip("/"))
                continue
            image.entries[path] = entry
            if entry.isfile():
                content = tar.extractfile(entry)
                assert content is not None
                image.files[path] = content.read()


def forget(image: Image, path: str) -> None:
    for known in [known for known in image.entries if known == path or known.startswith(f"{path}/")]:
        image.entries.pop(known)
        image.files.pop(known, None)
