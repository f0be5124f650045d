"""Is an archive what it should be? An examination changes nothing; a repair only what follows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nas.archive import check_artifacts, check_file, check_networks, check_trials
from nas.archive.findings import Case, Check, Finding, Report, guarded
from nas.archive.lease import refuse_if_running
from nas.archive.opening import check_file as check_head
from nas.archive.opening import open_for_reading, open_for_writing
from nas.archive.transactions import Transactions
from nas.errors import ArchiveError

if TYPE_CHECKING:
    from nas.plugins import Plugins

CHECKS: Mapping[str, Check] = {
    "integrity": check_file.integrity,
    "schema": check_file.schema,
    "references": check_file.references,
    "studies": check_trials.studies,
    "front": check_trials.front,
    "metrics": check_trials.metrics,
    "curves": check_trials.curves,
    "trials": check_trials.trials,
    "architectures": check_networks.architectures,
    "weights": check_artifacts.weights,
    "files": check_artifacts.leftovers,
    "sessions": check_file.driving,
    "log": check_file.log,
    "disk": check_file.disk,
}
"""In the order in which they are made."""


def examine(
    archive: str | Path, *, everything: bool = False, plugins: Plugins | None = None
) -> Report:
    """Examine an archive, beside a running search or not. Nothing is written.

    Args:
        archive: path of the archive.
        everything: look at all where by default a sample is taken; the remarks say where.
        plugins: those that offer its spaces; by default, the installed ones.

    Raises:
        ArchiveError: the file is not there, or is no archive.
    """
    path = Path(archive)
    check_head(path, may_be_new=False)
    try:
        connection, _ = open_for_reading(path)
    except ArchiveError as error:
        return Report(str(archive), (_unreadable(error),), (), ())
    try:
        connection.execute("BEGIN")
        case = Case(path, connection, everything, plugins)
        findings = [
            finding for name, check in CHECKS.items() for finding in guarded(name, check, case)
        ]
    finally:
        connection.close()
    return Report(str(archive), tuple(findings), tuple(case.remarks), tuple(CHECKS))


def _unreadable(error: ArchiveError) -> Finding:
    older = "older version" in str(error)
    return Finding(
        "schema" if older else "integrity",
        str(error),
        "no command can read it",
        "nas vacuum brings it up to date" if older else "take the archive from a copy",
    )


def repair(archive: str | Path, *, plugins: Plugins | None = None) -> list[Finding]:
    """Make anew what follows from other rows: fronts, and the views.

    Returns:
        The findings that have been dealt with.

    Raises:
        ArchiveError: a search runs on it, or it is damaged otherwise: then nothing is changed.
    """
    path = Path(archive)
    found = examine(path, plugins=plugins)
    wrong = {finding.check for finding in found.findings} & {"integrity", "references", "studies"}
    todo = [finding for finding in found.findings if finding.repairable]
    if not todo:
        return []
    if wrong:
        raise ArchiveError(
            f"{str(archive)!r} is damaged ({', '.join(sorted(wrong))}), so nothing can be computed "
            "from what it holds; take it from a copy"
        )
    connection = open_for_writing(path)
    try:
        with Transactions(path, connection).begin():
            refuse_if_running(path, connection)
            check_file.repair_views(connection)
            check_trials.repair_fronts(connection, Case(path, connection, False, None).studies)
    finally:
        connection.close()
    return todo
