"""The maps in the READMEs name what there is: every named path exists, every folder at the top is named."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(r"`((?:\.?[\w-]+/)+[\w.-]*)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
FILE_LINES = 400


def section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {heading!r}"
    return found[1]


def tracked(*patterns: str) -> list[Path]:
    answer = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in answer.stdout.split("\0") if name and (ROOT / name).exists()]


def test_map__every_named_path__exists() -> None:
    named = PATH.findall(section((ROOT / "README.md").read_text(encoding="utf-8"), "The house in ten seconds"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_map__every_folder_of_the_top__is_named() -> None:
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), "The house in ten seconds")
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    assert [folder for folder in sorted(folders) if f"`{folder}/" not in text] == []


def test_map__every_folder_of_tests__is_named() -> None:
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), "The house in ten seconds")
    folders = {path.parts[1] for path in tracked("tests") if len(path.parts) > 2}
    assert [folder for folder in sorted(folders) if f"`tests/{folder}/`" not in text] == []


@pytest.mark.parametrize("readme", ["README.md", "cpp/README.md"])
def test_links__relative__lead_to_a_file(readme: str) -> None:
    path = ROOT / readme
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_cpp_map__modules__are_those_of_cmake_in_its_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", (ROOT / "cpp/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    table = [(name, re.findall(r"`(\w+)`", uses)) for name, uses in rows]
    cmake = (ROOT / "cpp/CMakeLists.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^shipset_module\((\w+)(?: DEPENDS ([a-z ]+?))?(?: LINK .*)?\)$", cmake, re.MULTILINE)
    assert table == [(name, depends.split()) for name, depends in lines]


def test_top_level__no_strangers() -> None:
    allowed = {"CHANGELOG.md", "CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml"}
    allowed |= {"cpp", "docker", "examples", "python", "tests"}
    assert {path.parts[0] for path in tracked() if not path.parts[0].startswith(".")} <= allowed


def test_sources__length__a_file_is_one_concept() -> None:
    long = [
        f"{path}: {lines} lines"
        for path in tracked("cpp", "python", "tests")
        if path.suffix in {".cpp", ".hpp", ".py", ".sh"}
        and (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > FILE_LINES
    ]
    assert long == []
