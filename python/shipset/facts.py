"""Facts from outside: git, CI event, clock and environment, collected here and passed to the core as data.

The git command is asked without a shell; a folder without git, or without commits, gives no git facts and is no
error. Nothing is cached: facts are frozen in the plan.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shipset import _core
from shipset.ci_event import (
    checked_event,
    collect_event,
    is_text,
    read_event,
    texts_of_event,
    unix_ms_of,
    zone_offset,
)
from shipset.errors import UsageError
from shipset.values import FrozenMap

_QUESTIONS = {
    "commit": ["log", "-1", "--no-show-signature", "--format=%H%x00%ct"],
    "branch": ["symbolic-ref", "--quiet", "--short", "HEAD"],
    "tags": ["for-each-ref", "--points-at=HEAD", "--sort=-creatordate", "--format=%(refname:strip=2)", "refs/tags"],
    "default_branch": ["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"],
    "versions": ["for-each-ref", "--format=%(refname:strip=2)", "refs/tags"],
    "shallow": ["rev-parse", "--is-shallow-repository"],
    "commit_count": ["rev-list", "--count", "HEAD"],
    "status": ["status", "--porcelain", "-z", "--untracked-files=normal"],
}
_RUN_IDS = ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILDKITE_BUILD_ID", "CIRCLE_WORKFLOW_ID", "BUILD_ID")
_EPOCH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Facts:
    """What the release may know about the world. ``git`` holds sha, branch, tag, ref_type, default_branch and
    commit_count as far as they are known; ``env`` the environment, of which only names in ``[env] allow`` are seen.
    ``event`` is what rules of docker/metadata-action see (see :func:`event_texts`); a matrix keeps it only where it has
    such rules. ``versions`` are those that exist, for ``version = "auto:…"``: here all git tags; None where they are
    not known, as in a shallow checkout, which is not the same as none."""

    git: FrozenMap[str] = FrozenMap()
    event_name: str = ""
    event: FrozenMap[str] = FrozenMap()
    date_unix_s: int = 0
    env: FrozenMap[str] = field(default=FrozenMap(), repr=False)
    source_date_epoch: int | None = None
    commit_time_unix_s: int | None = None
    context_clean: bool = False
    ci_run: str = ""
    versions: tuple[str, ...] | None = None

    def _core(self) -> _core.Facts:
        return _core.Facts(
            git=dict(self.git),
            event_name=self.event_name,
            date_unix_s=self.date_unix_s,
            env=dict(self.env),
            event=dict(self.event),
            source_date_epoch=self.source_date_epoch,
            commit_time_unix_s=self.commit_time_unix_s,
            context_clean=self.context_clean,
            ci_run=self.ci_run,
            versions=None if self.versions is None else list(self.versions),
        )


def collect_facts(
    directory: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None, now_unix_s: int | None = None
) -> Facts:
    """Facts for a release file that lies in ``directory``. Raises UsageError for a wrong SOURCE_DATE_EPOCH."""
    environ = os.environ if environ is None else environ
    in_checkout = _in_checkout(Path(directory))
    answers = _ask_git(Path(directory)) if in_checkout else {}
    facts = Facts(
        event_name=environ.get("GITHUB_EVENT_NAME", ""),
        date_unix_s=int(time.time()) if now_unix_s is None else now_unix_s,
        env=FrozenMap({name: value for name, value in environ.items() if is_text(value)}),
        source_date_epoch=_source_date_epoch(environ),
        ci_run=next((environ[name] for name in _RUN_IDS if environ.get(name)), ""),
        versions=_git_versions(answers) if in_checkout else (),
    )
    sha, _, commit_time = answers.get("commit", "").partition("\0")
    if sha:
        facts = replace(
            facts,
            git=FrozenMap(_git_names(sha, answers, environ)),
            commit_time_unix_s=int(commit_time),
            context_clean=answers.get("status") == "",
        )
    happened = collect_event(facts.env, facts.git, facts.commit_time_unix_s)
    try:
        unix_ms_of(happened.get("commit_date"), "commit_date", 0)
    except UsageError:  # of a payload; nearly no rule asks for it
        del happened["commit_date"]
    return replace(facts, event=FrozenMap(event_texts(happened, facts.env)))


def event_texts(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """What happened as texts for :attr:`Facts.event`; keys of ``event`` are those of :class:`MetadataEvent`, and its
    ``now`` does not count: the clock of a release is ``date_unix_s``. Raises UsageError as ``metadata_tags`` does."""
    known = checked_event(event)
    texts = texts_of_event(known, environ)
    if "commit_date" in known:
        texts["commit_unix_ms"] = str(unix_ms_of(known["commit_date"], "commit_date", 0))
    texts["short_sha_length"] = environ.get("DOCKER_METADATA_SHORT_SHA_LENGTH", "")
    return {name: text for name, text in texts.items() if text}


def with_zones(facts: Facts, text: str) -> Facts:
    """The facts with the offsets of the time zones that a release file names (``tz='Europe/Berlin'``), at the moments
    that its rules may ask for: zones are data of this machine, and a frozen plan gives the same tags on another."""
    names = set(re.findall(r"tz=\\?['\"]([^'\"\\]{1,60})\\?['\"]", text))
    moments = {facts.date_unix_s * 1000}
    moments.add(int(facts.event.get("commit_unix_ms") or (facts.commit_time_unix_s or facts.date_unix_s) * 1000))
    event = dict(facts.event)
    for name in names:
        for moment in moments:
            if (offset := zone_offset(name, moment)) is not None:
                event[f"zone {name} {moment}"] = f"{offset[0]} {offset[1]}"
    return replace(facts, event=FrozenMap(event)) if names else facts


def _git_versions(answers: Mapping[str, str]) -> tuple[str, ...] | None:
    """A shallow checkout has the tags that its maker fetched, perhaps one of many."""
    if "versions" not in answers or answers.get("shallow") != "false":
        return None
    return tuple(filter(None, answers["versions"].split("\n")))


def _git_names(sha: str, answers: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Detached checkouts of CI know less than the CI does, so GitHub's own names win there."""
    tag = answers.get("tags", "").split("\n", 1)[0]
    branch = answers.get("branch", "")
    kind, name = environ.get("GITHUB_REF_TYPE", ""), environ.get("GITHUB_REF_NAME", "")
    if environ.get("GITHUB_SHA") == sha and kind in ("branch", "tag") and name:
        tag, branch = (name, branch) if kind == "tag" else (tag, name)
        ref_type = kind
    else:
        ref_type = "branch" if branch else "tag" if tag else ""
    default = answers.get("default_branch", "").removeprefix("refs/remotes/origin/") or _event_default_branch(environ)
    names = {
        "sha": sha,
        "branch": branch,
        "tag": tag,
        "ref_type": ref_type,
        "default_branch": default,
        "commit_count": answers.get("commit_count", ""),
    }
    return {key: value for key, value in names.items() if value}


def _ask_git(directory: Path) -> dict[str, str]:
    """Answers to all questions, asked at once; a question that fails has none."""
    import subprocess  # noqa: PLC0415 (slow to load, and not needed outside of a checkout)

    environ = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    asked: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, arguments in _QUESTIONS.items():
            command = ["git", "-C", os.fspath(directory), *arguments]
            asked[name] = subprocess.Popen(  # noqa: S603 (arguments are fixed, no shell)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environ,
            )
    except OSError:
        pass
    answers: dict[str, str] = {}
    for name, process in asked.items():
        output, _ = process.communicate()
        if process.returncode == 0:
            answers[name] = output.decode("utf-8", "replace").removesuffix("\n")
    return answers


def _in_checkout(directory: Path) -> bool:
    folder = directory.absolute()
    return "GIT_DIR" in os.environ or any((above / ".git").exists() for above in (folder, *folder.parents))


def _source_date_epoch(environ: Mapping[str, str]) -> int | None:
    text = environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _EPOCH_DIGITS):
        raise UsageError(
            "SOURCE_DATE_EPOCH is no time",
            why=f"it is {text[:40]!r}",
            hint="give whole seconds since 1970, e.g. 1700000000",
        )
    return int(text)


def _event_default_branch(environ: Mapping[str, str]) -> str:
    repository = read_event(environ).get("repository")
    name = repository.get("default_branch") if isinstance(repository, dict) else None
    return name if isinstance(name, str) else ""
