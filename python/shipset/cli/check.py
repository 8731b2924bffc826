"""``shipset check``: every problem of the release file at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click

from shipset.cli import github, options, output
from shipset.errors import ReleaseFileError
from shipset.spec import check, inputs_from_environment, load


@click.command("check")
@options.file_argument
@options.inputs_option
@options.format_option("text", "json")
def check_command(file: str, inputs: dict[str, str], form: str) -> int:
    """Every problem of the release file at once.

    With all inputs known (given, or with a default) the values and the tag table are checked too.
    """
    try:
        given = {**inputs_from_environment(load(file), os.environ), **inputs}
    except ReleaseFileError:
        given = dict(inputs)
    problems = check(file, inputs=given)
    errors = sum(problem.severity == "error" for problem in problems)
    github.annotate_problems(problems)
    if form == "json":
        rows = [asdict(problem) for problem in problems]
        output.data(
            json.dumps({"schema_version": 1, "file": file, "errors": errors, "problems": rows}, indent=2) + "\n"
        )
    else:
        for problem in problems:
            output.say(str(problem))
        output.say(
            f"{file}: {errors} errors, {len(problems) - errors} warnings" if problems else f"{file}: no problems"
        )
    return 2 if errors else 0
