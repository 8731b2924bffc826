"""FakeRegistry: a complete registry on loopback that does what a test tells it to do, also the wrong thing.

It speaks to real clients over real sockets, keeps everything in memory (large blobs in a temporary folder), and forgets
it when it stops. It is made for tests: nothing in it is hardened against strangers. Start as many as you like; all
methods may be called from any thread.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from shipset.testing.auth import Auth
from shipset.testing.behaviour import Behaviour, preset
from shipset.testing.blobs import handle, handle_storage
from shipset.testing.core import Core, classify
from shipset.testing.effects import Scene
from shipset.testing.faults import Fault, Faults
from shipset.testing.listener import Listener
from shipset.testing.log import KEPT_HEADERS, LoggedRequest, RequestLog
from shipset.testing.store import Blobs, Manifest, Spool, Store, digest_of, is_digest
from shipset.testing.wire import Request, Response

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class FakeRegistry:
    """A registry for tests::

        with FakeRegistry.like("ghcr") as registry:
            registry.faults.on("PUT", "upload").drop_request(at_byte=1000)
            shipset.copy("oci:dist", f"{registry.host}/team/app", all_tags=True)
            assert registry.tags("team/app") == {...}

    Switches are those of :class:`Behaviour`. ``tls`` is a pair of PEM files, certificate and key. ``limit_bytes`` is
    how much all blobs together may have. The same ``seed`` gives the same upload ids and tokens.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        auth: Auth | None = None,
        tls: tuple[str, str] | None = None,
        client_ca: str = "",
        address: str = "127.0.0.1",
        limit_bytes: int = 8 << 30,
        seed: int = 0,
        **switches: Any,
    ) -> None:
        self.behaviour = replace(behaviour or Behaviour(), **switches)
        self.auth = auth
        self.faults = Faults()
        self.requests = RequestLog()
        self._address = address
        self._tls = tls
        self._client_ca = client_ca
        self._core = Core(self.behaviour, Store(limit_bytes), seed)
        self._stopping = threading.Event()
        self._listener: Listener | None = None
        self._storage: Listener | None = None

    @classmethod
    def like(cls, name: str, **options: Any) -> Self:
        """A registry that behaves as a well-known one: see :data:`PRESETS` for their names; "oci" has everything of the
        specification. Options are those of the class."""
        return cls(preset(name), **options)

    def start(self) -> Self:
        """Listens; at once when it returns. A registry starts once."""
        if self._stopping.is_set() or self._listener is not None:
            raise RuntimeError("a FakeRegistry starts once; make another one")
        context = self._context()
        scheme = "http" if context is None else "https"
        self._listener = Listener(self._address, self._serve, context)
        self._storage = Listener(self._address, self._serve_storage, context)
        self._core.base_url = f"{scheme}://{self.host}"
        self._core.storage_url = f"{scheme}://{self._address}:{self._storage.port}/storage"
        return self

    def stop(self) -> None:
        """Ends all connections and forgets everything. Stopping twice is fine."""
        self._stopping.set()
        for listener in (self._listener, self._storage):
            if listener is not None:
                listener.stop()
        with self._core.lock:
            self._core.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``, as it stands in references."""
        if self._listener is None:
            raise RuntimeError("the FakeRegistry was not started")
        return f"{self._address}:{self._listener.port}"

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self._core.base_url

    def drop_connections(self) -> None:
        """Ends all connections now."""
        for listener in (self._listener, self._storage):
            if listener is not None:
                listener.drop_connections()

    # What it holds.

    @property
    def repositories(self) -> list[str]:
        """Names of all repositories."""
        with self._core.lock:
            return sorted(self._core.store.repositories)

    def tags(self, repository: str) -> dict[str, str]:
        """Tag → digest; {} for a repository that is not there."""
        with self._core.lock:
            found = self._core.store.repositories.get(repository)
            return dict(sorted(found.tags.items())) if found is not None else {}

    def manifests(self, repository: str) -> dict[str, bytes]:
        """Digest → bytes of every manifest."""
        with self._core.lock:
            found = self._core.store.repositories.get(repository)
            return {digest: manifest.data for digest, manifest in found.manifests.items()} if found is not None else {}

    def manifest(self, repository: str, reference: str) -> bytes:
        """Bytes of the manifest that a tag or digest names; LookupError without one."""
        with self._core.lock:
            found = self._core.store.repositories.get(repository)
            named = found.find(reference) if found is not None else None
        if named is None:
            raise LookupError(f"{repository} holds no manifest {reference}")
        return named[1].data

    @property
    def blobs(self) -> Blobs:
        """Digest → bytes of every blob of all repositories."""
        return Blobs(self._core.store.contents)

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        with self._core.lock:
            return self._core.store.has_blob(repository, digest)

    @property
    def open_uploads(self) -> int:
        """Uploads that were begun and neither ended nor forgotten."""
        with self._core.lock:
            return len(self._core.store.uploads)

    @property
    def secrets(self) -> list[str]:
        """What was given out and must not be told: tokens, states in upload locations, signatures of storage URLs."""
        with self._core.lock:
            return list(dict.fromkeys(self._core.given))

    # Content that was there before.

    def make_repository(self, repository: str) -> None:
        """An empty repository, for registries where it must exist."""
        with self._core.lock:
            self._core.store.repository(repository)

    def put_blob(self, repository: str, data: bytes) -> str:
        """Puts a blob there; returns its digest."""
        digest = digest_of(data)
        with self._core.lock:
            self._core.store.add_blob(repository, digest, Spool(self._core.store.room, data))
        return digest

    def put_manifest(
        self, repository: str, manifest: bytes | Mapping[str, Any], *, tags: Iterable[str] = (), media_type: str = ""
    ) -> str:
        """Puts a manifest there as it is, right or wrong, and sets tags; returns its digest. ``media_type`` "" is that
        of the manifest itself."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        digest = digest_of(data)
        kind = media_type or str(json.loads(data).get("mediaType", IMAGE))
        with self._core.lock:
            found = self._core.store.repository(repository)
            found.manifests[digest] = Manifest(data, kind, self._core.number)
            found.tags.update(dict.fromkeys(tags, digest))
        return digest

    def put_image(self, repository: str, *layers: bytes, tags: Iterable[str] = ()) -> str:
        """Puts a small image for linux/amd64 there; layers are tar archives. Returns its digest."""
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        }
        data = json.dumps(config).encode()
        described = [
            {"mediaType": kind, "digest": self.put_blob(repository, content), "size": len(content)}
            for kind, content in [(CONFIG, data), *((LAYER, layer) for layer in layers)]
        ]
        document = {"schemaVersion": 2, "mediaType": IMAGE, "config": described[0], "layers": described[1:]}
        return self.put_manifest(repository, document, tags=tags)

    def set_tag(self, repository: str, tag: str, digest: str | None) -> None:
        """Moves a tag as someone else would; None removes it."""
        with self._core.lock:
            tags = self._core.store.repository(repository).tags
            if digest is None:
                tags.pop(tag, None)
            elif is_digest(digest):
                tags[tag] = digest
            else:
                raise ValueError(f"{digest!r} is not a digest")

    def settle(self) -> None:
        """Shows everything that a lag still hides."""
        with self._core.lock:
            self._core.store.hidden.clear()

    def sweep(self, repository: str) -> list[str]:
        """Removes untagged manifests that nothing tagged refers to; returns their digests."""
        with self._core.lock:
            return self._core.store.sweep(repository)

    # Serving.

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        import ssl  # noqa: PLC0415 (only a registry with TLS pays for it)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._tls)
        if self._client_ca:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _serve(self, request: Request) -> tuple[Response, Callable[[int], None]]:
        classify(request)
        if request.kind == "storage":
            request.kind = "other"
        return self._answer(request, self._handle)

    def _serve_storage(self, request: Request) -> tuple[Response, Callable[[int], None]]:
        classify(request)
        return self._answer(request, lambda found: handle_storage(self._core, found))

    def _handle(self, request: Request) -> Response:
        if request.kind == "token" and self.auth is not None:
            return self.auth.token(self._core, request)
        refusal = self.auth.check(self._core, request) if self.auth is not None else None
        return refusal if refusal is not None else handle(self._core, request)

    def _answer(
        self, request: Request, handler: Callable[[Request], Response]
    ) -> tuple[Response, Callable[[int], None]]:
        entry = self._logged(request)
        scene = Scene(self._core, self.auth, self._stopping)
        struck = self.faults.struck(request)
        entry.faults += [fault.name for fault in struck]
        try:
            response = _before(struck, scene, request) or handler(request)
        finally:
            entry.bytes_in = request.body.received
        for fault in struck:
            fault.effect.after(scene, request, response)
        response.headers += self.behaviour.headers
        if response.drop_at is None or response.drop_at >= 0:
            entry.status = response.status

        def done(sent: int) -> None:
            entry.bytes_out = sent

        return response, done

    def _logged(self, request: Request) -> LoggedRequest:
        core = self._core
        with core.lock:
            core.number += 1
            number = core.number
            if self.behaviour.sweep_untagged_after and request.repository:
                core.store.sweep(request.repository, number - self.behaviour.sweep_untagged_after)
        kept = {name: value for name, value in request.headers.items() if name in KEPT_HEADERS}
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        entry = LoggedRequest(
            number,
            request.method,
            request.path,
            request.query,
            request.kind,
            request.repository,
            request.reference,
            kept,
            scheme,
        )
        self.requests.append(entry)
        return entry


def _before(struck: list[Fault], scene: Scene, request: Request) -> Response | None:
    for fault in struck:
        response = fault.effect.before(scene, request)
        if response is not None:
            return response
    return None
