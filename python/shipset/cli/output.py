"""Where text goes: data to standard output, words for people to standard error. Closed pipes end quietly; a full
disk behind standard output is an error."""

from __future__ import annotations

import errno
import os
import sys

from shipset.errors import DiskError, ShipsetError

_UNPRINTABLE = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def data(text: str) -> None:
    """Writes text as it is, in UTF-8, to standard output. A reader that went away is no error."""
    stream = sys.stdout
    if stream is None:
        raise _unwritable("it is closed")
    try:
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        stream.buffer.flush()
    except OSError as error:
        _lost(error)


def flush() -> None:
    """Flushes standard output; raises DiskError when its bytes cannot be kept."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        _lost(error)


def say(text: str) -> None:
    """Words for people, line by line, to standard error. Nothing from outside can forge a line or a command of the
    terminal or of GitHub."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write("".join(harmless(line) + "\n" for line in text.split("\n")))
        sys.stderr.flush()
    except OSError:  # nobody is left to tell
        _silence(sys.stderr.fileno())


def error(problem: ShipsetError) -> None:
    """The text of an error."""
    for found in problem.problems:
        say(str(found))
    lines = [
        f"shipset: {problem.what}",
        problem.why,
        _place_of(problem),
        f"hint: {problem.hint}" if problem.hint else "",
    ]
    say("\n".join(line for line in lines if line))


def _place_of(problem: ShipsetError) -> str:
    """The platform image that it is about, where the words do not say so."""
    variant, platform = problem.context.get("variant", ""), problem.context.get("platform", "")
    image = f"{variant}/{platform}" if platform else variant
    return f"in {image}" if variant and image not in problem.what + problem.why else ""


def harmless(line: str) -> str:
    """One line that can forge neither terminal codes nor workflow commands."""
    line = line.translate(_UNPRINTABLE)
    if os.environ.get("GITHUB_ACTIONS") == "true" and line.lstrip().startswith(("::", "##[")):
        return f"| {line}"
    return line


def _lost(error: OSError) -> None:
    assert sys.stdout is not None  # noqa: S101 (callers looked)
    _silence(sys.stdout.fileno())
    if error.errno != errno.EPIPE:
        raise _unwritable(error.strerror or str(error)) from error


def _silence(descriptor: int) -> None:
    """What Python still holds for the stream would fail once more at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _unwritable(why: str) -> DiskError:
    return DiskError("cannot write to standard output", why=why)
