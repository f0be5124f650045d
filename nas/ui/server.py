"""``nas ui``: Datasette with our pages, for one archive, on this machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from nas.archive import Archive
from nas.archive.opening import open_for_reading
from nas.errors import ConfigError
from nas.ui.links import Links
from nas.ui.security import App, Guard, is_loopback

PORT = 8765
"""Where a browser looks first; if it is taken, any other."""
_NICENESS = 5
"""A search that runs beside on the same machine goes first."""
_GRACE = 2
"""Seconds that answers in progress may take when the server is ended."""
_WAITING = 128
"""Connections that wait until the server has started."""


def serve(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    plugin_files: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Serve the pages of an archive until SIGINT or SIGTERM.

    Args:
        path: of the archive.
        host: address to listen at.
        port: to listen at; None is ``PORT``, or any other if that is taken.
        browser: whether to open one.
        plugin_files: plugins that the archive's spaces may come from.
        say: is told where the pages are, and what else a person should know.

    Raises:
        ArchiveError: there is no archive, or it cannot be read.
        ConfigError: the port is taken, there is no such host, or Datasette is not installed.
    """
    with Archive(path):
        snapshot = _is_snapshot(path)
    site, start = _site(path, snapshot, plugin_files)
    with _listening(host, port) as listener:
        address = f"http://{_spelt(host)}:{listener.getsockname()[1]}"
        say(f"{address}{start}")
        for line in _cautions(path, host, snapshot):
            say(line)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address + start,), daemon=True).start()
        if hasattr(os, "nice"):
            os.nice(_NICENESS)
        _run(Guard(site, local=is_loopback(host)), listener)


def _site(path: Path, snapshot: bool, plugin_files: Sequence[str]) -> tuple[App, str]:
    """Return what is served, and where its first page is."""
    missing = [name for name in ("datasette", "plotly") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"nas ui needs {' and '.join(missing)}: pip install 'plugnas[ui]'")
    from datasette.app import Datasette

    name = str(path)
    metadata = {"plugins": {"nas": {"files": [str(Path(f).absolute()) for f in plugin_files]}}}
    files, immutables = ([], [name]) if snapshot else ([name], [])
    datasette = Datasette(files, immutables=immutables, metadata=metadata)
    overview = Links(datasette, datasette.get_database().name).overview()
    return _from_root(datasette.app(), overview), overview


def _from_root(app: App, overview: str) -> App:
    """Lead whoever asks for no page to the overview."""

    async def leading(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            headers = [(b"location", overview.encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send)

    return leading


def _is_snapshot(path: Path) -> bool:
    connection, snapshot = open_for_reading(path)
    connection.close()
    return snapshot


def _cautions(path: Path, host: str, snapshot: bool) -> Iterator[str]:
    if snapshot:
        yield (
            f"The folder of {path.name!r} cannot be written, so its tables and SQL show the file "
            "as it is now; our own pages read it anew each time."
        )
    if not is_loopback(host):
        yield f"Everybody who reaches {host} can read this archive: there is no password."


@contextmanager
def _listening(host: str, port: int | None) -> Iterator[socket.socket]:
    """Hold a socket that connections can wait at.

    Raises:
        ConfigError: there is no such host, or the port is taken.
    """
    try:
        (family, kind, protocol, _, found), *_ = socket.getaddrinfo(
            host, PORT if port is None else port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host!r}: there is no such address ({error})") from None
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _bind(listener, found, any_other=port is None)
        except OSError as error:
            why = error.strerror or str(error)
            raise ConfigError(
                f"cannot listen at {host}, port {port or PORT}: {why}; "
                "without --port a free one is taken"
            ) from None
        listener.listen(_WAITING)
        yield listener


def _bind(listener: socket.socket, found: tuple[Any, ...], *, any_other: bool) -> None:
    try:
        listener.bind(found)
    except OSError:
        if not any_other:
            raise
        listener.bind((found[0], 0, *found[2:]))


def _spelt(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _run(app: App, listener: socket.socket) -> None:
    """Run the server; both signals end it, and neither is an error."""
    import uvicorn

    settings = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
    )
    with _signals_end_it():
        uvicorn.Server(settings).run(sockets=[listener])


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """Take the signals that uvicorn raises again after it has ended."""

    def ended(signum: int, frame: FrameType | None) -> None:
        sys.stderr.flush()

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
