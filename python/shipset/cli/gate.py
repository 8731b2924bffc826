"""``shipset gate``."""

from __future__ import annotations

import click

from shipset.cli import options, output
from shipset.cli.inputs import load_matrix
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.gates import GateResult, PostedGate, post_gate
from shipset.registry import RegistryOptions
from shipset.release import Plan
from shipset.report import render


@click.command("gate")
@click.argument("release_id", metavar="ID")
@click.argument("name", metavar="NAME")
@click.option(
    "--result",
    "file_of_result",
    required=True,
    type=click.Path(),
    help='JSON: {"result": "pass" or "fail", "details": …, "duration_s": …}.',
)
@click.option("--file", type=click.Path(), help="Release file; by default shipset.toml.")
@click.option("--staging", default="", metavar="REPOSITORY", help="Find the release here, without a release file.")
@click.option("--plan", "frozen", type=click.Path(), help="Find the release by this frozen plan.")
@click.option("--to", default="", metavar="DEST", help="oci:PATH, or HOST[:PORT][/PREFIX].")
@options.inputs_option
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def gate_command(
    release_id: str,
    name: str,
    file_of_result: str,
    file: str | None,
    staging: str,
    frozen: str | None,
    to: str,
    inputs: dict[str, str],
    registry: RegistryOptions,
    form: str,
    quiet: bool,
) -> None:
    """Posts the result of the external gate NAME about what release ID has staged.

    The result counts only for the images that are staged now. Another one for the same gate replaces it. Exits 0 when
    it was posted, whatever it says; `shipset promote ID` obeys it.
    """
    if sum(given is not None for given in (file, frozen, staging or None)) > 1:
        raise click.UsageError("--file, --staging and --plan exclude each other")
    if (frozen or staging) and (to or inputs):
        raise click.UsageError("--to and --input belong to a release file")
    result = GateResult.load(file_of_result)
    with stoppable() as stop, shown(quiet=quiet) as show:
        if frozen is not None:
            plan = Plan.load(frozen, registry=registry).part(id=release_id)
            posted: PostedGate = plan.gate(name, result, on_event=show, cancel=stop.token)
        else:
            posted = post_gate(
                release_id,
                name,
                result,
                matrix=None if staging else load_matrix(file or "shipset.toml", inputs),
                to=to,
                staging=staging,
                registry=registry,
                on_event=show,
                cancel=stop.token,
            )
    output.data(posted.to_json() + "\n" if form == "json" else render(posted, form))
