"""``nas search`` and ``nas resume``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import (
    DEFAULT_ARCHIVE,
    INTERRUPTED,
    AsJson,
    Assignments,
    LogPath,
    PluginFiles,
    Ship,
    shipped,
)
from nas.errors import ConfigError
from nas.text import plain

if TYPE_CHECKING:
    from nas.config import Config
    from nas.engine.search import Result


Address = Annotated[
    str | None, typer.Option("--address", help="Of a Ray cluster; without it, a local Ray.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but the front.")]


def search(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="What to search: a TOML file.")],
    archive: Annotated[
        str,
        typer.Option("--archive", metavar="FILE", help="The SQLite file; new or to go on with."),
    ] = DEFAULT_ARCHIVE,
    address: Address = None,
    assignments: Assignments = None,
    plugin: PluginFiles = None,
    ship: Ship = None,
    audit: Annotated[
        float | None,
        typer.Option(
            "--audit",
            metavar="SHARE",
            min=0.0,
            max=1.0,
            help="Of the trials that the scheduler stops, let so many go on: to see what is lost.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    log: LogPath = None,
) -> None:
    """Run the search that CONFIG describes, or go on with it."""
    import nas

    checked = nas.Config.load(config, [*(assignments or ()), *shipped(ship)])
    if audit is not None:
        checked = _audited(checked, audit)
    run_session(
        partial(nas.search, checked, archive, address=address, plugins=plugin or (), log=log),
        plugin or (),
        as_json=as_json,
        quiet=quiet,
    )


def _audited(config: Config, share: float) -> Config:
    if config.scheduler is None:
        raise ConfigError(
            "--audit is of the trials that a scheduler stops, and this search has none: "
            "add --set scheduler=median, say"
        )
    return config.changed([f"scheduler.audit={share!r}"])


def resume(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="Default: the one that has not finished."),
    ] = None,
    address: Address = None,
    assignments: Assignments = None,
    plugin: PluginFiles = None,
    ship: Ship = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    log: LogPath = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Call the functions that the archived config names.")
    ] = False,
) -> None:
    """Go on with a study: its config is in the archive."""
    import nas

    going_on = partial(
        nas.resume,
        archive,
        study,
        overrides=[*(assignments or ()), *shipped(ship)],
        address=address,
        plugins=plugin or (),
        log=log,
        trust=trust,
    )
    run_session(going_on, plugin or (), as_json=as_json, quiet=quiet)


def run_session(
    session: Callable[..., Result], plugins: Sequence[str], *, as_json: bool, quiet: bool
) -> None:
    """Run a search with somebody watching, and show what it found."""
    from nas.cli.watch import watcher

    with watcher(quiet=quiet) as observer:
        result = session(observer=observer)
    _print(result, plugins, as_json=as_json, quiet=quiet)
    if result.interrupted:
        sys.stderr.write(f"Interrupted. To go on:\n  {_go_on(result, plugins)}\n")
        raise typer.Exit(INTERRUPTED)


def _print(result: Result, plugins: Sequence[str], *, as_json: bool, quiet: bool) -> None:
    from nas import Archive
    from nas.cli.fronts import front_document, print_front
    from nas.cli.output import print_json, stdout
    from nas.cli.plugins import load_plugins
    from nas.cli.rank import print_rankings
    from nas.cli.savings import line
    from nas.cli.shown_front import Shown

    with Archive(result.archive) as archive:
        shown = Shown(archive, result.study)
        if as_json:
            ended = {"reason": result.reason, "interrupted": result.interrupted}
            print_json({**front_document(shown), **ended})
            return
        front = print_front(shown)
        saved = line(archive, result.study, plugins)
    if quiet:
        return
    if saved:
        stdout().print(f"\n{saved}", soft_wrap=True)
    print_rankings(result.archive, result.study, load_plugins(plugins))
    file = shlex.quote(result.archive)
    console = stdout()
    hints = [f"nas front {file} {shlex.quote(result.study.name)}"]
    hints += [f"nas show {file} {front[0].id}"] if front else [f"nas trials {file}"]
    hints += [f"nas savings {file} {shlex.quote(result.study.name)}"] if saved else []
    console.print(f"\nAll of it is in {plain(result.archive)}. Look at it with", soft_wrap=True)
    for hint in hints:
        console.print(f"  {plain(hint)}", soft_wrap=True)


def _go_on(result: Result, plugins: Sequence[str]) -> str:
    words = ["nas", "resume", result.archive, result.study.name]
    return shlex.join([*words, *(word for file in plugins for word in ("--plugin", file))])
