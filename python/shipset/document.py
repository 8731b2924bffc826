"""Base of the larger values: something that the core wrote as JSON text, decoded into typed members when looked at.

Equal text is an equal value; hashing follows. Nothing is parsed before a member is read, so printing the JSON of a
thousand variants costs no Python objects. Thread-safe: decoding twice gives the same.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shipset.errors import DiskError
from shipset.values import parse_json

if TYPE_CHECKING:
    from shipset.display import Page

D = TypeVar("D")


class Document(Generic[D]):
    """JSON text with typed members."""

    __slots__ = ("_decoded", "_written")

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._written = text
        self._decoded: D | None = None

    @property
    def _text(self) -> str:
        if not isinstance(self._written, str):
            self._written = self._written()
        return self._written

    @property
    def _data(self) -> D:
        if self._decoded is None:
            self._decoded = self._decode(self.to_dict())
        return self._decoded

    @abstractmethod
    def _decode(self, data: Any) -> D:
        """Typed members of the JSON data."""

    @abstractmethod
    def page(self) -> Page:
        """What people see of it."""

    def to_json(self, *, indented: bool = False) -> str:
        """Stable JSON, without a line feed at the end."""
        if not indented:
            return self._text
        import json  # noqa: PLC0415 (text that is only passed on needs none)

        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The same as new Python data."""
        data: dict[str, Any] = parse_json(self._text)
        return data

    def to_text(self) -> str:
        """Text tables."""
        from shipset.display import to_text  # noqa: PLC0415

        return to_text(self.page())

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Document) and self._text == other._text

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._text))

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        from shipset.display import shortened, to_text  # noqa: PLC0415

        return to_text(shortened(self.page()))

    def _repr_html_(self) -> str:
        from shipset.display import shortened, to_html  # noqa: PLC0415

        return to_html(shortened(self.page()))


def write_file(target: Path, text: str) -> None:
    """Writes beside the file and renames over it: readers see the old or the new one. Raises DiskError."""
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        try:
            with temporary.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DiskError(f"cannot write {target}", why=error.strerror or str(error)) from error
