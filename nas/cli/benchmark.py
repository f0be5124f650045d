"""``nas benchmark``: strategies against each other and against random search."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import DEFAULT_ARCHIVE, INTERRUPTED, AsJson, Assignments, PluginFiles
from nas.cli.output import print_json, stderr
from nas.errors import StudyError
from nas.text import duration, one_line, plain

if TYPE_CHECKING:
    from nas.benchmark.plan import Plan
    from nas.benchmark.running import Outcome, Progress

_Config = Annotated[
    str,
    typer.Argument(metavar="CONFIG", help="A TOML file, or the name of a table that is known."),
]
_Archive = Annotated[
    str, typer.Option("--archive", metavar="FILE", help="The SQLite file; new or to go on with.")
]
_Address = Annotated[
    str | None, typer.Option("--address", help="Of a Ray cluster; without it, a local Ray.")
]
_Show = Annotated[bool, typer.Option("--show", help="Run nothing: show what is finished.")]
_Plot = Annotated[
    str | None,
    typer.Option("--plot", metavar="FILE", help="Draw it: .png, .svg, .pdf or .html."),
]
LINE_EVERY = 1.0
"""Seconds between two lines about progress where there is no terminal."""


def benchmark(
    config: _Config,
    archive: _Archive = DEFAULT_ARCHIVE,
    address: _Address = None,
    assignments: Assignments = None,
    show: _Show = False,
    plot: _Plot = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Compare strategies with random search, over many seeds.

    What is finished is not run again: go on after an interrupt, add seeds, trials or strategies.
    """
    from nas.benchmark.plot import draw
    from nas.benchmark.report import report
    from nas.cli.benchmark_output import documents, print_reports
    from nas.pictures.rendering import check_picture

    if plot is not None:
        check_picture(plot)
    chosen = [*(assignments or ()), *([f'run.address="{address}"'] if address else ())]
    planned = _plan(config, chosen, plugin or ())
    outcome = None if show else _run(planned, archive, plugin or ())
    reports = report(planned, archive)
    if as_json:
        print_json({"benchmark": planned.config.name, "tables": documents(reports)})
    else:
        print_reports(reports, planned)
    if plot is not None and reports:
        draw(reports, plot)
    if outcome is not None:
        _end(outcome, planned, archive)


def _plan(config: str, assignments: list[str], plugin: list[str] | tuple[()]) -> Plan:
    from nas.benchmark.config import load_benchmark
    from nas.benchmark.plan import plan
    from nas.plugins import PluginFile, Plugins

    files = [PluginFile.read(path) for path in plugin]
    return plan(load_benchmark(config, Plugins(files), assignments), files)


def _run(planned: Plan, archive: str, plugin: list[str] | tuple[()]) -> Outcome:
    from nas.benchmark.running import run

    with _shown() as watch:
        return run(planned, archive, plugin, watch)


def _end(outcome: Outcome, planned: Plan, archive: str) -> None:
    if outcome.interrupted:
        said = f"Interrupted. What is finished is in {plain(archive)}; the same command goes on."
        stderr().print(said, soft_wrap=True)
        raise typer.Exit(INTERRUPTED)
    if outcome.failed:
        first = outcome.failed[0]
        raise StudyError(
            f"{len(outcome.failed)} of {len(planned.entries):,} studies failed and are left out; "
            f"the first, {first.entry.config.study!r}: {first.error}"
        )


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Show how far it is: on a terminal as a bar, elsewhere a line now and then."""
    console = stderr()
    if not console.is_terminal:
        yield _Lines().progress
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    texts = [TextColumn("Studies"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}")]
    more = [TextColumn("{task.description}"), TimeRemainingColumn()]
    with Bar(*texts, *more, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(now: Progress) -> None:
            if now.latest is not None and now.latest.error:
                bar.console.print(_failure(now), soft_wrap=True)
            done = now.known + now.done
            bar.update(task, completed=done, total=now.total, description=plain(now.where))

        yield show


class _Lines:
    """A line now and then, for log files; every failure at once."""

    def __init__(self) -> None:
        self._said = 0.0

    def progress(self, now: Progress) -> None:
        """Say how far it is."""
        if now.latest is None:
            return
        if now.latest.error:
            stderr().print(_failure(now), soft_wrap=True)
        last = now.known + now.done == now.total
        if last or time.monotonic() - self._said >= LINE_EVERY:
            self._said = time.monotonic()
            done = f"{now.known + now.done:,} of {now.total:,} studies"
            said = f"{done}: {plain(now.latest.entry.config.study)}; {duration(now.seconds)}"
            stderr().print(f"{said}; {plain(now.where)}", soft_wrap=True)


def _failure(now: Progress) -> str:
    assert now.latest is not None
    return f"{plain(now.latest.entry.config.study)} failed: {one_line(now.latest.error)}"
