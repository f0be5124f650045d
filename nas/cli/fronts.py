"""The Pareto front, for ``nas front`` and for the end of ``nas search``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.cli.budgets import stage_text, unit
from nas.cli.output import Column, Listing, print_csv, stdout
from nas.cli.plugins import load_plugins
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


@dataclass(frozen=True)
class Shown:
    """A front that is to be shown.

    Args:
        archive: has the study.
        study: which one.
        budget: at which trials are compared; None compares the complete ones.
        plugin: files that the objectives may come from.
    """

    archive: Archive
    study: Study
    budget: int | None = None
    plugin: Sequence[str] | None = None

    @cached_property
    def front(self) -> list[Trial]:
        """The trials on it, by first objective."""
        if self.budget is None:
            return self.archive.front(self.study)
        loaded = load_plugins(self.plugin)
        return self.archive.front(self.study, budget=self.budget, plugins=loaded)

    @cached_property
    def texts(self) -> dict[int, str]:
        """Their architectures in the space's own string form, by trial id."""
        return texts(self.archive, self.front)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each of them."""
        return [trial_row(trial, self.texts[trial.id]) for trial in self.front]


def front_document(shown: Shown) -> dict[str, Any]:
    """Return the front as plain JSON values."""
    return {
        **study_document(shown.study),
        **({} if shown.budget is None else {"budget": shown.budget}),
        "front": [
            {**trial_document(trial, shown.texts[trial.id]), "feasible": trial.violation == 0}
            for trial in shown.front
        ],
    }


def print_front_csv(shown: Shown) -> None:
    """Write the front as CSV, with every metric."""
    print_csv(csv_keys(shown.study.goals, shown.front), shown.rows)


def print_front(shown: Shown) -> list[Trial]:
    """Print the front as a table, objectives with unit and direction; return it."""
    console, study, front = stdout(), shown.study, shown.front
    console.print(_title(shown), style="bold")
    bounds = [goal.bound() for goal in study.goals if goal.bound()]
    if bounds:
        console.print(f"within: {', '.join(map(plain, bounds))}", style="dim")
    if beside := _beside(shown):
        console.print(beside, style="dim", soft_wrap=True)
    if not front:
        why = "no trial is within the bounds" if bounds else "no trial is complete"
        console.print(f"The front is empty: {why} yet.", style="yellow")
        return front
    columns = [
        ID,
        *([] if shown.budget is None else [Column("status", "ended")]),
        *objective_columns(study.goals),
        *([SECONDS] if shown.budget is None else []),
        Column("architecture"),
    ]
    console.print()
    print_table(Listing(columns, shown.rows), console)
    return front


def _title(shown: Shown) -> str:
    name, size = plain(shown.study.name), len(shown.front)
    if shown.budget is None:
        complete = count(shown.archive.counts(shown.study)[Status.COMPLETE], "complete trial")
        return f"Front of {name}: {size:,} of {complete}"
    stages = shown.archive.state(shown.study).stages
    full = shown.archive.budget(shown.study)
    spent = f"{shown.budget:,}" if full in (None, shown.budget) else f"{shown.budget:,} of {full:,}"
    at = f"{spent} {unit(stages)}{'' if (full or shown.budget) == 1 else 's'}"
    what = stage_text(stages, shown.budget)
    reached = count(shown.archive.budgets(shown.study)[shown.budget], "trial")
    return (
        f"Front of {name} at {at}{f' ({what})' if what else ''}: "
        f"{size:,} of {reached} that came as far"
    )


def _beside(shown: Shown) -> str:
    if shown.budget is not None:
        return "by what they had achieved there; values at other budgets are not compared with it"
    counts = shown.archive.counts(shown.study)
    others = [f"{n:,} {s}" for s, n in counts.items() if n and s is not Status.COMPLETE]
    return f"beside them: {', '.join(others)}" if others else ""
