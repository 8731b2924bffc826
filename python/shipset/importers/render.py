"""Makes the text of a release file of a draft: common settings in [build], what differs in the variants."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shipset.importers.draft import DEFAULT_PLATFORM, Draft, Target, variant_name
from shipset.importers.tag_rules import arrange
from shipset.importers.toml_text import section
from shipset.importers.values import Imported

# In the order of the file. A table is merged by key between [build] and a variant; everything else is replaced.
KEYS = (
    "context",
    "dockerfile",
    "target",
    "platforms",
    "base",
    "bases",
    "args",
    "labels",
    "annotations",
    "contexts",
    "cache_from",
    "cache_to",
    "secrets",
    "ssh",
    "network",
    "ulimits",
    "no_cache",
    "pull",
    "rewrite_timestamp",
    "attestations",
    "ci",
)
TABLES = ("bases", "args", "labels", "annotations", "contexts", "attestations", "ci")
DEFAULTS = {"context": ".", "dockerfile": "Dockerfile"}


def finish(draft: Draft) -> Imported:
    """The release file with every remark."""
    for target in draft.targets:
        if not target.settings.get("platforms"):
            target.settings["platforms"] = [DEFAULT_PLATFORM]
            why = f"none is set, so the builder would choose; the release file says {DEFAULT_PLATFORM}"
            draft.note(target.place, "platforms", why)
    arrange(draft)
    _name_bases(draft.targets)
    common = _lift_settings(draft.targets)
    repositories = _lift_repositories(draft)
    parts = [section("[release]", _release(draft, repositories))]
    parts += [section(f"[inputs.{name}]", values) for name, values in draft.inputs.items()]
    if draft.allowed_env:
        parts.append(section("[env]", {"allow": draft.allowed_env}))
    attestations, ci = common.pop("attestations", None), common.pop("ci", None)
    parts.append(section("[build]", {"backend": "buildx", **common}))
    if draft.builder:
        parts.append(section("[build.builder]", draft.builder))
    if not any(target.tags for target in draft.targets):
        draft.leave(draft.origin, "tags", "no image has a tag that could be read; write rules in [tags]")
    if draft.rules:
        parts.append(section("[tags]", {**({"flavor": draft.flavor} if draft.flavor else {}), "rules": draft.rules}))
    if attestations:
        parts.append(section("[attestations]", attestations))
    if ci:
        parts.append(section("[ci]", ci))
    parts += [section("[[gate]]", gate) for gate in draft.gates]
    parts += [_variant(target) for target in draft.targets]
    return Imported("\n".join([_header(draft), *parts]), tuple(draft.left_out), tuple(draft.notes))


def _name_bases(targets: list[Target]) -> None:
    """Bases on other variants by the names that these have now."""
    names = {name: target.name for target in reversed(targets) for name in reversed(target.names)}
    for target in targets:
        base = target.settings.get("base", "")
        if isinstance(base, str) and base.startswith("variant:"):
            target.settings["base"] = f"variant:{names[base.removeprefix('variant:')]}"
        elif isinstance(base, dict):
            target.settings["base"] = {**base, "image": f"variant:{names[base['image'].removeprefix('variant:')]}"}


def _header(draft: Draft) -> str:
    lines = [f"# Imported from {draft.origin}.", "#", "#   shipset check    every mistake in this file"]
    lines += ["#   shipset plan     what a release would do", "#   shipset release  does it"]
    if draft.left_out:
        lines += ["#", "# Left out:"] + [f"#   {_comment(str(remark))}" for remark in draft.left_out]
    if draft.notes:
        lines += ["#", "# Otherwise than before:"] + [f"#   {_comment(str(remark))}" for remark in draft.notes]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _release(draft: Draft, repositories: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"name": draft.name}
    if draft.version:
        values["version"] = draft.version
    if draft.version_otherwise:
        tagged = {"when": 'git.ref_type == "tag"', "value": draft.version}
        values["version"] = [tagged, {"value": draft.version_otherwise}]
    if draft.scheme and draft.scheme != "semver":
        values["scheme"] = draft.scheme
    if not repositories and not any(target.repositories for target in draft.targets):
        repositories = [f"example.com/{variant_name(draft.name) or 'app'}"]
        why = f"no image has a tag with a repository; the release file says {repositories[0]}"
        draft.leave(draft.origin, "repository", why)
    if repositories:
        values["repositories"] = repositories
    return values


def _lift_repositories(draft: Draft) -> list[str]:
    counted = Counter(tuple(target.repositories) for target in draft.targets if target.repositories)
    if not counted:
        return []
    common = list(counted.most_common(1)[0][0])
    for target in draft.targets:
        if target.repositories == common:
            target.repositories = []
    return common


def _lift_settings(targets: list[Target]) -> dict[str, Any]:
    """Takes out of the targets what they share, and returns it."""
    common: dict[str, Any] = {}
    for key in KEYS:
        values = [target.settings.get(key, DEFAULTS.get(key)) for target in targets]
        if key in TABLES:
            lifted = _lift_table(key, targets)
            if lifted:
                common[key] = lifted
            continue
        if not values or any(value is None for value in values):
            continue
        counted = Counter(map(repr, values))
        best = max(values, key=lambda value: counted[repr(value)])
        is_shared = counted[repr(best)] == len(values)
        if not is_shared and (key == "target" or counted[repr(best)] == 1):
            best = DEFAULTS.get(key)
        if best is not None and best != DEFAULTS.get(key):
            common[key] = best
        for target, value in zip(targets, values, strict=True):
            if value == best:
                target.settings.pop(key, None)
            elif key in DEFAULTS:
                target.settings[key] = value
    return common


def _lift_table(key: str, targets: list[Target]) -> dict[str, Any]:
    tables = [target.settings.get(key) or {} for target in targets]
    if not tables:
        return {}
    shared = {name: value for name, value in tables[0].items() if all(name in t and t[name] == value for t in tables)}
    for target, table in zip(targets, tables, strict=True):
        own = {name: value for name, value in table.items() if name not in shared}
        if own:
            target.settings[key] = own
        else:
            target.settings.pop(key, None)
    return shared


def _variant(target: Target) -> str:
    values: dict[str, Any] = {"name": target.name}
    if target.suffix != target.name:
        values["suffix"] = target.suffix
    if target.when is not True:
        values["when"] = target.when
    if not target.publish:
        values["publish"] = False
    if target.repositories:
        values["repositories"] = target.repositories
    values |= {key: target.settings[key] for key in KEYS if key in target.settings and key not in TABLES}
    tables = {key: target.settings[key] for key in TABLES if key in target.settings}
    if target.rules:
        flavor = {"flavor": target.flavor} if any("rule" in rule for rule in target.rules) else {}
        tables = {"tags": {**flavor, "rules": target.rules}, **tables}
    text = section("[[variant]]", values | tables, comment=_comment(target.comment))
    for platform, settings in target.platform_settings.items():
        text += "\n" + section(f'[variant.platform."{platform}"]', settings)
    return text
