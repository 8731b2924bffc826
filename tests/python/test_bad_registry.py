"""Registries that answer something else than a registry would, or nothing: exit 5 or 6, and no login is stored."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import shipset
from helpers import Done, Project, Registry, Shipset, free_port


@contextlib.contextmanager
def answering(
    status: int, headers: dict[str, str], body: bytes, certificate: Path | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server that gives every request the same answer; its host and the requests it saw."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            requests.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refused(done: Done, code: int, *words: str) -> None:
    assert done.code == code, f"{done.code}\n{done.out}\n{done.err}"
    for word in words:
        assert word in done.err, f"{word!r} is not in\n{done.err}"
    assert "Traceback" not in done.err


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("command", ["release", "inspect", "login"])
def test_registry__answers_html__exits_5_and_nothing_is_sent_up(
    shipset_command: Shipset, project: Project, command: str, status: int
) -> None:
    with answering(status, {"Content-Type": "text/html"}, b"<html><h1>Welcome to the proxy</h1></html>") as (
        host,
        sent,
    ):
        if command == "release":
            done = shipset_command("release", "--to", host, timeout_s=200)
        elif command == "inspect":
            done = shipset_command("inspect", f"{host}/team/app:1.0.0", timeout_s=200)
        else:
            done = shipset_command("login", host, "-u", "me", stdin="secret-password\n", timeout_s=200)
            assert not (Path(os.environ["HOME"]) / ".docker" / "config.json").exists()
    refused(done, 5, host)
    assert "secret-password" not in done.err
    assert not [line for line in sent if line.startswith(("PUT", "PATCH"))]


def test_registry__port_is_closed__exits_6(shipset_command: Shipset, project: Project, tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    for command in (
        ["release", "--to", host],
        ["inspect", f"{host}/app:1"],
        ["copy", f"{host}/app:1", f"oci:{tmp_path}/copy"],
    ):
        refused(shipset_command(*command, timeout_s=200), 6, host)
    assert (
        not (tmp_path / "copy" / "index.json").exists()
        or not json.loads((tmp_path / "copy" / "index.json").read_text(encoding="utf-8"))["manifests"]
    )


def test_registry__repository_that_is_not_there__exits_5(shipset_command: Shipset, login_registry: Registry) -> None:
    logged_in(shipset_command, login_registry)
    refused(shipset_command("inspect", f"{login_registry.host}/nothing:1.0.0"), 5, "nothing")


def logged_in(command: Shipset, registry: Registry) -> None:
    done = command("login", registry.host, "--username", registry.username, stdin=registry.password + "\n")
    assert done.code == 0, done.err


def test_login__wrong_password__exits_5_and_is_not_stored(shipset_command: Shipset, login_registry: Registry) -> None:
    done = shipset_command(
        "login", login_registry.host, "--username", login_registry.username, stdin="wrong-password-here\n"
    )
    refused(done, 5, login_registry.host)
    assert "wrong-password-here" not in done.err + done.out
    assert not (Path(os.environ["HOME"]) / ".docker" / "config.json").exists()


def test_login__right_password__is_stored_privately_and_logout_forgets_it(
    shipset_command: Shipset, login_registry: Registry
) -> None:
    logged_in(shipset_command, login_registry)
    config = Path(os.environ["HOME"]) / ".docker" / "config.json"
    assert config.stat().st_mode & 0o777 == 0o600
    assert login_registry.host in json.loads(config.read_text(encoding="utf-8"))["auths"]
    shipset.ping(login_registry.host)
    assert shipset_command("logout", login_registry.host).code == 0
    assert login_registry.host not in json.loads(config.read_text(encoding="utf-8")).get("auths", {})
    with pytest.raises(shipset.AuthenticationError):
        shipset.ping(login_registry.host)
    assert "there was no login" in shipset_command("logout", login_registry.host).err


@pytest.mark.parametrize("case", ["none", "wrong"])
def test_release__login_missing_or_wrong__exits_5_before_anything_is_built(
    shipset_command: Shipset, project: Project, login_registry: Registry, case: str
) -> None:
    env = {}
    if case == "wrong":
        env["DOCKER_AUTH_CONFIG"] = json.dumps(
            {"auths": {login_registry.host: {"username": "x", "password": "not-it-1"}}}
        )
    done = shipset_command("release", "--to", login_registry.host, env=env)
    refused(done, 5, login_registry.host)
    assert "not-it-1" not in done.err + done.out
    assert "plain/linux/amd64" not in done.err, "nothing was built"


def test_release__with_login__goes_up_and_again_moves_nothing(
    shipset_command: Shipset, project: Project, login_registry: Registry
) -> None:
    logged_in(shipset_command, login_registry)
    first = shipset_command("release", "--to", login_registry.host, "--format", "json")
    assert first.code == 0, first.err
    assert json.loads(first.out)["tags_moved"] == 2
    again = shipset_command("release", "--to", login_registry.host, "--format", "json")
    assert again.code == 0, again.err
    data = json.loads(again.out)
    assert (data["outcome"], data["bytes_moved"], data["tags_moved"]) == ("nothing to do", 0, 0)
    assert login_registry.password not in first.out + first.err + again.out + again.err
    assert shipset_command("verify", f"{login_registry.host}/team/app:1.0.0").code == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "word"),
    [
        (["login", "localhost:1", "-u", "me"], "", "password"),
        (["login", "localhost:1", "-u", "a:b"], "x\n", "user name"),
        (["login", "localhost:1"], "x\n", "username"),
    ],
    ids=["no-password", "colon-in-name", "no-name"],
)
def test_login__unusable_arguments__exit_2(
    shipset_command: Shipset, arguments: list[str], stdin: str, word: str
) -> None:
    refused(shipset_command(*arguments, stdin=stdin), 2, word)


def test_login__password_option__does_not_exist(shipset_command: Shipset) -> None:
    done = shipset_command("login", "localhost:1", "-u", "me", "--password", "visible-in-ps")
    assert done.code == 2
    assert "visible-in-ps" not in done.err


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path) + ".crt"),
        ],
        capture_output=True,
        check=True,
    )
    with path.open("a", encoding="ascii") as both:
        both.write(Path(f"{path}.crt").read_text(encoding="ascii"))
    return path


@pytest.mark.parametrize(("option", "code"), [("none", 6), ("--ca-file", 0), ("--insecure", 0)])
def test_login__certificate_of_our_own__is_trusted_only_when_named(
    shipset_command: Shipset, certificate: Path, option: str, code: int
) -> None:
    with answering(200, {"Content-Type": "application/json"}, b"{}", certificate) as (host, _):
        value = {"none": [], "--ca-file": [option, f"{certificate}.crt"], "--insecure": [option, host]}[option]
        done = shipset_command("login", host, "-u", "me", *value, stdin="some-password\n", timeout_s=200)
    assert done.code == code, done.err
