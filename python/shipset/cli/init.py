"""``shipset init``: a first release file, or one made of a bake definition or a workflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from shipset.cli import output
from shipset.importers import Imported, from_bake, from_workflow, starter
from shipset.importers.values import write_new


@click.command("init")
@click.argument("file", default="shipset.toml", type=click.Path())
@click.option("--from-bake", "bake", metavar="FILE", help="JSON of docker buildx bake --print; - reads standard input.")
@click.option("--from-workflow", "workflow", metavar="FILE", help="Workflow of GitHub Actions; - reads standard input.")
@click.option("--job", default="", help="Only this job of the workflow.")
@click.option("--name", default="", help="Name of the release.")
@click.option("--repository", default="", metavar="OWNER/NAME", help="What github.repository is in the workflow.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init_command(
    file: str, bake: str | None, workflow: str | None, job: str, name: str, repository: str, force: bool
) -> None:
    """Writes a release file; FILE - prints it.

    With --from-bake or --from-workflow it has the variants, targets, arguments, platforms and tags of that file, and
    what could not be carried over is listed.
    """
    if bake is not None and workflow is not None:
        raise click.UsageError("--from-bake and --from-workflow exclude each other.")
    if job and workflow is None:
        raise click.UsageError("--job is for --from-workflow.")
    if bake is not None:
        imported = from_bake(_source(bake), name=name)
    elif workflow is not None:
        repository = repository or os.environ.get("GITHUB_REPOSITORY", "")
        imported = from_workflow(_source(workflow), job=job, name=name, repository=repository)
    else:
        imported = Imported(starter(name or Path(file).absolute().parent.name or "app"))
    if file == "-":
        output.data(imported.toml)
    else:
        write_new(file, imported.toml, force=force)
    for remark in imported.notes:
        output.say(f"note: {remark}")
    for remark in imported.left_out:
        output.say(f"left out: {remark}")
    if file != "-":
        output.say(f"{file}: written, {len(imported.left_out)} left out; shipset check {file} looks for mistakes")


def _source(file: str) -> str | Path:
    return sys.stdin.read() + "\n" if file == "-" else Path(file)
