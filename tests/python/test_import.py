"""What importing the package costs, and that its public names are one list."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shipset

SLOW = ("rich", "jinja2", "IPython", "ssl", "click", "anywidget", "asyncio", "email", "http")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_shipset__loads_no_slow_or_optional_module() -> None:
    loaded = python("import sys, shipset; print(*sys.modules)").split()
    assert [name for name in loaded if name.split(".")[0] in SLOW] == []
    assert "shipset._core" not in loaded


def test_first_use__load_and_plan__need_no_optional_module() -> None:
    code = "import sys, shipset; shipset.load, shipset.plan, shipset.Report; print(*sys.modules)"
    loaded = python(code).split()
    optional = ("rich", "jinja2", "IPython", "ssl", "click", "anywidget")
    assert [name for name in loaded if name.split(".")[0] in optional] == []


def test_command__plan_as_json__does_not_load_rich_or_jinja2() -> None:
    code = "import sys; from shipset.cli import app; app.run(['plan', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in done.stderr.split() if name.split(".")[0] in ("rich", "jinja2", "ssl")] == []


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_command__without_the_extra__says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from shipset.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if missing == "click":
        assert done.returncode == 2
        assert "pip install 'shipset[cli]'" in done.stderr


def test_public_names__type_checkers_and_programs__see_the_same() -> None:
    tree = ast.parse(Path(shipset.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (str(line.module).removeprefix("shipset."), name.asname)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }
    assert typed == {(module, name) for module, names in shipset._NAMES.items() for name in names}


@pytest.mark.parametrize("name", shipset.__all__)
def test_public_names__each__is_there_and_documented(name: str) -> None:
    value = getattr(shipset, name)
    assert name in dir(shipset)
    if name != "__version__":
        assert value.__doc__


def test_unknown_name__is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        shipset.nothing_like_this  # noqa: B018
