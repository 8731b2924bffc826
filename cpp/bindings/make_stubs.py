"""Writes the type stubs of the extension, python/shipset/_core.pyi, from the extension that is installed.

    python cpp/bindings/make_stubs.py            writes the file
    python cpp/bindings/make_stubs.py --check    exits 1 when the committed file is not what would be written

pybind11-stubgen reads the signatures; here they get the types that callers really pass.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "python" / "shipset" / "_core.pyi"
HEADER = '''"""Types of the extension; written by cpp/bindings/make_stubs.py."""
'''
CALLBACK = "collections.abc.Callable[..., object] | None"
REPLACED = {
    "typing.SupportsInt | typing.SupportsIndex": "int",
    "typing.SupportsFloat | typing.SupportsIndex": "float",
    "os.PathLike | str | bytes": "os.PathLike[str] | str",
    "on_event: typing.Any = None": f"on_event: {CALLBACK} = None",
    "collections.abc.Sequence[str]": "list[str]",
    "zone: collections.abc.Callable)": "zone: collections.abc.Callable[[str, int], tuple[int, str] | None])",
}


def written() -> str:
    """The stubs as pybind11-stubgen writes them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pybind11_stubgen", "shipset._core", "-o", folder], check=True)
        return (Path(folder) / "shipset" / "_core.pyi").read_text(encoding="utf-8")


def fixed(text: str) -> str:
    """Narrower types, our header, and no version, so that a new one changes nothing here."""
    for found, wanted in REPLACED.items():
        text = text.replace(found, wanted)
    lines = [line for line in text.split("\n") if not line.startswith("__version__")]
    start = lines.index("from __future__ import annotations")
    return HEADER + "\n".join(lines[start:]).rstrip("\n") + "\n__version__: str\n"


def main() -> int:
    """Exit code."""
    text = fixed(written())
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{TARGET} is out of date: run python cpp/bindings/make_stubs.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
