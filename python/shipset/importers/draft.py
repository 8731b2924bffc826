"""What an importer knows before it is a release file: targets with settings and tags, inputs, gates, remarks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from shipset import _core
from shipset.errors import UsageError
from shipset.importers.texts import Condition, cuts, is_name, pieces_of
from shipset.importers.values import Remark

DEFAULT_PLATFORM = "linux/amd64"
MAX_TARGETS = 500
MAX_REFERENCE = 1000
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


@dataclass(slots=True)
class TagLine:
    """One tag of a target, as templates; ``moves`` is worked out from the tag where it is empty. With ``rule`` it
    stands for the tags that a rule of docker/metadata-action gives with its flavor."""

    repository: str
    tag: str
    when: Condition = True
    moves: str = ""
    rule: str = ""
    flavor: tuple[str, ...] = ()


@dataclass(slots=True)
class Target:
    """One image that the imported file builds. ``settings`` has the keys and values of the release file."""

    place: str
    names: list[str]  # what it may be called, best first
    settings: dict[str, Any] = field(default_factory=dict)
    platform_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: list[TagLine] = field(default_factory=list)
    when: Condition = True
    publish: bool = True
    name: str = ""
    suffix: str = ""
    repositories: list[str] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    flavor: list[str] = field(default_factory=list)
    comment: str = ""
    base_context: str = ""  # the build context by which a variant below this one was named
    is_by_digest: bool = False  # pushed without tags, for a later job that joins the platforms
    keeps_name: bool = False  # the first name comes before the suffix of its tags


@dataclass(slots=True)
class Draft:
    """A release file in the making."""

    origin: str
    name: str
    version: str = ""
    version_otherwise: str = ""  # where the version is that of a git tag and there is none
    scheme: str = ""
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    allowed_env: list[str] = field(default_factory=list)
    builder: dict[str, Any] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    flavor: list[str] = field(default_factory=list)
    left_out: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    def leave(self, place: str, what: str, why: str) -> None:
        """Something could not be carried over."""
        remark = Remark(place, _one_line(what), _one_line(why))
        if remark not in self.left_out:
            self.left_out.append(remark)

    def note(self, place: str, what: str, why: str) -> None:
        """Something was carried over in another form."""
        remark = Remark(place, _one_line(what), _one_line(why))
        if remark not in self.notes:
            self.notes.append(remark)

    def refuse_many(self) -> None:
        """Raises UsageError when there are more targets than a release has variants."""
        if len(self.targets) >= MAX_TARGETS:
            raise UsageError(f"cannot import {self.origin}", why=f"it builds more than {MAX_TARGETS} images")

    def allow_env(self, name: str) -> str:
        """The template name of an environment variable that the release may see from now on."""
        if name not in self.allowed_env:
            self.allowed_env.append(name)
        return f"env.{name}"


def split_reference(template: str) -> tuple[str, str] | None:
    """(repository, tag) of a reference template; None when it has a digest or cannot be told apart."""
    if len(template) > MAX_REFERENCE or cuts(template, "@"):
        return None
    for repository, tag in reversed(cuts(template, ":")):
        if not cuts(tag, "/"):
            return (repository, tag) if repository and tag else None
    pieces = list(pieces_of(template))
    if not pieces or (is_name(pieces[-1]) and "/" not in pieces):
        return None
    return template, "latest"


def variant_name(text: str) -> str:
    """The text as a name of a variant; "" when nothing of it is left."""
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-._")[:80]


def unique_name(name: str, taken: set[str]) -> str:
    """The name, or the name with a number, that is not taken yet."""
    out, number = name, 1
    while out in taken:
        number += 1
        out = f"{name}-{number}"
    taken.add(out)
    return out


def is_reference(text: str) -> bool:
    """Whether this is an image reference."""
    try:
        _core.parse_reference(text)
    except UsageError:
        return False
    return True


def is_platform(text: str) -> bool:
    """Whether this is os/architecture[/variant]."""
    if "/" not in text:
        return False
    try:
        _core.parse_platform(text)
    except UsageError:
        return False
    return True


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:297] + "..."  # noqa: PLR2004 (what a reader takes in)
