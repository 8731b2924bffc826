"""Inputs of workflow_dispatch and workflow_call as inputs of the release file."""

from __future__ import annotations

import re
from typing import Any

from shipset.importers.draft import Draft
from shipset.importers.source import as_mapping, as_text, as_texts
from shipset.importers.texts import escaped

_TYPES = {"boolean": "boolean", "number": "integer", "choice": "choice"}


def declare_inputs(draft: Draft, triggers: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Declares them; name in the workflow, in lower case → (name in the release file, its type)."""
    known: dict[str, tuple[str, str]] = {}
    for trigger in ("workflow_dispatch", "workflow_call"):
        for name, given in as_mapping(as_mapping(triggers.get(trigger)).get("inputs")).items():
            if name.lower() in known:
                continue
            own = _own_name(name, draft)
            values = _declared(draft, f"input {name}", as_mapping(given))
            draft.inputs[own] = values
            known[name.lower()] = (own, values.get("type", "string"))
            if own != name:
                draft.note(f"input {name}", "renamed", f"it is {own} in the release file")
        for secret in as_mapping(as_mapping(triggers.get(trigger)).get("secrets")):
            draft.leave(trigger, f"secret {secret}", "secrets never stand in the file; builds take them by name")
    return known


def _own_name(name: str, draft: Draft) -> str:
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    own = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "value"
    own = own if own[0].isalpha() else f"_{own}"
    number, out = 1, own
    while out in draft.inputs:
        number += 1
        out = f"{own}_{number}"
    return out


def _declared(draft: Draft, place: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(as_text(given.get("type")) or "string", "string")
    default = given.get("default")
    options = as_texts(given.get("options") or [])
    values: dict[str, Any] = {}
    if kind == "choice" and not options:
        kind = "string"
    if kind == "integer" and not re.fullmatch(r"-?\d{1,18}", as_text(default) or "0"):
        kind = "string"
    if kind != "string":
        values["type"] = kind
    if kind == "choice":
        values["options"] = options
    text = as_text(default)
    if text is not None and "${{" in text:
        draft.leave(place, f"default {text}", "defaults of inputs hold no expressions of GitHub")
        text = None
    if text is None and given.get("required") is not True:
        text = {"boolean": "false", "integer": "0", "choice": options[0] if options else ""}.get(kind, "")
    if kind == "choice" and text is not None and text not in options:
        draft.leave(place, f"default {text}", "it is none of the options")
        text = options[0]
    if text is not None:
        values["default"] = (
            text.lower() == "true" if kind == "boolean" else int(text) if kind == "integer" else escaped(text)
        )
    if description := " ".join((as_text(given.get("description")) or "").split()):
        values["description"] = description
    return values
