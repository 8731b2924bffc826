"""A repository of a registry, read by its API alone: with no client, and with nothing of shipset."""

from __future__ import annotations

import contextlib
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from conftest import need, run
from image_files import Image, images

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2")
)


@contextlib.contextmanager
def missing() -> Iterator[None]:
    """Takes the answer that there is no such thing."""
    try:
        yield
    except urllib.error.HTTPError as refusal:
        if refusal.code != HTTPStatus.NOT_FOUND:
            raise


@dataclass(frozen=True)
class Remote:
    """One repository of a registry, by its API alone."""

    host: str
    repository: str

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(f"http://{self.host}/v2/{self.repository}/{path}", headers={"Accept": ACCEPT})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def tags(self) -> list[str]:
        """Without the lists of referrers."""
        found = json.loads(self._get("tags/list"))["tags"] or []
        return sorted(tag for tag in found if not tag.startswith("sha256-"))

    def table(self) -> dict[str, str]:
        """Every tag with its digest; {} while there is no such repository."""
        found = {}
        with missing():
            for tag in self.tags():
                # docker-registry 2.8 may list the name of a tag that is gone, when two of them go in the same moment.
                with missing():
                    found[tag] = self.digest(tag)
        return found

    def public(self) -> dict[str, str]:
        """The same without the tags of shipset's own."""
        return {tag: digest for tag, digest in self.table().items() if not tag.startswith("_shipset.")}

    def digest(self, tag: str) -> str:
        return "sha256:" + hashlib.sha256(self._get(f"manifests/{tag}")).hexdigest()

    def manifest(self, reference: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get(f"manifests/{reference}"))
        return found

    def blob(self, digest: str) -> bytes:
        content = self._get(f"blobs/{digest}")
        assert "sha256:" + hashlib.sha256(content).hexdigest() == digest
        return content

    def platforms(self, tag: str) -> dict[str, str]:
        """Digest of each platform's manifest."""
        entries = self.manifest(tag)["manifests"]
        return {
            f"{entry['platform']['os']}/{entry['platform']['architecture']}": entry["digest"]
            for entry in entries
            if entry["platform"]["os"] != "unknown"
        }

    def attestations(self, reference: str) -> dict[str, list[dict[str, Any]]]:
        """Of an index: what it attests about each image, as layers of the attestation manifests, by image digest."""
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in self.manifest(reference)["manifests"]:
            about = entry.get("annotations", {}).get("vnd.docker.reference.digest")
            if about is not None:
                found.setdefault(about, []).append(self.manifest(entry["digest"]))
        return found

    def statements(self, tag: str, platform: str) -> dict[str, dict[str, Any]]:
        """The statements about one image by predicate type; one attestation manifest holds them all."""
        (manifest,) = self.attestations(tag)[self.platforms(tag)[platform]]
        kinds = [layer["annotations"]["in-toto.io/predicate-type"] for layer in manifest["layers"]]
        assert len(set(kinds)) == len(kinds)
        blobs = [json.loads(self.blob(layer["digest"])) for layer in manifest["layers"]]
        return dict(zip(kinds, blobs, strict=True))

    def images(self, reference: str, folder: Path) -> dict[str, Image]:
        run(need("crane"), "pull", "--insecure", "--format", "oci", self.name(reference), folder)
        return images(folder)

    def name(self, reference: str) -> str:
        return f"{self.host}/{self.repository}{'@' if reference.startswith('sha256:') else ':'}{reference}"
