"""Doctor against real registries: their true profiles, and nothing left behind."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

import shipset
from conftest import need, serve

TRUTH = {
    "plain": {"broken_upload": "forgets", "delete_tag": False, "delete_digest": True, "mount_check": True},
    "distribution": {"broken_upload": "keeps", "delete_tag": True, "delete_digest": True, "mount_check": True},
    "crane": {"broken_upload": "unaskable", "delete_tag": True, "delete_digest": True, "mount_check": False},
}


def tags_of(place: str) -> list[str]:
    """What crane lists; nothing for a repository that does not exist."""
    done = subprocess.run([need("crane"), "ls", place], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        assert "NAME_UNKNOWN" in done.stderr, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("kind", list(TRUTH))
def test_doctor__write__finds_the_true_profile_and_leaves_no_tag(kind: str, tmp_path: Path) -> None:
    with serve(kind, tmp_path / "registry") as registry:
        place = f"{registry.host}/team/app"
        found = shipset.doctor(place, write=True)
        assert found.usable, found.to_text()
        assert found.left == ()
        facts = {name: fact.value for name, fact in found.profile.items()}
        assert {name: facts.get(name) for name in TRUTH[kind]} == TRUTH[kind]
        assert facts["empty_config"] is True
        assert facts["referrers_api"] is False
        assert tags_of(place) == []


def test_doctor__image_of_another_tool__stays_untouched(tmp_path: Path) -> None:
    with serve("plain", tmp_path / "registry") as registry:
        place = f"{registry.host}/team/app"
        layer = tmp_path / "layer.tar"
        subprocess.run(["tar", "-cf", layer, "--files-from", "/dev/null"], check=True)
        crane = need("crane")
        subprocess.run([crane, "append", "-f", layer, "-t", f"{place}:v1", "--oci-empty-base"], check=True)
        before = subprocess.run([crane, "digest", f"{place}:v1"], capture_output=True, text=True, check=True).stdout
        assert shipset.doctor(place, write=True).left == ()
        assert shipset.doctor(place).usable
        after = subprocess.run([crane, "digest", f"{place}:v1"], capture_output=True, text=True, check=True).stdout
        assert after == before
        assert tags_of(place) == ["v1"]
        subprocess.run([crane, "validate", "--remote", f"{place}:v1"], check=True)


def test_doctor__login__wanted_refused_and_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("distribution-htpasswd", tmp_path / "registry") as registry:
        place = f"{registry.host}/team/app"

        def with_password(password: str) -> shipset.Diagnosis:
            login = base64.b64encode(f"tester:{password}".encode()).decode()
            monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {registry.host: {"auth": login}}}))
            return shipset.doctor(place)

        wrong = with_password("wrong-password")
        assert "wrong-password" not in wrong.to_json()
        with pytest.raises(shipset.AuthenticationError):
            wrong.check()
        right = with_password("right-password")
        assert right.usable, right.to_text()
        monkeypatch.delenv("DOCKER_AUTH_CONFIG")
        monkeypatch.setenv("HOME", str(tmp_path))
        anonymous = shipset.doctor(place).finding("login")
        assert anonymous is not None
        assert anonymous.result == "wanted"
