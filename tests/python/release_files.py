"""The text of a small release file, with the lines that a test wants to be different."""

from __future__ import annotations

import json
from collections.abc import Sequence

BOTH = ("linux/amd64", "linux/arm64")
INPUT = "{inputs.version}"
NATIVE = """\
[build.native]
layers = {layers}
config = {{ labels = {{ what = "{{version}} {{variant}}" }} }}
"""


def release_file(
    *variants: str,
    name: str = "app",
    version: str = INPUT,
    default: str = "",
    repositories: Sequence[str] = ("example.org/team/app",),
    release: str = "",
    backend: str = "native",
    platforms: Sequence[str] = ("linux/amd64",),
    build: str = "",
    layers: str = '[{ from = "files", to = "/app" }]',
    exact: Sequence[str] = ("{version}",),
    moving: Sequence[str] = ("latest",),
    moves: str = "forward",
    tags: str = "",
    tables: str = "",
) -> str:
    """Variants, of which the first has no suffix, with ``exact`` tags and ``moving`` ones, all with the suffix behind.

    Built natively, every variant of every version has content of its own. ``default`` is that of the input `version`.
    ``release``, ``build`` and ``tags`` are further lines of those tables, ``tables`` are further tables. What is
    appended to the text goes to the last variant.
    """
    rules = [f'{{ tag = "{tag}{{-suffix}}" }}' for tag in exact]
    rules += [f'{{ tag = "{tag}{{-suffix}}", moves = "{moves}" }}' for tag in moving]
    parts = [f'[release]\nname = "{name}"\nversion = "{version}"\nrepositories = {json.dumps(repositories)}\n', release]
    if version == INPUT:
        parts += ["[inputs.version]\n", f'default = "{default}"\n' if default else ""]
    parts += [f'[build]\nbackend = "{backend}"\nplatforms = {json.dumps(platforms)}\n', build]
    if backend == "native":
        parts.append(NATIVE.format(layers=layers))
    parts += [tables, "[tags]\n", tags, "rules = [\n", *(f"  {rule},\n" for rule in rules), "]\n"]
    for number, variant in enumerate(variants):
        parts.append(f'[[variant]]\nname = "{variant}"\n' + ("" if number else 'suffix = ""\n'))
    return "".join(part if part.endswith("\n") or not part else f"{part}\n" for part in parts)
