"""What is in an archive: ``nas trials``, ``nas studies``, ``nas query``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.choosing import AllStudies, OrderBy, StudyNames, Where, chosen
from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsCsv, AsJson
from nas.cli.output import (
    Column,
    Listing,
    check_formats,
    print_csv,
    print_json,
    stdout,
)
from nas.cli.tables import print_table
from nas.text import plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

SHOWN = 100
"""Trials that a table shows unless it is told a limit."""
SHORT = ("stopped", "paused")
"""How trials end before their full budget because a scheduler said so."""
QUERIED = 1_000
"""Rows of a query that a table shows."""


def trials(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyNames = None,
    all_studies: AllStudies = False,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", help="Only complete, stopped, paused, failed, infeasible or cancelled ones."
        ),
    ] = None,
    where: Where = None,
    order_by: OrderBy = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help=f"The first N; by default {SHOWN} in a table, else all."
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List trials, by study and number.

    --where and --order-by are SQL over the columns of the view trials_wide, which has one a metric:
    --where "error < 0.05 and params < 1e5" --order-by "latency desc".
    """
    from nas import Archive
    from nas.cli.trial_lists import Listed, print_trials, print_trials_csv, trials_document

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        found = chosen(opened, study, all_studies)
        most = limit if as_json or as_csv else (limit or SHOWN)
        which = {"status": status, "where": where, "order_by": order_by}
        listed = Listed(opened, found, opened.trials(found, limit=most, **which), status, where)
        if as_json:
            print_json(trials_document(listed))
        elif as_csv:
            print_trials_csv(listed)
        else:
            print_trials(listed)


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
