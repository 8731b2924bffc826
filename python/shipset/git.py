"""The git tag of a release: an annotated tag with the release's version on the commit that was released, pushed after
the commit point. What could stop it is found before the release; git is asked without a shell and never prompts."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipset.errors import PolicyRefused, ReleaseIncomplete

if TYPE_CHECKING:
    from shipset.release import Plan

_LIMIT_S = 120
_LOGIN_IN_URL = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class GitTag:
    """A git tag that can be made: everything about it has been checked. ``there``: the remote has it already, on this
    commit."""

    name: str
    commit: str
    remote: str
    directory: Path
    message: str
    there: bool = False

    @property
    def command(self) -> str:
        """What a person types to do the same by hand."""
        git = ("git", "-C", os.fspath(self.directory))
        make = (*git, "tag", "-a", "-m", self.message, self.name, self.commit)
        push = (*git, "push", "--atomic", self.remote, f"refs/tags/{self.name}")
        there = _commit_of(self.directory, self.name) == self.commit
        return " && ".join(shlex.join(line) for line in ((push,) if there else (make, push)))

    def push(self) -> None:
        """Makes the tag, unless it is there, and pushes it alone; raises ReleaseIncomplete with the command to type."""
        if self.there:
            return
        try:
            if _commit_of(self.directory, self.name) != self.commit:
                _git(self.directory, "tag", "-a", "-m", self.message, self.name, self.commit)
            _git(self.directory, "push", "--quiet", "--atomic", self.remote, f"refs/tags/{self.name}")
        except (_GitError, KeyboardInterrupt) as error:
            raise ReleaseIncomplete(
                f"the release is public, but its git tag {self.name} is not on {self.remote}",
                why=str(error) or "it was interrupted",
                hint=f"type: {self.command}",
                context={"git_tag": self.name, "commit": self.commit, "remote": self.remote},
            ) from error


def prepare_git_tag(plan: Plan, *, remote: str = "origin") -> GitTag:
    """Checks that the commit of the plan can get a git tag with the plan's version, and that the remote would take it.

    Nothing is changed. Raises PolicyRefused: the plan knows no commit or was made of a tree with changes, the version
    is no name for a git tag, the tag is elsewhere, here or at the remote, git does not know who you are, or the remote
    refuses a trial push.
    """
    facts = plan.to_dict()["facts"]
    directory, name, commit = Path(plan.to_dict()["file"]).absolute().parent, plan.version, facts["git"].get("sha", "")
    if not commit:
        raise _refused(name, "the release file lies in no git checkout, or in one without commits")
    if not facts["context_clean"]:
        raise _refused(name, "the checkout has changes or new files, so no commit is what is released", "commit them")
    if not name or name.startswith("-"):
        raise _refused(name, "the version is no name for a tag")
    tag = GitTag(name, commit, remote, directory, f"{plan.name} {name}")
    try:
        _git(directory, "check-ref-format", f"refs/tags/{name}")
        _git(directory, "cat-file", "-e", f"{commit}^{{commit}}")
        here = _commit_of(directory, name)
        if here not in ("", commit):
            raise _refused(name, f"it exists here on {here[:12]}, the release is of {commit[:12]}")
        _git(directory, "var", "GIT_COMMITTER_IDENT")
        far = _remote_commit(directory, remote, name)
        if far not in ("", commit):
            raise _refused(name, f"{remote} has it on {far[:12]}, the release is of {commit[:12]}")
        if not far:
            _git(directory, "push", "--quiet", "--dry-run", remote, f"{commit}:refs/tags/{name}")
    except _GitError as error:
        raise _refused(name, str(error)) from error
    return GitTag(name, commit, remote, directory, tag.message, there=bool(far))


class _GitError(Exception):
    """What git said, without logins."""


def _refused(name: str, why: str, hint: str = "") -> PolicyRefused:
    hint = hint or "leave --git-tag off, or put right what git says; nothing has been released"
    return PolicyRefused(f"the git tag {name} cannot be made", why=why, hint=hint)


def _commit_of(directory: Path, name: str) -> str:
    """The commit below a local tag, "" when there is none."""
    try:
        return _git(directory, "rev-parse", "--quiet", "--verify", f"refs/tags/{name}^{{commit}}")
    except _GitError:
        return ""


def _remote_commit(directory: Path, remote: str, name: str) -> str:
    """The commit below a tag of the remote, "" when there is none; an annotated tag is listed with its commit as
    well."""
    wanted = f"refs/tags/{name}"
    lines = _git(directory, "ls-remote", remote, wanted, f"{wanted}^{{}}").splitlines()
    found = {ref: digest for digest, _, ref in (line.partition("\t") for line in lines)}
    return found.get(f"{wanted}^{{}}", found.get(wanted, ""))


def _git(directory: Path, *arguments: str) -> str:
    environ = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", os.fspath(directory), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (no shell)
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environ, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _GitError(f"git {arguments[0]} took longer than {_LIMIT_S} s") from error
    except OSError as error:
        raise _GitError(f"git cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = _LOGIN_IN_URL.sub("://", done.stderr.decode("utf-8", "replace").strip())
        raise _GitError(f"git {arguments[0]}: {said or f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace").strip()
