"""Steps of docker/metadata-action as lines of tags, labels and a version. Its README has the rules.

Carried over: semver and pep440 patterns, ref, raw, sha, edge and schedule, with enable, prefix and suffix, and the
flavor. Where a rule has no template (type=match, pull requests, dates of other zones), all stay rules of the dialect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from shipset.importers.build_flags import csv_text, fields, lines
from shipset.importers.draft import Draft
from shipset.importers.source import as_mapping, as_text
from shipset.importers.texts import Condition, NotUnderstoodError, both, escaped, unescaped
from shipset.importers.translate import OutputLine, Outputs, Scope

DEFAULT_TAGS = "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr"
MAX_RULES, MAX_IMAGES = 200, 20
ON_TAG, ON_BRANCH = 'git.ref_type == "tag"', 'git.ref_type == "branch"'
_HANDLEBARS = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PLACE = re.compile(r"\x00(\d+)\x00")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_NAMES = {
    "version": "{version.plain}",
    "raw": "{version}",
    "major": "{version.major}",
    "minor": "{version.minor}",
    "patch": "{version.patch}",
    "sha": "{git.sha:7}",
    "branch": "{git.branch|slug}",
    "tag": "{git.tag}",
}
_TYPES = {"schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"}
DIALECT = "dialect"  # stands in the place of the tags that a rule of the dialect gives
_DATE = (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"))


@dataclass(frozen=True, slots=True)
class _Rule:
    """A line of `tags` with its expressions hidden, so that commas and braces in them do no harm."""

    text: str
    attributes: dict[str, str]


@dataclass(slots=True)
class _Flavor:
    latest: str = "auto"
    prefix: str = ""
    suffix: str = ""
    on_latest: bool = False


class Metadata:
    """One step. ``outputs`` has tags, version and labels for the steps after it."""

    def __init__(self, draft: Draft, scope: Scope, place: str, given: dict[str, Any]) -> None:
        self._draft, self._scope, self._place = draft, scope, place
        self._hidden: list[str] = []
        self._flavor = self._read_flavor(as_text(given.get("flavor")) or "")
        self._found: list[OutputLine] = []
        self._has_latest = False
        self._failed: list[tuple[_Rule, str]] = []
        rules = self._rules(as_text(given.get("tags")) or DEFAULT_TAGS)
        notes, left = list(draft.notes), list(draft.left_out)
        for rule in rules[:MAX_RULES]:
            self._take(rule)
        self._add_latest()
        if self._failed:
            try:
                self._keep_all(rules[:MAX_RULES])
                draft.notes, draft.left_out = notes, left
            except NotUnderstoodError:
                for rule, why in self._failed:
                    self._leave(f"tag rule {rule.text}", why)
        if len(rules) > MAX_RULES:
            self._leave("tags", f"there are more than {MAX_RULES} rules")
        self.outputs: Outputs = {
            "tags": self._references(as_text(given.get("images")) or ""),
            "version": [OutputLine(True, "{version.plain}")] if draft.version else [],
            "labels": self._labels(as_text(given.get("labels")) or ""),
        }

    def _leave(self, what: str, why: str) -> None:
        self._draft.leave(self._place, what, why)

    def _hide(self, text: str) -> str:
        def keep(found: re.Match[str]) -> str:
            self._hidden.append(found[0])
            return f"\x00{len(self._hidden) - 1}\x00"

        return _EXPRESSION.sub(keep, text.replace("\x00", ""))

    def _shown(self, text: str) -> str:
        return _PLACE.sub(lambda found: self._hidden[int(found[1])], text)

    def _rules(self, text: str) -> list[_Rule]:
        out = []
        for line in lines(self._hide(text)):
            found = fields(line) or {}
            if "type" not in found:
                found = {"type": "raw", "value": line} if "=" not in line else {"type": "raw", **found}
            out.append(_Rule(self._shown(line), found))
        return out

    def _read_flavor(self, text: str) -> _Flavor:
        flavor = _Flavor()
        for line in lines(self._hide(text)):
            found = fields(line) or {}
            for name, value in found.items():
                if name == "latest":
                    flavor.latest = self._shown(value)
                elif name in ("prefix", "suffix"):
                    setattr(flavor, name, value)
                elif name == "onlatest":
                    flavor.on_latest = value == "true"
        return flavor

    def _template(self, text: str) -> str:
        """A text of a rule: handlebars of the dialect and expressions of the workflow."""
        out, offset = "", 0
        for found in _HANDLEBARS.finditer(text):
            out += self._plain(text[offset : found.start()]) + self._handlebar(found[1])
            offset = found.end()
        return out + self._plain(text[offset:])

    def _plain(self, text: str) -> str:
        single = self._scope.text(self._shown(text)).single
        if single is None:
            raise NotUnderstoodError("a conditional text inside a tag rule")
        return single

    def _handlebar(self, name: str) -> str:
        if name in _NAMES:
            return _NAMES[name]
        if date := re.fullmatch(r"date '([^'{}:]*)'(?: tz='UTC')?", name):
            form = date[1]
            for token, ours in _DATE:
                form = form.replace(token, ours)
            if not re.search(r"[A-Za-z]", re.sub(r"%[a-zA-Z]", "", form)):
                return f"{{date:{form}}}"
        raise NotUnderstoodError(f"{{{{{name}}}}} has no counterpart")

    def _enabled(self, rule: _Rule) -> Condition:
        text = self._shown(rule.attributes.get("enable", "true")).strip()
        if text in ("true", "false"):
            return text == "true"
        if re.fullmatch(r"\{\{\s*is_default_branch\s*\}\}", text):
            return "git.branch == git.default_branch"
        return self._scope.condition(text)

    def _take(self, rule: _Rule) -> None:
        try:
            enabled = self._enabled(rule)
            if enabled is not False:
                self._translate(rule, enabled)
        except NotUnderstoodError as error:
            self._failed.append((rule, str(error)))

    def _keep_all(self, rules: list[_Rule]) -> None:
        """All rules as they are, with the flavor; only the expressions of the workflow are put in. What the action
        gives twice is one tag, which rules of two kinds side by side would not know."""
        flavor = []
        if self._flavor.latest != "auto":
            if self._flavor.latest not in ("true", "false"):
                raise NotUnderstoodError("latest depends on something")
            flavor.append(f"latest={self._flavor.latest}")
        end = ",onlatest=true" if self._flavor.on_latest else ""
        if self._flavor.prefix:
            flavor.append(f"prefix={self._literal(self._flavor.prefix)}{end}")
        flavor.append(f"suffix={self._literal(self._flavor.suffix)}{end}")
        found = [self._kept(rule, tuple(flavor)) for rule in rules]
        self._found = [line for index, line in enumerate(found) if line not in found[:index]]

    def _kept(self, rule: _Rule, flavor: tuple[str, ...]) -> OutputLine:
        found = dict(rule.attributes)
        if found["type"] not in _TYPES:
            raise NotUnderstoodError("it is no type of the dialect")
        when: Condition = True
        if "${{" in self._shown(found.get("enable", "")):
            when = self._scope.condition(self._shown(found.pop("enable")))
        text = csv_text({name: self._literal(value) for name, value in found.items()})
        return OutputLine(when, DIALECT, rule=text, flavor=flavor)

    def _literal(self, text: str) -> str:
        """Expressions of the workflow as text: names of the release file mean nothing in the dialect."""

        def put_in(found: re.Match[str]) -> str:
            single = self._scope.text(self._hidden[int(found[1])]).single
            literal = None if single is None else unescaped(single)
            if literal is None:
                raise NotUnderstoodError("a value that is not known before the release, inside a rule of the dialect")
            return literal

        return _PLACE.sub(put_in, text)

    def _translate(self, rule: _Rule, enabled: Condition) -> None:
        found = rule.attributes
        kind = found["type"]
        if kind in ("semver", "pep440"):
            self._version(rule, enabled)
        elif kind == "ref" and found.get("event") == "tag":
            self._declare_version("{git.tag}")
            self._add(rule, both(ON_TAG, enabled), "{git.tag}", "never")
            self._want_latest(both(ON_TAG, enabled))
        elif kind == "ref" and found.get("event") == "branch":
            self._draft.note(self._place, rule.text, "{git.branch|slug} is also put into lower case")
            self._add(rule, both(ON_BRANCH, enabled), "{git.branch|slug}", "always")
        elif kind == "raw":
            value = self._template(found.get("value", ""))
            self._add(rule, enabled, value, "")
        elif kind == "sha":
            long = found.get("format") == "long"
            self._add(
                rule, enabled, "{git.sha}" if long else "{git.sha:7}", "never", prefix=found.get("prefix", "sha-")
            )
        elif kind == "edge":
            branch = found.get("branch")
            when = f'git.branch == "{branch}"' if branch else "git.branch == git.default_branch"
            self._add(rule, both(when, enabled), "edge", "always")
        elif kind == "schedule":
            pattern = self._template(found.get("pattern", "nightly"))
            self._add(rule, both('event.name == "schedule"', enabled), pattern, "always")
        elif kind == "ref":
            raise NotUnderstoodError("the number of a pull request is not known to the release file")
        else:
            raise NotUnderstoodError(f"type={kind} is not supported by the release file yet")

    def _version(self, rule: _Rule, enabled: Condition) -> None:
        found = rule.attributes
        pattern = self._template(found.get("pattern", "{{version}}"))
        value = found.get("value")
        if found["type"] == "pep440":
            self._draft.scheme = self._draft.scheme or "pep440"
        self._declare_version(self._template(value) if value else "{git.tag}")
        when = both(True if value else ON_TAG, enabled)
        is_full = "{version}" in pattern or "{version.plain}" in pattern or "{version.patch}" in pattern
        self._add(rule, when, pattern, "never" if is_full else "forward")
        self._want_latest(when)

    def _declare_version(self, template: str) -> None:
        if self._draft.version and self._draft.version != template:
            self._leave(f"version {template}", f"the release has one version, {self._draft.version}")
        self._draft.version = self._draft.version or template

    def _add(self, rule: _Rule, when: Condition, template: str, moves: str, *, prefix: str | None = None) -> None:
        found = rule.attributes
        front = prefix if prefix is not None else found.get("prefix", self._flavor.prefix)
        is_latest = template == "latest"
        back = found.get("suffix", self._flavor.suffix if not is_latest or self._flavor.on_latest else "")
        if is_latest and "prefix" not in found and not self._flavor.on_latest:
            front = ""
        self._has_latest = self._has_latest or is_latest
        tag = self._template(front) + template + self._template(back)
        line = OutputLine(when, tag, moves)
        if line not in self._found:
            self._found.append(line)

    def _want_latest(self, when: Condition) -> None:
        if self._flavor.latest == "auto" and not self._has_latest:
            self._add(_Rule("flavor", {}), when, "latest", "forward")

    def _add_latest(self) -> None:
        if self._flavor.latest in ("auto", "false"):
            return
        try:
            when = self._enabled(_Rule("", {"enable": self._flavor.latest}))
        except NotUnderstoodError as error:
            self._leave(f"flavor latest={self._flavor.latest}", str(error))
            return
        if when is not False and not self._has_latest:
            self._add(_Rule("flavor", {}), when, "latest", "")

    def _references(self, images: str) -> list[OutputLine]:
        out = []
        for line in [*lines(self._hide(images))][:MAX_IMAGES]:
            for entry in line.split(",")[:MAX_IMAGES]:
                found = fields(entry) or {}
                name = found.get("name") or entry.strip()
                if found.get("enable") == "false" or not name:
                    continue
                try:
                    image = self._plain(name)
                except NotUnderstoodError as error:
                    self._leave(f"image {self._shown(name)}", str(error))
                    continue
                lower = "".join(
                    part if part.startswith("{") else part.lower() for part in re.split(r"(\{.*?\})", image)
                )
                out += [replace(tag, template=f"{lower}:{tag.template}") for tag in self._found]
        return out

    def _labels(self, labels: str) -> list[OutputLine]:
        own = "org.opencontainers.image"
        out = [OutputLine(True, f"{own}.revision={{git.sha}}")]
        if self._draft.version:
            out.append(OutputLine(True, f"{own}.version={{version.plain}}"))
        if self._scope.repository:
            out.append(OutputLine(True, f"{own}.source={escaped('https://github.com/' + self._scope.repository)}"))
        for line in lines(self._hide(labels)):
            try:
                out.append(OutputLine(True, self._template(line)))
            except NotUnderstoodError as error:
                self._leave(f"label {self._shown(line)}", str(error))
        return out


def metadata_outputs(draft: Draft, scope: Scope, place: str, step: dict[str, Any]) -> Outputs:
    """The outputs of a step of docker/metadata-action."""
    return Metadata(draft, scope, place, as_mapping(step.get("with"))).outputs
