"""Every notebook of tests/notebooks runs from top to bottom, and what people look at is a table there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers import Project

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
for needed in ("nbclient", "ipykernel"):
    pytest.importorskip(needed, reason="NOT RUN: the extra test is not installed")

RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120, resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, sys.argv[3])
"""


def executed(notebook: Path, folder: Path, target: Path) -> list[dict[str, Any]]:
    """The code cells with their outputs. A process of its own: the kernel's client leaves sockets to the collector."""
    command = [sys.executable, "-c", RUN, str(notebook), str(folder), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook__runs__and_every_shown_value_is_html_and_text(
    notebook: Path, project: Project, tmp_path: Path
) -> None:
    cells = executed(notebook, project.folder, tmp_path / "done.ipynb")
    shown = [output for cell in cells for output in cell["outputs"]]
    assert len(shown) == len(cells)
    for output in shown:
        assert output["output_type"] == "execute_result"
        html = "".join(output["data"]["text/html"])
        assert html.startswith('<div class="shipset">')
        assert not re.search(r"<script|https?://", html)
        assert "object at 0x" not in "".join(output["data"]["text/plain"])
    pages = ["".join(output["data"]["text/html"]) for output in shown]
    assert "linux/amd64, linux/arm64" in pages[1]
    assert "1.0.0-extra" in pages[2]
    assert "create" in pages[3]
    assert "released" in pages[4]
    assert "nothing to do" in pages[-1]


def test_notebook__committed__has_no_outputs() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
