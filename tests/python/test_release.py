"""Plan and release from Python, into an OCI layout: the whole way, again, frozen, changed, and what is reported."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import shipset
from helpers import Project, seen, tags_of, temporary_files


@pytest.fixture
def plan(project: Project) -> shipset.Plan:
    return shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to)


def test_plan__empty_destination__creates_every_tag_and_touches_nothing(plan: shipset.Plan, project: Project) -> None:
    assert [(variant.name, variant.action) for variant in plan.variants] == [("plain", "build"), ("extra", "build")]
    assert {tag.action for tag in plan.tags} == {"create"}
    assert [tag.tag for tag in plan.tags][-1] == "latest", "the bare latest comes last"
    assert [target.location for target in plan.targets] == [project.to]
    assert not plan.nothing_to_do
    assert not project.layout.exists()


def test_execute__empty_layout__releases_everything(plan: shipset.Plan, project: Project) -> None:
    events: list[shipset.Event] = []
    report = plan.execute(on_event=events.append).report
    assert report.outcome == "released"
    assert set(tags_of(project.layout)) == {"1.0.0", "1.0.0-extra", "latest", "latest-extra"}
    assert (report.tags_moved, [tag.status for tag in report.tags]) == (4, ["done"] * 4)
    assert report.bytes_moved > 0
    for variant in report.variants:
        assert [str(image.platform) for image in variant.images] == ["linux/amd64", "linux/arm64"]
        assert all(image.sbom and image.provenance and image.status == "done" for image in variant.images)
    assert temporary_files(project.layout) == []
    phases = [event.subject or event.phase for event in events if event.kind == "phase_started"]
    assert phases.index("build") < phases.index("stage") < phases.index("promote")
    assert sum(event.kind == "tag_moved" for event in events) == 4


def test_execute__second_time__changes_no_byte(plan: shipset.Plan, project: Project) -> None:
    plan.execute()
    before = seen(project.layout)
    again = shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to)
    assert again.nothing_to_do
    assert again.id == plan.id
    report = again.execute().report
    assert (report.outcome, report.bytes_moved, report.tags_moved) == ("nothing to do", 0, 0)
    assert seen(project.layout) == before


def test_build__stages__and_moves_no_tag(plan: shipset.Plan, project: Project) -> None:
    report = plan.build().report
    assert report.outcome == "staged"
    assert not {"1.0.0", "latest"} & set(tags_of(project.layout))
    assert report.tags_moved == 0


def test_plan__only_one_platform__builds_that_alone(project: Project) -> None:
    matrix = shipset.load(project.file).matrix()
    plan = shipset.plan(matrix, to=project.to, only=["extra/linux/arm64"])
    assert [(variant.name, variant.action) for variant in plan.variants] == [("plain", "excluded"), ("extra", "build")]
    assert [str(image.platform) for image in plan.variants[1].images] == ["linux/arm64"]


def test_plan__saved_and_loaded__executes_to_the_same(plan: shipset.Plan, project: Project, tmp_path: Path) -> None:
    path = plan.save(tmp_path / "plan.json")
    loaded = shipset.Plan.load(path)
    assert loaded.tags == plan.tags
    assert loaded.execute().report.outcome == "released"
    assert len(tags_of(project.layout)) == 4


def test_plan__frozen_and_the_file_changed__refuses_and_does_nothing(
    plan: shipset.Plan, project: Project, tmp_path: Path
) -> None:
    path = plan.save(tmp_path / "plan.json")
    project.add('\n[[variant]]\nname = "new"\n')
    with pytest.raises(shipset.PolicyRefused) as caught:
        shipset.Plan.load(path).execute()
    assert caught.value.exit_code == 4
    assert seen(project.layout) == {}


def test_plan__frozen_and_the_tag_was_set_meanwhile__refuses(
    plan: shipset.Plan, project: Project, tmp_path: Path
) -> None:
    path = plan.save(tmp_path / "plan.json")
    (project.folder / "files" / "hello.txt").write_text("other\n", encoding="utf-8")
    shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to).execute()
    before = seen(project.layout)
    with pytest.raises(shipset.ReleaseFailed) as caught:
        shipset.Plan.load(path).execute()
    assert caught.value.exit_code == 4
    assert seen(project.layout) == before


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "JSON"),
        ("[]", "other JSON"),
        ('{"kind": "shipset.plan", "schema_version": 99}', "99"),
        ("[" * 200000, "JSON"),
    ],
    ids=["empty", "no-plan", "newer-schema", "deep"],
)
def test_plan_load__no_plan_of_ours__is_a_usage_error(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(shipset.UsageError, match=word):
        shipset.Plan.load(path)


@pytest.mark.parametrize("case", ["no-text", "folder", "missing"])
def test_plan_load__unreadable__is_a_disk_error(tmp_path: Path, case: str) -> None:
    path = tmp_path / "plan.json"
    if case == "no-text":
        path.write_bytes(b"\xff\xfe")
    elif case == "folder":
        path.mkdir()
    with pytest.raises(shipset.DiskError):
        shipset.Plan.load(path)


def test_plan__pickled__is_equal_and_can_be_executed(plan: shipset.Plan) -> None:
    back = pickle.loads(pickle.dumps(plan))  # noqa: S301 (own data)
    assert (back, hash(back)) == (plan, hash(plan))
    assert back.execute().report.outcome == "released"


def test_plan__exact_tag_with_other_content__is_a_conflict_before_anything_is_built(
    plan: shipset.Plan, project: Project
) -> None:
    plan.execute()
    before = seen(project.layout)
    (project.folder / "files" / "hello.txt").write_text("changed\n", encoding="utf-8")
    with pytest.raises(shipset.TagConflict) as caught:
        shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to)
    assert "1.0.0" in str(caught.value)
    assert caught.value.exit_code == 4
    assert seen(project.layout) == before
    replaced = shipset.plan(
        shipset.load(project.file).matrix(latest=True), to=project.to, replace=["1.0.0", "1.0.0-extra"]
    )
    assert replaced.execute().report.outcome == "released"


def test_plan__shown__says_what_moves_and_why(plan: shipset.Plan) -> None:
    for shown in (repr(plan), plan._repr_html_()):
        for word in ("Plan: app 1.0.0", "create", "latest-extra", "2 variants, 4 platform images"):
            assert word in shown
    assert json.loads(plan.to_json())["kind"] == "shipset.plan"


def test_plan__environment_secret__is_in_no_form_of_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "very-secret-token-value")
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    report = plan.execute().report
    assert "very-secret-token-value" not in plan.to_json() + report.to_json() + repr(plan) + repr(report)
    assert b"very-secret-token-value" not in pickle.dumps(plan)
    for path in project.layout.rglob("*"):
        assert not path.is_file() or b"very-secret-token-value" not in path.read_bytes()


def test_execute__gate_refuses__has_a_report_and_built_nothing(project: Project) -> None:
    project.add('\n[[gate]]\nname = "tests"\nat = "before-build"\nrun = ["sh", "-c", "echo broken; exit 1"]\n')
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    with pytest.raises(shipset.GateRefused) as caught:
        plan.execute()
    report = caught.value.report
    assert report is not None
    assert (report.outcome, report.gates[0].status, report.gates[0].exit_code) == ("failed", "failed", 1)
    assert "broken" in report.gates[0].detail
    assert {image.status for variant in report.variants for image in variant.images} == {"not_started"}
    assert tags_of(project.layout) == {}
    back = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (own data)
    assert back.report == report
