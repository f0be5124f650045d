"""What is in an archive: ``nas front``, ``nas trials``, ``nas studies``, ``nas query``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.budgets import budget_text
from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsCsv, AsJson, PluginFiles, StudyName
from nas.cli.output import (
    Column,
    Listing,
    check_formats,
    print_csv,
    print_json,
    stdout,
)
from nas.cli.tables import print_table
from nas.cli.text import count, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study
    from nas.trial import Trial

SHOWN = 100
"""Trials that a table shows unless it is told a limit."""
SHORT = ("stopped", "paused")
"""How trials end before their full budget because a scheduler said so."""
QUERIED = 1_000
"""Rows of a query that a table shows."""


def front(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget",
            metavar="N",
            min=1,
            help="Compare all that came as far as N epochs, by what they had achieved there.",
        ),
    ] = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the Pareto front: the trials that no other dominates.

    They are compared at one budget: the full one, or that of --budget. --plugin is needed with
    --budget if an objective is of a plugin file.
    """
    from nas import Archive
    from nas.cli.fronts import Shown, front_document, print_front, print_front_csv

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        shown = Shown(opened, opened.study(study), budget, plugin)
        if as_csv:
            print_front_csv(shown)
        elif as_json:
            print_json(front_document(shown))
        else:
            print_front(shown)


def trials(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", help="Only complete, stopped, paused, failed, infeasible or cancelled ones."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help=f"The first N; by default {SHOWN} in a table, else all."
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List a study's trials by number."""
    from nas import Archive
    from nas.cli.rows import csv_keys, study_document, texts, trial_document, trial_row

    check_formats(as_json, as_csv)
    machine = as_json or as_csv
    with Archive(archive) as opened:
        found = opened.study(study)
        listed = opened.trials(found, status=status, limit=limit if machine else (limit or SHOWN))
        text = texts(opened, listed)
        if as_json:
            documents = [trial_document(trial, text[trial.id]) for trial in listed]
            print_json({**study_document(found), "trials": documents})
            return
        rows = [trial_row(trial, text[trial.id]) for trial in listed]
        if as_csv:
            print_csv(csv_keys(found.goals, listed), rows)
        else:
            _print_trials(opened, found, listed, rows, status)


def _print_trials(
    archive: Archive,
    study: Study,
    listed: Sequence[Trial],
    rows: Sequence[dict[str, Any]],
    status: str | None,
) -> None:
    from nas.cli.rows import ID, SECONDS, objective_columns
    from nas.trial import Status

    counts = archive.counts(study)
    total = sum(counts.values()) if status is None else counts[Status(status)]
    on_front = {trial.id for trial in archive.front(study)}
    console = stdout()
    kind = f"{status} trial" if status else "trial"
    heading = f"{plain(study.name)}: {count(total, kind)}"
    if len(listed) < total:
        heading += f", the first {len(listed):,} shown"
    console.print(heading, style="bold")
    if not listed:
        return
    full, stages = archive.budget(study), archive.state(study).stages
    for row, trial in zip(rows, listed, strict=True):
        row["front"] = "●" if row["id"] in on_front else ""
        row["spent"] = budget_text(trial, full, stages)
    short = any(trial.status in (Status.STOPPED, Status.PAUSED) for trial in listed)
    columns = [
        ID,
        Column("front"),
        Column("status"),
        *([Column("spent", "budget", right=True)] if short else []),
        *objective_columns(study.goals),
        SECONDS,
        Column("what", "architecture, or why it failed"),
    ]
    print_table(Listing(columns, rows), console)


def studies(
    archive: ArchivePath = DEFAULT_ARCHIVE, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """List the studies of an archive."""
    from nas import Archive

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        rows = [_study_row(opened, study) for study in opened.studies()]
    columns = [
        Column("study"),
        Column("status"),
        Column("trials", number=True),
        Column("failed", number=True),
        *_short(rows),
        Column("front", number=True),
        Column("objectives", show=lambda names: ", ".join(map(plain, names))),
        Column("updated", "last change", right=True, show=_when, optional=True),
        Column("reason", "ended", optional=True, wrap=True),
    ]
    also = ("seed", "created", "by_status")
    listing = Listing(columns, rows, also)
    if as_csv:
        print_csv(listing.keys, listing.rows)
    elif as_json:
        print_json(listing.records())
    elif rows:
        print_table(listing)
    else:
        stdout().print("There is no study in this archive.")


def _short(rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the columns of how trials end short of their budget, where any has."""
    return [Column(name, number=True) for name in SHORT if any(row[name] for row in rows)]


def _study_row(archive: Archive, study: Study) -> dict[str, Any]:
    from nas.trial import Status

    state = archive.state(study)
    return {
        "study": study.name,
        "status": state.status,
        "trials": sum(state.trials.values()),
        "failed": state.trials[Status.FAILED],
        **{name: state.trials[Status(name)] for name in SHORT},
        "front": state.front,
        "objectives": [goal.metric for goal in study.goals],
        "updated": state.updated,
        "reason": state.reason or None,
        "seed": study.seed,
        "created": state.created,
        "by_status": {str(status): n for status, n in state.trials.items()},
    }


def _when(unix: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(unix).strftime("%Y-%m-%d %H:%M")


def query(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Ask an archive anything in SQL, read-only.

    The view trials_wide has a row a trial and a column a metric; pareto_front those on the front.
    """
    from nas import Archive

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        names, found = opened.query(sql)
        keys = _distinct(names)
        rows = (dict(zip(keys, values, strict=True)) for values in found)
        if as_csv:
            print_csv(keys, rows)
        elif as_json:
            print_json(list(rows))
        else:
            _print_query(keys, list(itertools.islice(rows, QUERIED + 1)))


def _print_query(keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    numeric = [key for key in keys if all(isinstance(row[key], int | float | None) for row in rows)]
    columns = [Column(key, plain(key), number=key in numeric, show=_value) for key in keys]
    console = stdout()
    print_table(Listing(columns, rows[:QUERIED]), console)
    if len(rows) > QUERIED:
        console.print(f"The first {QUERIED:,} rows; --csv and --json have all.", style="dim")


def _distinct(names: Sequence[str]) -> list[str]:
    """Number the repeated ones: ``id``, ``id_2``."""
    keys: list[str] = []
    for name in names:
        key, n = name, 1
        while key in keys:
            n += 1
            key = f"{name}_{n}"
        keys.append(key)
    return keys


def _value(value: Any) -> str:
    """Write what SQLite gave as exactly as it is, for nobody knows its unit."""
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return repr(value) if isinstance(value, float) else plain(value)
