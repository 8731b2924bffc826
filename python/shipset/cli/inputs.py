"""From the arguments of a command to spec, matrix and plan."""

from __future__ import annotations

import os
from collections.abc import Mapping

from shipset import Matrix, Spec, load
from shipset.cli import github, output
from shipset.spec import inputs_from_environment


def load_matrix(file: str, inputs: Mapping[str, str], *, version: str | None = None) -> Matrix:
    """Reads the file and applies inputs; the command line wins over the environment. Warnings are shown. ``version``
    takes the place of the file's own."""
    spec = load(file)
    given = all_inputs(spec, inputs)
    matrix = spec.matrix_of(given, version=version)
    show_warnings(matrix)
    return matrix


def all_inputs(spec: Spec, inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs of the environment, then those of the command line."""
    return {**inputs_from_environment(spec, os.environ), **inputs}


def show_warnings(matrix: Matrix) -> None:
    """Warnings of the release file, as annotations on GitHub and as text."""
    if not matrix.has_warnings:
        return
    github.annotate_problems(matrix.warnings)
    for problem in matrix.warnings:
        output.say(str(problem))
