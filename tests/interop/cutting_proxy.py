"""A TCP proxy on loopback for tests: counts what goes to the server, and calls when a number of bytes is reached."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

PIECE_BYTES = 256 * 1024


class CuttingProxy:
    """Forwards connections to ``port``; ``at(total, action)`` runs ``action`` once, ``cut()`` ends every connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threshold: tuple[int, Callable[[], None]] | None = None
        self.to_server = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Little is on its way when something is killed or cut.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def at(self, total: int, action: Callable[[], None]) -> None:
        self._threshold = (total, action)

    def cut(self) -> None:
        with self._lock:
            for side in self._open:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def wait_until_quiet(self) -> None:
        """Until every connection has ended, and what it carried was handed on."""
        for _ in range(1000):
            with self._lock:
                if not self._open:
                    return
            time.sleep(0.02)
        raise TimeoutError("connections are still open")

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
        back.start()
        self._pump(client, server, True)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        buffer = memoryview(bytearray(PIECE_BYTES))
        with contextlib.suppress(OSError):
            while size := source.recv_into(buffer):
                target.sendall(buffer[:size])
                if counted:
                    self._count(size)
        for side in (source, target):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR if side is source else socket.SHUT_WR)

    def _count(self, size: int) -> None:
        with self._lock:
            self.to_server += size
            action = None
            if self._threshold is not None and self.to_server >= self._threshold[0]:
                action, self._threshold = self._threshold[1], None
        if action is not None:
            action()
