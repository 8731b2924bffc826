"""HTTP/1.1 as the fake registry speaks it: requests with streamed bodies, and answers that can be made to go wrong.

Only what registries and their clients use: Content-Length and chunked request bodies, keep-alive, HEAD and
``Expect: 100-continue``. Limits hold for everything that comes from outside. A connection belongs to one thread.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl, unquote

LINE_LIMIT = 64 << 10
HEADER_LIMIT = 256 << 10
PIECE = 256 << 10


class DroppedError(Exception):
    """The connection ends here: a fault wants it, or the client went away."""


class BadRequestError(Exception):
    """What came is not HTTP/1.1; the text goes into the answer."""


class Content(Protocol):
    """Bytes that can be read from any place."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, count: int) -> bytes: ...


class Body:
    """The body of a request, read once, piece by piece."""

    def __init__(self, reader: BinaryIO, connection: socket.socket, headers: dict[str, str]) -> None:
        self._reader = reader
        self._connection = connection
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise BadRequestError("Content-Length is not a number")
        self.length: int | None = None if self._chunked else int(length)
        self._left = 0 if self._chunked else int(length)
        self._ended = not self._chunked and self._left == 0
        self._expects = headers.get("expect", "").lower() == "100-continue"
        self._again = b""
        self.received = 0
        self.drop_at: int | None = None
        """The connection is dropped when so many bytes have arrived."""

    @property
    def ended(self) -> bool:
        return self._ended

    def read(self, count: int = PIECE) -> bytes:
        """The next bytes, b"" at the end."""
        if self.drop_at is not None:
            if self.received >= self.drop_at:
                raise DroppedError
            count = min(count, self.drop_at - self.received)
        if self._ended:
            return b""
        if self._expects:
            self._expects = False
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._chunked and self._left == 0:
            self._left = self._chunk_size()
            if self._left == 0:
                self._ended = True
                return b""
        piece = self._reader.read1(min(count, self._left))  # type: ignore[attr-defined]
        if not piece:
            raise DroppedError
        self.received += len(piece)
        self._left -= len(piece)
        if self._left == 0:
            if self._chunked:
                self._reader.readline(LINE_LIMIT)
            else:
                self._ended = True
        return bytes(piece)

    def pieces(self) -> Iterator[bytes]:
        """The body, piece by piece."""
        if self._again:
            yield self._again
            self._again = b""
        while piece := self.read():
            yield piece
        if self.drop_at is not None and self.received >= self.drop_at:
            raise DroppedError

    def read_all(self, limit: int) -> bytes | None:
        """The whole body, or None when it is longer than the limit."""
        parts = bytearray()
        for piece in self.pieces():
            parts += piece
            if len(parts) > limit:
                return None
        return bytes(parts)

    def put_back(self, data: bytes) -> None:
        """What was read is read again; for effects that look into a body."""
        self._again = data

    def drain(self, limit: int = 4 << 20) -> bool:
        """Reads what nobody wanted, so that the connection can go on; False when that is too much."""
        self.drop_at = None
        if self._expects and not self._ended:
            return False
        done = 0
        while not self._ended and done <= limit:
            done += len(self.read())
        return self._ended

    def _chunk_size(self) -> int:
        line = self._reader.readline(LINE_LIMIT).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise DroppedError from None
        if size == 0:
            while self._reader.readline(LINE_LIMIT) not in (b"\r\n", b"\n", b""):
                pass
        return size


@dataclass
class Request:
    """One request, as the handlers and faults see it. Header names are lower case."""

    method: str
    target: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Body
    kind: str = "other"
    repository: str = ""
    reference: str = ""
    accepted_tags: int | None = None
    """How many tags of a manifest PUT count; a fault sets it."""

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, "" without one."""
        return self.query.get(name, [""])[0]


@dataclass
class Response:
    """An answer, and how it goes wrong on the way."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | Content = b""
    part: tuple[int, int] | None = None
    """First byte and the one after the last of the body; None: all of it."""
    length: int | None = None
    """What Content-Length says, when that is not the truth."""
    drop_at: int | None = None
    """The connection is dropped after so many bytes of the body; -1: before the first byte of the answer."""
    stall: tuple[int, Any] | None = None
    """At which byte of the body to wait, and the function that waits."""
    flip: int | None = None
    """The byte of the body to alter."""
    close: bool = False

    @property
    def span(self) -> tuple[int, int]:
        if self.part is not None:
            return self.part
        return 0, len(self.body) if isinstance(self.body, bytes) else self.body.size

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def set_header(self, name: str, value: str | None) -> None:
        """Sets a header, or removes it."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))


def answer_json(status: int, data: Any, headers: list[tuple[str, str]] | None = None, kind: str = "") -> Response:
    """An answer with a JSON body."""
    body = json.dumps(data).encode()
    return Response(status, [("Content-Type", kind or "application/json"), *(headers or [])], body)


def error(status: int, code: str, message: str, detail: Any = None) -> Response:
    """An error as the distribution specification words it."""
    return answer_json(status, {"errors": [{"code": code, "message": message, "detail": detail}]})


def read_request(reader: BinaryIO, connection: socket.socket) -> Request | None:
    """The next request of a connection; None when the client is done."""
    line = reader.readline(LINE_LIMIT)
    if not line.strip():
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 (method, target, version)
        raise BadRequestError("this is not a request line")
    method, target, _ = words
    headers: dict[str, str] = {}
    total = 0
    while (line := reader.readline(LINE_LIMIT)) not in (b"\r\n", b"\n"):
        total += len(line)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or total > HEADER_LIMIT:
            raise BadRequestError("the header cannot be read")
        headers[name.strip().lower()] = value.strip()
    if target.startswith("http://"):  # to a proxy: RFC 9112 section 3.2.2
        target = "/" + target.removeprefix("http://").partition("/")[2]
    path, _, query = target.partition("?")
    found: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(key, []).append(value)
    return Request(method, target, unquote(path), found, headers, Body(reader, connection, headers))


def send(connection: socket.socket, response: Response, *, head: bool) -> int:
    """Sends an answer and returns how many bytes of body went out. Raises DroppedError where a fault wants it."""
    if response.drop_at is not None and response.drop_at < 0:
        raise DroppedError
    begin, end = response.span
    length = end - begin if response.length is None else response.length
    bodyless = response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if not bodyless and not response.header("Content-Length"):
        lines.append(f"Content-Length: {length}")
    if response.close:
        lines.append("Connection: close")
    waiting = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if head or bodyless:
        connection.sendall(waiting)
        return 0
    sent = 0
    for piece in _pieces(response, begin, end):
        connection.sendall(waiting + piece)
        sent += len(piece)
        waiting = b""
        if response.stall is not None and sent == response.stall[0]:
            response.stall[1]()
    if waiting:
        connection.sendall(waiting)
    if response.drop_at is not None or (response.length is not None and response.length != end - begin):
        raise DroppedError
    return sent


def _pieces(response: Response, begin: int, end: int) -> Iterator[bytes]:
    """The body in pieces that end where something is to happen."""
    if response.drop_at is not None:
        end = min(end, begin + response.drop_at)
    stops = sorted({end, *([begin + response.stall[0]] if response.stall else [])})
    at = begin
    if response.stall is not None and response.stall[0] == 0:
        yield b""
    for stop in stops:
        while at < min(stop, end):
            count = min(PIECE, min(stop, end) - at)
            piece = _read(response.body, at, count)
            if response.flip is not None and at <= begin + response.flip < at + count:
                place = begin + response.flip - at
                piece = piece[:place] + bytes([piece[place] ^ 1]) + piece[place + 1 :]
            yield piece
            at += count


def _read(body: bytes | Content, offset: int, count: int) -> bytes:
    return body[offset : offset + count] if isinstance(body, bytes) else body.read(offset, count)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Odd"
