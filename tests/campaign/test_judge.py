"""The judge of the campaign must see what is wrong, else a campaign without complaints proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from case import SECRET, Case, Strike, run_case
from catalogue import CATALOGUE
from content import REPOSITORY, Content, fill, make_content
from helpers import tags_of
from judge import judge_layout, judge_registry
from run import mixture
from shipset.testing import FakeRegistry


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return make_content(tmp_path_factory.mktemp("content"))


def complaints(registry: FakeRegistry, content: Content) -> str:
    return "\n".join(
        judge_registry(registry, content, content.tags, done=True, before={}, foreign=set(), with_referrer=True)
    )


def lose_a_layer(registry: FakeRegistry, content: Content) -> None:
    largest = max((d for d in content.objects if content.document(d) is None), key=lambda d: len(content.objects[d]))
    registry._core.store.repository(REPOSITORY).blobs.discard(largest)


def lose_a_child(registry: FakeRegistry, content: Content) -> None:
    document = content.document(content.tags["1.0.0"])
    assert document is not None
    del registry._core.store.repository(REPOSITORY).manifests[document["manifests"][0]["digest"]]


DAMAGES: dict[str, tuple[Callable[[FakeRegistry, Content], object], str]] = {
    "tag at other content": (
        lambda registry, content: registry.set_tag(REPOSITORY, "latest", content.tags["1.0.0-extra"]),
        "the tag latest points at",
    ),
    "tag missing": (lambda registry, content: registry.set_tag(REPOSITORY, "latest", None), "latest is not set"),
    "layer missing": (lose_a_layer, "is missing"),
    "child missing": (lose_a_child, "is missing"),
    "referrer missing": (
        lambda registry, content: registry._core.store.repository(REPOSITORY).manifests.pop(content.referrer),
        "the referrer is not there",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_judge__damaged_registry__complains(damage: str, content: Content) -> None:
    make, words = DAMAGES[damage]
    with FakeRegistry() as registry:
        fill(registry, content)
        assert complaints(registry, content) == ""
        make(registry, content)
        assert words in complaints(registry, content)


def test_judge__layout__sees_left_overs_wrong_bytes_and_gaps(content: Content, tmp_path: Path) -> None:
    import shutil

    layout = tmp_path / "layout"
    shutil.copytree(content.layout, layout)
    assert judge_layout(layout, content, content.tags, done=True) == []
    (layout / "blobs/sha256/.tmp-1").write_bytes(b"half")
    blob = layout / "blobs/sha256" / content.tags["latest"].removeprefix("sha256:")
    blob.chmod(0o644)
    blob.write_bytes(b"{}")
    found = "\n".join(judge_layout(layout, content, content.tags, done=True))
    assert "was left over" in found
    assert "holds other bytes" in found
    assert "is missing" in found
    assert judge_layout(tmp_path / "nothing", content, content.tags, done=False) == []
    assert judge_layout(tmp_path / "nothing", content, content.tags, done=True)


def test_case__fault_that_heals_and_one_that_does_not__end_right(content: Content) -> None:
    healed = run_case(Case("pull", (Strike("drop inside the answer", "source", "GET", "blob"),)), content)
    assert (healed.ended, healed.fired, healed.complaints) == ("done", 1, [])
    refused = run_case(Case("pull", (Strike("always 403", "source", "GET", "blob"),)), content)
    assert (refused.ended, refused.complaints) == ("auth", [])


def test_case__expectation_that_is_wrong__is_a_complaint(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(CATALOGUE, "always 403", replace(CATALOGUE["always 403"], heals=True, kinds=frozenset()))
    outcome = run_case(Case("pull", (Strike("always 403", "source", "GET", "blob"),)), content)
    assert any("this heals" in text for text in outcome.complaints)
    assert any("not one of" in text for text in outcome.complaints)


def test_mixture__same_seed__same_case_and_it_survives_json() -> None:
    found = {("pull", "oci", False): {("source", "GET", "blob"): 5, ("source", "GET", "tag"): 2}}
    assert mixture(7, found) == mixture(7, found)
    assert mixture(7, found) != mixture(8, found)
    assert Case.parse(mixture(7, found).json()) == mixture(7, found)


def test_secrets__forms_that_fake_registries_give_out__are_noticed() -> None:
    for text in ("/v2/a/blobs/uploads/1?_state=0a", "?X-Amz-Signature=ff", "token-" + "0" * 32):
        assert SECRET.search(text)
    assert not tags_of(Path("/nowhere"))
