"""``nas train``: a found architecture at full length, with several seeds."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import (
    INTERRUPTED,
    AsJson,
    Assignments,
    LogPath,
    PluginFiles,
    Ship,
    shipped,
)
from nas.cli.output import Column, Listing, print_json, stdout
from nas.cli.search import Address, Quiet

if TYPE_CHECKING:
    from nas.engine.retraining import Retrained
    from nas.goals import Goal

ArchiveFile = Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")]
TrialId = Annotated[int, typer.Argument(metavar="ID", help="Of the trial, as nas front has it.")]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="The evaluator's; by default, as in the search."),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Trainings, each with another seed.")]
StudyName = Annotated[
    str | None,
    typer.Option("--study", metavar="NAME", help="Of the trainings; default: STUDY-train-ID."),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Call the functions that the archived config names.")
]


def train(
    archive: ArchiveFile,
    trial_id: TrialId,
    epochs: Epochs = None,
    seeds: Seeds = 1,
    study: StudyName = None,
    address: Address = None,
    assignments: Assignments = None,
    plugin: PluginFiles = None,
    ship: Ship = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    log: LogPath = None,
    trust: Trust = False,
) -> None:
    """Train a trial's architecture again, longer.

    From scratch, as its search did. The trainings are trials of a study of their own in the same
    archive, all with weights, and stem from the given trial. Run it again after an interruption,
    or with more seeds, and it goes on.
    --set changes parameters of evaluator, limits, run and stop, such as evaluator.lr=0.01.
    """
    import nas
    from nas.cli.watch import watcher

    with watcher(quiet=quiet) as observer:
        done = nas.train_again(
            archive,
            trial_id,
            epochs=epochs,
            seeds=seeds,
            study=study,
            overrides=[*(assignments or ()), *shipped(ship)],
            address=address,
            plugins=plugin or (),
            observer=observer,
            log=log,
            trust=trust,
        )
    if as_json:
        print_json(_document(done))
    else:
        _print(done, plugin or ())
    if done.result.interrupted:
        sys.stderr.write("Interrupted. To go on, run the same command again.\n")
        raise typer.Exit(INTERRUPTED)


def _document(done: Retrained) -> dict[str, Any]:
    from nas.cli.rows import study_document

    return {
        **study_document(done.result.study),
        "stems_from": done.original.id,
        "original": dict(done.original.metrics),
        "trials": [
            {"id": t.id, "seed": t.seed, "budget": t.budget, "metrics": dict(t.metrics)}
            for t in done.trials
        ],
        "over_seeds": {name: asdict(found) for name, found in done.over_seeds.items()},
        "reason": done.result.reason,
        "interrupted": done.result.interrupted,
    }


def _print(done: Retrained, plugins: list[str] | tuple[()]) -> None:
    from nas.cli.tables import print_table
    from nas.text import count, plain

    console, study = stdout(), done.result.study
    title = f"{plain(study.name)}: {count(len(done.trials), 'training')} of trial "
    console.print(f"{title}{done.original.id} complete", style="bold")
    if not done.trials:
        console.print(f"nas trials {plain(shlex.quote(study.archive))} says why", style="dim")
        return
    console.print()
    columns = [
        Column("objective"),
        Column("original", f"trial {done.original.id}", right=True),
        Column("trained", "trained again", right=True),
        Column("deviation", "std over seeds", right=True),
    ]
    print_table(Listing(columns, [_row(done, goal) for goal in study.goals]), console)
    words = [study.archive, *(str(trial.id) for trial in done.trials)]
    words += [word for file in plugins for word in ("--plugin", file)]
    console.print("\nWhat they are worth on data that nothing was chosen by:")
    console.print(f"  {plain(shlex.join(['nas', 'test', *words]))}", soft_wrap=True)


def _row(done: Retrained, goal: Goal) -> dict[str, str]:
    from nas.text import MISSING, number, plain

    arrow = "↓" if goal.direction == "minimize" else "↑"
    found, unit = done.over_seeds[goal.metric], plain(goal.unit)
    return {
        "objective": f"{plain(goal.metric)} {arrow}",
        "original": number(done.original.metrics.get(goal.metric), unit),
        "trained": number(found.mean, unit),
        "deviation": MISSING if found.std is None else f"± {number(found.std, unit)}",
    }
