"""``shipset version next``: the version after the highest."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from shipset.cli import options, output
from shipset.cli.inputs import all_inputs
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.registry import RegistryOptions
from shipset.spec import load
from shipset.versions import Source, Step, next_version


@click.group("version", no_args_is_help=False)
def version_command() -> None:
    """Versions of a release."""


@version_command.command("next")
@click.argument("step", type=click.Choice(("patch", "minor", "major", "prerelease")))
@options.file_argument
@options.inputs_option
@click.option(
    "--from",
    "source",
    type=click.Choice(("both", "git", "registry")),
    default="both",
    show_default=True,
    help="Whose versions count: git tags, tags of the destinations, or both.",
)
@click.option("--to", "to", default="", metavar="DEST", help="oci:PATH, or HOST[:PORT][/PREFIX].")
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def next_command(
    step: Step,
    file: str,
    inputs: dict[str, str],
    source: Source,
    to: str,
    registry: RegistryOptions,
    form: str,
    quiet: bool,
) -> None:
    """The version after the highest of git and destinations, by version order and never by date. Changes nothing.

    Tags of the destinations are read by the exact tag rules backwards. A listing that is refused or cut short ends it.
    """
    spec = load(file)
    with stoppable() as stop, shown(quiet=quiet) as show:
        found = next_version(
            spec,
            step,
            source=source,
            to=to,
            inputs=all_inputs(spec, inputs),
            registry=registry,
            on_event=show,
            cancel=stop.token,
        )
    if form == "json":
        output.data(json.dumps({"schema_version": 1, **asdict(found)}, indent=2) + "\n")
    else:
        output.data(f"{found.version}\n")
