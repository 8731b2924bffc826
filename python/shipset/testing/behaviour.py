"""How a fake registry behaves when nothing goes wrong: what it supports, refuses and says in its headers.

Every real registry is a little different. :class:`Behaviour` names the differences that clients notice, and
:data:`PRESETS` the well-known registries in these words. Presets imitate what is publicly known of a registry's
protocol; they do not stand for it. Values are immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

MIB = 1 << 20
Deletable = Literal["tag", "digest", "blob"]
BrokenUploads = Literal["kept", "kept between requests", "lost"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The switches of a :class:`~shipset.testing.FakeRegistry`. Sizes are bytes."""

    referrers_api: bool = True
    """``/referrers/`` answers; else it is 404, and clients keep the list under a tag."""
    artifacts: bool = True
    """Manifests with an unusual or empty config are accepted."""
    refused_media_types: tuple[str, ...] = ()
    """Manifests of these media types, or whose config has one, are refused."""
    subject_must_exist: bool = False
    media_type_required: bool = False
    """A manifest without a ``mediaType`` member is refused."""
    sparse_indexes: bool = False
    """An index whose children are not there is accepted."""
    manifest_limit: int = 4 * MIB

    single_post: bool = True
    """``POST uploads/?digest=`` with the blob as body; else it opens an upload."""
    monolithic: bool = True
    """One PUT may carry the whole blob; else it needs a PATCH first."""
    chunked: bool = True
    """PATCH is understood; else 405."""
    max_patches: int = 0
    """How many PATCH one upload may get. 0: any number."""
    min_chunk: int = 0
    """``OCI-Chunk-Min-Length``; a shorter chunk that is not the last is refused when the upload is closed."""
    max_chunk: int = 0
    """A longer chunk with a Content-Range is answered 416. 0: no limit."""
    patch_status: int = 202
    upload_status: bool = True
    """GET on an upload tells how far it is; else 400."""
    upload_cancel: bool = True
    broken_uploads: BrokenUploads = "kept"
    """What stays of an upload when a connection breaks: every byte that arrived; only what earlier requests brought,
    and a request that breaks forgets the upload; or nothing that a client could go on from."""
    changing_locations: bool = False
    """Every answer of an upload names a new location, and the former is dead."""
    relative_locations: bool = False
    mounts: bool = True
    anonymous_mount: bool = False
    """A mount without ``from`` is looked up in every repository."""

    delete: tuple[Deletable, ...] = ("tag", "digest", "blob")
    delete_refusal: int = 405
    """The status for what cannot be deleted."""
    multi_tag: int = 0
    """How many ``?tag=`` one manifest PUT may carry; 0: the parameter is ignored."""
    if_match: bool = False
    """PUT of a tag is 412 when ``If-Match`` names another digest than the tag's, or ``If-None-Match: *`` finds one."""
    immutable_tags: bool = False
    sweep_untagged_after: int = 0
    """An untagged manifest that no tagged one refers to is gone after so many further requests. 0: never."""

    repositories_exist: bool = False
    """Pushing to a repository that was not made first is refused."""
    page_limit: int = 0
    """The most tags or referrers on one page. 0: no limit."""
    page_limit_refused: bool = False
    """A larger ``n`` is an error instead of a shorter page."""
    tags_null: bool = False
    """An empty list of tags is ``null``."""
    extra_list_members: bool = False
    """The list of tags also has members ``manifest`` and ``child``."""
    digest_header: bool = True
    """``Docker-Content-Digest`` is sent."""
    missing_manifest_status: int = 404
    missing_manifest_head_status: int = 404
    missing_manifest_code: str = "MANIFEST_UNKNOWN"
    ranges: bool = True
    """GET of a blob understands ``Range``."""
    redirect_blobs: bool = False
    """GET of a blob is redirected to a storage listener on another port, by a signed URL."""
    token_post: int = 200
    """The status of a POST to the token server: 200 works; others say that it wants GET."""
    headers: tuple[tuple[str, str], ...] = (("Docker-Distribution-Api-Version", "registry/2.0"),)
    """Sent with every answer."""


_DISTRIBUTION = Behaviour(referrers_api=False, single_post=False, sparse_indexes=False, delete_refusal=400)
PRESETS: dict[str, Behaviour] = {
    "oci": Behaviour(multi_tag=10, if_match=True, anonymous_mount=True),
    "distribution-2.8": replace(_DISTRIBUTION, broken_uploads="kept between requests", delete=("digest", "blob")),
    "distribution-3.1": replace(_DISTRIBUTION, headers=()),
    "crane": Behaviour(broken_uploads="lost", upload_status=False, upload_cancel=False, headers=()),
    "docker-hub": replace(
        _DISTRIBUTION,
        broken_uploads="kept between requests",
        redirect_blobs=True,
        delete=(),
        delete_refusal=405,
        headers=(
            *_DISTRIBUTION.headers,
            ("RateLimit-Limit", "100;w=21600"),
            ("RateLimit-Remaining", "99;w=21600"),
            ("Docker-RateLimit-Source", "192.0.2.1"),
        ),
    ),
    "ghcr": replace(_DISTRIBUTION, max_chunk=4 * MIB, max_patches=1, delete=(), delete_refusal=405),
    "ecr": Behaviour(
        referrers_api=True,
        single_post=False,
        min_chunk=5 * MIB,
        patch_status=201,
        mounts=False,
        media_type_required=True,
        repositories_exist=True,
        page_limit=1000,
        page_limit_refused=True,
        redirect_blobs=True,
        delete=(),
    ),
    "gar": Behaviour(max_patches=1, extra_list_members=True, token_post=404),
    "acr": Behaviour(single_post=False, redirect_blobs=True, token_post=400),
    "quay": Behaviour(single_post=False, anonymous_mount=False, redirect_blobs=True),
    "harbor": replace(_DISTRIBUTION, referrers_api=True, missing_manifest_code="UNKNOWN", delete_refusal=405),
    "artifactory": Behaviour(missing_manifest_head_status=403, token_post=401),
    "nexus": Behaviour(referrers_api=False, tags_null=True, single_post=False),
    "gitlab": replace(_DISTRIBUTION, subject_must_exist=True, artifacts=False, delete=("tag", "digest")),
}
"""Well-known registries: ``FakeRegistry.like("ghcr")``."""


def preset(name: str) -> Behaviour:
    """The behaviour of a well-known registry."""
    found = PRESETS.get(name)
    if found is None:
        raise ValueError(f"no registry is known as {name!r}\nknown are: {', '.join(PRESETS)}")
    return found
