"""``shipset tags``: the tag table, without looking at a registry."""

from __future__ import annotations

import click

from shipset.cli import github, options, output
from shipset.cli.inputs import load_matrix
from shipset.report import render
from shipset.tags import github_outputs, tag_table


@click.command("tags")
@options.file_argument
@options.inputs_option
@options.format_option("text", "json", "github")
def tags_command(file: str, inputs: dict[str, str], form: str) -> None:
    """The tag table: every tag, where it will point, why, and how it moves.

    github writes one multi-line output per declared variant to $GITHUB_OUTPUT, or to standard output.
    """
    matrix = load_matrix(file, inputs)
    if form == "github":
        text = github_outputs(matrix)
        if not github.append_outputs(text):
            output.data(text)
        return
    output.data(render(tag_table(matrix), form))
