"""A first release file for people to go on with. `shipset check` finds nothing in it."""

from __future__ import annotations

from shipset.importers.draft import variant_name
from shipset.importers.toml_text import string

_TEXT = """\
# A release file: one product in several variants, released as one transaction.
#
#   shipset check                           every mistake in this file
#   shipset tags    --input version=1.0.0   the tags of a release
#   shipset plan    --input version=1.0.0   what a release would do
#   shipset release --input version=1.0.0   does it; --to oci:dist for a try-out without a registry

[release]
name         = {name}
version      = "{{inputs.version}}"
scheme       = "semver"                        # how versions are ordered: semver, pep440, calver, integer, none
repositories = [{repository}]                  # more than one: every tag goes to each of them

[inputs.version]
default     = "0.1.0"
description = "Version of this release"

[inputs.latest]
type        = "boolean"
default     = false
description = "Also move the latest tags"

[build]
backend    = "buildx"                          # or native: from files, without a daemon; or prebuilt
dockerfile = "Dockerfile"
platforms  = ["linux/amd64", "linux/arm64"]
args       = {{ VERSION = "{{version}}" }}

[tags]
rules = [
  {{ tag = "{{version}}{{-suffix}}" }},                                             # an exact tag: never moves
  {{ tag = "latest{{-suffix}}", when = "inputs.latest", moves = "forward" }},       # the highest stable version
]

# A check that must pass before anything is built.
# [[gate]]
# name = "tests"
# at   = "before-build"
# run  = ["make", "test"]

[attestations]
sbom       = "spdx"
provenance = "max"

[[variant]]
name   = "default"
suffix = ""                                    # the main variant: its tags have no suffix

# A second flavour says what differs.
# [[variant]]
# name      = "cuda"
# target    = "cuda"                           # stage of the Dockerfile
# base      = "nvidia/cuda:12.9.0-runtime-ubuntu24.04"   # build argument BASE_IMAGE, pinned to a digest in the plan
# platforms = ["linux/amd64"]
"""


def starter(name: str = "app") -> str:
    """The text of a commented release file for a product of this name."""
    path = variant_name(name) or "app"
    return _TEXT.format(name=string(name), repository=string(f"registry.example.com/team/{path}"))
