"""Looks for secrets in everything that was printed, raised or written, also where they are encoded."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms(secret: str) -> set[bytes]:
    """How a secret can stand in a text: plain, JSON-escaped, percent-encoded, and base64 wherever it lies in there."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()}
    found |= {quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode()}
    found |= {form.lower() for form in (quote(secret, safe="").encode(),)}
    found.add(repr(secret)[1:-1].encode())
    for before in range(3):
        # The characters that depend on the secret alone, whatever stands before and after it.
        whole = base64.b64encode(b"\0" * before + raw)
        first = -(-before * 4 // 3)
        last = (before + len(raw)) * 4 // 3
        found |= {whole[first:last], whole[first:last].translate(bytes.maketrans(b"+/", b"-_"))}
    return {form for form in found if len(form) >= 8}


def search(places: Mapping[str, bytes], secrets: Iterable[str]) -> list[str]:
    """Where which secret was found, told without the secret."""
    found = []
    for number, secret in enumerate(secrets):
        for form in forms(secret):
            for place, data in places.items():
                if (at := data.find(form)) >= 0:
                    found.append(f"secret {number} ({secret[:4]}…) stands in {place} at byte {at}")
    return sorted(set(found))


def files_below(folder: Path, *, but: Iterable[Path] = ()) -> dict[str, bytes]:
    """Every file of a folder with its bytes; names are searched too."""
    left_out = set(but)
    return {
        f"file {path.relative_to(folder)}": path.name.encode() + b"\n" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not left_out & {path, *path.parents}
    }
