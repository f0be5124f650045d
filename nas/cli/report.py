"""``nas report``: one page to send."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, PluginFiles, StudyName
from nas.errors import ConfigError
from nas.text import duration, number, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.benchmark.compare import Checkpoint, Comparison
    from nas.pictures.report import NullLines
    from nas.pictures.report_parts import Table
    from nas.plugins import Plugins
    from nas.study import Study

_Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Ends in .html.")]


def report(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: _Output = "report.html",
    plugin: PluginFiles = None,
) -> None:
    """Write one page that says what a study has found.

    What was searched, the front with its architectures drawn, learning curves, random search and
    params beside it, failures, provenance, and how to do it again. The file needs no other and
    opens offline.
    """
    from nas import Archive
    from nas.cli.output import stdout
    from nas.cli.plugins import load_plugins
    from nas.cli.savings import line
    from nas.pictures.rendering import check_folder, plotly_js
    from nas.pictures.report import report_page

    file = Path(output)
    if file.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"report {output!r}: the name must end in .html")
    check_folder(file, "report")
    plotly_js()
    plugins = load_plugins(plugin)
    with Archive(archive) as opened:
        found = opened.study(study)
        page = report_page(
            opened,
            found,
            plugins=plugins,
            null_lines=_null_lines(opened, found, plugins),
            saved=line(opened, found, plugin),
        )
    file.write_text(page, encoding="utf-8")
    size = number(file.stat().st_size, "B")
    stdout().print(f"{plain(output)}: report of {plain(found.name)}, {size}", soft_wrap=True)


def _null_lines(archive: Archive, study: Study, plugins: Plugins) -> NullLines:
    from nas.benchmark.compare import compare
    from nas.cli.rank import verdict
    from nas.engine.comparison import comparison
    from nas.pictures.history import random_studies
    from nas.pictures.report import NullLines

    ranked = comparison(archive, study, plugins)
    verdicts = {metric: verdict(rows) for metric, rows in ranked.objectives.items()}
    runs = [archive.progress(one) for one in (study, *random_studies(archive, study))]
    runs = [run for run in runs if len(run.numbers)]
    if len(runs) < 2 or runs[0].study.name != study.name:
        return NullLines((), ranked, verdicts)
    return NullLines(_tables(compare(runs)), ranked, verdicts)


def _tables(found: Comparison) -> list[Table]:
    """Return how a study and random search stand, at equal trials and at equal seconds."""
    from nas.pictures.report_parts import Table

    goal = found.goals[0]
    what = "hypervolume" if found.kind == "hypervolume" else f"best {plain(goal.metric)}"
    names = [plain(side.label) for side in found.sides]
    right = frozenset(range(len(names) + 1))
    return [
        Table(
            f"{what} at equal {equal}",
            [unit, *names, "ahead"],
            [_row(found, one, of_trials=unit == "trials") for one in points],
            right,
        )
        for equal, unit, points in (
            ("trials", "trials", found.by_trials),
            ("seconds spent", "spent", found.by_seconds),
        )
    ]


def _row(found: Comparison, one: Checkpoint, *, of_trials: bool) -> Sequence[str]:
    unit = found.goals[0].unit if found.kind == "best" else ""
    at = f"{one.at:,.0f}" if of_trials else duration(one.at)
    ahead = "neither" if one.ahead is None else plain(found.sides[one.ahead].label)
    return [at, *(number(estimate.mean, unit) for estimate in one.found), ahead]
