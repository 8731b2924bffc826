"""What a fake registry holds: repositories with manifests, tags and blobs, and uploads that are under way.

Small blobs lie in memory, large ones in a temporary folder that ends with the registry. The caller holds the registry's
lock; only :class:`Spool` may be written outside of it, by the one connection that feeds an upload.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IN_MEMORY = 4 << 20
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_digest(text: str) -> bool:
    """Whether a text is a digest that this registry can compute."""
    return _DIGEST.fullmatch(text) is not None


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """``algorithm:hex`` of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class FullError(Exception):
    """More bytes than the registry may hold."""


class Room:
    """How many bytes of blobs a registry may hold, and the folder for the large ones."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._limit = limit
        self._used = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def take(self, count: int) -> None:
        """Counts bytes; FullError when they do not fit."""
        with self._lock:
            if self._used + count > self._limit:
                raise FullError
            self._used += count

    def give_back(self, count: int) -> None:
        with self._lock:
            self._used -= count

    def new_file(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="shipset-fake-registry-")
            self._files += 1
            return Path(self._folder.name) / str(self._files)

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class Spool:
    """Bytes that are written at their end and read anywhere."""

    def __init__(self, room: Room, data: bytes = b"") -> None:
        self._room = room
        self._memory: bytearray | None = bytearray()
        self._file = -1
        self.size = 0
        self.append(data)

    def append(self, data: bytes) -> None:
        self._room.take(len(data))
        if self._memory is not None and self.size + len(data) > IN_MEMORY:
            path = self._room.new_file()
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            path.unlink()
            _write(self._file, self._memory)
            self._memory = None
        if self._memory is not None:
            self._memory += data
        else:
            _write(self._file, data)
        self.size += len(data)

    def truncate(self, size: int) -> None:
        """Forgets what came after the first bytes."""
        if self._memory is not None:
            del self._memory[size:]
        else:
            os.ftruncate(self._file, size)
            os.lseek(self._file, size, os.SEEK_SET)
        self._room.give_back(self.size - size)
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        if self._memory is not None:
            return bytes(self._memory[offset : offset + count])
        return os.pread(self._file, count, offset)

    def digest(self, algorithm: str) -> str:
        """``algorithm:hex`` of everything."""
        sum_ = hashlib.new(algorithm)
        at = 0
        while piece := self.read(at, 1 << 20):
            sum_.update(piece)
            at += len(piece)
        return f"{algorithm}:{sum_.hexdigest()}"

    def close(self) -> None:
        self._room.give_back(self.size)
        if self._file >= 0:
            os.close(self._file)
        self._memory, self._file, self.size = bytearray(), -1, 0


def _write(file: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was pushed."""

    data: bytes
    media_type: str
    number: int
    """The number of the request that brought it."""

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.data)
        return found if isinstance(found, dict) else {}


@dataclass
class Repository:
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)

    def find(self, reference: str) -> tuple[str, Manifest] | None:
        """The manifest that a tag or digest names."""
        digest = reference if is_digest(reference) else self.tags.get(reference, "")
        manifest = self.manifests.get(digest)
        return (digest, manifest) if manifest is not None else None

    def referrers(self, subject: str) -> list[dict[str, Any]]:
        """Descriptors of the manifests whose subject this is, in order of their digests."""
        found = []
        for digest, manifest in sorted(self.manifests.items()):
            document = manifest.document
            if (document.get("subject") or {}).get("digest") != subject:
                continue
            config = document.get("config") or {}
            entry: dict[str, Any] = {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.data)}
            if kind := document.get("artifactType") or config.get("mediaType"):
                entry["artifactType"] = kind
            if document.get("annotations"):
                entry["annotations"] = document["annotations"]
            found.append(entry)
        return found

    def reachable(self) -> set[str]:
        """Manifests that a tag leads to, with their children and referrers."""
        seen: set[str] = set()
        waiting = list(self.tags.values())
        while waiting:
            digest = waiting.pop()
            if digest in seen or digest not in self.manifests:
                continue
            seen.add(digest)
            document = self.manifests[digest].document
            waiting += [str(child.get("digest")) for child in document.get("manifests") or ()]
            waiting += [entry["digest"] for entry in self.referrers(digest)]
        return seen


@dataclass
class Upload:
    """A blob on its way."""

    repository: str
    state: str
    content: Spool
    patches: int = 0
    short_chunk: bool = False
    lost: bool = False


@dataclass
class Hidden:
    """Something that is there and cannot be seen yet."""

    reads: int
    until: float

    def shown(self) -> bool:
        """Counts one read."""
        self.reads -= 1
        return self.reads < 0 and time.monotonic() >= self.until


class Store:
    """Everything that the registry holds."""

    def __init__(self, limit: int) -> None:
        self.room = Room(limit)
        self.repositories: dict[str, Repository] = {}
        self.contents: dict[str, Spool] = {}
        self.uploads: dict[str, Upload] = {}
        self.hidden: dict[tuple[str, str], Hidden] = {}

    def repository(self, name: str) -> Repository:
        """The repository, made if need be."""
        return self.repositories.setdefault(name, Repository())

    def has_blob(self, repository: str, digest: str) -> bool:
        found = self.repositories.get(repository)
        return found is not None and digest in found.blobs

    def add_blob(self, repository: str, digest: str, content: Spool) -> None:
        if self.contents.setdefault(digest, content) is not content:
            content.close()
        self.repository(repository).blobs.add(digest)

    def visible(self, repository: str, reference: str) -> bool:
        """Whether a read sees an object; counts the read."""
        hidden = self.hidden.get((repository, reference))
        if hidden is None:
            return True
        if not hidden.shown():
            return False
        del self.hidden[repository, reference]
        return True

    def sweep(self, repository: str, older_than: int | None = None) -> list[str]:
        """Removes manifests that no tag leads to; with a number only those that came before that request."""
        found = self.repositories.get(repository)
        if found is None:
            return []
        kept = found.reachable()
        gone = [
            digest
            for digest, manifest in found.manifests.items()
            if digest not in kept and (older_than is None or manifest.number < older_than)
        ]
        for digest in gone:
            del found.manifests[digest]
        return gone

    def close(self) -> None:
        for content in [*self.contents.values(), *(upload.content for upload in self.uploads.values())]:
            content.close()
        self.uploads.clear()
        self.room.close()


class Blobs(Mapping[str, bytes]):
    """Digest → bytes of every blob, read when it is asked for."""

    def __init__(self, contents: dict[str, Spool]) -> None:
        self._contents = contents

    def __getitem__(self, digest: str) -> bytes:
        content = self._contents[digest]
        return content.read(0, content.size)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._contents))

    def __len__(self) -> int:
        return len(self._contents)

    def size(self, digest: str) -> int:
        """Length of a blob, without reading it."""
        return self._contents[digest].size
