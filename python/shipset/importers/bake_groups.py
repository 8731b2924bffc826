"""Which targets of a bake definition are built: the default group always, others by an input of their group."""

from __future__ import annotations

import re

from shipset.importers.draft import Draft, Target, unique_name
from shipset.importers.texts import Condition, both, either

DEFAULT = "default"


def apply_groups(draft: Draft, groups: dict[str, list[str]]) -> None:
    """Sets conditions; resolves bases on other targets; takes out what nothing builds."""
    by_name = {target.names[0]: target for target in draft.targets}
    if DEFAULT in groups:
        # `bake --print NAME` adds NAME to the default group, also where NAME holds the default group itself.
        asked = [name for name in groups[DEFAULT] if name != DEFAULT and _holds(name, DEFAULT, groups)]
        groups = {**groups, DEFAULT: [name for name in groups[DEFAULT] if name not in asked]}
    always = _members(DEFAULT, groups, by_name) if DEFAULT in groups else set(by_name)
    conditions: dict[str, Condition] = dict.fromkeys(always, True)
    for group in groups:
        members = _members(group, groups, by_name) - always
        if group == DEFAULT or not members or _holds(group, DEFAULT, groups):
            continue
        name = _switch(draft, group, f"Also build {', '.join(sorted(members))}")
        draft.note(f"group {group}", "what bake builds on request", f"is built with the input {name}")
        for member in members:
            conditions[member] = either(conditions.get(member, False), f"inputs.{name}")
    bases = _bases(draft, by_name)
    for name, target in by_name.items():
        if name in conditions:
            target.when = conditions[name]
        elif name in bases:
            target.publish = False
        elif target.tags:
            switch = _switch(draft, name, f"Also build {name}")
            draft.note(target.place, "what bake builds on request", f"is built with the input {switch}")
            target.when = f"inputs.{switch}"
        else:
            draft.leave(target.place, "the target", "it is in no group, has no tags, and no other target stands on it")
            draft.targets.remove(target)
    for target in draft.targets:
        if not target.tags and not target.repositories and any(other.tags for other in draft.targets):
            target.publish = False
    _name_bases(draft, by_name)


def _members(group: str, groups: dict[str, list[str]], targets: dict[str, Target]) -> set[str]:
    """Targets of a group, through groups in groups."""
    found: set[str] = set()
    seen: set[str] = set()
    open_names = [group]
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in groups:
            open_names += groups[name]
            if name in targets and name in groups[name]:
                found.add(name)
        elif name in targets:
            found.add(name)
    return found


def _holds(group: str, wanted: str, groups: dict[str, list[str]]) -> bool:
    """Whether a group has another one, over all levels."""
    seen: set[str] = set()
    open_names = [group]
    while open_names:
        name = open_names.pop()
        if name == wanted:
            return True
        if name not in seen:
            seen.add(name)
            open_names += groups.get(name, [])
    return False


def _switch(draft: Draft, name: str, description: str) -> str:
    """A boolean input, off by default."""
    letters = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    switch = letters if letters.startswith("build_") else f"build_{letters}".rstrip("_")
    switch = unique_name(switch, set(draft.inputs))
    draft.inputs[switch] = {"type": "boolean", "default": False, "description": description}
    return switch


def _bases(draft: Draft, targets: dict[str, Target]) -> set[str]:
    """Names of the targets that others stand on, over all levels."""
    found: set[str] = set()
    for target in draft.targets:
        name = _base(target)
        while name in targets and name not in found:
            found.add(name)
            name = _base(targets[name])
    return found


def _base(target: Target) -> str:
    base = target.settings.get("base", "")
    base = base["image"] if isinstance(base, dict) else base
    return base.removeprefix("variant:") if base.startswith("variant:") else ""


def _name_bases(draft: Draft, targets: dict[str, Target]) -> None:
    """A base on a target that is not there is left out; circles are broken."""
    for target in draft.targets:
        name = _base(target)
        if not name:
            continue
        if name not in targets or targets[name] not in draft.targets or _is_circle(target, targets):
            draft.leave(target.place, f"context target:{name}", "there is no such target, or it stands on this one")
            del target.settings["base"]
            continue
        below = targets[name]
        if below.when is not True and target.when != below.when:
            target.when = both(target.when, below.when)
            why = f"it stands on {name}, so it is built only when that one is"
            draft.note(target.place, "when", why)


def _is_circle(target: Target, targets: dict[str, Target]) -> bool:
    seen = {target.names[0]}
    name = _base(target)
    while name:
        if name in seen:
            return True
        seen.add(name)
        name = _base(targets[name]) if name in targets else ""
    return False
