"""What a registry, or this machine, can do for a release: connection, login, rights and behaviour, with advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shipset import _core
from shipset._core import CancelToken
from shipset.display import Page, Row, Table
from shipset.document import Document
from shipset.errors import ShipsetError, make_error
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.values import FrozenMap, decode

_TONES = {"good": "good", "warning": "bad", "bad": "bad", "unknown": "dim"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``verdict`` is good, note, unknown, warning or bad."""

    name: str
    result: str
    verdict: str
    explanation: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One property of a registry: its value, when it was learnt (seconds since 1970), and how: request, probe, or name
    for public services that are known to behave so."""

    value: bool | int | str
    learnt_unix_s: int
    learnt_by: str


@dataclass(frozen=True, slots=True)
class _Problem:
    kind: str
    exit_code: int
    what: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Members:
    host: str = ""
    repository: str = ""
    usable: bool = False
    findings: tuple[Finding, ...] = ()
    left: tuple[str, ...] = ()
    problem: _Problem | None = None


class Diagnosis(Document[_Members]):
    """What :func:`doctor` found. True in a condition when the place can be used."""

    __slots__ = ()

    @property
    def usable(self) -> bool:
        """Whether a release can use the registry: reached, logged in, and with the rights that were asked for."""
        return self._data.usable

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was looked at, in its order."""
        return self._data.findings

    @property
    def profile(self) -> FrozenMap[Fact]:
        """What is known of the registry, by property; empty for a machine."""
        facts = self.to_dict().get("profile", {})
        return FrozenMap({name: Fact(**fact) for name, fact in facts.items()})

    @property
    def left(self) -> tuple[str, ...]:
        """What a written trial left behind, because the registry does not let us remove it."""
        return self._data.left

    @property
    def problem(self) -> ShipsetError | None:
        """What makes it unusable."""
        found = self._data.problem
        if found is None:
            return None
        return make_error(found.kind, found.what, found.why, found.hint, {}, (), found.exit_code)

    def finding(self, name: str) -> Finding | None:
        """The finding of a name, if that was looked at."""
        return next((found for found in self.findings if found.name == name), None)

    def check(self) -> None:
        """Raises the problem, if there is one."""
        problem = self.problem
        if problem is not None:
            raise problem

    def __bool__(self) -> bool:
        return self.usable

    def __reduce__(self) -> tuple[Any, ...]:
        return Diagnosis, (self._text,)

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """Findings, and what to do, for people."""
        data = self._data
        rows = tuple(
            Row((found.name, found.result, found.explanation), _TONES.get(found.verdict, "")) for found in data.findings
        )
        advice = tuple(f"{found.name}: {found.advice}" for found in data.findings if found.advice)
        place = "/".join(part for part in (data.host, data.repository) if part) or "this machine"
        verdict = "" if not data.host else ": usable" if data.usable else ": not usable"
        tables = [Table("", ("what", "result", "why"), rows)]
        if advice:
            tables.append(Table("Advice", (), (), advice))
        return Page(f"{place}{verdict}", (), tuple(tables))


def doctor(
    place: str = "",
    *,
    write: bool = False,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Diagnosis:
    """Looks at ``HOST[:PORT][/REPOSITORY]``, or at this machine when no place is given.

    Nothing is left in the repository; with ``write`` a small artifact is written there and removed again, which tells
    more. Raises UsageError for a place that is none; whatever the registry does is in the result, and
    :meth:`Diagnosis.check` raises it."""
    text = _core.doctor(
        place,
        write=write,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Diagnosis(text)
