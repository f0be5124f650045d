"""``nas ui``: the archive in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, PluginFiles


def ui(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; others can read it then.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Default: 8765, or a free one."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address and open nothing.")
    ] = False,
    plugin: PluginFiles = None,
) -> None:
    """Show an archive in the browser, read-only.

    Also while a search writes to it.
    """
    from nas.cli.plugins import load_plugins
    from nas.ui.server import serve

    load_plugins(plugin)  # a file that is no plugin is told at once
    serve(
        Path(archive),
        host=host,
        port=port,
        browser=not no_browser,
        plugin_files=plugin or (),
        say=lambda line: print(line, flush=True),
    )
