"""A workflow of GitHub Actions as a release file: its steps of docker/build-push-action as variants.

Only the given file is read; reusable workflows and local actions that it calls are left out by name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from shipset.errors import UsageError
from shipset.importers.draft import Draft, Target, variant_name
from shipset.importers.render import finish
from shipset.importers.source import as_mapping, as_text, as_texts, read_source
from shipset.importers.texts import NotUnderstoodError, unescaped
from shipset.importers.translate import OutputLine, Scope
from shipset.importers.values import Imported
from shipset.importers.workflow_inputs import declare_inputs
from shipset.importers.workflow_jobs import JobReader, is_build
from shipset.importers.workflow_platforms import take_tags
from shipset.importers.yaml_reader import read_yaml

PLACEHOLDER = "owner/name"


def from_workflow(
    text_or_path: str | os.PathLike[str], *, job: str = "", name: str = "", repository: str = ""
) -> Imported:
    """A release file with the build-push steps of a workflow as variants.

    ``job`` takes only this job's steps. ``repository`` is OWNER/NAME on GitHub, for tags that name
    ``github.repository``. ``name`` is the name of the release; by default the last part of the image's repository.
    Raises UsageError for what is no workflow, or builds nothing. Needs the extra ``import``.
    """
    file, text = read_source(text_or_path)
    data = read_yaml(text, file)
    jobs = as_mapping(as_mapping(data).get("jobs"))
    if not jobs:
        raise UsageError(f"cannot import {file}", why="it is not a workflow: it has no jobs")
    if job and job not in jobs:
        raise UsageError(f"cannot import {file}", why=f"it has no job {job!r}", hint=f"its jobs: {', '.join(jobs)}")
    draft = Draft(origin=f"the workflow {os.path.basename(file)}", name=name)
    importer = _Importer(draft, as_mapping(data), jobs, repository)
    try:
        importer.run(job)
    except NotUnderstoodError as error:
        raise UsageError(f"cannot import {file}", why=str(error)) from error
    if not draft.targets:
        why = f"{f'job {job!r}' if job else 'it'} has no step of docker/build-push-action that pushes"
        hint = "for docker/bake-action: docker buildx bake --print > bake.json, then --from-bake bake.json"
        raise UsageError(f"cannot import {file}", why=why, hint=hint)
    draft.name = name or _name(draft, as_mapping(data))
    return finish(draft)


def _name(draft: Draft, data: dict[str, Any]) -> str:
    repositories = [line.repository for target in draft.targets for line in target.tags]
    literal = unescaped(repositories[0].rsplit("/", 1)[-1]) if repositories else None
    return literal or variant_name(as_text(data.get("name")) or "") or "app"


class _Importer:
    def __init__(self, draft: Draft, data: dict[str, Any], jobs: dict[str, Any], repository: str) -> None:
        self._draft, self._data = draft, data
        self._jobs = {name: as_mapping(job) for name, job in jobs.items()}
        triggers = data.get("on")
        self._triggers = dict.fromkeys(as_texts(triggers)) if not isinstance(triggers, dict) else triggers
        if not repository and "github.repository" in str(data):
            draft.leave(
                "the workflow", "github.repository", f"it is not known here; the release file says {PLACEHOLDER}"
            )
        self._scope = Scope(
            draft,
            declare_inputs(draft, self._triggers),
            repository=repository or PLACEHOLDER,
            ref_is_tag=self._ref_is_tag(),
            env=(as_mapping(data.get("env")),),
        )
        self._readers: dict[str, JobReader] = {}

    def _ref_is_tag(self) -> bool:
        push = as_mapping(self._triggers.get("push"))
        return "release" in self._triggers or "tags" in push or "branches" not in push

    def _other_events(self) -> bool:
        """Whether it also runs where there is no tag."""
        push = self._triggers.get("push")
        on_branches = "push" in self._triggers and (
            not isinstance(push, dict) or "branches" in push or "tags" not in push
        )
        return on_branches or bool(self._triggers.keys() & {"pull_request", "schedule", "workflow_dispatch"})

    def run(self, only: str) -> None:
        for name, job in self._jobs.items():
            if only and name != only:
                continue
            if "uses" in job:
                self._draft.leave(
                    f"job {name}", f"uses: {as_text(job['uses'])}", "import the workflow that it calls by itself"
                )
                continue
            if any(is_build(step) for step in self._reader(name).steps):
                self._gates(name)
                before = len(self._draft.targets)
                self._reader(name).read()
                self._joined(name, self._draft.targets[before:])
        if "{git.tag}" in self._draft.version and self._other_events():
            self._draft.version_otherwise = "0.0.0-dev{-git.commit_count}"

    def _joined(self, name: str, targets: list[Target]) -> None:
        """Tags of images that were pushed by digest come from a job after this one."""
        waiting = [target for target in targets if target.is_by_digest and not target.tags]
        after = [other for other, job in self._jobs.items() if name in as_texts(job.get("needs") or [])]
        lines = [line for other in after for line in self._reader(other).tag_lines()] if waiting else []
        take_tags(self._draft, waiting, lines)

    def _reader(self, name: str) -> JobReader:
        if name not in self._readers:
            scope = replace(self._scope, needs=self._output)
            self._readers[name] = JobReader(self._draft, scope, name, self._jobs[name])
        return self._readers[name]

    def _gates(self, name: str) -> None:
        """Gates of the jobs that this one waits for, and of those that they wait for."""
        waiting, seen = as_texts(self._jobs[name].get("needs") or []), {name}
        while waiting:
            other = waiting.pop(0)
            if other in seen or other not in self._jobs:
                continue
            seen.add(other)
            waiting += as_texts(self._jobs[other].get("needs") or [])
            if not any(is_build(step) for step in self._reader(other).steps):
                self._reader(other).read_gates()

    def _output(self, job: str, output: str) -> list[OutputLine] | None:
        """An output of a job, which is an output of one of its steps."""
        if job not in self._jobs:
            return None
        return self._reader(job).output(as_mapping(self._jobs[job].get("outputs")).get(output))
