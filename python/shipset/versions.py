"""The next version of a release: after the highest that git tags and the destinations' tags know, by version order and
never by date. Order and steps are the core's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shipset import _core
from shipset.events import OnEvent, core_callback
from shipset.facts import collect_facts
from shipset.matrix import input_texts
from shipset.registry import RegistryOptions, core_options
from shipset.values import decode_json

if TYPE_CHECKING:
    from shipset._core import CancelToken
    from shipset.facts import Facts
    from shipset.spec import Spec

Step = Literal["patch", "minor", "major", "prerelease"]
Source = Literal["git", "registry", "both"]


@dataclass(frozen=True, slots=True)
class NextVersion:
    """A version that is higher than all that exist. ``highest`` is the one it comes after, "" when there was none."""

    version: str
    highest: str
    step: str
    scheme: str

    def __str__(self) -> str:
        return self.version


def next_version(
    spec: Spec,
    step: Step,
    *,
    source: Source = "both",
    to: str = "",
    inputs: Mapping[str, str | bool | int] | None = None,
    facts: Facts | None = None,
    registry: RegistryOptions | None = None,
    on_event: OnEvent | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> NextVersion:
    """The version after the highest, in the scheme of the release file.

    ``source`` says whose versions count: all git tags, the tags of the destinations (read by the exact tag rules
    backwards), or both. ``to`` is as in :func:`shipset.plan`. Withdrawn versions are not the highest, and their numbers
    are not given again. The file's own version does not matter; inputs that only that names may be missing.

    Raises UsageError where there is no such version, or git tags are not known; the errors of registry and network
    where a listing is refused or cut short.
    """
    text = _core.next_version(
        spec._core,
        input_texts(inputs or {}),
        (collect_facts(spec.file.parent) if facts is None else facts)._core(),
        step=step,
        git=source != "registry",
        in_registry=source != "git",
        destination=to,
        client=core_options(registry),
        on_event=core_callback(on_event),
        cancel=cancel,
        timeout_s=timeout_s,
    )
    return decode_json(NextVersion, text)
