"""The table of commands, and the one place where an exception becomes text and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from shipset.cli import github, output
from shipset.errors import ShipsetError

# Name → module in shipset.cli. A command is loaded when it is run, so that each start pays only for itself.
COMMANDS = {
    "init": "init",
    "check": "check",
    "plan": "plan",
    "tags": "tags",
    "build": "release",
    "release": "release",
    "promote": "release",
    "gate": "gate",
    "resume": "recovery",
    "rollback": "recovery",
    "status": "recovery",
    "clean": "recovery",
    "keep-list": "recovery",
    "version": "version",
    "verify": "content",
    "select": "content",
    "inspect": "content",
    "copy": "content",
    "diff": "compare",
    "sbom": "compare",
    "login": "registry",
    "logout": "registry",
    "doctor": "doctor",
}
EXIT_INTERNAL, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130


class Commands(click.Group):
    """The group that loads its commands by the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        name = f"{cmd_name.replace('-', '_')}_command"
        command: click.Command = getattr(import_module(f"shipset.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415 (for misspelt commands only)

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if value:
        from shipset import _core  # noqa: PLC0415

        output.data(f"shipset {_core.__version__}\n")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def cli() -> None:
    """Releases container images in many variants as one transaction.

    Exit codes: 0 done · 1 bug · 2 usage or release file · 3 build, disk or file · 4 refused by policy, gate or tag ·
    5 registry or login · 6 network · 7 does not verify · 8 public tags are mixed, or work is left after a
    release · 130 cancelled.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    code = _run(arguments)
    try:
        output.flush()
    except ShipsetError as error:
        output.error(error)
        return code or error.exit_code
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = cli.main(
            args=None if arguments is None else list(arguments), prog_name="shipset", standalone_mode=False
        )
    except ShipsetError as error:
        github.annotate(error)
        output.error(error)
        return error.exit_code
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.ClickException as error:
        return _usage(error)
    except (KeyboardInterrupt, click.Abort):
        output.say("shipset: stopped, nothing public was changed")
        return EXIT_CANCELLED
    except Exception as error:  # the last net: a bug must end with one line and its code
        output.say(f"shipset: unexpected failure: {type(error).__name__}: {error}")
        if os.environ.get("SHIPSET_DEBUG"):
            import traceback  # noqa: PLC0415

            traceback.print_exc(file=sys.stderr)
        else:
            output.say("hint: this is a bug; set SHIPSET_DEBUG=1 to see where, and report it")
        return EXIT_INTERNAL
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> int:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        output.say(error.ctx.get_usage())
        output.say(f"Try '{error.ctx.command_path} --help' for help.\n")
    output.say(f"shipset: {error.format_message()}")
    return EXIT_USAGE
