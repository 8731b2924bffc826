"""Plan and release. A plan is everything that a release will do, as data, computed against the live destinations
before anything is done; executing it does that and nothing else, or refuses because the world changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipset import _core
from shipset.document import Document, write_file
from shipset.errors import DiskError, ReleaseIncomplete, UsageError, as_release_failure
from shipset.events import OnEvent, core_callback
from shipset.gates import GateResult, PostedGate, post_to_plan
from shipset.parts import read_parts
from shipset.registry import RegistryOptions, core_options
from shipset.values import FrozenMap, decode, parse_json

if TYPE_CHECKING:
    from shipset._core import CancelToken
    from shipset.display import Page
    from shipset.errors import Problem
    from shipset.matrix import Matrix
    from shipset.planned import PlanMembers, PlannedTag, PlannedVariant, Target
    from shipset.report import Report
    from shipset.variant import Gate

SCHEMA_VERSION = 1
_PLAN_LIMIT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a frozen plan is done, and what replaces its own."""

    only: tuple[str, ...] = ()
    id: str = ""
    builder: str = ""
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A release that went well."""

    report: Report

    @classmethod
    def of(cls, report: Report, failure: Any, stop: Any) -> Result:
        """What the core gave back, or its exception raised: tags that are mixed come before what stopped it."""
        if failure is not None:
            failure = as_release_failure(failure, report)
        if isinstance(failure, ReleaseIncomplete):
            raise failure from stop
        if stop is not None:
            stop.report = report
            raise stop
        if failure is not None:
            raise failure
        return cls(report)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def __repr__(self) -> str:
        return repr(self.report)


class Plan(Document["PlanMembers"]):
    """Everything that a release will do. In Jupyter: what moves, what is already there, why."""

    __slots__ = ("_core", "_part", "_registry")

    def __init__(
        self,
        text: str | Callable[[], str],
        core: _core.Plan | None = None,
        *,
        registry: RegistryOptions | None = None,
        part: _Part | None = None,
    ) -> None:
        super().__init__(text)
        self._core = core
        self._registry = registry
        self._part = part or _Part()

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, registry: RegistryOptions | None = None) -> Plan:
        """A frozen plan from a file. It can be looked at anywhere; executing derives it again and compares.

        Raises DiskError when it cannot be read, UsageError when it is no plan of this version.
        """
        try:
            with Path(path).open(encoding="utf-8") as stream:
                text = stream.read(_PLAN_LIMIT_BYTES + 1)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DiskError(f"cannot read the plan {os.fspath(path)}", why=reason) from error
        _check_plan(text, os.fspath(path))
        return cls(text, registry=registry, part=_Part(results=(os.fspath(path),)))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Freezes the plan: .json can be loaded again; .html, .md and .txt are for people."""
        target = Path(path)
        if target.suffix == ".json" or not target.suffix:
            write_file(target, self._text + "\n")
            return target
        from shipset.report import save  # noqa: PLC0415 (printing JSON needs no renderers)

        return save(self, target)

    def execute(
        self, *, on_event: OnEvent | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None
    ) -> Result:
        """Releases: gates, build, attest, stage, gates on the staged bytes, promote, read back.

        Raises a ReleaseFailed (BuildFailed, GateRefused, TagConflict, TagMoved, ReleaseIncomplete, …) with ``.report``.
        A cancel token or ``timeout_s`` ends it with Cancelled or DeadlineExceeded, Ctrl-C with KeyboardInterrupt, a
        raising ``on_event`` with its exception; those carry ``.report`` as well.
        """
        return self._run("release", (), on_event, cancel, timeout_s)

    def build(
        self, *, on_event: OnEvent | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None
    ) -> Result:
        """As :meth:`execute`, but ends after staging: builds, attests and stages, and moves no public tag.

        Each platform image gets a tag of the staging, by which :meth:`promote` finds it, in this or another process.
        The report of a build is a part: :meth:`promote` takes such files too.
        """
        return self._run("stage", (), on_event, cancel, timeout_s)

    def promote(
        self,
        *,
        parts: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        on_event: OnEvent | None = None,
        cancel: CancelToken | None = None,
        timeout_s: float | None = None,
    ) -> Result:
        """The second half of a release: joins what builds have staged under this id, then moves the tags.

        ``parts`` is a folder with the reports of those builds (``*.json``), or the files; without it the staging is
        found at the destination. Raises PolicyRefused naming each part that is missing, doubled or foreign, besides
        what :meth:`execute` raises.
        """
        return self._run("promote", read_parts(parts), on_event, cancel, timeout_s)

    def gate(
        self, name: str, result: GateResult, *, on_event: OnEvent | None = None, cancel: CancelToken | None = None
    ) -> PostedGate:
        """Posts the result of an external gate about what is staged under this plan's id; see :func:`post_gate`.

        It needs neither the release file nor the sources: a plan from a file will do.
        """
        return post_to_plan(
            self._text, name, result, id=self._part.id, registry=self._registry, on_event=on_event, cancel=cancel
        )

    def part(
        self,
        *,
        only: Iterable[str] = (),
        id: str = "",  # noqa: A002 (its name)
        builder: str = "",
        results: Iterable[str | os.PathLike[str]] = (),
    ) -> Plan:
        """The same plan limited to some variants or platform images, to be built alone; ``id`` and ``builder`` replace
        those of the plan. Images stay pinned as the plan says. ``results`` are files that the caller will write: they
        are no source, wherever they lie."""
        written = (*self._part.results, *(os.fspath(path) for path in results))
        return Plan(self._text, registry=self._registry, part=_Part(tuple(only), id, builder, written))

    def to_bake(self) -> str:
        """What the buildx backend has to build, as a bake file (JSON)."""
        return self._ready(None, None, None).bake()

    def github_matrix(self, *, by: str = "platform", level: int | None = None) -> str:
        """The jobs of a CI as JSON on one line: ``{"include": [{variant, platform, name, key, level, only, ci}, …]}``.

        One job for each platform image that has to be built, or ``by="variant"`` for each variant. A variant that
        builds on another one has a higher level; ``level`` limits the jobs to one. Raises UsageError for more than
        256 jobs.
        """
        if by not in ("platform", "variant"):
            raise UsageError(f"cannot make jobs by {by!r}", hint="platform or variant")
        return self._ready(None, None, None).github_matrix(by_variant=by == "variant", level=level)

    @property
    def levels(self) -> int:
        """How many levels of variants on variants have to be built; 0: nothing has to be built."""
        return self._ready(None, None, None).levels

    def _ready(self, on_event: OnEvent | None, cancel: CancelToken | None, timeout_s: float | None) -> _core.Plan:
        if self._core is None:
            self._core = _core.thaw_plan(
                self._text,
                file="",
                only=list(self._part.only),
                id=self._part.id,
                builder=self._part.builder,
                results=list(self._part.results),
                client=core_options(self._registry),
                on_event=core_callback(on_event),
                cancel=cancel,
                timeout_s=timeout_s,
            )
        return self._core

    def _run(
        self,
        goal: str,
        parts: list[tuple[str, str]] | tuple[()],
        on_event: OnEvent | None,
        cancel: CancelToken | None,
        timeout_s: float | None,
    ) -> Result:
        start = time.monotonic()
        thawing = self._core is None
        core = self._ready(on_event, cancel, timeout_s)
        if thawing and timeout_s is not None:
            timeout_s -= time.monotonic() - start
        text, failure, stop = core.execute(
            goal=goal, parts=list(parts), on_event=core_callback(on_event), cancel=cancel, timeout_s=timeout_s
        )
        from shipset.report import Report  # noqa: PLC0415 (planning needs none)

        return Result.of(Report(text), failure, stop)

    def thaw(self, *, registry: RegistryOptions | None = None) -> Plan:
        """The same plan, to be executed with other registry options."""
        return Plan(self._text, registry=registry)

    @property
    def id(self) -> str:
        """The id of the release, stable over attempts."""
        return self._core.id if self._core is not None else self._data.id

    @property
    def name(self) -> str:
        """The name of the release."""
        return self._data.name

    @property
    def version(self) -> str:
        """Its version."""
        return self._data.version

    @property
    def inputs(self) -> FrozenMap[Any]:
        """The inputs it was made with."""
        return self._data.inputs

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where it goes."""
        return self._data.targets

    @property
    def gates(self) -> tuple[Gate, ...]:
        """What can refuse it."""
        return self._data.gates

    @property
    def variants(self) -> tuple[PlannedVariant, ...]:
        """Every declared variant, in file order."""
        return self._data.variants

    @property
    def tags(self) -> tuple[PlannedTag, ...]:
        """Every tag in the order of promotion."""
        return self._data.tags

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What people should know."""
        return self._data.warnings

    @property
    def disk_bytes(self) -> int:
        """Upper estimate of the temporary disk need."""
        return self._data.disk_bytes

    @property
    def nothing_to_do(self) -> bool:
        """Whether executing it would change nothing."""
        return self._data.nothing_to_do

    def _decode(self, data: Any) -> PlanMembers:
        from shipset.planned import PlanMembers  # noqa: PLC0415 (printing JSON needs no values)

        return decode(PlanMembers, data)

    def page(self) -> Page:
        """Facts and tables for people."""
        from shipset.report.pages import plan_page  # noqa: PLC0415

        return plan_page(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._text, self._registry, self._part)


def plan(
    matrix: Matrix,
    *,
    to: str = "",
    backend: str = "",
    builder: str = "",
    only: Iterable[str] = (),
    replace: Iterable[str] = (),
    force_tag: Iterable[str] = (),
    from_version: str = "",
    id: str = "",  # noqa: A002 (its name everywhere)
    results: Iterable[str | os.PathLike[str]] = (),
    parallel: int = 0,
    mirror_journal: bool = False,
    stage_tags: bool = False,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> Plan:
    """Plans a release against the live destinations: what is there, what must be built, which tag moves and why.

    ``to`` is "" for the file's own repositories, ``oci:PATH``, or ``HOST[:PORT][/PREFIX]``; ``backend`` overrides the
    file's, ``builder`` names a buildx builder for everything, in place of the file's; ``only`` names VARIANT or
    VARIANT/os/arch; ``replace`` exact tags that may be overwritten; ``force_tag`` forward tags that move whatever the
    versions say; ``from_version`` applies the tag rules once more to a version that is there, and builds nothing (see
    :meth:`Matrix.of_version`); ``id`` replaces the computed id of the release, under which it is staged; ``results``
    are files that the caller will write (a frozen plan, a report): they are no source, wherever they lie; ``parallel``
    is builds at a time, 0 for the number of cores. A version ``auto:…`` is settled here: the versions at the
    destinations count too. ``mirror_journal`` keeps the journal in the staging repository as well, as every CI run
    does, so that another machine can go on. ``stage_tags`` gives what a release stages tags of its own until it is
    public, as is done where a registry is known to sweep what has none.

    Raises TagConflict, ReleaseFileError, UsageError, and the errors of registry, network and disk.
    """
    if from_version:
        matrix = matrix.of_version(from_version)
    if matrix.automatic:
        existing = _core.existing_versions(
            matrix._core,
            destination=to,
            client=core_options(registry),
            on_event=core_callback(on_event),
            cancel=cancel,
            timeout_s=timeout_s,
        )
        matrix = matrix.with_versions(existing)
    core = _core.make_plan(
        matrix._core,
        destination=to,
        backend=backend,
        builder=builder,
        only=list(only),
        replace_tags=list(replace),
        force_tags=list(force_tag),
        from_version=from_version,
        id=id,
        results=[os.fspath(path) for path in results],
        parallel=parallel,
        mirror_journal=mirror_journal,
        stage_tags=stage_tags,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return Plan(lambda: core.to_json(indented=False), core, registry=registry)


def _check_plan(text: str, name: str) -> None:
    try:
        data = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is no plan", why=f"it is no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("kind") != "shipset.plan":
        raise UsageError(f"{name} is no plan", why="it is other JSON", hint="make one with: shipset plan -o plan.json")
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{name} has schema version {version}",
            why=f"this program reads {SCHEMA_VERSION}",
            hint="make the plan again with this version of shipset",
        )


def _rebuild(text: str, registry: RegistryOptions | None, part: _Part | None = None) -> Plan:
    return Plan(text, registry=registry, part=part)
