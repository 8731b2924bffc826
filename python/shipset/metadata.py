"""The dialect of docker/metadata-action: its rules and flavor give the same tags, version and ``latest`` here.

Where the action would give a tag that no registry takes, or one tag twice, this raises UsageError instead. What
happened comes from the caller, from GitHub's or GitLab's environment, or from git.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shipset import _core
from shipset.ci_event import (
    MetadataEvent,
    checked_event,
    collect_event,
    is_text,
    texts_of_event,
    unix_ms_of,
    zone_offset,
)
from shipset.errors import UsageError
from shipset.facts import collect_facts

_MS = 1000


@dataclass(frozen=True, slots=True)
class MetadataTags:
    """What the rules give. ``tags`` are references, image by image; ``version`` is the first tag of an image, or None
    when no rule applies; ``partial`` are the others but ``latest``."""

    tags: tuple[str, ...]
    version: str | None
    latest: bool
    partial: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def metadata_tags(
    *,
    images: Sequence[str] | str = (),
    tags: Sequence[str] | str = (),
    flavor: Sequence[str] | str = (),
    event: MetadataEvent | Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    now: datetime | str | float | None = None,
) -> MetadataTags:
    """Tags by rules of docker/metadata-action; raises UsageError for what cannot be read, is no tag, or comes twice.

    Each of ``images``, ``tags`` and ``flavor`` is a list of entries, or one text with an entry a line (empty lines and
    those that begin with ``#`` do not count), as in a workflow. Without ``event`` it is collected: from GitHub's
    variables in ``env`` (default: the environment), else from GitLab's, else from git in the current folder.
    ``now`` is a date with zone, ISO 8601, or seconds since 1970; default: that of the event, else the clock.
    """
    env = os.environ if env is None else env
    rules, flavors = _entries(tags, "tags"), _entries(flavor, "flavor")
    known = checked_event(_collected(env) if event is None else event)
    now_ms = unix_ms_of(now if now is not None else known.get("now"), "now", int(time.time() * _MS))
    wants_commit = any("commit_date" in text for text in (*rules, *flavors))
    found, version, partial, latest, warnings = _core.metadata_tags(
        images=_entries(images, "images"),
        tags=rules,
        flavor=flavors,
        event=texts_of_event(known, env),
        short_sha_length=env.get("DOCKER_METADATA_SHORT_SHA_LENGTH", ""),
        now_unix_ms=now_ms,
        commit_unix_ms=unix_ms_of(known.get("commit_date"), "commit_date", now_ms) if wants_commit else now_ms,
        zone=zone_offset,
    )
    return MetadataTags(tuple(found), version, latest, tuple(partial), tuple(warnings))


def _entries(given: Sequence[str] | str, name: str) -> list[str]:
    if isinstance(given, str):
        lines = (line.strip() for line in given.split("\n"))
        given = [line for line in lines if line and not line.startswith("#")]
    entries = list(given)
    if not all(isinstance(entry, str) and is_text(entry) for entry in entries):
        raise UsageError(f"{name} cannot be used", why="an entry is no text", hint="give a list of texts, or one text")
    return entries


def _collected(env: Mapping[str, str]) -> dict[str, Any]:
    facts = collect_facts(".", environ=env)
    return collect_event(env, facts.git, facts.commit_time_unix_s)
