"""``shipset doctor``."""

from __future__ import annotations

import click

from shipset.cli import options, output
from shipset.cli.signals import stoppable
from shipset.diagnosis import doctor
from shipset.errors import UsageError
from shipset.registry import RegistryOptions


@click.command("doctor")
@click.argument("place", default="", metavar="[REGISTRY[/REPOSITORY]]")
@click.option("--write", is_flag=True, help="Also write a small artifact to the repository, and remove it again.")
@options.registry_options
@options.format_option("text", "json")
def doctor_command(place: str, write: bool, registry: RegistryOptions, form: str) -> None:
    """What a registry can do, and what we may do there; without an argument, what this machine has.

    Shows connection, login, rights, and how the registry takes uploads, each with advice. Exits 0 when it can be used,
    5 when it refuses, 6 when it is not reached.
    """
    if write and not place:
        raise UsageError("--write needs a repository", hint="give REGISTRY/REPOSITORY")
    with stoppable() as stop:
        found = doctor(place, write=write, registry=registry, cancel=stop.token)
    output.data((found.to_json(indented=True) if form == "json" else found.to_text()) + "\n")
    found.check()
