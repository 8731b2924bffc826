"""Rules of docker/metadata-action in release files: the tags of the action, in its order, and how they move."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shipset
from shipset.ci_event import unix_ms_of
from shipset.facts import Facts, event_texts
from shipset.spec import parse
from shipset.values import FrozenMap

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "metadata_action_vectors.json"
VECTORS = json.loads(FIXTURE.read_text(encoding="utf-8"))
GOOD = [*VECTORS["cases"], *VECTORS["pinned_time_cases"], *VECTORS["env_cases"]]
USUAL = ["type=schedule", "type=ref,event=branch", "type=ref,event=tag", "type=ref,event=pr"]
# Release files refuse these as the call does (test_metadata_vectors.py has the reasons) …
STRICTER = {
    "ref-branch-leading-special",
    "flavor-prefix-expr-onlatest-not-expanded",
    "raw-latest-explicit-duplicate",
}
# … and here the images are the repositories of the file, which have rules of their own.
OF_IMAGES = {"images-duplicate-kept"}
OURS = "0.0.1-of-this-test"


def unix_s(text: str | None) -> int:
    return unix_ms_of(text, "now", 1_700_000_000_000) // 1000


def facts_of(event: dict[str, Any], env: dict[str, str] | None = None) -> Facts:
    return Facts(event=FrozenMap(event_texts(event, env or {})), date_unix_s=unix_s(event.get("now")))


def lines(given: list[str] | str) -> list[str]:
    entries = given.split("\n") if isinstance(given, str) else given
    return [entry.strip() for entry in entries if entry.strip() and not entry.strip().startswith("#")]


def release_file(rules: list[Any], flavor: list[str], *, suffix: str = "", scheme: str = "semver") -> str:
    """Variant `app`; an exact rule of our own stands first, so that forward rules can be read backwards."""

    def toml(rule: Any) -> str:
        if isinstance(rule, dict):
            return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in rule.items()) + " }"
        return json.dumps(rule)

    return f"""
[release]
name = "app"
version = "0.0.1"
scheme = "{scheme}"
repositories = ["registry.example/app"]
[build]
platforms = ["linux/amd64"]
[tags]
flavor = [{", ".join(json.dumps(entry) for entry in flavor)}]
rules = ["{{version}}-of-this-test", {", ".join(map(toml, rules))}]
[[variant]]
name = "app"
suffix = "{suffix}"
"""


def as_rule(text: str) -> str:
    """A rule of the action without a type is `raw`."""
    return text if text.startswith("type=") else f"type=raw,{text}"


def tags_of(text: str, facts: Facts) -> list[tuple[str, str]]:
    """Tag and moves of all but our own exact rule."""
    table = shipset.tag_table(parse(text).matrix_of({}, facts=facts))
    return [(entry.tag, entry.moves) for entry in table.entries if entry.tag != OURS]


def names(found: list[tuple[str, str]]) -> list[str]:
    return [tag for tag, _ in found]


def file_of(case: dict[str, Any]) -> str:
    return release_file([as_rule(rule) for rule in lines(case["tags"]) or USUAL], lines(case["flavor"]))


USED = [case for case in GOOD if case["id"] not in STRICTER | OF_IMAGES]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in USED])
def test_release_file__case_of_the_action__same_tags_in_order(case: dict[str, Any]) -> None:
    expected = case["expect"]
    wanted = [] if expected["version"] is None else [expected["version"], *expected["partial"]]
    found = names(tags_of(file_of(case), facts_of(case["event"], case.get("env"))))
    if expected["latest"] and wanted:
        assert found[:-1] == wanted
        assert "latest" in found[-1]
        if case["expect"]["tags"]:
            assert case["expect"]["tags"][-1].endswith(found[-1])
    else:
        assert found == wanted


@pytest.mark.parametrize("case", [case for case in GOOD if case["id"] in STRICTER], ids=lambda case: str(case["id"]))
def test_release_file__stricter_on_purpose__error_at_the_rule(case: dict[str, Any]) -> None:
    with pytest.raises(shipset.ReleaseFileError) as caught:
        tags_of(file_of(case), facts_of(case["event"], case.get("env")))
    (problem,) = caught.value.problems
    assert problem.line == 11
    assert problem.column > 10


@pytest.mark.parametrize("case", VECTORS["error_cases"], ids=lambda case: str(case["id"]))
def test_release_file__error_of_the_action__is_refused(case: dict[str, Any]) -> None:
    if not lines(case["tags"]) and not lines(case["flavor"]):
        pytest.skip("an error of its images")
    try:
        shipset.metadata_tags(tags=case["tags"], flavor=case["flavor"], event=case["event"], env=case.get("env", {}))
    except shipset.UsageError:
        with pytest.raises((shipset.ReleaseFileError, shipset.UsageError)):
            tags_of(file_of(case), facts_of(case["event"], case.get("env")))


TAG = {"ref": "refs/tags/v1.2.3", "sha": "860c1904a1ce19322e91ac35af1ab07466440c37", "event_name": "push"}
BRANCH = {"ref": "refs/heads/main", "sha": TAG["sha"], "event_name": "push", "default_branch": "main"}


def test_moves__full_partial_and_other_rules__never_forward_always() -> None:
    rules = [
        "type=semver,pattern={{version}}",
        "type=semver,pattern={{major}}.{{minor}}",
        "type=semver,pattern={{major}}",
        "type=ref,event=tag",
        "type=sha",
    ]
    assert tags_of(release_file(rules, []), facts_of(TAG)) == [
        ("1.2.3", "never"),
        ("1.2", "forward"),
        ("1", "forward"),
        ("v1.2.3", "always"),
        ("sha-860c190", "always"),
        ("latest", "forward"),
    ]


def test_moves__given_by_the_rule__override() -> None:
    rules = [
        {"rule": "type=semver,pattern={{version}}", "moves": "always"},
        {"rule": "type=semver,pattern={{major}}", "moves": "always"},
        {"rule": "type=ref,event=tag", "moves": "never"},
    ]
    assert tags_of(release_file(rules, ["latest=false"]), facts_of(TAG)) == [
        ("1.2.3", "always"),
        ("1", "always"),
        ("v1.2.3", "never"),
    ]


def test_moves__pre_release_in_place_of_a_partial_version__is_exact() -> None:
    rules = ["type=semver,pattern={{major}}.{{minor}}"]
    event = {**TAG, "ref": "refs/tags/v2.0.0-rc.1"}
    assert tags_of(release_file(rules, []), facts_of(event)) == [("2.0.0-rc.1", "never")]


@pytest.mark.parametrize(
    ("flavor", "expected"),
    [
        ([], ["1.2.3-cuda", "latest-cuda"]),
        (["suffix=-gpu"], ["1.2.3-gpu", "latest"]),
        (["suffix=-gpu,onlatest=true"], ["1.2.3-gpu", "latest-gpu"]),
        (["prefix=x-"], ["x-1.2.3-cuda", "latest-cuda"]),
        (["suffix="], ["1.2.3", "latest"]),
    ],
)
def test_suffix__of_the_variant__applies_unless_the_flavor_names_one(flavor: list[str], expected: list[str]) -> None:
    text = release_file(["type=semver,pattern={{version}}"], flavor, suffix="cuda")
    assert names(tags_of(text, facts_of(TAG))) == expected


def test_suffix__of_the_rule__wins_over_the_variant() -> None:
    text = release_file(["type=semver,pattern={{version}},suffix=-own"], ["latest=false"], suffix="cuda")
    assert names(tags_of(text, facts_of(TAG))) == ["1.2.3-own"]


def test_rules__of_both_kinds_with_conditions__keep_their_places() -> None:
    text = release_file(["type=sha", "stable-{version}", "type=raw,value=first,priority=2000"], ["latest=false"])
    assert names(tags_of(text, facts_of(BRANCH))) == ["first", "sha-860c190", "stable-0.0.1"]
    conditional = release_file(
        [{"rule": "type=raw,value=on-tag", "when": 'git.ref_type == "tag"'}, "type=raw,value=always"], ["latest=false"]
    )
    assert names(tags_of(conditional, facts_of(BRANCH))) == ["always"]


def test_placeholders__of_ours_in_a_rule_of_the_dialect__are_plain_text_and_no_tag_characters() -> None:
    found = names(tags_of(release_file(["type=raw,value=a{version}b"], ["latest=false"]), facts_of(BRANCH)))
    assert found == ["a-version-b"]


def test_forward__without_an_exact_rule__error_names_the_ways_out() -> None:
    text = release_file(["type=semver,pattern={{major}}"], []).replace('"{version}-of-this-test", ', "")
    with pytest.raises(shipset.ReleaseFileError) as caught:
        tags_of(text, facts_of(TAG))
    (problem,) = caught.value.problems
    assert "no exact tag" in problem.message
    assert "type=semver,pattern={{version}}" in problem.hint


@pytest.mark.parametrize(
    ("rules", "flavor", "words"),
    [
        (["type=semvr,pattern={{version}}"], [], "did you mean type=semver"),
        (["type=semver"], [], "has no pattern"),
        (["type=raw,value=latest"], ["latest=true"], "set twice"),
        (["type=raw,value=-x"], [], "is no tag"),
        (["type=raw,value={{#each a}}b{{/each}}"], [], ""),
        (["type=sha"], ["lates=true"], "is not known"),
        (["type=raw,value={{date 'YYYY' tz='Mars/Base'}}"], [], "Mars/Base is not known"),
        ([{"rule": "{version}"}], [], "does not start with type="),
        ([{"rule": "type=sha", "tag": "x"}], [], "either `tag` or `rule`"),
    ],
)
def test_release_file__wrong_rule_or_flavor__error_with_its_place(
    rules: list[Any], flavor: list[str], words: str
) -> None:
    with pytest.raises(shipset.ReleaseFileError) as caught:
        tags_of(release_file(rules, flavor), facts_of(BRANCH))
    problem = caught.value.problems[0]
    assert words in f"{problem.message} {problem.hint}"
    assert (problem.line, problem.column > 0) == (11, True)


def test_release_file__rule_of_the_dialect_for_one_platform__refused() -> None:
    text = release_file([], []) + '[variant.platform."linux/amd64".tags]\nrules = ["type=sha"]\n'
    with pytest.raises(shipset.ReleaseFileError) as caught:
        parse(text)
    assert "no tags of single platforms" in caught.value.problems[0].message


def test_zone__named_in_a_rule__stands_in_the_facts_and_gives_the_same_tag_elsewhere() -> None:
    text = release_file(["type=raw,value={{date 'YYYYMMDD-HHmm' tz='Asia/Tokyo'}}"], ["latest=false"])
    event = {**BRANCH, "now": "2026-01-31T20:30:00Z"}
    matrix = parse(text).matrix_of({}, facts=facts_of(event))
    assert [tag.tag for tag in matrix["app"].tags] == [OURS, "20260201-0530"]
    assert "32400 JST" in matrix.facts.event.values()
    # Without the zone the rule cannot be evaluated: the core has no zones of its own.
    without = replace(matrix.facts, event=FrozenMap({"ref": "refs/heads/main"}))
    again = shipset.spec._core.Spec.parse(text, "shipset.toml")
    with pytest.raises(shipset.ReleaseFileError) as caught:
        again.matrix({}, without._core())
    assert "Asia/Tokyo is not known" in caught.value.problems[0].message


def test_event__without_rules_of_the_dialect__is_not_kept() -> None:
    assert parse(release_file([], [])).matrix_of({}, facts=facts_of(TAG)).facts.event == {}


def test_warnings__tag_that_is_no_version__are_in_the_matrix() -> None:
    event = {**TAG, "ref": "refs/tags/release-7"}
    matrix = parse(release_file(["type=semver,pattern={{version}}"], [])).matrix_of({}, facts=facts_of(event))
    assert ["release-7 is not a valid semver" in problem.message for problem in matrix.warnings] == [True]


NUMBERS = st.integers(0, 40)
VERSIONS = st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "", "-rc.1", "-beta", "+build.5"])).map(
    lambda parts: "{}.{}.{}{}".format(*parts)
)
RULES = st.lists(
    st.sampled_from(
        [
            "type=semver,pattern={{version}}",
            "type=semver,pattern=v{{version}}",
            "type=semver,pattern={{raw}}",
            "type=semver,pattern={{major}}.{{minor}}",
            "type=semver,pattern={{major}},enable={{is_default_branch}}",
            "type=semver,pattern={{major}}.{{minor}}.{{patch}},priority=3",
            "type=pep440,pattern={{version}},prefix=py-",
            "type=match,pattern=v(.*),group=1,suffix=-m",
            "type=ref,event=branch",
            "type=ref,event=tag,prefix=t.",
            "type=edge",
            "type=sha,format=long",
            "type=raw,value={{branch}}-x{{sha}}",
            "type=raw,value=on-{{tag}}",
            "type=schedule",
        ]
    ),
    min_size=1,
    max_size=6,
    unique=True,
)
REFS = st.one_of(
    VERSIONS.map(lambda version: f"refs/tags/v{version}"),
    st.sampled_from(["refs/heads/main", "refs/heads/feature/x", "refs/pull/5/merge", "refs/tags/odd.name"]),
)
FLAVORS = st.lists(
    st.sampled_from(
        ["latest=auto", "latest=true", "latest=false", "prefix=p-", "suffix=-s", "suffix=-s,onlatest=true"]
    ),
    max_size=2,
)


@settings(max_examples=150, deadline=None)
@given(rules=RULES, flavor=FLAVORS, ref=REFS, event_name=st.sampled_from(["push", "schedule"]))
def test_release_file__any_rules_and_event__gives_what_the_call_gives(
    rules: list[str], flavor: list[str], ref: str, event_name: str
) -> None:
    event = {**BRANCH, "ref": ref, "event_name": event_name, "now": "2026-02-03T04:05:06Z"}
    text = release_file(rules, flavor)
    try:
        expected = shipset.metadata_tags(tags=rules, flavor=flavor, event=event, env={})  # type: ignore[arg-type]
    except shipset.UsageError:
        with pytest.raises(shipset.ReleaseFileError):
            tags_of(text, facts_of(event))
        return
    found = tags_of(text, facts_of(event))
    assert names(found) == list(expected.tags)
    for tag, moves in found:
        if "latest" in tag:
            assert moves == "forward"
