"""Outputs that a step's shell script writes, where the script does no more than echo lines under conditions.

Understood: assignments, echo, printf with %s, `NAME<<DELIMITER` blocks and `name=value` lines into $GITHUB_OUTPUT, if,
elif and else over texts, for over a list of words, and groups in braces. Anything else: the script is left alone.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from shipset.importers.texts import (
    MAX_ALTERNATIVES,
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
from shipset.importers.translate import OutputLine, Outputs, Scope

MAX_COMMANDS = 5000
_OUTPUT = re.compile(r"""\s*>>?\s*["']?\$\{?GITHUB_OUTPUT\}?["']?\s*$""")
_ASSIGNMENT = re.compile(r"(?:export |local |readonly )?([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(#v|#refs/tags/v?|##\*/)?\}|\$([A-Za-z_]\w*)|(\$\{\{.*?\}\})")
_BLOCK = re.compile(r"([A-Za-z_][\w-]*)<<(\S+)")
_NOTHING = re.compile(r"(set -\S+( \S+)?|set -o \S+|:|true|shopt .*)")
_TEST = re.compile(r"(?:\[\[?|test)\s+(.*?)\s*(?:\]\]?)?")


def outputs_of(script: str, scope: Scope) -> Outputs:
    """The outputs of a script. Raises NotUnderstoodError."""
    runner = _Runner(scope)
    runner.run(_commands(script), True)
    return runner.outputs()


def _commands(script: str) -> list[str]:
    """Commands, one each; `;` and keywords that end a line are split off."""
    out: list[str] = []
    for raw in script.replace("\\\n", " ").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        for part in _parts(line):
            command = part.strip()
            for word in ("then", "else", "do", "{"):
                if command.startswith(f"{word} ") and command != word:
                    out.append(word)
                    command = command[len(word) :].strip()
            if command:
                out.append(command)
    return out


def _parts(line: str) -> list[str]:
    """The line at `;` outside of quotes and expressions."""
    parts, start, quote, offset = [], 0, "", 0
    while offset < len(line):
        if line.startswith("${{", offset):
            end = line.find("}}", offset)
            offset = len(line) if end < 0 else end + 2
            continue
        letter = line[offset]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == ";":
            parts.append(line[start:offset])
            start = offset + 1
        elif letter == "#" and offset and line[offset - 1].isspace():
            return [*parts, line[start:offset]]
        offset += 1
    return [*parts, line[start:]]


@dataclass(slots=True)
class _Runner:
    scope: Scope
    variables: dict[str, Text] = field(default_factory=dict)
    written: list[OutputLine] = field(default_factory=list)
    count: int = 0

    def run(self, commands: list[str], when: Condition, *, to_output: bool = False) -> None:
        position = 0
        while position < len(commands):
            self.count += 1
            if self.count > MAX_COMMANDS:
                raise NotUnderstoodError("the script is too long")
            command = commands[position]
            word = command.split(" ")[0]
            if word in ("if", "for") or command == "{":
                end = _end(commands, position)
                self._compound(commands[position : end + 1], when, to_output=to_output)
                position = end + 1
                continue
            self._simple(command, when, to_output=to_output)
            position += 1

    def _compound(self, commands: list[str], when: Condition, *, to_output: bool) -> None:
        head, last = commands[0], commands[-1]
        to_output = to_output or bool(_OUTPUT.search(last))
        if head == "{":
            self.run(commands[1:-1], when, to_output=to_output)
        elif head.startswith("for "):
            found = re.fullmatch(r"for ([A-Za-z_]\w*) in (.+)", head)
            if not found or commands[1] != "do":
                raise NotUnderstoodError(f"the loop {head!r}")
            for item in _split(found[2]):
                self.variables[found[1]] = self._words(item)
                self.run(commands[2:-1], when, to_output=to_output)
        else:
            self._if(commands[:-1], when, to_output=to_output)

    def _if(self, commands: list[str], when: Condition, *, to_output: bool) -> None:
        left: Condition = True
        branches = _branches(commands)
        for head, body in branches:
            holds = self._test(head) if head else True
            self.run(body, both(when, both(left, holds)), to_output=to_output)
            left = both(left, negated(holds))

    def _test(self, text: str) -> Condition:
        out: Condition = False
        for alternative in re.split(r"\s*\|\|\s*(?![^{]*\}\})", text):
            every: Condition = True
            for part in re.split(r"\s*&&\s*(?![^{]*\}\})", alternative):
                every = both(every, self._single_test(part.strip()))
            out = either(out, every)
        return out

    def _single_test(self, text: str) -> Condition:
        if text.startswith("! "):
            return negated(self._single_test(text[2:].strip()))
        if re.fullmatch(r"\$\{\{.*\}\}", text):  # the command `true` or `false`
            return self.scope.condition(text)
        if re.fullmatch(r"\$\{?\w+\}?", text):
            return self._compared(self._words(text), "true")
        found = _TEST.fullmatch(text)
        inner = found[1] if found else ""
        if single := re.fullmatch(r"(-n|-z)\s+(\S.*)", inner):
            empty = self._compared(self._words(_unquoted(single[2])), "")
            return empty if single[1] == "-z" else negated(empty)
        pair = re.fullmatch(r"(\"[^\"]*\"|'[^']*'|\S+|\$\{\{.*?\}\})\s*(==?|!=)\s*(\"[^\"]*\"|'[^']*'|\S+)", inner)
        if not pair:
            raise NotUnderstoodError(f"the condition {text!r}")
        right = self._words(_unquoted(pair[3]))
        wanted = None if right.single is None else unescaped(right.single)
        if wanted is None:
            raise NotUnderstoodError(f"the condition {text!r}")
        same = self._compared(self._words(_unquoted(pair[1])), wanted)
        return negated(same) if pair[2] == "!=" else same

    def _compared(self, left: Text, wanted: str) -> Condition:
        template = left.single
        if template is None:
            raise NotUnderstoodError("a comparison of a conditional text")
        known = unescaped(template)
        if known is not None:
            return known == wanted
        if not re.fullmatch(r"\{[\w.-]+\}", template):
            raise NotUnderstoodError("a comparison of put-together texts")
        name = template[1:-1]
        kinds = {f"inputs.{own}": kind for own, kind in self.scope.inputs.values()}
        if kinds.get(name) == "boolean":
            return name if wanted == "true" else f"not {name}" if wanted == "false" else False
        if kinds.get(name) == "integer":
            return f"{name} == {wanted}" if wanted.isdigit() else False
        return f"{name} == {quoted(wanted)}"

    def _simple(self, command: str, when: Condition, *, to_output: bool) -> None:
        if _NOTHING.fullmatch(command):
            return
        target = _OUTPUT.search(command)
        if target:
            command, to_output = command[: target.start()].strip(), True
        assigned = _ASSIGNMENT.fullmatch(command)
        if assigned and "$(" not in assigned[2] and "`" not in assigned[2]:
            self._assign(assigned[1], self._words(_unquoted(assigned[2])), when)
            return
        for text in self._printed(command):
            if to_output:
                self.written += [
                    OutputLine(both(when, condition), template)
                    for condition, template in exclusive(text.alternatives)
                    if both(when, condition) is not False
                ]

    def _assign(self, name: str, value: Text, when: Condition) -> None:
        if when is True:
            self.variables[name] = value
        elif when is not False:
            rows = tuple((both(when, condition), template) for condition, template in value.alternatives)
            old = self.variables.get(name, Text.literal(""))
            if len(rows) + len(old.alternatives) > MAX_ALTERNATIVES:
                raise NotUnderstoodError(f"{name} depends on too many conditions")
            self.variables[name] = Text((*rows, *old.alternatives))

    def _printed(self, command: str) -> list[Text]:
        if "$(" in command or "`" in command or re.search(r"[^>]\|[^|]", command.replace("||", "")):
            raise NotUnderstoodError(f"the command {command[:60]!r}")
        words = _split(command)
        if words[:1] == ["echo"]:
            rest = words[2:] if words[1:2] in (["-e"], ["-n"]) else words[1:]
            return [self._words(" ".join(rest))]
        if words[:1] == ["printf"] and len(words) > 1:
            pattern = words[1].replace("\\n", "\n")
            if pattern in ("%s\n", "%s"):
                return [self._words(word) for word in words[2:]]
            if "%" not in pattern and len(words) == 2:  # noqa: PLR2004
                return [self._words(line) for line in pattern.rstrip("\n").split("\n")]
        raise NotUnderstoodError(f"the command {command[:60]!r}")

    def _words(self, text: str) -> Text:
        """A word with its variables and expressions."""
        parts: list[Text] = []
        offset = 0
        for found in _VARIABLE.finditer(text):
            parts.append(self._plain(text[offset : found.start()]))
            parts.append(
                self.scope.text(found[4]) if found[4] else self._expanded(found[1] or found[3], found[2] or "")
            )
            offset = found.end()
        return joined([*parts, self._plain(text[offset:])])

    @staticmethod
    def _plain(text: str) -> Text:
        if "$" in text:
            raise NotUnderstoodError(f"the text {text[:60]!r}")
        return Text.literal(text)

    def _expanded(self, name: str, cut: str) -> Text:
        """A variable, where `#v` cuts the v off a version, and `#refs/tags/` makes a tag of a ref."""
        if name == "GITHUB_REF" and cut in ("#refs/tags/", "#refs/tags/v", "##*/"):
            name, cut = "GITHUB_REF_NAME", cut.removeprefix("#refs/tags/").removeprefix("##*/")
            cut = f"#{cut}" if cut else ""
        value = self._variable(name)
        if not cut:
            return value
        draft, version = self.scope.draft, value.single or ""
        if cut != "#v" or not re.fullmatch(r"\{[\w.]+\}", version) or draft.version not in ("", version):
            raise NotUnderstoodError(f"the expansion ${{{name}{cut}}}")
        draft.version = version
        return Text.template("{version.plain}")

    def _variable(self, name: str) -> Text:
        if name in self.variables:
            return self.variables[name]
        known = {
            "GITHUB_REF_NAME": "github.ref_name",
            "GITHUB_SHA": "github.sha",
            "GITHUB_REPOSITORY": "github.repository",
        }
        return self.scope.text(f"${{{{ {known.get(name, f'env.{name}')} }}}}")

    def outputs(self) -> Outputs:
        """The lines that were written, as GitHub reads the file."""
        out: Outputs = {}
        block = delimiter = ""
        for line in self.written:
            text = unescaped(line.template)
            if block:
                if text == delimiter:
                    block = ""
                else:
                    out[block].append(line)
            elif text is not None and (found := _BLOCK.fullmatch(text)):
                if line.when is not True:
                    raise NotUnderstoodError("an output that is written only sometimes")
                block, delimiter = found[1], found[2]
                out[block] = []
            else:
                name, equals, value = line.template.partition("=")
                if not equals or not re.fullmatch(r"[A-Za-z_][\w-]*", name):
                    raise NotUnderstoodError(f"the output line {line.template[:60]!r}")
                out[name] = [*_before(out.get(name, []), line.when), OutputLine(line.when, value)]
        return out


def _before(lines: list[OutputLine], when: Condition) -> list[OutputLine]:
    """A later value of the same name takes the place of the former one where its condition holds."""
    left = [OutputLine(both(line.when, negated(when)), line.template) for line in lines]
    return [line for line in left if line.when is not False]


def exclusive(alternatives: tuple[tuple[Condition, str], ...]) -> list[tuple[Condition, str]]:
    """Alternatives of which the first counts, as conditions that stand by themselves; empty ones are dropped."""
    out: list[tuple[Condition, str]] = []
    left: Condition = True
    for condition, template in alternatives:
        if template:
            out.append((both(left, condition), template))
        left = both(left, negated(condition))
    return out


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return text[1:-1]
    if '"' in re.sub(r"\$\{\{.*?\}\}", "", text):
        raise NotUnderstoodError(f"the quotes of {text[:60]!r}")
    return text


def _split(command: str) -> list[str]:
    """Words without their quotes; expressions stay whole."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\x00{len(kept) - 1}\x00"

    hidden = re.sub(r"\$\{\{.*?\}\}", keep, command)
    try:
        words = shlex.split(hidden, comments=True)
    except ValueError as error:
        raise NotUnderstoodError(f"the quotes of {command[:60]!r}") from error
    return [re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], word) for word in words]


def _end(commands: list[str], start: int) -> int:
    """Where the compound command that begins at start ends."""
    depth = 0
    for position in range(start, len(commands)):
        word = commands[position].split(" ")[0]
        if word in ("if", "for", "while", "case", "until") or commands[position] == "{":
            depth += 1
        elif word in ("fi", "done", "esac", "}"):
            depth -= 1
            if depth == 0:
                return position
    raise NotUnderstoodError("a compound command without end")


def _branches(commands: list[str]) -> list[tuple[str, list[str]]]:
    """(condition, commands) of if, elif and else (no condition)."""
    out: list[tuple[str, list[str]]] = []
    depth = 0
    for command in commands:
        word = command.split(" ")[0]
        if depth == 1 and word == "elif":
            out.append((command[5:], []))
        elif depth == 1 and word == "else":
            out.append(("", []))
        elif depth == 0 and word == "if":
            out.append((command[3:], []))
        elif not (depth == 1 and word == "then"):
            out[-1][1].append(command)
        if word in ("if", "for") or command == "{":
            depth += 1
        elif word in ("fi", "done", "}"):
            depth -= 1
    return out
