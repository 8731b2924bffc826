"""``shipset plan``: what would happen, against the live destination."""

from __future__ import annotations

import click

from shipset.cli import options, output
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
@options.registry_options
@options.format_option("text", "json", "html")
@click.option("-o", "--output", "target", type=click.Path(), help="Freeze the plan into this file.")
@options.quiet_option
def plan_command(
    file: str,
    inputs: dict[str, str],
    to: str,
    backend: str,
    parallel: int,
    only: tuple[str, ...],
    replace: tuple[str, ...],
    force_tag: tuple[str, ...],
    registry: RegistryOptions,
    form: str,
    target: str | None,
    quiet: bool,
) -> None:
    """What would happen, against the live destination. Changes nothing.

    The frozen plan (-o plan.json) holds inputs, dates, base digests, tags and the digest behind each tag; build and
    release take it with --plan.
    """
    matrix = load_matrix(file, inputs)
    with stoppable() as stop, shown(quiet=quiet) as show:

        def on_event(event: Event) -> None:
            stop.watch(event)
            show(event)

        planned = plan(
            matrix,
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
    if target is not None:
        planned.save(target)
    print_plan(planned, form)


def print_plan(planned: Plan, form: str) -> None:
    """The JSON goes out as the core wrote it."""
    if form == "json":
        output.data(planned.to_json() + "\n")
    else:
        from shipset.report.render import render  # noqa: PLC0415 (not needed for JSON)

        output.data(render(planned, form))
