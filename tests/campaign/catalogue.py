"""The faults of the campaign: what each does, which requests it can strike, and how a call may end then.

``heals``: one strike of it must not be noticed by the caller. Otherwise ``kinds`` are the errors that are right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shipset.testing import Effect, effects

HTML = b"<html><body>A captive portal</body></html>"
REFUSED = frozenset({"auth", "registry", "not_found", "network", "verify"})
READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Kind:
    """One row of the catalogue."""

    make: Callable[[int], Effect]
    """From a number of bytes, e.g. where to break."""
    fits: Callable[[str, str], bool]
    """Whether it can strike requests of this method and kind."""
    heals: bool = False
    kinds: frozenset[str] = REFUSED
    always: bool = False
    """It strikes every such request, not one."""
    first_only: bool = False
    """It heals only at the first such request: later ones may strike a token that was never used, twice in a row."""
    deadline_s: float = 0
    """The call is given this time only, and may end with it."""


def anything(method: str, kind: str) -> bool:
    return True


def reading(method: str, kind: str) -> bool:
    return method == "GET" and kind != "ping"


def content(method: str, kind: str) -> bool:
    return method == "GET" and kind in ("blob", "tag", "digest", "tags", "referrers", "storage")


def writing(method: str, kind: str) -> bool:
    return method in ("PUT", "PATCH", "POST") and kind in ("upload", "tag", "digest")


def uploading(method: str, kind: str) -> bool:
    return kind == "upload"


def sending(method: str, kind: str) -> bool:
    return kind == "upload" and method in ("PUT", "PATCH")


def pushing(method: str, kind: str) -> bool:
    return method == "PUT" and kind in ("tag", "digest")


def _answer(status: int, body: bytes = b"", code: str = "", *headers: tuple[str, str]) -> Callable[[int], Effect]:
    return lambda _: effects.Answer(status, body, headers, code)


CATALOGUE: dict[str, Kind] = {
    "drop request at its first byte": Kind(lambda _: effects.DropRequest(0), anything, heals=True),
    "drop request in the middle": Kind(effects.DropRequest, sending, heals=True),
    "drop before the answer": Kind(lambda _: effects.DropAnswer(-1), anything, heals=True),
    "drop inside the answer": Kind(effects.DropAnswer, reading, heals=True),
    "stall before the answer": Kind(lambda _: effects.Stall(0.2), anything, heals=True),
    "stall inside the answer": Kind(lambda n: effects.Stall(0.2, n), reading, heals=True),
    "429 with seconds": Kind(lambda _: effects.TooManyRequests(1), anything, heals=True),
    "429 with a date": Kind(lambda _: effects.TooManyRequests(1, True), anything, heals=True),
    "503 in HTML": Kind(lambda _: effects.TooManyRequests(None, status=503), anything, heals=True),
    "500": Kind(_answer(500, b"oops"), anything, heals=True),
    "502 with a code": Kind(_answer(502, code="UNKNOWN"), anything, heals=True),
    "tokens revoked": Kind(lambda _: effects.RevokeTokens(), anything, heals=True, first_only=True),
    "uploads forgotten": Kind(lambda _: effects.ForgetUploads(), uploading, heals=True),
    "new location": Kind(lambda _: effects.NewLocation(), uploading, heals=True),
    "redirect to storage": Kind(lambda _: effects.RedirectToStorage(), reading, heals=True),
    "no digest header": Kind(lambda _: effects.Header("Docker-Content-Digest"), anything, heals=True),
    "lag of one read": Kind(lambda _: effects.Lag(1), writing, heals=True),
    "only some tags taken": Kind(lambda _: effects.PartialTags(0), pushing, heals=True),
    "answer one byte short": Kind(lambda _: effects.Truncate(1), content),
    "answer empty": Kind(lambda _: effects.Truncate(1 << 40), content),
    "content length too long": Kind(lambda _: effects.LyingLength(7), reading),
    "content length too short": Kind(lambda _: effects.LyingLength(-7), reading),
    "head length wrong": Kind(lambda _: effects.LyingLength(1), lambda method, _: method == "HEAD"),
    "one bit wrong": Kind(effects.WrongBytes, content),
    "digest header wrong": Kind(lambda _: effects.WrongDigestHeader(), anything),
    "401 without a challenge": Kind(_answer(401), anything),
    "403": Kind(_answer(403, code="DENIED"), anything),
    "404": Kind(_answer(404, code="NAME_UNKNOWN"), anything),
    "404 in HTML": Kind(_answer(404, HTML, "", ("Content-Type", "text/html")), anything),
    "405": Kind(_answer(405, code="UNSUPPORTED"), anything),
    "413": Kind(_answer(413, HTML), writing),
    "416": Kind(_answer(416), anything),
    "200 in HTML": Kind(_answer(200, HTML, "", ("Content-Type", "text/html")), anything),
    "redirect to itself": Kind(
        lambda _: effects.Call(lambda request: _redirect(request.target)), anything, kinds=REFUSED, always=True
    ),
    "untagged manifests swept": Kind(lambda _: effects.Sweep(), pushing),
    "media type refused": Kind(
        lambda _: effects.RefuseMediaType("application/vnd.oci.image.index.v1+json"), pushing, always=True
    ),
    "always dropped": Kind(lambda _: effects.DropAnswer(-1), anything, always=True),
    "always 503": Kind(_answer(503, code="UNAVAILABLE"), anything, always=True),
    "always 403": Kind(_answer(403, code="DENIED"), anything, always=True),
    "always one bit wrong": Kind(effects.WrongBytes, content, always=True),
    "always short": Kind(lambda _: effects.Truncate(1), content, always=True),
    "wait for an hour": Kind(lambda _: effects.TooManyRequests(3600), anything, always=True),
    "stall for ever": Kind(lambda _: effects.Stall(), anything, deadline_s=1.5, kinds=REFUSED | {"cancelled"}),
}


def _redirect(target: str) -> effects.Response:
    return effects.Response(307, [("Location", target)])
