"""The Pareto front, for ``nas front`` and for the end of ``nas search``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.cli.budgets import stage_text, unit
from nas.cli.output import Column, Listing, print_csv, stdout
from nas.cli.rows import (
    ID,
    SECONDS,
    STUDY,
    csv_keys,
    objective_columns,
    study_document,
    trial_document,
)
from nas.cli.shown_front import Shown
from nas.cli.tables import print_table
from nas.text import count, plain
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from rich.console import Console

    from nas.archive.comparing import Volume


def front_document(shown: Shown) -> dict[str, Any]:
    """Return the front as plain JSON values."""
    worth = shown.worth
    return {
        **_about(shown),
        **({} if shown.budget is None else {"budget": shown.budget}),
        "front": [
            {
                **trial_document(trial, shown.texts[trial.id]),
                "feasible": trial.violation == 0,
                **shown.beside(trial),
            }
            for trial in shown.front
        ],
        **({} if worth is None else {"hypervolume": asdict(worth)}),
    }


def _about(shown: Shown) -> dict[str, Any]:
    if shown.is_stored:
        return study_document(shown.study)
    compared = shown.compared
    about: dict[str, Any] = {"studies": [study.name for study in shown.studies]}
    if not shown.others:
        about = {"study": shown.study.name}
    return {
        **about,
        "archive": shown.study.archive,
        "objectives": [asdict(goal) for goal in compared.goals],
        "where": shown.where,
        "compared": len(compared.ids),
        "without": dict(compared.without),
    }


def print_front_csv(shown: Shown) -> None:
    """Write the front as CSV, with every metric."""
    keys = csv_keys(shown.goals, shown.front)
    study, knee = ["study"] if shown.others else [], ["knee"] if shown.knee else []
    print_csv([*study, *keys, *knee], shown.rows)


def print_front(shown: Shown) -> list[Trial]:
    """Print the front as a table, objectives with unit and direction; return it."""
    console, front, worth = stdout(), shown.front, shown.worth
    console.print(_title(shown), style="bold")
    bounds = [goal.bound() for goal in shown.goals if goal.bound()]
    if bounds:
        console.print(f"within: {', '.join(map(plain, bounds))}", style="dim")
    for beside in _beside(shown):
        console.print(beside, style="dim", soft_wrap=True)
    if not front:
        console.print(f"The front is empty: {_why_empty(shown, bounds)} yet.", style="yellow")
        return front
    rows = shown.rows
    for row in rows:
        row["mark"] = "knee" if row.get("knee") else ""
    columns = [
        *([STUDY] if shown.others else []),
        ID,
        *([] if shown.budget is None else [Column("status", "ended")]),
        *objective_columns(shown.goals),
        *([Column("mark", "knee")] if shown.knees else []),
        *([SECONDS] if shown.budget is None else []),
        Column("architecture"),
    ]
    console.print()
    print_table(Listing(columns, rows), console)
    _print_worth(shown, worth, console)
    return front


def _why_empty(shown: Shown, bounds: Sequence[str]) -> str:
    if shown.is_stored:
        return "no trial is within the bounds" if bounds else "no trial is complete"
    return "no complete trial within the bounds has a value of each objective"


def _print_worth(shown: Shown, worth: Volume | None, console: Console) -> None:
    if shown.knee and not shown.knees:
        console.print("No knee: no trial between the best ones stands out.", style="dim")
    if worth is None:
        return
    console.print(
        f"Hypervolume: {worth.value:.6g}, {100 * worth.share:.2f} % of the box from ideal to "
        "reference"
    )
    for name in ("ideal", "reference"):
        values: Mapping[str, float] = getattr(worth, name)
        told = [f"{plain(g.metric)} {values[g.metric]:.6g} {plain(g.unit)}" for g in shown.goals]
        said = ", ".join(map(str.rstrip, told))
        console.print(f"  {name}: {said}", style="dim", soft_wrap=True)


def _title(shown: Shown) -> str:
    name, size = ", ".join(plain(study.name) for study in shown.studies), len(shown.front)
    if shown.budget is not None:
        return _title_at(shown, shown.budget)
    if shown.is_stored:
        complete = count(shown.counts[Status.COMPLETE], "complete trial")
        return f"Front of {name}: {size:,} of {complete}"
    by = ", ".join(plain(goal.metric) for goal in shown.goals)
    return f"Front of {name} by {by}: {size:,} of {count(len(shown.compared.ids), 'trial')}"


def _title_at(shown: Shown, budget: int) -> str:
    stages = shown.archive.state(shown.study).stages
    full = shown.archive.budget(shown.study)
    spent = f"{budget:,}" if full in (None, budget) else f"{budget:,} of {full:,}"
    at = f"{spent} {unit(stages)}{'' if (full or budget) == 1 else 's'}"
    what = stage_text(stages, budget)
    reached = count(shown.archive.budgets(shown.study)[budget], "trial")
    return (
        f"Front of {plain(shown.study.name)} at {at}{f' ({what})' if what else ''}: "
        f"{len(shown.front):,} of {reached} that came as far"
    )


def _beside(shown: Shown) -> list[str]:
    if shown.budget is not None:
        return ["by what they had achieved there; values at other budgets are not compared with it"]
    if shown.is_stored:
        others = [f"{n:,} {s}" for s, n in shown.counts.items() if n and s is not Status.COMPLETE]
        return [f"beside them: {', '.join(others)}"] if others else []
    told = [] if shown.where is None else [f"complete, within the bounds, and {plain(shown.where)}"]
    told += [
        f"left out: {count(n, 'trial')} without a finite {plain(metric)}"
        for metric, n in shown.compared.without.items()
    ]
    if not shown.compared.same:
        told.append(
            "these studies do not evaluate in the same way: their values may differ by that"
        )
    return told
