"""Doctor: what it finds of this machine and of registries that are wrong, as command and as call."""

from __future__ import annotations

import base64
import json
import pickle
import time
from pathlib import Path

import pytest

import shipset
from helpers import Registry, Shipset, free_port
from shipset.testing import FakeRegistry
from test_bad_registry import answering


def names(found: shipset.Diagnosis) -> list[str]:
    return [finding.name for finding in found.findings]


def test_doctor__no_place__tells_what_this_machine_has(
    shipset_command: Shipset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "docker"
    config.mkdir()
    (config / "config.json").write_text('{"auths": {"ghcr.io": {"auth": "dXNlcjpodW50ZXIyMjI="}}}', encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    monkeypatch.setenv("https_proxy", "http://user:s3cret-word@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    found = shipset.doctor()
    assert found
    assert found.usable
    assert {
        "credential file",
        "certificates",
        "proxy",
        "proxy exceptions",
        "state folder",
        "docker",
        "buildctl",
    } <= set(names(found))
    done = shipset_command("doctor")
    assert done.code == 0, done.err
    for text in (found.to_json(), found.to_text(), repr(found), found._repr_html_(), done.out, done.err):
        assert "s3cret-word" not in text
        assert "hunter" not in text
    assert "ghcr.io" in done.out
    assert "internal.example" in done.out
    assert json.loads(shipset_command("doctor", "--format", "json").out)["usable"] is True


def test_diagnosis__value__is_equal_hashable_and_pickles() -> None:
    found = shipset.doctor(f"127.0.0.1:{free_port()}")
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert again == found
    assert hash(again) == hash(found)
    assert not again
    with pytest.raises(shipset.NetworkError):
        again.check()


def test_doctor__closed_port__exits_6_and_says_why(shipset_command: Shipset) -> None:
    place = f"127.0.0.1:{free_port()}/team/app"
    done = shipset_command("doctor", place)
    assert done.code == 6
    assert "no connection" in done.out
    assert "hint:" in done.err
    data = json.loads(shipset_command("doctor", place, "--format", "json").out)
    assert data["usable"] is False
    assert data["problem"]["exit_code"] == 6


def test_doctor__web_page__exits_5(shipset_command: Shipset) -> None:
    with answering(200, {"Content-Type": "text/html"}, b"<html>hello</html>") as (host, requests):
        done = shipset_command("doctor", f"{host}/app", "--write")
    assert done.code == 5
    assert "not a registry" in done.out
    assert requests == ["GET /v2/"]


def test_doctor__wrong_password__exits_5_and_shows_it_nowhere(
    login_registry: Registry, shipset_command: Shipset, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = login_registry.host
    login = base64.b64encode(f"{login_registry.username}:not-the-right-one".encode()).decode()
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"auth": login}}}))
    done = shipset_command("doctor", f"{host}/app")
    assert done.code == 5
    assert "refused" in done.out
    assert "user builder" in done.out
    assert "not-the-right-one" not in done.out + done.err
    assert login not in done.out + done.err


def test_doctor__registry_that_deletes_nothing__names_what_a_trial_left(
    login_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = login_registry.host
    login = base64.b64encode(f"{login_registry.username}:{login_registry.password}".encode()).decode()
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"auth": login}}}))
    events: list[str] = []
    found = shipset.doctor(f"{host}/app", write=True, on_event=lambda event: events.append(event.subject))
    assert found.usable, found.to_text()
    assert [name.rpartition("/")[2].startswith("app") for name in found.left] == [True, True]
    assert "_shipset.doctor." in found.left[0]
    push = found.finding("push")
    assert push is not None
    assert push.verdict == "good"
    assert found.profile["empty_config"].value is True
    assert found.profile["empty_config"].learnt_by == "probe"
    assert found.profile["delete_tag"].value is False
    assert found.profile["delete_digest"].value is False
    assert "push" in events
    assert "usable" in found._repr_html_()


@pytest.mark.parametrize("place", ["alpine", "ghcr.io/Team/app", "ghcr.io/app:v1", "http://ghcr.io/app"])
def test_doctor__no_such_place__is_a_usage_error(shipset_command: Shipset, place: str) -> None:
    done = shipset_command("doctor", place)
    assert done.code == 2
    assert "hint: give HOST" in done.err
    with pytest.raises(shipset.UsageError):
        shipset.doctor(place)


def test_doctor__write_without_repository__is_a_usage_error(shipset_command: Shipset) -> None:
    assert shipset_command("doctor", "--write").code == 2
    assert shipset_command("doctor", "localhost:5000", "--write").code == 2


def learnt(state: Path, *lacks: str) -> None:
    """What an earlier process learnt of a registry. Loopback profiles are not kept, so a name behind a proxy stands
    in."""
    folder = state / "shipset" / "registries"
    folder.mkdir(parents=True, mode=0o700)
    for place in (state, state / "shipset"):
        place.chmod(0o700)
    fact = {"value": False, "learnt_unix_s": int(time.time()) - 86400, "learnt_by": "request"}
    profile = {"schema_version": 1, "host": "registry.test:5000", "facts": dict.fromkeys(lacks, fact)}
    file = folder / "registry.test_5000.json"
    file.write_text(json.dumps(profile), encoding="utf-8")
    file.chmod(0o600)


def test_plan__destination_known_to_remove_no_tags__says_what_will_stay(
    shipset_command: Shipset, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    learnt(state, "delete_tag", "delete_digest")
    to = ("--to", "registry.test:5000", "--plain-http", "registry.test:5000", "--format", "json")
    with FakeRegistry.like("ghcr") as registry:
        env = {"http_proxy": registry.url, "XDG_STATE_HOME": str(state)}
        first = shipset_command("plan", *to, "--input", "latest=true", env=env)
        assert first.code == 0, first.err
        assert json.loads(first.out)["warnings"] == [], "nothing has to be kept"
        registry.put_image("team/app", b"old", tags=["latest"])
        registry.put_image("team/app", b"older", tags=["latest-extra"])
        second = shipset_command("plan", *to, "--input", "latest=true", env=env)
    assert second.code == 0, second.err
    [warning] = json.loads(second.out)["warnings"]
    assert "registry.test:5000/team/app removes no tags on request: up to 2 tags" in warning["message"]
    assert "shipset clean" in warning["hint"]


def test_plan__destination_known_to_refuse_empty_configs__takes_the_legacy_form(
    shipset_command: Shipset, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    learnt(state, "empty_config")
    missing = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}'
    with answering(404, {"Content-Type": "application/json"}, missing) as (host, _):
        env = {"http_proxy": f"http://{host}", "XDG_STATE_HOME": str(state)}
        done = shipset_command(
            "plan", "--to", "registry.test:5000", "--plain-http", "registry.test:5000", "--format", "json", env=env
        )
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assert plan["legacy_attestations"] is True
    assert "refuses artifacts with an empty config" in plan["warnings"][0]["message"]
    other = shipset_command(
        "plan", "--to", f"oci:{tmp_path}/layout", "--format", "json", env={"XDG_STATE_HOME": str(state)}
    )
    assert json.loads(other.out)["legacy_attestations"] is False
