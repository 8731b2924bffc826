"""What is told while the real BuildKit builds: steps, cache hits, lines, warnings; and what must never be told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_project import ONE, Project, variants

import shipset
from buildkit_kit import Kit
from conftest import serve

BOTH = 'platforms = ["linux/amd64", "linux/arm64"]\n'
SHARED = (
    "FROM ubuntu:26.04 AS base\nRUN echo shared {unique}\n"
    "FROM base AS one\nARG TARGETARCH\nRUN echo one for $TARGETARCH\nFROM base AS two\nRUN echo two\nCMD echo two\n"
)


@pytest.fixture
def project(buildkit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with serve("plain", tmp_path / "registry") as registry:
        made = Project(buildkit, tmp_path, registry.host)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def release(project: Project, to: str = "") -> tuple[list[shipset.Event], shipset.Report]:
    events: list[shipset.Event] = []
    matrix = shipset.load(project.folder / "shipset.toml").matrix()
    planned = shipset.plan(matrix, to=to or project.registry, builder="one")
    return events, planned.execute(on_event=events.append).report


def of(events: list[shipset.Event], kind: str, subject: str, text: str = "") -> list[shipset.Event]:
    return [event for event in events if (event.kind, event.subject) == (kind, subject) and text in event.message]


def test_events__shared_steps_and_two_platforms__each_image_has_its_steps(project: Project) -> None:
    project.write(SHARED, variants("one", "two", one=BOTH))
    events, report = release(project)
    assert [event.message for event in of(events, "step_log", "two/linux/amd64", "two")] == ["two"]
    assert of(events, "step_log", "one/linux/arm64", "one for arm64")
    for subject, step in (("two/linux/amd64", "RUN echo two"), ("one/linux/arm64", "RUN echo one for arm64")):
        (begun,) = of(events, "step_started", subject, step)
        (ended,) = of(events, "step_finished", subject, step)
        assert begun.message == ended.message
        assert ended.fields["cached"] == "false"
        assert int(ended.fields["milliseconds"]) >= 0
    assert not [event for event in events if event.kind == "step_failed"]
    warnings = [event for event in events if event.kind == "warning" and "no referrers" not in event.message]
    assert [event.subject for event in warnings] == ["two"]
    assert warnings[0].message.startswith("Dockerfile:8: JSONArgsRecommended: ")
    two = next(row for row in report.to_dict()["variants"] if row["name"] == "two")
    assert two["images"][0]["notes"] == [warnings[0].message]
    log = project.log("two")
    assert "[two 1/1] RUN echo two\n  two\n" in log
    assert log.count("RUN echo two: done after ") == 1

    again, cached = release(project, f"{project.registry}/other")
    finished = of(again, "step_finished", "two/linux/amd64", "RUN")
    assert finished
    assert {event.fields["cached"] for event in finished} == {"true"}
    steps = next(row for row in cached.to_dict()["variants"] if row["name"] == "two")["images"][0]["steps"]
    assert 2 <= steps["cached"] <= steps["total"]


def test_secret__printed_by_a_step_in_every_way__stands_nowhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "of-the-build-7h3"
    monkeypatch.setenv("BUILD_TOKEN", f"first-line-{value}\nsecond-line-{value}")
    project.write(
        "FROM ubuntu:26.04\nRUN --mount=type=secret,id=token cat /run/secrets/token; "
        "while read -r line; do printf '%s' \"$line\"; sleep 0.2; done < /run/secrets/token; "
        "base64 /run/secrets/token; echo end; exit 1 {unique}\n",
        ONE,
        'secrets = [{ id = "token", env = "BUILD_TOKEN" }]',
    )
    events: list[shipset.Event] = []
    planned = shipset.plan(shipset.load(project.folder / "shipset.toml").matrix(), to=project.registry, builder="one")
    with pytest.raises(shipset.ShipsetError) as failed:
        planned.execute(on_event=events.append)
    report = failed.value.report
    assert report is not None
    everything = project.log("one") + str(failed.value) + report.to_json() + repr(events)
    assert "  end\n" in everything
    assert "***" in everything
    assert value not in everything
    for path in project.folder.rglob("*"):
        assert not path.is_file() or value not in path.read_text(errors="replace")
