"""What ``nas benchmark`` shows: tables for people, one document for machines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, Listing, Row, stdout
from nas.cli.tables import print_table
from nas.text import MISSING, count, duration, number, plain

if TYPE_CHECKING:
    from rich.console import Console

    from nas.benchmark.plan import Plan
    from nas.benchmark.report import Row as StrategyRow
    from nas.benchmark.report import TableReport
    from nas.benchmark.statistics import Estimate

Cells = Callable[["StrategyRow"], Sequence["Estimate | None"]]


def documents(reports: Iterable[TableReport]) -> list[dict[str, Any]]:
    """Return everything but the curves as plain values."""
    found = []
    for report in reports:
        document = asdict(report)
        del document["curves"]
        found.append(document)
    return found


def print_reports(reports: Sequence[TableReport], plan: Plan) -> None:
    """Print three tables for each table: what was found, how it is judged, and against random."""
    console = stdout()
    if not reports:
        console.print("No study is finished yet.")
    for report in reports:
        studies = [row.seeds for row in report.rows]
        seeds = f"{min(studies)} to {max(studies)}" if len(set(studies)) > 1 else f"{studies[0]}"
        console.print(
            f"\n{plain(plan.config.name)}, {plain(report.table)}: {seeds} of "
            f"{count(plan.config.seeds, 'seed')}, mean ± 95 % interval over seeds",
            style="bold",
        )
        _print_found(report, console)
        if report.judge is not None:
            _print_judged(report, console)
        _print_gain(report, plan.config.line_to_beat, console)


def _print_found(report: TableReport, console: Console) -> None:
    console.print(f"\n{_what(report)}", style="bold", soft_wrap=True)
    more = [Column("choosing", "seconds to\nchoose a trial", right=True, optional=True)]
    if report.target is not None:
        unit = "of the hypervolume" if report.kind == "hypervolume" else ""
        title = f"trials to {number(report.target)} {unit}".rstrip()
        more[:0] = [
            Column("median", f"{title}\nmedian", right=True),
            Column("share", "share of seeds\nthat got there", right=True),
        ]
    rows = [
        {"choosing": None if r.choosing is None else duration_of(r.choosing), **_target(r)}
        for r in report.rows
    ]
    _print(report, lambda row: row.found, console, more, rows)


def _print_judged(report: TableReport, console: Console) -> None:
    way = "higher" if report.direction == "maximize" else "lower"
    said = f"{plain(str(report.judge))} of what was best by {_objectives(report)}; {way} is better"
    console.print(f"\n{said}", style="bold", soft_wrap=True)
    _print(report, lambda row: row.judged, console)


def _print_gain(report: TableReport, line: str, console: Console) -> None:
    judged = plain(report.judge) if report.judge else _short(report)
    said = f"Better than {plain(line)} by, in {judged}, at equal trials, seeds paired"
    console.print(f"\n{said}", style="bold", soft_wrap=True)
    rows = [{"verdict": row.verdict or "the line to beat"} for row in report.rows]
    _print(report, lambda row: row.gain, console, [Column("verdict")], rows, signed=True)


def _print(
    report: TableReport,
    cells: Cells,
    console: Console,
    more: Sequence[Column] = (),
    values: Sequence[Row] | None = None,
    *,
    signed: bool = False,
) -> None:
    """Print a row for each strategy: an estimate at each checkpoint, and what else there is."""
    columns = [Column("strategy")]
    rows: list[dict[str, Any]] = [{"strategy": row.strategy} for row in report.rows]
    of = [cells(row) or [None] * len(report.checkpoints) for row in report.rows]
    texts = iter(estimates([one for row in of for one in row], signed=signed))
    for row in rows:
        row.update({str(after): next(texts) for after in report.checkpoints})
    for after in report.checkpoints:
        columns.append(Column(str(after), f"after {after:,}\ntrials", right=True))
    for row, extra in zip(rows, values or [{}] * len(rows), strict=True):
        row.update(extra)
    print_table(Listing([*columns, *more], rows), console)
    if any(one is not None and one.n and one.mean is None for row in of for one in row):
        console.print(f"{MISSING} not every seed had a feasible trial by then", style="dim")


def estimates(found: Sequence[Estimate | None], *, signed: bool = False) -> list[str]:
    """Return texts such as ``0.63 ± 0.15``, all with as many decimals as the widths need."""
    halves = [_half(e) for e in found]
    widths = [half for half in halves if half]
    means = [abs(e.mean) for e in found if e is not None and e.mean]
    scale = min(widths) if widths else max(means, default=1.0) / 100
    decimals = min(max(1 - math.floor(math.log10(scale)), 0), 6)
    sign = "+" if signed else ""
    return [
        MISSING
        if e is None or e.mean is None
        else f"{e.mean:{sign},.{decimals}f}" + ("" if half is None else f" ± {half:,.{decimals}f}")
        for e, half in zip(found, halves, strict=True)
    ]


def duration_of(seconds: float) -> str:
    """Return seconds with their unit; less than a millisecond in microseconds."""
    return duration(seconds) if seconds >= 60 else number(seconds, "s")


def _half(estimate: Estimate | None) -> float | None:
    known = estimate is not None and estimate.low is not None and estimate.high is not None
    return (estimate.high - estimate.low) / 2 if known else None  # type: ignore[operator, union-attr]


def _target(row: StrategyRow) -> dict[str, str]:
    if row.target is None:
        return {}
    median = row.target.median
    return {
        "median": "more" if median is None else f"{median:g}",
        "share": f"{row.target.share:.0%}",
    }


def _what(report: TableReport) -> str:
    known = "the best of the table" if report.exact else "the best that any of these runs has seen"
    if report.kind == "regret":
        assert report.best is not None
        best = number(report.best, report.objectives[0].unit)
        return f"Regret of {_objectives(report)} to {known}, {best}; lower is better"
    known = "the table's front" if report.exact else "the front of all these runs together"
    limits = ", ".join(
        f"{plain(goal.metric)} {number(value, goal.unit)}"
        for goal, value in zip(report.objectives, report.reference, strict=True)
    )
    return f"Share of the hypervolume of {known}, up to {limits}; higher is better"


def _short(report: TableReport) -> str:
    return "regret" if report.kind == "regret" else "share of the hypervolume"


def _objectives(report: TableReport) -> str:
    return ", ".join(plain(goal.metric) for goal in report.objectives)
