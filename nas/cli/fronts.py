"""The Pareto front, for ``nas front`` and for the end of ``nas search``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, Listing, print_csv, stdout
from nas.cli.rows import (
    ID,
    SECONDS,
    csv_keys,
    objective_columns,
    study_document,
    texts,
    trial_document,
    trial_row,
)
from nas.cli.tables import print_table
from nas.cli.text import count, plain
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study


def front_document(archive: Archive, study: Study) -> dict[str, Any]:
    """Return the front as plain JSON values."""
    front = archive.front(study)
    text = texts(archive, front)
    return {
        **study_document(study),
        "front": [trial_document(trial, text[trial.id]) for trial in front],
    }


def print_front_csv(archive: Archive, study: Study) -> None:
    """Write the front as CSV, with every metric."""
    front = archive.front(study)
    text = texts(archive, front)
    rows = [trial_row(trial, text[trial.id]) for trial in front]
    print_csv(csv_keys(study.goals, front), rows)


def print_front(archive: Archive, study: Study) -> list[Trial]:
    """Print the front as a table, objectives with unit and direction; return it."""
    front = archive.front(study)
    counts = archive.counts(study)
    console = stdout()
    console.print(
        f"Front of {plain(study.name)}: {len(front):,} of "
        f"{count(counts[Status.COMPLETE], 'complete trial')}",
        style="bold",
    )
    bounds = [goal.bound() for goal in study.goals if goal.bound()]
    if bounds:
        console.print(f"within: {', '.join(map(plain, bounds))}", style="dim")
    others = [f"{n:,} {s}" for s, n in counts.items() if n and s is not Status.COMPLETE]
    if others:
        console.print(f"beside them: {', '.join(others)}", style="dim")
    if not front:
        why = "no trial is within the bounds" if bounds else "no trial is complete"
        console.print(f"The front is empty: {why} yet.", style="yellow")
        return front
    text = texts(archive, front)
    rows = [trial_row(trial, text[trial.id]) for trial in front]
    columns = [
        ID,
        *objective_columns(study.goals),
        SECONDS,
        Column("architecture"),
    ]
    console.print()
    print_table(Listing(columns, rows), console)
    return front
