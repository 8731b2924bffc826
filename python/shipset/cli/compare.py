"""``shipset diff`` and ``shipset sbom``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from shipset.cli import options, output
from shipset.cli.progress import shown
from shipset.cli.signals import stoppable
from shipset.compare import diff, sbom
from shipset.display import to_text
from shipset.registry import RegistryOptions
from shipset.report import render


@click.command("diff")
@click.argument("one", metavar="REF")
@click.argument("other", metavar="REF")
@click.option("--platform", default="", metavar="OS/ARCH", help="Only this platform.")
@click.option("--no-packages", is_flag=True, help="Do not compare packages: reads no SBOM, and no layer.")
@options.registry_options
@options.format_option("text", "json")
@options.quiet_option
def diff_command(
    one: str, other: str, platform: str, no_packages: bool, registry: RegistryOptions, form: str, quiet: bool
) -> None:
    """What differs between two references or layouts: platforms, config, layers with sizes, packages.

    Repositories, and layouts of several tags, are compared tag by tag. Exits 0 also when they differ.
    """
    with stoppable() as stop, shown(quiet=quiet) as show:
        found = diff(
            one,
            other,
            platform=platform,
            packages=not no_packages,
            registry=registry,
            on_event=show,
            cancel=stop.token,
        )
    output.data(found.to_json() + "\n" if form == "json" else render(found, form))


@click.command("sbom")
@click.argument("reference", metavar="REF")
@click.option("--platform", default="", metavar="OS/ARCH", help="Only this platform.")
@options.registry_options
@options.format_option("spdx", "json", "text")
@options.quiet_option
def sbom_command(reference: str, platform: str, registry: RegistryOptions, form: str, quiet: bool) -> None:
    """The SPDX document of an image: as attested, else made of its layers.

    spdx prints one document, so an image of several platforms needs --platform; json and text list the packages of all.
    """
    with stoppable() as stop, shown(quiet=quiet) as show:
        found = sbom(reference, platform=platform, registry=registry, on_event=show, cancel=stop.token)
    if form == "text":
        output.data("\n".join(to_text(one.page()) + "\n" for one in found))
    elif form == "json":
        images = [
            {
                "platform": one.platform,
                "image": one.image,
                "source": one.source,
                "packages": [asdict(package) for package in one.packages],
            }
            for one in found
        ]
        data = {"schema_version": 1, "images": images}
        output.data(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    elif len(found) == 1:
        output.data(found[0].document + "\n")
    else:
        there = ", ".join(one.platform for one in found)
        raise click.UsageError(f"{reference} has several platforms: name one with --platform: {there}")
