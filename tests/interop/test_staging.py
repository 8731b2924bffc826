"""Where images wait for their tags: another repository, or the destination under tags of the staging."""

from __future__ import annotations

import json
import os
from pathlib import Path

from conftest import Registry, need, run, serve
from remote import Remote

RELEASE = """\
[release]
name         = "app"
version      = "1.0.0"
repositories = ["{host}/team/app"]
{staging}
[build]
backend   = "native"
platforms = ["linux/amd64", "linux/arm64"]
[build.native]
layers = [{{ from = "files", to = "/app" }}]
[[gate]]
name = "looks at what is staged"
at   = "staged"
run  = ["sh", "-c", "printf '%s\\n' $SHIPSET_IMAGE_ONE_LINUX_AMD64 >> seen"]
[tags]
rules = [{{ tag = "{{version}}{{-suffix}}" }}, {{ tag = "latest{{-suffix}}", moves = "forward" }}]
[[variant]]
name = "one"
[[variant]]
name = "two"
"""
PUBLIC = {"1.0.0-one", "1.0.0-two", "latest-one", "latest-two"}


def tags(host: str, repository: str) -> set[str]:
    return set(Remote(host, repository).table())


def project(folder: Path, host: str, staging: str = "") -> Path:
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "data").write_text("data\n" * 10_000)
    section = f'[staging]\nrepository = "{staging}"' if staging else ""
    (folder / "shipset.toml").write_text(RELEASE.format(host=host, staging=section))
    return folder


def shipset(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI"))}
    environment["HOME"] = str(folder)
    done = run(need("shipset"), *arguments, check=False, cwd=folder, env=environment)
    assert done.returncode == code, done.stderr
    return str(done.stdout)


def test_staging_repository__build_then_promote__destination_sees_nothing_before(
    distribution: Registry, tmp_path: Path
) -> None:
    folder = project(tmp_path / "work", distribution.host, f"{distribution.host}/team/staging")
    report = json.loads(shipset(folder, "build", "--format", "json"))
    assert tags(distribution.host, "team/app") == set()
    staged = tags(distribution.host, "team/staging")
    assert {tag.split(".leg.")[0] for tag in staged} == {f"_shipset.{report['id']}"}
    assert len(staged) == 4
    assert [target["name"] for target in report["targets"]] == [f"{distribution.host}/team/staging"]
    assert (folder / "seen").read_text().startswith(f"{distribution.host}/team/staging@sha256:")

    shipset(folder, "promote", report["id"])
    assert tags(distribution.host, "team/app") == PUBLIC
    assert tags(distribution.host, "team/staging") == set()
    verified = json.loads(shipset(folder, "verify", f"{distribution.host}/team/app:1.0.0-one", "--format", "json"))
    assert verified["ok"] is True


def test_staging_repository__on_another_registry__is_copied_from_there(distribution: Registry, tmp_path: Path) -> None:
    with serve("distribution", tmp_path / "other") as other:
        folder = project(tmp_path / "work", distribution.host, f"{other.host}/team/staging")
        built = json.loads(shipset(folder, "build", "--format", "json"))
        assert tags(distribution.host, "team/app") == set()
        assert len(tags(other.host, "team/staging")) == 4
        shipset(folder, "promote", built["id"])
        assert tags(distribution.host, "team/app") == PUBLIC
        assert tags(other.host, "team/staging") == set()


def test_staging_tags__on_request__keep_what_waits_and_are_gone_after(distribution: Registry, tmp_path: Path) -> None:
    folder = project(tmp_path / "work", distribution.host)
    text = (folder / "shipset.toml").read_text()
    url = f"http://{distribution.host}/v2/team/app/tags/list"
    look = f"python3 -c 'import urllib.request as u; print(u.urlopen(\\\"{url}\\\").read())' > listed"
    (folder / "shipset.toml").write_text(text.replace("printf '%s\\n' $SHIPSET_IMAGE_ONE_LINUX_AMD64 >> seen", look))
    shipset(folder, "release", "--stage-tags")
    listed = (folder / "listed").read_text()
    assert listed.count(".leg.") == 4
    assert "latest" not in listed
    assert tags(distribution.host, "team/app") == PUBLIC
