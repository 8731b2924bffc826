"""``shipset status``, ``shipset resume``, ``shipset rollback``, ``shipset clean`` and ``shipset keep-list``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from shipset.cleaning import clean, keep_list
from shipset.cli import options, output
from shipset.cli.progress import shown
from shipset.cli.release import report_option, show_report
from shipset.cli.signals import stoppable
from shipset.errors import ShipsetError
from shipset.events import Event
from shipset.recovery import resume, rollback, status
from shipset.registry import RegistryOptions
from shipset.release import Result


def _file_option(command: options.F) -> options.F:
    return click.option(
        "--file", default="shipset.toml", type=click.Path(), help="The release file: its journal lies beside it."
    )(command)


def _staging_option(command: options.F) -> options.F:
    return click.option(
        "--staging", default="", metavar="REPOSITORY", help="Take the journal from its mirror there, when none is here."
    )(command)


def _recovery_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        options.quiet_option,
        report_option,
        options.format_option("text", "json"),
        options.registry_options,
        _staging_option,
        _file_option,
        click.argument("release_id", metavar="ID"),
    ):
        command = option(command)
    return command


@click.command("status")
@click.argument("release_id", metavar="[ID]", default="")
@_file_option
@_staging_option
@click.option("--look", is_flag=True, help="Also ask what every tag holds now.")
@options.format_option("text", "json")
@options.registry_options
def status_command(release_id: str, file: str, staging: str, look: bool, form: str, registry: RegistryOptions) -> None:
    """Where a release stands, and what to type next; without ID all that have a journal here."""
    with stoppable() as stop:
        found = status(
            release_id, directory=Path(file).parent, look=look, staging=staging, registry=registry, cancel=stop.token
        )
    output.data((found.to_json() if form == "json" else found.to_text()) + "\n")


@click.command("resume")
@_recovery_options
def resume_command(
    release_id: str, file: str, staging: str, registry: RegistryOptions, form: str, target: str | None, quiet: bool
) -> None:
    """Goes on with an interrupted release exactly where it stands, with its frozen plan.

    Builds nothing again that is there, sends nothing again that the registry has.
    """
    _recover(resume, release_id, file, staging, registry, form, target, quiet)


@click.command("rollback")
@_recovery_options
def rollback_command(
    release_id: str, file: str, staging: str, registry: RegistryOptions, form: str, target: str | None, quiet: bool
) -> None:
    """Restores every tag that a release moved, in reverse order, and says what it could not do.

    After the commit point it first proves that every old image can still be pulled.
    """
    _recover(rollback, release_id, file, staging, registry, form, target, quiet)


@click.command("clean")
@click.argument("release_id", metavar="[ID]", default="")
@_file_option
@click.option(
    "--staging", default="", metavar="REPOSITORY", help="Also look there, for mirrored journals and staged images."
)
@click.option("--yes", is_flag=True, help="Remove what is listed.")
@options.format_option("text", "json")
@options.registry_options
def clean_command(release_id: str, file: str, staging: str, yes: bool, form: str, registry: RegistryOptions) -> None:
    """Lists what releases left behind; with --yes removes it.

    Only what a journal, or the marker of a staged image, proves to be ours is touched. A release that failed and could
    be resumed is given up only when ID names it; so are images that were built and wait for their promotion, which
    --staging finds.
    """
    with stoppable() as stop:
        found = clean(
            release_id,
            directory=Path(file).parent,
            staging=staging,
            remove=yes,
            registry=registry,
            cancel=stop.token,
        )
    output.data((found.to_json() if form == "json" else found.to_text()) + "\n")


@click.command("keep-list")
@click.argument("reference", metavar="REPOSITORY")
@options.format_option("text", "json")
@options.registry_options
def keep_list_command(reference: str, form: str, registry: RegistryOptions) -> None:
    """Every digest that a tag of REPOSITORY (or oci:PATH) needs, one a line, for cleaners that delete by digest."""
    with stoppable() as stop:
        digests = keep_list(reference, registry=registry, cancel=stop.token)
    if form == "json":
        output.data(json.dumps({"schema_version": 1, "kind": "shipset.keep-list", "digests": digests}) + "\n")
    else:
        output.data("".join(f"{digest}\n" for digest in digests))


def _recover(
    call: Callable[..., Result],
    release_id: str,
    file: str,
    staging: str,
    registry: RegistryOptions,
    form: str,
    target: str | None,
    quiet: bool,
) -> None:
    with stoppable() as stop, shown(quiet=quiet) as show:
        stop.recovers(release_id)

        def on_event(event: Event) -> None:
            stop.watch(event)
            show(event)

        try:
            result = call(
                release_id,
                directory=Path(file).parent,
                staging=staging,
                registry=registry,
                on_event=on_event,
                cancel=stop.token,
            )
        except ShipsetError as error:
            # Where no release was found there is nothing to tell of it.
            if error.report is not None and error.report.name:
                show_report(error.report, form, target)
            raise
    show_report(result.report, form, target)
