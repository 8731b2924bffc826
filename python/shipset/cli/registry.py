"""``shipset login`` and ``logout``."""

from __future__ import annotations

import sys

import click

from shipset.cli import options, output
from shipset.cli.signals import stoppable
from shipset.errors import UsageError
from shipset.registry import RegistryOptions, login, logout


@click.command("login")
@click.argument("host", default="docker.io")
@click.option("-u", "--username", help="User name; asked for on a terminal.")
@options.registry_options
def login_command(host: str, username: str | None, registry: RegistryOptions) -> None:
    """Logs in to a registry; reads the password from standard input.

    The login is tried first and stored only when the registry accepts it, where Docker and Podman look for it.
    """
    if username is None:
        username = _ask_username()
    password = _read_password()
    with stoppable() as stop:
        place = login(
            host,
            username=username,
            password=password,
            registry=registry,
            cancel=stop.token,
        )
    output.say(f"logged in to {host} as {username}; stored in {place}")


@click.command("logout")
@click.argument("host", default="docker.io")
def logout_command(host: str) -> None:
    """Forgets the login for a registry."""
    place = logout(host)
    output.say(f"removed the login for {host} from {place}" if place else f"there was no login for {host}")


def _ask_username() -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("there is no user name", hint="name it with --username")
    name: str = click.prompt("Username", err=True)
    return name


def _read_password() -> str:
    """Hidden on a terminal, else all of standard input without the line feed at its end."""
    if sys.stdin is None:
        raise UsageError("there is no password", why="standard input is closed", hint="pipe the password in")
    if sys.stdin.isatty():
        text: str = click.prompt("Password", hide_input=True, err=True)
        return text
    password = sys.stdin.read(1 << 16)
    return password.removesuffix("\n").removesuffix("\r")
