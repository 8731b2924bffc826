"""Blobs on their way out, ping, catalogue, and the table from kinds of requests to their handlers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus

from shipset.testing.core import Core, not_allowed
from shipset.testing.manifests import handle_manifest, handle_referrers, handle_tags
from shipset.testing.store import is_digest, is_name
from shipset.testing.uploads import handle_upload
from shipset.testing.wire import Request, Response, answer_json, error

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


def handle(core: Core, request: Request) -> Response:
    """The answer of a registry with no faults."""
    handler = _HANDLERS.get(request.kind)
    if handler is None:
        return error(404, "NOT_FOUND", "there is nothing at this path")
    if request.repository and not is_name(request.repository):
        return error(400, "NAME_INVALID", "invalid repository name")
    return handler(core, request)


def handle_storage(core: Core, request: Request) -> Response:
    """The listener behind redirects. Like real storage it refuses a second authentication and a wrong signature."""
    if "authorization" in request.headers:
        return Response(400, [("Content-Type", "application/xml")], b"<Error><Code>InvalidArgument</Code></Error>")
    if request.parameter("X-Amz-Signature") != signature(core, request.reference):
        return Response(403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>")
    if request.reference not in core.store.contents:
        return Response(404, [("Content-Type", "application/xml")], b"<Error><Code>NoSuchKey</Code></Error>")
    return _content(core, request, [])


def signed_url(core: Core, digest: str) -> str:
    """The URL of a blob at the storage listener."""
    with core.lock:
        core.given.append(signature(core, digest))
    return f"{core.storage_url}/{digest}?X-Amz-Credential=fake&X-Amz-Signature={signature(core, digest)}"


def signature(core: Core, digest: str) -> str:
    """What makes a URL of the storage listener valid."""
    return hashlib.sha256(f"{core.seed}:storage:{digest}".encode()).hexdigest()


def _ping(core: Core, request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        return error(405, "UNSUPPORTED", "this is only asked")
    return answer_json(200, {})


def _catalog(core: Core, request: Request) -> Response:
    with core.lock:
        return answer_json(200, {"repositories": sorted(core.store.repositories)})


def _blob(core: Core, request: Request) -> Response:
    if not is_digest(request.reference):
        return error(400, "DIGEST_INVALID", "the digest cannot be read")
    with core.lock:
        there = core.store.has_blob(request.repository, request.reference)
        if request.method == "DELETE":
            return _delete(core, request, there)
        there = there and core.store.visible(request.repository, request.reference)
    if request.method not in ("GET", "HEAD"):
        return error(405, "UNSUPPORTED", f"{request.method} is not for blobs")
    if not there:
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": request.reference})
    if core.behaviour.redirect_blobs and request.method == "GET":
        return Response(HTTPStatus.TEMPORARY_REDIRECT, [("Location", signed_url(core, request.reference))])
    return _content(core, request, core.headers(request.reference))


def _delete(core: Core, request: Request, there: bool) -> Response:
    if "blob" not in core.behaviour.delete:
        return not_allowed(core, "deleting blobs is off")
    if not there:
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    core.store.repository(request.repository).blobs.discard(request.reference)
    if not any(request.reference in repository.blobs for repository in core.store.repositories.values()):
        core.store.contents.pop(request.reference).close()
    return Response(HTTPStatus.ACCEPTED)


def _content(core: Core, request: Request, headers: list[tuple[str, str]]) -> Response:
    """The bytes of a blob, or the part that ``Range`` asks for."""
    content = core.store.contents[request.reference]
    size = content.size
    headers = [("Content-Type", "application/octet-stream"), *headers]
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not core.behaviour.ranges or asked is None or not (asked[1] or asked[2]):
        return Response(200, headers, content)
    if asked[1]:
        begin, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else size, size)
    else:
        begin, end = max(size - int(asked[2]), 0), size
    if begin >= end:
        headers.append(("Content-Range", f"bytes */{size}"))
        return Response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
    headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{size}"))
    return Response(HTTPStatus.PARTIAL_CONTENT, headers, content, (begin, end))


_HANDLERS: dict[str, Callable[[Core, Request], Response]] = {
    "ping": _ping,
    "catalog": _catalog,
    "blob": _blob,
    "upload": handle_upload,
    "manifest": handle_manifest,
    "tags": handle_tags,
    "referrers": handle_referrers,
}
