"""Finds the rules behind lists of tags: the version that variants share, each variant's suffix, `latest` and the rest.

Tags are templates. A tag that is the version, or `latest`, and a suffix becomes `{version}{-suffix}` or
`latest{-suffix}`; where all variants have the same rules they stand once for the release, else with the variant.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from shipset.importers.draft import Draft, TagLine, Target, unique_name, variant_name
from shipset.importers.texts import cuts, escaped, is_name, pieces_of, unescaped

LATEST = "latest"
# Words that name a stream of releases, not one of them.
_STREAMS = {"alpha", "beta", "canary", "dev", "develop", "edge", "lts", "main", "master", "next", "nightly", "stable"}
_VERSION_NAMES = {"VERSION", "APP_VERSION", "RELEASE_VERSION", "org.opencontainers.image.version"}
_SCHEMES = (
    ("semver", re.compile(r"v?\d+\.\d+\.\d+([-+].*)?")),
    ("calver", re.compile(r"v?\d{4}[.-]\d{1,2}([.-].*)?")),
    ("integer", re.compile(r"b?\d+")),
)
_VERSION_INPUT = re.compile(r"\{(inputs\.[\w-]*(?:version|tag|release)[\w-]*|git\.tag)\}", re.IGNORECASE)
_NUMBERS = re.compile(r"(v?)(\d+)\.(\d+)\.(\d+)")
_PARTIAL = re.compile(r"\{version\.(major|minor)\}")
_SUFFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")


def arrange(draft: Draft) -> None:
    """Gives every target its name, suffix, repositories and rules, and the release its version and rules."""
    tagged = [target for target in draft.targets if target.tags]
    for target in tagged:
        _choose_repositories(draft, target)
    version = draft.version or _shared_version([_tags(target) for target in tagged], _names(tagged))
    stems = _stems_of(version, is_declared=bool(draft.version))
    for target in draft.targets:
        _choose_suffix(target, stems)
    _name_targets(draft)
    for target in tagged:
        target.rules = [_rule(line, target, stems, has_version=bool(version)) for line in target.tags]
        target.rules = [rule for index, rule in enumerate(target.rules) if rule not in target.rules[:index]]
    _declare_version(draft, version)
    _lift_rules(draft, tagged)


def _tags(target: Target) -> list[str]:
    return [line.tag for line in target.tags if not line.rule]


def _names(targets: list[Target]) -> list[list[str]]:
    return [[variant_name(name) for name in target.names] for target in targets]


def _choose_repositories(draft: Draft, target: Target) -> None:
    """Every tag goes to each repository of a variant, so tags that only one of several has are left out."""
    by_repository: dict[str, list[TagLine]] = {}
    for line in target.tags:
        same = by_repository.setdefault(line.repository, [])
        if all(not _same(known, line) for known in same):
            same.append(line)
    lists = list(by_repository.values())
    common = [line for line in lists[0] if all(any(_same(line, other) for other in lines) for lines in lists[1:])]
    if not common:
        by_repository = {lines[0].repository: lines for lines in lists[:1]}
        common = lists[0]
    for line in target.tags:
        if line.repository not in by_repository or not any(_same(line, other) for other in common):
            what = f"tag {line.repository}:{line.tag}"
            draft.leave(target.place, what, "the repositories of this image have different tags; write them by hand")
    target.repositories, target.tags = list(by_repository), common


def _same(left: TagLine, right: TagLine) -> bool:
    return (left.tag, left.when, left.rule) == (right.tag, right.when, right.rule)


def _splits(tag: str) -> list[tuple[str, str]]:
    return [(tag, ""), *((head, tail) for head, tail in cuts(tag, "-") if head and tail)]


def _shared_version(tag_lists: list[list[str]], names: list[list[str]]) -> str:
    """The head that a tag of every target has before its suffix; "" when there is none that can be a version."""
    counted: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for tags, own_names in zip(tag_lists, names, strict=True):
        heads = {head: tail for tag in tags for head, tail in reversed(_splits(tag))}
        known = {*own_names, *(tag.removeprefix(f"{LATEST}-") for tag in tags if tag.startswith(f"{LATEST}-"))}
        counted.update(heads.keys())
        for head, tail in heads.items():
            named[head] += 2 if tail in known else 1 if not tail else 0
    shared = [head for head, count in counted.items() if count == len(tag_lists) and _may_be_version(head)]
    return max(shared, key=lambda head: (_looks(head), named[head], len(head)), default="")


def _may_be_version(head: str) -> bool:
    if head.split("-", 1)[0] in {LATEST, *_STREAMS}:
        return False
    return unescaped(head) is not None or _VERSION_INPUT.search(head) is not None


def _looks(head: str) -> int:
    if _VERSION_INPUT.search(head):
        return 3
    text = unescaped(head) or ""
    if _NUMBERS.match(text):
        return 3
    return 2 if any(letter.isdigit() for letter in text) else 1


def _stems_of(version: str, *, is_declared: bool) -> dict[str, str]:
    """Text of a tag without suffix → template. Longest first."""
    stems = {LATEST: LATEST}
    if not version:
        return stems
    if is_declared:
        stems |= {stem: stem for stem in ("{version}", "{version.plain}", "v{version.plain}")}
    stems[version] = "{version}"
    if numbers := _NUMBERS.match(version):
        _, major, minor, _ = numbers.groups()
        plain = version.removeprefix("v")
        partial = "{version.major}.{version.minor}"
        stems |= {plain: "{version.plain}", f"v{plain}": "v{version.plain}"}
        stems |= {f"{major}.{minor}": partial, f"v{major}.{minor}": f"v{partial}"}
        stems |= {major: "{version.major}", f"v{major}": "v{version.major}"}
        stems[version] = "{version}"
    return stems


def _choose_suffix(target: Target, stems: dict[str, str]) -> None:
    if (line := next((line for line in target.tags if line.rule), None)) is not None:
        _take_flavor(target, line.flavor)
        return
    for tag in sorted(_tags(target), key=lambda tag: tag.startswith(LATEST)):
        for head, tail in _splits(tag):
            if (stem := stems.get(head)) and not _PARTIAL.search(stem) and _SUFFIX.fullmatch(tail):
                target.suffix = tail
                return


def _take_flavor(target: Target, flavor: tuple[str, ...]) -> None:
    """The flavor of the dialect; a suffix that is on all tags is the variant's, which the dialect takes by itself."""
    affix = next((entry for entry in flavor if entry.startswith("suffix=")), "suffix=")
    suffix = affix.removeprefix("suffix=").removesuffix(",onlatest=true")
    is_own = affix.endswith(",onlatest=true") and suffix.startswith("-") and _SUFFIX.fullmatch(suffix[1:])
    target.suffix = suffix[1:] if is_own else ""
    target.flavor = [entry for entry in flavor if entry != affix or (suffix and not is_own)]


def _name_targets(draft: Draft) -> None:
    suffixes = Counter(target.suffix for target in draft.targets if target.tags)
    taken: set[str] = set()
    for target in draft.targets:
        own = [target.suffix] if suffixes[target.suffix] == 1 and target.tags and not target.keeps_name else []
        hints = [name for hint in [*own, *target.names, draft.name, "image"] if (name := variant_name(hint))]
        target.name = unique_name(hints[0], taken)
        if not target.tags:
            target.suffix = target.name


def _rule(line: TagLine, target: Target, stems: dict[str, str], *, has_version: bool) -> dict[str, Any]:
    if line.rule:
        return {"rule": line.rule} if line.when is True else {"rule": line.rule, "when": line.when}
    tag = line.tag
    if not target.suffix:
        tag = stems.get(tag, tag) + "{-suffix}"
    elif tag.endswith(f"-{target.suffix}"):
        head = tag[: -len(target.suffix) - 1]
        tag = stems.get(head, head) + "{-suffix}"
    else:
        tag = stems.get(tag, tag)
    rule: dict[str, Any] = {"tag": tag}
    if line.when is not True:
        rule["when"] = line.when
    moves = line.moves or _moves(tag, stems, has_version=has_version)
    if moves != "never":
        rule["moves"] = moves
    return rule


def _moves(tag: str, stems: dict[str, str], *, has_version: bool) -> str:
    """Exact tags name the version, a commit or a time; `latest` and partial versions follow; others always move."""
    stem = tag.removesuffix("{-suffix}")
    if stem == LATEST:
        return "forward" if has_version else "always"
    if _PARTIAL.search(stem):
        return "never" if "{version.patch}" in stem else "forward"
    names = [piece[1:-1] for piece in pieces_of(stem) if is_name(piece)]
    exact = ("version", "version.plain", "git.tag", "git.sha", "git.commit_count", "date")
    if any(name.split(":")[0].split("|")[0] in exact for name in names):
        return "never"
    return "never" if any(_VERSION_INPUT.search("{" + name + "}") for name in names) else "always"


def _declare_version(draft: Draft, version: str) -> None:
    if not version or draft.version:
        return
    literal = unescaped(version)
    draft.version = version
    if literal is None:
        return
    name = unique_name("version", set(draft.inputs))
    text = {"default": escaped(literal), "description": "Version of this release"}
    draft.inputs = {name: text, **draft.inputs}
    draft.version = f"{{inputs.{name}}}"
    for target in draft.targets:
        _name_version(target, version)
    for scheme, pattern in _SCHEMES:
        if pattern.fullmatch(literal):
            draft.scheme = draft.scheme or scheme
            return


def _name_version(target: Target, version: str) -> None:
    """Arguments and labels that tell the version follow it."""
    known = {version.removeprefix("v"): "{version.plain}", version: "{version}"}
    for key in ("args", "labels"):
        table = target.settings.get(key, {})
        for name in _VERSION_NAMES & table.keys():
            table[name] = known.get(table[name], table[name])


def _lift_rules(draft: Draft, tagged: list[Target]) -> None:
    """The rules that most variants have become those of the release; a variant's own replace them."""
    if not tagged:
        return
    counted = Counter(repr((target.rules, target.flavor)) for target in tagged)
    common = max(tagged, key=lambda target: counted[repr((target.rules, target.flavor))])
    draft.rules, draft.flavor = common.rules, common.flavor
    for target in draft.targets:
        if (target.rules, target.flavor) == (draft.rules, draft.flavor):
            target.rules, target.flavor = [], []
