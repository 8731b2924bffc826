"""Ctrl-C and SIGTERM: the first asks the running call to stop and clean up, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from shipset._core import CancelToken
from shipset.cli import output
from shipset.events import Event

EXIT_MIXED, EXIT_CANCELLED = 8, 130
_MOVING = ("promote", "set")


class Stop:
    """The token of the running command, and whether public tags may have begun to move."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self.id = ""  # of the release, once it is known
        self._moving = False

    def recovers(self, id: str) -> None:
        """The command takes up a release whose tags may be moving already; no phase tells of going back."""
        self.id = id
        self._moving = True

    def watch(self, event: Event) -> None:
        """Takes notice of the phase: with "promote" the moves begin, and what follows belongs to them."""
        if event.kind == "phase_started":
            self._moving = (event.phase or event.subject) in _MOVING

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of both signals."""
        del frame
        if self.token.cancelled:
            output.say("shipset: stopped at once" + (", tags may be mixed or work remains" if self._moving else ""))
            if self._moving and self.id:
                output.say(f"shipset: go on with: shipset resume {self.id}")
                output.say(f"shipset: go back with: shipset rollback {self.id}")
            os._exit(EXIT_MIXED if self._moving else EXIT_CANCELLED)
        self.token.cancel()
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        output.say(f"shipset: {name}: stopping and cleaning up; once more ends at once")


class Late:
    """The handler once the call has ended: its outcome stands, and the command only tells it."""

    def __init__(self) -> None:
        self._seen = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The first signal changes nothing; the second ends the process, in case nobody reads what it tells."""
        del number, frame
        if self._seen:
            os._exit(EXIT_CANCELLED)
        self._seen = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Signals go to the token while this lasts; elsewhere than on the main thread they stay as they are. When it has
    ended well, a signal no longer changes the outcome of the command."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield stop
    except BaseException:
        restore()
        raise
    context = click.get_current_context(silent=True)
    if context is None:
        restore()
        return
    late = Late()
    for number in before:
        signal.signal(number, late.handle)
    context.find_root().call_on_close(restore)
