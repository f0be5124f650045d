"""``nas show``: everything an archive knows of one trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import print_json

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.trial import Trial


def show(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    trial_id: Annotated[
        int, typer.Argument(metavar="ID", help="Of the trial, as nas front has it.")
    ],
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Show one trial, with its architecture drawn.

    Metrics and how they were measured, learning curve, what a scheduler decided on it and why, the
    trials it stems from, why it failed.
    """
    from nas import Archive
    from nas.cli.trialpage import print_trial

    with Archive(archive) as opened:
        trial = opened.trial(trial_id)
        if as_json:
            print_json(_document(opened, trial))
        else:
            print_trial(opened, trial, plugin)


def _document(archive: Archive, trial: Trial) -> dict[str, Any]:
    from dataclasses import asdict

    from nas.cli.rows import study_document, trial_document

    details = archive.details(trial.id)
    document = trial_document(trial, details.text)
    if trial.failure is not None:
        document["failure"] = asdict(trial.failure)
    return {
        **study_document(archive.study(details.study)),
        **document,
        "canonical_id": details.canonical_id,
        "on_front": details.on_front,
        "started": details.started,
        "worker": details.worker,
        "measurements": {k: asdict(m) for k, m in archive.measurements(trial.id).items()},
        "curve": [asdict(point) for point in archive.curve(trial.id)],
        "rulings": [asdict(ruling) for ruling in archive.rulings(trial.id)],
        "full_budget": archive.budget(details.study),
        "stages": list(archive.state(details.study).stages),
        "lineage": [
            {"depth": ancestor.depth, "id": ancestor.trial.id, "number": ancestor.trial.number}
            for ancestor in archive.lineage(trial.id)
        ],
        "artifacts": [asdict(artifact) for artifact in details.artifacts],
    }
