"""Secrets are planted in every source of credentials and in everything that a registry hands out; nothing that the
program prints, raises, reports or writes may hold one of them, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import os
import pickle
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import shipset
from helpers import Project, Shipset
from secret_search import files_below, forms, search
from shipset.testing import BasicAuth, FakeRegistry, Request, Response, TokenAuth

USER = "builder"
#: Long enough to be found, with characters that every encoding changes.
PASSWORD = 'pa55"w/o+rd?of&the=tests%\\9f'  # noqa: S105
TOKEN = "tok-7c1f9e0b4d2a4c55b1e0-6f"  # noqa: S105


@dataclass
class Planted:
    """Where a secret lies: environment, files that hold it rightly, and the registry that wants it."""

    auth: BasicAuth | TokenAuth
    secrets: list[str]
    env: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def encoded(password: str) -> str:
    return base64.b64encode(f"{USER}:{password}".encode()).decode()


def write(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def docker_file(home: Path, entry: dict[str, str], host: str) -> Path:
    return write(home / ".docker/config.json", {"auths": {host: entry}})


def plant_auth(home: Path, host: str) -> Planted:
    return Planted(TokenAuth(USER, PASSWORD), [PASSWORD], files=[docker_file(home, {"auth": encoded(PASSWORD)}, host)])


def plant_basic(home: Path, host: str) -> Planted:
    entry = {"username": USER, "password": PASSWORD}
    return Planted(BasicAuth(USER, PASSWORD), [PASSWORD], files=[docker_file(home, entry, host)])


def plant_identity_token(home: Path, host: str) -> Planted:
    entry = {"auth": base64.b64encode(f"{USER}:".encode()).decode(), "identitytoken": TOKEN}
    auth = TokenAuth(USER, PASSWORD, identity_tokens={TOKEN: USER})
    return Planted(auth, [TOKEN], files=[docker_file(home, entry, host)])


def plant_registry_token(home: Path, host: str) -> Planted:
    auth = TokenAuth(USER, PASSWORD, registry_tokens=(TOKEN,))
    return Planted(auth, [TOKEN], files=[docker_file(home, {"registrytoken": TOKEN}, host)])


def plant_inline(home: Path, host: str) -> Planted:
    config = json.dumps({"auths": {host: {"auth": encoded(PASSWORD)}}})
    return Planted(TokenAuth(USER, PASSWORD), [PASSWORD], {"DOCKER_AUTH_CONFIG": config})


def plant_podman(home: Path, host: str) -> Planted:
    file = write(home / "podman.json", {"auths": {f"{host}/team": {"auth": encoded(PASSWORD)}}})
    return Planted(TokenAuth(USER, PASSWORD), [PASSWORD], {"REGISTRY_AUTH_FILE": str(file)}, [file])


def plant_helper(home: Path, host: str) -> Planted:
    answer = {"ServerURL": host, "Username": USER, "Secret": PASSWORD}
    helper = home / "bin/docker-credential-planted"
    write(helper, f"#!{sys.executable}\nimport json\nprint(json.dumps({answer!r}))\n")
    helper.chmod(0o755)
    config = write(home / ".docker/config.json", {"credHelpers": {host: "planted"}})
    path = f"{helper.parent}:{os.environ['PATH']}"
    return Planted(TokenAuth(USER, PASSWORD), [PASSWORD], {"PATH": path}, [helper, config])


def plant_identity_by_helper(home: Path, host: str) -> Planted:
    planted = plant_helper(home, host)
    answer = {"ServerURL": host, "Username": "<token>", "Secret": TOKEN}
    write(planted.files[0], f"#!{sys.executable}\nimport json\nprint(json.dumps({answer!r}))\n")
    return Planted(TokenAuth(USER, PASSWORD, identity_tokens={TOKEN: USER}), [TOKEN], planted.env, planted.files)


def plant_wrong(home: Path, host: str) -> Planted:
    wrong = PASSWORD[::-1]
    file = docker_file(home, {"auth": encoded(wrong)}, host)
    return Planted(TokenAuth(USER, PASSWORD), [wrong, PASSWORD], files=[file])


SOURCES: dict[str, Callable[[Path, str], Planted]] = {
    "auth in config.json": plant_auth,
    "username and password, Basic": plant_basic,
    "identitytoken": plant_identity_token,
    "registrytoken": plant_registry_token,
    "DOCKER_AUTH_CONFIG": plant_inline,
    "Podman's file": plant_podman,
    "credential helper": plant_helper,
    "identity token of a helper": plant_identity_by_helper,
    "wrong password": plant_wrong,
}


def echo(request: Request) -> Response | None:
    """A registry, or a proxy, that writes a request with a secret into its error, as debug pages do."""
    if "authorization" not in request.headers and "=" not in request.target:
        return None
    told = f"{request.method} {request.target} authorization={request.headers.get('authorization')}"
    return Response(
        403,
        [("Content-Type", "application/json")],
        json.dumps({"errors": [{"code": "DENIED", "message": told, "detail": request.headers}]}).encode(),
    )


TROUBLES: dict[str, Callable[[FakeRegistry], object]] = {
    "none": lambda registry: None,
    "upload breaks": lambda registry: registry.faults.on("PUT", "upload").drop_request(1000),
    "uploads refused": lambda registry: registry.faults.on("PUT|PATCH", "upload", times=None).status(
        403, code="DENIED"
    ),
    "uploads echoed": lambda registry: registry.faults.on("PUT|PATCH", "upload", times=None).call(echo),
    "manifests echoed": lambda registry: registry.faults.on(kind="manifest", times=None).call(echo),
    "tokens echoed": lambda registry: registry.faults.on(kind="token", times=None).call(echo),
    "storage refuses": lambda registry: registry.faults.on(kind="storage", times=None).status(403, body=b"<Error/>"),
    "storage echoed": lambda registry: registry.faults.on(kind="storage", times=None).call(echo),
    "storage breaks": lambda registry: registry.faults.on(kind="storage", times=None).drop_answer(),
    "blobs wrong": lambda registry: registry.faults.on("GET", "storage", times=None).wrong_bytes(),
    "redirect in a circle": lambda registry: registry.faults.on("GET", "blob", times=None).call(
        lambda request: Response(307, [("Location", f"{request.target}?X-Amz-Signature={TOKEN}")])
    ),
    "tokens die": lambda registry: registry.faults.on("PUT", "upload", times=None).revoke_tokens(),
}


class Told:
    """Everything that calls gave out."""

    def __init__(self) -> None:
        self.places: dict[str, bytes] = {}

    def add(self, place: str, *texts: object) -> None:
        number = len(self.places)
        self.places[f"{place} ({number})"] = b"\n".join(
            text if isinstance(text, bytes) else str(text).encode() for text in texts
        )

    def add_error(self, place: str, error: BaseException) -> None:
        self.add(f"{place}, error", str(error), repr(error), repr(vars(error)), pickle.dumps(error, 0))
        if error.__cause__ is not None:
            self.add_error(f"{place}, cause", error.__cause__)

    def call(self, place: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        events: list[shipset.Event] = []
        try:
            result = function(*arguments, **options, on_event=events.append)
            self.add(place, str(result), repr(result), pickle.dumps(result, 0))
        except shipset.ShipsetError as error:
            self.add_error(place, error)
        self.add(f"{place}, events", *events, *map(repr, events), *(dict(event.fields) for event in events))


@pytest.fixture
def released(project: Project) -> Project:
    """A release in a layout, large enough that uploads break in the middle."""
    (project.folder / "files/noise.bin").write_bytes(os.urandom(100_000))
    shipset.plan(shipset.load(project.file).matrix(), to=project.to).execute()
    return project


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("BUILD_SECRET_OF_THE_TESTS", TOKEN[::-1])
    return folder


def state_files(home: Path) -> list[Path]:
    """Uploads that may go on in another process: the only place where a location may stand, for its owner alone."""
    found = [path for path in home.rglob("uploads/*") if path.is_file()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in found)
    return found


def use_everything(told: Told, project: Project, command: Shipset, registry: FakeRegistry, folder: Path) -> None:
    """The verbs, from Python and as commands."""
    place = f"{registry.host}/team"
    told.call("push", shipset.copy, project.to, f"{place}/app", all_tags=True)
    told.call("pull", shipset.copy, f"{place}/base:1.0.0", f"oci:{folder}/pulled", all_tags=False)
    told.call("verify", shipset.verify, f"{place}/base:1.0.0")
    plan_folder = project.folder
    spec = shipset.load(plan_folder / "shipset.toml")
    try:
        plan = shipset.plan(spec.matrix(version="2.0.0"), to=registry.host)
        told.add("plan", plan.to_json() if hasattr(plan, "to_json") else "", repr(plan), str(plan))
        told.call("release", plan.execute)
    except shipset.ShipsetError as error:
        told.add_error("plan", error)
    for arguments in (
        ("copy", project.to, f"{place}/app", "--all-tags", "--format", "json"),
        ("inspect", f"{place}/base:1.0.0"),
    ):
        done = command(*arguments, env={"CI": "true"})
        told.add(f"shipset {arguments[0]}", done.out, done.err)


CASES = [(source, "none") for source in SOURCES]
CASES += [(source, trouble) for source in ("auth in config.json", "identitytoken") for trouble in TROUBLES]
CASES += [("username and password, Basic", "uploads echoed"), ("registrytoken", "manifests echoed")]


@pytest.mark.parametrize(("source", "trouble"), sorted(set(CASES)))
def test_secrets__source_and_trouble__nothing_told_and_nothing_kept(
    source: str, trouble: str, released: Project, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeRegistry(redirect_blobs=True, changing_locations=True) as registry:
        planted = SOURCES[source](home, registry.host)
        registry.auth = planted.auth
        for name, value in planted.env.items():
            monkeypatch.setenv(name, value)
        registry.put_image("team/base", b"not a tar, but bytes", tags=["1.0.0"])
        TROUBLES[trouble](registry)
        told = Told()
        use_everything(told, released, Shipset(released.folder), registry, tmp_path)
        if source != "wrong password":
            assert {entry.authorization for entry in registry.requests} & {"Basic", "Bearer"}
        assert trouble == "none" or registry.faults.fired, "the trouble did not strike"
        secrets = [*planted.secrets, *registry.secrets, TOKEN[::-1]]
    written = files_below(tmp_path, but=[*planted.files, *state_files(home)])
    assert len(told.places) >= 8
    assert search(told.places | written, secrets) == []


@pytest.mark.parametrize("password", [PASSWORD, PASSWORD[::-1]], ids=["right", "wrong"])
def test_login__password_on_standard_input__is_told_to_nobody(
    password: str, shipset_command: Shipset, home: Path, tmp_path: Path
) -> None:
    with FakeRegistry(auth=TokenAuth(USER, PASSWORD)) as registry:
        done = shipset_command("login", registry.host, "--username", USER, stdin=f"{password}\n")
        assert done.code == (0 if password == PASSWORD else 5), done.err
        config = home / ".docker/config.json"
        assert config.exists() == (done.code == 0)
        places = {"output": done.out.encode(), "errors": done.err.encode()} | files_below(tmp_path, but=[config])
        assert search(places, [PASSWORD, password, *registry.secrets]) == []
        if done.code == 0:
            assert search(files_below(config.parent), [PASSWORD]), "the login is where it belongs"


@pytest.mark.parametrize("proxy", ["closed", "refusing"])
def test_proxy__password_in_its_address__is_told_to_nobody(
    proxy: str, shipset_command: Shipset, home: Path, tmp_path: Path
) -> None:
    with FakeRegistry() as refusing:
        host = refusing.host if proxy == "refusing" else "127.0.0.1:1"
        refusing.faults.on(times=None).status(407, body=b"<html>who are you</html>")
        address = f"http://{USER}:{quote(PASSWORD, safe='')}@{host}"
        env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"), address)
        done = shipset_command("inspect", "registry.example/team/app:1", "--plain-http", "registry.example", env=env)
        assert done.code in (5, 6), done.err
    places = {"output": done.out.encode(), "errors": done.err.encode()} | files_below(tmp_path)
    assert search(places, [PASSWORD]) == []


@pytest.mark.parametrize(
    "leak",
    [
        lambda secret: f"the password is {secret}.",
        lambda secret: json.dumps({"error": f"of {secret}"}),
        lambda secret: f"https://x/?a=b&token={quote(secret, safe='')}&c",
        lambda secret: base64.b64encode(f"{USER}:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"a{USER}:{secret}".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"ab{USER}:{secret}xyz".encode()).decode().rstrip("="),
        lambda secret: repr({"why": secret}),
    ],
    ids=["plain", "json", "percent", "base64", "base64-shifted", "base64-url", "repr"],
)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_search__planted_leak__is_found(leak: Callable[[str], str], secret: str, tmp_path: Path) -> None:
    """The canary: a search that finds nothing proves something only if it would find it."""
    (tmp_path / "log").write_text("before\n" + leak(secret) + "\nafter", encoding="utf-8")
    assert search({"output": leak(secret).encode()}, [secret])
    assert search(files_below(tmp_path), [secret])
    assert search(files_below(tmp_path, but=[tmp_path / "log"]), [secret]) == []
    assert search({"output": b"nothing here"}, [secret]) == []
    assert all(len(form) >= 8 for form in forms(secret))


def test_canary__registry_that_tells_the_secret_in_a_place_we_show__is_found_by_the_same_way(
    released: Project, home: Path, tmp_path: Path
) -> None:
    """An error that does hold a secret is found where the test above looks."""
    told = Told()
    told.add_error("call", shipset.RegistryError("failed", why=f"with {PASSWORD}", context={"token": TOKEN}))
    found = search(told.places, [PASSWORD, TOKEN])
    assert any("secret 0" in line for line in found)
    assert any("secret 1" in line for line in found)
