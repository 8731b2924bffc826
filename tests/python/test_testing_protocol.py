"""FakeRegistry against the distribution specification, spoken by hand: what a server must and must not do."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from shipset.testing import PRESETS, FakeRegistry

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REPO = "/v2/team/app"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["code"])


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def ask(registry: FakeRegistry, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> Answer:
    """One request; header names are written with _ for -."""
    connection = http.client.HTTPConnection(registry.host, timeout=20)
    try:
        path = path.removeprefix(registry.url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("oci") as running:
        yield running


def opened(registry: FakeRegistry) -> str:
    answer = ask(registry, "POST", f"{REPO}/blobs/uploads/")
    assert answer.status == 202
    assert answer.headers["range"] == "0-0"
    return answer.headers["location"]


def image(registry: FakeRegistry, text: str = "one") -> dict[str, Any]:
    config, layer = b"{}", text.encode()
    for blob in (config, layer):
        registry.put_blob("team/app", blob)
    kind = "application/vnd.oci.image"
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": f"{kind}.config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar", "digest": digest(layer), "size": len(layer)}],
    }


def put(registry: FakeRegistry, document: Any, reference: str, kind: str = MANIFEST) -> Answer:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ask(registry, "PUT", f"{REPO}/manifests/{reference}", data, Content_Type=kind)


def test_ping__any__is_200_and_names_the_api(registry: FakeRegistry) -> None:
    assert ask(registry, "GET", "/v2/").status == 200
    assert ask(registry, "GET", "/v1/").status == 404


def test_upload__post_then_put__is_there_with_its_digest(registry: FakeRegistry) -> None:
    data = b"some bytes" * 1000
    answer = ask(registry, "PUT", f"{opened(registry)}&digest={digest(data)}", data)
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest(data))
    assert answer.headers["location"].endswith(f"{REPO}/blobs/{digest(data)}")
    got = ask(registry, "GET", f"{REPO}/blobs/{digest(data)}")
    assert (got.status, got.body) == (200, data)
    head = ask(registry, "HEAD", f"{REPO}/blobs/{digest(data)}")
    assert (head.status, head.headers["content-length"], head.body) == (200, "10000", b"")
    assert registry.open_uploads == 0


def test_upload__chunked_transfer_encoding__is_read(registry: FakeRegistry) -> None:
    pieces = [b"a" * 1000, b"b" * 70_000, b"c"]
    data = b"".join(pieces)
    answer = ask(
        registry, "PUT", f"{opened(registry)}&digest={digest(data)}", iter(pieces), Transfer_Encoding="chunked"
    )
    assert answer.status == 201
    assert registry.blobs[digest(data)] == data


def test_upload__empty_blob__is_a_blob(registry: FakeRegistry) -> None:
    assert ask(registry, "PUT", f"{opened(registry)}&digest={digest(b'')}").status == 201
    assert ask(registry, "GET", f"{REPO}/blobs/{digest(b'')}").body == b""


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_upload__single_post__any_algorithm(registry: FakeRegistry, algorithm: str) -> None:
    data = b"in one request"
    answer = ask(registry, "POST", f"{REPO}/blobs/uploads/?digest={digest(data, algorithm)}", data)
    assert answer.status == 201
    assert ask(registry, "GET", f"{REPO}/blobs/{digest(data, algorithm)}").body == data


def test_upload__single_post_not_supported__opens_an_upload() -> None:
    data = b"in one request"
    with FakeRegistry.like("distribution-3.1") as registry:
        answer = ask(registry, "POST", f"{REPO}/blobs/uploads/?digest={digest(data)}", data)
        assert answer.status == 202
        assert ask(registry, "PUT", f"{answer.headers['location']}&digest={digest(data)}", data).status == 201


def test_upload__chunks__in_order_only(registry: FakeRegistry) -> None:
    data = bytes(range(256)) * 40
    location = opened(registry)
    first = ask(registry, "PATCH", location, data[:4000], Content_Range="0-3999")
    assert (first.status, first.headers["range"]) == (202, "0-3999")
    out_of_order = ask(registry, "PATCH", first.headers["location"], data[8000:], Content_Range="8000-10239")
    assert (out_of_order.status, out_of_order.headers["range"]) == (416, "0-3999")
    wrong_length = ask(registry, "PATCH", first.headers["location"], data[4000:5000], Content_Range="4000-4001")
    assert wrong_length.status == 416
    status = ask(registry, "GET", first.headers["location"])
    assert (status.status, status.headers["range"]) == (204, "0-3999")
    second = ask(registry, "PATCH", status.headers["location"], data[4000:8000], Content_Range="4000-7999")
    location = second.headers["location"]
    last = ask(registry, "PUT", f"{location}&digest={digest(data)}", data[8000:], Content_Range="8000-10239")
    assert last.status == 201
    assert registry.blobs[digest(data)] == data


def test_upload__chunk_shorter_than_the_minimum__may_only_be_the_last() -> None:
    with FakeRegistry(min_chunk=1000) as registry:
        answer = ask(registry, "POST", f"{REPO}/blobs/uploads/")
        assert answer.headers["oci-chunk-min-length"] == "1000"
        short = ask(registry, "PATCH", answer.headers["location"], b"x" * 10, Content_Range="0-9")
        assert short.status == 202
        refused = ask(registry, "PATCH", short.headers["location"], b"x" * 1000, Content_Range="10-1009")
        assert (refused.status, refused.code) == (400, "SIZE_INVALID")
        done = ask(registry, "PUT", f"{short.headers['location']}&digest={digest(b'x' * 10)}")
        assert done.status == 201


def test_upload__wrong_digest__is_refused_and_nothing_is_kept(registry: FakeRegistry) -> None:
    location = opened(registry)
    answer = ask(registry, "PUT", f"{location}&digest={digest(b'other')}", b"bytes")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert len(registry.blobs) == 0
    assert ask(registry, "GET", location).code == "BLOB_UPLOAD_UNKNOWN"
    missing = ask(registry, "PUT", opened(registry), b"bytes")
    assert (missing.status, missing.code) == (400, "DIGEST_INVALID")


def test_upload__cancelled_or_of_another_repository__is_unknown(registry: FakeRegistry) -> None:
    location = opened(registry)
    assert ask(registry, "GET", location.replace("team/app", "team/other")).status == 404
    assert ask(registry, "GET", location.partition("?")[0]).status == 404, "the state is part of the location"
    assert ask(registry, "DELETE", location).status == 204
    assert ask(registry, "PATCH", location, b"x").code == "BLOB_UPLOAD_UNKNOWN"


def test_upload__locations_change__only_the_newest_lives() -> None:
    with FakeRegistry(changing_locations=True, relative_locations=True) as registry:
        first = opened(registry)
        assert first.startswith("/v2/")
        second = ask(registry, "PATCH", first, b"abc").headers["location"]
        assert ask(registry, "PATCH", first, b"def").status == 404
        assert ask(registry, "PUT", f"{second}&digest={digest(b'abc')}").status == 201


def test_mount__with_and_without_from__as_the_switches_say(registry: FakeRegistry) -> None:
    at = registry.put_blob("team/base", b"shared")
    mounted = ask(registry, "POST", f"{REPO}/blobs/uploads/?mount={at}&from=team/base")
    assert mounted.status == 201
    assert registry.has_blob("team/app", at)
    assert registry.blobs[at] == b"shared", "a mount to where it is changes nothing"
    assert ask(registry, "POST", f"{REPO}/blobs/uploads/?mount={at}&from=team/app").status == 201
    assert registry.blobs[at] == b"shared"
    assert ask(registry, "POST", f"/v2/team/third/blobs/uploads/?mount={at}").status == 201
    assert ask(registry, "POST", f"{REPO}/blobs/uploads/?mount={digest(b'nowhere')}&from=team/base").status == 202
    with FakeRegistry.like("distribution-2.8") as other:
        at = other.put_blob("team/base", b"shared")
        assert ask(other, "POST", f"{REPO}/blobs/uploads/?mount={at}").status == 202
    with FakeRegistry(mounts=False) as other:
        at = other.put_blob("team/base", b"shared")
        assert ask(other, "POST", f"{REPO}/blobs/uploads/?mount={at}&from=team/base").status == 202


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=6-", 206, b"6789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_blob__range__is_that_part(registry: FakeRegistry, asked: str, status: int, part: bytes) -> None:
    at = registry.put_blob("team/app", b"0123456789")
    answer = ask(registry, "GET", f"{REPO}/blobs/{at}", Range=asked)
    assert (answer.status, answer.body) == (status, part)
    if status == 206:
        assert answer.headers["content-range"].endswith("/10")
    assert answer.headers["content-length"] == str(len(part))


def test_blob__larger_than_memory_pieces__comes_back_as_it_was(registry: FakeRegistry) -> None:
    data = bytes(range(251)) * 50_000
    assert ask(registry, "PUT", f"{opened(registry)}&digest={digest(data)}", data).status == 201
    assert ask(registry, "GET", f"{REPO}/blobs/{digest(data)}").body == data
    part = ask(registry, "GET", f"{REPO}/blobs/{digest(data)}", Range="bytes=5000000-5000999")
    assert part.body == data[5_000_000:5_001_000]


def test_blobs__more_than_the_limit__is_413_and_room_comes_back() -> None:
    with FakeRegistry(limit_bytes=100_000) as registry:
        refused = ask(registry, "PUT", f"{opened(registry)}&digest={digest(b'x' * 200_000)}", b"x" * 200_000)
        assert (refused.status, refused.code) == (413, "SIZE_INVALID")
        data = b"y" * 90_000
        assert ask(registry, "PUT", f"{opened(registry)}&digest={digest(data)}", data).status == 201


def test_storage__redirect__wants_its_signature_and_no_login() -> None:
    with FakeRegistry(redirect_blobs=True) as registry:
        at = registry.put_blob("team/app", b"stored elsewhere")
        answer = ask(registry, "GET", f"{REPO}/blobs/{at}")
        assert answer.status == 307
        place = answer.headers["location"]
        host, _, path = place.removeprefix("http://").partition("/")
        assert host != registry.host

        def fetch(path: str, **headers: str) -> int:
            connection = http.client.HTTPConnection(host, timeout=20)
            try:
                connection.request("GET", f"/{path}", headers=headers)
                return connection.getresponse().status
            finally:
                connection.close()

        assert fetch(path) == 200
        assert fetch(path, Authorization="Bearer x") == 400
        assert fetch(path[:-1] + ("0" if path[-1] != "0" else "1")) == 403
        assert registry.requests.count("GET", "storage") == 3


def test_presets__each__starts_and_answers() -> None:
    for name in PRESETS:
        with FakeRegistry.like(name) as registry:
            assert ask(registry, "GET", "/v2/").status == 200
    with pytest.raises(ValueError, match="known are"):
        FakeRegistry.like("no-such-registry")
