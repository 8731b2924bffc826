"""Who may do what at a fake registry: Basic, or Bearer tokens with a token server of its own.

The token server answers GET and POST (``password`` and ``refresh_token`` grants), grants what was asked as far as the
user may have it, and its tokens end: after a time, after a number of requests, or by :meth:`TokenAuth.revoke`.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs

from shipset.testing.core import Core
from shipset.testing.wire import Request, Response, answer_json, error

_ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
_ANONYMOUS = "\0anonymous"
_ALL = ("pull", "push", "delete")


class Auth(Protocol):
    """What a registry asks before it answers."""

    def check(self, core: Core, request: Request) -> Response | None:
        """None when the request may go on, else the refusal."""

    def token(self, core: Core, request: Request) -> Response:
        """An answer of the token server."""


def basic_login(request: Request) -> tuple[str, str] | None:
    """User and password of an ``Authorization: Basic`` header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


class BasicAuth:
    """``Authorization: Basic`` on every request."""

    def __init__(self, username: str, password: str, *, realm: str = "fake registry") -> None:
        self.users = {username: password}
        self.realm = realm

    def check(self, core: Core, request: Request) -> Response | None:
        login = basic_login(request)
        if login is not None and self.users.get(login[0]) == login[1]:
            return None
        refusal = error(401, "UNAUTHORIZED", "authentication required")
        refusal.headers.append(("WWW-Authenticate", f'Basic realm="{self.realm}"'))
        return refusal

    def token(self, core: Core, request: Request) -> Response:
        return error(404, "NOT_FOUND", "there is no token server")


@dataclass
class _Token:
    scopes: dict[str, set[str]]
    until: float
    requests: int | None

    def spend(self) -> bool:
        """Counts one request; False when the token is dead."""
        if self.requests is not None:
            if self.requests == 0:
                return False
            self.requests -= 1
        return time.monotonic() < self.until


class TokenAuth:
    """Bearer tokens. ``grants`` maps patterns of repositories to the actions that a user may do there; an anonymous
    client may do ``anonymous``. ``identity_tokens`` maps refresh tokens to users."""

    def __init__(
        self,
        username: str = "",
        password: str = "",
        *,
        grants: Mapping[str, tuple[str, ...]] | None = None,
        anonymous: tuple[str, ...] = (),
        identity_tokens: Mapping[str, str] | None = None,
        registry_tokens: tuple[str, ...] = (),
        expires_s: float = 300,
        requests_per_token: int | None = None,
        service: str = "fake-registry",
    ) -> None:
        self.users = {username: password} if username else {}
        self.grants = dict(grants) if grants is not None else {"*": _ALL}
        self.anonymous = anonymous
        self.identity_tokens = dict(identity_tokens or {})
        self.expires_s = expires_s
        self.requests_per_token = requests_per_token
        self.service = service
        self.issued = 0
        everything = {"*": set(_ALL)}
        self._tokens = {token: _Token(everything, float("inf"), None) for token in registry_tokens}

    def revoke(self) -> None:
        """Ends every token that was issued."""
        self._tokens.clear()

    def check(self, core: Core, request: Request) -> Response | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        with core.lock:
            token = self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
            if token is None or not token.spend():
                return self._challenge(core, request, "invalid_token" if scheme else "")
        if request.kind in ("ping", "other"):
            return None
        resource, action = _needed(request)
        if not _granted(token.scopes, resource, action):
            return self._challenge(core, request, "insufficient_scope")
        source = request.parameter("from")
        if source and not _granted(token.scopes, f"repository:{source}", "pull"):
            request.query.pop("mount", None)
        return None

    def _challenge(self, core: Core, request: Request, problem: str) -> Response:
        parts = [f'realm="{core.base_url}/token"', f'service="{self.service}"']
        if request.kind not in ("ping", "other"):
            resource, action = _needed(request)
            actions = "pull,push" if action == "push" else action
            parts.append(f'scope="{resource}:{actions}"')
        if problem:
            parts.append(f'error="{problem}"')
        refusal = error(401, "UNAUTHORIZED", "authentication required")
        refusal.headers.append(("WWW-Authenticate", "Bearer " + ",".join(parts)))
        return refusal

    def token(self, core: Core, request: Request) -> Response:
        if request.method == "POST":
            if core.behaviour.token_post != HTTPStatus.OK:
                return error(core.behaviour.token_post, "UNSUPPORTED", "tokens are asked for with GET here")
            form = parse_qs((request.body.read_all(64 << 10) or b"").decode("latin-1"))
            scopes = form.get("scope", [""])[0].split()
            user = self._user_of_form({key: values[0] for key, values in form.items()})
        else:
            scopes = [scope for value in request.query.get("scope", []) for scope in value.split()]
            login = basic_login(request)
            user = _ANONYMOUS if login is None else self._checked(*login)
        if not user:
            return error(401, "UNAUTHORIZED", "the login is wrong")
        return self._issue(core, user, scopes)

    def _user_of_form(self, form: dict[str, str]) -> str:
        if form.get("grant_type") == "refresh_token":
            return self.identity_tokens.get(form.get("refresh_token", ""), "")
        return self._checked(form.get("username", ""), form.get("password", ""))

    def _checked(self, user: str, password: str) -> str:
        """The user of a right login, else ""."""
        return user if self.users.get(user) == password else ""

    def _issue(self, core: Core, user: str, asked: list[str]) -> Response:
        scopes: dict[str, set[str]] = {}
        for scope in asked:
            resource, _, actions = scope.rpartition(":")
            wanted = set(_ALL if actions == "*" else actions.split(","))
            allowed = self.anonymous if user == _ANONYMOUS else self._allowed(resource.removeprefix("repository:"))
            scopes.setdefault(resource, set()).update(wanted & set(allowed))
        with core.lock:
            name = f"token-{core.make_id('token')}"
            self._tokens[name] = _Token(scopes, time.monotonic() + self.expires_s, self.requests_per_token)
            self.issued += 1
        return answer_json(200, {"token": name, "access_token": name, "expires_in": max(int(self.expires_s), 1)})

    def _allowed(self, repository: str) -> tuple[str, ...]:
        return next((actions for pattern, actions in self.grants.items() if fnmatch.fnmatch(repository, pattern)), ())


def _needed(request: Request) -> tuple[str, str]:
    if request.kind == "catalog":
        return "registry:catalog", "pull"
    return f"repository:{request.repository}", _ACTIONS.get(request.method, "push")


def _granted(scopes: dict[str, set[str]], resource: str, action: str) -> bool:
    return any(action in scopes.get(name, ()) for name in (resource, "*"))
