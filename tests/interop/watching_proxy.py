"""A proxy on loopback that notes every request to a registry, and calls a function when a chosen one has been done."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_HEADERS = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Watch:
    host: str
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path with its query, status."""
    at: tuple[str, str, Callable[[], None]] | None = None
    """Once: after a request of this method whose path fits, before its answer is passed on."""

    def when(self, method: str, path: str, call: Callable[[], None]) -> None:
        self.at = (method, path, call)

    def blobs_sent(self) -> list[str]:
        """Digests of the blobs that were uploaded, in order."""
        done = [path for method, path, status in self.requests if method == "PUT" and status == 201]
        return [found[1] for path in done if (found := re.search(r"digest=(sha256(?::|%3A)[0-9a-f]+)", path))]

    def writes(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.requests if method not in ("GET", "HEAD")]


@contextlib.contextmanager
def watching_proxy(upstream: str) -> Iterator[Watch]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            connection = http.client.HTTPConnection(upstream, timeout=60)
            connection.request(self.command, self.path, body or None, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            with lock:
                watch.requests.append((self.command, self.path, answer.status))
                if watch.at and watch.at[0] == self.command and re.search(watch.at[1], self.path):
                    call, watch.at = watch.at[2], None
                    call()
            with contextlib.suppress(OSError):  # who asked may be dead
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_HEADERS:
                        self.send_header(name, value)
                if answer.getheader("Content-Length") is None and answer.status != http.HTTPStatus.NO_CONTENT:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    watch = Watch(f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=20)
