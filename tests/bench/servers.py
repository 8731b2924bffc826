"""Registries and the slow link of the transport benchmark, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: The link: half of the round trip each way, and what one connection carries.
ROUND_TRIP_MS = 40
KILOBYTES_PER_S = 40_000


def need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        sys.exit(f"cannot run without {', '.join(missing)}: bash tests/run.sh --only peers installs them")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.025)
    sys.exit(f"nothing answers at port {port}")


@contextlib.contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


class Registry:
    """A registry whose access log counts the requests."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder, self.port = kind, folder, free_port()
        self.host = f"127.0.0.1:{self.port}" if "tls" not in kind else f"localhost:{self.port}"

    @contextlib.contextmanager
    def serve(self) -> Iterator[Registry]:
        self.folder.mkdir(parents=True)
        script = ROOT / "tests" / "interop" / "registry_serve.sh"
        command = ["bash", str(script), self.kind, str(self.folder), str(self.port)]
        with running(command, self.port, env={**os.environ, "REGISTRY_ACCESS_LOG_OFF": "false"}):
            yield self

    def requests(self) -> int:
        """Lines of the access log so far."""
        time.sleep(0.05)
        return (self.folder / "log").read_bytes().count(b" HTTP/")

    def forget(self) -> None:
        """Throws the content away, so that the disk does not fill."""
        shutil.rmtree(self.folder / "content", ignore_errors=True)
        (self.folder / "content").mkdir()


@contextlib.contextmanager
def slow_link(port: int) -> Iterator[int]:
    """toxiproxy before a port; yields the slow port."""
    api, listen = free_port(), free_port()

    def ask(path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{api}{path}", json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=5).close()

    with running(["toxiproxy-server", "-host", "127.0.0.1", "-port", str(api)], api):
        ask("/proxies", {"name": "link", "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{port}"})
        for stream in ("upstream", "downstream"):
            for kind, attributes in (
                ("bandwidth", {"rate": KILOBYTES_PER_S}),
                ("latency", {"latency": ROUND_TRIP_MS // 2}),
            ):
                toxic = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": attributes}
                ask("/proxies/link/toxics", toxic)
        yield listen
