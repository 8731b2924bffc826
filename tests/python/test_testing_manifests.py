"""FakeRegistry against the distribution specification: manifests, tags, referrers, deleting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from shipset.testing import FakeRegistry
from test_testing_protocol import INDEX, MANIFEST, REPO, ask, digest, image, put


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("oci") as running:
        yield running


def test_manifest__by_tag_and_digest__is_the_same_bytes(registry: FakeRegistry) -> None:
    data = json.dumps(image(registry), indent=3).encode()
    answer = put(registry, data, "v1")
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest(data))
    for reference in ("v1", digest(data)):
        got = ask(registry, "GET", f"{REPO}/manifests/{reference}")
        assert (got.body, got.headers["content-type"]) == (data, MANIFEST)
        head = ask(registry, "HEAD", f"{REPO}/manifests/{reference}")
        assert (head.status, head.headers["content-length"], head.body) == (200, str(len(data)), b"")
    assert registry.tags("team/app") == {"v1": digest(data)}
    assert registry.manifest("team/app", "v1") == data


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"layers": [{"mediaType": "x/y", "digest": digest(b"nowhere"), "size": 7}]}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ({"config": {"mediaType": "x/y", "digest": "nonsense", "size": 7}}, 400, "MANIFEST_INVALID"),
        ({"layers": ["text"]}, 400, "MANIFEST_INVALID"),
        ({"mediaType": INDEX}, 400, "MANIFEST_INVALID"),
    ],
)
def test_manifest__wrong__is_refused(registry: FakeRegistry, change: dict[str, Any], status: int, code: str) -> None:
    answer = put(registry, image(registry) | change, "v1")
    assert (answer.status, answer.code) == (status, code)
    assert registry.tags("team/app") == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000])
def test_manifest__no_json_object__is_refused(registry: FakeRegistry, data: bytes) -> None:
    assert put(registry, data, "v1").code == "MANIFEST_INVALID"


def test_manifest__too_large_or_under_a_wrong_digest__is_refused(registry: FakeRegistry) -> None:
    data = json.dumps(image(registry)).encode()
    assert put(registry, data, digest(b"other")).code == "DIGEST_INVALID"
    assert put(registry, data + b" " * (4 << 20), "v1").status == 413
    assert put(registry, data, "-not-a-tag").status == 400


def test_manifest__unknown__is_404_with_its_code(registry: FakeRegistry) -> None:
    registry.make_repository("team/app")
    answer = ask(registry, "GET", f"{REPO}/manifests/none")
    assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")
    assert ask(registry, "GET", f"{REPO}/tags/list").json == {"name": "team/app", "tags": []}
    assert ask(registry, "GET", "/v2/nobody/tags/list").code == "NAME_UNKNOWN"
    assert ask(registry, "GET", "/v2/Not-A-Name/tags/list").code == "NAME_INVALID"


def test_index__child_is_missing__is_refused_unless_sparse(registry: FakeRegistry) -> None:
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1}],
    }
    assert put(registry, index, "v1", INDEX).code == "MANIFEST_BLOB_UNKNOWN"
    with FakeRegistry(sparse_indexes=True) as sparse:
        assert put(sparse, index, "v1", INDEX).status == 201


def test_tags__pages__follow_each_other(registry: FakeRegistry) -> None:
    registry.put_image("team/app", b"layer", tags=[f"v{number}" for number in range(7)])
    seen, path = [], f"{REPO}/tags/list?n=3"
    while path:
        answer = ask(registry, "GET", path)
        seen += answer.json["tags"]
        assert len(answer.json["tags"]) <= 3
        path = answer.headers.get("link", "").partition(";")[0].strip("<>")
    assert seen == [f"v{number}" for number in range(7)]
    assert ask(registry, "GET", f"{REPO}/tags/list?last=v4").json["tags"] == ["v5", "v6"]
    assert ask(registry, "GET", f"{REPO}/tags/list?n=0").json["tags"] == []
    assert ask(registry, "GET", f"{REPO}/tags/list?n=x").status == 400


def referrer(registry: FakeRegistry, subject: str, kind: str, number: int) -> str:
    document = image(registry, f"{kind}{number}") | {
        "artifactType": kind,
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        "annotations": {"number": str(number)},
    }
    data = json.dumps(document).encode()
    answer = put(registry, data, digest(data))
    assert (answer.status, answer.headers["oci-subject"]) == (201, subject)
    return digest(data)


def test_referrers__filter_and_pages(registry: FakeRegistry) -> None:
    subject = digest(b"need not exist")
    sboms = {referrer(registry, subject, "example/sbom", number) for number in range(5)}
    other = referrer(registry, subject, "example/other", 9)
    everything = ask(registry, "GET", f"{REPO}/referrers/{subject}")
    assert everything.headers["content-type"] == INDEX
    assert {entry["digest"] for entry in everything.json["manifests"]} == sboms | {other}
    assert {entry["annotations"]["number"] for entry in everything.json["manifests"]} == set("012349")
    filtered = ask(registry, "GET", f"{REPO}/referrers/{subject}?artifactType={quote('example/sbom', safe='')}")
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    assert {entry["digest"] for entry in filtered.json["manifests"]} == sboms
    assert ask(registry, "GET", f"{REPO}/referrers/{digest(b'lonely')}").json["manifests"] == []
    assert ask(registry, "GET", f"{REPO}/referrers/nonsense").status == 400


def test_referrers__page_limit__pages_follow_each_other() -> None:
    with FakeRegistry(page_limit=2) as registry:
        subject = digest(b"subject")
        made = {referrer(registry, subject, "example/sbom", number) for number in range(5)}
        seen, path = [], f"{REPO}/referrers/{subject}"
        while path:
            answer = ask(registry, "GET", path)
            seen += [entry["digest"] for entry in answer.json["manifests"]]
            path = answer.headers.get("link", "").partition(";")[0].strip("<>")
        assert len(seen) == 5
        assert set(seen) == made


def test_referrers__api_is_off__404_and_no_subject_header() -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        assert ask(registry, "GET", f"{REPO}/referrers/{digest(b'x')}").status == 404
        document = image(registry) | {"subject": {"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1}}
        assert "oci-subject" not in put(registry, document, "v1").headers


def test_delete__tag_digest_blob__each_its_own(registry: FakeRegistry) -> None:
    at = registry.put_image("team/app", b"layer", tags=["a", "b"])
    assert ask(registry, "DELETE", f"{REPO}/manifests/a").status == 202
    assert registry.tags("team/app") == {"b": at}
    assert ask(registry, "DELETE", f"{REPO}/manifests/a").status == 404
    assert ask(registry, "DELETE", f"{REPO}/manifests/{at}").status == 202
    assert registry.tags("team/app") == {}
    assert ask(registry, "GET", f"{REPO}/manifests/{at}").status == 404
    blob = digest(b"layer")
    assert ask(registry, "DELETE", f"{REPO}/blobs/{blob}").status == 202
    assert ask(registry, "GET", f"{REPO}/blobs/{blob}").status == 404
    assert blob not in registry.blobs


def test_delete__not_here__is_the_refusal_of_that_registry() -> None:
    with FakeRegistry.like("distribution-2.8") as registry:
        at = registry.put_image("team/app", b"layer", tags=["a"])
        assert ask(registry, "DELETE", f"{REPO}/manifests/a").status == 400
        assert ask(registry, "DELETE", f"{REPO}/manifests/{at}").status == 202
    with FakeRegistry(delete=()) as registry:
        at = registry.put_image("team/app", b"layer", tags=["a"])
        assert ask(registry, "DELETE", f"{REPO}/manifests/{at}").status == 405
        assert ask(registry, "DELETE", f"{REPO}/blobs/{digest(b'layer')}").status == 405


def test_multi_tag__put_by_digest__names_what_it_took(registry: FakeRegistry) -> None:
    data = json.dumps(image(registry)).encode()
    answer = put(registry, data, f"{digest(data)}?tag=a&tag=b&tag=c")
    assert answer.status == 201
    assert set(registry.tags("team/app")) == {"a", "b", "c"}
    many = "&".join(f"tag=t{number}" for number in range(11))
    assert put(registry, data, f"{digest(data)}?{many}").status == 414
    with FakeRegistry.like("distribution-3.1") as other:
        image(other)
        assert put(other, data, f"{digest(data)}?tag=a").status == 201
        assert other.tags("team/app") == {}


@pytest.mark.parametrize(
    ("field", "holds", "status"),
    [
        ("If-Match", "same", 201),
        ("If-Match", "other", 412),
        ("If-Match", "nothing", 412),
        ("If-None-Match", "same", 412),
        ("If-None-Match", "nothing", 201),
    ],
)
def test_if_match__put_of_a_tag__only_while_it_holds_that(field: str, holds: str, status: int) -> None:
    with FakeRegistry(if_match=True) as registry:
        at = registry.put_image("team/app", b"layer", tags=[] if holds == "nothing" else ["a"])
        wanted = at if holds == "same" else digest(b"other")
        data = registry.manifest("team/app", at)
        value = "*" if field == "If-None-Match" else f'"{wanted}"'
        headers = {"Content_Type": MANIFEST, field.replace("-", "_"): value}
        assert ask(registry, "PUT", f"{REPO}/manifests/a", data, **headers).status == status
        assert registry.requests[-1].headers[field.lower()] == value


@pytest.mark.parametrize(
    ("switches", "change", "status"),
    [
        ({"artifacts": False}, {"config": "empty"}, 400),
        ({"refused_media_types": (MANIFEST,)}, {}, 415),
        ({"media_type_required": True}, {"mediaType": None}, 400),
        ({"subject_must_exist": True}, {"subject": {"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1}}, 404),
        ({"repositories_exist": True}, {}, 404),
    ],
    ids=["artifacts", "media-type", "no-media-type", "subject", "repository"],
)
def test_switches__forms__are_refused(switches: dict[str, Any], change: dict[str, Any], status: int) -> None:
    with FakeRegistry(**(switches | {"repositories_exist": False})) as registry:
        document = image(registry) | change
    if document.get("config") == "empty":
        document["config"] = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2}
    document = {name: value for name, value in document.items() if value is not None}
    with FakeRegistry(**switches) as registry:
        if "repositories_exist" not in switches:
            image(registry)
        assert put(registry, document, "v1").status == status
        assert registry.tags("team/app") == {}


def test_immutable_tags__moved__is_refused() -> None:
    with FakeRegistry(immutable_tags=True) as registry:
        assert put(registry, image(registry), "v1").status == 201
        assert put(registry, image(registry), "v1").status == 201
        assert put(registry, image(registry, "other"), "v1").status == 409


def test_sweep__untagged__is_gone_and_what_tags_lead_to_stays() -> None:
    with FakeRegistry(sweep_untagged_after=3) as registry:
        document = image(registry)
        data = json.dumps(document).encode()
        assert put(registry, data, digest(data)).status == 201
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{"mediaType": MANIFEST, "digest": digest(data), "size": len(data)}],
        }
        assert put(registry, index, "v1", INDEX).status == 201
        lonely = json.dumps(image(registry, "lonely")).encode()
        assert put(registry, lonely, digest(lonely)).status == 201
        for _ in range(5):
            ask(registry, "GET", f"{REPO}/tags/list")
        assert set(registry.manifests("team/app")) == {digest(data), registry.tags("team/app")["v1"]}
