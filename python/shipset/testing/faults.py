"""When a fault strikes: which requests, the how manyth of them, how often. What it does is in effects.py."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shipset.testing import effects
from shipset.testing.core import KINDS, is_kind
from shipset.testing.effects import Effect
from shipset.testing.wire import Request, Response


@dataclass(eq=False)
class Fault:
    """An effect, and the requests that it strikes.

    ``method`` may name several ("GET|HEAD"), "" any; ``kind`` is one of ping, token, manifest, tag, digest, blob,
    upload, tags, referrers, catalog, storage, "" any; ``path`` is a regular expression that is searched in path and
    query. Of the requests that fit it strikes from the ``nth`` on, ``times`` times; None: every one."""

    effect: Effect
    method: str = ""
    kind: str = ""
    path: str = ""
    nth: int = 1
    times: int | None = 1
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind and self.kind not in KINDS:
            raise ValueError(f"there is no kind of request {self.kind!r}\nknown are: {', '.join(KINDS)}")
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")
        self._methods = set(self.method.upper().split("|")) if self.method else set()
        self._pattern = re.compile(self.path)

    @property
    def name(self) -> str:
        return type(self.effect).__name__

    def strikes(self, request: Request) -> bool:
        """Whether this request is struck; counts it."""
        fits = (
            (not self._methods or request.method in self._methods)
            and (not self.kind or is_kind(request, self.kind))
            and self._pattern.search(request.target) is not None
        )
        if not fits:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True


class Faults:
    """The faults of one registry. :meth:`on` says when, the method after it what:
    ``registry.faults.on("PUT", "upload", nth=2).drop_request(at_byte=1000)``. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Adds a fault; the same object tells how often it fired."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """From here on nothing goes wrong."""
        with self._lock:
            self._faults.clear()

    def on(self, method: str = "", kind: str = "", *, path: str = "", nth: int = 1, times: int | None = 1) -> Trigger:
        """The requests that the fault strikes; see :class:`Fault`."""
        return Trigger(self, method, kind, path, nth, times)

    @property
    def fired(self) -> int:
        """How often any fault struck."""
        with self._lock:
            return sum(fault.fired for fault in self._faults)

    def struck(self, request: Request) -> list[Fault]:
        """The faults that strike a request; counts them."""
        with self._lock:
            return [fault for fault in self._faults if fault.strikes(request)]

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter(list(self._faults))

    def __len__(self) -> int:
        return len(self._faults)


@dataclass(frozen=True)
class Trigger:
    """When; every method adds a fault and returns it. What the effects do stands at their classes."""

    faults: Faults
    method: str
    kind: str
    path: str
    nth: int
    times: int | None

    def do(self, effect: Effect) -> Fault:
        """Any effect, also one of your own."""
        return self.faults.add(Fault(effect, self.method, self.kind, self.path, self.nth, self.times))

    def drop_request(self, at_byte: int = 0) -> Fault:
        """The connection ends when so many bytes of the request's body have arrived."""
        return self.do(effects.DropRequest(at_byte))

    def drop_answer(self, at_byte: int = -1) -> Fault:
        """The request is done; the connection ends inside its answer, or before it."""
        return self.do(effects.DropAnswer(at_byte))

    def stall(self, seconds: float | None = None, *, at_byte: int | None = None) -> effects.Stall:
        """Waits before the request is handled or inside the answer; ``release()`` of the result ends it."""
        effect = effects.Stall(seconds, at_byte)
        self.do(effect)
        return effect

    def truncate(self, missing: int = 1) -> Fault:
        """A shorter answer that says it is complete."""
        return self.do(effects.Truncate(missing))

    def lying_length(self, by: int = 1) -> Fault:
        """A wrong Content-Length."""
        return self.do(effects.LyingLength(by))

    def wrong_bytes(self, at_byte: int = 0) -> Fault:
        """One bit of the body is wrong."""
        return self.do(effects.WrongBytes(at_byte))

    def wrong_digest(self) -> Fault:
        """A wrong ``Docker-Content-Digest``."""
        return self.do(effects.WrongDigestHeader())

    def status(
        self, status: int, *, code: str = "", body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> Fault:
        """Any answer; with a ``code`` of the specification it has a body in JSON."""
        return self.do(effects.Answer(status, body, headers, code))

    def too_many_requests(self, retry_after_s: float | None = 1, *, as_date: bool = False, status: int = 429) -> Fault:
        """429 with ``Retry-After`` and a body in HTML."""
        return self.do(effects.TooManyRequests(retry_after_s, as_date, status))

    def header(self, name: str, value: str | None = None) -> Fault:
        """Another value of a header of the answer; None removes it."""
        return self.do(effects.Header(name, value))

    def lag(self, reads: int = 1, *, seconds: float = 0) -> Fault:
        """What the request writes is seen only later."""
        return self.do(effects.Lag(reads, seconds))

    def refuse_media_type(self, media_type: str, *, status: int = 415) -> Fault:
        """Manifests of a form are refused."""
        return self.do(effects.RefuseMediaType(media_type, status))

    def sweep(self) -> Fault:
        """Untagged manifests vanish right before the request."""
        return self.do(effects.Sweep())

    def forget_uploads(self) -> Fault:
        """Uploads under way are forgotten right before the request."""
        return self.do(effects.ForgetUploads())

    def partial_tags(self, count: int = 0) -> Fault:
        """Only some tags of one manifest PUT are taken."""
        return self.do(effects.PartialTags(count))

    def move_tag(self, tag: str, digest: str | None, *, repository: str = "") -> Fault:
        """Someone else moves a tag, or removes it, right before the request."""
        return self.do(effects.MoveTag(tag, digest, repository))

    def new_location(self) -> Fault:
        """The answer of an upload names a new location; the former is dead."""
        return self.do(effects.NewLocation())

    def redirect_to_storage(self) -> Fault:
        """GET of a blob goes to the storage listener."""
        return self.do(effects.RedirectToStorage())

    def revoke_tokens(self) -> Fault:
        """Every token that was issued is dead."""
        return self.do(effects.RevokeTokens())

    def call(self, function: Callable[[Request], Response | None]) -> Fault:
        """Calls a function; what it returns is the answer, None lets the request go on."""
        return self.do(effects.Call(function))
