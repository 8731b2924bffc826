"""Counts what an OCI layout holds, with nothing but the standard library: a second opinion on `shipset release`."""

import json
import sys
from collections import Counter
from pathlib import Path

PREDICATES = {"https://spdx.dev/Document": "SBOM", "https://slsa.dev/provenance/v1": "provenance"}


def read(layout: Path, digest: str) -> dict:
    algorithm, _, name = digest.partition(":")
    return json.loads((layout / "blobs" / algorithm / name).read_bytes())


def attestations_of(layout: Path, index: dict) -> dict[str, Counter]:
    """Platform image digest → number of statements by kind."""
    found: dict[str, Counter] = {}
    for entry in index["manifests"]:
        subject = entry.get("annotations", {}).get("vnd.docker.reference.digest")
        if subject:
            for layer in read(layout, entry["digest"])["layers"]:
                kind = PREDICATES.get(layer["annotations"]["in-toto.io/predicate-type"], "other")
                found.setdefault(subject, Counter())[kind] += 1
    return found


def main(layout: Path) -> int:
    tags: dict[str, list[str]] = {}
    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
        if name:
            tags.setdefault(entry["digest"], []).append(name)
    images, statements = 0, Counter()
    print(f"\n{layout}:")
    for digest, names in sorted(tags.items(), key=lambda item: min(item[1])):
        index = read(layout, digest)
        attested = attestations_of(layout, index)
        platforms = []
        for entry in index["manifests"]:
            if "vnd.docker.reference.digest" in entry.get("annotations", {}):
                continue
            platform = entry["platform"]
            platforms.append(f"{platform['os']}/{platform['architecture']}")
            statements += attested.get(entry["digest"], Counter())
        images += len(platforms)
        print(f"  {digest[7:19]}  {' '.join(platforms):<24}  {' '.join(sorted(names))}")
    tag_count = sum(len(names) for names in tags.values())
    print(
        f"  {tag_count} tags, {len(tags)} indexes, {images} platform images, "
        f"{statements['SBOM']} SBOMs, {statements['provenance']} provenance statements"
    )
    return 0 if statements["SBOM"] == statements["provenance"] == images else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
