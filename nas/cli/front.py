"""``nas front``: what no other trial dominates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.choosing import (
    AllStudies,
    ObjectiveNames,
    Reference,
    StudyNames,
    Where,
    chosen,
    objectives_of,
    reference_of,
)
from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsCsv, AsJson, PluginFiles
from nas.cli.output import check_formats, print_json
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.cli.shown_front import Shown

_Budget = Annotated[
    int | None,
    typer.Option(
        "--budget",
        metavar="N",
        min=1,
        help="Compare all that came as far as N epochs, by what they had achieved there.",
    ),
]
_Knee = Annotated[bool, typer.Option("--knee", help="Mark where the front bends most.")]
_WithHistory = Annotated[
    bool, typer.Option("--history", help="Tell how the hypervolume grew, by trial and seconds.")
]


def front(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyNames = None,
    all_studies: AllStudies = False,
    objectives: ObjectiveNames = None,
    where: Where = None,
    knee: _Knee = False,
    reference: Reference = None,
    history: _WithHistory = False,
    budget: _Budget = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the Pareto front: the trials that no other dominates.

    Of one study it is stored. Of several studies in one space, of the trials for which an SQL
    expression is true (columns: those of the view trials_wide), or by any other metrics that are
    archived, it is computed. Trials are compared at one budget: the full one, or that of --budget.
    --plugin is needed if an objective is of a plugin file.
    """
    from nas import Archive
    from nas.cli.shown_front import Shown

    check_formats(as_json, as_csv)
    with Archive(archive) as opened:
        first, *others = chosen(opened, study, all_studies)
        shown = Shown(
            opened,
            first,
            budget,
            plugin,
            others,
            objectives_of(objectives),
            where,
            knee,
            volume=reference is not None,
            reference=reference_of(reference),
        )
        (_history if history else _front)(shown, as_json=as_json, as_csv=as_csv)


def _front(shown: Shown, *, as_json: bool, as_csv: bool) -> None:
    from nas.cli.fronts import front_document, print_front, print_front_csv

    if as_csv:
        print_front_csv(shown)
    elif as_json:
        print_json(front_document(shown))
    else:
        print_front(shown)


def _history(shown: Shown, *, as_json: bool, as_csv: bool) -> None:
    from nas.cli.histories import history_document, print_history
    from nas.cli.plugins import load_plugins

    if shown.others or shown.where is not None or shown.budget is not None or shown.knee:
        raise ConfigError(
            "--history is of one study and all its trials: leave out --where, --budget, --knee and "
            "other studies"
        )
    found = shown.archive.hypervolume_history(
        shown.study,
        objectives=shown.objectives,
        reference=shown.reference,
        plugins=load_plugins(shown.plugin),
    )
    if as_json:
        print_json(history_document(found, shown.study))
    else:
        print_history(found, shown.goals, as_csv=as_csv)
