"""``nas search``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import DEFAULT_ARCHIVE, INTERRUPTED, AsJson, Assignments, PluginFiles
from nas.cli.text import plain

if TYPE_CHECKING:
    from nas.engine.search import Result


def search(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="What to search: a TOML file.")],
    archive: Annotated[
        str,
        typer.Option("--archive", metavar="FILE", help="The SQLite file; new or to go on with."),
    ] = DEFAULT_ARCHIVE,
    address: Annotated[
        str | None, typer.Option("--address", help="Of a Ray cluster; without it, a local Ray.")
    ] = None,
    assignments: Assignments = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but the front.")] = False,
) -> None:
    """Run the search that CONFIG describes, or go on with it."""
    import nas
    from nas.cli.watch import watcher

    checked = nas.Config.load(config, assignments or ())
    with watcher(quiet=quiet) as observer:
        result = nas.search(
            checked, archive, address=address, plugins=plugin or (), observer=observer
        )
    _print(result, as_json=as_json, quiet=quiet)
    if result.interrupted:
        command = _command(config, archive, address, assignments, plugin, as_json, quiet)
        sys.stderr.write(f"Interrupted. To go on:\n  {command}\n")
        raise typer.Exit(INTERRUPTED)


def _print(result: Result, *, as_json: bool, quiet: bool) -> None:
    from nas import Archive
    from nas.cli.fronts import front_document, print_front
    from nas.cli.output import print_json, stdout

    with Archive(result.archive) as archive:
        if as_json:
            ended = {"reason": result.reason, "interrupted": result.interrupted}
            print_json({**front_document(archive, result.study), **ended})
            return
        front = print_front(archive, result.study)
    if quiet:
        return
    file = shlex.quote(result.archive)
    console = stdout()
    hints = [f"nas front {file} {shlex.quote(result.study.name)}"]
    hints += [f"nas show {file} {front[0].id}"] if front else [f"nas trials {file}"]
    console.print(f"\nAll of it is in {plain(result.archive)}. Look at it with", soft_wrap=True)
    for hint in hints:
        console.print(f"  {plain(hint)}", soft_wrap=True)


def _command(
    config: str,
    archive: str,
    address: str | None,
    assignments: Sequence[str] | None,
    plugin: Sequence[str] | None,
    as_json: bool,
    quiet: bool,
) -> str:
    """Return the command line that goes on with this search: the same one."""
    words = ["nas", "search", config]
    words += ["--archive", archive] if archive != DEFAULT_ARCHIVE else []
    words += ["--address", address] if address is not None else []
    words += [word for assignment in assignments or () for word in ("--set", assignment)]
    words += [word for file in plugin or () for word in ("--plugin", file)]
    words += ["--json"] if as_json else []
    words += ["--quiet"] if quiet else []
    return shlex.join(words)
