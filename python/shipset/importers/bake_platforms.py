"""Targets that are one variant on single platforms, as `shipset plan --format bake` writes them: NAME_os-arch."""

from __future__ import annotations

from typing import Any

from shipset.importers.draft import Draft, Target

_SAME = ("context", "dockerfile", "target", "network")


def join_platforms(draft: Draft) -> None:
    """Puts `NAME_linux-arm64`, built for linux/arm64 alone, and its likes into one target with settings by platform."""
    joined: dict[str, list[tuple[str, Target]]] = {}
    for target in draft.targets:
        found = _parts(target)
        if found:
            joined.setdefault(found[0], []).append((found[1], target))
    names = {target.names[0]: target for target in draft.targets}
    for name, parts in joined.items():
        first = names.get(name) or parts[0][1]
        if any(not _fits(first, part) for _, part in parts):
            continue
        first.names = [name, *first.names]
        _join(first, parts)
        gone = [part for _, part in parts if part is not first]
        draft.targets = [target for target in draft.targets if all(target is not part for part in gone)]


def _parts(target: Target) -> tuple[str, str] | None:
    platforms = target.settings.get("platforms", [])
    if len(platforms) != 1:
        return None
    tail = "_" + platforms[0].replace("/", "-")
    name = target.names[0]
    return (name.removesuffix(tail), platforms[0]) if name.endswith(tail) and name != tail else None


def _fits(first: Target, part: Target) -> bool:
    same_tags = {(line.repository, line.tag) for line in first.tags} == {
        (line.repository, line.tag) for line in part.tags
    }
    return first is part or (same_tags and first.when == part.when and first.publish == part.publish)


def _join(first: Target, parts: list[tuple[str, Target]]) -> None:
    base = {key: value for key, value in first.settings.items() if key != "platforms"}
    platforms = list(first.settings["platforms"])
    for platform, part in parts:
        if platform not in platforms:
            platforms.append(platform)
        if part is first:
            continue
        own = differences(base, part.settings)
        if own:
            first.platform_settings[platform] = own
    first.settings["platforms"] = platforms


def differences(base: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """What a platform sets otherwise; what it does not have is unset."""
    own: dict[str, Any] = {}
    unset: list[str] = []
    for key in base.keys() | (settings.keys() - {"platforms"}):
        value = settings.get(key)
        if value == base.get(key):
            continue
        if isinstance(base.get(key), dict) and isinstance(value, dict):
            changed = {name: item for name, item in value.items() if base[key].get(name) != item}
            unset += [f"{key}.{name}" for name in base[key] if name not in value]
            if changed:
                own[key] = changed
        elif value is None:
            unset.append(key)
        else:
            own[key] = value
    return {**dict(sorted(own.items())), "unset": sorted(unset)} if unset else dict(sorted(own.items()))
