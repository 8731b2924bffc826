"""`promote --from-version`: the tag rules once more on a version that is there, building nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import shipset
from helpers import Project, tags_of
from moving import THREE, release
from shipset.cli.app import run
from shipset.testing import FakeRegistry

TAGS = ("1.0.0", "1.0.0-cuda", "1.0.0-vllm-cuda")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three variants whose `latest` needs an input; 1.0.0 is released without it."""
    text = THREE.replace("[inputs.version]\n", '[inputs.version]\n[inputs.latest]\ntype = "boolean"\ndefault = false\n')
    text = text.replace(
        '{ tag = "latest{-suffix}", moves = "forward" }',
        '{ tag = "latest{-suffix}", moves = "forward", when = "inputs.latest" }',
    )
    found = Project.make(tmp_path, text)
    release(found, "1.0.0")
    return found


def promote(
    project: Project, version: str, *, to: str = "", replace: tuple[str, ...] = (), force: tuple[str, ...] = ()
) -> shipset.Report:
    matrix = shipset.load(project.file).matrix_of({"latest": True}, facts=shipset.Facts(date_unix_s=1), version=version)
    made = shipset.plan(matrix, to=to or project.to, from_version=version, replace=replace, force_tag=force)
    return made.execute().report


def test_promote__alias_asked_for_later__moves_it_and_builds_nothing(project: Project) -> None:
    before = tags_of(project.layout)
    assert "latest" not in before
    shutil.rmtree(project.file.parent / "files")  # what it was built from is gone
    report = promote(project, "1.0.0")
    after = tags_of(project.layout)
    assert {tag: after[tag] for tag in before} == before
    assert set(after) - set(before) == {"latest", "latest-cuda", "latest-vllm-cuda"}
    assert all(after[f"latest{suffix}"] == after[f"1.0.0{suffix}"] for suffix in ("", "-cuda", "-vllm-cuda"))
    assert {variant.status for variant in report.variants} == {"present"}
    again = promote(project, "1.0.0")
    assert again.outcome == "nothing to do"


def test_promote__older_version__forward_tags_look_as_always(project: Project) -> None:
    release(project, "2.0.0")
    promote(project, "2.0.0")
    held = tags_of(project.layout)["latest"]
    report = promote(project, "1.0.0")
    assert tags_of(project.layout)["latest"] == held
    reasons = {tag.reference.rpartition(":")[2]: tag.reason for tag in report.tags}
    assert reasons["latest-cuda"] == "2.0.0 is higher"
    forced = promote(project, "1.0.0", force=("latest",))
    tags = tags_of(project.layout)
    assert (tags["latest"], tags["latest-cuda"]) == (tags["1.0.0"], tags["2.0.0-cuda"])
    reasons = {tag.reference.rpartition(":")[2]: tag.reason for tag in forced.tags}
    assert reasons["latest"] == "--force-tag names it, although 2.0.0 is higher"


def test_plan__from_version__shows_what_would_move_and_thaws_elsewhere(project: Project, tmp_path: Path) -> None:
    matrix = shipset.load(project.file).matrix_of({"latest": True}, facts=shipset.Facts(date_unix_s=1), version="1.0.0")
    made = shipset.plan(matrix, to=project.to, from_version="1.0.0")
    assert {variant.action for variant in made.variants} == {"present"}
    assert {tag.tag for tag in made.tags if tag.action == "create"} == {"latest", "latest-cuda", "latest-vllm-cuda"}
    shipset.Plan.load(made.save(tmp_path / "plan.json")).execute()
    assert tags_of(project.layout)["latest"] == tags_of(project.layout)["1.0.0"]


def test_plan__unknown_version__names_the_nearest(project: Project) -> None:
    with pytest.raises(shipset.UsageError, match=r"there is no version 1\.0\.1") as caught:
        promote(project, "1.0.1")
    assert "1.0.0" in caught.value.hint
    assert "not there" in caught.value.why


def test_plan__one_variant_lacks_the_version__is_refused_by_name(project: Project) -> None:
    release(project, "1.1.0", "cpu", "cuda")
    with pytest.raises(shipset.PolicyRefused, match=r"1\.1\.0 is not complete") as caught:
        promote(project, "1.1.0")
    assert "vllm-cuda" in caught.value.why
    assert "1.1.0-vllm-cuda is not there" in caught.value.why
    assert "latest" not in tags_of(project.layout)


def test_plan__content_of_a_variant_is_missing__is_refused(project: Project) -> None:
    digest = tags_of(project.layout)["1.0.0-cuda"]
    blobs = project.layout / "blobs" / "sha256"
    index = shipset.values.parse_json((blobs / digest.partition(":")[2]).read_text())
    (blobs / index["manifests"][0]["digest"].partition(":")[2]).unlink()
    with pytest.raises(shipset.PolicyRefused, match="is not complete") as caught:
        promote(project, "1.0.0")
    assert "content below it is missing" in caught.value.why


def test_promote__exact_tag_of_the_version_added_to_the_rules__is_set(project: Project) -> None:
    text = project.file.read_text(encoding="utf-8")
    added = text.replace(
        "rules = [\n", 'rules = [\n  { tag = "release-{version}{-suffix}" },\n  { tag = "other" },\n', 1
    )
    one = added.partition('[[variant]]\nname = "cuda"')[0]
    project.file.write_text(one, encoding="utf-8")
    report = promote(project, "1.0.0")
    tags = tags_of(project.layout)
    assert tags["release-1.0.0"] == tags["1.0.0"]
    assert "other" not in tags
    reasons = {tag.reference.rpartition(":")[2]: tag.reason for tag in report.tags}
    assert reasons["other"] == "an exact tag that does not name 1.0.0"


@pytest.mark.parametrize(
    ("replace", "force", "words"),
    [
        (("1.0.1",), (), "--replace 1.0.1 names no tag of this release"),
        ((), ("latst",), "--force-tag latst names no tag of this release"),
        (("latest",), (), "--replace latest names a tag that is not exact"),
        ((), ("1.0.0",), "--force-tag 1.0.0 names an exact tag"),
    ],
)
def test_plan__replace_or_force_of_a_wrong_tag__is_refused(
    project: Project, replace: tuple[str, ...], force: tuple[str, ...], words: str
) -> None:
    with pytest.raises(shipset.UsageError, match=words) as caught:
        promote(project, "1.0.0", replace=replace, force=force)
    assert caught.value.hint


def test_promote__several_repositories__each_is_found_and_moved(tmp_path: Path) -> None:
    text = THREE.replace('"example.org/team/app"]', '"example.org/team/app", "other.example/mirror"]')
    project = Project.make(tmp_path, text)
    with FakeRegistry() as registry:
        options = shipset.RegistryOptions(plain_http=[registry.host])
        spec = shipset.load(project.file)
        matrix = spec.matrix_of({"version": "1.0.0"}, facts=shipset.Facts(date_unix_s=1))
        shipset.plan(matrix, to=registry.host, registry=options).execute()
        added = text.replace('"latest{-suffix}"', '"stable{-suffix}"')
        project.file.write_text(added, encoding="utf-8")
        matrix = shipset.load(project.file).matrix_of({}, facts=shipset.Facts(date_unix_s=1), version="1.0.0")
        made = shipset.plan(matrix, to=registry.host, from_version="1.0.0", registry=options)
        assert sorted(tag.tag for tag in made.tags if tag.action == "create") == sorted(
            2 * ["stable", "stable-cuda", "stable-vllm-cuda"]
        )
        made.execute()
        for repository in ("team/app", "mirror"):
            ref = f"{registry.host}/{repository}"
            stable, exact = (
                shipset.inspect(f"{ref}:{tag}-cuda", registry=options)["digest"] for tag in ("stable", "1.0.0")
            )
            assert stable == exact


def test_command__from_version__moves_and_refuses_wrong_options(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    file = str(project.file)
    command = ["promote", file, "--from-version", "1.0.0", "--to", project.to, "--input", "latest=true", "-q"]
    assert run(["plan", *command[1:]]) == 0
    assert "latest" in capfd.readouterr().out
    assert run(command) == 0
    assert tags_of(project.layout)["latest"] == tags_of(project.layout)["1.0.0"]
    assert run([*command, "--git-tag"]) == 2
    assert run(["promote"]) == 2
    assert run(["promote", file, "--from-version", "9.9.9", "--to", project.to]) == 2
    assert "there is no version 9.9.9" in capfd.readouterr().err
