"""What must hold after any call, whatever went wrong: no wrong bytes, no tag at a wrong or incomplete digest, nothing
left over. It reads the registry's store and the layout's files, and uses nothing of shipset. Answers are lists of
complaints; an empty one is a good sign."""

from __future__ import annotations

import json
import re
from pathlib import Path

from content import REPOSITORY, Content, digest_of, fallback_tag
from helpers import tags_of
from shipset.testing import FakeRegistry

#: Where the first part of a large blob may wait for the next attempt (how-to of the layout: `partial_prefix`).
PARTIAL = re.compile(r"\.shipset-partial-sha256-[0-9a-f]{64}(\..*)?")
OWN_TAGS = re.compile(r"_shipset\..*|sha256-[0-9a-f]{64}")


def judge_registry(
    registry: FakeRegistry,
    content: Content,
    wanted: dict[str, str],
    *,
    done: bool,
    before: dict[str, str],
    foreign: set[str],
    with_referrer: bool,
) -> list[str]:
    """A destination. ``wanted`` are the tags that the call sets; ``before`` those that were there; ``foreign`` the
    digests that someone else may have put under any tag. ``done``: the call said that it succeeded."""
    tags = registry.tags(REPOSITORY)
    manifests = registry.manifests(REPOSITORY)
    complaints = []
    for digest, data in [*manifests.items(), *registry.blobs.items()]:
        if digest_of(data) != digest:
            complaints.append(f"{digest} holds other bytes")
    for tag, digest in tags.items():
        if OWN_TAGS.fullmatch(tag) or digest in foreign:
            continue
        if digest not in (wanted.get(tag), before.get(tag)):
            complaints.append(f"the tag {tag} points at {digest}, not at {wanted.get(tag)}")
        complaints += [f"below the tag {tag} {gone} is missing" for gone in _gone(registry, manifests, content, digest)]
    if done:
        complaints += [f"the tag {tag} is not set" for tag in wanted if tag not in tags]
        if with_referrer:
            complaints += _referrer(registry, manifests, content)
    return complaints


def _gone(registry: FakeRegistry, manifests: dict[str, bytes], content: Content, digest: str) -> list[str]:
    return [
        part
        for part in sorted(content.closure(digest))
        if not (part in manifests if content.document(part) is not None else registry.has_blob(REPOSITORY, part))
    ]


def _referrer(registry: FakeRegistry, manifests: dict[str, bytes], content: Content) -> list[str]:
    if content.referrer not in manifests:
        return ["the referrer is not there"]
    if registry.behaviour.referrers_api:
        return []
    tag = fallback_tag(content.tags["1.0.0"])
    if tag not in registry.tags(REPOSITORY):
        return [f"there is no list of referrers under {tag}"]
    listed = [entry["digest"] for entry in json.loads(registry.manifest(REPOSITORY, tag))["manifests"]]
    return [] if content.referrer in listed else ["the referrer is not listed"]


def judge_layout(layout: Path, content: Content, wanted: dict[str, str], *, done: bool) -> list[str]:
    """A destination in a folder; it may be missing as long as nothing was done."""
    complaints = []
    held = set()
    for path in sorted(layout.rglob("*")) if layout.exists() else []:
        name = path.relative_to(layout).as_posix()
        if path.is_dir() or name in ("oci-layout", "index.json") or name.endswith(".lock"):
            continue
        if PARTIAL.fullmatch(path.name) and not done:
            continue
        if re.fullmatch(r"blobs/sha256/[0-9a-f]{64}", name) is None:
            complaints.append(f"{name} was left over")
        elif digest_of(path.read_bytes()) != f"sha256:{path.name}":
            complaints.append(f"{name} holds other bytes")
        else:
            held.add(f"sha256:{path.name}")
    try:
        tags = tags_of(layout)
    except (ValueError, KeyError) as problem:
        return [*complaints, f"index.json cannot be read: {problem}"]
    for tag, digest in tags.items():
        if wanted.get(tag) != digest and not OWN_TAGS.fullmatch(tag):
            complaints.append(f"the tag {tag} points at {digest}, not at {wanted.get(tag)}")
        complaints += [f"below the tag {tag} {gone} is missing" for gone in sorted(content.closure(digest) - held)]
    if done:
        complaints += [f"the tag {tag} is not set" for tag in wanted if tag not in tags]
    return complaints
