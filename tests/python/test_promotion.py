"""Promotion against a registry whose every request can go wrong: the public tags are all new or all old."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import shipset
from helpers import Project
from recovering import REPOSITORY, own, public
from release_files import release_file
from shipset.testing import FakeRegistry
from shipset.testing.faults import Fault, Trigger
from shipset.testing.wire import Request, Response

RELEASE = release_file("plain", "extra", exact=("{version}", "v{version}"))


@pytest.fixture
def release(project: Project) -> Callable[..., shipset.Report]:
    project.write(RELEASE)

    def run(version: str, to: str) -> shipset.Report:
        matrix = shipset.load(project.file).matrix(version=version)
        return shipset.plan(matrix, to=to).execute().report

    return run


def tag_writes(registry: FakeRegistry) -> list[str]:
    return [
        entry.reference + ("?" + "&".join(entry.query.get("tag", [])) if entry.query.get("tag") else "")
        for entry in registry.requests
        if entry.method == "PUT" and entry.kind == "manifest" and (entry.query.get("tag") or ":" not in entry.reference)
    ]


def test_promotion__second_version__holds_move_and_are_gone(release: Callable[..., shipset.Report]) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        release("1.0.0", registry.host)
        registry.requests.clear()
        report = release("1.1.0", registry.host)
        assert report.outcome == "released"
        held = [name for name in tag_writes(registry) if name.startswith("_shipset.")]
        assert len(held) == 2, "latest and latest-extra leave what nothing of this release keeps"
        assert own(registry) == set()
        assert report.targets[0].holds_left == ()
        assert report.targets[0].status == "done"
        order = [name for name in tag_writes(registry) if not name.startswith(("_shipset.", "sha256-"))]
        assert order[-1] == "latest"
        assert order[-2] == "latest-extra"


def test_promotion__registry_takes_many_tags__one_request_each_variant_and_step(
    release: Callable[..., shipset.Report],
) -> None:
    with FakeRegistry(multi_tag=10) as registry:
        release("1.0.0", registry.host)
        many = [name for name in tag_writes(registry) if "?" in name]
        assert sorted(name.partition("?")[2] for name in many) == ["1.0.0&v1.0.0", "1.0.0-extra&v1.0.0-extra"]
        assert set(public(registry)) == {
            *("1.0.0", "v1.0.0", "latest", "1.0.0-extra", "v1.0.0-extra", "latest-extra"),
        }


@pytest.mark.parametrize("fault", ["ignored", "partial", "no header", "414", "405"])
def test_promotion__many_tags_not_taken_as_asked__the_rest_goes_one_by_one(
    release: Callable[..., shipset.Report], fault: str
) -> None:
    with FakeRegistry(multi_tag=0 if fault == "ignored" else 1 if fault == "414" else 10) as registry:
        when = registry.faults.on("PUT", "manifest", path=r"\?tag=", times=None)
        if fault == "partial":
            when.partial_tags(1)
        elif fault == "no header":
            when.header("OCI-Tag")
        elif fault == "405":
            when.status(405, code="UNSUPPORTED")
        assert release("1.0.0", registry.host).outcome == "released"
        tags = public(registry)
        assert len(tags) == 6
        assert tags["1.0.0"] == tags["v1.0.0"] == tags["latest"]


@pytest.mark.parametrize("compares", [True, False])
def test_doctor__written_trial__tells_whether_tags_are_compared(compares: bool) -> None:
    with FakeRegistry(if_match=compares) as registry:
        diagnosis = shipset.doctor(f"{registry.host}/{REPOSITORY}", write=True)
        assert diagnosis.profile["if_match"].value is compares
        assert registry.tags(REPOSITORY) == {}


FAULTS: dict[str, Callable[[Trigger], Fault]] = {
    "403": lambda when: when.status(403, code="DENIED"),
    "500": lambda when: when.status(500, code="UNKNOWN"),
    "reset": lambda when: when.drop_answer(),
    "lag": lambda when: when.lag(),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_promotion__one_fault_at_any_request_of_a_tag__all_new_or_all_old(project: Project, fault: str) -> None:
    project.write(RELEASE)
    number = 0
    while True:
        number += 1
        with FakeRegistry.like("distribution-3.1") as registry:
            spec = shipset.load(project.file)
            shipset.plan(spec.matrix(version="1.0.0"), to=registry.host).execute()
            before = registry.tags(REPOSITORY)
            plan = shipset.plan(spec.matrix(version="1.1.0"), to=registry.host)
            armed = FAULTS[fault](registry.faults.on("HEAD|PUT|DELETE", "tag", nth=number))
            try:
                report = plan.execute().report
            except shipset.ShipsetError as failure:
                report = failure.report  # type: ignore[attr-defined]
            registry.settle()
            after = registry.tags(REPOSITORY)
            if armed.fired == 0:
                assert number > 20, "the promotion asks more than that"
                return
            if report.outcome == "released":
                assert {tag: at for tag, at in after.items() if tag in before and "latest" not in tag} == {
                    tag: at for tag, at in before.items() if "latest" not in tag
                }
                assert after["latest"] == after["1.1.0"]
                assert after["latest-extra"] == after["1.1.0-extra"]
                left = set(report.targets[0].holds_left)
                assert own(registry) == left
            else:
                assert after == before, f"{fault} at request {number}: {report.error}"
        if fault != "403" and number >= 12:  # the client's own patience makes these slow
            return


def test_promotion__someone_moves_a_tag_in_the_middle__tag_moved_and_his_tag_stays(
    release: Callable[..., shipset.Report], tmp_path: Path
) -> None:
    with FakeRegistry.like("distribution-3.1") as registry:
        release("1.0.0", registry.host)
        before = public(registry)
        other = registry.put_image(REPOSITORY, b"someone else")
        registry.faults.on("PUT", "tag", path=r"/manifests/1\.1\.0$").move_tag("latest", other)
        with pytest.raises(shipset.TagMoved) as caught:
            release("1.1.0", registry.host)
        assert public(registry) == {**before, "latest": other}
        assert own(registry) == set()
        assert caught.value.context["found"] == other
        assert caught.value.context["expected"] == before["latest"]
        states = {tag.reference.rpartition(":")[2]: tag for tag in caught.value.report.tags}
        assert states["latest"].status == "foreign"
        assert str(states["latest"].found_digest) == other
        assert states["1.1.0"].status == states["latest-extra"].status == "undone"
        caught.value.report.save(tmp_path / "report.txt")
        assert "; it holds" in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_promotion__registry_that_removes_no_tag__names_what_stays(release: Callable[..., shipset.Report]) -> None:
    with FakeRegistry.like("ghcr") as registry:
        release("1.0.0", registry.host)
        report = release("1.1.0", registry.host)
        assert report.outcome == "released"
        assert set(report.targets[0].holds_left) == own(registry)
        assert len(own(registry)) == 2
        assert any("could not be removed" in warning for warning in report.warnings)
        registry.faults.on("PUT", "tag", path=r"/manifests/latest$").status(403, code="DENIED")
        before = public(registry)
        with pytest.raises(shipset.ReleaseIncomplete) as caught:
            release("1.2.0", registry.host)
        assert {tag: at for tag, at in public(registry).items() if tag in before} == before
        stuck = {tag.reference.rpartition(":")[2] for tag in caught.value.report.tags if tag.status == "failed"}
        assert stuck == {"1.2.0", "v1.2.0", "1.2.0-extra", "v1.2.0-extra"}
        assert all(tag.detail for tag in caught.value.report.tags if tag.status == "failed")


def test_promotion__stopped_in_the_middle__is_undone_within_five_seconds(project: Project) -> None:
    project.write(RELEASE)
    with FakeRegistry.like("distribution-3.1") as registry:
        spec = shipset.load(project.file)
        shipset.plan(spec.matrix(version="1.0.0"), to=registry.host).execute()
        before = registry.tags(REPOSITORY)
        plan = shipset.plan(spec.matrix(version="1.1.0"), to=registry.host)
        cancel = shipset.CancelToken()
        stopped: list[float] = []

        def stop(request: Request) -> Response | None:
            del request
            stopped.append(time.monotonic())
            cancel.cancel()
            return None

        registry.faults.on("PUT", "tag", path=r"/manifests/latest-extra$").call(stop)
        with pytest.raises(shipset.Cancelled):
            plan.execute(cancel=cancel)
        assert time.monotonic() - stopped[0] < 5
        assert registry.tags(REPOSITORY) == before


@pytest.mark.parametrize("policy", ["all", "continue"])
@pytest.mark.parametrize("place", ["push", "artifact", "hold"])
def test_promotion__one_of_two_registries_fails_first__as_the_file_says(
    project: Project, policy: str, place: str
) -> None:
    with FakeRegistry.like("distribution-3.1") as good, FakeRegistry.like("distribution-3.1") as bad:
        places = [f"{registry.host}/{REPOSITORY}" for registry in (good, bad)]
        project.write(release_file("plain", "extra", repositories=places, release=f'on_registry_failure = "{policy}"'))
        spec = shipset.load(project.file)
        shipset.plan(spec.matrix(version="1.0.0")).execute()
        before = good.tags(REPOSITORY), bad.tags(REPOSITORY)
        plan = shipset.plan(spec.matrix(version="1.1.0"))
        method, kind, path = {
            "push": ("POST", "upload", ""),
            "artifact": ("PUT", "digest", "manifests/sha256"),
            "hold": ("PUT", "tag", "_shipset"),
        }[place]
        bad.faults.on(method, kind, path=path, times=None).status(403, code="DENIED")
        with pytest.raises(shipset.ShipsetError) as caught:
            plan.execute()
        report = caught.value.report  # type: ignore[attr-defined]
        assert bad.tags(REPOSITORY) == before[1]
        if policy == "all":
            assert good.tags(REPOSITORY) == before[0]
            assert report.outcome == "failed"
            return
        assert report.outcome == "released"
        assert report.error.exit_code == 5
        assert public(good)["latest"] == public(good)["1.1.0"] != before[0]["latest"]
        assert [target.status for target in report.targets] == ["done", "failed"]
        assert report.targets[1].error is not None
        assert {tag.status for tag in report.tags if bad.host in tag.reference} == {"skipped"}
