"""A small CONNECT proxy on loopback that wants a login and resolves names by a table of its own.

connect_proxy.py PORT_FILE LOG USER:PASSWORD NAME=HOST:PORT...

Names that are not in the table get 403; every request is one line of the log: method, target, status.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT_FILE, LOG, LOGIN = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
TABLE = dict(item.split("=", 1) for item in sys.argv[4:])
LOCK = threading.Lock()


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def tell(self, status: int) -> None:
        with LOCK, LOG.open("a") as log:
            log.write(f"{self.command} {self.path} {status}\n")

    def do_CONNECT(self) -> None:
        expected = "Basic " + base64.b64encode(LOGIN.encode()).decode()
        if self.headers.get("Proxy-Authorization") != expected:
            self.tell(407)
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in TABLE:
            self.tell(403)
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.tell(200)
        host, _, port = TABLE[self.path].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as upstream:
            self.send_response(200)
            self.end_headers()
            self.relay(upstream)
        self.close_connection = True

    def relay(self, upstream: socket.socket) -> None:
        pairs = {self.connection: upstream, upstream: self.connection}
        while True:
            readable, _, _ = select.select(list(pairs), [], [], 60)
            if not readable:
                return
            for end in readable:
                data = end.recv(1 << 16)
                if not data:
                    return
                pairs[end].sendall(data)


def end_with_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
PORT_FILE.with_suffix(".new").write_text(str(server.server_port))
PORT_FILE.with_suffix(".new").rename(PORT_FILE)
threading.Thread(target=end_with_parent, daemon=True).start()
server.serve_forever()
