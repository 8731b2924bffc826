"""What a fault does. Each effect acts before a request is handled, or on its answer; some do both.

Effects that change what the registry holds do it the way that a person or a policy of the registry would, right before
the request that they strike.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from shipset.testing.auth import Auth, TokenAuth
from shipset.testing.blobs import signed_url
from shipset.testing.core import Core
from shipset.testing.manifests import parse_document
from shipset.testing.store import Hidden, digest_of
from shipset.testing.wire import DroppedError, Request, Response, error

TOO_BUSY = b"<html><head><title>429</title></head><body><h1>Too many requests</h1></body></html>"


@dataclass
class Scene:
    """Where an effect acts: the registry's state, its auth, and the event that ends all waiting."""

    core: Core
    auth: Auth | None
    stopping: threading.Event


class Effect:
    """Base of all effects; does nothing."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        """Acts before the request is handled; an answer given here is the answer."""
        return None

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        """Alters the answer."""


@dataclass
class DropRequest(Effect):
    """The connection ends when so many bytes of the request's body have arrived."""

    at_byte: int = 0

    def before(self, scene: Scene, request: Request) -> Response | None:
        if self.at_byte <= 0 and (request.kind != "upload" or request.method in ("GET", "DELETE")):
            raise DroppedError
        request.body.drop_at = self.at_byte
        return None


@dataclass
class DropAnswer(Effect):
    """The request is done, and the connection ends after so many bytes of the answer's body; -1: before any byte."""

    at_byte: int = -1

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        begin, end = response.span
        response.drop_at = min(self.at_byte, max(end - begin - 1, -1))


@dataclass
class Stall(Effect):
    """Waits, for ever or some seconds, before the request is handled or after so many bytes of the answer."""

    seconds: float | None = None
    at_byte: int | None = None
    _released: threading.Event = field(default_factory=threading.Event, repr=False)

    def release(self) -> None:
        """Ends the waiting."""
        self._released.set()

    def _wait(self, scene: Scene) -> None:
        end = None if self.seconds is None else time.monotonic() + self.seconds
        while not (self._released.wait(0.02) or scene.stopping.is_set()):
            if end is not None and time.monotonic() >= end:
                break

    def before(self, scene: Scene, request: Request) -> Response | None:
        if self.at_byte is None:
            self._wait(scene)
        return None

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        if self.at_byte is not None:
            begin, end = response.span
            response.stall = (min(self.at_byte, end - begin), lambda: self._wait(scene))


@dataclass
class Truncate(Effect):
    """The answer is shorter by so many bytes, and its Content-Length says the same."""

    missing: int = 1

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        begin, end = response.span
        response.part = (begin, max(begin, end - self.missing))


@dataclass
class LyingLength(Effect):
    """Content-Length is wrong by so many bytes; the bytes are right."""

    by: int = 1

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        begin, end = response.span
        response.length = max(end - begin + self.by, 0)


@dataclass
class WrongDigestHeader(Effect):
    """``Docker-Content-Digest`` names something else."""

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        response.set_header("Docker-Content-Digest", digest_of(b"something else"))


@dataclass
class WrongBytes(Effect):
    """One bit of the answer's body is wrong."""

    at_byte: int = 0

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        begin, end = response.span
        response.flip = min(self.at_byte, max(end - begin - 1, 0))


@dataclass
class Answer(Effect):
    """The answer is this one, and nothing is done."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    code: str = ""
    """A code of the specification; the body is then an error in JSON."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        if self.code:
            response = error(self.status, self.code, f"scripted answer {self.status}")
        else:
            response = Response(self.status, [], self.body)
        response.headers += list(self.headers)
        return response


@dataclass
class TooManyRequests(Effect):
    """429 (or 503) with a body in HTML, and ``Retry-After`` in seconds or as a date."""

    retry_after_s: float | None = 1
    as_date: bool = False
    status: int = 429

    def before(self, scene: Scene, request: Request) -> Response | None:
        response = Response(self.status, [("Content-Type", "text/html")], TOO_BUSY)
        if self.retry_after_s is not None:
            when = time.time() + self.retry_after_s
            text = formatdate(when, usegmt=True) if self.as_date else str(int(self.retry_after_s))
            response.headers.append(("Retry-After", text))
        return response


@dataclass
class Header(Effect):
    """A header of the answer is another one, or is missing."""

    name: str
    value: str | None = None

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        response.set_header(self.name, self.value)


@dataclass
class Lag(Effect):
    """What a write brings is seen only after so many reads, or after a time: strike PUT of tags, manifests, uploads."""

    reads: int = 1
    seconds: float = 0

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        if response.status != HTTPStatus.CREATED:
            return
        digest = request.parameter("digest") or request.parameter("mount")
        names = {request.reference if request.kind == "manifest" else digest, *request.query.get("tag", [])} - {""}
        if request.kind == "manifest":
            repository = scene.core.store.repository(request.repository)
            names.add(repository.tags.get(request.reference, request.reference))
        until = time.monotonic() + self.seconds
        with scene.core.lock:
            for name in names:
                scene.core.store.hidden[request.repository, name] = Hidden(self.reads, until)


@dataclass
class RefuseMediaType(Effect):
    """A manifest is refused if it, or its config, has this media type."""

    media_type: str
    status: int = 415

    def before(self, scene: Scene, request: Request) -> Response | None:
        if request.kind != "manifest" or request.method != "PUT":
            return None
        data = request.body.read_all(scene.core.behaviour.manifest_limit) or b""
        document = parse_document(data) or {}
        kinds = (request.headers.get("content-type"), document.get("mediaType"), document.get("artifactType"))
        config = document.get("config")
        if self.media_type in (*kinds, config.get("mediaType") if isinstance(config, dict) else None):
            return error(self.status, "MANIFEST_INVALID", f"{self.media_type} is not accepted here")
        request.body.put_back(data)
        return None


@dataclass
class Sweep(Effect):
    """The registry cleans up: untagged manifests of the repository are gone."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        with scene.core.lock:
            scene.core.store.sweep(request.repository)
        return None


@dataclass
class ForgetUploads(Effect):
    """The registry was restarted: every upload under way is forgotten."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        with scene.core.lock:
            for upload in scene.core.store.uploads.values():
                upload.lost = True
                upload.content.close()
            scene.core.store.uploads.clear()
        return None


@dataclass
class PartialTags(Effect):
    """Of the tags that one manifest PUT carries, only so many are taken and named in ``OCI-Tag``."""

    count: int = 0

    def before(self, scene: Scene, request: Request) -> Response | None:
        request.accepted_tags = self.count
        return None


@dataclass
class MoveTag(Effect):
    """Someone else moves a tag to a manifest that is there, or removes it; ``repository`` "" is that of the request."""

    tag: str
    digest: str | None
    repository: str = ""

    def before(self, scene: Scene, request: Request) -> Response | None:
        with scene.core.lock:
            tags = scene.core.store.repository(self.repository or request.repository).tags
            if self.digest is None:
                tags.pop(self.tag, None)
            else:
                tags[self.tag] = self.digest
        return None


@dataclass
class NewLocation(Effect):
    """The answer of an upload names a new location, and the former is dead."""

    def after(self, scene: Scene, request: Request, response: Response) -> None:
        place = response.header("Location")
        identifier = place.rpartition("/")[2].partition("?")[0]
        with scene.core.lock:
            upload = scene.core.store.uploads.get(identifier)
            if upload is not None:
                upload.state = scene.core.make_id("state")
                response.set_header("Location", f"{place.partition('?')[0]}?_state={upload.state}")


@dataclass
class RedirectToStorage(Effect):
    """GET of a blob is answered with a redirect to the storage listener."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        core = scene.core
        if request.kind != "blob" or request.method != "GET" or request.reference not in core.store.contents:
            return None
        return Response(HTTPStatus.TEMPORARY_REDIRECT, [("Location", signed_url(core, request.reference))])


@dataclass
class RevokeTokens(Effect):
    """Every token that was issued so far is dead."""

    def before(self, scene: Scene, request: Request) -> Response | None:
        if isinstance(scene.auth, TokenAuth):
            scene.auth.revoke()
        return None


@dataclass
class Call(Effect):
    """Calls a function with the request; a :class:`Response` that it returns is the answer."""

    function: Callable[[Request], Response | None]

    def before(self, scene: Scene, request: Request) -> Response | None:
        return self.function(request)
