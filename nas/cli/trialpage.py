"""One trial for people, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.cli.budgets import budget_text, unit
from nas.cli.output import Column, Listing, stdout
from nas.cli.tables import print_table
from nas.errors import NASError
from nas.text import MISSING, count, duration, number, one_line, plain, sparkline
from nas.trial import Status

if TYPE_CHECKING:
    from rich.console import Console

    from nas.archive import Archive
    from nas.archive.details import TrialDetails
    from nas.goals import Goal
    from nas.study import Study
    from nas.trial import CurvePoint, Measurement, Ruling, Trial

FILE = "(file)"
"""What the archive calls the distribution of a plugin file."""
_SCORES = """
SELECT scorer, value, scores.architecture = trials.architecture
FROM scores JOIN trials ON trials.id = scores.trial WHERE trials.id = {id}
ORDER BY scores.position"""
CURVE_ROWS = 12
"""Points of a learning curve that are shown; JSON has all."""
RULINGS = 12
"""Decisions that are shown; JSON has all."""
ANCESTORS = 12
"""Ancestors that are shown; JSON has all."""


def print_trial(archive: Archive, trial: Trial, plugin: Sequence[str] | None) -> None:
    """Print everything; ``plugin`` are files that the space may come from."""
    console = stdout()
    details = archive.details(trial.id)
    study = archive.study(details.study)
    stages = archive.state(study).stages
    spent = budget_text(trial, archive.budget(study), stages)
    _print_head(study, trial, details, spent, console)
    _print_failure(trial, console)
    _print_metrics(study, trial, archive.measurements(trial.id), spent, console)
    _print_scores(archive, trial, console)
    _print_architecture(archive, trial, details, plugin, console)
    _print_curve(archive.curve(trial.id), stages, console)
    _print_rulings(archive.rulings(trial.id), unit(stages), console)
    _print_lineage(archive, study, trial, console)


def _heading(text: str, console: Console) -> None:
    console.print(f"\n{text}", style="bold")


def _print_head(
    study: Study, trial: Trial, details: TrialDetails, spent: str, console: Console
) -> None:
    ended = "complete, on the front" if details.on_front else str(trial.status)
    console.print(f"Trial {trial.id} of {plain(study.name)}: {ended}", style="bold")
    facts = [f"number {trial.number:,} of its study", f"seed {trial.seed}"]
    facts += [f"budget {spent}"] if spent else []
    facts += [f"took {duration(trial.seconds)}"] if trial.seconds else []
    facts += [f"on {one_line(details.worker)}"] if details.worker else []
    facts += [f"{a.kind} kept, {number(a.bytes, 'B')}" for a in details.artifacts]
    console.print("; ".join(facts), style="dim")


def _print_failure(trial: Trial, console: Console) -> None:
    if trial.failure is None:
        return
    said = f"{plain(trial.failure.kind)}: {one_line(trial.failure.message)}"
    console.print(f"\n✗ {said}", style="red")
    for line in trial.failure.traceback.splitlines():
        console.print(f"  {plain(line)}", style="dim", soft_wrap=True)


def _print_metrics(
    study: Study,
    trial: Trial,
    measured: Mapping[str, Measurement],
    spent: str,
    console: Console,
) -> None:
    if not trial.metrics:
        return
    goals = {goal.metric: goal for goal in study.goals}
    names = sorted(trial.metrics, key=lambda n: [*goals].index(n) if n in goals else len(goals))
    rows = [_metric_row(n, trial.metrics[n], goals.get(n), measured.get(n)) for n in names]
    columns = [
        Column("metric"),
        Column("value", right=True),
        Column("spread", right=True),
        Column("aim"),
        Column("bound", wrap=True),
    ]
    short = trial.status in (Status.STOPPED, Status.PAUSED)
    _heading(f"Metrics after {spent}" if short else "Metrics", console)
    print_table(Listing([c for c in columns if any(row[c.name] for row in rows)], rows), console)
    for name in sorted(measured):
        conditions = ", ".join(f"{k} {v}" for k, v in measured[name].protocol.items())
        console.print(f"{plain(name)} measured with {plain(conditions)}", style="dim")


def _metric_row(
    name: str, value: float, goal: Goal | None, measurement: Measurement | None
) -> dict[str, Any]:
    unit = plain(goal.unit) if goal else ""
    verdict = None
    if goal is not None and goal.bound():
        verdict = f"{'broken' if goal.violation(value) else 'kept'}: {plain(goal.bound())}"
    return {
        "metric": name,
        "value": number(value, unit),
        "spread": f"± {number(measurement.spread, unit)}" if measurement else None,
        "aim": goal.direction if goal else None,
        "bound": verdict,
    }


def _print_scores(archive: Archive, trial: Trial, console: Console) -> None:
    """Say how the filter came to choose this architecture, if there was one."""
    _, found = archive.query(_SCORES.format(id=trial.id))
    scores = list(found)
    own = [(scorer, value) for scorer, value, is_own in scores if is_own]
    if not own:
        return
    (scorer, value), *parts = own
    scores = [score for score in scores if score[0] == scorer]  # those of an aggregate's parts not
    others = [other for _, other, is_own in scores if not is_own and other is not None]
    said = f"best of {count(len(scores), 'candidate')} by {plain(scorer)}: {number(value)}"
    if others:
        said += f"; the next has {number(max(others))}"
    unscored = sum(other is None for _, other, _ in scores)
    if unscored:
        said += f"; {unscored:,} could not be scored"
    if len(scores) == 1:
        said = f"taken without a choice; {plain(scorer)} is {number(value)}"
    _heading("Chosen by the filter", console)
    console.print(f"  {said}")
    for part, of_part in parts:
        console.print(f"  {plain(part)}: {number(of_part)}", style="dim")


def _print_architecture(
    archive: Archive,
    trial: Trial,
    details: TrialDetails,
    plugin: Sequence[str] | None,
    console: Console,
) -> None:
    from nas.cli.graphs import print_graph
    from nas.cli.plugins import load_plugins

    _heading("Architecture", console)
    console.print(f"  {plain(details.text)}", soft_wrap=True)
    console.print(f"  canonical id {plain(details.canonical_id)}\n", style="dim")
    rows = [{"decision": name, "value": value} for name, value in trial.architecture.items()]
    print_table(Listing([Column("decision"), Column("value")], rows), console)
    console.print()
    try:
        space = archive.space(details.study, plugins=load_plugins(plugin))
        print_graph(space, space.architecture(trial.architecture), console)
    except NASError as error:  # the numbers are worth showing where the space is not installed
        used = {c.role: c.distribution for c in archive.components(details.study)}
        hint = " It came from a plugin file: add --plugin FILE." if used["space"] == FILE else ""
        console.print(f"No drawing: {one_line(error)}{hint}", style="yellow")


def _print_curve(
    curve: Sequence[CurvePoint], stages: Sequence[Mapping[str, Any]], console: Console
) -> None:
    if not curve:
        return
    names = list(dict.fromkeys(name for point in curve for name in point.metrics))
    every = -(-len(curve) // CURVE_ROWS)
    shown = [*curve[:-1:every], curve[-1]]
    rows = [
        {
            "step": point.step,
            **{f"stage {n}": plain(v) for n, v in _stage(stages, point.step).items()},
            **{f"metric {n}": v for n, v in point.metrics.items()},
        }
        for point in shown
    ]
    columns = [
        Column("step", number=True),
        *(Column(f"stage {name}", plain(name), right=True) for name in _stage(stages, 1)),
        *(Column(f"metric {name}", plain(name), number=True) for name in names),
    ]
    left_out = f", {len(shown)} of {count(len(curve), 'step')} shown" if every > 1 else ""
    _heading(f"Learning curve{left_out}", console)
    print_table(Listing(columns, rows), console)
    console.print()
    width = max(map(len, map(plain, names)))
    for name in names:
        values = [point.metrics.get(name, float("nan")) for point in curve]
        console.print(f"  {plain(name):<{width}}  {sparkline(values)}", no_wrap=True)


def _stage(stages: Sequence[Mapping[str, Any]], step: int) -> Mapping[str, Any]:
    """Return the parameters of a step; none where a step is an epoch."""
    return stages[step - 1] if 0 < step <= len(stages) else {}


def _print_rulings(rulings: Sequence[Ruling], of_steps: str, console: Console) -> None:
    """Say what a scheduler has decided on it, and why."""
    if not rulings:
        return
    shown = rulings[-RULINGS:]
    left_out = f", the last {RULINGS} of {len(rulings):,} shown" if shown != rulings else ""
    _heading(f"Decisions{left_out}", console)
    columns = [
        Column("step", f"at {of_steps}", number=True),
        Column("verdict"),
        Column("reason", wrap=True),
    ]
    print_table(Listing(columns, [vars(ruling) for ruling in shown]), console)


def _print_lineage(archive: Archive, study: Study, trial: Trial, console: Console) -> None:
    from nas.cli.rows import ID, objective_columns, trial_row

    ancestors = archive.lineage(trial.id)
    if not ancestors:
        return
    shown = ancestors[:ANCESTORS]
    more = f", the nearest {ANCESTORS} shown" if len(ancestors) > ANCESTORS else ""
    _heading(f"Stems from {count(len(ancestors), 'trial')}{more}", console)
    rows = [
        {**trial_row(a.trial, ""), "depth": a.depth, "changed": _changes(a.trial, trial)}
        for a in shown
    ]
    columns = [
        Column("depth", "steps back", number=True),
        ID,
        Column("status", optional=True),
        *objective_columns(study.goals),
        Column("changed", "differs in", wrap=True),
    ]
    print_table(Listing(columns, rows), console)


def _changes(ancestor: Trial, trial: Trial) -> str:
    """Return the decisions in which two architectures differ, such as ``depth 2 → 3``."""
    old, new = ancestor.architecture, trial.architecture
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return (
        ", ".join(f"{n} {old.get(n, MISSING)} → {new.get(n, MISSING)}" for n in names) or "nothing"
    )
