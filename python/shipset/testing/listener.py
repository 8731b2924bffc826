"""A listening socket on loopback with a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from shipset.testing.wire import BadRequestError, DroppedError, Request, Response, error, read_request, send

if TYPE_CHECKING:
    import ssl

Serve = Callable[[Request], tuple[Response, Callable[[int], None]]]


class Listener:
    """Serves HTTP until it is stopped. ``serve`` answers a request, and gives what to call with the bytes sent."""

    def __init__(self, address: str, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._context = context
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._socket = socket.create_server((address, 0), backlog=256)
        self.port = int(self._socket.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, name=f"fake-registry:{self.port}", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Ends all connections and waits for their threads."""
        with self._lock:
            self._stopped = True
            waiting = list(self._connections)
        # A listening socket that is closed does not wake accept() everywhere; a connection does.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in waiting:
            _end(connection)
        self._acceptor.join(timeout=10)
        for thread in self._threads:
            thread.join(timeout=10)

    def drop_connections(self) -> None:
        """Ends all connections; the listener goes on."""
        with self._lock:
            waiting = list(self._connections)
        for connection in waiting:
            _end(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                if self._stopped:
                    connection.close()
                    return
                self._connections.add(connection)
                thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
                self._threads = [other for other in self._threads if other.is_alive()]
                self._threads.append(thread)
            thread.start()

    def _run(self, plain: socket.socket) -> None:
        connection = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connection = self._context.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._connections.add(connection)
            while self._one(connection):
                pass
        except (DroppedError, OSError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._connections.discard(plain)
            _end(connection)
            connection.close()
            plain.close()

    def _one(self, connection: socket.socket) -> bool:
        """One request; whether the connection goes on."""
        with cast(BinaryIO, connection.makefile("rb", buffering=64 << 10)) as reader:
            while True:
                try:
                    request = read_request(reader, connection)
                except BadRequestError as problem:
                    refusal = error(400, "UNSUPPORTED", str(problem))
                    refusal.close = True
                    send(connection, refusal, head=False)
                    return False
                if request is None:
                    return False
                response, done = self._serve(request)
                response.close = response.close or request.headers.get("connection", "").lower() == "close"
                # What nobody wanted is read while it is little; an answer before a large body ends the connection.
                drained = request.body.drain()
                response.close = response.close or not drained
                done(send(connection, response, head=request.method == "HEAD"))
                if response.close:
                    if not drained:
                        _linger(connection)
                    return False


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _linger(connection: socket.socket) -> None:
    """Takes what is on its way for a moment: a connection reset would take the answer from the client."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        left = 64 << 20
        while left > 0 and (piece := connection.recv(1 << 20)):
            left -= len(piece)
