"""What GitHub Actions reads: annotations, step outputs and the step summary. Outside of Actions nothing happens.

Annotations go to standard error, which the runner reads as well as standard output, so that data stays clean.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shipset.errors import DiskError, Problem, ShipsetError

if TYPE_CHECKING:
    from shipset.report import Report

_SUMMARY_LIMIT_BYTES = 1 << 20


def on_github() -> bool:
    """Whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotate(error: ShipsetError) -> None:
    """An annotation for each problem of the error, else one for the error."""
    if not on_github():
        return
    if error.problems:
        annotate_problems(error.problems)
    elif error.report is None or not _refused_by_gate(error):
        _command("error", {"title": error.what}, error.why or error.what)
    if error.report is not None:
        _annotate_builds(error.report)


def _refused_by_gate(error: ShipsetError) -> bool:
    """Whether annotate_gates has told it already."""
    names = {gate.name for gate in error.report.gates if gate.status == "failed"} if error.report else set()
    return error.context.get("gate", "") in names


def annotate_gates(report: Report) -> None:
    """An annotation for each gate that said no: a warning for one that is not required."""
    if not on_github():
        return
    for gate in report.gates:
        if gate.status == "failed":
            title = {"title": f'gate "{gate.name}" said no'}
            _command("error" if gate.required else "warning", title, gate.detail or f"exit code {gate.exit_code}")


def _annotate_builds(report: Report) -> None:
    """An annotation for each platform image that failed at a line of its Dockerfile; platforms share one."""
    seen = set()
    for variant in report.variants:
        for image in variant.images:
            failure = image.error
            if failure is None or "line" not in failure.context:
                continue
            file = Path(report.file).parent / failure.context.get("file", "Dockerfile")
            place = {"file": _in_workspace(str(file)), "line": failure.context["line"], "title": failure.what}
            if (key := tuple(place.values())) not in seen:
                seen.add(key)
                _command("error", place, failure.why or failure.what)


def annotate_problems(problems: Iterable[Problem]) -> None:
    """Errors first: GitHub shows ten of a kind."""
    if not on_github():
        return
    for problem in sorted(problems, key=lambda found: found.severity != "error"):
        place = {"file": _in_workspace(problem.file)} if problem.file else {}
        if problem.line:
            place["line"] = str(problem.line)
            if problem.column:
                place["col"] = str(problem.column)
        text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
        _command("error" if problem.severity == "error" else "warning", place, text)


def append_outputs(text: str) -> bool:
    """Appends outputs of the step; False where there is no file for them."""
    path = os.environ.get("GITHUB_OUTPUT", "")
    if path:
        _append(path, text)
    return bool(path)


def append_summary(report: Report) -> None:
    """The report as the summary of the step, cut at a line where it would be refused."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return
    from shipset.display import to_markdown  # noqa: PLC0415 (only steps of Actions need it)

    text = to_markdown(report.page()) + "\n"
    if len(text.encode()) > _SUMMARY_LIMIT_BYTES:
        end = "\n\nThe rest is cut: GitHub keeps 1 MiB of a summary.\n"
        kept = text.encode()[: _SUMMARY_LIMIT_BYTES - len(end)].decode("utf-8", "ignore")
        text = kept[: kept.rfind("\n")] + end
    _append(path, text)


def _append(path: str, text: str) -> None:
    try:
        with Path(path).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise DiskError(f"cannot write {path}", why=error.strerror or str(error)) from error


def _in_workspace(file: str) -> str:
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    if not workspace:
        return file
    relative = os.path.relpath(Path(file).absolute(), workspace)
    return file if relative.startswith("..") else relative


def _command(name: str, properties: dict[str, str], message: str) -> None:
    fields = ",".join(f"{key}={_escape(value, ':,')}" for key, value in properties.items())
    sys.stderr.write(f"::{name}{' ' + fields if fields else ''}::{_escape(message)}\n")
    sys.stderr.flush()


def _escape(text: str, more: str = "") -> str:
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
