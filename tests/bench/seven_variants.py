"""The project of the benchmarks that release: seven variants, each with an exact tag and a `latest` that moves."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from release_files import release_file

VARIANTS = ("cpu", "cuda", "vllm-cuda", "sglang-cuda", "rocm", "musa", "cann")


def make_project(folder: Path, layers: str) -> Path:
    """Its release file; what the layers are made of lies in `files`."""
    (folder / "files").mkdir(parents=True)
    file = folder / "shipset.toml"
    file.write_text(release_file(*VARIANTS, repositories=["acme/app"], layers=layers))
    return file
