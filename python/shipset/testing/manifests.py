"""Manifests, tags and referrers of a fake registry, after the distribution specification."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from shipset.testing.behaviour import Behaviour
from shipset.testing.core import Core, not_allowed
from shipset.testing.store import Manifest, Repository, digest_of, is_digest, is_tag
from shipset.testing.wire import Request, Response, answer_json, error

INDEX = "application/vnd.oci.image.index.v1+json"
_KNOWN_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")


def handle_manifest(core: Core, request: Request) -> Response:
    """Any request on ``manifests/``."""
    if request.method in ("GET", "HEAD"):
        return _read(core, request)
    if request.method == "PUT":
        return _write(core, request)
    if request.method == "DELETE":
        with core.lock:
            return _delete(core, request)
    return error(405, "UNSUPPORTED", f"{request.method} is not for manifests")


def _missing(core: Core, request: Request) -> Response:
    behaviour = core.behaviour
    head = request.method == "HEAD"
    status = behaviour.missing_manifest_head_status if head else behaviour.missing_manifest_status
    return error(status, behaviour.missing_manifest_code, "manifest unknown", {"reference": request.reference})


def _read(core: Core, request: Request) -> Response:
    with core.lock:
        repository = core.store.repositories.get(request.repository)
        found = repository.find(request.reference) if repository is not None else None
        if found is None or not core.store.visible(request.repository, request.reference):
            return _missing(core, request)
    digest, manifest = found
    headers = [("Content-Type", manifest.media_type), *core.headers(digest), ("ETag", f'"{digest}"')]
    return Response(200, headers, manifest.data)


def _write(core: Core, request: Request) -> Response:
    behaviour = core.behaviour
    if behaviour.repositories_exist and request.repository not in core.store.repositories:
        return error(404, "NAME_UNKNOWN", f"the repository {request.repository} does not exist")
    data = request.body.read_all(behaviour.manifest_limit)
    if data is None:
        return error(413, "SIZE_INVALID", f"a manifest may have {behaviour.manifest_limit} bytes")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    reference = request.reference
    if not is_digest(reference) and not is_tag(reference):
        return error(400, "MANIFEST_INVALID", "this is neither a tag nor a digest")
    digest = digest_of(data, reference.partition(":")[0] if is_digest(reference) else "sha256")
    if is_digest(reference) and digest != reference:
        return error(400, "DIGEST_INVALID", "the digest does not fit the content")
    document = parse_document(data)
    with core.lock:
        refusal = _refusal(core, request.repository, document, media_type)
        return refusal or _put(core, request, digest, Manifest(data, media_type, core.number))


def parse_document(data: bytes) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refusal(core: Core, name: str, document: dict[str, Any] | None, media_type: str) -> Response | None:
    if document is None:
        return error(400, "MANIFEST_INVALID", "the manifest is not a JSON object")
    stated = document.get("mediaType")
    if stated is not None and media_type and stated != media_type:
        return error(400, "MANIFEST_INVALID", "mediaType and Content-Type differ")
    if (refusal := _refused_form(core.behaviour, document, media_type)) is not None:
        return refusal
    missing = _missing_parts(core, name, document)
    if missing is None:
        return error(400, "MANIFEST_INVALID", "the manifest holds something that is no descriptor")
    if missing:
        return error(404, "MANIFEST_BLOB_UNKNOWN", "the manifest refers to content that is not here", missing)
    return None


def _refused_form(behaviour: Behaviour, document: dict[str, Any], media_type: str) -> Response | None:
    """Forms of manifests that are right, and that this registry does not take."""
    if document.get("mediaType") is None and behaviour.media_type_required:
        return error(400, "UNSUPPORTED", "Invalid JSON syntax")
    config = document.get("config")
    if not isinstance(config, dict):
        config = {}
    kinds = {media_type, str(config.get("mediaType", ""))}
    if kinds & set(behaviour.refused_media_types):
        return error(415, "MANIFEST_INVALID", "this media type is not accepted here", {"mediaType": sorted(kinds)})
    if config and not behaviour.artifacts and config.get("mediaType") not in _KNOWN_CONFIGS:
        return error(400, "MANIFEST_INVALID", "unknown media type of the config", config.get("mediaType"))
    return None


def _missing_parts(core: Core, name: str, document: dict[str, Any]) -> list[dict[str, str]] | None:
    """What a manifest wants and the repository does not have; None when it cannot be read."""
    repository = core.store.repositories.get(name, Repository())
    config, layers, children = document.get("config"), document.get("layers") or [], document.get("manifests") or []
    blobs = [*([config] if config is not None else []), *layers]
    subject = [document["subject"]] if document.get("subject") is not None else []
    for part in [*blobs, *children, *subject]:
        if not isinstance(part, dict) or not is_digest(str(part.get("digest"))):
            return None
    missing = []
    for part in blobs:
        foreign = bool(part.get("urls")) or "nondistributable" in str(part.get("mediaType"))
        if part["digest"] not in repository.blobs and not foreign:
            missing.append(part["digest"])
    if not core.behaviour.sparse_indexes:
        missing += [part["digest"] for part in children if part["digest"] not in repository.manifests]
    if core.behaviour.subject_must_exist:
        missing += [part["digest"] for part in subject if part["digest"] not in repository.manifests]
    return [{"digest": digest} for digest in missing]


def _put(core: Core, request: Request, digest: str, manifest: Manifest) -> Response:
    repository = core.store.repository(request.repository)
    behaviour = core.behaviour
    tags = [] if is_digest(request.reference) else [request.reference]
    asked = request.query.get("tag", []) if is_digest(request.reference) and behaviour.multi_tag else []
    if len(asked) > max(behaviour.multi_tag, 0):
        return error(414, "TAG_INVALID", f"at most {behaviour.multi_tag} tags in one request")
    if not all(is_tag(tag) for tag in asked):
        return error(400, "TAG_INVALID", "a tag cannot be read")
    accepted = asked if request.accepted_tags is None else asked[: request.accepted_tags]
    tags += accepted
    if behaviour.immutable_tags and any(repository.tags.get(tag, digest) != digest for tag in tags):
        return error(409, "TAG_INVALID", "a tag exists and cannot be moved here")
    if behaviour.if_match and any(not _matches(request, repository.tags.get(tag)) for tag in tags):
        return error(412, "MANIFEST_INVALID", "the tag does not hold what the request says")
    repository.manifests.setdefault(digest, manifest)
    for tag in tags:
        repository.tags[tag] = digest
    base = "" if behaviour.relative_locations else core.base_url
    headers = [("Location", f"{base}/v2/{request.repository}/manifests/{request.reference}"), *core.headers(digest)]
    headers += [("OCI-Tag", tag) for tag in accepted]
    subject = manifest.document.get("subject")
    if behaviour.referrers_api and isinstance(subject, dict):
        headers.append(("OCI-Subject", str(subject.get("digest"))))
    return Response(201, headers)


def _matches(request: Request, held: str | None) -> bool:
    """Whether a tag holds what the conditions of a request name."""
    wanted = request.headers.get("if-match", "")
    if wanted and held not in {item.strip().strip('"') for item in wanted.split(",")}:
        return held is not None and wanted.strip() == "*"
    return not (request.headers.get("if-none-match", "").strip() == "*" and held is not None)


def _delete(core: Core, request: Request) -> Response:
    by_digest = is_digest(request.reference)
    if ("digest" if by_digest else "tag") not in core.behaviour.delete:
        return not_allowed(core, "deleting by digest is off" if by_digest else "deleting a tag is off")
    repository = core.store.repositories.get(request.repository)
    if repository is None:
        return error(404, "NAME_UNKNOWN", "repository name not known to registry")
    if by_digest:
        if repository.manifests.pop(request.reference, None) is None:
            return _missing(core, request)
        repository.tags = {tag: at for tag, at in repository.tags.items() if at != request.reference}
    elif repository.tags.pop(request.reference, None) is None:
        return _missing(core, request)
    return Response(HTTPStatus.ACCEPTED)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def handle_tags(core: Core, request: Request) -> Response:
    """``tags/list`` with ``n`` and ``last``."""
    behaviour = core.behaviour
    with core.lock:
        repository = core.store.repositories.get(request.repository)
        if repository is None:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = sorted(tag for tag in repository.tags if core.store.visible(request.repository, tag))
    last, wanted = request.parameter("last"), request.parameter("n")
    count = _number(wanted) if wanted else None
    if wanted and count is None:
        return error(400, "PAGINATION_NUMBER_INVALID", "n is not a number")
    if behaviour.page_limit and count is not None and count > behaviour.page_limit and behaviour.page_limit_refused:
        return error(400, "UNSUPPORTED", f"n is at most {behaviour.page_limit}")
    limits = [limit for limit in (count, behaviour.page_limit or None) if limit is not None]
    tags = [tag for tag in tags if tag > last] if last else tags
    page = tags[: min(limits)] if limits else tags
    headers = []
    if page and len(page) < len(tags):
        link = f"/v2/{request.repository}/tags/list?last={quote(page[-1])}&n={len(page)}"
        headers.append(("Link", f'<{link}>; rel="next"'))
    data: dict[str, Any] = {"name": request.repository, "tags": page or (None if behaviour.tags_null else [])}
    if behaviour.extra_list_members:
        data |= {"child": [], "manifest": {at: {"tag": [tag]} for tag, at in repository.tags.items()}}
    return answer_json(200, data, headers)


def handle_referrers(core: Core, request: Request) -> Response:
    """The referrers API with its filter and pages."""
    if not core.behaviour.referrers_api:
        return error(404, "UNSUPPORTED", "there is no referrers API here")
    if not is_digest(request.reference):
        return error(400, "DIGEST_INVALID", "the digest cannot be read")
    with core.lock:
        repository = core.store.repositories.get(request.repository, Repository())
        found = repository.referrers(request.reference)
        found = [entry for entry in found if core.store.visible(request.repository, entry["digest"])]
    headers = []
    kind = request.parameter("artifactType")
    if kind:
        found = [entry for entry in found if entry.get("artifactType") == kind]
        headers.append(("OCI-Filters-Applied", "artifactType"))
    last, limit = request.parameter("last"), core.behaviour.page_limit
    found = [entry for entry in found if entry["digest"] > last] if last else found
    if limit and len(found) > limit:
        found = found[:limit]
        query = f"last={quote(found[-1]['digest'])}" + (f"&artifactType={quote(kind, safe='')}" if kind else "")
        headers.append(("Link", f'</v2/{request.repository}/referrers/{request.reference}?{query}>; rel="next"'))
    return answer_json(200, {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}, headers, INDEX)
