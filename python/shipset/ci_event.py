"""What happened, as rules of docker/metadata-action see it: from GitHub's or GitLab's environment, from git, or given.

Plain data in, plain data out. The rules themselves are in the core.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from shipset.errors import UsageError

_FOLDERS = {"branch": "refs/heads/", "tag": "refs/tags/", "pr": "refs/pull/"}
_MS = 1000
_EVENT_LIMIT_BYTES = 25 << 20


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


def collect_event(env: Mapping[str, str], git: Mapping[str, str], commit_time_unix_s: int | None) -> dict[str, Any]:
    """From GitHub's variables in ``env``, else from GitLab's, else from what is known of git."""
    if env.get("GITHUB_REF"):
        event = _of_github(env)
    elif env.get("CI_COMMIT_SHA"):
        event = _of_gitlab(env)
    else:
        event = _of_git(git)
    # The commit that is checked out, if it is the one that is built.
    built = event.get("github_sha") or event.get("sha")
    if not event.get("commit_date") and commit_time_unix_s is not None and git.get("sha") == built:
        event["commit_date"] = datetime.fromtimestamp(commit_time_unix_s, UTC).isoformat()
    return event


def _of_git(git: Mapping[str, str]) -> dict[str, Any]:
    kind = git.get("ref_type", "")
    return {
        "ref": _FOLDERS[kind] + git[kind] if kind else "",
        "sha": git.get("sha", ""),
        "event_name": "push" if kind else "",
        "default_branch": git.get("default_branch", ""),
    }


def checked_event(event: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key not in MetadataEvent.__annotations__:
            known = ", ".join(MetadataEvent.__annotations__)
            raise UsageError(f"the event has an unknown key: {str(key)[:40]!r}", hint=f"keys are {known}")
        fits = isinstance(value, int) if key == "pr_number" else isinstance(value, str) and is_text(value)
        if value is not None and not fits:
            raise UsageError(f"the event cannot be used: {key} is no {'number' if key == 'pr_number' else 'text'}")
    return {key: value for key, value in event.items() if value is not None}


def texts_of_event(event: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, str]:
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
        "commit_date": commit_date,
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


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def unix_ms_of(given: datetime | str | float | None, name: str, otherwise: int) -> int:
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


def zone_offset(name: str, unix_ms: int) -> tuple[int, str] | None:
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


def read_event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The payload of GitHub's event; empty where there is none that can be read."""
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        return {}
    import json  # noqa: PLC0415 (only on GitHub)

    try:
        if Path(path).stat().st_size > _EVENT_LIMIT_BYTES:
            return {}
        event: Any = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def is_text(value: str) -> bool:
    """Bytes of the environment that are no UTF-8 arrive as surrogates and cannot be passed on."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
