"""The dialect of docker/metadata-action: its rules and flavor give the same tags, version and ``latest`` here.

Where the action would give a tag that no registry takes, or one tag twice, this raises UsageError instead. What
happened comes from the caller, from GitHub's or GitLab's environment, or from git.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from shipset import _core
from shipset.errors import UsageError
from shipset.facts import collect_facts, is_text, read_event

_FOLDERS = {"branch": "refs/heads/", "tag": "refs/tags/", "pr": "refs/pull/"}
_MS = 1000


class MetadataEvent(TypedDict, total=False):
    """What happened, in the words of GitHub; what is not known may be left out or None.

    ``ref`` wins over ``ref_type`` (branch, tag, pr) with ``ref_name``. ``sha`` is the commit; where a pull request is
    built as a merge, ``sha`` is its head and ``github_sha`` the merge. ``now`` and ``commit_date`` are ISO 8601.
    """

    ref: str | None
    ref_type: str | None
    ref_name: str | None
    sha: str | None
    github_sha: str | None
    event_name: str | None
    default_branch: str | None
    base_ref: str | None
    pr_number: int | None
    now: str | None
    commit_date: str | None


@dataclass(frozen=True, slots=True)
class MetadataTags:
    """What the rules give. ``tags`` are references, image by image; ``version`` is the first tag of an image, or None
    when no rule applies; ``partial`` are the others but ``latest``."""

    tags: tuple[str, ...]
    version: str | None
    latest: bool
    partial: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def metadata_tags(
    *,
    images: Sequence[str] | str = (),
    tags: Sequence[str] | str = (),
    flavor: Sequence[str] | str = (),
    event: MetadataEvent | Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    now: datetime | str | float | None = None,
) -> MetadataTags:
    """Tags by rules of docker/metadata-action; raises UsageError for what cannot be read, is no tag, or comes twice.

    Each of ``images``, ``tags`` and ``flavor`` is a list of entries, or one text with an entry a line (empty lines and
    those that begin with ``#`` do not count), as in a workflow. Without ``event`` it is collected: from GitHub's
    variables in ``env`` (default: the environment), else from GitLab's, else from git in the current folder.
    ``now`` is a date with zone, ISO 8601, or seconds since 1970; default: that of the event, else the clock.
    """
    env = os.environ if env is None else env
    rules, flavors = _entries(tags, "tags"), _entries(flavor, "flavor")
    known = _checked(_collected(env) if event is None else event)
    now_ms = _unix_ms(now if now is not None else known.get("now"), "now", int(time.time() * _MS))
    wants_commit = any("commit_date" in text for text in (*rules, *flavors))
    found, version, partial, latest, warnings = _core.metadata_tags(
        images=_entries(images, "images"),
        tags=rules,
        flavor=flavors,
        event=_for_core(known, env),
        short_sha_length=env.get("DOCKER_METADATA_SHORT_SHA_LENGTH", ""),
        now_unix_ms=now_ms,
        commit_unix_ms=_unix_ms(known.get("commit_date"), "commit_date", now_ms) if wants_commit else now_ms,
        zone=_zone,
    )
    return MetadataTags(tuple(found), version, latest, tuple(partial), tuple(warnings))


def _entries(given: Sequence[str] | str, name: str) -> list[str]:
    if isinstance(given, str):
        lines = (line.strip() for line in given.split("\n"))
        given = [line for line in lines if line and not line.startswith("#")]
    entries = list(given)
    if not all(isinstance(entry, str) and is_text(entry) for entry in entries):
        raise UsageError(f"{name} cannot be used", why="an entry is no text", hint="give a list of texts, or one text")
    return entries


def _checked(event: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key not in MetadataEvent.__annotations__:
            known = ", ".join(MetadataEvent.__annotations__)
            raise UsageError(f"the event has an unknown key: {str(key)[:40]!r}", hint=f"keys are {known}")
        fits = isinstance(value, int) if key == "pr_number" else isinstance(value, str) and is_text(value)
        if value is not None and not fits:
            raise UsageError(f"the event cannot be used: {key} is no {'number' if key == 'pr_number' else 'text'}")
    return {key: value for key, value in event.items() if value is not None}


def _for_core(event: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, str]:
    """The five texts that rules look at."""
    ref = event.get("ref") or ""
    if not ref and event.get("ref_name"):
        folder = _FOLDERS.get(event.get("ref_type", ""))
        if folder is None:
            raise UsageError("the event has a ref_name and no ref", hint="add ref_type: branch, tag or pr")
        ref = folder + event["ref_name"]
    name = event.get("event_name", "")
    # This event stands on the branch that the pull request goes to; its images belong to the pull request.
    if "pull_request_target" in name and "pr_number" in event:
        ref = f"refs/pull/{event['pr_number']}/merge"
    sha = event.get("sha", "")
    of_head = "pull_request" in name and "true" in env.get("DOCKER_METADATA_PR_HEAD_SHA", "").lower()
    if not of_head:
        sha = event.get("github_sha", sha)
    return {
        "ref": ref,
        "sha": sha,
        "event_name": name,
        "default_branch": event.get("default_branch", ""),
        "base_ref": event.get("base_ref", ""),
    }


def _collected(env: Mapping[str, str]) -> dict[str, Any]:
    if env.get("GITHUB_REF"):
        return _of_github(env)
    if env.get("CI_COMMIT_SHA"):
        return _of_gitlab(env)
    return _of_git(env)


def _of_github(env: Mapping[str, str]) -> dict[str, Any]:
    payload = read_event(env)
    pull, sha = _part(payload, "pull_request"), env.get("GITHUB_SHA", "")
    number = payload.get("number")
    commits = payload.get("commits")
    for commit in (*(commits if isinstance(commits, list) else ()), payload.get("head_commit")):
        if isinstance(commit, dict) and commit.get("id") == sha and isinstance(commit.get("timestamp"), str):
            commit_date = commit["timestamp"]
            break
    else:
        commit_date = None
    base = _part(pull, "base").get("ref") if pull else payload.get("base_ref")
    return {
        "ref": env["GITHUB_REF"],
        "sha": _text(_part(pull, "head").get("sha")) or sha,
        "github_sha": sha,
        "event_name": env.get("GITHUB_EVENT_NAME", ""),
        "default_branch": _text(_part(payload, "repository").get("default_branch")),
        "base_ref": _text(base),
        "pr_number": number if isinstance(number, int) else None,
        "commit_date": commit_date or _date_in_git(env, sha),
    }


def _of_gitlab(env: Mapping[str, str]) -> dict[str, Any]:
    """Merge requests are pull requests in the words of GitHub; other sources keep theirs, so ``schedule`` is one."""
    request = env.get("CI_MERGE_REQUEST_IID", "")
    if env.get("CI_COMMIT_TAG"):
        ref = f"refs/tags/{env['CI_COMMIT_TAG']}"
    elif request:
        ref = f"refs/pull/{request}/merge"
    else:
        ref = f"refs/heads/{env.get('CI_COMMIT_BRANCH') or env.get('CI_COMMIT_REF_NAME', '')}"
    return {
        "ref": ref,
        "sha": env["CI_COMMIT_SHA"],
        "event_name": "pull_request" if request else env.get("CI_PIPELINE_SOURCE", ""),
        "default_branch": env.get("CI_DEFAULT_BRANCH", ""),
        "base_ref": env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        "commit_date": env.get("CI_COMMIT_TIMESTAMP") or None,
    }


def _of_git(env: Mapping[str, str]) -> dict[str, Any]:
    facts = collect_facts(".", environ=env)
    kind = facts.git.get("ref_type", "")
    time_s = facts.commit_time_unix_s
    return {
        "ref": _FOLDERS[kind] + facts.git[kind] if kind else "",
        "sha": facts.git.get("sha", ""),
        "event_name": "push" if kind else "",
        "default_branch": facts.git.get("default_branch", ""),
        "commit_date": None if time_s is None else datetime.fromtimestamp(time_s, UTC).isoformat(),
    }


def _date_in_git(env: Mapping[str, str], sha: str) -> str | None:
    """Of the commit that is checked out, if it is the one that is built."""
    facts = collect_facts(".", environ=env)
    if facts.commit_time_unix_s is None or facts.git.get("sha") != sha:
        return None
    return datetime.fromtimestamp(facts.commit_time_unix_s, UTC).isoformat()


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _unix_ms(given: datetime | str | float | None, name: str, otherwise: int) -> int:
    if given is None:
        return otherwise
    try:
        if isinstance(given, str):
            given = datetime.fromisoformat(given)
            given = given if given.tzinfo else given.replace(tzinfo=UTC)
        if isinstance(given, datetime):
            if given.tzinfo is None:
                raise ValueError("it has no time zone")
            since = given - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86400 + since.seconds) * _MS + since.microseconds // _MS
        return int(given * _MS)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{name} is no date", why=str(error)[:200], hint="as in 2026-01-09T12:00:00Z") from None


def _zone(name: str, unix_ms: int) -> tuple[int, str] | None:
    """Seconds east of UTC and the abbreviation; names of zones are told apart without regard to case."""
    import zoneinfo  # noqa: PLC0415 (only for rules that name a zone)

    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        found = [known for known in zoneinfo.available_timezones() if known.lower() == name.lower()]
        if not found:
            return None
        zone = zoneinfo.ZoneInfo(found[0])
    try:
        moment = datetime.fromtimestamp(unix_ms // _MS, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None
    offset = moment.utcoffset()
    return None if offset is None else (round(offset.total_seconds()), moment.tzname() or "")
