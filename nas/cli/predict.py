"""``nas predict``: what to expect of networks that were never trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from nas.cli.options import (
    DEFAULT_ARCHIVE,
    ArchivePath,
    AsCsv,
    AsJson,
    Assignments,
    PluginFiles,
    Seed,
    parameters,
)
from nas.cli.output import check_formats
from nas.cli.plugins import load_plugins
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.architecture import Architecture
    from nas.config import Named
    from nas.engine.prediction import Forecast
    from nas.goals import Direction

DRAWN = 1_000
"""Architectures that are drawn by default."""

_Study = Annotated[str | None, typer.Option("--study", help="Default: the latest in the archive.")]
_Predictor = Annotated[str, typer.Option("--predictor", help="Such as gbdt or mlp_ensemble.")]
_Metric = Annotated[str | None, typer.Option("--metric", help="Default: the first objective.")]
_Direction = Annotated[
    str | None,
    typer.Option("--direction", help="minimize or maximize, for a metric that is no objective."),
]
_Sample = Annotated[
    int | None,
    typer.Option("--space-sample", metavar="N", min=1, help="Draw so many. Default: 1000."),
]
_Arch = Annotated[
    list[str] | None,
    typer.Option("--arch", metavar="TEXT", help="One architecture, as printed. Repeatable."),
]
_File = Annotated[
    str | None, typer.Option("--file", help="A text file with an architecture a line.")
]
_All = Annotated[bool, typer.Option("--all", help="All that the space has.")]
_Folds = Annotated[int, typer.Option("--folds", min=2, help="Of the cross-validation.")]
_Top = Annotated[int, typer.Option("--top", min=1, help="Rows that are shown.")]


def predict(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: _Study = None,
    predictor: _Predictor = "gbdt",
    assignments: Assignments = None,
    metric: _Metric = None,
    direction: _Direction = None,
    sample: _Sample = None,
    arch: _Arch = None,
    file: _File = None,
    everything: _All = False,
    folds: _Folds = 5,
    seed: Seed = 0,
    top: _Top = 20,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Predict a metric of networks that were never trained.

    A predictor learns from an archive's finished trials; --set is for its parameters. The best come
    first, with standard deviations, and with how well networks were predicted that the predictor
    had not seen, beside the number of parameters and of operations. Without --arch or --file,
    networks that were trained are left out.
    """
    from nas.cli.predict_output import PredictOutput
    from nas.engine.prediction import forecast

    check_formats(as_json, as_csv)
    _check_sources(sample, arch, file, everything)
    how: dict[str, Any] = {"predictor": predictor, "parameters": parameters(assignments)}
    goal: dict[str, Any] = {"metric": metric, "direction": _direction(direction)}
    made = forecast(archive, study, **goal, **how, plugins=load_plugins(plugin))
    by_name = arch or file is not None
    wanted = _named(made, arch, file) if by_name else _untrained(made, sample, everything, seed)
    output = PredictOutput(made, wanted)
    if as_csv:
        output.write_csv()
    elif as_json:
        output.write_json(made.validate(folds, seed), how)
    else:
        output.print(made.validate(folds, seed), top)


def _check_sources(
    sample: int | None, arch: Sequence[str] | None, file: str | None, everything: bool
) -> None:
    given = {
        "--space-sample": sample is not None,
        "--arch": bool(arch),
        "--file": file is not None,
        "--all": everything,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} exclude each other")


def _direction(text: str | None) -> Direction | None:
    if text not in (None, "minimize", "maximize"):
        raise ConfigError(f"--direction is minimize or maximize, not {text!r}")
    return cast("Direction | None", text)


def _named(made: Forecast, arch: Sequence[str] | None, file: str | None) -> list[Architecture]:
    """Return the architectures that were asked for by name, each once."""
    from nas.cli.score_targets import Target, architectures_of

    space = made.samples.space
    if file is None:
        return list(dict.fromkeys(map(space.parse, arch or ())))
    target = Target(_space_of(made), file=Path(file))
    return architectures_of(target, space, None, False, 0)


def _untrained(
    made: Forecast, sample: int | None, everything: bool, seed: int
) -> list[Architecture]:
    """Return networks of the space that no trial is of, each once."""
    from nas.cli.score_targets import MOST, Target, architectures_of

    space, trained = made.samples.space, set(made.samples.networks)
    if everything and space.size > MOST:
        raise ConfigError(
            f"the space has {space.size:,} architectures, too many for --all (at most {MOST:,}); "
            "draw some with --space-sample"
        )
    n = sample or DRAWN
    listed = everything or space.size <= n
    wanted = None if listed else n + len(trained)
    drawn = architectures_of(Target(_space_of(made)), space, wanted, listed, seed)
    found: dict[str, Architecture] = {}
    for architecture in drawn:
        network = space.canonical_id(architecture)
        if network not in trained:
            found.setdefault(network, architecture)
    return list(found.values()) if everything else list(found.values())[:n]


def _space_of(made: Forecast) -> Named:
    """Return the name of the space, for messages."""
    from nas.config import Config

    return Config.parse(made.samples.study.config, source="the archive").space
