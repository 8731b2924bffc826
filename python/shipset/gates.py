"""Results of external gates: another job judges what a release has staged, and posts its answer where it is staged.

A result is bound to the platform images that it judged: for other bytes it does not count. A second result for a gate
replaces the first one, so a failure is mended by running the job again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.document import Document
from shipset.errors import DiskError, UsageError
from shipset.events import OnEvent, core_callback
from shipset.registry import RegistryOptions, core_options
from shipset.values import Digest, Platform, decode

if TYPE_CHECKING:
    from shipset._core import CancelToken
    from shipset.display import Page
    from shipset.matrix import Matrix

_RESULT_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a job says about a gate, as the JSON of a result file; ``name`` says in errors where it came from."""

    text: str
    name: str = "the result"

    @classmethod
    def of(cls, result: str, *, details: Any = None, duration_s: float | None = None) -> GateResult:
        """``result`` is "pass" or "fail"; ``details`` anything that JSON can hold."""
        said = {"result": result, "details": details, "duration_s": duration_s}
        try:
            return cls(json.dumps({name: value for name, value in said.items() if value is not None}))
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError("the details of a gate's result are no JSON", why=str(error)) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GateResult:
        """From a file. Raises DiskError when it cannot be read; what it says is read when it is posted."""
        name = os.fspath(path)
        try:
            with Path(path).open("rb") as stream:
                data = stream.read(_RESULT_LIMIT_BYTES + 1)
            return cls(data.decode("utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DiskError(f"cannot read the result {name}", why=reason) from error


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """A platform image that a gate judged."""

    variant: str
    platform: Platform
    digest: Digest


@dataclass(frozen=True, slots=True)
class _Members:
    id: str
    gate: str
    result: str
    reference: str
    tag: str
    judged: tuple[JudgedImage, ...]
    notes: tuple[str, ...] = ()


class PostedGate(Document[_Members]):
    """A result as it was posted."""

    __slots__ = ()

    @property
    def result(self) -> str:
        """ "pass" or "fail"."""
        return self._data.result

    @property
    def reference(self) -> str:
        """Where it lies, by digest."""
        return self._data.reference

    @property
    def tag(self) -> str:
        """Where it lies, by tag."""
        return self._data.tag

    @property
    def judged(self) -> tuple[JudgedImage, ...]:
        """The staged platform images that it is bound to."""
        return self._data.judged

    @property
    def notes(self) -> tuple[str, ...]:
        """What it replaces, and who else posted at the same time."""
        return self._data.notes

    def _decode(self, data: Any) -> _Members:
        return decode(_Members, data)

    def page(self) -> Page:
        """Facts and the judged images for people."""
        from shipset.display import Page, Row, Table  # noqa: PLC0415 (posting needs none)

        data = self._data
        rows = tuple(Row((image.variant, str(image.platform), image.digest.brief)) for image in data.judged)
        facts = (("release", data.id), ("at", data.tag), ("next", f"shipset promote {data.id}"))
        table = Table("Judged", ("variant", "platform", "digest"), rows, data.notes)
        return Page(f"Gate {data.gate}: {data.result}", facts, (table,))

    def __reduce__(self) -> tuple[Any, ...]:
        return PostedGate, (self._text,)


def post_gate(
    id: str,  # noqa: A002 (its name everywhere)
    gate: str,
    result: GateResult,
    *,
    matrix: Matrix | None = None,
    to: str = "",
    staging: str = "",
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> PostedGate:
    """Posts the result of the external gate ``gate`` of release ``id``.

    What was judged is what is staged under that id: at the destinations of ``matrix`` (``to`` as for :func:`plan`), or
    in ``staging``, a repository or ``oci:PATH``, without a release file. With a plan: :meth:`Plan.gate`.

    Raises UsageError (an unreadable result, an unknown gate, with the nearest name), PolicyRefused when nothing of that
    release is staged there, and the errors of registry, network and disk.
    """
    if (matrix is None) == (not staging):
        raise UsageError("cannot look for the release", why="neither or both of matrix and staging are given")
    text = _post(
        id=id,
        gate=gate,
        result=result,
        matrix=matrix,
        to=to,
        staging=staging,
        registry=registry,
        on_event=on_event,
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return PostedGate(text)


def post_to_plan(
    plan: str,
    gate: str,
    result: GateResult,
    *,
    id: str = "",  # noqa: A002
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> PostedGate:
    """As :func:`post_gate`, for the JSON of a plan, whose id ``id`` may replace."""
    text = _post(
        id=id,
        gate=gate,
        result=result,
        plan=plan,
        registry=registry,
        on_event=on_event,
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return PostedGate(text)


def _post(
    *,
    id: str,  # noqa: A002
    gate: str,
    result: GateResult,
    matrix: Matrix | None = None,
    plan: str = "",
    to: str = "",
    staging: str = "",
    registry: RegistryOptions | None,
    on_event: OnEvent | None,
    cancel: CancelToken | None,
    timeout_s: float | None,
) -> str:
    return _core.post_gate(
        id=id,
        gate=gate,
        result=result.text,
        name=result.name,
        matrix=None if matrix is None else matrix._core,
        plan=plan,
        staging=staging,
        destination=to,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
