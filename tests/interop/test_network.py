"""The command line on networks as people have them: logins, token servers, proxies, certificates, mirrors."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Registry, need, run, serve, write_blob, write_image

HERE = Path(__file__).parent
PASSWORD = "right-password"  # noqa: S105 (of the registries of tests)
PROXY_SECRET = "proxy-secret-4711"  # noqa: S105
FOREIGN = ("DOCKER_", "REGISTRY_AUTH", "XDG_", "SSL_CERT", "CONTAINERS_")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine's logins, proxies and certificates."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) and "proxy" not in name.lower() and name != "HOME"
    }
    return {**kept, "HOME": str(home), **more}


def config_file(home: Path, host: str, user: str, password: str) -> None:
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A layout with one small image under the tag v1."""
    layout = tmp_path / "image"
    write_image(layout, write_blob(layout, os.urandom(300_000)))
    return f"oci:{layout}:v1"


@contextlib.contextmanager
def proxy(folder: Path, table: dict[str, str]) -> Iterator[tuple[int, Path]]:
    """Port and log of a running proxy."""
    folder.mkdir()
    port_file, log = folder / "port", folder / "log"
    log.write_text("")
    pairs = [f"{name}={place}" for name, place in table.items()]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "connect_proxy.py"), str(port_file), str(log), f"me:{PROXY_SECRET}", *pairs]
    )
    try:
        for _ in range(200):
            if port_file.exists():
                break
            time.sleep(0.05)
        yield int(port_file.read_text()), log
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize("kind", ["token", "distribution-token"])
def test_login__token_server__is_tried_then_stored_and_serves_push_copy_and_list(
    kind: str, image: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serve(kind, tmp_path / "registry") as registry:
        outside = environment(home)
        wrong = run(
            "shipset", "login", registry.host, "-u", "tester", env=outside, input="wrong-password\n", check=False
        )
        assert wrong.returncode == 5
        assert "wrong-password" not in wrong.stdout + wrong.stderr
        assert not (home / ".docker" / "config.json").exists()
        done = run("shipset", "login", registry.host, "--username", "tester", env=outside, input=PASSWORD + "\n")
        stored = home / ".docker" / "config.json"
        assert str(stored) in done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        assert stored.stat().st_mode & 0o777 == 0o600

        run("shipset", "copy", image, f"{registry.host}/team/app:v1", env=outside)
        run("shipset", "copy", f"{registry.host}/team/app:v1", f"{registry.host}/team/other:v1", env=outside)
        inspected = run("shipset", "inspect", f"{registry.host}/team/other:v1", "--format", "json", env=outside)
        assert json.loads(inspected.stdout)
        log = [json.loads(line) for line in (registry.directory / "tokens.jsonl").read_text().splitlines()]
        mount = ["repository:team/other:pull,push", "repository:team/app:pull"]
        assert mount in [entry["scopes"] for entry in log]
        out = run("shipset", "logout", registry.host, env=outside)
        assert str(stored) in out.stdout + out.stderr
        refused = run("shipset", "inspect", f"{registry.host}/team/app:v1", env=outside, check=False)
        assert refused.returncode == 5
        assert "no credentials were found" in refused.stderr


@pytest.mark.parametrize("kind", ["token", "distribution-token"])
def test_copy__user_who_may_only_read__is_refused_with_what_to_do(kind: str, image: str, tmp_path: Path) -> None:
    with serve(kind, tmp_path / "registry") as registry:
        config_file(tmp_path / "writer", registry.host, "tester", PASSWORD)
        config_file(tmp_path / "reader", registry.host, "reader", "reader-password")
        target = f"{registry.host}/team/app:v1"
        run("shipset", "copy", image, target, env=environment(tmp_path / "writer"))
        reader = environment(tmp_path / "reader")
        run("shipset", "copy", target, f"oci:{tmp_path / 'back'}", env=reader)
        refused = run("shipset", "copy", image, f"{registry.host}/team/new:v1", env=reader, check=False)
        assert refused.returncode == 5
        assert "credentials from" in refused.stderr
        assert "hint:" in refused.stderr
        assert "reader-password" not in refused.stdout + refused.stderr


def test_login__on_a_terminal__asks_without_echo(tmp_path: Path) -> None:
    with serve("htpasswd", tmp_path / "registry") as registry:
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["shipset", "login", registry.host, "-u", "tester"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(tmp_path),
            start_new_session=True,
        )
        os.close(slave)
        seen = b""
        while b"Password" not in seen:
            seen += os.read(master, 1024)
        time.sleep(0.2)  # the echo is switched off right after the prompt
        os.write(master, PASSWORD.encode() + b"\n")
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(master, 1024):
                seen += part
        assert process.wait(timeout=60) == 0
        os.close(master)
        assert PASSWORD.encode() not in seen
        assert (tmp_path / ".docker" / "config.json").exists()


def test_login__password_as_an_argument__does_not_exist(tmp_path: Path) -> None:
    done = run("shipset", "login", "localhost:1", "-u", "u", "--password", "x", env=environment(tmp_path), check=False)
    assert done.returncode == 2


def https_options(registry: Registry) -> list[str | Path]:
    return ["--ca-file", registry.directory / "ca.pem", "--no-host-files"]


def test_copy__through_a_connect_proxy__name_is_resolved_there_and_its_password_never_shown(
    image: str, tmp_path: Path
) -> None:
    with serve("tls", tmp_path / "registry") as registry:
        port = registry.host.rpartition(":")[2]
        name = f"registry.test:{port}"
        with proxy(tmp_path / "proxy", {name: f"127.0.0.1:{port}"}) as (proxy_port, log):
            address = f"http://me:{PROXY_SECRET}@127.0.0.1:{proxy_port}"
            outside = environment(tmp_path, HTTPS_PROXY=address, NO_PROXY="other.test")
            ca = ("--ca-file", registry.directory / "ca.pem", "--no-host-files")
            run("shipset", "copy", image, f"{name}/app:v1", *ca, env=outside)
            run("shipset", "copy", f"{name}/app:v1", f"oci:{tmp_path / 'back'}", *ca, env=outside)
            assert log.read_text().splitlines()
            assert set(log.read_text().splitlines()) == {f"CONNECT {name} 200"}

            for proxies, words in (
                ({"HTTPS_PROXY": address.replace(PROXY_SECRET, "bad-" + PROXY_SECRET)}, "wants a login"),
                ({"HTTPS_PROXY": address, "NO_PROXY": "registry.test"}, "registry.test"),
                ({"HTTPS_PROXY": address, "NO_PROXY": f".test:{port}"}, "registry.test"),
            ):
                failed = run(
                    "shipset", "inspect", f"{name}/app:v1", *ca, env=environment(tmp_path, **proxies), check=False
                )
                assert failed.returncode == 6
                assert words in failed.stderr
                assert PROXY_SECRET not in failed.stdout + failed.stderr
            other = run("shipset", "inspect", f"nobody.test:{port}/a:b", *ca, env=outside, check=False)
            assert "refused with HTTP 403" in other.stderr


def test_certificates__folder_of_the_host__as_for_docker_and_podman(image: str, tmp_path: Path) -> None:
    with serve("tls-client", tmp_path / "registry") as registry:
        for place in (".docker/certs.d", ".config/containers/certs.d"):
            home = tmp_path / place.replace("/", "-")
            folder = home / place / registry.host
            folder.mkdir(parents=True)
            target = f"{registry.host}/app:v1"
            missing = run("shipset", "copy", image, target, env=environment(home), check=False)
            assert missing.returncode == 6
            assert "--ca-file" in missing.stderr
            (folder / "ca.crt").symlink_to(registry.directory / "ca.pem")
            unknown = run("shipset", "copy", image, target, env=environment(home), check=False)
            assert unknown.returncode == 6
            assert "--client-cert" in unknown.stderr
            (folder / "client.cert").symlink_to(registry.directory / "client.pem")
            (folder / "client.key").symlink_to(registry.directory / "client.key")
            run("shipset", "copy", image, target, env=environment(home))
            off = run("shipset", "copy", image, target, "--no-host-files", env=environment(home), check=False)
            assert off.returncode == 6
        pair = f"{registry.directory / 'client.pem'},{registry.directory / 'client.key'}"
        run(
            *("shipset", "inspect", target, *https_options(registry), "--client-cert", f"{registry.host}={pair}"),
            env=environment(tmp_path),
        )


def test_mirror__by_option_and_by_registries_conf__serves_and_the_origin_gets_the_writes(
    image: str, tmp_path: Path
) -> None:
    with serve("plain", tmp_path / "mirror") as mirror, serve("plain", tmp_path / "origin") as origin:
        outside = environment(tmp_path)
        run("shipset", "copy", image, f"{mirror.host}/hub/team/app:v1", env=outside)
        wanted = "registry.test/team/app:v1"
        by_option = run(
            *("shipset", "copy", wanted, f"oci:{tmp_path / 'one'}", "--no-host-files"),
            *("--mirror", f"registry.test={mirror.host}/hub"),
            env=outside,
        )
        assert "is read from the mirror" in by_option.stderr
        conf = tmp_path / ".config" / "containers" / "registries.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text(
            f'[[registry]]\nprefix = "registry.test"\nlocation = "{origin.host}"\n'
            f'[[registry.mirror]]\nlocation = "{mirror.host}/hub"\n'
        )
        run("shipset", "copy", wanted, f"oci:{tmp_path / 'two'}", env=outside)
        assert (tmp_path / "two" / "index.json").exists()
        # skopeo reads the same file in the same way
        need("skopeo")
        run(
            *("skopeo", "copy", "--src-tls-verify=false", "--registries-conf", conf),
            *(f"docker://{wanted}", f"oci:{tmp_path / 'three'}:v1"),
            env=outside,
        )
        run("shipset", "copy", image, f"{origin.host}/team/late:v1", env=outside)
        run("shipset", "copy", "registry.test/team/late:v1", f"oci:{tmp_path / 'four'}", env=outside)
        conf.write_text('[[registry]]\nlocation = "registry.test"\nblocked = true\n')
        blocked = run("shipset", "inspect", wanted, env=outside, check=False)
        assert blocked.returncode == 4
        conf.write_text("[[registry]\n")
        broken = run("shipset", "inspect", wanted, env=outside, check=False)
        assert broken.returncode == 3
        assert str(conf) in broken.stderr
        assert "line 1" in broken.stderr
