"""``shipset build`` and ``shipset release``."""

from __future__ import annotations

from typing import Any

import click

from shipset.cli import github, options, output
from shipset.cli.inputs import load_matrix
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.errors import ShipsetError
from shipset.events import Event
from shipset.registry import RegistryOptions
from shipset.release import Plan, plan
from shipset.report import Report, render

_PLANNED = ("inputs", "to", "backend", "only", "replace", "force_tag")


def _plan_option(command: options.F) -> options.F:
    return click.option("--plan", "frozen", type=click.Path(), help="Do what this frozen plan says.")(command)


def _report_option(command: options.F) -> options.F:
    return click.option(
        "-o", "--output", "target", type=click.Path(), help="Also write the report: .json, .html, .md or .txt."
    )(command)


@click.command("build")
@options.file_argument
@options.inputs_option
@options.plan_options
@options.only_option
@_plan_option
@options.registry_options
@options.format_option("text", "json")
@_report_option
@options.quiet_option
@click.pass_context
def build_command(ctx: click.Context, /, **arguments: Any) -> None:
    """Builds, attests and stages; moves no tag."""
    _execute(ctx, stage_only=True, replace=(), force_tag=(), **arguments)


@click.command("release")
@options.file_argument
@options.inputs_option
@options.plan_options
@options.move_options
@_plan_option
@options.registry_options
@options.format_option("text", "json")
@_report_option
@options.quiet_option
@click.pass_context
def release_command(ctx: click.Context, /, **arguments: Any) -> None:
    """The whole release: gates, build, attest, stage, gates on the staged bytes, then every tag moves.

    Either all of it happens or nothing public changes. The same release again builds nothing and moves nothing.
    """
    _execute(ctx, stage_only=False, only=(), **arguments)


def _execute(
    ctx: click.Context,
    *,
    stage_only: bool,
    file: str,
    inputs: dict[str, str],
    to: str,
    backend: str,
    parallel: int,
    only: tuple[str, ...],
    replace: tuple[str, ...],
    force_tag: tuple[str, ...],
    frozen: str | None,
    registry: RegistryOptions,
    form: str,
    target: str | None,
    quiet: bool,
) -> None:
    with stoppable() as stop, shown(quiet=quiet) as show:

        def on_event(event: Event) -> None:
            stop.watch(event)
            show(event)

        if frozen is not None:
            _refuse_beside_plan(ctx)
            planned = Plan.load(frozen, registry=registry)
        else:
            planned = plan(
                load_matrix(file, inputs),
                to=to,
                backend=backend,
                only=only,
                replace=replace,
                force_tag=force_tag,
                parallel=parallel,
                registry=registry,
                on_event=on_event,
                cancel=stop.token,
            )
        execute = planned.build if stage_only else planned.execute
        try:
            report = execute(on_event=on_event, cancel=stop.token).report
        except ShipsetError as error:
            if error.report is not None:
                _show(error.report, form, target)
            raise
    _show(report, form, target)


def _refuse_beside_plan(ctx: click.Context) -> None:
    """A frozen plan holds these; another value beside it would be ignored, or make another release."""
    given = [name for name in (*_PLANNED, "file") if _was_given(ctx, name)]
    if given:
        raise click.UsageError(f"--plan already decides {', '.join(given)}", ctx=ctx)


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT)


def _show(report: Report, form: str, target: str | None) -> None:
    if target is not None:
        report.save(target)
    output.data(report.to_json() + "\n" if form == "json" else render(report, form))
    github.append_summary(report)
