"""One job of a workflow: its steps in order, over every combination of its matrix."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import replace
from typing import Any

from shipset.importers.draft import Draft, Target
from shipset.importers.metadata_action import metadata_outputs
from shipset.importers.shell_tags import outputs_of
from shipset.importers.source import as_mapping, as_text
from shipset.importers.strategy import TooManyError, combinations
from shipset.importers.texts import Condition, NotUnderstoodError
from shipset.importers.translate import OutputLine, Scope
from shipset.importers.workflow_platforms import join_jobs
from shipset.importers.workflow_steps import StepReader, all_hold, holds, is_test_build
from shipset.importers.yaml_reader import line_of

_BUILD, _METADATA = "docker/build-push-action", "docker/metadata-action"
_DRIVERS = {"docker-container", "kubernetes", "remote", "cloud"}
_NOT_NEEDED = {
    "docker/login-action": "credentials come from docker login, or from shipset login before the release",
    "docker/setup-qemu-action": "the job that runs shipset sets it up, where its builder needs it",
}
_QUIET = {"actions/checkout", "actions/cache", "actions/upload-artifact", "actions/download-artifact"}
_CHECKS = re.compile(
    r"(?:^|[\s/:._-])(?:test|tests|check|checks|lint|vet|verify|clippy|pytest|tox|nox|mypy|ruff|audit)\b"
)
_SHELL = re.compile(r"[|&;<>()$`\\*?~#{}\[\]!\n]|^\w+=")


def action_of(step: dict[str, Any]) -> str:
    """`docker/build-push-action` of `docker/build-push-action@v6`; "" for a step that runs commands."""
    return (as_text(step.get("uses")) or "").partition("@")[0].lower()


def is_build(step: dict[str, Any]) -> bool:
    """Whether the step builds an image that goes to a registry."""
    return action_of(step) == _BUILD and not is_test_build(step)


class JobReader:
    """Reads one job. What earlier steps of it put out is known to later ones."""

    def __init__(self, draft: Draft, scope: Scope, name: str, job: dict[str, Any]) -> None:
        self._draft, self._name, self._job = draft, name, job
        self._scope = replace(scope, env=(*scope.env, as_mapping(job.get("env"))))
        steps = job.get("steps")
        self.steps = [as_mapping(step) for step in steps] if isinstance(steps, list) else []
        self._has_gates = False

    def read(self) -> None:
        """Adds the targets, gates and the builder of the job to the draft."""
        first: list[Target] = []
        for index, row in enumerate(self._combinations()):
            scope = replace(self._scope, matrix=row, steps={})
            targets = self._read_steps(scope, is_first=index == 0)
            if index == 0 or not first:
                first = targets
        join_jobs(self._draft)

    def read_gates(self) -> None:
        """Only the commands of the job, as gates."""
        if self._has_gates:
            return
        self._has_gates = True
        scope = replace(self._scope, matrix=next(iter(self._combinations()), None), steps={})
        if holds(scope, self._draft, f"job {self._name}", self._job.get("if")) is False:
            return
        for number, step in enumerate(self.steps, 1):
            self._other_step(step, scope, self._place(step, number), is_gate_job=True)

    def tag_lines(self) -> list[OutputLine]:
        """The tags that a step of metadata-action of this job makes, for images that come from other jobs."""
        scope = replace(self._scope, matrix=next(iter(self._combinations()), None), steps={})
        found: list[OutputLine] = []
        for number, step in enumerate(self.steps, 1):
            if action_of(step) == _METADATA:
                found = found or metadata_outputs(self._draft, scope, self._place(step, number), step)["tags"]
        return found

    def output(self, value: Any) -> list[OutputLine] | None:
        """An output of the job by its expression; None when it is known only when the workflow runs."""
        scope = replace(self._scope, matrix=next(iter(self._combinations()), None), steps={})
        for number, step in enumerate(self.steps, 1):
            self._remember(step, scope, self._place(step, number))
        try:
            return scope.lines(value)
        except NotUnderstoodError:
            return None

    def _place(self, step: dict[str, Any], number: int) -> str:
        line = line_of(step)
        title = as_text(step.get("name")) or as_text(step.get("id")) or action_of(step) or "run"
        return f"job {self._name}, step {number} ({title})" + (f", line {line}" if line else "")

    def _combinations(self) -> list[dict[str, Any] | None]:
        strategy = as_mapping(self._job.get("strategy"))
        if "matrix" not in strategy:
            return [None]
        try:
            found = combinations(strategy["matrix"])
        except TooManyError as error:
            self._draft.leave(f"job {self._name}", "strategy.matrix", str(error))
            return []
        if found is None:
            why = "it is known only when the workflow runs"
            self._draft.leave(f"job {self._name}", "strategy.matrix", why)
            return [None]
        return list(found)

    def _read_steps(self, scope: Scope, *, is_first: bool) -> list[Target]:
        found: list[Target] = []
        of_job = holds(scope, self._draft, f"job {self._name}", self._job.get("if"))
        builds = [index for index, step in enumerate(self.steps) if is_build(step)]
        for index, step in enumerate(self.steps):
            place = self._place(step, index + 1)
            if index in builds:
                target = self._build_step(step, scope, place, of_job)
                if target is not None:
                    self._draft.refuse_many()
                    found.append(target)
                    self._draft.targets.append(target)
            elif not self._remember(step, scope, place) and is_first:
                if builds and index > builds[-1] and action_of(step) not in _NOT_NEEDED:
                    self._after_builds(step, place)
                else:
                    self._other_step(step, scope, place, is_gate_job=False)
        return found

    def _build_step(self, step: dict[str, Any], scope: Scope, place: str, of_job: Condition) -> Target | None:
        scope = replace(scope, env=(*scope.env, as_mapping(step.get("env"))))
        when = all_hold(of_job, holds(scope, self._draft, place, step.get("if")))
        if when is False:
            return None
        push = as_mapping(step.get("with")).get("push")
        if push not in (True, "true", None):
            self._draft.note(place, f"push: {as_text(push)}", "shipset plan pushes nothing, shipset release does")
        if step.get("continue-on-error") is True:
            self._draft.leave(place, "continue-on-error", "write `required = false` with the variant")
        target = StepReader(self._draft, scope, place).target(step, when, [self._name])
        self._runner(target, scope)
        return target

    def _remember(self, step: dict[str, Any], scope: Scope, place: str) -> bool:
        """Keeps what a step puts out; False for a step that puts out nothing of use."""
        identity = as_text(step.get("id")) or ""
        inner = replace(scope, env=(*scope.env, as_mapping(step.get("env"))))
        if action_of(step) == _METADATA:
            scope.steps[identity] = metadata_outputs(self._draft, inner, place, step)
            return True
        script = as_text(step.get("run"))
        if script is None or not identity or "GITHUB_OUTPUT" not in script:
            return False
        try:
            scope.steps[identity] = outputs_of(script, inner)
        except NotUnderstoodError as error:
            self._draft.leave(place, "the outputs of its script", str(error))
        return True

    def _after_builds(self, step: dict[str, Any], place: str) -> None:
        if action_of(step) not in _QUIET and not is_test_build(step):
            what = as_text(step.get("uses")) or (as_text(step.get("run")) or "").strip().split("\n")[0]
            self._draft.leave(
                place, what, "it comes after the builds: a gate on the staged images, or a step after shipset"
            )

    def _other_step(self, step: dict[str, Any], scope: Scope, place: str, *, is_gate_job: bool) -> None:
        action = action_of(step)
        if action == "docker/setup-buildx-action":
            self._builder(step, scope, place)
        elif action in _NOT_NEEDED:
            self._draft.leave(place, f"not needed: {action}", _NOT_NEEDED[action])
        elif is_test_build(step) and action == _BUILD:
            self._draft.leave(place, action, "it only loads the image into Docker; a gate may test the staged images")
        elif action.startswith("./"):
            self._draft.leave(place, action, "an action of this repository is not read")
        elif action and action not in _QUIET:
            self._draft.leave(place, action, "the job that runs shipset needs this step, if its gates or builds do")
        elif "run" in step:
            self._command(step, scope, place, is_gate_job=is_gate_job)

    def _builder(self, step: dict[str, Any], scope: Scope, place: str) -> None:
        given = as_mapping(step.get("with"))
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name in ("install", "use", "version", "cleanup", "cache-binary"):
                continue
            try:
                text = scope.text(value).single
            except NotUnderstoodError as error:
                self._draft.leave(place, name, str(error))
                continue
            if name in ("name", "driver", "endpoint") and text:
                found[name] = text
            elif name == "driver-opts" and text:
                pairs = (part.partition("=") for part in re.split(r"[\n,]", text) if part.strip())
                found["options"] = {key.strip(): rest for key, _, rest in pairs}
            else:
                self._draft.leave(place, name, "the release file has no such setting of a builder")
        if found.get("driver") in _DRIVERS and not self._draft.builder:
            found.pop("name", None)
            self._draft.builder = found

    def _command(self, step: dict[str, Any], scope: Scope, place: str, *, is_gate_job: bool) -> None:
        script = (as_text(step.get("run")) or "").strip()
        if "GITHUB_OUTPUT" in script or "GITHUB_ENV" in script:
            return
        lines = [line.strip() for line in script.splitlines() if line.strip() and not line.strip().startswith("#")]
        is_check = bool(lines) and all(not _SHELL.search(line) and _CHECKS.search(line) for line in lines)
        condition = holds(scope, self._draft, place, step.get("if"))
        if not is_check or condition is not True or step.get("env"):
            if condition is not False and script:
                why = "run it before shipset" if not is_gate_job else "if the release depends on it, make it a gate"
                self._draft.leave(place, f"run: {lines[0] if lines else script}", why)
            return
        for line in lines:
            self._gate(step, line, place)

    def _gate(self, step: dict[str, Any], line: str, place: str) -> None:
        try:
            run = shlex.split(line)
        except ValueError:
            self._draft.leave(place, f"run: {line}", "its quotes cannot be read")
            return
        folder = as_text(step.get("working-directory"))
        if folder:
            run = ["sh", "-c", f"cd {shlex.quote(folder)} && {line}"]
        name = as_text(step.get("name")) if "\n" not in (as_text(step.get("run")) or "").strip() else None
        gate: dict[str, Any] = {"name": name or line, "at": "before-build", "run": run}
        if step.get("continue-on-error") is True:
            gate["required"] = False
        minutes = step.get("timeout-minutes")
        if isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes < 10000:  # noqa: PLR2004
            gate["timeout_s"] = minutes * 60
        if all(known["run"] != gate["run"] for known in self._draft.gates):
            taken = {known["name"] for known in self._draft.gates}
            gate["name"] = gate["name"] if gate["name"] not in taken else f"{gate['name']} ({len(taken) + 1})"
            self._draft.gates.append(gate)

    def _runner(self, target: Target, scope: Scope) -> None:
        """The runner of a target, where the matrix chooses it."""
        runner = self._job.get("runs-on")
        if "matrix." not in (as_text(runner) or ""):
            return
        with contextlib.suppress(NotUnderstoodError):
            if text := scope.text(runner).single:
                target.settings["ci"] = {"runs-on": text}
