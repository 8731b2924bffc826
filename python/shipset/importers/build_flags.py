"""Settings that buildx, bake and build-push-action write as CSV or as objects: caches, secrets, ssh, attestations."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any

from shipset.importers.source import as_mapping, as_text, as_texts

Leave = Callable[[str, str], None]  # what, why


def fields(entry: Any) -> dict[str, str] | None:
    """An entry's attributes, from CSV or from an object; None when it is neither. Attributes without = are ""."""
    if isinstance(entry, dict):
        found = {name: as_text(value) for name, value in entry.items()}
        return {name: value for name, value in found.items() if value is not None}
    text = as_text(entry)
    if text is None:
        return None
    try:
        row = next(csv.reader(io.StringIO(text.replace("\n", " "))), [])
    except csv.Error:
        return None
    pairs = (part.partition("=") for part in row)
    return {name.strip().lower() if value or equals else name.strip(): value for name, equals, value in pairs}


def csv_text(attributes: dict[str, str]) -> str:
    """Attributes as buildx takes them, `type` first, the others by name."""
    names = sorted(attributes, key=lambda name: (name != "type", name))
    parts = [f"{name}={attributes[name]}" for name in names]
    quoted = ('"' + part.replace('"', '""') + '"' if "," in part or '"' in part else part for part in parts)
    return ",".join(quoted)


def caches(entries: Any, leave: Leave) -> list[str]:
    """Cache sources or targets as the release file has them: CSV texts."""
    out = []
    for entry in entries if isinstance(entries, list) else [entries]:
        found = fields(entry)
        if not found:
            leave(f"cache {entry!r}", "it cannot be read")
        elif isinstance(entry, str) and "type" not in found:
            out.append(entry if "=" not in entry else csv_text({"type": "registry", **found}))
        else:
            secret = [name for name in found if name in _SECRET_ATTRIBUTES]
            for name in secret:
                leave(
                    f"{name} of a cache", "secrets never stand in the file; the builder takes it from its environment"
                )
            out.append(csv_text({name: value for name, value in found.items() if name not in secret}))
    return out


_SECRET_ATTRIBUTES = {"access_key_id", "secret_access_key", "session_token", "token", "ghtoken"}


def secrets(entries: Any, leave: Leave) -> list[dict[str, str]]:
    """Build secrets by where they are found."""
    out = []
    for entry in entries if isinstance(entries, list) else [entries]:
        found = fields(entry) or {}
        name = found.get("id") or found.get("src") or found.get("source") or ""
        file = found.get("src") or found.get("source")
        if not name:
            leave("a build secret", "it has no id")
        elif found.get("env"):
            out.append({"id": name, "env": found["env"]})
        elif file:
            out.append({"id": name, "file": file})
        else:
            env = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.upper())
            out.append({"id": name, "env": f"_{env}" if env[0].isdigit() else env})
    return out


def ssh(entries: Any) -> list[str]:
    """SSH agents and keys: `default` or `id=path`."""
    out = []
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, dict):
            paths = ",".join(as_texts(entry.get("paths") or []))
            name = as_text(entry.get("id")) or "default"
            out.append(f"{name}={paths}" if paths else name)
        elif text := as_text(entry):
            out.append(text)
    return out


def attestation(kind: str, attributes: dict[str, str], leave: Leave) -> dict[str, str]:
    """`sbom` or `provenance` of [attestations] for the attributes of one attestation."""
    rest = {name: value for name, value in attributes.items() if name not in ("type", "mode", "disabled", "enabled")}
    for name, value in rest.items():
        leave(
            f"{name}={value} of the {kind}" if value else f"{name} of the {kind}",
            "the release file has no such setting",
        )
    off = attributes.get("disabled", "").lower() in ("true", "1") or attributes.get("enabled", "").lower() == "false"
    if kind == "sbom":
        return {"sbom": "none" if off else "spdx"}
    if off:
        return {"provenance": "none"}
    return {"provenance": "min" if attributes.get("mode") == "min" else "max"}


def attestations(entries: Any, leave: Leave) -> dict[str, str]:
    """[attestations] for a list of them; the last of a kind counts."""
    out: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        found = fields(entry) or {}
        kind = found.get("type", "")
        if kind in ("sbom", "provenance"):
            out |= attestation(kind, found, leave)
        else:
            leave(f"attestation {entry!r}", "only sbom and provenance are known")
    return out


def switch(kind: str, text: str, leave: Leave) -> dict[str, str]:
    """`sbom` or `provenance` as build-push-action takes them: true, false, or attributes as CSV."""
    if text.lower() in ("true", "1", "false", "0", ""):
        return attestation(kind, {"disabled": "true" if text.lower() in ("false", "0") else "false"}, leave)
    found = fields(text)
    if found is None:
        leave(f"{kind}: {text}", "it cannot be read")
        return {}
    return attestation(kind, found, leave)


def outputs(entries: Any, leave: Leave) -> list[str]:
    """Repositories that outputs name; what is no image in a registry is left out."""
    names: list[str] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        found = fields(entry) or {}
        kind = found.get("type", "")
        if kind in ("image", "registry"):
            names += [name for name in found.get("name", "").split(",") if name]
            for name in found.keys() - _OUTPUT_ATTRIBUTES:
                leave(f"{name} of output {kind}", "the release file has no such setting")
        elif kind != "cacheonly":
            leave(
                f"output {as_text(entry) or as_mapping(entry)}",
                "a release goes to registries and OCI layouts; see --to",
            )
    return names


_OUTPUT_ATTRIBUTES = {
    *("type", "name", "push", "push-by-digest", "name-canonical"),
    *("oci-mediatypes", "store", "unpack", "rewrite-timestamp"),
}


def lines(text: str) -> Iterable[str]:
    """The entries of a list as actions take it: one a line, without blanks around them and comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
