"""How a front grew, for ``nas front --history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, Listing, print_csv, stdout
from nas.cli.tables import print_table
from nas.goals import Goal
from nas.text import count, duration, plain

if TYPE_CHECKING:
    from nas.archive.progress import History
    from nas.study import Study


def print_history(history: History, goals: Sequence[Goal], *, as_csv: bool) -> None:
    """Print the hypervolume where it has grown; as CSV, after each evaluated trial."""
    rows = [
        {"number": int(number), "spent": float(seconds), "hypervolume": float(value)}
        for number, seconds, value in zip(
            history.numbers, history.seconds, history.values, strict=True
        )
    ]
    if as_csv:
        print_csv(["number", "spent", "hypervolume"], rows)
        return
    grown = [
        r for i, r in enumerate(rows) if not i or r["hypervolume"] > rows[i - 1]["hypervolume"]
    ]
    console = stdout()
    up_to = ", ".join(f"{plain(g.metric)} {history.reference[g.metric]:.6g}" for g in goals)
    console.print(f"Hypervolume after {count(len(rows), 'trial')}, up to {up_to}", style="bold")
    columns = [
        Column("number", "trial", right=True),
        Column("spent", "spent", right=True, show=duration),
        Column("hypervolume", right=True, show=lambda value: f"{value:.6g}"),
    ]
    print_table(Listing(columns, grown), console)


def history_document(history: History, study: Study) -> dict[str, Any]:
    """Return a history as plain JSON values."""
    columns = ("numbers", "seconds", "values")
    return {
        "study": study.name,
        "archive": study.archive,
        "reference": dict(history.reference),
        **{name: getattr(history, name).tolist() for name in columns},
    }
