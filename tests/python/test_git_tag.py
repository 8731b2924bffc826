"""``--git-tag``: what could stop the git tag stops the release before it begins; what stops it after the commit point
is told with the command to type."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import shipset
from helpers import Done, Project, Shipset, tags_of

WHO = {f"GIT_{role}_{what}": "tester" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, env={**os.environ, **WHO}
    )
    return done.stdout.strip()


@pytest.fixture
def remote(project: Project, tmp_path: Path) -> Path:
    """The project as a checkout with a first commit, and its remote."""
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(project.folder, "init", "-q", "-b", "trunk")
    (project.folder / ".gitignore").write_text("dist\n", encoding="utf-8")
    git(project.folder, "add", ".")
    git(project.folder, "commit", "-q", "-m", "first")
    git(project.folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(project.folder, "push", "-q", "origin", "trunk")
    return tmp_path / "remote.git"


@pytest.fixture
def release(project: Project, shipset_command: Shipset) -> Callable[..., Done]:
    def run(version: str, *more: str, env: dict[str, str] | None = None) -> Done:
        how = ("-q", "--git-tag", "--to", project.to, "--input", f"version={version}")
        return shipset_command("release", *how, *more, env={**WHO, **(env or {})})

    return run


def refs(repository: Path) -> list[str]:
    return git(repository, "for-each-ref", "--format=%(refname:strip=2) %(objecttype)", "refs/tags").splitlines()


def test_git_tag__release_went_well__is_annotated_on_the_commit_and_pushed_alone(
    project: Project, remote: Path, release: Callable[..., Done]
) -> None:
    git(project.folder, "tag", "other")
    done = release("v1.0.0")
    assert done.code == 0, done.err
    assert "git tag v1.0.0 is on origin" in done.err
    assert refs(remote) == ["v1.0.0 tag"]
    assert git(remote, "rev-parse", "v1.0.0^{commit}") == git(project.folder, "rev-parse", "HEAD")
    assert git(remote, "for-each-ref", "--format=%(contents:subject)", "refs/tags/v1.0.0") == "app v1.0.0"
    again = release("v1.0.0")
    assert again.code == 0, again.err
    assert refs(remote) == ["v1.0.0 tag"]


def test_git_tag__not_asked_for__is_not_made(project: Project, remote: Path, shipset_command: Shipset) -> None:
    assert shipset_command("release", "-q", "--to", project.to).code == 0
    assert refs(remote) == refs(project.folder) == []


@pytest.mark.parametrize("place", ["here", "remote", "changed", "nobody", "no remote", "no version", "no checkout"])
def test_git_tag__cannot_be_made__refuses_before_anything_is_done(
    project: Project, remote: Path, release: Callable[..., Done], place: str
) -> None:
    version, env, said = "v1.0.0", {}, ""
    if place in ("here", "remote"):
        git(project.folder, "tag", "v1.0.0")
        git(project.folder, "commit", "-q", "--allow-empty", "-m", "second")
        said = "it exists here on"
    if place == "remote":
        git(project.folder, "push", "-q", "origin", "v1.0.0")
        git(project.folder, "tag", "-d", "v1.0.0")
        said = "origin has it on"
    elif place == "changed":
        (project.folder / "files" / "new").write_text("new", encoding="utf-8")
        said = "the checkout has changes or new files"
    elif place == "nobody":
        env, said = dict.fromkeys(WHO, ""), "git var"
    elif place == "no remote":
        git(project.folder, "remote", "remove", "origin")
        said = "git ls-remote"
    elif place == "no version":
        version, said = "1..0", "git check-ref-format"
    elif place == "no checkout":
        (project.folder / ".git").rename(project.folder.parent / "moved")
        said = "lies in no git checkout"
    done = release(version, env=env)
    assert done.code == 4, done.err
    assert f"the git tag {version} cannot be made" in done.err
    assert said in done.err
    assert not project.layout.exists()


def test_git_tag__remote_refuses_pushes__refuses_before_anything_is_done(
    project: Project, remote: Path, release: Callable[..., Done]
) -> None:
    git(project.folder, "remote", "set-url", "--push", "origin", str(remote.parent / "gone.git"))
    done = release("v1.0.0")
    assert done.code == 4
    assert "git push" in done.err
    assert not project.layout.exists()


def test_git_tag__push_fails_after_the_release__exits_8_with_a_command_that_mends_it(
    project: Project, remote: Path, release: Callable[..., Done]
) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    done = release("v1.0.0")
    assert done.code == 8
    assert "v1.0.0" in tags_of(project.layout)
    assert "the release is public, but its git tag v1.0.0 is not on origin" in done.err
    assert "not today" in done.err
    assert refs(remote) == []
    hook.unlink()
    command = done.err.split("hint: type: ")[1].splitlines()[0]
    subprocess.run(["sh", "-c", command], check=True, env={**os.environ, **WHO}, capture_output=True)
    assert refs(remote) == ["v1.0.0 tag"]


def test_git_tag__release_fails__is_not_made(project: Project, remote: Path, release: Callable[..., Done]) -> None:
    project.add('\n[[gate]]\nname = "no"\nat = "staged"\nrun = ["false"]\n')
    git(project.folder, "commit", "-q", "-a", "-m", "gate")
    assert release("v1.0.0").code == 4
    assert refs(remote) == refs(project.folder) == []


def test_git_tag__address_with_a_login__is_shown_without_it(
    project: Project, remote: Path, release: Callable[..., Done]
) -> None:
    git(project.folder, "remote", "set-url", "origin", "http://me:geheim-4711@127.0.0.1:1/x.git")
    done = release("v1.0.0")
    assert done.code == 4
    assert "127.0.0.1:1" in done.err
    assert "geheim-4711" not in done.err + done.out


def test_prepare__from_python__checks_and_pushes_when_asked(
    project: Project, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    plan = shipset.plan(shipset.load(project.file).matrix(version="1.2.3"), to=project.to)
    tag = shipset.prepare_git_tag(plan)
    assert (tag.name, tag.there, refs(project.folder)) == ("1.2.3", False, [])
    plan.execute()
    tag.push()
    assert refs(remote) == ["1.2.3 tag"]
    assert shipset.prepare_git_tag(plan).there
    (remote / "HEAD").unlink()
    with pytest.raises(shipset.ReleaseIncomplete) as caught:
        tag.push()
    assert caught.value.exit_code == 8
