"""The JSON of every command, against the page that documents it: no member is undocumented, none is invented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import shipset
from helpers import Project, Shipset

PAGE = (Path(__file__).resolve().parents[2] / "python/docs/reference/json-output.md").read_text(encoding="utf-8")
DESCRIPTORS = ({"media_type", "digest", "size_bytes"}, {"mediaType", "digest", "size"})
# Objects whose names come from the release, or whose members the page lists in one line.
OPEN = re.compile(
    r"^(inputs|annotations|facts\.(git|env)|gates\[\]|warnings\[\]|variants\[\]\.images\[\]\.(settings|bases\[\])"
    r"|manifests\[\]\.(annotations|config|layers\[\]|attestations\[\])|findings\[\]|profile|problem|(.*\.)?error)\."
)


def section(name: str) -> str:
    return re.split(r"^## ", PAGE.split(f"## {name}\n")[1], flags=re.MULTILINE)[0]


def members(value: Any, path: str = "") -> set[str]:
    """Dotted paths of all members; [] marks a list."""
    found = set()
    if isinstance(value, dict) and set(value) not in DESCRIPTORS:
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            found |= {here} | members(inner, here)
    elif isinstance(value, list):
        for inner in value:
            found |= {f"{path}[]"} | members(inner, f"{path}[]")
    return found


def documented(name: str) -> set[str]:
    rows = [line.split("|")[1] for line in section(name).splitlines() if line.startswith("| `")]
    listed = [line.split("|")[2] for line in section(name).splitlines() if line.startswith("| `targets[]`")]
    listed += [line.split("|")[2] for line in section(name).splitlines() if line.startswith("| `variants[].at[]`")]
    return {path for row in rows + listed for path in re.findall(r"`([a-z_\[\].]+)`", row)}


@pytest.fixture
def documents(project: Project, shipset_command: Shipset) -> dict[str, Any]:
    project.write(project.file.read_text(encoding="utf-8").replace("[release]", "[release]\nset_tag = true", 1))
    older = f"oci:{project.folder}/older"
    shipset_command("release", "--to", older, "--input", "version=0.9.0")
    (project.folder / "files" / "more").write_text("more\n", encoding="utf-8")
    project.add(
        '\n[[gate]]\nname = "no"\nat = "before-build"\nrun = ["true"]\n'
        '[[gate]]\nname = "size"\nat = "staged"\nbudget = { image = "1 GiB" }\n'
        '[[gate]]\nname = "gpu"\nat = "external"\n'
    )
    assert shipset_command("release", "--to", f"oci:{project.folder}/waiting", "--input", "version=2.0.0").code == 4
    result = project.folder / "result.json"
    result.write_text('{"result": "pass"}')
    project.add('\n[[variant]]\nname = "never"\nwhen = "inputs.latest"\n')

    def data(*arguments: str) -> Any:
        return json.loads(shipset_command(*arguments, "--format", "json").out)

    staged = data("build", "--to", project.to, "--id", "one")["id"]
    posted = data("gate", staged, "gpu", "--result", str(result), "--to", project.to)
    reference = f"{project.to}:1.0.0"
    found = {
        "Tag table": data("tags"),
        "Plan": data("plan", "--to", project.to),
        "Next version": data("version", "next", "minor", "--to", project.to),
        "Report": data("promote", staged, "--to", project.to),
        "Gate result": posted,
        "Verification": data("verify", reference),
        "Selection": data("select", reference, "--platform", "linux/amd64"),
        "Set manifest": shipset.inspect(f"{project.to}:1.0.0.shipset")["set"],
        "Content": data("inspect", reference),
        "Difference": data("diff", f"{older}:0.9.0", reference),
        "SBOM": data("sbom", reference),
        "Status": data("status", "--look"),
        "Cleaning": data("clean"),
        "Keep-list": data("keep-list", project.to),
        "Copy": data("copy", reference, f"oci:{project.folder}/copy"),
        "Diagnosis": data("doctor"),
    }
    project.add('sufix = "x"\n')
    return {**found, "Problems": data("check")}


def bare(paths: set[str]) -> set[str]:
    return {path.removesuffix("[]") for path in paths}


def test_json__each_document__has_the_documented_members(documents: dict[str, Any]) -> None:
    for name, document in documents.items():
        real = {path for path in members(document) if not OPEN.match(path)}
        assert bare(real) - bare(documented(name)) == set(), name


def test_json__documented_members__exist(documents: dict[str, Any]) -> None:
    optional = {"facts.source_date_epoch", "facts.commit_time_unix_s", "facts.versions", "options.from_version"}
    # Of two images that hold nearly the same; test_compare.py has the rest.
    missing = re.compile(r"packages(\[\]|\.changes)|config\[\]|layers\.shared\[\]")
    optional |= {path for name in ("Difference", "SBOM") for path in bare(documented(name)) if missing.search(path)}
    for name, document in documents.items():
        assert bare(documented(name)) - bare(members(document)) - optional == set(), name
