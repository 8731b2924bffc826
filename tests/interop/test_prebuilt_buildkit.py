"""What a real BuildKit exports, released by the prebuilt backend."""

from __future__ import annotations

import json
from pathlib import Path

from built_elsewhere import RELEASE, images_of, release, statements, variant

from buildkit_kit import Kit
from conftest import run


def test_prebuilt__what_buildkit_exports__is_released_with_its_provenance(buildkit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /one\nCOPY Dockerfile /two\n")
    build = ("build", "--builder", "one", tmp_path)
    archive = f"type=docker,dest={tmp_path / 'saved.tar'},name=app/toolbox:v1"
    buildkit.buildx(*build, "--provenance=false", "--platform", "linux/amd64", "--output", archive)
    layout = f"type=oci,dest={tmp_path / 'exported'},tar=false,name=app/toolbox:v1"
    buildkit.buildx(*build, "--provenance=mode=max", "--platform", "linux/amd64,linux/arm64", "--output", layout)
    both = 'platforms = ["linux/amd64", "linux/arm64"]'
    text = RELEASE + variant("saved", "docker-archive:saved.tar:app/toolbox:v1")
    (tmp_path / "shipset.toml").write_text(text + variant("exported", "oci:exported", both))
    dist = tmp_path / "dist"
    assert release(tmp_path, f"oci:{dist}")["outcome"] == "released"

    def blob(digest: str) -> bytes:
        return (dist / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    for name, images in (("saved", 1), ("exported", 2)):
        run("shipset", "verify", f"oci:{dist}:v1.0.0-{name}")
        index = json.loads(run("skopeo", "inspect", "--raw", f"oci:{dist}:v1.0.0-{name}").stdout)
        assert len(images_of(index)) == images
        kinds = statements(index, blob)
        assert kinds.count("https://spdx.dev/Document") == images
        theirs = [kind for kind in kinds if kind.startswith("https://slsa.dev/provenance/")]
        assert len(theirs) == images
    # BuildKit wrote the same image both ways, and its compressed layers were kept.
    saved, exported = (
        images_of(json.loads(run("skopeo", "inspect", "--raw", f"oci:{dist}:v1.0.0-{name}").stdout))["amd64"]
        for name in ("saved", "exported")
    )
    layers = [[item["digest"] for item in json.loads(blob(digest))["layers"]] for digest in (saved, exported)]
    assert layers[0] == layers[1]
