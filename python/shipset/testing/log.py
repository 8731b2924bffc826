"""What a fake registry was asked, to assert on. Values of Authorization headers are not kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

KEPT_HEADERS = (
    *("accept", "content-length", "content-range", "content-type", "if-match", "if-none-match"),
    *("range", "transfer-encoding", "user-agent"),
)


@dataclass
class LoggedRequest:
    """One request. ``status`` is 0 when the connection ended before an answer; bytes are those of bodies."""

    number: int
    method: str
    path: str
    query: dict[str, list[str]]
    kind: str
    repository: str
    reference: str
    headers: dict[str, str]
    authorization: str = ""
    """The scheme of the Authorization header, "" without one."""
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    faults: list[str] = field(default_factory=list)
    """Names of the effects that struck."""

    def __str__(self) -> str:
        struck = f"  [{', '.join(self.faults)}]" if self.faults else ""
        return f"{self.number} {self.method} {self.path} {self.status or 'dropped'}{struck}"


class RequestLog:
    """Every request in the order of arrival; iterate it, index it, count in it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []

    def append(self, entry: LoggedRequest) -> None:
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forgets what was asked so far."""
        with self._lock:
            self._entries.clear()

    def select(self, method: str = "", what: str = "", *, status: int | None = None) -> list[LoggedRequest]:
        """Requests of a method, whose kind is ``what`` or whose path holds it, with a status."""
        return [
            entry
            for entry in self
            if (not method or entry.method == method)
            and (not what or what == entry.kind or what in entry.path)
            and (status is None or entry.status == status)
        ]

    def count(self, method: str = "", what: str = "", *, status: int | None = None) -> int:
        """How many :meth:`select` finds: ``registry.requests.count("PUT", "manifests")``."""
        return len(self.select(method, what, status=status))

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: int) -> LoggedRequest:
        return self._entries[at]

    def __str__(self) -> str:
        return "\n".join(map(str, self))
