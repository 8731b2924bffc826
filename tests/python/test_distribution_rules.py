"""What the distribution specification asks of a client, one test per rule, on real sockets.

The names say the section: pull (end-2, end-3), push (end-4 to end-7), referrers (end-12), tags (end-8), delete (end-9).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shipset
from helpers import Project
from shipset.testing import FakeRegistry

REPO = "team/app"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeRegistry]]:
    running: list[FakeRegistry] = []

    def start(like: str = "oci", **switches: Any) -> FakeRegistry:
        registry = FakeRegistry.like(like, **switches).start()
        running.append(registry)
        return registry

    yield start
    for registry in running:
        registry.stop()


@pytest.fixture
def source(project: Project) -> str:
    """A layout with four tags, two indexes and attestations."""
    shipset.plan(shipset.load(project.file).matrix(latest=True), to=project.to).execute()
    return project.to


def push(source: str, registry: FakeRegistry, tag: str = "1.0.0") -> shipset.CopyResult:
    return shipset.copy(f"{source}:{tag}", f"{registry.host}/{REPO}:{tag}")


def pull(registry: FakeRegistry, to: Path, reference: str = ":1.0.0") -> shipset.CopyResult:
    return shipset.copy(f"{registry.host}/{REPO}{reference}", f"oci:{to}:pulled")


def small(registry: FakeRegistry, *, tag: str = "1.0.0", **extra: Any) -> str:
    """An image with one member more in its manifest; returns its digest."""
    plain = registry.put_image(REPO, b"layer" * 1000)
    document = json.loads(registry.manifest(REPO, plain)) | extra
    return registry.put_manifest(REPO, document, tags=[tag] if tag else [])


Fake = Callable[..., FakeRegistry]


def test_pull_manifest__accept__names_every_form_that_is_read(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    pull(registry, tmp_path / "l")
    for request in registry.requests.select("GET", "manifest") + registry.requests.select("HEAD", "manifest"):
        for form in (INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST):
            assert form in request.headers["accept"]


def test_pull_manifest__content_type__is_believed_over_the_document(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    digest = registry.put_image(REPO, b"layer")
    document = json.loads(registry.manifest(REPO, digest))
    del document["mediaType"]
    registry.put_manifest(REPO, document, tags=["1.0.0"], media_type=DOCKER_MANIFEST)
    pull(registry, tmp_path / "l")
    index = json.loads((tmp_path / "l" / "index.json").read_text())
    assert index["manifests"][0]["mediaType"] == DOCKER_MANIFEST


def test_pull_manifest__digest_header_missing__is_computed(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    registry.faults.on("", "manifest", times=None).header("Docker-Content-Digest")
    pull(registry, tmp_path / "l")
    assert shipset.verify(f"oci:{tmp_path / 'l'}:pulled").ok


def test_pull_manifest__bytes_of_another_digest__are_refused(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    registry.faults.on("GET", "manifest", times=None).wrong_bytes(at_byte=30)
    with pytest.raises(shipset.VerificationError):
        pull(registry, tmp_path / "l")
    assert not list((tmp_path / "l" / "blobs").glob("*/*"))


def test_pull_blob__bytes_of_another_digest__are_refused(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    registry.faults.on("GET", "blob", times=None).wrong_bytes(at_byte=3)
    with pytest.raises(shipset.VerificationError):
        pull(registry, tmp_path / "l")
    assert json.loads((tmp_path / "l" / "index.json").read_text())["manifests"] == []


def test_pull_blob__redirect__is_followed_without_the_login(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    registry.faults.on("GET", "blob", times=None).redirect_to_storage()
    pull(registry, tmp_path / "l")
    stored = registry.requests.select("GET", "storage")
    assert stored
    assert {request.authorization for request in stored} == {""}


def test_pull_blob__connection_breaks__goes_on_with_range(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    layer = max(registry.blobs, key=lambda digest: len(registry.blobs[digest]))
    registry.faults.on("GET", "blob", path=layer).drop_answer(at_byte=2000)
    pull(registry, tmp_path / "l")
    ranges = [request.headers.get("range") for request in registry.requests.select("GET", layer)]
    assert ranges[0] is None
    assert re.fullmatch(r"bytes=\d+-\d*", str(ranges[1]))
    assert shipset.verify(f"oci:{tmp_path / 'l'}:pulled").ok


def test_push_blob__post_then_put__keeps_the_query_of_the_location(source: str, fake: Fake) -> None:
    registry = fake()
    push(source, registry)
    opened = registry.requests.select("POST", "upload", status=202)
    closed = registry.requests.select("PUT", "upload")
    assert len(closed) == len(opened)
    for request in closed:
        assert request.status == 201
        assert set(request.query) >= {"digest"}
        assert request.headers["content-type"] == "application/octet-stream"
        assert "transfer-encoding" not in request.headers
    assert registry.open_uploads == 0


def test_push_blob__relative_location__is_resolved(source: str, fake: Fake) -> None:
    registry = fake(relative_locations=True)
    push(source, registry)
    assert shipset.verify(f"{registry.host}/{REPO}:1.0.0").ok


def test_push_blob__every_answer_names_another_location__the_last_one_counts(source: str, fake: Fake) -> None:
    registry = fake(changing_locations=True, monolithic=False)
    push(source, registry)
    assert shipset.verify(f"{registry.host}/{REPO}:1.0.0").ok


def test_push_blob__chunks__content_range_is_inclusive_and_without_a_unit(source: str, fake: Fake) -> None:
    registry = fake(monolithic=False)
    push(source, registry)
    patches = registry.requests.select("PATCH", "upload", status=202)
    assert patches
    for request in patches:
        begin, end = map(int, re.fullmatch(r"([0-9]+)-([0-9]+)", request.headers["content-range"]).groups())  # type: ignore[union-attr]
        assert end - begin + 1 == int(request.headers["content-length"]) == request.bytes_in


def test_push_blob__is_there__is_not_sent(source: str, fake: Fake) -> None:
    registry = fake()
    push(source, registry)
    registry.set_tag(REPO, "1.0.0", None)
    sent = sum(request.bytes_in for request in registry.requests.select("PUT", "upload"))
    push(source, registry)
    assert sum(request.bytes_in for request in registry.requests.select("PUT", "upload")) == sent


def test_push_blob__mount_refused__is_uploaded(source: str, fake: Fake) -> None:
    registry = fake()
    push(source, registry)
    registry.faults.on("POST", "upload", path="from=team%2Fapp|from=team/app", times=None).status(
        405, code="UNSUPPORTED"
    )
    result = shipset.copy(f"{registry.host}/{REPO}:1.0.0", f"{registry.host}/other/app:1.0.0")
    assert result.blobs_mounted == 0
    assert shipset.verify(f"{registry.host}/other/app:1.0.0").ok


def test_push_blob__copy_inside_a_registry__is_mounted(source: str, fake: Fake) -> None:
    registry = fake()
    push(source, registry)
    result = shipset.copy(f"{registry.host}/{REPO}:1.0.0", f"{registry.host}/other/app:1.0.0")
    assert (result.blobs_moved, result.blobs_mounted > 0) == (0, True)
    assert registry.requests.count("GET", "blob") == 0


def test_push_manifest__content_type__is_that_of_the_document(source: str, fake: Fake) -> None:
    registry = fake()
    push(source, registry)
    for request in registry.requests.select("PUT", "manifest"):
        stored = json.loads(registry.manifest(REPO, request.reference))
        assert request.headers["content-type"] == stored["mediaType"]


def test_push_manifest__bytes__are_those_of_the_source(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    odd = b'{ "layers": [], "schemaVersion":2,\n "mediaType":"' + MANIFEST.encode() + b'", "config": %s }'
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": registry.put_blob(REPO, b"{}"),
        "size": 2,
    }
    written = odd.replace(b"%s", json.dumps(config).encode())
    registry.put_manifest(REPO, written, tags=["1.0.0"])
    pull(registry, tmp_path / "l")
    shipset.copy(f"oci:{tmp_path / 'l'}:pulled", f"{registry.host}/again/app:1")
    assert registry.manifest("again/app", "1") == written


def test_push_manifest__order__blobs_then_children_then_parents_then_tags(source: str, fake: Fake) -> None:
    registry = fake()
    shipset.copy(source, f"{registry.host}/{REPO}", all_tags=True)
    writes = [request for request in registry.requests if request.method == "PUT"]
    kinds = [request.kind for request in writes]
    assert "upload" not in kinds[kinds.index("upload") + kinds.count("upload") :]
    tagged = [not request.reference.startswith("sha256:") for request in writes if request.kind != "upload"]
    assert tagged == sorted(tagged)


def test_push_manifest__refers_to_something_missing__is_an_error_that_says_so(source: str, fake: Fake) -> None:
    registry = fake()
    registry.faults.on("PUT", "manifest", times=None).status(404, code="MANIFEST_BLOB_UNKNOWN")
    with pytest.raises(shipset.RegistryError, match="MANIFEST_BLOB_UNKNOWN"):
        push(source, registry)
    assert registry.tags(REPO) == {}


def referrer_of(registry: FakeRegistry, subject: str, kind: str) -> str:
    """An artifact that refers to a manifest, put there without the API's help."""
    empty = registry.put_blob(REPO, b"{}")
    described = json.loads(registry.manifest(REPO, subject))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2}],
        "subject": {
            "mediaType": described["mediaType"],
            "digest": subject,
            "size": len(registry.manifest(REPO, subject)),
        },
    }
    return registry.put_manifest(REPO, document)


def test_referrers__api__are_copied_with_the_image(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    subject = small(registry)
    wanted = {referrer_of(registry, subject, f"text/{name}") for name in "abc"}
    pull(registry, tmp_path / "l")
    assert {f"sha256:{path.name}" for path in (tmp_path / "l/blobs/sha256").iterdir()} >= wanted


def test_referrers__no_api__are_read_from_the_fallback_tag(fake: Fake, tmp_path: Path) -> None:
    registry = fake(referrers_api=False)
    subject = small(registry)
    wanted = referrer_of(registry, subject, "text/a")
    entry = {
        "mediaType": MANIFEST,
        "digest": wanted,
        "size": len(registry.manifest(REPO, wanted)),
        "artifactType": "text/a",
    }
    listed = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    registry.put_manifest(REPO, listed, tags=[subject.replace(":", "-")])
    pull(registry, tmp_path / "l")
    assert (tmp_path / "l/blobs/sha256" / wanted.removeprefix("sha256:")).exists()


def test_referrers__no_api__pushing_one_adds_it_to_the_fallback_tag(fake: Fake, tmp_path: Path) -> None:
    first, second = fake(), fake(referrers_api=False)
    subject = small(first)
    wanted = {referrer_of(first, subject, f"text/{name}") for name in "ab"}
    shipset.copy(f"{first.host}/{REPO}:1.0.0", f"{second.host}/{REPO}:1.0.0")
    tag = subject.replace(":", "-")
    listed = json.loads(second.manifest(REPO, tag))
    assert listed["mediaType"] == INDEX
    assert {entry["digest"] for entry in listed["manifests"]} == wanted
    assert {entry["artifactType"] for entry in listed["manifests"]} == {"text/a", "text/b"}


def test_referrers__fallback_tag_is_something_else__is_left_alone(fake: Fake) -> None:
    first, second = fake(), fake(referrers_api=False)
    subject = small(first)
    referrer_of(first, subject, "text/a")
    tag = subject.replace(":", "-")
    foreign = second.put_image(REPO, b"something of theirs", tags=[tag])
    with pytest.raises(shipset.ShipsetError, match=tag):
        shipset.copy(f"{first.host}/{REPO}:1.0.0", f"{second.host}/{REPO}:1.0.0")
    assert second.tags(REPO)[tag] == foreign


def test_tags__pages__are_followed_to_the_end(fake: Fake) -> None:
    registry = fake(page_limit=3)
    digest = small(registry, tag="")
    for number in range(10):
        registry.set_tag(REPO, f"v{number}", digest)
    listed = shipset.inspect(f"{registry.host}/{REPO}")["tags"]
    assert [entry["tag"] for entry in listed] == [f"v{number}" for number in range(10)]
    assert registry.requests.count("GET", "tags") >= 4


def test_tags__null__is_no_tags(fake: Fake) -> None:
    registry = fake()
    registry.make_repository(REPO)
    registry.faults.on("GET", "tags", times=None).status(
        200, body=b'{"name":"team/app","tags":null}', headers=(("Content-Type", "application/json"),)
    )
    assert shipset.inspect(f"{registry.host}/{REPO}")["tags"] == []


def test_error__code_and_message__reach_the_person(source: str, fake: Fake) -> None:
    registry = fake()
    body = b'{"errors":[{"code":"DENIED","message":"the quota of team is used up","detail":{}}]}'
    registry.faults.on("POST", "upload", times=None).status(
        403, body=body, headers=(("Content-Type", "application/json"),)
    )
    with pytest.raises(shipset.AuthenticationError, match="the quota of team is used up") as caught:
        push(source, registry)
    assert caught.value.context["host"] == registry.host


def test_warning__header__is_told_once(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    small(registry)
    registry.faults.on("", "", times=None).header("Warning", '299 - "this registry closes soon"')
    told: list[shipset.Event] = []
    shipset.copy(f"{registry.host}/{REPO}:1.0.0", f"oci:{tmp_path / 'l'}:x", on_event=told.append)
    assert [event.message for event in told if event.kind == "warning"].count("this registry closes soon") <= 1
    assert sum("this registry closes soon" in str(event) for event in told) == 1


def test_sizes_and_digests__empty_blob_and_shared_blob__each_goes_once(fake: Fake, tmp_path: Path) -> None:
    registry = fake()
    registry.put_image(REPO, b"", b"", b"x", tags=["1.0.0"])
    result = pull(registry, tmp_path / "l")
    assert result.blobs_moved == 3
    assert (tmp_path / "l/blobs/sha256" / hashlib.sha256(b"").hexdigest()).stat().st_size == 0
