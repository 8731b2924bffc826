"""Gates as users see them: the command and the calls that post results, hostile results, pages, and the how-to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import shipset
from helpers import Project, Shipset
from shipset.testing import FakeRegistry

PAGE = (Path(__file__).resolve().parents[2] / "python/docs/how-to/gates.md").read_text(encoding="utf-8")
GATE = '\n[[gate]]\nname = "runs on a GPU"\nat = "external"\nvariants = ["extra"]\n'
COMMAND = '\n[[gate]]\nname = "look"\nat = "staged"\nrun = ["sh", "-c", "echo found nothing; exit 1"]\n'


@pytest.fixture
def staged(project: Project) -> shipset.Plan:
    """A release of which everything is staged and a gate is open."""
    project.add(GATE)
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    with pytest.raises(shipset.GateRefused) as caught:
        plan.execute()
    assert caught.value.exit_code == 4
    assert caught.value.report is not None
    assert caught.value.report.outcome == "staged"
    return plan


def promote(project: Project, plan: shipset.Plan) -> shipset.Report:
    matrix = shipset.load(project.file).matrix()
    return shipset.plan(matrix, to=project.to, id=plan.id).promote().report


def test_post_gate__pass__is_found_by_the_promotion(project: Project, staged: shipset.Plan) -> None:
    posted = shipset.post_gate(staged.id, "runs on a GPU", shipset.GateResult.of("pass"), staging=project.to)
    assert (posted.result, {image.variant for image in posted.judged}) == ("pass", {"extra"})
    report = promote(project, staged)
    assert report.outcome == "released"
    assert report.gates[0].result == posted.reference
    assert {image.digest for image in posted.judged} == set(report.gates[0].judged)


def test_plan_gate__frozen_plan_elsewhere__posts_fail_with_details(
    project: Project, staged: shipset.Plan, tmp_path: Path
) -> None:
    frozen = staged.save(tmp_path / "plan.json")
    project.file.rename(project.folder / "hidden.toml")
    posted = shipset.Plan.load(frozen).gate("runs on a GPU", shipset.GateResult.of("fail", details={"cards": [1, 2]}))
    assert posted.notes == ()
    (project.folder / "hidden.toml").rename(project.file)
    with pytest.raises(shipset.GateRefused, match="said no") as caught:
        promote(project, staged)
    assert '"cards"' in str(caught.value)


def test_page__how_to__posts_as_it_says(
    project: Project, staged: shipset.Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "post_gate" in block)
    exec(code, {"release_id": staged.id, "repository": project.to})  # noqa: S102 (the page is ours)
    assert capsys.readouterr().out == "pass 2 images\n"
    assert promote(project, staged).outcome == "released"


def test_page__toml__is_a_release_file_that_checks(project: Project) -> None:
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        project.add("\n" + block.replace('["cuda"]', '["extra"]'))
    assert [gate.at for gate in shipset.load(project.file).matrix().gates] == ["staged", "staged", "external"]


def test_command__hostile_results__are_refused_and_post_nothing(
    project: Project, staged: shipset.Plan, shipset_command: Shipset, tmp_path: Path
) -> None:
    hostile: dict[str, Any] = {
        "empty": b"",
        "not JSON": b"pass",
        "not UTF-8": b'{"result": "pass", "details": "\xff"}',
        "a list": b"[]",
        "unknown result": b'{"result": "PASS"}',
        "unknown member": b'{"result": "pass", "reslut": "fail"}',
        "twice": b'{"result": "fail", "result": "pass"}',
        "deep": b'{"result": "pass", "details": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "huge": b'{"result": "pass", "details": "' + b"x" * (64 << 20) + b'"}',
        "long": b'{"result": "pass", "details": [' + b"1," * 20_000 + b"1]}",
    }
    file = tmp_path / "result.json"
    post = ("gate", staged.id, "runs on a GPU", "--staging", project.to, "--result")
    for name, data in hostile.items():
        file.write_bytes(data)
        run = shipset_command(*post, file)
        assert run.code in (2, 3), name
        assert "result.json" in run.err, name
        assert len(run.err) < 2000, name
    missing = shipset_command(*post, "nowhere")
    assert missing.code == 3
    assert "cannot read the result nowhere" in missing.err
    with pytest.raises(shipset.GateRefused, match="is open"):
        promote(project, staged)


def test_command__options_that_exclude_each_other__are_a_usage_error(shipset_command: Shipset, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text('{"result": "pass"}')
    both = shipset_command("gate", "x", "y", "--result", str(file), "--staging", "a/b", "--file", "c")
    assert (both.code, "exclude each other" in both.err) == (2, True)
    assert shipset_command("gate", "x", "y", "--result", str(file), "--staging", "a/b", "--to", "oci:c").code == 2
    assert shipset_command("gate", "x", "y").code == 2


def test_post_gate__neither_place_nor_file__is_a_usage_error() -> None:
    with pytest.raises(shipset.UsageError):
        shipset.post_gate("x", "y", shipset.GateResult.of("pass"))
    with pytest.raises(shipset.UsageError, match="no JSON"):
        shipset.GateResult.of("pass", details={1, 2})


def test_post_gate__password_in_details__is_not_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.add(GATE)
    with FakeRegistry() as registry:
        plan = shipset.plan(shipset.load(project.file).matrix(), to=registry.host)
        with pytest.raises(shipset.GateRefused):
            plan.execute()
        monkeypatch.setenv("GPU_JOB_PASSWORD", "hunter2-hunter2")
        plan.gate("runs on a GPU", shipset.GateResult.of("fail", details={"env": "GPU_JOB_PASSWORD=hunter2-hunter2"}))
        monkeypatch.delenv("GPU_JOB_PASSWORD")
        with pytest.raises(shipset.GateRefused) as caught:
            shipset.plan(shipset.load(project.file).matrix(), to=registry.host, id=plan.id).promote()
        assert "GPU_JOB_PASSWORD=***" in str(caught.value)
        assert "hunter2" not in caught.value.report.to_json()


def test_github__gate_that_said_no__is_one_annotation(project: Project, shipset_command: Shipset) -> None:
    project.add(COMMAND)
    refused = shipset_command("release", "--to", project.to, env={"GITHUB_ACTIONS": "true"})
    assert refused.code == 4
    found = [line for line in refused.err.splitlines() if line.startswith("::error")]
    assert found == ['::error title=gate "look" said no::found nothing']
    project.add("required = false\n")
    passed = shipset_command("release", "--to", project.to, env={"GITHUB_ACTIONS": "true"})
    assert passed.code == 0
    assert '::warning title=gate "look" said no::found nothing' in passed.err
    assert "::error" not in passed.err


def test_pages__gates__tell_who_judges_and_what_was_measured(project: Project) -> None:
    project.add(
        GATE
        + 'required = false\n[[gate]]\nname = "size"\nat = "staged"\nbudget = { image = "1 GiB", growth = "2.5%" }\n'
    )
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    text = plan.to_text()
    assert "another job" in text
    assert "budget: image 1.0 GiB, growth 2.5 %" in text
    assert plan.gates[1].budget is not None
    report = plan.execute().report
    assert report.gates[1].measured[0].image_bytes > 0
    shown = report.to_text()
    assert "largest layer" in shown
    assert "no growth was measured: there is no former release of plain" in shown
    assert json.loads(report.to_json())["gates"][1]["measured"][0]["former_bytes"] is None
    assert "largest layer" in report._repr_html_()
