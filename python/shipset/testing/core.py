"""What the parts of a fake registry share: its behaviour, content, lock, counters, and the names of its objects."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field

from shipset.testing.behaviour import Behaviour
from shipset.testing.store import Store, is_digest
from shipset.testing.wire import Request, Response, error

_ROUTES = (
    ("upload", re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<reference>[^/]*)")),
    ("blob", re.compile(r"/v2/(?P<name>.+)/blobs/(?P<reference>[^/]+)")),
    ("manifest", re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")),
    ("tags", re.compile(r"/v2/(?P<name>.+)/tags/list(?P<reference>)")),
    ("referrers", re.compile(r"/v2/(?P<name>.+)/referrers/(?P<reference>[^/]+)")),
    ("catalog", re.compile(r"/v2/_catalog(?P<name>)(?P<reference>)")),
    ("ping", re.compile(r"/v2/?(?P<name>)(?P<reference>)")),
    ("token", re.compile(r"/token(?P<name>)(?P<reference>)")),
    ("storage", re.compile(r"/storage/(?P<name>)(?P<reference>[^/]+)")),
)
KINDS = (
    "ping",
    "token",
    "manifest",
    "tag",
    "digest",
    "blob",
    "upload",
    "tags",
    "referrers",
    "catalog",
    "storage",
    "other",
)


def classify(request: Request) -> None:
    """Fills in kind, repository and reference of a request from its path."""
    for kind, pattern in _ROUTES:
        if found := pattern.fullmatch(request.path):
            request.kind, request.repository, request.reference = kind, found["name"], found["reference"]
            return


def is_kind(request: Request, kind: str) -> bool:
    """Whether a request is of a kind; ``tag`` and ``digest`` are manifests by tag and by digest."""
    if kind in ("tag", "digest"):
        return request.kind == "manifest" and is_digest(request.reference) == (kind == "digest")
    return request.kind == kind


@dataclass
class Core:
    """The state of one registry. ``lock`` guards the store; bodies are read without it."""

    behaviour: Behaviour
    store: Store
    seed: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    base_url: str = ""
    storage_url: str = ""
    number: int = 0
    """Requests so far."""
    given: list[str] = field(default_factory=list)
    """Secrets that were given out: tokens, states of uploads, signatures."""
    _made: int = 0

    def make_id(self, purpose: str) -> str:
        """A name that nobody can guess and that a run with the same seed makes again."""
        with self.lock:
            self._made += 1
            made = hashlib.sha256(f"{self.seed}:{purpose}:{self._made}".encode()).hexdigest()[:32]
            if purpose in ("state", "token"):
                self.given.append(made)
            return made

    def headers(self, digest: str = "") -> list[tuple[str, str]]:
        """``Docker-Content-Digest``, where this registry sends it."""
        return [("Docker-Content-Digest", digest)] if digest and self.behaviour.digest_header else []


def not_allowed(core: Core, message: str) -> Response:
    """The refusal of a method."""
    return error(core.behaviour.delete_refusal, "UNSUPPORTED", message)
