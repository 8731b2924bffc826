"""FakeRegistry as users see it: life cycle, content, log, logins, the fixtures, and the how-to page."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import shipset
from shipset.testing import BasicAuth, Behaviour, FakeRegistry, TokenAuth
from test_testing_protocol import REPO, ask, digest

PAGE = Path(__file__).resolve().parents[2] / "python/docs/how-to/test-a-release-script.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_import_shipset__does_not_load_testing_and_testing_does_not_load_pytest() -> None:
    code = "import sys, shipset; a = 'shipset.testing' in sys.modules; import shipset.testing; print(a, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *loaded = done.stdout.split()
    assert first == "False"
    assert not {"pytest", "ssl", "shipset._core"} & set(loaded)


def test_page__its_tests__pass_as_they_are_printed(tmp_path: Path) -> None:
    conftest, tests, without, *_ = blocks()
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    (tmp_path / "test_page.py").write_text(tests, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    exec(compile(without, PAGE.name, "exec"), {})  # noqa: S102


def test_page__its_tests__fail_when_the_fault_is_another(tmp_path: Path) -> None:
    """The printed tests look at what happened, and a failure shows what the registry was asked."""
    conftest, tests, *_ = blocks()
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    changed = tests.replace("too_many_requests(retry_after_s=1)", "status(403)")
    assert changed != tests
    (tmp_path / "test_page.py").write_text(changed, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 failed, 1 passed" in done.stdout
    assert re.search(r"/v2/team/app/manifests/1.0 403 .*Answer", done.stdout)


def test_page__switches_and_faults__are_those_that_there_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in Behaviour.__dataclass_fields__:
        assert f"`{name}`" in text, name
    trigger = type(FakeRegistry().faults.on())
    for name in vars(trigger):
        if not name.startswith("_") and name not in trigger.__dataclass_fields__:
            assert f"`{name}(" in text, name


def test_life__start_stop__port_is_closed_and_threads_end() -> None:
    before = threading.active_count()
    registry = FakeRegistry().start()
    host, port = registry.host.split(":")
    with socket.create_connection((host, int(port))) as idle:
        assert ask(registry, "GET", "/v2/").status == 200
        registry.stop()
        registry.stop()
        assert idle.recv(1) == b""
    assert threading.active_count() == before
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
    with pytest.raises(RuntimeError, match="starts once"):
        registry.start()
    with pytest.raises(RuntimeError, match="not started"):
        _ = FakeRegistry().host


def test_switch__unknown__is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no_such_switch"):
        FakeRegistry(no_such_switch=True)


@pytest.mark.parametrize("text", ["GARBAGE\r\n\r\n", "GET /v2/ HTTP/1.1\r\nno colon\r\n\r\n", "\r\n", ""])
def test_connection__garbage__is_400_or_closed(text: str) -> None:
    with FakeRegistry() as registry:
        host, port = registry.host.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(text.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert ask(registry, "GET", "/v2/").status == 200


def test_connection__expect_continue_and_keep_alive__many_requests_on_one() -> None:
    data = b"d" * 1000
    with FakeRegistry() as registry:
        host, port = registry.host.split(":")
        path = f"{REPO}/blobs/uploads/?digest={digest(data)}"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            reader = connection.makefile("rb")
            for _ in range(3):
                connection.sendall(head.encode())
                assert reader.readline() == b"HTTP/1.1 100 Continue\r\n"
                reader.readline()
                connection.sendall(data)
                assert reader.readline().startswith(b"HTTP/1.1 201 ")
                while reader.readline() != b"\r\n":
                    pass
            reader.close()
        assert registry.requests.count("POST", "upload", status=201) == 3


def test_content__put_directly__clients_read_it() -> None:
    with FakeRegistry() as registry:
        at = registry.put_image("team/app", b"layer", tags=["a", "b"])
        assert registry.repositories == ["team/app"]
        assert shipset.inspect(f"{registry.host}/team/app:b")["digest"] == at
        registry.set_tag("team/app", "a", None)
        registry.set_tag("team/app", "c", at)
        assert registry.tags("team/app") == {"b": at, "c": at}
        with pytest.raises(ValueError, match="not a digest"):
            registry.set_tag("team/app", "d", "nonsense")
        with pytest.raises(LookupError):
            registry.manifest("team/app", "d")
        assert registry.blobs.size(digest(b"layer")) == 5
        assert set(registry.blobs) >= {digest(b"layer")}


def test_log__request__has_its_data_and_no_password() -> None:
    with FakeRegistry(auth=BasicAuth("user", "very-secret")) as registry:
        login = base64.b64encode(b"user:very-secret").decode()
        body = b"x" * 77
        path = f"{REPO}/blobs/uploads/?digest={digest(body)}"
        assert ask(registry, "POST", path, body).status == 401
        assert ask(registry, "POST", path, body, Authorization=f"Basic {login}").status == 201
        first, second = registry.requests
        assert (first.authorization, second.authorization) == ("", "Basic")
        assert (second.method, second.kind, second.repository, second.status) == ("POST", "upload", "team/app", 201)
        assert second.query == {"digest": [digest(body)]}
        assert (second.bytes_in, second.bytes_out) == (77, 0)
        assert registry.requests.count("POST", "uploads") == 2
        assert registry.requests.count(status=401) == 1
        everything = repr(list(registry.requests)) + str(registry.requests)
        assert "very-secret" not in everything
        assert login not in everything
        registry.requests.clear()
        assert len(registry.requests) == 0


def token(registry: FakeRegistry, scope: str, login: str = "user:right") -> str:
    header = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    answer = ask(registry, "GET", f"/token?service=fake-registry&scope={scope}", **header)
    return str(answer.json["token"]) if answer.status == 200 else ""


def test_tokens__scopes__are_what_was_asked_as_far_as_granted() -> None:
    auth = TokenAuth("user", "right", grants={"team/*": ("pull", "push"), "public/*": ("pull",)}, anonymous=("pull",))
    with FakeRegistry(auth=auth) as registry:
        refused = ask(registry, "POST", f"{REPO}/blobs/uploads/")
        assert refused.status == 401
        challenge = refused.headers["www-authenticate"]
        assert f'realm="{registry.url}/token"' in challenge
        assert 'scope="repository:team/app:pull,push"' in challenge

        def post(value: str, path: str = REPO) -> int:
            return ask(registry, "POST", f"{path}/blobs/uploads/", Authorization=f"Bearer {value}").status

        assert post(token(registry, "repository:team/app:pull,push")) == 202
        assert post(token(registry, "repository:team/app:pull")) == 401
        assert post(token(registry, "repository:team/app:pull,push"), "/v2/team/other") == 401
        assert post(token(registry, "repository:public/app:pull,push"), "/v2/public/app") == 401
        assert token(registry, "repository:team/app:pull", "user:wrong") == ""
        anonymous = token(registry, "repository:team/app:pull,push", "")
        assert post(anonymous) == 401
        registry.make_repository("team/app")
        assert ask(registry, "GET", f"{REPO}/tags/list", Authorization=f"Bearer {anonymous}").status == 200


def test_tokens__mount__needs_a_right_to_read_the_source() -> None:
    with FakeRegistry(auth=TokenAuth("user", "right")) as registry:
        at = registry.put_blob("team/base", b"shared")
        path = f"{REPO}/blobs/uploads/?mount={at}&from=team/base"
        one = token(registry, "repository:team/app:pull,push")
        both = token(registry, "repository:team/app:pull,push&scope=repository:team/base:pull")
        assert ask(registry, "POST", path, Authorization=f"Bearer {one}").status == 202
        assert ask(registry, "POST", path, Authorization=f"Bearer {both}").status == 201


def test_tokens__die__after_requests_time_or_when_revoked() -> None:
    with FakeRegistry(auth=TokenAuth("user", "right", requests_per_token=2)) as registry:
        value = token(registry, "repository:team/app:pull")
        answers = [ask(registry, "GET", "/v2/", Authorization=f"Bearer {value}") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 401]
        assert 'error="invalid_token"' in answers[2].headers["www-authenticate"]
        value = token(registry, "repository:team/app:pull")
        registry.faults.on("GET", "ping").revoke_tokens()
        assert ask(registry, "GET", "/v2/", Authorization=f"Bearer {value}").status == 401
    with FakeRegistry(auth=TokenAuth("user", "right", expires_s=0)) as registry:
        value = token(registry, "repository:team/app:pull")
        assert ask(registry, "GET", "/v2/", Authorization=f"Bearer {value}").status == 401


@pytest.mark.parametrize("status", [200, 404])
def test_tokens__post__grants_password_and_refresh_token_or_wants_get(status: int) -> None:
    auth = TokenAuth("user", "right", identity_tokens={"refresh-me": "user"})
    with FakeRegistry(auth=auth, token_post=status) as registry:
        for form, found in (
            ("grant_type=refresh_token&refresh_token=refresh-me", 200),
            ("grant_type=refresh_token&refresh_token=other", 401),
            ("grant_type=password&username=user&password=right", 200),
            ("grant_type=password&username=user&password=wrong", 401),
        ):
            answer = ask(registry, "POST", "/token", f"{form}&scope=repository:team/app:pull".encode())
            assert answer.status == (found if status == 200 else 404)


def test_tokens__clients_of_shipset__log_in_pull_and_push(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FakeRegistry(auth=TokenAuth("user", "right", requests_per_token=4)) as registry:
        at = registry.put_image("team/app", b"layer", tags=["1"])
        with pytest.raises(shipset.AuthenticationError):
            shipset.inspect(f"{registry.host}/team/app:1")
        login = {"auths": {registry.host: {"username": "user", "password": "right"}}}
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(login))
        shipset.copy(f"{registry.host}/team/app:1", f"{registry.host}/team/copy:1")
        assert registry.tags("team/copy") == {"1": at}
        assert isinstance(registry.auth, TokenAuth)
        assert registry.auth.issued > 1
