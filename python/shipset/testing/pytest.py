"""Fixtures for pytest. In the ``conftest.py`` at the top of your tests::

    pytest_plugins = ["shipset.testing.pytest"]

Then ``shipset_registry`` is a running :class:`FakeRegistry`, and ``shipset_registries`` makes more of them. They are
stopped after the test; when the test failed, what they were asked is part of its report.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shipset.testing import FakeRegistry

MakeRegistry = Callable[..., FakeRegistry]
_MADE = pytest.StashKey[list[FakeRegistry]]()


@pytest.fixture
def shipset_registries(request: pytest.FixtureRequest) -> Iterator[MakeRegistry]:
    """Makes running registries: ``shipset_registries("ghcr", delete=())``; without a name it has everything."""
    made = request.node.stash.setdefault(_MADE, [])
    with ExitStack() as stack:

        def make(like: str = "oci", **options: Any) -> FakeRegistry:
            registry = stack.enter_context(FakeRegistry.like(like, **options))
            made.append(registry)
            return registry

        yield make


@pytest.fixture
def shipset_registry(shipset_registries: MakeRegistry) -> FakeRegistry:
    """A running registry that does everything right until it is told otherwise."""
    return shipset_registries()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the log of requests to the report of a test that failed."""
    report = yield
    if report.when == "call" and report.failed:
        for registry in item.stash.get(_MADE, []):
            report.sections.append((f"requests to the registry {registry.host}", str(registry.requests)))
    return report
