"""Every scripted fault of FakeRegistry, seen from the client's side of the socket."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from shipset.testing import Effect, FakeRegistry, Fault, Request, Response, effects
from test_testing_protocol import MANIFEST, REPO, ask, digest, image, opened, put

BROKEN = (http.client.HTTPException, ConnectionError, TimeoutError)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.like("oci") as running:
        yield running


@pytest.mark.parametrize("kept", ["kept", "kept between requests", "lost"])
def test_drop_request__at_byte__what_arrived_follows_the_behaviour(kept: str) -> None:
    data = b"x" * 300_000
    with FakeRegistry(broken_uploads=kept) as registry:
        location = ask(registry, "PATCH", opened(registry), data[:1000]).headers["location"]
        fault = registry.faults.on("PUT", "upload").drop_request(at_byte=100_000)
        with pytest.raises(BROKEN):
            ask(registry, "PUT", f"{location}&digest={digest(data)}", data[1000:])
        assert fault.fired == 1
        assert registry.requests[-1].bytes_in == 100_000
        assert registry.requests[-1].status == 0
        status = ask(registry, "GET", location)
        if kept == "kept":
            assert (status.status, status.headers["range"]) == (204, "0-100999")
            rest = ask(registry, "PATCH", location, data[101_000:], Content_Range="101000-299999")
            assert ask(registry, "PUT", f"{rest.headers['location']}&digest={digest(data)}").status == 201
        else:
            assert status.status == 404


def test_drop_answer__before_and_inside__the_request_is_done(registry: FakeRegistry) -> None:
    registry.faults.on("PUT", "tag").drop_answer()
    with pytest.raises(BROKEN):
        put(registry, image(registry), "v1")
    assert list(registry.tags("team/app")) == ["v1"]
    at = registry.put_blob("team/app", b"0123456789")
    registry.faults.on("GET", "blob").drop_answer(at_byte=4)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(registry, "GET", f"{REPO}/blobs/{at}")
    assert caught.value.partial == b"0123"


def test_stall__until_released__then_goes_on(registry: FakeRegistry) -> None:
    at = registry.put_blob("team/app", b"0123456789")
    stall = registry.faults.on("GET", "blob").stall(at_byte=5)
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(ask(registry, "GET", f"{REPO}/blobs/{at}").body))
    thread.start()
    thread.join(timeout=0.3)
    assert thread.is_alive()
    stall.release()
    thread.join(timeout=10)
    assert found == [b"0123456789"]


def test_stall__for_ever__ends_with_the_registry() -> None:
    with FakeRegistry() as registry:
        registry.faults.on("GET", "ping").stall()
        client = http.client.HTTPConnection(registry.host, timeout=20)
        client.request("GET", "/v2/")
        time.sleep(0.1)
    with pytest.raises(BROKEN):
        client.getresponse()
    client.close()


def test_truncate_and_lying_length__bytes_and_header(registry: FakeRegistry) -> None:
    at = registry.put_blob("team/app", b"0123456789")
    registry.faults.on("GET", "blob").truncate(3)
    answer = ask(registry, "GET", f"{REPO}/blobs/{at}")
    assert (answer.body, answer.headers["content-length"]) == (b"0123456", "7")
    registry.faults.on("GET", "blob").lying_length(5)
    with pytest.raises(http.client.IncompleteRead):
        ask(registry, "GET", f"{REPO}/blobs/{at}")
    registry.faults.on("HEAD", "blob").lying_length(-3)
    assert ask(registry, "HEAD", f"{REPO}/blobs/{at}").headers["content-length"] == "7"


def test_wrong_digest_and_bytes__only_these_are_wrong(registry: FakeRegistry) -> None:
    at = registry.put_blob("team/app", b"0123456789")
    registry.faults.on("GET", "blob").wrong_digest()
    wrong = ask(registry, "GET", f"{REPO}/blobs/{at}")
    assert wrong.headers["docker-content-digest"] != at
    assert wrong.body == b"0123456789"
    registry.faults.on("GET", "blob").wrong_bytes(2)
    wrong = ask(registry, "GET", f"{REPO}/blobs/{at}")
    assert (wrong.headers["docker-content-digest"], wrong.body) == (at, b"0133456789")
    assert ask(registry, "GET", f"{REPO}/blobs/{at}").body == b"0123456789"


def test_status_and_headers__as_scripted(registry: FakeRegistry) -> None:
    registry.faults.on("GET", "ping").status(503, body=b"<html>", headers=(("Content-Type", "text/html"),))
    registry.faults.on("GET", "ping", nth=2).status(403, code="DENIED")
    registry.faults.on("GET", "ping", nth=3).header("Docker-Distribution-Api-Version")
    registry.faults.on("GET", "ping", nth=4).header("X-Odd", "yes")
    first, second, third, fourth = (ask(registry, "GET", "/v2/") for _ in range(4))
    assert (first.status, first.body, first.headers["content-type"]) == (503, b"<html>", "text/html")
    assert (second.status, second.code) == (403, "DENIED")
    assert third.status == 200
    assert fourth.headers["x-odd"] == "yes"


def test_too_many_requests__seconds_or_date__with_html(registry: FakeRegistry) -> None:
    registry.faults.on("GET", "ping").too_many_requests(7)
    registry.faults.on("GET", "ping", nth=2).too_many_requests(60, as_date=True, status=503)
    registry.faults.on("GET", "ping", nth=3).too_many_requests(None)
    first, second, third = (ask(registry, "GET", "/v2/") for _ in range(3))
    assert (first.status, first.headers["retry-after"]) == (429, "7")
    assert b"<html>" in first.body
    assert second.status == 503
    assert parsedate_to_datetime(second.headers["retry-after"]).timestamp() > time.time() + 30
    assert "retry-after" not in third.headers


def test_lag__after_a_put__seen_after_some_reads(registry: FakeRegistry) -> None:
    registry.faults.on("PUT", "tag").lag(reads=2)
    assert put(registry, image(registry), "v1").status == 201
    statuses = [ask(registry, "GET", f"{REPO}/manifests/v1").status for _ in range(4)]
    assert statuses == [404, 404, 200, 200]
    registry.faults.on("PUT", "upload").lag(reads=1)
    data = b"late"
    assert ask(registry, "PUT", f"{opened(registry)}&digest={digest(data)}", data).status == 201
    assert [ask(registry, "HEAD", f"{REPO}/blobs/{digest(data)}").status for _ in range(2)] == [404, 200]


def test_refuse_media_type__that_form_only(registry: FakeRegistry) -> None:
    registry.faults.on("PUT", "manifest", times=None).refuse_media_type("example/config")
    document = image(registry)
    assert put(registry, document, "v1").status == 201, "what the effect read is read again by the registry"
    document["config"]["mediaType"] = "example/config"
    assert put(registry, document, "v2").status == 415
    assert list(registry.tags("team/app")) == ["v1"]


def test_state_changes__right_before_the_request(registry: FakeRegistry) -> None:
    lonely = registry.put_image("team/app", b"lonely")
    tagged = registry.put_image("team/app", b"tagged", tags=["v1"])
    location = opened(registry)
    registry.faults.on("GET", "tags").sweep()
    registry.faults.on("GET", "tags", nth=2).forget_uploads()
    registry.faults.on("GET", "tags", nth=3).move_tag("v1", lonely)
    registry.faults.on("GET", "tags", nth=4).move_tag("v1", None)
    ask(registry, "GET", f"{REPO}/tags/list")
    assert list(registry.manifests("team/app")) == [tagged]
    assert ask(registry, "GET", location).status == 204
    ask(registry, "GET", f"{REPO}/tags/list")
    assert ask(registry, "GET", location).status == 404
    ask(registry, "GET", f"{REPO}/tags/list")
    assert registry.tags("team/app") == {"v1": lonely}
    ask(registry, "GET", f"{REPO}/tags/list")
    assert registry.tags("team/app") == {}


def test_partial_tags__some_are_taken_and_named(registry: FakeRegistry) -> None:
    data = json.dumps(image(registry)).encode()
    registry.faults.on("PUT", "digest").partial_tags(1)
    answer = put(registry, data, f"{digest(data)}?tag=a&tag=b", MANIFEST)
    assert (answer.status, answer.headers["oci-tag"]) == (201, "a")
    assert list(registry.tags("team/app")) == ["a"]


def test_new_location__former_is_dead(registry: FakeRegistry) -> None:
    registry.faults.on("PATCH", "upload").new_location()
    first = opened(registry)
    second = ask(registry, "PATCH", first, b"abc").headers["location"]
    assert ask(registry, "GET", first).status == 404
    assert ask(registry, "GET", second).status == 204


def test_redirect_to_storage__once(registry: FakeRegistry) -> None:
    at = registry.put_blob("team/app", b"bytes")
    registry.faults.on("GET", "blob").redirect_to_storage()
    assert [ask(registry, "GET", f"{REPO}/blobs/{at}").status for _ in range(2)] == [307, 200]


def test_call_and_own_effect__answer_or_let_go_on(registry: FakeRegistry) -> None:
    seen: list[str] = []

    def look(request: Request) -> Response | None:
        seen.append(request.path)
        return Response(418, [], b"teapot") if len(seen) == 2 else None

    class Slower(Effect):
        def after(self, scene: effects.Scene, request: Request, response: Response) -> None:
            response.headers.append(("X-Slower", "yes"))

    registry.faults.on("GET", "ping", times=None).call(look)
    registry.faults.add(Fault(Slower(), kind="ping", times=None))
    first, second = ask(registry, "GET", "/v2/"), ask(registry, "GET", "/v2/")
    assert (first.status, second.status, seen) == (200, 418, ["/v2/", "/v2/"])
    assert second.headers["x-slower"] == "yes"
    assert registry.requests[-1].faults == ["Call", "Slower"]


def test_matching__method_kind_path_nth_times(registry: FakeRegistry) -> None:
    fault = registry.faults.on("GET|HEAD", "tags", path="team/app", nth=2, times=2).status(500)
    registry.make_repository("team/app")
    registry.make_repository("team/other")
    statuses = [ask(registry, "GET", f"{REPO}/tags/list").status for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert ask(registry, "GET", "/v2/team/other/tags/list").status == 200
    assert (fault.seen, fault.fired, registry.faults.fired) == (5, 2, 2)
    registry.faults.on("GET", "tags", times=None).status(500)
    assert ask(registry, "GET", f"{REPO}/tags/list").status == 500
    registry.faults.clear()
    assert ask(registry, "GET", f"{REPO}/tags/list").status == 200
    for wrong in ({"kind": "no-such"}, {"nth": 0}, {"times": 0}):
        with pytest.raises(ValueError, match=r"no-such|count from 1"):
            Fault(Effect(), **wrong)  # type: ignore[arg-type]
