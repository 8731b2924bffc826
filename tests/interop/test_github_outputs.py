"""`shipset tags --format github` writes, byte for byte, what the example's own workflow wrote."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from conftest import MODEL_RUNNER, run

VARIANTS = {
    "cpu": "",
    "cuda": "-cuda",
    "vllm-cuda": "-vllm-cuda",
    "sglang-cuda": "-sglang-cuda",
    "rocm": "-rocm",
    "musa": "-musa",
    "cann": "-cann",
}
ODD_TAGS = ["v1.0.0", "test", "1", "_x", "EOF", "v0.2.1.0-rc1", "A.B_c-d", "x" * 115]


def expected(tag: str, push_latest: bool) -> str:
    lines = []
    for name, suffix in VARIANTS.items():
        lines.append(f"{name}<<EOF")
        lines.append(f"docker/model-runner:{tag}{suffix}")
        if push_latest:
            lines.append(f"docker/model-runner:latest{suffix}")
        lines.append("EOF")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("push_latest", "musa", "tag"),
    [*itertools.product([False, True], [False, True], ["v1.0.0"]), *((True, True, tag) for tag in ODD_TAGS)],
)
def test_tags__github_format__is_what_the_workflow_wrote(
    push_latest: bool, musa: bool, tag: str, tmp_path: Path
) -> None:
    command = [
        *("shipset", "tags", MODEL_RUNNER / "shipset.toml", "--format", "github"),
        *("--input", f"release_tag={tag}"),
        *("--input", f"push_latest={str(push_latest).lower()}"),
        *("--input", f"build_musa_cann={str(musa).lower()}"),
    ]
    assert run(*command).stdout == expected(tag, push_latest)
    output = tmp_path / "output"
    output.write_text("before=1\n")
    done = run(*command, env=os.environ | {"GITHUB_OUTPUT": str(output)})
    assert done.stdout == ""
    assert output.read_text() == "before=1\n" + expected(tag, push_latest)


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a b", "ü", "x" * 120, "a/b", "a:b"])
def test_tags__a_tag_that_no_registry_takes__is_2_and_names_it(tag: str) -> None:
    done = run(
        *("shipset", "tags", MODEL_RUNNER / "shipset.toml", "--format", "github", "--input", f"release_tag={tag}"),
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "tag" in done.stderr or "release.version" in done.stderr
