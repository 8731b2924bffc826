"""Options that several commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from shipset import RegistryOptions

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
    """How registries are reached; the command gets one value, ``registry``."""

    @functools.wraps(command)
    def with_registry(*args: Any, **given: Any) -> Any:
        mirrors, certificates = given.pop("mirror"), given.pop("client_cert")
        registry = RegistryOptions(
            plain_http=given.pop("plain_http"),
            insecure=given.pop("insecure"),
            ca_file=given.pop("ca_file"),
            mirrors={host: [place for name, place in mirrors if name == host] for host, _ in mirrors},
            client_certificates={host: _cert_and_key(files) for host, files in certificates},
            host_files=not given.pop("no_host_files"),
        )
        return command(*args, registry=registry, **given)

    wrapped: Callable[..., Any] = with_registry
    for option in (
        click.option("--no-host-files", is_flag=True, help="Do not read registries.conf and certs.d of this machine."),
        click.option(
            "--client-cert",
            multiple=True,
            metavar="HOST=CERT[,KEY]",
            callback=_by_host,
            help="Show this certificate (PEM) to this host; repeats.",
        ),
        click.option("--ca-file", default="", type=click.Path(), help="Further certificates to trust (PEM)."),
        click.option(
            "--mirror",
            multiple=True,
            metavar="HOST=MIRROR",
            callback=_by_host,
            help="Read content of this host (or HOST/PATH) from the mirror first; repeats.",
        ),
        click.option(
            "--insecure", multiple=True, metavar="HOST", help="Do not check this host's certificate; repeats."
        ),
        click.option("--plain-http", multiple=True, metavar="HOST", help="Reach this host by HTTP; repeats."),
    ):
        wrapped = option(wrapped)
    return cast(F, wrapped)


def builder_option(command: F) -> F:
    """--builder NAME."""
    return click.option(
        "--builder", default="", metavar="NAME", help="Use this buildx builder for everything, in place of the file's."
    )(command)


def plan_options(command: F) -> F:
    """What decides a plan, besides the release file."""
    for option in (
        click.option("--parallel", type=click.IntRange(0, 1024), default=0, help="Builds at a time; 0: one a core."),
        builder_option,
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


def from_version_option(command: F) -> F:
    """--from-version V."""
    return click.option(
        "--from-version",
        default="",
        metavar="VERSION",
        help="Apply the tag rules once more to this version, which is there, and build nothing.",
    )(command)


def _by_host(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        host, separator, text = value.partition("=")
        if not separator or not host or not text:
            raise click.BadParameter(f"{value!r} is not {param.metavar or 'HOST=VALUE'}", ctx=ctx, param=param)
        pairs.append((host, text))
    return pairs


def _cert_and_key(files: str) -> str | tuple[str, str]:
    certificate, separator, key = files.partition(",")
    return (certificate, key) if separator else certificate


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", ctx=ctx, param=param)
        pairs[name] = os.fsencode(text).decode("utf-8", "replace")
    return pairs
