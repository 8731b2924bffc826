"""`docker buildx bake --print` as a release file. Bake reference: docs.docker.com/build/bake/reference.

JSON only: what bake printed, or a docker-bake.json that has no variables, functions or matrices.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from typing import Any

from shipset.errors import UsageError
from shipset.importers import build_flags
from shipset.importers.bake_groups import apply_groups
from shipset.importers.bake_platforms import join_platforms
from shipset.importers.draft import MAX_TARGETS, Draft, TagLine, Target, is_platform, is_reference, split_reference
from shipset.importers.render import finish
from shipset.importers.source import as_mapping, as_text, as_texts, read_source, refuse_depth
from shipset.importers.texts import NotUnderstoodError, escaped
from shipset.importers.values import Imported

PRINT_HINT = "docker buildx bake --print > bake.json, then import bake.json"
BASE_ARGUMENT = "BASE_IMAGE"
MAX_INHERITANCE = 50
# A target's key → key of the release file, where the value is taken as it is.
_TEXTS = {"context": "context", "dockerfile": "dockerfile", "target": "target", "network": "network"}
_SWITCHES = {"no-cache": "no_cache", "pull": "pull"}
_MAPS = {"args": "args", "labels": "labels"}
_UNKNOWN = "the release file has no such setting"
_WHY_NOT = {
    "dockerfile-inline": "the release file names Dockerfiles, it holds none; write it to a file",
    "no-cache-filter": "the release file can only leave out the cache of all stages, by no_cache",
    "call": "a release only builds",
}
_IGNORED = {"tags", "platforms", "inherits", "description", "name", "load", "push"}


def from_bake(text_or_path: str | os.PathLike[str], *, name: str = "") -> Imported:
    """A release file with the targets of a bake definition as variants.

    Takes JSON as ``docker buildx bake --print`` writes it. ``name`` is the name of the release; by default the last
    part of the repository. Raises UsageError for what is no such JSON.
    """
    file, text = read_source(text_or_path)
    targets, groups = _definition(text, file)
    draft = Draft(origin=f"the bake definition {os.path.basename(file)}", name=name)
    draft.targets = [_target(draft, key, _inherited(targets, key, file)) for key in targets]
    if not draft.targets:
        raise UsageError(f"cannot import {file}", why="it has no target", hint=PRINT_HINT)
    draft.name = name or _name_of_repository(draft) or "app"
    try:
        apply_groups(draft, groups)
    except NotUnderstoodError as error:
        raise UsageError(f"cannot import {file}", why=str(error)) from error
    join_platforms(draft)
    return finish(draft)


def _definition(text: str, file: str) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Targets by name, and the members of each group."""
    data = _parsed(text, file)
    for key in ("variable", "function"):
        if data.get(key):
            raise UsageError(f"cannot import {file}", why=f"it has a {key}, which only bake evaluates", hint=PRINT_HINT)
    targets = data.get("target", {})
    groups = data.get("group", {})
    if not isinstance(targets, dict) or not isinstance(groups, dict) or not all(map(_is_object, targets.values())):
        raise UsageError(f"cannot import {file}", why="target and group are not objects of objects", hint=PRINT_HINT)
    if len(targets) > MAX_TARGETS or len(groups) > MAX_TARGETS:
        raise UsageError(f"cannot import {file}", why=f"it has more than {MAX_TARGETS} targets or groups")
    for key, target in targets.items():
        if "matrix" in target:
            why = f"target {key!r} has a matrix, which only bake evaluates"
            raise UsageError(f"cannot import {file}", why=why, hint=PRINT_HINT)
    return targets, {key: as_texts(as_mapping(group).get("targets") or []) for key, group in groups.items()}


def _parsed(text: str, file: str) -> dict[str, Any]:
    if file.endswith(".hcl") or re.search(r'^\s*(target|group|variable|function)\s+"', text, re.MULTILINE):
        raise UsageError(f"cannot import {file}", why="it is HCL, which only bake evaluates", hint=PRINT_HINT)
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise UsageError(f"cannot import {file}", why="it is nested too deeply") from error
    except json.JSONDecodeError as error:
        why = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise UsageError(f"cannot import {file}: it is not JSON", why=why, hint=PRINT_HINT) from error
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"cannot import {file}: it is not JSON", why=str(error)) from error
    refuse_depth(data, file)
    if not isinstance(data, dict) or "target" not in data:
        raise UsageError(f"cannot import {file}", why="it has no object `target`", hint=PRINT_HINT)
    return data


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _inherited(targets: dict[str, dict[str, Any]], key: str, file: str, depth: int = 0) -> dict[str, Any]:
    """A target with what it inherits: objects are merged, everything else is replaced."""
    if depth > MAX_INHERITANCE:
        raise UsageError(f"cannot import {file}", why=f"target {key!r} inherits from itself, or over too many levels")
    own = targets[key]
    out: dict[str, Any] = {}
    parents = as_texts(own.get("inherits") or [])
    for layer in [*(_inherited(targets, parent, file, depth + 1) for parent in parents if parent in targets), own]:
        for name, value in layer.items():
            old = out.get(name)
            out[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _target(draft: Draft, key: str, data: dict[str, Any]) -> Target:
    place = f"target {key}"
    target = Target(place, [key], keeps_name=True)
    target.comment = " ".join((as_text(data.get("description")) or "").split())

    def leave(what: str, why: str) -> None:
        draft.leave(place, what, why)

    settings = target.settings
    for name, value in data.items():
        if value is None or (isinstance(value, list | dict) and not value):
            continue
        if name in _TEXTS:
            if (text := as_text(value)) is not None:
                settings[_TEXTS[name]] = escaped(text)
            else:
                leave(name, "it is not a text")
        elif name in _SWITCHES:
            settings[_SWITCHES[name]] = value is True or str(value).lower() == "true"
        elif name in _MAPS:
            settings[_MAPS[name]] = _texts_by_name(value, name, leave)
        elif name in _LISTS:
            _LISTS[name](target, value, leave)
        elif name not in _IGNORED:
            leave(name, _WHY_NOT.get(name, _UNKNOWN))
    settings["platforms"] = _platforms(data.get("platforms"), leave)
    _place_dockerfile(settings)
    _name_base_argument(target, leave)
    _take_base(settings)
    _take_tags(draft, target, as_texts(data.get("tags") or []))
    return target


def _texts_by_name(value: Any, kind: str, leave: build_flags.Leave) -> dict[str, str]:
    out = {}
    for name, item in as_mapping(value).items():
        text = as_text(item)
        if text is not None:
            out[name] = escaped(text)
        elif item is None:
            leave(f"{kind} {name}", "it has no value: bake takes it from its environment; add an input")
        else:
            leave(f"{kind} {name}", "its value is not a text")
    return out


def _platforms(value: Any, leave: build_flags.Leave) -> list[str]:
    out: list[str] = []
    for text in (part.strip() for entry in as_texts(value or []) for part in entry.split(",")):
        if not is_platform(text):
            leave(f"platform {text}", "it is not os/architecture")
        elif text not in out:
            out.append(text)
    return out


def _place_dockerfile(settings: dict[str, Any]) -> None:
    """Bake looks for the Dockerfile below a local context, the release file beside itself."""
    context, dockerfile = settings.get("context", "."), settings.get("dockerfile", "Dockerfile")
    if "://" not in context and not context.startswith("git@") and not dockerfile.startswith("/"):
        settings["context"] = posixpath.normpath(context)
        settings["dockerfile"] = posixpath.normpath(posixpath.join(context, dockerfile))


def _take_base(settings: dict[str, Any]) -> None:
    """The argument that carries the base image becomes the base, which a plan pins to its digest."""
    args = settings.get("args", {})
    image = args.get(BASE_ARGUMENT, "")
    if image and "base" not in settings and "{" not in image and is_reference(image):
        settings["base"] = args.pop(BASE_ARGUMENT)


def _take_tags(draft: Draft, target: Target, references: list[str]) -> None:
    for reference in references:
        split = split_reference(escaped(reference))
        if split is None or not is_reference(reference):
            draft.leave(target.place, f"tag {reference}", "it is not REPOSITORY:TAG")
        else:
            target.tags.append(TagLine(*split))


def _name_of_repository(draft: Draft) -> str:
    repositories = [line.repository for target in draft.targets for line in target.tags]
    return repositories[0].rsplit("/", 1)[-1] if repositories else ""


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _escaped(values: list[str]) -> list[str]:
    return [escaped(value) for value in values]


def _annotations(target: Target, value: Any, leave: build_flags.Leave) -> None:
    found: dict[str, str] = {}
    for entry in as_texts(value):
        name, equals, text = entry.partition("=")
        level, colon, rest = name.partition(":")
        if not equals or not name or "[" in level or "," in level:
            leave(f"annotation {name}", "the release file has annotations of index or manifest for all platforms only")
        elif colon and level.endswith("descriptor"):
            leave(f"annotation {name}", "annotations of descriptors are not carried over")
        else:
            found[f"{level}:{rest}" if colon and level in ("index", "manifest") else name] = escaped(text)
    target.settings["annotations"] = found


def _contexts(target: Target, value: Any, leave: build_flags.Leave) -> None:
    """`target:NAME` is a variant below this one, which the Dockerfile gets as a build argument."""
    others = {}
    below = []
    for name, place in as_mapping(value).items():
        text = as_text(place) or ""
        if text.startswith("target:"):
            below.append((name, text.removeprefix("target:")))
        elif text:
            others[name] = escaped(text)
    target.settings["contexts"] = others
    if len(below) == 1:
        target.settings["base"] = f"variant:{below[0][1]}"
        target.base_context = below[0][0]
    else:
        for name, other in below:
            leave(f"context {name} = target:{other}", "a variant stands on one other variant; use `bases` for more")


def _name_base_argument(target: Target, leave: build_flags.Leave) -> None:
    """An argument that names the context of the variant below is what carries it in the release file, too."""
    if not target.base_context:
        return
    args = target.settings.get("args", {})
    carriers = [name for name, value in args.items() if value == escaped(target.base_context)]
    if BASE_ARGUMENT in carriers:
        del args[BASE_ARGUMENT]
    elif carriers:
        target.settings["base"] = {"image": target.settings["base"], "arg": carriers[0]}
        del args[carriers[0]]
    else:
        leave(
            f"the name {target.base_context!r} of context target:{target.settings['base'].removeprefix('variant:')}",
            f"the variant comes as build argument {BASE_ARGUMENT}: the Dockerfile needs ARG {BASE_ARGUMENT} and "
            f"FROM ${{{BASE_ARGUMENT}}} in place of FROM {target.base_context}",
        )


def _caches_from(target: Target, value: Any, leave: build_flags.Leave) -> None:
    target.settings["cache_from"] = _escaped(build_flags.caches(value, leave))


def _caches_to(target: Target, value: Any, leave: build_flags.Leave) -> None:
    target.settings["cache_to"] = _escaped(build_flags.caches(value, leave))


def _secrets(target: Target, value: Any, leave: build_flags.Leave) -> None:
    found = build_flags.secrets(value, leave)
    target.settings["secrets"] = [{name: escaped(text) for name, text in secret.items()} for secret in found]


def _ssh(target: Target, value: Any, leave: build_flags.Leave) -> None:
    del leave
    target.settings["ssh"] = _escaped(build_flags.ssh(value))


def _ulimits(target: Target, value: Any, leave: build_flags.Leave) -> None:
    del leave
    target.settings["ulimits"] = _escaped(as_texts(value))


def _attest(target: Target, value: Any, leave: build_flags.Leave) -> None:
    target.settings["attestations"] = build_flags.attestations(value, leave)


def _output(target: Target, value: Any, leave: build_flags.Leave) -> None:
    if any((build_flags.fields(entry) or {}).get("rewrite-timestamp") == "true" for entry in _entries(value)):
        target.settings["rewrite_timestamp"] = True
    for name in build_flags.outputs(value, leave):
        if is_reference(name) and not target.repositories:
            target.repositories = [escaped(name)]


_LISTS = {
    "annotations": _annotations,
    "contexts": _contexts,
    "cache-from": _caches_from,
    "cache-to": _caches_to,
    "secret": _secrets,
    "ssh": _ssh,
    "ulimits": _ulimits,
    "attest": _attest,
    "output": _output,
}
