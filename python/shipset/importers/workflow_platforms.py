"""Jobs that build one platform each: their targets are one variant, whose tags a later job makes."""

from __future__ import annotations

from typing import Any

from shipset.importers.bake_platforms import differences
from shipset.importers.draft import Draft, Target, split_reference
from shipset.importers.translate import OutputLine
from shipset.importers.workflow_steps import lower_case, tag_line


def join_jobs(draft: Draft) -> None:
    """Targets of one step that differ in their platforms alone, or were pushed by digest to be joined, are one."""
    kept: list[Target] = []
    for target in draft.targets:
        same = next((other for other in kept if _are_one(other, target)), None)
        if same is None:
            kept.append(target)
            continue
        known = same.settings["platforms"]
        new = [platform for platform in target.settings["platforms"] if platform not in known]
        own = differences(_rest(same), _rest(target))
        for platform in new:
            if own and isinstance(platform, str):
                same.platform_settings[platform] = own
        same.settings["platforms"] = [*known, *new]
    draft.targets = kept


def take_tags(draft: Draft, targets: list[Target], lines: list[OutputLine]) -> None:
    """Gives targets that were pushed by digest the tags of the job that joins them, by their repository."""
    for target in targets:
        for line in lines:
            split = split_reference(line.template)
            if split and (not target.repositories or lower_case(split[0]) in map(lower_case, target.repositories)):
                target.tags.append(tag_line(line, split))
        if not target.tags:
            draft.leave(
                target.place, "tags", "it is pushed by digest, and the tags of the job that joins it are not known"
            )


def _rest(target: Target) -> dict[str, Any]:
    return {key: value for key, value in target.settings.items() if key != "platforms"}


def _are_one(left: Target, right: Target) -> bool:
    if (left.place, left.when, left.tags, left.repositories) != (
        right.place,
        right.when,
        right.tags,
        right.repositories,
    ):
        return False
    if left.settings["platforms"] == right.settings["platforms"]:
        return False
    # Platforms of one image may differ in anything; without that sign a difference means another image.
    return _rest(left) == _rest(right) or (left.is_by_digest and right.is_by_digest)
