"""A step of docker/build-push-action as a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shipset.importers import build_flags
from shipset.importers.bake import BASE_ARGUMENT
from shipset.importers.draft import Draft, TagLine, Target, is_platform, is_reference, split_reference, variant_name
from shipset.importers.shell_tags import exclusive
from shipset.importers.source import as_mapping, as_text
from shipset.importers.texts import Condition, NotUnderstoodError, Text, both, is_name, pieces_of, unescaped
from shipset.importers.translate import OutputLine, Scope

_UNKNOWN = "the release file has no such setting"
_TEXTS = {"context": "context", "file": "dockerfile", "target": "target", "network": "network"}
_SWITCHES = {"no-cache": "no_cache", "pull": "pull"}
_NOISE = {"build", "and", "push", "publish", "image", "images", "docker", "the", "to", "release", "step", "container"}
_IGNORED = {"push", "load", "builder", "tags", "platforms", "github-token"}
_DEFAULT_CONTEXT = "{{{{defaultContext}}}}"
_WHY_NOT = {"secret-envs": "write `secrets` with `env`", "secret-files": "write `secrets` with `file`"}


class StepReader:
    """Reads the inputs of one step in one combination of the matrix."""

    def __init__(self, draft: Draft, scope: Scope, place: str) -> None:
        self._draft, self._scope, self._place = draft, scope, place
        self._settings: dict[str, Any] = {}

    def target(self, step: dict[str, Any], when: Condition, names: list[str]) -> Target:
        """The target, with everything that could be read of it."""
        given = as_mapping(step.get("with"))
        target = Target(self._place, [], self._settings, when=when)
        target.names = [*self._names(step, given), *names]
        for name, value in given.items():
            if value is None or name in _IGNORED:
                continue
            if name in _TEXTS:
                self._put(_TEXTS[name], name, value)
            elif name in _SWITCHES:
                self._switch(_SWITCHES[name], name, value)
            elif name in _READERS:
                _READERS[name](self, value)
            else:
                self._leave(name, _WHY_NOT.get(name, _UNKNOWN))
        self._context()
        self._settings["platforms"] = self._platforms(given.get("platforms"))
        self._take_base()
        self._tags(target, given)
        if "outputs" in given:
            self._outputs(target, given["outputs"])
        return target

    def _leave(self, what: str, why: str) -> None:
        self._draft.leave(self._place, what, why)

    def _names(self, step: dict[str, Any], given: dict[str, Any]) -> list[str]:
        """The output that its tags come from, the matrix, its id, its title."""
        names = []
        tags = as_text(given.get("tags")) or ""
        if ".outputs." in tags and tags.count("${{") == 1 and self._scope.matrix is None:
            output = tags.split(".outputs.")[1].split("}")[0].strip(" ']\"")
            names.append(output.removesuffix("_tags").removesuffix("-tags") if output not in ("tags", "json") else "")
        if self._scope.matrix and "push-by-digest=true" not in (as_text(given.get("outputs")) or ""):
            values = [as_text(value) for value in self._scope.matrix.values()]
            names.append("-".join(value for value in values if value and len(value) <= 40 and "/" not in value))  # noqa: PLR2004
        title = [word for word in variant_name(as_text(step.get("name")) or "").split("-") if word not in _NOISE]
        identity = as_text(step.get("id")) or ""
        names += [identity if identity not in ("build", "push", "docker_build", "build-push") else "", "-".join(title)]
        return [name for name in names if name]

    def _text(self, what: str, value: Any) -> Text | None:
        try:
            return self._scope.text(value)
        except NotUnderstoodError as error:
            self._leave(what, str(error))
            return None

    def _put(self, key: str, what: str, value: Any) -> None:
        text = self._text(f"{what}: {as_text(value)}", value)
        if text is not None and text.single != "":
            self._settings[key] = text.value()

    def _switch(self, key: str, what: str, value: Any) -> None:
        try:
            condition = self._scope.condition(value)
        except NotUnderstoodError as error:
            self._leave(f"{what}: {as_text(value)}", str(error))
            return
        if isinstance(condition, bool):
            if condition:
                self._settings[key] = True
        else:
            self._settings[key] = [{"when": condition, "value": True}, {"value": False}]

    def _entries(self, what: str, value: Any) -> list[str]:
        """A list, one entry a line, as templates."""
        out: list[str] = []
        for line in build_flags.lines(as_text(value) or ""):
            text = self._text(f"{what} {line}", line)
            if text is None:
                continue
            if text.single is None:
                self._leave(f"{what} {line}", "a condition inside an entry of this list")
            elif text.single:
                out += text.single.split("\n")
        return out

    def _pairs(self, key: str, what: str, value: Any) -> None:
        table: dict[str, Any] = {}
        lines = self._output_lines(value)
        entries = [(line.template, line.template) for line in lines] if lines is not None else []
        for line in build_flags.lines(as_text(value) or "") if lines is None else []:
            entries.append((line, ""))
        for line, template in entries:
            name, equals, rest = line.partition("=")
            if not equals or "${{" in name:
                self._leave(f"{what} {line}", "it is not NAME=VALUE; a bare name takes its value from the environment")
                continue
            text = Text.template(rest) if template else self._text(f"{what} {name}", rest)
            if text is not None:
                table[name.strip()] = text.value()
        if table:
            self._settings[key] = {**self._settings.get(key, {}), **table}

    def _output_lines(self, value: Any) -> list[OutputLine] | None:
        try:
            return self._scope.lines(value)
        except NotUnderstoodError:
            return None

    def _args(self, value: Any) -> None:
        self._pairs("args", "build-args", value)

    def _labels(self, value: Any) -> None:
        self._pairs("labels", "labels", value)

    def _annotations(self, value: Any) -> None:
        if self._output_lines(value) is not None:
            return
        self._pairs("annotations", "annotations", value)
        for name in list(self._settings.get("annotations", {})):
            level = name.partition(":")[0] if ":" in name else ""
            if "," in level or "[" in level or level.endswith("descriptor"):
                del self._settings["annotations"][name]
                self._leave(
                    f"annotation {name}", "the release file has annotations of index or manifest for all platforms"
                )

    def _contexts(self, value: Any) -> None:
        self._pairs("contexts", "build-contexts", value)

    def _caches_from(self, value: Any) -> None:
        self._settings["cache_from"] = build_flags.caches(self._entries("cache-from", value), self._leave)

    def _caches_to(self, value: Any) -> None:
        self._settings["cache_to"] = build_flags.caches(self._entries("cache-to", value), self._leave)

    def _secrets(self, value: Any) -> None:
        """`id=value`: where the value comes from is not said to the release file, only the variable's name."""
        found = []
        for line in build_flags.lines(as_text(value) or ""):
            name = line.partition("=")[0].strip().strip('"')
            if not name or "${{" in name:
                self._leave("secrets", "an entry that is not ID=VALUE")
                continue
            secret = build_flags.secrets([{"id": name}], self._leave)[0]
            found.append(secret)
            why = f"its value is read from the environment variable {secret['env']}"
            self._draft.note(self._place, f"build secret {name}", why)
        self._settings["secrets"] = found

    def _ssh(self, value: Any) -> None:
        self._settings["ssh"] = self._entries("ssh", value)

    def _ulimits(self, value: Any) -> None:
        self._settings["ulimits"] = self._entries("ulimit", value)

    def _attestation(self, kind: str, value: Any) -> None:
        text = self._text(f"{kind}: {as_text(value)}", value)
        if text is None:
            return
        rows = []
        for when, template in text.alternatives:
            found = build_flags.switch(kind, template, self._leave).get(kind)
            rows.append({"value": found} if when is True else {"when": when, "value": found})
        value = rows[0]["value"] if len(rows) == 1 else rows
        self._settings["attestations"] = {**self._settings.get("attestations", {}), kind: value}

    def _sbom(self, value: Any) -> None:
        self._attestation("sbom", value)

    def _provenance(self, value: Any) -> None:
        self._attestation("provenance", value)

    def _attests(self, value: Any) -> None:
        found = build_flags.attestations(self._entries("attests", value), self._leave)
        self._settings["attestations"] = {**self._settings.get("attestations", {}), **found}

    def _outputs(self, target: Target, value: Any) -> None:
        target.is_by_digest = "push-by-digest=true" in (as_text(value) or "")
        names = [
            name for entry in self._entries("outputs", value) for name in build_flags.outputs([entry], self._leave)
        ]
        if not target.tags and names:
            target.repositories = names[:1]

    def _context(self) -> None:
        """Without a context the action builds the pushed commit; a release builds the folder of the release file."""
        context = self._settings.get("context")
        if isinstance(context, str) and context.startswith(_DEFAULT_CONTEXT):
            context = context.removeprefix(_DEFAULT_CONTEXT).removeprefix(":") or "."
            if isinstance(self._settings.get("dockerfile"), str) and context != ".":
                self._settings["dockerfile"] = f"{context}/{self._settings['dockerfile'].removeprefix('./')}"
        if isinstance(context, str):
            path = context.removeprefix("./").rstrip("/") if context not in (".", "./", "/") else "."
            self._settings["context"] = path or "."
        dockerfile = self._settings.get("dockerfile")
        if isinstance(dockerfile, str):
            self._settings["dockerfile"] = dockerfile.removeprefix("./")
        elif dockerfile is None and isinstance(context, str) and self._settings["context"] != ".":
            place = f"{self._settings['context']}/Dockerfile"
            self._settings["dockerfile"] = place if "://" not in place else "Dockerfile"

    def _platforms(self, value: Any) -> list[Any]:
        out: list[Any] = []
        if value is None:
            return out
        text = self._text(f"platforms: {as_text(value)}", value)
        for when, template in exclusive(text.alternatives) if text is not None else []:
            for name in (part.strip() for part in template.replace("\n", ",").split(",")):
                literal = unescaped(name)
                if literal is None:
                    self._leave(f"platforms: {as_text(value)}", "platforms of an input are not carried over")
                elif literal and not is_platform(literal):
                    self._leave(f"platform {literal}", "it is not os/architecture")
                elif literal:
                    entry = literal if when is True else [{"when": when, "value": literal}]
                    if entry not in out:
                        out.append(entry)
        return out

    def _take_base(self) -> None:
        args = self._settings.get("args", {})
        image = args.get(BASE_ARGUMENT)
        if isinstance(image, str) and image and (literal := unescaped(image)) and is_reference(literal):
            self._settings["base"] = args.pop(BASE_ARGUMENT)

    def _tags(self, target: Target, given: dict[str, Any]) -> None:
        for line in self._tag_lines(given.get("tags")):
            split = split_reference(line.template)
            if split is None:
                self._leave(f"tag {line.template}", "repository and tag cannot be told apart")
            else:
                target.tags.append(tag_line(line, split))

    def _tag_lines(self, value: Any) -> list[OutputLine]:
        out: list[OutputLine] = []
        text = as_text(value) or ""
        entries = [text] if "\n" not in text.strip() else list(build_flags.lines(text))
        for entry in entries:
            try:
                lines = self._scope.lines(entry.strip())
                if lines is None:
                    lines = [OutputLine(when, part) for when, part in exclusive(self._scope.text(entry).alternatives)]
            except NotUnderstoodError as error:
                self._leave(f"tags {entry}", str(error))
                continue
            for line in lines:
                parts = [part.strip() for row in line.template.split("\n") for part in row.split(",")]
                out += [replace(line, template=part) for part in parts if part]
        return out


_READERS: dict[str, Callable[[StepReader, Any], None]] = {
    "build-args": StepReader._args,
    "labels": StepReader._labels,
    "annotations": StepReader._annotations,
    "build-contexts": StepReader._contexts,
    "cache-from": StepReader._caches_from,
    "cache-to": StepReader._caches_to,
    "secrets": StepReader._secrets,
    "ssh": StepReader._ssh,
    "ulimit": StepReader._ulimits,
    "sbom": StepReader._sbom,
    "provenance": StepReader._provenance,
    "attests": StepReader._attests,
    "outputs": lambda reader, value: None,
}


def tag_line(line: OutputLine, split: tuple[str, str]) -> TagLine:
    """An output's line as a tag of a repository."""
    return TagLine(lower_case(split[0]), split[1], line.when, line.moves, line.rule, line.flavor)


def lower_case(repository: str) -> str:
    """As registries want it; names in braces stay."""
    return "".join(piece if is_name(piece) else piece.lower() for piece in pieces_of(repository))


def is_test_build(step: dict[str, Any]) -> bool:
    """Whether the step only loads its image into the machine's Docker."""
    given = as_mapping(step.get("with"))
    return given.get("load") is True and given.get("push") is not True


def holds(scope: Scope, draft: Draft, place: str, condition: Any) -> Condition:
    """The condition of a job or step; what has no counterpart is left out, and the rest still counts."""
    if condition is None:
        return True
    try:
        return scope.condition(condition)
    except NotUnderstoodError as error:
        draft.leave(place, f"if: {as_text(condition)}", str(error))
        return True


def all_hold(*conditions: Condition) -> Condition:
    """All of them."""
    out: Condition = True
    for condition in conditions:
        out = both(out, condition)
    return out
