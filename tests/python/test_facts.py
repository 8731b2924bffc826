"""Facts from git, CI, clock and environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from shipset import UsageError, collect_facts


def git(folder: Path, *arguments: str) -> str:
    environ = {
        **os.environ,
        **{f"GIT_{who}_{what}": "tester" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "GIT_AUTHOR_DATE": "1700000000 +0000",
        "GIT_COMMITTER_DATE": "1700000000 +0000",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, env=environ
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "a").write_text("a", encoding="utf-8")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_collect__clean_checkout__knows_commit_branch_count_and_time(repository: Path) -> None:
    facts = collect_facts(repository, environ={}, now_unix_s=7)
    assert facts.git == {
        "sha": git(repository, "rev-parse", "HEAD"),
        "branch": "trunk",
        "ref_type": "branch",
        "commit_count": "1",
    }
    assert (facts.commit_time_unix_s, facts.context_clean, facts.date_unix_s) == (1700000000, True, 7)
    assert (facts.event_name, facts.ci_run, facts.source_date_epoch) == ("", "", None)


def test_collect__tagged_and_detached__is_a_tag_without_branch(repository: Path) -> None:
    git(repository, "tag", "v1.2.3")
    git(repository, "checkout", "-q", "--detach")
    names = collect_facts(repository, environ={}).git
    assert (names["tag"], names["ref_type"]) == ("v1.2.3", "tag")
    assert "branch" not in names


@pytest.mark.parametrize("change", ["edit", "new"])
def test_collect__changed_or_new_file__is_not_clean(repository: Path, change: str) -> None:
    (repository / ("a" if change == "edit" else "b\n")).write_text("other", encoding="utf-8")
    assert not collect_facts(repository, environ={}).context_clean


def test_collect__no_repository__has_no_git_facts_and_no_error(tmp_path: Path) -> None:
    facts = collect_facts(tmp_path, environ={})
    assert facts.git == {}
    assert not facts.context_clean
    assert facts.commit_time_unix_s is None


def test_collect__no_git_command__has_no_git_facts_and_no_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert collect_facts(repository, environ={}).git == {}


def test_collect__on_github__takes_names_of_the_event(repository: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}), encoding="utf-8")
    git(repository, "checkout", "-q", "--detach")
    environ = {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF_NAME": "release/1.x",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SHA": git(repository, "rev-parse", "HEAD"),
    }
    facts = collect_facts(repository, environ=environ)
    assert (facts.event_name, facts.ci_run) == ("push", "42")
    assert facts.git["branch"] == "release/1.x"
    assert facts.git["ref_type"] == "branch"
    assert facts.git["default_branch"] == "main"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"repository": 3}', "[" * 100000])
def test_collect__odd_event_file__is_no_error(repository: Path, tmp_path: Path, content: str) -> None:
    event = tmp_path / "event.json"
    event.write_text(content, encoding="utf-8")
    assert "default_branch" not in collect_facts(repository, environ={"GITHUB_EVENT_PATH": str(event)}).git


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²", "9" * 13])
def test_collect__wrong_source_date_epoch__is_a_usage_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        collect_facts(tmp_path, environ={"SOURCE_DATE_EPOCH": text})


def test_collect__source_date_epoch__is_a_number(tmp_path: Path) -> None:
    assert collect_facts(tmp_path, environ={"SOURCE_DATE_EPOCH": "1700000000"}).source_date_epoch == 1700000000


def test_collect__environment_that_is_no_text__is_left_out(tmp_path: Path) -> None:
    assert collect_facts(tmp_path, environ={"BAD": "\udcff", "GOOD": "ö"}).env == {"GOOD": "ö"}
