"""``shipset verify``, ``select``, ``inspect`` and ``copy``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from shipset.cli import options, output
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.content import copy, inspect, verify
from shipset.registry import RegistryOptions
from shipset.report import render
from shipset.selection import select


@click.command("verify")
@click.argument("reference")
@click.option(
    "--set",
    "demand",
    type=click.Choice(["if-present", "required", "partial", "ignored"]),
    default="if-present",
    show_default=True,
    help="What is asked of the set manifest; partial: of a copy of some variants.",
)
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def verify_command(reference: str, demand: str, registry: RegistryOptions, form: str, quiet: bool) -> None:
    """Recomputes everything below a reference, and proves the set that it belongs to, from the destination alone.

    Exits 7 when a digest, size, diff id or platform does not hold, an attestation that the index promises is not there,
    or a variant, platform, statement or tag of the set manifest is not as it says.
    """
    with stoppable() as stop, shown(quiet=quiet) as show:
        result = verify(reference, set=demand, registry=registry, on_event=show, cancel=stop.token)
    output.data(result.to_json() + "\n" if form == "json" else render(result, form))
    result.check()


@click.command("select")
@click.argument("reference")
@click.option(
    "--hardware", multiple=True, metavar="PROPERTY", help="What the machine has: VENDOR :: NAME :: VALUE; repeats."
)
@click.option("--platform", default="", metavar="OS/ARCH", help="Only variants for this platform.")
@options.registry_options
@options.format_option("text", "json")
def select_command(
    reference: str, hardware: tuple[str, ...], platform: str, registry: RegistryOptions, form: str
) -> None:
    """Picks the variant of a released set for a machine and prints its reference by digest.

    REFERENCE is a tag or digest of any variant, or VERSION.shipset. The reasons go to standard error.
    """
    with stoppable() as stop:
        result = select(reference, hardware=hardware, platform=platform, registry=registry, cancel=stop.token)
    if form == "json":
        output.data(result.to_json() + "\n")
        return
    output.say(f"{result.name} {result.version}: {result.variant}: {result.why}")
    for other in result.refused:
        output.say(f"not {other.name}: {other.why}")
    output.data(result.reference + "\n")


@click.command("inspect")
@click.argument("reference")
@options.registry_options
@options.format_option("text", "json")
def inspect_command(reference: str, registry: RegistryOptions, form: str) -> None:
    """What a reference or layout holds: index, platforms, layers, attestations, or its tags."""
    with stoppable() as stop:
        data = inspect(reference, registry=registry, cancel=stop.token)
    text = json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else "\n".join(_outline(data))
    output.data(text + "\n")


@click.command("copy")
@click.argument("source")
@click.argument("destination")
@click.option("--all-tags", is_flag=True, help="Every tag of the repository.")
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def copy_command(
    source: str,
    destination: str,
    all_tags: bool,
    registry: RegistryOptions,
    form: str,
    quiet: bool,
) -> None:
    """Copies a reference, layout or repository with everything below it."""
    with stoppable() as stop, shown(quiet=quiet) as show:
        result = copy(
            source,
            destination,
            all_tags=all_tags,
            registry=registry,
            on_event=show,
            cancel=stop.token,
        )
    data = asdict(result)
    output.data((json.dumps(data, indent=2) if form == "json" else "\n".join(_outline(data))) + "\n")


def _outline(data: Any, indent: str = "") -> list[str]:
    """JSON data as an indented outline; empty members are left out."""
    lines: list[str] = []
    items = data.items() if isinstance(data, dict) else ((None, value) for value in data)
    for name, value in items:
        if value in ("", None) or (isinstance(value, dict | list | tuple) and not value):
            continue
        label = f"{indent}{name}:" if name is not None else f"{indent}-"
        if isinstance(value, dict | list | tuple):
            lines += [label, *_outline(value, indent + "  ")]
        else:
            lines.append(output.harmless(f"{label} {value}").replace("\n", " "))
    return lines
