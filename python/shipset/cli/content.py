"""``shipset verify``, ``inspect`` and ``copy``."""

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


@click.command("verify")
@click.argument("reference")
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def verify_command(reference: str, registry: RegistryOptions, form: str, quiet: bool) -> None:
    """Recomputes everything below a reference, from the destination alone.

    Exits 7 when a digest, size, diff id or platform does not hold, or an attestation that the index promises is not
    there.
    """
    with stoppable() as stop, shown(quiet=quiet) as show:
        result = verify(reference, registry=registry, on_event=show, cancel=stop.token)
    output.data(result.to_json() + "\n" if form == "json" else render(result, form))
    result.check()


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
