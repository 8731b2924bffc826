"""Sets from Python and the command line: proven, chosen from, published again, on layouts and on a fake registry."""

from __future__ import annotations

import http.client
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import shipset
from helpers import Project, Shipset, seen, tags_of
from shipset.testing import FakeRegistry

PAGE = (Path(__file__).resolve().parents[2] / "python/docs/how-to/sets-and-selection.md").read_text(encoding="utf-8")
SET_TYPE = "application/vnd.shipset.set.v1"


@pytest.fixture
def project(project: Project) -> Project:
    text = project.file.read_text(encoding="utf-8").replace("[release]", "[release]\nset_tag = true", 1)
    project.write(text + 'hardware = ["nvidia :: cuda_version_lower_bound :: 12.9"]\n')
    return project


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def release(project: Project, to: str, **inputs: object) -> shipset.Report:
    return shipset.plan(shipset.load(project.file).matrix(**inputs), to=to).execute().report


def test_release__then_verify__proves_the_whole_set(project: Project) -> None:
    report = release(project, project.to)
    assert report.set is not None
    assert report.set.media_type == f"{SET_TYPE}+json"
    result = shipset.verify(f"{project.to}:1.0.0-extra", set="required")
    result.check()
    assert result.set is not None
    assert (result.set.name, result.set.version, result.set.whole) == ("app", "1.0.0", True)
    assert result.set.digest == str(report.set.digest)
    assert "whole" in repr(result)
    back = pickle.loads(pickle.dumps(result))  # noqa: S301 (own data)
    assert back.set == result.set


def test_release__second_time__writes_nothing_though_there_is_a_set(project: Project) -> None:
    release(project, project.to)
    before = seen(project.layout)
    report = release(project, project.to)
    assert (report.outcome, report.set) == ("nothing to do", None)
    assert seen(project.layout) == before


def test_release__on_a_registry_twice__opens_no_upload_the_second_time(
    project: Project, registry: FakeRegistry
) -> None:
    release(project, registry.host)
    registry.requests.clear()
    report = release(project, registry.host)
    assert report.outcome == "nothing to do"
    assert {request.method for request in registry.requests} <= {"GET", "HEAD"}


def test_verify__variant_that_is_gone_from_a_registry__is_found(project: Project, registry: FakeRegistry) -> None:
    release(project, registry.host)
    place = f"{registry.host}/team/app"
    assert shipset.verify(f"{place}:1.0.0", set="required")
    gone = shipset.inspect(f"{place}:1.0.0-extra")["digest"]
    client = http.client.HTTPConnection(registry.host, timeout=20)
    client.request("DELETE", f"/v2/team/app/manifests/{gone}")
    assert client.getresponse().status == 202
    client.close()
    result = shipset.verify(f"{place}:1.0.0", set="required")
    assert not result
    assert not shipset.verify(f"{place}:1.0.0.shipset")
    assert any(found.digest == gone and "not in" in found.message for found in result.findings)
    with pytest.raises(shipset.VerificationError) as caught:
        result.check()
    assert caught.value.exit_code == 7
    partial = shipset.verify(f"{place}:1.0.0")
    assert partial
    assert partial.set is not None
    assert not partial.set.whole
    assert any("extra" in note for note in partial.notes)


def test_publishing__refused__is_released_with_work_that_remains(project: Project, registry: FakeRegistry) -> None:
    plan = shipset.plan(shipset.load(project.file).matrix(), to=registry.host)
    registry.faults.on("GET", "referrers", times=None).status(403, code="DENIED")
    with pytest.raises(shipset.ReleaseIncomplete) as caught:
        plan.execute()
    error = caught.value
    assert error.exit_code == 8
    assert error.report is not None
    assert (error.report.outcome, error.report.set) == ("released", None)
    assert {tag.status for tag in error.report.tags} == {"done"}
    assert error.context["remains"] == "set"
    registry.faults.clear()
    again = shipset.plan(shipset.load(project.file).matrix(), to=registry.host)
    assert not again.nothing_to_do
    assert again.to_dict()["set"] == {"tag": "1.0.0.shipset", "due": True}
    assert again.execute().report.set is not None
    shipset.verify(f"{registry.host}/team/app:1.0.0", set="required").check()


@pytest.mark.parametrize(
    ("hardware", "variant"),
    [
        ({}, "plain"),
        ({"nvidia": {"cuda_version": "13.0"}}, "extra"),
        ({"nvidia": {"cuda_version": 12.9}}, "extra"),
        ({"nvidia": {"cuda_version": ["11.8", "12.9"]}}, "extra"),
        ({"nvidia": {"cuda_version": "12.8"}}, "plain"),
        (["nvidia :: cuda_version :: 12.9"], "extra"),
        (("amd :: gfx_arch :: gfx90a",), "plain"),
    ],
)
def test_select__hardware__picks_the_variant(project: Project, hardware: object, variant: str) -> None:
    release(project, project.to)
    chosen = shipset.select(f"{project.to}:1.0.0", hardware=hardware, platform="linux/arm64")  # type: ignore[arg-type]
    assert chosen.variant == variant
    tag = "1.0.0" if variant == "plain" else "1.0.0-extra"
    assert chosen.reference == f"{project.to}@{tags_of(project.layout)[tag]}"
    assert chosen.tags == (f"{project.to}:{tag}",)
    assert str(chosen.platform) == "linux/arm64"
    assert chosen.image is not None
    assert chosen.image_reference.endswith(str(chosen.image.digest))
    assert len(chosen.refused) == 1
    assert chosen.variant in repr(chosen)
    back = pickle.loads(pickle.dumps(chosen))  # noqa: S301 (own data)
    assert back == chosen


def test_select__nothing_fits__is_a_lookup_error_with_every_reason(project: Project) -> None:
    release(project, project.to)
    with pytest.raises(LookupError) as caught:
        shipset.select(f"{project.to}:1.0.0", platform="linux/s390x")
    assert isinstance(caught.value, shipset.NotFound)
    for word in ("plain", "extra", "linux/s390x", "linux/amd64"):
        assert word in str(caught.value)


def test_select__no_set_manifest__says_so(project: Project) -> None:
    project.write(project.file.read_text(encoding="utf-8").replace("set_tag = true", ""))
    release(project, project.to)
    shipset.copy(f"{project.to}:1.0.0", f"oci:{project.folder}/copy")
    assert shipset.select(f"oci:{project.folder}/copy:1.0.0").variant == "plain", "a copy brings it along"
    for manifest in shipset.inspect(f"{project.to}:1.0.0")["sets"]:
        (project.layout / "blobs" / "sha256" / manifest["digest"].removeprefix("sha256:")).unlink()
    with pytest.raises(shipset.NotFound, match="no set manifest"):
        shipset.select(f"{project.to}:1.0.0")


@pytest.mark.parametrize("hardware", ["nvidia :: cuda_version :: 1", ["nvidia"], {"nvidia": "12.9"}, ["a :: b :: "]])
def test_select__hardware_that_is_none__is_a_usage_error(project: Project, hardware: object) -> None:
    with pytest.raises(shipset.UsageError):
        shipset.select(f"{project.to}:1.0.0", hardware=hardware)  # type: ignore[arg-type]


def test_verify__unknown_demand__is_a_usage_error(project: Project) -> None:
    with pytest.raises(shipset.UsageError, match="required"):
        shipset.verify(f"{project.to}:1.0.0", set="maybe")


def test_select_command__text_and_json__give_the_reference_on_standard_output(
    project: Project, shipset_command: Shipset
) -> None:
    release(project, project.to)
    done = shipset_command("select", f"{project.to}:1.0.0", "--hardware", "nvidia :: cuda_version :: 13")
    assert (done.code, done.out) == (0, f"{project.to}@{tags_of(project.layout)['1.0.0-extra']}\n")
    assert "not plain" in done.err
    data = json.loads(shipset_command("select", f"{project.to}:1.0.0", "--format", "json").out)
    assert data["variant"] == "plain"
    none = shipset_command("select", f"{project.to}:1.0.0", "--platform", "linux/s390x")
    assert (none.code, none.out) == (5, "")
    assert "it is not there for linux/s390x" in none.err


def test_verify_command__set_that_is_damaged__exits_7(project: Project, shipset_command: Shipset) -> None:
    release(project, project.to)
    file = project.layout / "index.json"
    index = json.loads(file.read_text(encoding="utf-8"))
    entries = {item["annotations"]["org.opencontainers.image.ref.name"]: item for item in index["manifests"]}
    entries["1.0.0-extra"]["digest"] = entries["1.0.0"]["digest"]
    file.write_text(json.dumps(index), encoding="utf-8")
    done = shipset_command("verify", f"{project.to}:1.0.0")
    assert done.code == 7
    assert "the exact tag holds" in done.out + done.err
    assert shipset_command("verify", f"{project.to}:1.0.0", "--set", "ignored").code == 0


def test_page__every_command_and_call__works(
    project: Project, shipset_command: Shipset, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0])
    commands = [
        line[2:] for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) == 4
    for line in commands:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
        done = shipset_command(*words[1:])
        assert done.code == 0, f"{line}\n{done.out}{done.err}"
    assert done.out.startswith("oci:dist@sha256:")
    monkeypatch.chdir(project.folder)
    names: dict[str, object] = {"shipset": shipset}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)  # noqa: S102 (the page itself)
    chosen = names["chosen"]
    assert isinstance(chosen, shipset.Selection)
    assert chosen.variant == "cuda"
