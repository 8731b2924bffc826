"""Parts: the reports of builds, by which a promotion finds what many machines have staged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from shipset.errors import DiskError, UsageError

_PART_LIMIT_BYTES = 64 << 20


def read_parts(
    parts: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None,
) -> list[tuple[str, str]]:
    """Name and text of each part."""
    if parts is None:
        return []
    if isinstance(parts, (str, os.PathLike)):
        folder = Path(parts)
        files = sorted(folder.rglob("*.json")) if folder.is_dir() else [folder]
        if not files:
            raise UsageError(
                f"{os.fspath(parts)} holds no parts", hint="a part is what shipset build -o FILE.json writes"
            )
    else:
        files = [Path(file) for file in parts]
    found = []
    for file in files:
        try:
            with file.open(encoding="utf-8") as stream:
                found.append((os.fspath(file), stream.read(_PART_LIMIT_BYTES + 1)))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DiskError(f"cannot read the part {os.fspath(file)}", why=reason) from error
    return found
