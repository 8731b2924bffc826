"""Results equal to those of docker/metadata-action, by its executed examples.

``metadata_action_vectors.json`` holds inputs and what the action gave for them. Where we are stricter on purpose, the
case is listed here with the reason.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import shipset

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "metadata_action_vectors.json"
VECTORS = json.loads(FIXTURE.read_text(encoding="utf-8"))
GOOD = [*VECTORS["cases"], *VECTORS["pinned_time_cases"], *VECTORS["env_cases"]]

# Case → what our error says, and why we refuse what the action lets through.
STRICTER = {
    # No registry takes a tag that begins with a dash, so the push would fail after the build.
    "ref-branch-leading-special": "is no tag",
    # The same; the expression in the prefix is not even expanded on latest.
    "flavor-prefix-expr-onlatest-not-expanded": "is no tag",
    # One tag named twice is a rule too many: with two variants it would be a race for the tag.
    "raw-latest-explicit-duplicate": "set twice",
    "images-duplicate-kept": "set twice",
}


def given(case: dict[str, Any]) -> shipset.MetadataTags:
    return shipset.metadata_tags(
        images=case["images"], tags=case["tags"], flavor=case["flavor"], event=case["event"], env=case.get("env", {})
    )


def named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", named([case for case in GOOD if case["id"] not in STRICTER]))
def test_metadata_tags__case_of_the_action__same_result(case: dict[str, Any]) -> None:
    result, expected = given(case), case["expect"]
    assert list(result.tags) == expected["tags"]
    assert result.version == expected["version"]
    assert result.latest is expected["latest"]
    assert list(result.partial) == expected["partial"]
    assert list(result.warnings) == case.get("warnings", [])


@pytest.mark.parametrize("case", named([case for case in GOOD if case["id"] in STRICTER]))
def test_metadata_tags__stricter_on_purpose__refused_with_the_reason(case: dict[str, Any]) -> None:
    with pytest.raises(shipset.UsageError, match=STRICTER[case["id"]]):
        given(case)


def test_stricter__cases__are_those_that_the_action_emits_wrongly() -> None:
    wrong = {case["id"] for case in GOOD if any(word.startswith("emits-") for word in case["features"])}
    assert wrong == set(STRICTER)


@pytest.mark.parametrize("case", named(VECTORS["error_cases"]))
def test_metadata_tags__error_of_the_action__is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(shipset.UsageError):
        given(case)
