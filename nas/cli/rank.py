"""``nas rank``: how scores rank the trials that were trained, beside params and flops."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsCsv, AsJson, PluginFiles, StudyName
from nas.cli.output import Column, Listing, check_formats, print_csv, print_json, stdout
from nas.cli.plugins import load_plugins
from nas.cli.tables import print_table
from nas.errors import ArchiveError
from nas.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.engine.comparison import Comparison
    from nas.plugins import Plugins
    from nas.ranking import Ranking
    from nas.study import Study

_All = Annotated[bool, typer.Option("--all", help="Every trial; else, of many, 500 are drawn.")]

_Top = Annotated[
    int | None,
    typer.Option("--top", min=1, metavar="K", help="Of the overlap. Default: a tenth of them."),
]


def rank(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    everything: _All = False,
    top: _Top = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show how well scores ranked the trained networks.

    Rank correlations over the complete trials, with 95 % intervals, and the share of the best
    that a score has among its own best, always beside the number of parameters and of operations:
    a score that does not beat them is not worth its time.
    """
    from nas.archive import Archive
    from nas.engine.comparison import comparison

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        found = opened.study(study)
        loaded = load_plugins(plugin)
        compared = comparison(opened, found, loaded, everything=everything, top=top)
    objectives = compared.objectives
    if not objectives:
        raise ArchiveError(
            f"study {found.name!r} in {archive!r} has no scores: nothing to compare. "
            f"`nas score {archive} --proxy gradsign` scores its trials"
        )
    if as_json:
        plain_rows = {metric: [asdict(r) for r in rows] for metric, rows in objectives.items()}
        counts = {"compared": compared.compared, "trials": compared.trials}
        print_json({"study": found.name, **counts, "objectives": plain_rows})
    elif as_csv:
        rows = [{"objective": m, **asdict(r)} for m, found_ in objectives.items() for r in found_]
        print_csv(list(rows[0]) if rows else ["objective"], rows)
    else:
        _print(compared, archive, found)


def print_rankings(archive: str, study: Study, plugins: Plugins) -> None:
    """Print the comparison, if there is anything to compare."""
    from nas.archive import Archive
    from nas.engine.comparison import comparison

    with Archive(archive) as opened:
        compared = comparison(opened, study, plugins)
    _print(compared, archive, study)


def _print(compared: Comparison, archive: str, study: Study) -> None:
    console = stdout()
    sampled = compared.compared < compared.trials
    for metric, rows in compared.objectives.items():
        most = max((row.n for row in rows), default=0)
        over = f"a sample of {most:,} of {compared.trials:,}" if sampled else f"{most:,}"
        console.print(
            f"\nHow scores ranked {plain(metric)}, over {over} trained networks", style="bold"
        )
        columns = [
            Column("name", "score"),
            Column("n", "networks", number=True),
            Column("spearman", "Spearman", right=True, show=_signed),
            Column("interval", "95 % interval", right=True),
            Column("kendall", "Kendall", right=True, show=_signed, optional=True),
            Column("partial", "given params", right=True, show=_signed, optional=True),
            Column("overlap", _top(rows), right=True, show="{:.0%}".format, optional=True),
        ]
        print_table(Listing(columns, [_row(row) for row in rows]), console)
        console.print(verdict(rows), style="dim", soft_wrap=True)
    if sampled and compared.objectives:
        words = plain(shlex.join(["nas", "rank", archive, study.name, "--all"]))
        said = f"params and flops of more take long to count; over all of them: {words}"
        console.print(said, style="dim", soft_wrap=True)


def verdict(rows: Sequence[Ranking]) -> str:
    """Say whether any score has beaten the counts, or how little can be said."""
    from nas.engine.comparison import LINES_TO_BEAT

    counted = [r.spearman for r in rows if r.name in LINES_TO_BEAT and r.spearman is not None]
    scores = [r for r in rows if r.name not in LINES_TO_BEAT and r.spearman is not None]
    if not scores:
        return "too few trials to tell"
    if not counted:
        return "no params or flops to compare with"
    everywhere = max(counted)
    lines = {r.name: everywhere if r.line is None else r.line for r in scores}
    beaten = [r for r in scores if (r.low if r.low is not None else -1) > lines[r.name]]
    better = [r for r in scores if (r.spearman or 0) > lines[r.name]]
    told = beaten or better or scores
    values = sorted({f"{lines[r.name]:+.2f}" for r in told}, key=float)
    most = max(r.n for r in rows if r.name in LINES_TO_BEAT)
    same = " over the same networks" if any(r.n < most for r in told) else ""
    line = f"params and flops{same} ({' to '.join(values[:1] + values[1:][-1:])})"
    names = ", ".join(plain(r.name) for r in told)
    if beaten:
        return f"beyond {line}: {names}"
    return f"above {line}, within the interval: {names}" if better else f"no score beats {line}"


def _row(ranking: Ranking) -> dict[str, Any]:
    known = ranking.low is not None and ranking.high is not None
    interval = f"{ranking.low:+.2f} to {ranking.high:+.2f}" if known else None
    return {**asdict(ranking), "interval": interval}


def _top(rows: Sequence[Ranking]) -> str:
    sizes = sorted({row.top for row in rows if row.top is not None})
    return f"of top {' to '.join(map(str, sizes[:1] + sizes[1:][-1:]))}" if sizes else "of top"


def _signed(value: float) -> str:
    return f"{value:+.3f}"
