"""Who may ask the studio, and what its answers allow a browser to do: no request passes that this file does not let in.

Loopback is no boundary: a page elsewhere reaches it through a name that is bound anew, and other users of the machine
reach it too. So the server knows its own names (Host), whose pages may ask (Origin), and one browser (a cookie, which
the link of the start gave it once); what changes something takes a header besides, which no form can send.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ..errors import FileError
from .limits import LINK_GOOD_FOR, MOST_ASKED, MOST_OF_HEADERS

HEADER = "x-cutaway"
#: blob: is what the page's own script made; a drawing becomes a PNG through it.
POLICY = ("default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
          "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; frame-src 'self'")
#: Of pages that were generated: they may show themselves, and do nothing.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
HEADERS = {
    "content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
    "x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin", "cache-control": "no-store",
}

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Keys:
    """The secrets of a studio: links that are good once, the cookie, the header, and what asks for a fresh link.

    All but the links are kept in the home, readable by its owner alone, so that a page that is open comes back by
    itself when the studio is started again.
    """

    def __init__(self, home: Path) -> None:
        kept = home / "keys.json"
        try:
            with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump([secrets.token_urlsafe(32) for _ in range(3)], file)
        except FileExistsError:
            pass
        try:
            self.cookie, self.header, self.again = map(str, json.loads(kept.read_text()))
        except ValueError:
            raise FileError(f"{kept} is damaged: remove it, and start the studio again") from None
        self._links: dict[str, float] = {}

    def link(self) -> str:
        """Make the secret of a link that opens the studio once."""
        made = secrets.token_urlsafe(32)
        self._links[made] = time.monotonic() + LINK_GOOD_FOR
        return made

    def opens(self, given: str) -> bool:
        """Whether a link's secret is good; it is good no more after that."""
        for known in list(self._links):
            if same(known, given):
                return self._links.pop(known) > time.monotonic()
        return False


class Guard:
    """The ASGI application around the studio's own: refuses, or lets in and adds headers to the answer."""

    def __init__(self, app: Any, keys: Keys, port: int) -> None:
        self.app, self.keys, self.port = app, keys, port
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.origins = {f"http://{host}" for host in self.hosts}
        self.cookie = f"cutaway-studio-{port}"

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # there are no WebSockets here
            return await send({"type": "websocket.close", "code": 1008})
        headers = _headers(scope)

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = {name.decode().lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(
                    (name.encode(), value.encode()) for name, value in HEADERS.items() if name not in own)]
            await send(message)

        wrong = self._wrong(scope, headers)
        if wrong is not None:
            return await _refuse(guarded, *wrong)
        if scope["path"] == "/start":
            return await self._start(scope, guarded)
        await self.app(scope, receive, guarded)

    def _wrong(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        """Say why a request is refused: the status and the words; None where it may pass."""
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_OF_HEADERS:
            return 431, "the headers of this request are longer than any browser's"
        if headers.get("host", []) not in [[host] for host in self.hosts]:
            return 421, "this server answers to 127.0.0.1 and localhost alone"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "the studio knows GET and POST"
        origin = headers.get("origin")
        if origin is not None and origin not in [[one] for one in self.origins]:
            return 403, "a page of another origin may not ask the studio"
        if headers.get("sec-fetch-site", ["none"])[0] in ("cross-site", "same-site"):
            return 403, "a page of another site may not ask the studio"
        if scope["path"] in ("/start", "/again"):
            return None
        if not self._knows(headers):
            return 401, ("this browser does not know the studio: open the link that `cutaway studio` printed, or run "
                         "`cutaway studio` once more for a fresh one")
        if scope["method"] == "POST":
            if origin is None:
                return 403, "what changes something must say which page it comes from"
            if not same(headers.get(HEADER, [""])[0], self.keys.header):
                return 403, "the page is of an earlier start of the studio: load it again"
        return None

    def _knows(self, headers: dict[str, list[str]]) -> bool:
        cookies = [part.strip() for line in headers.get("cookie", []) for part in line.split(";")]
        return any(same(part, f"{self.cookie}={self.keys.cookie}") for part in cookies)

    async def _start(self, scope: Scope, send: Send) -> None:
        """Let a browser in that has the link: it gets the cookie, and an address without the secret."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if scope["method"] != "GET" or not self.keys.opens(given):
            return await _refuse(send, 401, "this link was used, or is too old: run `cutaway studio` once more for a "
                                            "fresh one")
        cookie = f"{self.cookie}={self.keys.cookie}; Path=/; HttpOnly; SameSite=Strict"
        await send({"type": "http.response.start", "status": 303,
                    "headers": [(b"location", b"/"), (b"set-cookie", cookie.encode())]})
        await send({"type": "http.response.body", "body": b""})


class TooMuch(Exception):
    """A body that is longer than it may be."""


async def body_of(request: Any, most: int = MOST_ASKED) -> bytes:
    """Read a request's body, up to a limit, whatever its length is said to be."""
    if int(request.headers.get("content-length") or 0) > most:
        raise TooMuch
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > most:
            raise TooMuch
    return bytes(found)


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same; it takes as long for any."""
    return hmac.compare_digest(one.encode(), other.encode())


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"wrong": why}).encode()
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/json"), (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
