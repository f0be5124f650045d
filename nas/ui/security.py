"""What a browser may do with our pages, and who may ask for them.

An archive comes from strangers. Everything in it is escaped where it is shown; what stands here
holds even if that failed: no page of ours runs a script that is not one of our files. Plotly needs
``eval`` for points by WebGL, so it has a page of its own in a frame without an origin, which can
neither read the archive nor reach the network.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NOWHERE = "default-src 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
PAGE = (
    f"{_NOWHERE}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; frame-ancestors 'none'"
)
"""Policy of our pages."""
FRAME = (
    "sandbox allow-scripts; default-src 'none'; base-uri 'none'; form-action 'none'; "
    "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src data: blob:; "
    "frame-ancestors 'self'"
)
"""Policy of the page that plots."""
DRAWING = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Policy of a drawn architecture."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
"""On every answer."""


def datasette_policy() -> str:
    """Return the policy of Datasette's own pages: its scripts by their hashes, no other."""
    found = set()
    for template in (files("datasette") / "templates").iterdir():
        for script in re.findall(r"<script>(.*?)</script>", template.read_text("utf-8"), re.DOTALL):
            for value in ("true", "false"):
                filled = re.sub(r"\{\{ datasette_allow_facet \}\}", value, script)
                found.add(base64.b64encode(sha256(filled.encode()).digest()).decode())
    hashes = " ".join(f"'sha256-{digest}'" for digest in sorted(found))
    return (
        f"{_NOWHERE}; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
    )


def is_loopback(host: str) -> bool:
    """Tell whether a name, or an address in digits, is this machine's own."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Stands before everything that ``nas ui`` serves.

    Only GET and HEAD pass. Served on this machine alone, only those pass who asked for this machine
    by its own name: a page elsewhere whose name is made to lead here (DNS rebinding) is refused.
    Every answer that brings no policy of its own gets that of Datasette's pages.

    Args:
        app: what is served.
        local: whether only this machine is to be served.
    """

    def __init__(self, app: App, *, local: bool) -> None:
        self._app, self._local = app, local
        self._headers = {"content-security-policy": datasette_policy(), **HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, or say why not."""
        if scope["type"] == "http":
            if scope["method"] not in ("GET", "HEAD"):
                await _refuse(send, 405, "this can only be read")
                return
            host = _host(dict(scope["headers"]))
            if self._local and not is_loopback(host):
                await _refuse(send, 421, f"this is served to localhost, not to {host[:100]!r}")
                return
        await self._app(scope, receive, self._with_headers(send))

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                given += [
                    (name.encode(), value.encode())
                    for name, value in self._headers.items()
                    if name.encode() not in names
                ]
                message = {**message, "headers": given}
            await send(message)

        return sending


def _host(headers: Mapping[bytes, bytes]) -> str:
    """Return the name that was asked for, without the port."""
    given = headers.get(b"host", b"").decode("latin-1")
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::\d*)?", given)
    return bracketed[1] if bracketed else re.sub(r":\d*\Z", "", given)


async def _refuse(send: Send, status: int, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"allow", b"GET, HEAD")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})
