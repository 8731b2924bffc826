"""What can go wrong, as exceptions that carry data.

Every exception of shipset derives from :class:`ShipsetError` and from the builtin that fits. The core reports an error
as values; :func:`make_error` is the one place that turns them into an exception. ``str(error)`` is the text for people:
what failed, why, and a hint. All of them pickle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from shipset.report import Report


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of a checker at a place of a file. Lines and columns start at 1; 0 means unknown."""

    severity: str
    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}" + (f":{self.column}" if self.column else "")
        text = f"{place}: {self.severity}: {self.message}" if place else f"{self.severity}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class ShipsetError(Exception):
    """Base of every error of shipset.

    ``kind`` is the stable name of the family, ``what`` says what failed on which object, ``why`` the cause, ``hint``
    what to do; ``context`` holds machine-readable details and ``problems`` every finding of a checker. ``exit_code`` is
    what the command line ends with. ``report`` says what a release did before it failed, where there is one.
    """

    default_kind: ClassVar[str] = "internal"
    default_exit_code: ClassVar[int] = 1

    kind: str
    what: str
    why: str
    hint: str
    context: dict[str, str]
    problems: tuple[Problem, ...]
    exit_code: int
    report: Report | None

    def __init__(
        self,
        what: str = "",
        *,
        why: str = "",
        hint: str = "",
        context: Mapping[str, str] | None = None,
        problems: Iterable[Problem] = (),
        kind: str | None = None,
        exit_code: int | None = None,
        report: Report | None = None,
    ) -> None:
        super().__init__(what)
        self.kind = kind if kind is not None else self.default_kind
        self.what = what
        self.why = why
        self.hint = hint
        self.context = dict(context or {})
        self.problems = tuple(problems)
        self.exit_code = exit_code if exit_code is not None else self.default_exit_code
        self.report = report

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        lines += [line for line in (self.what, self.why) if line]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.what!r})"

    def _data(self) -> dict[str, Any]:
        names = ("kind", "why", "hint", "context", "problems", "exit_code", "report")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.what, self._data(), self.__cause__)


class InternalError(ShipsetError, RuntimeError):
    """A bug in shipset."""


class UsageError(ShipsetError, ValueError):
    """A wrong argument or option."""

    default_kind = "usage"
    default_exit_code = 2


class ReleaseFileError(ShipsetError, ValueError):
    """The release file is wrong; ``problems`` lists every finding."""

    default_kind = "spec"
    default_exit_code = 2


class DiskError(ShipsetError, OSError):
    """A local file or disk."""

    default_kind = "io"
    default_exit_code = 3


class AuthenticationError(ShipsetError, PermissionError):
    """The registry wants a login, or allows less than was asked for."""

    default_kind = "auth"
    default_exit_code = 5


class RegistryError(ShipsetError, OSError):
    """The registry refused, or answered something unreadable."""

    default_kind = "registry"
    default_exit_code = 5


class NotFound(ShipsetError, LookupError):
    """The named content does not exist."""

    default_kind = "not_found"
    default_exit_code = 5


class NetworkError(ShipsetError, ConnectionError):
    """No connection, a time-out, a broken link."""

    default_kind = "network"
    default_exit_code = 6


class VerificationError(ShipsetError, ValueError):
    """Content or signature does not verify."""

    default_kind = "verify"
    default_exit_code = 7


class ReleaseFailed(ShipsetError):
    """A release failed; ``report`` says what is done, failed and not started.

    Where the cause is of another family (network, registry, disk, …), it is ``__cause__``, and kind and exit code are
    those of the cause.
    """


class BuildFailed(ReleaseFailed, RuntimeError):
    """An image could not be built."""

    default_kind = "build"
    default_exit_code = 3


class PolicyRefused(ReleaseFailed):
    """Refused by a rule, or a frozen plan no longer fits the world."""

    default_kind = "policy"
    default_exit_code = 4


class GateRefused(ReleaseFailed):
    """A gate said no."""

    default_kind = "gate"
    default_exit_code = 4


class TagConflict(ReleaseFailed):
    """An exact tag holds other content."""

    default_kind = "tag_conflict"
    default_exit_code = 4


class TagMoved(ReleaseFailed):
    """A tag no longer holds the digest that the plan recorded."""

    default_kind = "tag_moved"
    default_exit_code = 4


class ReleaseIncomplete(ReleaseFailed):
    """Public tags are mixed, because a failed promotion could not be undone; or the release is public and work after
    its commit point remains."""

    default_kind = "incomplete"
    default_exit_code = 8


class Cancelled(ShipsetError):
    """Stopped by a cancel token, with nothing public changed."""

    default_kind = "cancelled"
    default_exit_code = 130


class DeadlineExceeded(Cancelled, TimeoutError):
    """Stopped because the time limit of the call passed, with nothing public changed."""


_CLASSES: dict[str, type[ShipsetError]] = {
    cls.default_kind: cls
    for cls in (
        InternalError,
        UsageError,
        ReleaseFileError,
        BuildFailed,
        DiskError,
        PolicyRefused,
        GateRefused,
        TagConflict,
        TagMoved,
        AuthenticationError,
        RegistryError,
        NotFound,
        NetworkError,
        VerificationError,
        ReleaseIncomplete,
        Cancelled,
    )
}


def make_error(
    kind: str,
    what: str,
    why: str,
    hint: str,
    context: Mapping[str, str],
    problems: Iterable[tuple[str, str, int, int, str, str, str]],
    exit_code: int,
) -> ShipsetError:
    """The exception for an error of the core; the class follows from the kind."""
    cls = _CLASSES.get(kind, InternalError)
    if cls is Cancelled and context.get("cause") == "deadline":
        cls = DeadlineExceeded
    found = tuple(Problem(*row) for row in problems)
    return cls(what, why=why, hint=hint, context=context, problems=found, kind=kind, exit_code=exit_code)


def as_release_failure(error: ShipsetError, report: Report) -> ShipsetError:
    """The error of a release, with its report: a ReleaseFailed, or Cancelled where it was stopped on request."""
    if isinstance(error, ReleaseFailed | Cancelled):
        error.report = report
        return error
    failure = ReleaseFailed(error.what, **{**error._data(), "report": report})
    failure.__cause__ = error
    return failure


def _rebuild(cls: type[ShipsetError], what: str, data: dict[str, Any], cause: BaseException | None) -> ShipsetError:
    error = cls(what, **data)
    error.__cause__ = cause
    return error
