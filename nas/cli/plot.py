"""``nas plot``: pictures of what is in an archive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.choosing import Reference
from nas.cli.options import (
    DEFAULT_ARCHIVE,
    ArchivePath,
    Assignments,
    PluginFiles,
    StudyName,
    parameters,
)
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.pictures.figure import Figure

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Ends in .png, .svg, .pdf or .html.")
]
Objectives = Annotated[
    str | None,
    typer.Option(
        "--objectives",
        metavar="A,B",
        help="Metrics; after one that is no objective, :min or :max. Default: the study's own.",
    ),
]
Metric = Annotated[
    str | None, typer.Option("--metric", help="Default: the first objective with curves.")
]
Last = Annotated[
    int | None, typer.Option("--last", metavar="N", min=1, help="The last N trials only.")
]
Trials = Annotated[
    list[int] | None, typer.Option("--trial", metavar="ID", help="Only these. Repeatable.")
]
OneTrial = Annotated[int, typer.Option("--trial", metavar="ID", help="As nas front has it.")]
Log = Annotated[bool, typer.Option("--log", help="With a logarithmic vertical axis.")]
Logs = Annotated[
    bool, typer.Option("--log", help="With logarithmic axes where all values are positive.")
]
Predict = Annotated[
    str | None,
    typer.Option(
        "--predict",
        metavar="NAME",
        help="How stopped and paused ones would go on, by a curve predictor such as curve_bank.",
    ),
]
Direction = Annotated[
    str | None,
    typer.Option("--direction", help="minimize or maximize, for a metric that is no objective."),
]
Everything = Annotated[
    bool, typer.Option("--all", help="Every trial; else, of many, 500 are drawn.")
]


@app.callback()
def _plot() -> None:
    """Draw what is in an archive; needs plotly and kaleido."""


@app.command()
def front(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "front.png",
    objectives: Objectives = None,
    log: Logs = False,
    reference: Reference = None,
) -> None:
    """Draw the Pareto front, its knee, and what it beats.

    What is dominated or infeasible is told apart by shape. Three or four objectives are drawn two
    by two.
    """
    from nas.cli.choosing import reference_of
    from nas.pictures.front import front_figure

    limits = reference_of(reference)

    def make(opened: Archive) -> Figure:
        return front_figure(
            opened,
            opened.study(study),
            objectives=objectives,
            log=log,
            volume=reference is not None,
            reference=limits,
        )

    _draw(archive, output, make)


@app.command()
def history(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "history.png",
    objectives: Objectives = None,
    log: Log = False,
) -> None:
    """Draw the best so far, by trial and by time.

    The best value of one objective, the hypervolume of several. Studies of the archive that drew
    the same space at random stand beside.
    """
    from nas.pictures.history import history_figure

    _draw(
        archive,
        output,
        lambda a: history_figure(a, a.study(study), objectives=objectives, log=log),
    )


@app.command()
def curves(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "curves.png",
    metric: Metric = None,
    last: Last = None,
    trial: Trials = None,
    log: Log = False,
    predict: Predict = None,
    assignments: Assignments = None,
    direction: Direction = None,
    plugin: PluginFiles = None,
) -> None:
    """Draw the learning curves of a study.

    Complete, stopped, paused and failed trials are told apart by line and by mark; the steps at
    which was decided are marked, and where trials ended. With --predict, what is shaded is where
    the curve lies with a probability of 50 and of 90 %; --set is for the predictor's parameters.
    """
    from nas.cli.budgets import full_budget
    from nas.cli.plugins import load_plugins
    from nas.pictures.curves import Wanted, gather
    from nas.pictures.curves_figure import curves_figure
    from nas.pictures.forecast import Predictor

    if assignments and predict is None:
        raise ConfigError("--set is for the parameters of --predict; there is none")

    def make(opened: Archive) -> Figure:
        found = opened.study(study)
        wanted = Wanted(metric, direction, last, tuple(trial or ()))
        given = parameters(assignments)
        predictor = Predictor.build(predict, given, load_plugins(plugin)) if predict else None
        full = full_budget(opened, found, plugin)
        return curves_figure(gather(opened, found, wanted, predictor, full), log=log)

    _draw(archive, output, make)


@app.command()
def parallel(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "parallel.png",
    objectives: Objectives = None,
    log: Logs = False,
) -> None:
    """Draw each trial as a line over decisions and objectives."""
    from nas.pictures.parallel import parallel_figure

    _draw(
        archive,
        output,
        lambda a: parallel_figure(a, a.study(study), objectives=objectives, log=log),
    )


@app.command()
def importance(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "importance.png",
    objectives: Objectives = None,
) -> None:
    """Draw which decision matters for an objective.

    Permutation importance in random forests, on trials that they have not seen. Needs 20 complete
    trials.
    """
    from nas.pictures.importance import importance_figure

    _draw(archive, output, lambda a: importance_figure(a, a.study(study), objectives=objectives))


@app.command()
def rank(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "rank.png",
    everything: Everything = False,
    plugin: PluginFiles = None,
) -> None:
    """Draw how well scores ranked the trained networks.

    As nas rank does, beside params and flops.
    """
    from nas.cli.plugins import load_plugins
    from nas.pictures.rank import rank_figure

    def make(opened: Archive) -> Figure:
        found = opened.study(study)
        return rank_figure(opened, found, load_plugins(plugin), everything=everything)

    _draw(archive, output, make)


@app.command()
def timeline(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    output: Output = "timeline.png",
) -> None:
    """Draw when which worker ran which trial."""
    from nas.pictures.timeline import timeline_figure

    _draw(archive, output, lambda a: timeline_figure(a, a.study(study)))


@app.command()
def architecture(
    trial: OneTrial,
    archive: ArchivePath = DEFAULT_ARCHIVE,
    output: Output = "architecture.png",
    plugin: PluginFiles = None,
) -> None:
    """Draw the architecture of a trial as a graph.

    What the output does not depend on is grey and dashed.
    """
    from nas.cli.plugins import load_plugins
    from nas.pictures.architecture import architecture_figure

    _draw(archive, output, lambda a: architecture_figure(a, trial, plugins=load_plugins(plugin)))


def _draw(archive: str, output: str, make: Callable[[Archive], Figure]) -> None:
    """Make a figure and write it; what cannot be written is refused before it is made."""
    from nas import Archive
    from nas.cli.output import stdout
    from nas.pictures.rendering import check_picture, write
    from nas.text import plain

    check_picture(output)
    with Archive(archive) as opened:
        figure = make(opened)
    write(figure, output)
    stdout().print(f"{plain(output)}: {plain(figure.summary)}", soft_wrap=True)
