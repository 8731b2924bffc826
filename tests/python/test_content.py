"""Copy, inspect and verify from Python, on layouts."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import shipset
from helpers import Project, seen, tags_of


@pytest.fixture
def layout(project: Project) -> str:
    shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to).execute()
    return project.to


def test_inspect__variant_index__lists_platforms_and_attestations(layout: str) -> None:
    data = shipset.inspect(f"{layout}:1.0.0")
    assert [entry["platform"] for entry in data["manifests"]] == ["linux/amd64", "linux/arm64"]
    for entry in data["manifests"]:
        assert {item["predicate_type"] for item in entry["attestations"]} == {
            "https://spdx.dev/Document",
            "https://slsa.dev/provenance/v1",
        }


def test_inspect__layout__lists_its_tags(layout: str) -> None:
    assert "latest-extra" in str(shipset.inspect(layout))


def test_verify__released_tag__holds(layout: str) -> None:
    result = shipset.verify(f"{layout}:1.0.0")
    assert result
    assert result.findings == ()
    result.check()
    assert "verifies" in repr(result)
    back = pickle.loads(pickle.dumps(result))  # noqa: S301 (own data)
    assert (back, back.ok) == (result, True)


def test_verify__one_byte_changed__names_the_object_and_raises_on_check(layout: str, project: Project) -> None:
    blobs = project.layout / "blobs" / "sha256"
    layer = next(path for path in blobs.iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    data = bytearray(layer.read_bytes())
    data[len(data) // 2] ^= 1
    layer.write_bytes(data)
    result = shipset.verify(f"{layout}:1.0.0")
    assert not result
    assert layer.name in {finding.digest.removeprefix("sha256:") for finding in result.findings}
    with pytest.raises(shipset.VerificationError) as caught:
        result.check()
    assert caught.value.exit_code == 7
    assert "does not verify" in result._repr_html_()


def test_copy__all_tags__gives_the_same_tags_and_bytes_once(layout: str, project: Project, tmp_path: Path) -> None:
    events: list[shipset.Event] = []
    result = shipset.copy(layout, f"oci:{tmp_path}/copy", all_tags=True, on_event=events.append)
    assert tags_of(tmp_path / "copy") == tags_of(project.layout)
    assert len(result.tags_set) == 4
    assert result.bytes_moved > 0
    assert events
    again = shipset.copy(layout, f"oci:{tmp_path}/copy", all_tags=True)
    assert (again.bytes_moved, again.tags_set, len(again.tags_kept)) == (0, (), 4)


def test_copy__one_tag__leaves_the_others(layout: str, tmp_path: Path) -> None:
    shipset.copy(f"{layout}:1.0.0", f"oci:{tmp_path}/copy")
    assert set(tags_of(tmp_path / "copy")) == {"1.0.0"}


@pytest.mark.parametrize("call", [shipset.inspect, shipset.verify])
def test_calls__tag_that_is_not_there__are_not_found(call, layout: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(shipset.NotFound) as caught:
        call(f"{layout}:nothing")
    assert isinstance(caught.value, LookupError)
    assert "nothing" in str(caught.value)


def test_copy__tag_that_is_not_there__leaves_no_layout_behind(layout: str, tmp_path: Path) -> None:
    with pytest.raises(shipset.NotFound):
        shipset.copy(f"{layout}:nothing", f"oci:{tmp_path}/copy")
    assert tags_of(tmp_path / "copy") == {}
    assert not [name for name in seen(tmp_path / "copy") if name.startswith("blobs")]
