"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def file_argument(command: F) -> F:
    """FILE, by default shipset.toml."""
    return click.argument("file", default="shipset.toml", type=click.Path())(command)


def inputs_option(command: F) -> F:
    """--input name=value, any number of times."""
    return click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_pairs,
        help="Value of an input; repeats. SHIPSET_INPUT_NAME in the environment does the same.",
    )(command)


def format_option(*forms: str) -> Callable[[F], F]:
    """--format, the first one by default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="Form of the output."
    )


def quiet_option(command: F) -> F:
    """-q: no progress."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def registry_options(command: F) -> F:
    """--plain-http, --insecure and --ca-file."""
    for option in (
        click.option("--ca-file", default="", type=click.Path(), help="Further certificates to trust (PEM)."),
        click.option(
            "--insecure", multiple=True, metavar="HOST", help="Do not check this host's certificate; repeats."
        ),
        click.option("--plain-http", multiple=True, metavar="HOST", help="Reach this host by HTTP; repeats."),
    ):
        command = option(command)
    return command


def plan_options(command: F) -> F:
    """What decides a plan, besides the release file."""
    for option in (
        click.option("--parallel", type=click.IntRange(0, 1024), default=0, help="Builds at a time; 0: one a core."),
        click.option(
            "--backend", default="", metavar="NAME", help="Build everything with native, buildx or prebuilt instead."
        ),
        click.option("--to", "to", default="", metavar="DEST", help="oci:PATH, or HOST[:PORT][/PREFIX]."),
    ):
        command = option(command)
    return command


def only_option(command: F) -> F:
    """--only VARIANT[/PLATFORM]."""
    return click.option(
        "--only", multiple=True, metavar="VARIANT[/PLATFORM]", help="Only this variant or platform image; repeats."
    )(command)


def move_options(command: F) -> F:
    """--replace and --force-tag."""
    for option in (
        click.option("--force-tag", multiple=True, metavar="TAG", help="Move this tag whatever the versions say."),
        click.option("--replace", multiple=True, metavar="TAG", help="Overwrite this exact tag."),
    ):
        command = option(command)
    return command


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", ctx=ctx, param=param)
        pairs[name] = os.fsencode(text).decode("utf-8", "replace")
    return pairs
