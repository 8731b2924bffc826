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
