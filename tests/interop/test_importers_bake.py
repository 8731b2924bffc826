"""What the real `buildx bake --print` makes of HCL, imported: the release of examples/model-runner."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import shipset
from shipset.importers import from_bake

ROOT = Path(__file__).resolve().parents[2]
HCL = ROOT / "tests/fixtures/importers/model-runner.hcl"
RELEASE = ROOT / "examples/model-runner/shipset.toml"
pytestmark = pytest.mark.interop


def printed(*targets: str, **environ: str) -> str:
    buildx = shutil.which("buildx")
    if buildx is None:
        pytest.skip("NOT RUN: buildx is not installed: bash tests/run.sh --only peers builds it")
    done = subprocess.run(
        [buildx, "bake", "-f", str(HCL), "--print", *targets],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def images(matrix: shipset.Matrix) -> dict[tuple[str, str], object]:
    return {
        (variant.name, str(image.platform)): (
            image.settings.target,
            image.settings.bases,
            dict(image.settings.args),
            sorted(tag.tag for tag in variant.tags),
        )
        for variant in matrix.variants
        if variant.active
        for image in variant.platforms
    }


@pytest.mark.parametrize("latest", [True, False])
@pytest.mark.parametrize("musa_cann", [True, False])
def test_bake_print__of_hcl__gives_the_images_and_tags_of_the_release(latest: bool, musa_cann: bool) -> None:
    text = printed("all", RELEASE_TAG="v1.2.0", PUSH_LATEST="1" if latest else "", VLLM_VERSION="0.11.5")
    mine = shipset.parse(from_bake(text).toml).matrix(build_musa_cann=musa_cann)
    original = shipset.load(RELEASE).matrix(
        release_tag="v1.2.0", push_latest=latest, vllm_version="0.11.5", build_musa_cann=musa_cann
    )
    assert images(mine) == images(original)


def test_bake_print__without_names__is_the_default_group() -> None:
    imported = from_bake(printed(RELEASE_TAG="v1.2.0"))
    assert imported.left_out == ()
    assert set(shipset.parse(imported.toml).variant_names) == {"cpu", "cuda", "vllm-cuda", "sglang-cuda", "rocm"}
