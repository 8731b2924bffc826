"""Next versions: from git tags, from the destination's tags, from both; ``auto:`` in the file and in frozen plans."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from pathlib import Path

import pytest

import shipset
from helpers import Project, Shipset, tags_of
from shipset.testing import FakeRegistry

NEEDS_VERSION = ('[inputs.version]\ndefault = "1.0.0"\n', "[inputs.version]\n")
PATTERN = '[inputs.version]\npattern = "[0-9]+\\\\.[0-9]+\\\\.[0-9]+"\n'


def git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "tester" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {**os.environ, **who}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=environ)


def checkout(project: Project, *tags: str) -> Project:
    git(project.folder, "init", "-q", "-b", "trunk")
    git(project.folder, "add", ".")
    git(project.folder, "commit", "-q", "-m", "first")
    for tag in tags:
        git(project.folder, "tag", tag)
    return project


def change(project: Project, old: str, new: str) -> Project:
    text = project.file.read_text(encoding="utf-8")
    assert old in text
    project.write(text.replace(old, new))
    return project


def automatic(project: Project, step: str = "minor") -> Project:
    return change(project, '"{inputs.version}"', f'"auto:{step}"')


def release(project: Project, version: str, to: str = "") -> None:
    shipset.plan(shipset.load(project.file).matrix(version=version), to=to or project.to).execute()


def next_of(project: Project, step: shipset.versions.Step = "minor", **how: object) -> shipset.NextVersion:
    return shipset.next_version(shipset.load(project.file), step, to=project.to, **how)  # type: ignore[arg-type]


def test_next__git_tags__comes_after_the_highest_and_not_the_newest(project: Project) -> None:
    checkout(project, "v1.10.0", "v1.9.9", "nightly", "v2.0.0-rc1-x_y", "v0.2.1.0-rc1", "demo-v7.0.0")
    assert next_of(project, source="git") == shipset.NextVersion("v1.11.0", "v1.10.0", "minor", "semver")
    assert str(next_of(project, "prerelease", source="git")) == "v1.10.1-rc.1"


def test_next__destination__reads_the_exact_tags_of_every_variant_backwards(project: Project) -> None:
    change(project, 'name = "extra"\n', 'name = "extra"\nwhen = "inputs.latest"\n')
    release(project, "1.2.0")
    shipset.plan(
        shipset.load(project.file).matrix(version="1.4.0", latest=True), to=project.to, only=["extra"]
    ).execute()
    assert {"1.2.0", "1.4.0-extra", "latest-extra"} <= set(tags_of(project.layout))
    assert next_of(project, source="registry").highest == "1.4.0", "also of a variant that is not active now"
    assert next_of(project, source="git").version == "0.1.0"
    assert next_of(project).version == "1.5.0"


@pytest.mark.parametrize(("tag", "version"), [("v1.3.0", "v1.3.1"), ("v1.1.0", "1.2.1"), ("v1.2.0", "v1.2.1")])
def test_next__git_and_destination__the_higher_one_gives_number_and_style(
    project: Project, tag: str, version: str
) -> None:
    checkout(project, tag)
    release(project, "1.2.0")
    assert next_of(project, "patch").version == version


def test_next__nothing_there_yet__is_the_first_version(project: Project) -> None:
    assert next_of(project) == shipset.NextVersion("0.1.0", "", "minor", "semver")
    assert not project.layout.exists()


def test_next__withdrawn_version__is_not_the_highest_and_not_given_again(project: Project) -> None:
    change(project, "[tags]\n", '[tags]\nwithdrawn = ["2.0.0"]\n')
    checkout(project, "1.9.0", "2.0.0")
    assert [next_of(project, step).version for step in ("patch", "major")] == ["1.9.1", "3.0.0"]


def test_next__input_that_only_the_version_needs__may_be_missing(project: Project) -> None:
    change(project, *NEEDS_VERSION)
    assert next_of(project).version == "0.1.0"
    change(project, "[inputs.version]\n", PATTERN)
    assert next_of(project).version == "0.1.0"
    project.add('[inputs.place]\n[vars]\nplace = "{inputs.place}"\n')
    with pytest.raises(shipset.UsageError, match="place has no value"):
        next_of(project)
    assert next_of(project, inputs={"place": "x"}).version == "0.1.0"


def test_next__shallow_checkout__is_refused_and_no_first_version(project: Project, tmp_path: Path) -> None:
    checkout(project, "v1.0.0")
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{project.folder}", "shallow")
    shallow = Project(tmp_path / "shallow")
    with pytest.raises(shipset.UsageError, match=r"git tags of .* are not known") as caught:
        next_of(shallow)
    assert "--unshallow" in caught.value.hint
    assert next_of(shallow, source="registry").version == "0.1.0"
    assert shipset.collect_facts(shallow.folder).versions is None
    with pytest.raises(shipset.ReleaseFileError, match="are not known"):
        shipset.load(automatic(shallow).file).matrix()


def test_next__scheme_without_order_and_rules_that_cannot_be_read__are_refused(project: Project) -> None:
    change(project, '{ tag = "{version}{-suffix}" },\n', '{ tag = "fixed{-suffix}" },\n')
    change(project, ', moves = "forward" }', ', moves = "always" }')
    with pytest.raises(shipset.UsageError, match="cannot be read from its tags"):
        next_of(project)
    assert next_of(project, source="git").version == "0.1.0"
    change(project, "repositories", 'scheme = "none"\nrepositories')
    with pytest.raises(shipset.UsageError, match="gives versions no order"):
        next_of(project, source="git")


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_next__registry_refuses_the_listing__stops(project: Project, status: int) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        registry.put_image("team/app", b"layer", tags=["1.0.0"])
        registry.faults.on("GET", path="tags/list", times=None).status(status)
        with pytest.raises(shipset.ShipsetError) as caught:
            shipset.next_version(shipset.load(project.file), "minor", to=registry.host)
        assert caught.value.exit_code in (5, 6)
        assert "cannot list the tags" in caught.value.what


def test_next__registry_pages_its_listing__sees_the_last_page(project: Project) -> None:
    with FakeRegistry.like("distribution-3.1", page_limit=3) as registry:
        registry.put_image("team/app", b"layer", tags=[f"1.{minor}.0" for minor in range(12)])
        assert shipset.next_version(shipset.load(project.file), "minor", to=registry.host).version == "1.12.0"
        registry.faults.on("GET", path="tags/list", nth=3, times=None).status(500)
        with pytest.raises(shipset.ShipsetError):
            shipset.next_version(shipset.load(project.file), "minor", to=registry.host)


def test_next__repository_that_does_not_exist_yet__has_no_versions(project: Project) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        assert shipset.next_version(shipset.load(project.file), "major", to=registry.host).version == "1.0.0"


def test_command__text_and_json__give_the_version_alone_and_with_what_it_follows(
    project: Project, shipset_command: Shipset
) -> None:
    checkout(project, "v1.2.3")
    done = shipset_command("version", "next", "major", "--to", project.to)
    assert (done.code, done.out) == (0, "v2.0.0\n")
    done = shipset_command("version", "next", "prerelease", "--from", "git", "--format", "json")
    assert json.loads(done.out) == {
        "schema_version": 1,
        "version": "v1.2.4-rc.1",
        "highest": "v1.2.3",
        "step": "prerelease",
        "scheme": "semver",
    }


@pytest.mark.parametrize("arguments", [("version",), ("version", "next"), ("version", "next", "mnior")])
def test_command__no_step__is_a_usage_error(shipset_command: Shipset, arguments: tuple[str, ...]) -> None:
    assert shipset_command(*arguments).code == 2


def test_auto__plan__counts_git_and_the_destination_and_stays_frozen(project: Project, tmp_path: Path) -> None:
    release(checkout(project, "0.9.0"), "1.2.0")
    matrix = shipset.load(automatic(project).file).matrix(latest=True)
    assert (matrix.version, matrix.automatic, matrix.facts.versions) == ("0.10.0", "auto:minor", ("0.9.0",))
    assert pickle.loads(pickle.dumps(matrix)).version == "0.10.0"  # noqa: S301 (own data)
    plan = shipset.plan(matrix, to=project.to)
    assert plan.version == "1.3.0"
    assert plan.to_dict()["facts"]["versions"] == ["1.2.0"]
    frozen = plan.save(tmp_path / "plan.json")
    git(project.folder, "tag", "5.0.0")
    report = shipset.Plan.load(frozen).execute().report
    assert report.version == "1.3.0"
    assert {"1.2.0", "1.3.0", "1.3.0-extra", "latest"} <= set(tags_of(project.layout))
    assert shipset.plan(shipset.load(project.file).matrix(), to=project.to).version == "5.1.0"


def test_auto__released_again__gets_the_next_number(project: Project, shipset_command: Shipset) -> None:
    automatic(project, "patch")
    for expected in ("0.1.0", "0.1.1", "0.1.2"):
        done = shipset_command("release", "-q", "--to", project.to, "--input", "latest=true")
        assert done.code == 0, done.err
        assert tags_of(project.layout)[expected] == tags_of(project.layout)["latest"]


def test_auto__registry_refuses_the_listing__plans_nothing(project: Project) -> None:
    matrix = shipset.load(automatic(project).file).matrix()
    with FakeRegistry.like("distribution-3.1") as registry:
        registry.faults.on("GET", path="tags/list", times=None).status(403)
        with pytest.raises(shipset.ShipsetError, match="cannot list the tags"):
            shipset.plan(matrix, to=registry.host)


def test_version_as_given__facts__keep_no_versions(project: Project) -> None:
    checkout(project, "v1.0.0")
    assert shipset.collect_facts(project.folder).versions == ("v1.0.0",)
    matrix = shipset.load(project.file).matrix()
    assert (matrix.automatic, matrix.facts.versions) == ("", None)
    assert "versions" not in shipset.plan(matrix, to=project.to).to_dict()["facts"]


def test_auto__unknown_step__is_a_problem_at_its_line(project: Project, shipset_command: Shipset) -> None:
    done = shipset_command("check", automatic(project, "mnior").file)
    assert done.code == 2
    assert 'did you mean "minor"?' in done.out + done.err
