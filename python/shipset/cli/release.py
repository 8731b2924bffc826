"""``shipset build``, ``shipset release`` and ``shipset promote``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from shipset.cli import github, options, output
from shipset.cli.inputs import load_matrix
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.errors import ShipsetError
from shipset.events import Event
from shipset.git import prepare_git_tag
from shipset.registry import RegistryOptions
from shipset.release import Plan, plan
from shipset.report import Report, render

_PLANNED = ("inputs", "to", "backend", "replace", "force_tag", "file")


def _plan_option(command: options.F) -> options.F:
    return click.option("--plan", "frozen", type=click.Path(), help="Do what this frozen plan says.")(command)


def _id_option(command: options.F) -> options.F:
    return click.option(
        "--id", "release_id", default="", metavar="ID", help="Stage under this id, in place of the computed one."
    )(command)


def report_option(command: options.F) -> options.F:
    """-o FILE."""
    return click.option(
        "-o", "--output", "target", type=click.Path(), help="Also write the report: .json, .html, .md or .txt."
    )(command)


def _mirror_option(command: options.F) -> options.F:
    return click.option(
        "--mirror-journal",
        is_flag=True,
        help="Keep the journal in the staging repository too, for another machine; always so in a CI run.",
    )(command)


def _stage_tags_option(command: options.F) -> options.F:
    return click.option(
        "--stage-tags",
        is_flag=True,
        help="Give staged images tags of their own until they are public; always so where untagged content is swept.",
    )(command)


def _git_tag_option(command: options.F) -> options.F:
    return click.option(
        "--git-tag",
        is_flag=True,
        help="When it is public, tag the released commit with the version and push the tag to origin.",
    )(command)


def _execution_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every command that executes a plan takes; the command gets its context first."""
    command = click.pass_context(command)
    for option in (
        options.quiet_option,
        report_option,
        options.format_option("text", "json"),
        options.registry_options,
        _plan_option,
        options.plan_options,
        options.inputs_option,
    ):
        command = option(command)
    return command


@click.command("build")
@options.file_argument
@options.only_option
@_id_option
@_execution_options
def build_command(ctx: click.Context, /, **arguments: Any) -> None:
    """Builds, attests and stages; moves no public tag.

    What was staged is found by `shipset promote ID`; -o part.json writes a part that promote --parts takes. With
    --plan, --only builds a part of the frozen plan.
    """
    _execute(ctx, goal="stage", replace=(), force_tag=(), **arguments)


@click.command("release")
@options.file_argument
@options.move_options
@_stage_tags_option
@_mirror_option
@_git_tag_option
@_execution_options
def release_command(ctx: click.Context, /, **arguments: Any) -> None:
    """The whole release: gates, build, attest, stage, gates on the staged bytes, then every tag moves.

    Either all of it happens or nothing public changes. The same release again builds nothing and moves nothing.
    """
    _execute(ctx, goal="release", only=(), release_id="", **arguments)


@click.command("promote")
@click.argument("subject", metavar="[ID | FILE]", default="")
@click.option("--file", default="shipset.toml", type=click.Path(), help="Release file, when there is no --plan.")
@options.from_version_option
@click.option("--parts", type=click.Path(exists=True), help="Folder with the parts that the builds wrote (-o).")
@options.move_options
@_mirror_option
@_git_tag_option
@_execution_options
def promote_command(ctx: click.Context, /, subject: str, from_version: str, **arguments: Any) -> None:
    """The second half of a release: joins what was staged under ID, then moves the tags.

    ID is what plan and build print. Every image of the plan must be staged, with the inputs that the plan names.

    With --from-version it takes FILE in place of ID, and applies the tag rules once more to a version that is at the
    destination, found by its exact tags: only other tags move, and exact ones of it that are missing are set.
    """
    if not from_version:
        if not subject:
            raise click.UsageError("give the ID of what was staged, or --from-version", ctx=ctx)
        return _execute(ctx, goal="promote", only=(), release_id=subject, **arguments)
    for name in ("frozen", "parts", "git_tag", "backend", "builder"):
        if arguments[name]:
            option = "plan" if name == "frozen" else name.replace("_", "-")
            raise click.UsageError(f"--{option} and --from-version do not go together", ctx=ctx)
    if subject and _was_given(ctx, "file"):
        raise click.UsageError("the release file is given twice", ctx=ctx)
    arguments["file"] = subject or arguments["file"]
    return _execute(ctx, goal="release", only=(), release_id="", from_version=from_version, **arguments)


def _execute(
    ctx: click.Context,
    *,
    goal: str,
    file: str,
    inputs: dict[str, str],
    to: str,
    backend: str,
    builder: str,
    release_id: str,
    parallel: int,
    only: tuple[str, ...],
    replace: tuple[str, ...],
    force_tag: tuple[str, ...],
    frozen: str | None,
    registry: RegistryOptions,
    form: str,
    target: str | None,
    quiet: bool,
    parts: str | None = None,
    git_tag: bool = False,
    mirror_journal: bool = False,
    stage_tags: bool = False,
    from_version: str = "",
) -> None:
    written = () if target is None else (target,)
    with stoppable() as stop, shown(quiet=quiet) as show:

        def on_event(event: Event) -> None:
            stop.watch(event)
            show(event)

        if frozen is not None:
            _refuse_beside_plan(ctx)
            planned = Plan.load(frozen, registry=registry)
            planned = planned.part(only=only, id=release_id, builder=builder, results=written)
        else:
            planned = plan(
                load_matrix(file, inputs, version=from_version or None),
                to=to,
                backend=backend,
                builder=builder,
                id=release_id,
                results=written,
                only=only,
                replace=replace,
                force_tag=force_tag,
                from_version=from_version,
                parallel=parallel,
                mirror_journal=mirror_journal,
                stage_tags=stage_tags,
                registry=registry,
                on_event=on_event,
                cancel=stop.token,
            )
        stop.id = planned.id
        tag = prepare_git_tag(planned) if git_tag else None
        try:
            if goal == "promote":
                report = planned.promote(parts=parts, on_event=on_event, cancel=stop.token).report
            else:
                execute = planned.build if goal == "stage" else planned.execute
                report = execute(on_event=on_event, cancel=stop.token).report
        except ShipsetError as error:
            if error.report is not None:
                show_report(error.report, form, target)
            raise
    show_report(report, form, target)
    if tag is not None:
        tag.push()
        output.say(f"git tag {tag.name} is on {tag.remote}")


def _refuse_beside_plan(ctx: click.Context) -> None:
    """A frozen plan holds these; another value beside it would be ignored, or make another release."""
    given = [name for name in _PLANNED if _was_given(ctx, name)]
    if given:
        raise click.UsageError(f"--plan already decides {', '.join(given)}", ctx=ctx)


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT)


def show_report(report: Report, form: str, target: str | None) -> None:
    """Writes the report where it was asked for."""
    if target is not None:
        report.save(target)
    output.data(report.to_json() + "\n" if form == "json" else render(report, form))
    github.annotate_gates(report)
    github.append_summary(report)
