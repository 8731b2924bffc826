"""The report as a value and in its four forms."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path

import pytest

import shipset
from helpers import Project


@pytest.fixture
def report(project: Project) -> shipset.Report:
    project.add('\n[[gate]]\nname = "a <b>bold</b> gate"\nat = "before-build"\nrun = ["true"]\n')
    return shipset.plan(shipset.load(project.file).matrix(), to=project.to).execute().report


def test_report__pickled__is_equal(report: shipset.Report) -> None:
    back = pickle.loads(pickle.dumps(report))  # noqa: S301 (own data)
    assert (back, hash(back), back.tags) == (report, hash(report), report.tags)


def test_save__each_ending__writes_its_form_and_leaves_nothing_else(report: shipset.Report, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for ending in ("json", "txt", "md", "html"):
        report.save(folder / f"report.{ending}")
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md", "report.txt"]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == report.to_dict()
    assert "released" in (folder / "report.txt").read_text(encoding="utf-8")
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("## app 1.0.0\n")


def test_save__html__is_one_file_without_script_network_or_markup_from_outside(
    report: shipset.Report, tmp_path: Path
) -> None:
    text = report.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<script|https?://|<link|<img|@import|url\(", text)
    assert "<b>bold" not in text
    assert "a &lt;b&gt;bold&lt;/b&gt; gate" in text
    for word in ("released", "1.0.0-extra", "linux/arm64", "sbom, provenance"):
        assert word in text


def test_save__unknown_ending__is_a_usage_error(report: shipset.Report, tmp_path: Path) -> None:
    with pytest.raises(shipset.UsageError, match=r"\.json"):
        report.save(tmp_path / "report.pdf")
    assert list(tmp_path.glob("report*")) == []


def test_save__folder_that_is_not_there__is_a_disk_error(report: shipset.Report, tmp_path: Path) -> None:
    with pytest.raises(shipset.DiskError, match="nowhere"):
        report.save(tmp_path / "nowhere" / "report.txt")


def test_save__html_without_jinja2__says_what_to_install(
    report: shipset.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shipset.report import html

    html._template.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(shipset.UsageError, match=r"shipset\[report\]"):
        report.save(tmp_path / "report.html")


def test_plan_html__is_a_page_too(project: Project, tmp_path: Path) -> None:
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    text = plan.save(tmp_path / "plan.html").read_text(encoding="utf-8")
    assert "Plan: app 1.0.0" in text
    assert "create" in text


def test_status_and_cleaning__as_values__are_equal_after_pickling_and_show_themselves(
    report: shipset.Report, project: Project
) -> None:
    status = shipset.status(directory=project.folder, look=True)
    cleaning = shipset.clean(directory=project.folder)
    assert [(one.id, one.state) for one in status.releases] == [(report.id, "released")]
    assert {tag.holds for tag in status.releases[0].tags} == {"new"}
    for value, word in ((status, report.id), (cleaning, "journal, frozen plan and logs")):
        back = pickle.loads(pickle.dumps(value))  # noqa: S301 (own data)
        assert (back, hash(back), back.to_dict()) == (value, hash(value), value.to_dict())
        assert word in value.to_text()
        assert word in value._repr_html_()
        assert str(value) == repr(value) == value.to_text()


def test_status__texts_of_a_journal__become_no_markup_or_terminal_codes(report: shipset.Report) -> None:
    hostile = "<i>x</i>\x1b[31m"
    data = {"schema_version": 1, "kind": "shipset.status", "releases": [
        {"id": "a", "name": hostile, "version": "1", "state": "unreadable", "phase": hostile, "running": False,
         "attempts": 1, "images_built": 0, "committed": False, "problem": hostile, "tags": [], "next": [hostile]}
    ]}  # fmt: skip
    shown = shipset.Status(json.dumps(data))
    assert shown.releases[0].problem == hostile
    assert "<i>" not in shown._repr_html_()
    assert "\x1b" not in shown._repr_html_() + shown.to_text()


def test_status__broken_journal__does_not_hide_the_other_releases(report: shipset.Report, project: Project) -> None:
    broken = project.folder / ".shipset" / "0123456789ab"
    broken.mkdir()
    (broken / "journal").write_text("no journal\n", encoding="utf-8")
    found = {one.id: one for one in shipset.status(directory=project.folder).releases}
    assert found[report.id].state == "released"
    assert found["0123456789ab"].state == "unreadable"
    assert "does not hold" in found["0123456789ab"].problem
    assert "does not hold" in shipset.status(directory=project.folder).to_text()
    with pytest.raises(shipset.VerificationError, match="0123456789ab"):
        shipset.status("0123456789ab", directory=project.folder)
