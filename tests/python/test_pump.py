"""Long calls: events on the calling thread, and what ends a call before it is done.

The release here waits in a gate that sleeps, so that there is time to stop it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import shipset
from helpers import Project, seen, tags_of

SLEEPS_S = 20
PROMPT_S = 5  # far below SLEEPS_S, far above what a stop takes on a loaded machine


@pytest.fixture
def slow(project: Project) -> shipset.Plan:
    project.add(f'\n[[gate]]\nname = "sleep"\nat = "before-build"\nrun = ["sleep", "{SLEEPS_S}"]\n')
    return shipset.plan(shipset.load(project.file).matrix(), to=project.to)


@contextlib.contextmanager
def prompt() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < PROMPT_S


def in_gate(event: shipset.Event) -> bool:
    return event.kind == "task_started" or (event.kind == "phase_started" and "gate" in event.subject + event.phase)


def test_execute__token_cancelled_from_another_thread__raises_cancelled_with_report(
    slow: shipset.Plan, project: Project
) -> None:
    token = shipset.CancelToken()
    timer = threading.Timer(0.5, token.cancel)
    timer.start()
    with prompt(), pytest.raises(shipset.Cancelled) as caught:
        slow.execute(cancel=token)
    timer.join()
    assert caught.value.report is not None
    assert caught.value.report.outcome == "cancelled"
    assert caught.value.exit_code == 130
    assert tags_of(project.layout) == {}
    assert not isinstance(caught.value, TimeoutError)


def test_execute__callback_raises__that_exception_comes_out_with_report(slow: shipset.Plan) -> None:
    class RefusedError(Exception):
        pass

    def refuse(event: shipset.Event) -> None:
        if in_gate(event):
            raise RefusedError(event.kind)

    with prompt(), pytest.raises(RefusedError) as caught:
        slow.execute(on_event=refuse)
    assert isinstance(caught.value.report, shipset.Report)  # type: ignore[attr-defined]
    assert caught.traceback[-1].name == "refuse", "the traceback shows the callback"


def test_execute__deadline_passes__is_a_timeout_error_and_cancelled(slow: shipset.Plan) -> None:
    with prompt(), pytest.raises(shipset.DeadlineExceeded) as caught:
        slow.execute(timeout_s=0.5)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.exit_code == 130
    assert "0.5 s" in str(caught.value)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own handler, also where the tests were started with SIGINT ignored, as background jobs are."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_execute__ctrl_c__raises_keyboard_interrupt_with_report(slow: shipset.Plan) -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with prompt(), pytest.raises(KeyboardInterrupt) as caught:
        slow.execute()
    timer.join()
    assert isinstance(caught.value.report, shipset.Report)  # type: ignore[attr-defined]


def test_execute__token_was_cancelled_before__does_nothing(slow: shipset.Plan, project: Project) -> None:
    token = shipset.CancelToken()
    token.cancel()
    assert token.cancelled
    with prompt(), pytest.raises(shipset.Cancelled):
        slow.execute(cancel=token)
    assert tags_of(project.layout) == {}


def test_execute__first_cause_is_kept__when_more_come_later(slow: shipset.Plan) -> None:
    calls: list[str] = []

    def refuse(event: shipset.Event) -> None:
        calls.append(event.kind)
        raise RuntimeError("first")

    with prompt(), pytest.raises(RuntimeError, match="first"):
        slow.execute(on_event=refuse, timeout_s=0.0)
    assert len(calls) == 1, "nothing is delivered after the callback raised"


def test_token__of_a_call_whose_callback_raised__stays_usable(slow: shipset.Plan) -> None:
    token = shipset.CancelToken()

    def refuse(event: shipset.Event) -> None:
        raise RuntimeError(event.kind)

    with pytest.raises(RuntimeError):
        slow.execute(on_event=refuse, cancel=token)
    assert not token.cancelled


def test_execute__while_it_waits__other_threads_run(slow: shipset.Plan) -> None:
    count = 0
    stop = threading.Event()

    def work() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(shipset.DeadlineExceeded):
        slow.execute(timeout_s=1.0)
    stop.set()
    thread.join()
    assert count > 50


def test_execute__events__come_on_the_calling_thread_only(project: Project) -> None:
    plan = shipset.plan(shipset.load(project.file).matrix(), to=project.to)
    threads: set[int] = set()
    kinds: list[str] = []

    def note(event: shipset.Event) -> None:
        threads.add(threading.get_ident())
        kinds.append(event.kind)

    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(threading.get_ident).result()
        assert pool.submit(plan.execute, on_event=note).result().report.outcome == "released"
    assert threads == {caller}
    assert "tag_moved" in kinds


def test_calls__from_several_threads__do_not_disturb_each_other(project: Project) -> None:
    matrix = shipset.load(project.file).matrix()

    def release(number: int) -> str:
        return shipset.plan(matrix, to=f"oci:{project.folder}/dist{number}").execute().report.outcome

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(release, range(4))) == ["released"] * 4
    layouts = [seen(project.folder / f"dist{number}") for number in range(4)]
    assert all(tags_of(project.folder / f"dist{number}") == tags_of(project.folder / "dist0") for number in range(4))
    assert all(set(layout) == set(layouts[0]) for layout in layouts)


def test_event__is_a_value_that_prints_as_a_line() -> None:
    event = shipset.Event("tag_moved", subject="oci:dist:1", fields=shipset.FrozenMap({"a": "b"}))
    assert str(event) == "tag_moved oci:dist:1"
    assert hash(event) == hash(shipset.Event("tag_moved", subject="oci:dist:1", fields=shipset.FrozenMap({"a": "b"})))
