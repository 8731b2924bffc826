"""Blobs on their way in: open, mount, PATCH, PUT, status and cancel, after the distribution specification."""

from __future__ import annotations

import re
from http import HTTPStatus

from shipset.testing.core import Core
from shipset.testing.store import FullError, Spool, Upload, is_digest
from shipset.testing.wire import DroppedError, Request, Response, error

_RANGE = re.compile(r"([0-9]+)-([0-9]+)")


def handle_upload(core: Core, request: Request) -> Response:
    """Any request below ``blobs/uploads/``."""
    if not request.reference and request.method == "POST":
        return _open(core, request)
    method = _METHODS.get(request.method) if request.reference else None
    if method is None:
        return error(405, "UNSUPPORTED", f"{request.method} is not for this")
    with core.lock:
        upload = core.store.uploads.get(request.reference)
    if upload is None or (upload.repository, upload.state) != (request.repository, request.parameter("_state")):
        return _unknown()
    try:
        return method(core, request, upload)
    except FullError:
        _forget(core, request.reference)
        return error(413, "SIZE_INVALID", "this registry holds no more bytes")


def _unknown() -> Response:
    return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")


def _forget(core: Core, identifier: str) -> None:
    with core.lock:
        upload = core.store.uploads.pop(identifier, None)
        if upload is not None:
            upload.lost = True
            upload.content.close()


def _location(core: Core, identifier: str, upload: Upload) -> str:
    if core.behaviour.changing_locations and upload.patches:
        upload.state = core.make_id("state")
    base = "" if core.behaviour.relative_locations else core.base_url
    return f"{base}/v2/{upload.repository}/blobs/uploads/{identifier}?_state={upload.state}"


def _progress(core: Core, status: int, identifier: str, upload: Upload) -> Response:
    headers = [
        ("Location", _location(core, identifier, upload)),
        ("Range", f"0-{max(upload.content.size - 1, 0)}"),
        ("Docker-Upload-UUID", identifier),
    ]
    return Response(status, headers)


def _created(core: Core, repository: str, digest: str) -> Response:
    base = "" if core.behaviour.relative_locations else core.base_url
    return Response(201, [("Location", f"{base}/v2/{repository}/blobs/{digest}"), *core.headers(digest)])


def _open(core: Core, request: Request) -> Response:
    behaviour = core.behaviour
    if behaviour.repositories_exist and request.repository not in core.store.repositories:
        return error(404, "NAME_UNKNOWN", f"the repository {request.repository} does not exist")
    digest = request.parameter("mount")
    if digest and not is_digest(digest):
        return error(400, "DIGEST_INVALID", "the digest to mount cannot be read")
    if digest and _mountable(core, request, digest):
        with core.lock:
            core.store.add_blob(request.repository, digest, core.store.contents[digest])
        return _created(core, request.repository, digest)
    with core.lock:
        identifier = core.make_id("upload")
        upload = Upload(request.repository, core.make_id("state"), Spool(core.store.room))
        core.store.uploads[identifier] = upload
    if (digest := request.parameter("digest")) and behaviour.single_post:
        _append(core, request, identifier, upload)
        return _close(core, request.repository, identifier, upload, digest)
    response = _progress(core, HTTPStatus.ACCEPTED, identifier, upload)
    if behaviour.min_chunk:
        response.headers.append(("OCI-Chunk-Min-Length", str(behaviour.min_chunk)))
    return response


def _mountable(core: Core, request: Request, digest: str) -> bool:
    if not core.behaviour.mounts:
        return False
    source = request.parameter("from")
    with core.lock:
        if source:
            return core.store.has_blob(source, digest) and digest in core.store.contents
        return core.behaviour.anonymous_mount and digest in core.store.contents


def _append(core: Core, request: Request, identifier: str, upload: Upload) -> None:
    """Adds the body of a request; what a broken connection leaves follows the behaviour."""
    before = upload.content.size
    try:
        for piece in request.body.pieces():
            if upload.lost:
                raise DroppedError
            upload.content.append(piece)
    except (DroppedError, OSError):
        if core.behaviour.broken_uploads != "kept" and not upload.lost:
            _forget(core, identifier)
        raise
    except FullError:
        if not upload.lost:
            upload.content.truncate(before)
        raise


def _status(core: Core, request: Request, upload: Upload) -> Response:
    if not core.behaviour.upload_status:
        return error(400, "BLOB_UPLOAD_INVALID", "this registry tells no status of uploads")
    return _progress(core, HTTPStatus.NO_CONTENT, request.reference, upload)


def _fits(upload: Upload, text: str, length: int | None) -> bool:
    """Whether a Content-Range goes on where the upload stands, and is as long as the body."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return False
    begin, end = int(found[1]), int(found[2])
    return begin == upload.content.size and end >= begin and (length is None or end - begin + 1 == length)


def _out_of_order(core: Core, request: Request, upload: Upload) -> Response:
    return _progress(core, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, request.reference, upload)


def _patch(core: Core, request: Request, upload: Upload) -> Response:
    behaviour = core.behaviour
    if not behaviour.chunked:
        return error(405, "UNSUPPORTED", "this registry takes a blob in one piece")
    if behaviour.max_patches and upload.patches >= behaviour.max_patches:
        return _out_of_order(core, request, upload)
    length = request.body.length
    range_ = request.headers.get("content-range", "")
    if range_ and not _fits(upload, range_, length):
        return _out_of_order(core, request, upload)
    if range_ and behaviour.max_chunk and (length or 0) > behaviour.max_chunk:
        return _out_of_order(core, request, upload)
    if upload.short_chunk:
        return error(400, "SIZE_INVALID", "a chunk before the last was too short")
    before = upload.content.size
    _append(core, request, request.reference, upload)
    upload.short_chunk = upload.content.size - before < behaviour.min_chunk
    upload.patches += 1
    return _progress(core, behaviour.patch_status, request.reference, upload)


def _put(core: Core, request: Request, upload: Upload) -> Response:
    digest = request.parameter("digest")
    range_ = request.headers.get("content-range", "")
    has_body = request.body.length != 0
    if range_ and has_body and not _fits(upload, range_, request.body.length):
        return _out_of_order(core, request, upload)
    if has_body and not core.behaviour.monolithic and upload.patches == 0:
        return Response(404, [("Content-Type", "text/plain")], b"Not Found")
    if has_body and upload.short_chunk:
        return error(400, "SIZE_INVALID", "a chunk before the last was too short")
    _append(core, request, request.reference, upload)
    return _close(core, upload.repository, request.reference, upload, digest)


def _close(core: Core, repository: str, identifier: str, upload: Upload, digest: str) -> Response:
    if not is_digest(digest):
        _forget(core, identifier)
        return error(400, "DIGEST_INVALID", "a digest is missing or cannot be read")
    found = upload.content.digest(digest.partition(":")[0])
    if found != digest:
        _forget(core, identifier)
        return error(400, "DIGEST_INVALID", "the digest does not fit the content", {"digest": digest, "content": found})
    with core.lock:
        if core.store.uploads.pop(identifier, None) is None:
            return _unknown()
        core.store.add_blob(repository, digest, upload.content)
    return _created(core, repository, digest)


def _cancel(core: Core, request: Request, upload: Upload) -> Response:
    if not core.behaviour.upload_cancel:
        return error(405, "UNSUPPORTED", "uploads cannot be cancelled here")
    _forget(core, request.reference)
    return Response(HTTPStatus.NO_CONTENT)


_METHODS = {"GET": _status, "PATCH": _patch, "PUT": _put, "DELETE": _cancel}
