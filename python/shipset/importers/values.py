"""What an import gives: the text of a release file, and what could not be carried over. Immutable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from shipset.errors import DiskError, UsageError


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A place of the imported file, what stands there, and why it is not, or not as it was, in the release file."""

    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Imported:
    """A release file made of another tool's file.

    ``toml`` is its text; ``left_out`` is everything that could not be carried over, ``notes`` what was carried over in
    another form (names that changed, defaults that now stand in the file).
    """

    toml: str
    left_out: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()

    def save(self, file: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes the release file. Raises UsageError when the file exists and ``force`` is not set."""
        write_new(file, self.toml, force=force)

    def __repr__(self) -> str:
        lines = [f"Imported(a release file of {len(self.toml.splitlines())} lines)"]
        lines += [f"  left out: {remark}" for remark in self.left_out]
        lines += [f"  note: {remark}" for remark in self.notes]
        return "\n".join(lines)


def write_new(file: str | os.PathLike[str], text: str, *, force: bool = False) -> None:
    """Writes text to a file that does not exist yet, unless ``force`` is set."""
    try:
        with Path(file).open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"cannot write {os.fspath(file)}", why="the file exists", hint="--force overwrites it; - prints the text"
        ) from error
    except OSError as error:
        raise DiskError(f"cannot write {os.fspath(file)}", why=error.strerror or str(error)) from error
