"""FakeRegistry is a registry for everybody: skopeo, crane, regctl and oras push to it, pull from it and look at it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import need, run
from shipset.testing import PRESETS, BasicAuth, FakeRegistry, TokenAuth

USER, PASSWORD = "tester", "right-password"


def layer(name: str, size: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = size
        archive.addfile(entry, io.BytesIO(os.urandom(size)))
    return out.getvalue()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout, made by skopeo from a FakeRegistry."""
    need("skopeo")
    with FakeRegistry() as source:
        source.put_image("team/app", layer("a", 10_000), layer("b", 6_000_000), tags=["v1"])
        run(
            *("skopeo", "copy", "--src-tls-verify=false"),
            f"docker://{source.host}/team/app:v1",
            f"oci:{tmp_path}/in:v1",
        )
    return tmp_path / "in"


@pytest.fixture(params=["open", "basic", "token"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    auth = {"open": None, "basic": BasicAuth(USER, PASSWORD), "token": TokenAuth(USER, PASSWORD)}[request.param]
    with FakeRegistry(auth=auth) as running:
        config = tmp_path / "docker"
        config.mkdir()
        (config / "config.json").write_text(
            json.dumps({"auths": {running.host: {"username": USER, "password": PASSWORD, "auth": encoded()}}})
        )
        monkeypatch.setenv("DOCKER_CONFIG", str(config))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(config / "config.json"))
        yield running
        assert not [entry for entry in running.requests if entry.status >= 500]


def encoded() -> str:
    import base64

    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def skopeo(*arguments: str) -> None:
    run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", *arguments)


def blobs(folder: Path) -> dict[str, bytes]:
    return {f"sha256:{path.name}": path.read_bytes() for path in (folder / "blobs/sha256").iterdir()}


def test_skopeo__copy_there_and_back__keeps_every_byte(registry: FakeRegistry, layout: Path, tmp_path: Path) -> None:
    skopeo(f"oci:{layout}:v1", f"docker://{registry.host}/team/app:v1")
    skopeo(f"docker://{registry.host}/team/app:v1", f"oci:{tmp_path}/out:v1")
    assert blobs(layout) == blobs(tmp_path / "out")
    held = {**registry.manifests("team/app"), **registry.blobs}
    assert held == blobs(layout)
    listed = run("skopeo", "list-tags", "--tls-verify=false", f"docker://{registry.host}/team/app")
    assert json.loads(listed.stdout)["Tags"] == ["v1"]


def test_crane__push_validate_copy_pull__holds(registry: FakeRegistry, layout: Path, tmp_path: Path) -> None:
    need("crane")
    crane(registry, "push", str(layout), f"{registry.host}/team/app:v1")
    crane(registry, "validate", "--remote", f"{registry.host}/team/app:v1")
    crane(registry, "copy", f"{registry.host}/team/app:v1", f"{registry.host}/team/other:v1")
    assert registry.requests.count("POST", "team/other/blobs/uploads") >= 2
    crane(registry, "tag", f"{registry.host}/team/other:v1", "v2")
    assert crane(registry, "ls", f"{registry.host}/team/other").split() == ["v1", "v2"]
    crane(registry, "pull", f"{registry.host}/team/other:v2", str(tmp_path / "pulled.tar"))
    crane(registry, "validate", "--tarball", str(tmp_path / "pulled.tar"))
    crane(registry, "delete", f"{registry.host}/team/other:v1")
    assert list(registry.tags("team/other")) == ["v2"]


def crane(registry: FakeRegistry, *arguments: str) -> str:
    return run("crane", "--insecure", *arguments).stdout


def regctl(registry: FakeRegistry, *arguments: str) -> str:
    return run("regctl", "--host", f"reg={registry.host},tls=disabled", *arguments).stdout


def test_regctl__copy_list_delete__holds(registry: FakeRegistry, layout: Path, tmp_path: Path) -> None:
    need("regctl")
    regctl(registry, "image", "copy", f"ocidir://{layout}:v1", f"{registry.host}/team/app:v1")
    regctl(registry, "image", "copy", f"{registry.host}/team/app:v1", f"ocidir://{tmp_path}/out:v1")
    assert blobs(layout) == blobs(tmp_path / "out")
    assert regctl(registry, "tag", "ls", f"{registry.host}/team/app").split() == ["v1"]
    digest = registry.tags("team/app")["v1"]
    assert regctl(registry, "manifest", "head", f"{registry.host}/team/app:v1").strip() == digest
    regctl(registry, "tag", "delete", f"{registry.host}/team/app:v1")
    assert registry.tags("team/app") == {}


def test_oras__attach_and_discover__finds_the_referrers(registry: FakeRegistry, layout: Path, tmp_path: Path) -> None:
    need("oras")
    oras(layout.parent, "cp", "--from-oci-layout", f"{layout}:v1", "--to-plain-http", f"{registry.host}/team/app:v1")
    (tmp_path / "sbom.json").write_text("{}")
    image = f"{registry.host}/team/app:v1"
    oras(tmp_path, "attach", "--plain-http", "--artifact-type", "example/sbom", image, "sbom.json:application/json")
    found = json.loads(oras(tmp_path, "discover", "--plain-http", "--format", "json", image))
    assert [entry["artifactType"] for entry in found["referrers"]] == ["example/sbom"]
    oras(tmp_path, "pull", "--plain-http", "--output", str(tmp_path / "pulled"), found["referrers"][0]["reference"])
    assert (tmp_path / "pulled/sbom.json").read_text() == "{}"


def oras(folder: Path, *arguments: str) -> str:
    return run("oras", *arguments, cwd=folder).stdout


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "oci"])
def test_presets__crane_pushes_and_validates__whatever_the_registry(name: str, layout: Path) -> None:
    need("crane")
    with FakeRegistry.like(name) as registry:
        registry.make_repository("team/app")
        crane(registry, "push", str(layout), f"{registry.host}/team/app:v1")
        crane(registry, "validate", "--remote", f"{registry.host}/team/app:v1")
        run("shipset", "verify", f"{registry.host}/team/app:v1")


def certificate(folder: Path) -> tuple[str, str]:
    key, pem = folder / "key.pem", folder / "certificate.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)),
    )
    return str(pem), str(key)


def test_tls__own_certificate__peers_and_shipset_trust_it_when_told(layout: Path, tmp_path: Path) -> None:
    need("openssl")
    pem, key = certificate(tmp_path)
    environment: dict[str, Any] = {**os.environ, "SSL_CERT_FILE": pem}
    with FakeRegistry(tls=(pem, key), redirect_blobs=True) as registry:
        run("shipset", "copy", f"oci:{layout}:v1", f"{registry.host}/team/app:v1", "--ca-file", pem)
        run("crane", "validate", "--remote", f"{registry.host}/team/app:v1", env=environment)
        refused = subprocess.run(
            ["crane", "manifest", f"{registry.host}/team/app:v1"], capture_output=True, text=True, check=False
        )
        assert refused.returncode != 0
        assert "certificate" in refused.stderr


def test_wrong_password__every_peer__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FakeRegistry(auth=TokenAuth(USER, PASSWORD)) as registry:
        registry.put_image("team/app", layer("a", 100), tags=["v1"])
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": "dGVzdGVyOndyb25n"}}}))
        for command in (
            ["crane", "--insecure", "manifest", f"{registry.host}/team/app:v1"],
            [
                "regctl",
                "--host",
                f"reg={registry.host},tls=disabled",
                "manifest",
                "get",
                f"{registry.host}/team/app:v1",
            ],
        ):
            assert subprocess.run(command, capture_output=True, check=False).returncode != 0
        assert registry.requests.count("GET", "token", status=401) >= 2
        assert registry.requests.count("GET", "manifests", status=200) == 0
