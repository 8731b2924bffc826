"""Expressions of a workflow as templates and conditions of the release file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from shipset.importers.draft import Draft
from shipset.importers.expressions import Call, Literal, Name, Node, parse
from shipset.importers.source import as_text
from shipset.importers.texts import (
    Condition,
    NotUnderstoodError,
    Text,
    both,
    either,
    joined,
    negated,
    quoted,
    unescaped,
)

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
MAX_ENV_DEPTH = 8
_SUCCESS = {"success": True, "always": True, "failure": False, "cancelled": False}
# Of the runner's environment, where it says more than templates know by themselves.
_RUNNER = {"run_number": "GITHUB_RUN_NUMBER", "run_id": "GITHUB_RUN_ID", "actor": "GITHUB_ACTOR"}


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line of a step's output. With ``rule`` it stands for tags that a rule of docker/metadata-action gives."""

    when: Condition
    template: str
    moves: str = ""
    rule: str = ""
    flavor: tuple[str, ...] = ()


Outputs = dict[str, list[OutputLine]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions see at one place of a workflow. ``steps`` and ``needs`` give outputs, or None."""

    draft: Draft
    inputs: dict[str, tuple[str, str]]  # name in the workflow, lower case → (name in the file, type)
    repository: str = ""
    ref_is_tag: bool = True
    matrix: dict[str, Any] | None = None
    env: tuple[dict[str, Any], ...] = ()
    steps: dict[str, Outputs] = field(default_factory=dict)
    needs: Callable[[str, str], list[OutputLine] | None] | None = None
    depth: int = 0

    def text(self, value: Any) -> Text:
        """A value of the workflow with its expressions. Raises NotUnderstoodError."""
        text = as_text(value)
        if text is None:
            raise NotUnderstoodError("it is not a text")
        parts: list[Text] = []
        offset = 0
        for found in _EXPRESSION.finditer(text):
            parts += [Text.literal(text[offset : found.start()]), self.value_of(parse(found[1]))]
            offset = found.end()
        return joined([*parts, Text.literal(text[offset:])])

    def condition(self, value: Any) -> Condition:
        """An `if:`. Raises NotUnderstoodError."""
        text = as_text(value)
        if text is None:
            raise NotUnderstoodError("it is not a text")
        found = _EXPRESSION.fullmatch(text.strip())
        return self.holds(parse(found[1] if found else text))

    def lines(self, value: Any) -> list[OutputLine] | None:
        """The lines of an output when the value is nothing but `${{ steps.ID.outputs.NAME }}`, else None."""
        found = _EXPRESSION.fullmatch(as_text(value) or "")
        node = parse(found[1]) if found else None
        return self._output(node) if isinstance(node, Name) else None

    def literal(self, value: Any) -> str | None:
        """The text of a value that needs nothing of the release; None otherwise."""
        single = self.text(value).single
        return None if single is None else unescaped(single)

    def value_of(self, node: Node) -> Text:
        """An expression as text."""
        known, value = self._constant(node)
        if known:
            return Text.literal(as_text(value) or "")
        if isinstance(node, Name):
            return self._name(node)
        if isinstance(node, Call):
            if node.function == "||":
                return self._or(node)
            if node.function == "&&":
                return self._and(node)
            if node.function == "format":
                return self._format(node)
            return self._truth(self.holds(node))
        raise NotUnderstoodError("the expression has no counterpart")

    def holds(self, node: Node) -> Condition:  # noqa: PLR0911 (a table of cases)
        """An expression as a condition."""
        known, value = self._constant(node)
        if known:
            return bool(value)
        if isinstance(node, Name):
            return self._truthy(node)
        if not isinstance(node, Call):
            raise NotUnderstoodError("the expression has no counterpart")
        if node.function == "!":
            return negated(self.holds(node.arguments[0]))
        if node.function == "&&":
            return both(self.holds(node.arguments[0]), self.holds(node.arguments[1]))
        if node.function == "||":
            return either(self.holds(node.arguments[0]), self.holds(node.arguments[1]))
        if node.function in ("==", "!="):
            same = self._equal(node.arguments[0], node.arguments[1])
            return same if node.function == "==" else negated(same)
        if node.function in _SUCCESS:
            return _SUCCESS[node.function]
        if node.function == "startswith" and len(node.arguments) == 2:  # noqa: PLR2004
            return self._starts_with(node)
        raise NotUnderstoodError(f"{node.function}() has no counterpart")

    def _constant(self, node: Node) -> tuple[bool, Any]:  # noqa: PLR0911 (a table of cases)
        """(True, value) for what is known without inputs and events."""
        if isinstance(node, Literal):
            return True, node.value
        if isinstance(node, Name):
            return self._constant_name(node)
        values = [self._constant(argument) for argument in node.arguments]
        if node.function in ("&&", "||"):
            stops = node.function == "||"
            for known, value in values:
                if not known or bool(value) == stops:
                    return known, value
            return values[-1]
        if not all(known for known, _ in values):
            return False, None
        found = [value for _, value in values]
        texts = [(as_text(value) or "").lower() for value in found]
        match node.function, len(found):
            case "!", 1:
                return True, not found[0]
            case "==" | "!=", 2:
                return True, (texts[0] == texts[1]) == (node.function == "==")
            case "contains", 2:
                inside = found[0] if isinstance(found[0], list) else texts[0]
                return True, (found[1] if isinstance(found[0], list) else texts[1]) in inside
            case "startswith", 2:
                return True, texts[0].startswith(texts[1])
            case "endswith", 2:
                return True, texts[0].endswith(texts[1])
        return False, None

    def _constant_name(self, node: Name) -> tuple[bool, Any]:
        parts = node.parts
        if parts[0] == "matrix" and self.matrix is not None:
            value: Any = self.matrix
            for part in parts[1:]:
                value = value.get(part) if isinstance(value, dict) else None
            return True, value
        if self._lower(node) in ("github.repository", "github.repository_owner") and self.repository:
            return True, self.repository if parts[-1] == "repository" else self.repository.split("/")[0]
        if parts[0] == "env" and len(parts) == 2:  # noqa: PLR2004
            try:
                single = self._env(parts[1]).single
            except NotUnderstoodError:
                return False, None
            text = None if single is None else unescaped(single)
            return text is not None, text
        return False, None

    @staticmethod
    def _lower(node: Name) -> str:
        return ".".join(node.parts).lower()

    def _env(self, name: str) -> Text:
        for level in reversed(range(len(self.env))):
            if name in self.env[level]:
                if self.depth >= MAX_ENV_DEPTH:
                    raise NotUnderstoodError(f"env.{name} names itself")
                outer = replace(self, env=self.env[:level], depth=self.depth + 1)
                return outer.text(self.env[level][name])
        raise NotUnderstoodError(f"env.{name} is set nowhere in the workflow's env")

    def _input(self, node: Name) -> tuple[str, str] | None:
        parts = [part.lower() for part in node.parts]
        if parts[:3] == ["github", "event", "inputs"] and len(parts) == 4:  # noqa: PLR2004
            return self.inputs.get(parts[3])
        return self.inputs.get(parts[1]) if parts[0] == "inputs" and len(parts) == 2 else None  # noqa: PLR2004

    def _name(self, node: Name) -> Text:  # noqa: PLR0911 (a table of cases)
        found = self._input(node)
        if found:
            return Text.template(f"{{inputs.{found[0]}}}")
        name = self._lower(node)
        if name in ("github.ref_name", "github.event.release.tag_name", "github.event.release.name"):
            return Text.template("{git.tag}" if self.ref_is_tag or "release" in name else "{git.branch}")
        if name in ("github.sha", "github.event.pull_request.head.sha"):
            return Text.template("{git.sha}")
        if name == "github.event_name":
            return Text.template("{event.name}")
        if name == "github.ref_type":
            return Text.template("{git.ref_type}")
        if name.removeprefix("github.") in _RUNNER:
            return Text.template("{" + self.draft.allow_env(_RUNNER[name.removeprefix("github.")]) + "}")
        if node.parts[0] == "env":
            return self._env(node.parts[-1])
        if node.parts[0] == "vars":
            self.draft.note(f"vars.{node.parts[-1]}", "a variable of the repository", "is read from the environment")
            return Text.template("{" + self.draft.allow_env(node.parts[-1]) + "}")
        lines = self._output(node)
        if lines and len(lines) == 1 and lines[0].when is True:
            return Text.template(lines[0].template)
        raise NotUnderstoodError(self._why_unknown(node))

    def _why_unknown(self, node: Name) -> str:
        name = ".".join(node.parts)
        if node.parts[0] == "secrets":
            return f"{name} is a secret, which never stands in the file"
        if node.parts[0] in ("steps", "needs"):
            return f"{name} is known only when the workflow runs"
        if node.parts[0] == "inputs":
            return f"{name} is not declared"
        return f"{name} has no counterpart"

    def _output(self, node: Name) -> list[OutputLine] | None:
        if len(node.parts) != 4 or node.parts[2] != "outputs":  # noqa: PLR2004
            return None
        kind, owner, _, output = node.parts
        if kind == "needs" and self.needs is not None:
            return self.needs(owner, output)
        return self.steps.get(owner, {}).get(output) if kind == "steps" else None

    def _truth(self, condition: Condition) -> Text:
        if isinstance(condition, bool):
            return Text.literal("true" if condition else "false")
        return Text(((condition, "true"), (True, "false")))

    def _and(self, node: Call) -> Text:
        condition = self.holds(node.arguments[0])
        value = self.value_of(node.arguments[1])
        rows = tuple((both(condition, when), template) for when, template in value.alternatives)
        return Text((*rows, (True, "")))

    def _or(self, node: Call) -> Text:
        left, right = node.arguments
        first = self.value_of(left)
        if isinstance(left, Call) and left.function == "&&":
            rows = first.alternatives[:-1]
        else:
            rows = tuple((both(when, self.holds(left)), template) for when, template in first.alternatives)
        rows = tuple(row for row in rows if row[0] is not False)
        return Text((*rows, *self.value_of(right).alternatives))

    def _format(self, node: Call) -> Text:
        pattern, *arguments = node.arguments
        known, text = self._constant(pattern)
        if not known or not isinstance(text, str):
            raise NotUnderstoodError("format() of a pattern that is not a text")
        values = [self.value_of(argument) for argument in arguments]
        parts: list[Text] = []
        for piece in re.split(r"(\{\{|\}\}|\{\d+\})", text):
            if re.fullmatch(r"\{\d{1,3}\}", piece):
                if int(piece[1:-1]) >= len(values):
                    raise NotUnderstoodError("format() with too few arguments")
                parts.append(values[int(piece[1:-1])])
            else:
                parts.append(Text.literal(piece[0] if piece in ("{{", "}}") else piece))
        return joined(parts)

    def _truthy(self, node: Name) -> Condition:
        found = self._input(node)
        if found is None:
            value = self.value_of(node).single
            if value is None or not value.startswith("{") or not value.endswith("}") or value.count("{") != 1:
                raise NotUnderstoodError(self._why_unknown(node))
            return f'{value[1:-1]} != ""'
        name, kind = found
        if kind == "boolean":
            return f"inputs.{name}"
        return f"inputs.{name} != 0" if kind == "integer" else f'inputs.{name} != ""'

    def _equal(self, left: Node, right: Node) -> Condition:
        if self._constant(left)[0]:
            left, right = right, left
        known, value = self._constant(right)
        text = as_text(value) or ""
        if not known:
            return f"{self._operand(left)} == {self._operand(right)}"
        if isinstance(left, Name):
            found = self._input(left)
            if found and found[1] == "boolean":
                return f"inputs.{found[0]}" if text.lower() == "true" else f"not inputs.{found[0]}"
            if found and found[1] == "integer":
                return f"inputs.{found[0]} == {text}" if text.lstrip("-").isdigit() else False
            if self._lower(left) == "github.ref":
                return _ref_is(text)
            if self._lower(left) == "github.ref_name":
                return _either_name(text)
        return f"{self._operand(left)} == {quoted(text)}"

    def _operand(self, node: Node) -> str:
        template = self.value_of(node).single or ""
        if re.fullmatch(r"\{[\w.-]+\}", template):
            return template[1:-1]
        raise NotUnderstoodError("a comparison of put-together texts")

    def _starts_with(self, node: Call) -> Condition:
        subject, beginning = node.arguments
        text = as_text(self._constant(beginning)[1]) or ""
        if isinstance(subject, Name) and self._lower(subject) == "github.ref" and text.startswith("refs/"):
            kind = {"tags": "tag", "heads": "branch"}.get(text.split("/")[1], "")
            prefix = text.split("/", 2)[2] if text.count("/") > 1 else ""
            major = re.fullmatch(r"v?(\d{1,9})\.", prefix)
            if kind == "tag" and major:
                return f'git.ref_type == "tag" and version.major == {int(major[1])}'
            if kind and prefix in ("", "v"):
                return f'git.ref_type == "{kind}"'
            raise NotUnderstoodError(f"the beginning {prefix!r} of a {kind or 'ref'} cannot be tested")
        raise NotUnderstoodError("startsWith() has a counterpart only for github.ref")


def _ref_is(ref: str) -> Condition:
    if ref.startswith("refs/heads/"):
        return f"git.branch == {quoted(ref.removeprefix('refs/heads/'))}"
    if ref.startswith("refs/tags/"):
        return f"git.tag == {quoted(ref.removeprefix('refs/tags/'))}"
    raise NotUnderstoodError(f"{ref} is neither a branch nor a tag")


def _either_name(name: str) -> Condition:
    return f"git.branch == {quoted(name)}"
