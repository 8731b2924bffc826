"""A small token server, as registries with ``auth: token`` want one: RS256 tokens signed with a key of its own.

token_server.py DIRECTORY LIFE_S

Writes DIRECTORY/token_port when it listens and DIRECTORY/tokens.jsonl as its log: one line per request, without
secrets. Users: "tester" with "right-password" may do everything, "reader" with "reader-password" may pull; the identity
token "identity-of-tester" is tester's. Nobody else gets a token. Ends with the process that started it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DIRECTORY, LIFE_S = Path(sys.argv[1]), int(sys.argv[2])
PASSWORDS = {"tester": "right-password", "reader": "reader-password"}
RIGHTS = {"tester": {"pull", "push", "delete", "*"}, "reader": {"pull"}}
IDENTITY = {"identity-of-tester": "tester"}
# Registries forgive this much between their clock and the server's; a token must be older to be refused.
LEEWAY_S = 60
LOCK = threading.Lock()


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


KEY, CERT = str(DIRECTORY / "token.key"), str(DIRECTORY / "token.pem")
CHAIN = [base64.b64encode(openssl("x509", "-in", CERT, "-outform", "DER")).decode()]


def sign(claims: dict[str, object]) -> str:
    parts = [{"typ": "JWT", "alg": "RS256", "x5c": CHAIN}, claims]
    text = ".".join(b64url(json.dumps(part).encode()) for part in parts)
    return text + "." + b64url(openssl("dgst", "-sha256", "-sign", KEY, data=text.encode()))


def granted(user: str, scopes: list[str]) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = [action for action in actions.split(",") if action in RIGHTS[user]]
        out.append({"type": kind, "name": name, "actions": allowed})
    return out


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user = ""
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, password = base64.b64decode(encoded).decode().partition(":")
            user = name if PASSWORDS.get(name) == password else ""
        self.answer(user, query.get("service", [""])[0], query.get("scope", []), "basic" if scheme else "anonymous")

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        grant = form.get("grant_type", [""])[0]
        user = ""
        if grant == "refresh_token":
            user = IDENTITY.get(form.get("refresh_token", [""])[0], "")
        elif grant == "password":
            name = form.get("username", [""])[0]
            user = name if PASSWORDS.get(name) == form.get("password", [""])[0] else ""
        self.answer(user, form.get("service", [""])[0], form.get("scope", [""])[0].split(), grant)

    def answer(self, user: str, service: str, scopes: list[str], grant: str) -> None:
        with LOCK, (DIRECTORY / "tokens.jsonl").open("a") as log:
            log.write(json.dumps({"user": user, "grant": grant, "scopes": scopes}) + "\n")
        if not user:
            self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
            return
        now = int(time.time())
        claims = {
            "iss": "tests",
            "sub": user,
            "aud": service,
            "nbf": now - 2 * LEEWAY_S,
            "iat": now - 2 * LEEWAY_S,
            "exp": now + LIFE_S - LEEWAY_S,
            "jti": hashlib.sha256(os.urandom(16)).hexdigest(),
            "access": granted(user, scopes),
        }
        token = sign(claims)
        # What it says of the life is not what the token knows: clients must cope with that.
        self.reply(200, {"token": token, "access_token": token, "expires_in": 300})

    def reply(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def end_with_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


class Server(ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
(DIRECTORY / "token_port.new").write_text(str(server.server_port))
(DIRECTORY / "token_port.new").rename(DIRECTORY / "token_port")
threading.Thread(target=end_with_parent, daemon=True).start()
server.serve_forever()
