"""``nas plot``: pictures of what is in an archive."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli.options import (
    DEFAULT_ARCHIVE,
    ArchivePath,
    Assignments,
    PluginFiles,
    StudyName,
    parameters,
)
from nas.errors import ConfigError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Ends in .png, .svg or .pdf.")
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
Log = Annotated[bool, typer.Option("--log", help="With a logarithmic vertical axis.")]
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


@app.callback()
def _plot() -> None:
    """Draw what is in an archive; needs matplotlib."""


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
    from nas import Archive
    from nas.benchmark.plot import check_plot
    from nas.cli.output import stdout
    from nas.cli.plot_curves import Wanted, gather
    from nas.cli.plot_drawing import draw
    from nas.cli.plot_forecast import Predictor
    from nas.cli.text import plain

    check_plot(output)
    if assignments and predict is None:
        raise ConfigError("--set is for the parameters of --predict; there is none")
    wanted = Wanted(metric, direction, last, tuple(trial or ()))
    predictor = Predictor.build(predict, parameters(assignments), plugin) if predict else None
    with Archive(archive) as opened:
        picture = gather(opened, opened.study(study), wanted, predictor, plugin)
    draw(picture, output, log=log)
    stdout().print(f"{plain(output)}: {picture.summary}", soft_wrap=True)
