"""metadata_tags beyond the action's examples: hostile input, dates and zones, where the event comes from, the value."""

import json
import pickle
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import shipset

PAGE = Path(__file__).resolve().parents[2] / "python/docs/how-to/metadata-action.md"
NOW = "2026-03-09T08:05:07.042Z"
PUSH = {"ref": "refs/heads/main", "sha": "3f9c1b7e2d4a5068b1c2d3e4f5061728394a5b6c", "event_name": "push", "now": NOW}
TAG = {**PUSH, "ref": "refs/tags/v1.2.3"}


def tags(*rules: str, **options: Any) -> list[str]:
    options.setdefault("event", {**PUSH, "default_branch": "main"})
    return list(shipset.metadata_tags(tags=list(rules), env=options.pop("env", {}), **options).tags)


def refusal(*rules: str, **options: Any) -> str:
    with pytest.raises(shipset.UsageError) as caught:
        tags(*rules, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("YYYY-MM-DD", "2026-03-09"),
        ("YY.M.D", "26.3.9"),
        ("YYYYMMDDHHmmss", "20260309080507"),
        ("Hmm", "805"),
        ("h_mm_A", "8_05_AM"),
        ("SSS", "042"),
        ("SSSSSSSSS", "042000000"),
        ("DDDD", "068"),
        ("DDDo", "68th"),
        ("Do", "9th"),
        ("dddd", "Monday"),
        ("MMM", "Mar"),
        ("Qo", "1st"),
        ("GGGG-[W]WW", "2026-W11"),
        ("gggg.ww", "2026.11"),
        ("X", "1773043507"),
        ("x", "1773043507042"),
        ("Z", "-00-00"),
        ("z", "UTC"),
        ("L", "03-09-2026"),
        ("YYYY[YYYY]", "2026YYYY"),
        ("", "2026-03-09T08-05-07Z"),
    ],
)
def test_date__format_of_moment__as_there(pattern: str, written: str) -> None:
    assert tags(f"type=raw,value=x{{{{date '{pattern}'}}}}") == ["x" + written]


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("Asia/Tokyo", "2026-03-09T17-05-JST-09-00"),
        ("America/New_York", "2026-03-09T04-05-EDT--04-00"),
        ("asia/kathmandu", "2026-03-09T13-50-0545-05-45"),
        ("UTC", "2026-03-09T08-05-UTC-00-00"),
    ],
)
def test_date__time_zone__as_the_clock_there(zone: str, written: str) -> None:
    assert tags(f"type=raw,value={{{{date 'YYYY-MM-DDTHH:mm+z+Z' tz='{zone}'}}}}") == [written]


def test_date__week_at_the_turn_of_the_year__iso_and_american() -> None:
    event = {**PUSH, "now": "2027-01-01T12:00:00Z"}
    assert tags("type=raw,value={{date 'GGGG-WW gggg-ww'}}", event=event) == ["2026-53-2027-01"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "a" * 5000, "Europe"])
def test_date__no_such_zone__is_refused(zone: str) -> None:
    assert "time zone" in refusal(f"type=raw,value={{{{date 'YYYY' tz='{zone}'}}}}")


def test_date__far_years__are_refused_by_name() -> None:
    with pytest.raises(shipset.UsageError, match="1 to 9999"):
        tags("type=raw,value={{date 'YYYY'}}", now=1e12)
    with pytest.raises(shipset.UsageError, match="now is no date"):
        tags("type=raw,value=x", now="yesterday")


def test_commit_date__given__is_not_the_clock() -> None:
    event = {**PUSH, "commit_date": "2024-02-29T23:30:00+02:00"}
    assert tags("type=raw,value={{commit_date 'YYYYMMDDHHmm'}}", event=event) == ["202402292130"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("{{#unless tag}}no-tag{{/unless}}", "no-tag"),
        ("{{#if tag}}t{{else if branch}}b{{else}}n{{/if}}", "b"),
        ("{{#if nothing}}t{{else}}n{{/if}}", "n"),
        ("a {{~branch~}} b", "amainb"),
        ("x{{! a remark }}{{!-- }} --}}y", "xy"),
        ("{{{branch}}}{{& branch}}", "mainmain"),
        ("{{this.branch}}", "main"),
        ("\\{{branch}}", "-branch-"),
        ("{{nothing}}x", "x"),
        ("}}x{", "-x-"),
    ],
)
def test_expression__of_handlebars__as_there(value: str, written: str) -> None:
    if written.startswith("-"):
        assert f'give "{written}"' in refusal(f"type=raw,value={value}")
    else:
        assert tags(f"type=raw,value={value}") == [written]


@pytest.mark.parametrize(
    "value",
    [
        "{{",
        "{{}}",
        "{{branch",
        "{{{branch}}",
        "{{#if tag}}",
        "{{#if tag}}{{else}}{{else}}{{/if}}",
        "{{/if}}",
        "{{else}}",
        "{{#each x}}{{/each}}",
        "{{> partial}}",
        "{{{{raw}}}}",
        "{{a.b}}",
        "{{date}}",
        "{{date 'YYYY' zone='UTC'}}",
        "{{date 'YYYY}}",
        "{{sha 'x'}}",
        "{{!",
        "{{#if tag}}" * 5000,
    ],
)
def test_expression__broken_or_not_supported__is_refused(value: str) -> None:
    assert refusal(f"type=raw,value={value}")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a*)*[bc]", "(?:(?:a?){30}){30}[bc]", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_match__catastrophic_pattern__stops_with_a_limit(pattern: str) -> None:
    event = {**PUSH, "ref": "refs/tags/" + "a" * 4000 + "!"}
    assert "too long" in refusal(f'type=match,"pattern={pattern}"', event=event)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a{2,1}",
        "[",
        "(" * 3000 + ")" * 3000,
        "a" * 5000,
        "(*LIMIT_MATCH=9)a",
        "(?R)",
        "(?i)a",
        "\\Aa",
        "a++",
        "/a/y",
        "/a/gg",
        "\\C",
    ],
)
def test_match__pattern_that_cannot_be_used__is_refused(pattern: str) -> None:
    assert "cannot be used" in refusal(f'type=match,"pattern={pattern}"', event=TAG)


def test_match__flag_g__groups_are_the_matches() -> None:
    event = {**PUSH, "ref": "refs/tags/r10-20-30"}
    assert tags("type=match,pattern=/\\d+/g,group=2", event=event, flavor=["latest=false"]) == ["30"]


@pytest.mark.parametrize(
    "rule",
    [
        "type=raw,value=a\nb",
        "type=raw,value=a\x00b",
        'type=raw,"value=a',
        'type=raw,value=a"b"',
        'type=raw,"value=a"b',
        '"' * 10001,
        "type=raw," + "a," * 10000,
        "",
        "\n",
        "type=semver",
        "type=match",
        "type=match,pattern=a,group=x",
        "type=sha,format=medium",
        "type=raw",
        "type=nope",
        "type=raw,value=x,priority=high",
        "type=raw,value=" + "x" * 129,
        "type=raw,value=.x",
        "\ud800",
    ],
)
def test_rule__broken_or_giving_no_tag__is_refused(rule: str) -> None:
    assert refusal(rule)


def test_rules__too_many__are_refused() -> None:
    assert "1000" in refusal(*["type=sha"] * 1001)


def test_error__shows_no_control_characters() -> None:
    assert "\x1b" not in refusal("type=raw,value=\x1b[31m")


@pytest.mark.parametrize("image", ["acme/app:1", "acme/../app", "", "a b", "acme/app@sha256:" + "0" * 64])
def test_image__no_plain_repository__is_refused(image: str) -> None:
    assert refusal("type=sha", images=[image])


def test_images__all_disabled__tags_without_a_name() -> None:
    assert tags("type=ref,event=branch", images=["name=acme/app,enable=false"]) == ["main"]


def test_texts__as_in_a_workflow__one_entry_a_line() -> None:
    result = shipset.metadata_tags(
        images="acme/a\nacme/b\n", tags="\n# remark\n  type=edge\n", event={**PUSH, "default_branch": "main"}, env={}
    )
    assert result.tags == ("acme/a:edge", "acme/b:edge")


def test_event__unknown_key__is_refused_with_the_known_ones() -> None:
    with pytest.raises(shipset.UsageError, match="default_branch"):
        tags("type=sha", event={"reff": "x"})
    with pytest.raises(shipset.UsageError, match="sha is no text"):
        tags("type=sha", event={"sha": 7})


def test_short_sha__length_is_no_number__is_refused_only_where_it_counts() -> None:
    env = {"DOCKER_METADATA_SHORT_SHA_LENGTH": "seven"}
    assert "DOCKER_METADATA_SHORT_SHA_LENGTH" in refusal("type=sha", env=env)
    assert tags("type=ref,event=branch", env=env) == ["main"]


def github(folder: Path, payload: object, **names: str) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")
    return {"GITHUB_SHA": "f" * 40, "GITHUB_EVENT_PATH": str(folder / "event.json"), **names}


def test_github__push_to_the_default_branch__edge(tmp_path: Path) -> None:
    commit = {"id": "f" * 40, "timestamp": "2026-01-02T03:04:05+01:00"}
    payload = {"repository": {"default_branch": "dev"}, "commits": [{"id": "e"}, commit]}
    env = github(tmp_path, payload, GITHUB_REF="refs/heads/dev", GITHUB_EVENT_NAME="push")
    rules = ["type=edge", "type=sha", "type=raw,value={{commit_date 'HHmm'}}"]
    assert tags(*rules, event=None, env=env) == ["edge", "0204", "sha-fffffff"]


def test_github__pull_request_target__stands_for_the_pull_request(tmp_path: Path) -> None:
    pull = {"base": {"ref": "release/2"}, "head": {"sha": "a" * 40}}
    env = github(
        tmp_path,
        {"number": 7, "pull_request": pull},
        GITHUB_REF="refs/heads/main",
        GITHUB_EVENT_NAME="pull_request_target",
    )
    rules = ["type=ref,event=pr", "type=raw,value={{base_ref}}", "type=sha"]
    assert tags(*rules, event=None, env=env) == ["pr-7", "release-2", "sha-fffffff"]
    env["DOCKER_METADATA_PR_HEAD_SHA"] = "true"
    assert tags(*rules, event=None, env=env) == ["pr-7", "release-2", "sha-aaaaaaa"]


@pytest.mark.parametrize("payload", [[], 7, {"commits": 3, "pull_request": [], "number": "x", "repository": None}])
def test_github__strange_payload__is_read_as_far_as_it_goes(tmp_path: Path, payload: object) -> None:
    env = github(tmp_path, payload, GITHUB_REF="refs/heads/dev", GITHUB_EVENT_NAME="push")
    assert tags("type=ref,event=branch", "type=edge", event=None, env=env) == ["dev"]


def test_gitlab__branch_tag_merge_request_and_schedule__in_the_words_of_github() -> None:
    env = {"CI_COMMIT_SHA": "b" * 40, "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
    assert tags("type=edge", "type=sha", event=None, env=env) == ["edge", "sha-bbbbbbb"]
    assert tags(event=None, env={**env, "CI_PIPELINE_SOURCE": "schedule"}) == ["nightly", "main"]
    tag = {"CI_COMMIT_SHA": "b" * 40, "CI_COMMIT_TAG": "v1.2.3"}
    assert tags("type=semver,pattern={{version}}", event=None, env=tag) == ["1.2.3", "latest"]
    merge = {"CI_COMMIT_SHA": "b" * 40, "CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    assert tags("type=ref,event=pr", "type=raw,value=to-{{base_ref}}", event=None, env=merge) == ["pr-12", "to-main"]


def test_git__alone__branch_then_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "work")
    git("commit", "-q", "--allow-empty", "-m", "one", "--date", "2026-01-02T03:04:05Z")
    git("tag", "v3.1.0")
    monkeypatch.chdir(tmp_path)
    assert tags(event=None) == ["work"]
    git("checkout", "-q", "v3.1.0")
    assert tags("type=semver,pattern={{major}}", event=None) == ["3", "latest"]


def test_nothing_known__no_git_no_ci__only_raw_rules_give_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tags("type=sha", "type=ref,event=branch", "type=raw,value=x", event=None) == ["x"]


def test_how_to_page__its_example__prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    program, shown = re.findall(r"```(?:python|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(program, {})  # noqa: S102 (our own page)
    assert capsys.readouterr().out == shown


def test_value__equal_hashable_picklable_frozen() -> None:
    first = shipset.metadata_tags(tags=["type=edge"], event={**PUSH, "default_branch": "main"}, env={})
    again = shipset.metadata_tags(tags="type=edge", event={**PUSH, "default_branch": "main"}, env={}, now=5)
    assert first == again
    assert len({first, again}) == 1
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301 (our own)
    assert "version='edge'" in repr(first)
    with pytest.raises(AttributeError):
        first.version = "x"  # type: ignore[misc]


def test_now__date_text_or_seconds__same_moment() -> None:
    rule = "type=raw,value={{date 'X'}}"
    for now in (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T01:00:00+01:00", 1767225600, 1767225600.0):
        assert tags(rule, now=now) == ["1767225600"]
    with pytest.raises(shipset.UsageError, match="time zone"):
        tags(rule, now=datetime(2026, 1, 1))
