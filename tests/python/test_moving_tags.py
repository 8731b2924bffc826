"""Moving tags over whole histories of releases: real plans and releases into a layout, against a model of the rules
that is written down here a second time, without a line of shipset's."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import shipset
from helpers import Project, tags_of
from moving import THREE, release, three
from shipset.testing import FakeRegistry

# Each variant's suffix is the end of another one's: `1.0.0-vllm-cuda` must not count as a version of cuda.
SUFFIXES = ("", "-cuda", "-vllm-cuda")
STABLE = re.compile(r"v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


def numbers(version: str) -> tuple[int, int, int] | None:
    """Of a stable version that counts."""
    found = STABLE.fullmatch(version)
    if found is None or version.removeprefix("v") == "3.0.0":
        return None
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def moving(version: tuple[int, int, int]) -> tuple[str, ...]:
    return ("latest", f"{version[0]}", f"{version[0]}.{version[1]}")


def expected(released: list[str]) -> dict[str, str]:
    """Moving tag → version, without suffix: the highest stable version of those for which the rule gives the tag."""
    holds: dict[str, str] = {}
    for version in released:
        mine = numbers(version)
        for tag in moving(mine) if mine else ():
            held = numbers(holds[tag]) if tag in holds else None
            if mine is not None and (held is None or mine > held):
                holds[tag] = version
    return holds


def reasons_of(report: shipset.Report) -> dict[str, str]:
    return {tag.reference.rpartition(":")[2]: tag.reason for tag in report.tags}


def check(project: Project, released: dict[str, list[str]]) -> None:
    """The whole tag table, for each variant what was released of it in order."""
    tags = {tag: digest for tag, digest in tags_of(project.layout).items() if not tag.startswith("_shipset.")}
    wanted = {}
    for suffix, versions in released.items():
        wanted |= {version + suffix: tags[version + suffix] for version in versions}
        wanted |= {tag + suffix: tags[version + suffix] for tag, version in expected(versions).items()}
    assert tags == wanted
    assert len({tags[version + suffix] for suffix, versions in released.items() for version in versions}) == sum(
        map(len, released.values())
    ), "every release has content of its own"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.make(tmp_path, THREE)


def test_releases__patch_of_an_older_line_and_pre_releases__leave_what_they_should(project: Project) -> None:
    released: list[str] = []
    reasons = {}
    for version in ("2.0.1", "1.9.1", "2.1.0-rc1", "v0.2.1.0-rc1", "2.1.0"):
        report = release(project, version)
        released.append(version)
        check(project, dict.fromkeys(SUFFIXES, released))
        reasons[version] = reasons_of(report)["latest-vllm-cuda"]
    assert reasons == {
        "2.0.1": "2.0.1 is the only stable version",
        "1.9.1": "2.0.1 is higher",
        "2.1.0-rc1": "2.1.0-rc1 is a pre-release",
        "v0.2.1.0-rc1": '"v0.2.1.0-rc1" is not a semver version',
        "2.1.0": "2.1.0 is the highest of 3 stable versions",
    }


VERSIONS = st.one_of(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 11)).map("{0[0]}.{0[1]}.{0[2]}".format),
    st.sampled_from(["3.0.0", "2.0.0-rc1", "4.0.0-rc.1", "v9.9.9-alpha", "9.9.9.9", "v0.2.1.0-rc1", "9", "09.0.0"]),
    st.sampled_from(["v1.2.30", "v3.10.0", "nightly", "2026.11", "b1234", "5.0"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VERSIONS, min_size=1, max_size=8, unique_by=lambda version: version.removeprefix("v")))
@example(["2.1.0", "2.0.1", "1.9.1", "v0.2.1.0-rc1", "2.1.0-rc1"])
@example(["1.2.9", "1.2.10", "1.10.0", "1.9.9"])
@example(["3.0.0", "2.0.0"])
def test_releases__any_order__every_moving_tag_has_its_highest_stable_version(versions: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="shipset-tags-"))
    try:
        project = Project.make(folder / "project", THREE)
        for version in versions:
            release(project, version)
        check(project, dict.fromkeys(SUFFIXES, versions))
    finally:
        shutil.rmtree(folder)


NAMES = {"": "cpu", "-cuda": "cuda", "-vllm-cuda": "vllm-cuda"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(SUFFIXES), VERSIONS),
        min_size=1,
        max_size=10,
        unique_by=lambda one: (one[0], one[1].removeprefix("v")),
    )
)
@example([("-vllm-cuda", "2.0.0"), ("-cuda", "1.0.0"), ("", "0.1.0")])
@example([("", "2.0.0-rc1"), ("-cuda", "1.0.0"), ("-vllm-cuda", "0.9.0")])
def test_releases__of_single_variants_in_any_order__touch_the_tags_of_that_variant_alone(
    steps: list[tuple[str, str]],
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="shipset-tags-"))
    try:
        project = Project.make(folder / "project", THREE)
        released: dict[str, list[str]] = {}
        for suffix, version in steps:
            release(project, version, NAMES[suffix])
            released.setdefault(suffix, []).append(version)
        check(project, released)
    finally:
        shutil.rmtree(folder)


def test_release__version_that_is_withdrawn__gets_its_exact_tag_and_moves_none(project: Project) -> None:
    release(project, "1.0.0")
    report = release(project, "3.0.0")
    check(project, {suffix: ["1.0.0", "3.0.0"] for suffix in SUFFIXES})
    assert reasons_of(report)["latest"] == "3.0.0 is withdrawn"


def test_release__version_withdrawn_later__gives_the_tag_to_a_lower_one(project: Project) -> None:
    release(project, "1.0.0")
    release(project, "2.0.0")
    project.write(THREE.replace('"3.0.0"', '"2.0.0"'))
    release(project, "1.0.1")
    tags = tags_of(project.layout)
    assert tags["latest-cuda"] == tags["1.0.1-cuda"]
    assert tags["2-cuda"] == tags["2.0.0-cuda"], "no other version gives this tag"


def test_release__forced_tag__moves_and_the_report_says_so(project: Project) -> None:
    release(project, "2.0.0")
    report = release(project, "1.0.0", force=("latest-cuda",))
    tags = tags_of(project.layout)
    assert tags["latest-cuda"] == tags["1.0.0-cuda"]
    assert tags["latest"] == tags["2.0.0"]
    assert reasons_of(report)["latest-cuda"] == "--force-tag names it, although 2.0.0 is higher"


@pytest.mark.parametrize(
    "change", [('{ tag = "{version}{-suffix}" },', ""), ("[release]", '[release]\nscheme = "none"')]
)
def test_check__forward_without_versions_to_read__is_an_error(project: Project, change: tuple[str, str]) -> None:
    project.write(THREE.replace(*change))
    problems = shipset.check(project.file)
    assert any(problem.severity == "error" and "forward" in problem.message for problem in problems), problems


def test_plan__registry_refuses_the_list_of_tags__stops_where_a_forward_rule_needs_it(project: Project) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        registry.faults.on("GET", path="tags/list", times=None).status(403)
        spec = shipset.load(project.file)
        with pytest.raises(shipset.ShipsetError, match="cannot list the tags"):
            shipset.plan(spec.matrix(version="1.0.0"), to=registry.host)
        project.write(three(moving=()))
        planned = shipset.plan(shipset.load(project.file).matrix(version="1.0.0"), to=registry.host)
        assert [tag.tag for tag in planned.tags] == ["1.0.0", "1.0.0-cuda", "1.0.0-vllm-cuda"]
        assert registry.requests.count(what="tags/list") == 1, "exact tags need no list"


def test_plan__list_of_tags_breaks_off_at_a_later_page__moves_nothing(project: Project) -> None:
    with FakeRegistry.like("distribution-3.1", page_limit=2) as registry:
        for version in ("1.0.0", "2.0.0"):
            shipset.plan(shipset.load(project.file).matrix(version=version), to=registry.host).execute()
        before = registry.tags("team/app")
        registry.faults.on("GET", path="tags/list", nth=4, times=None).status(502)
        with pytest.raises(shipset.ShipsetError, match="cannot list the tags"):
            shipset.plan(shipset.load(project.file).matrix(version="1.0.1"), to=registry.host)
        assert registry.tags("team/app") == before


DIALECT_RULES = """\
rules = [
  "type=semver,pattern={{version}}",
  "type=semver,pattern={{major}}.{{minor}}",
  "type=semver,pattern={{major}}",
]
"""


def test_rules_of_metadata_action__history_of_releases__moving_tags_follow_the_highest(project: Project) -> None:
    text = project.file.read_text(encoding="utf-8")
    head, _, rest = text.partition("rules = [")
    project.file.write_text(head + DIALECT_RULES + rest.partition("\n]\n")[2], encoding="utf-8")
    spec = shipset.load(project.file)
    released = ["2.0.1", "1.9.1", "2.1.0-rc1", "2.1.0", "1.9.2", "3.0.0"]
    for version in released:
        event = {"ref": f"refs/tags/v{version}", "event_name": "push"}
        facts = shipset.Facts(date_unix_s=1, event=shipset.FrozenMap(event))
        plan = shipset.plan(spec.matrix_of({"version": f"v{version}"}, facts=facts), to=project.to)
        frozen = plan.save(project.folder / "plan.json")
        report = shipset.Plan.load(frozen).execute().report
    check(project, dict.fromkeys(SUFFIXES, released))
    assert reasons_of(report)["latest-cuda"] == "v3.0.0 is withdrawn"
