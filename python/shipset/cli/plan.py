"""``shipset plan``: what would happen, against the live destination."""

from __future__ import annotations

import click

from shipset.cli import github, options, output
from shipset.cli.inputs import load_matrix
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.events import Event
from shipset.registry import RegistryOptions
from shipset.release import Plan, plan


@click.command("plan")
@options.file_argument
@options.inputs_option
@options.plan_options
@options.only_option
@options.move_options
@options.from_version_option
@options.registry_options
@options.format_option("text", "json", "html", "bake", "github-matrix")
@click.option("--level", type=click.IntRange(0), help="github-matrix: only jobs of this level.")
@click.option("--by-variant", is_flag=True, help="github-matrix: one job a variant, not one a platform image.")
@click.option("-o", "--output", "target", type=click.Path(), help="Freeze the plan into this file.")
@options.quiet_option
def plan_command(
    file: str,
    inputs: dict[str, str],
    to: str,
    backend: str,
    builder: str,
    parallel: int,
    only: tuple[str, ...],
    replace: tuple[str, ...],
    force_tag: tuple[str, ...],
    from_version: str,
    registry: RegistryOptions,
    form: str,
    target: str | None,
    level: int | None,
    by_variant: bool,
    quiet: bool,
) -> None:
    """What would happen, against the live destination. Changes nothing.

    The frozen plan (-o plan.json) holds inputs, dates, base digests, tags and the digest behind each tag; build and
    release take it with --plan.
    """
    matrix = load_matrix(file, inputs, version=from_version or None)
    with stoppable() as stop, shown(quiet=quiet) as show:

        def on_event(event: Event) -> None:
            stop.watch(event)
            show(event)

        planned = plan(
            matrix,
            to=to,
            backend=backend,
            builder=builder,
            results=() if target is None else (target,),
            only=only,
            replace=replace,
            force_tag=force_tag,
            from_version=from_version,
            parallel=parallel,
            registry=registry,
            on_event=on_event,
            cancel=stop.token,
        )
    if target is not None:
        planned.save(target)
    if form == "github-matrix":
        _print_matrix(planned, by="variant" if by_variant else "platform", level=level)
    elif level is not None or by_variant:
        raise click.UsageError("--level and --by-variant are for --format github-matrix")
    else:
        print_plan(planned, form)


def _print_matrix(planned: Plan, *, by: str, level: int | None) -> None:
    """On GitHub also as outputs of the step, with what a workflow needs beside it."""
    jobs = planned.github_matrix(by=by, level=level)
    empty = jobs == '{"include":[]}'
    github.append_outputs(
        f"matrix={jobs}\nid={planned.id}\nlevels={planned.levels}\nempty={'true' if empty else 'false'}\n"
    )
    output.data(jobs + "\n")


def print_plan(planned: Plan, form: str) -> None:
    """JSON goes out as the core wrote it."""
    if form == "json":
        output.data(planned.to_json() + "\n")
    elif form == "bake":
        output.data(planned.to_bake())
    else:
        from shipset.report.render import render  # noqa: PLC0415 (not needed for JSON)

        output.data(render(planned, form))
