"""Registries for tests: :class:`FakeRegistry` speaks to real clients, and misbehaves when it is told to.

For tests of everything that pushes to, pulls from or releases to registries: your release script, your pipeline, or
shipset itself. Only the standard library is needed; ``shipset.testing.pytest`` has fixtures. ``import shipset`` does
not load this package.
"""

from shipset.testing.auth import Auth, BasicAuth, TokenAuth
from shipset.testing.behaviour import PRESETS, Behaviour
from shipset.testing.effects import Effect
from shipset.testing.faults import Fault, Faults, Trigger
from shipset.testing.log import LoggedRequest, RequestLog
from shipset.testing.registry import FakeRegistry
from shipset.testing.wire import Request, Response

__all__ = [
    "PRESETS",
    "Auth",
    "BasicAuth",
    "Behaviour",
    "Effect",
    "FakeRegistry",
    "Fault",
    "Faults",
    "LoggedRequest",
    "Request",
    "RequestLog",
    "Response",
    "TokenAuth",
    "Trigger",
]
