"""The command line. It parses arguments, calls the package and shows what comes back; it decides nothing."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the command ``shipset``."""
    try:
        import click  # noqa: F401, PLC0415 (the extra may be missing)
    except ImportError:
        sys.stderr.write("shipset: the command line needs click and rich\nhint: pip install 'shipset[cli]'\n")
        sys.exit(2)
    from shipset.cli.app import run  # noqa: PLC0415

    sys.exit(run())
