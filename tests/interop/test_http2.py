"""Short requests share a connection by HTTP/2 where the registry speaks it; bodies of blobs never do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import shipset
from conftest import serve
from release_files import release_file


def test_push__registry_with_http2__short_requests_use_it_and_uploads_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_ACCESS_LOG_OFF", "false")
    files = tmp_path / "files"
    files.mkdir()
    (files / "noise").write_bytes(os.urandom(3 << 20))
    release = tmp_path / "shipset.toml"
    release.write_text(release_file("cpu", version="1.0.0", moving=()), encoding="utf-8")
    shipset.plan(shipset.load(release).matrix(), to=f"oci:{tmp_path / 'dist'}").execute()
    with serve("distribution-tls", tmp_path / "registry") as registry:
        host = registry.host.replace("127.0.0.1", "localhost")
        options = shipset.RegistryOptions(ca_file=str(tmp_path / "registry" / "ca.pem"))
        shipset.copy(f"oci:{tmp_path / 'dist'}", f"{host}/team/app", all_tags=True, registry=options)
        assert shipset.verify(f"{host}/team/app:1.0.0", registry=options).ok
    log = (tmp_path / "registry" / "log").read_text()
    seen = re.findall(r'"(HEAD|GET|PUT|POST|PATCH) (\S+) (HTTP/[0-9.]+)"', log)
    assert any(version == "HTTP/2.0" for method, _, version in seen if method == "HEAD")
    bodies = {version for method, path, version in seen if method == "PUT" and "/blobs/uploads/" in path}
    assert bodies == {"HTTP/1.1"}
