"""``nas train-prior``: train a predictor of learning curves on curves of a prior."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import INTERRUPTED, AsJson, PluginFiles, Seed, parameters
from nas.cli.output import Column, Listing, print_json, stderr, stdout
from nas.cli.plugins import load_plugins
from nas.cli.tables import print_table
from nas.errors import ConfigError
from nas.suggest import did_you_mean, listed
from nas.text import plain

if TYPE_CHECKING:
    from nas.abstract.learning_curve import (
        CurvePredictor,
        CurvePrior,
        CurveTraining,
        Floats,
        TrainableCurvePredictor,
    )
    from nas.config import Named
    from nas.engine.builder import Builder

EPOCHS = 100
"""Steps of the held-out curves."""
SEEN = (10, 20, 40, 80)
"""Steps of them that are known where predictors are compared."""

_HELD_OUT = 2**31 + 12_345
"""Seed of the held-out curves: no training's, for those are below 2**31."""

_Prior = Annotated[str, typer.Option("--prior", help="That curves are drawn from.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the prior. Repeatable."),
]
_Predictor = Annotated[str, typer.Option("--predictor", help="That is trained.")]
_Steps = Annotated[int, typer.Option("--steps", min=1, help="Updates of the weights.")]
_Curves = Annotated[int, typer.Option("--curves", min=1, help="Drawn for each update.")]
_Size = Annotated[str | None, typer.Option("--size", help="Of the model, such as small.")]
_Output = Annotated[
    str, typer.Option("--output", metavar="FILE", help="Where it goes; FILE.part goes on.")
]
_HeldOut = Annotated[
    str | None,
    typer.Option("--held-out", metavar="PRIOR", help="Of the figures. Default: the prior."),
]
_Against = Annotated[str, typer.Option("--against", help="The predictor beside it.")]
_Test = Annotated[int, typer.Option("--test", min=1, help="Held-out curves.")]


def train_prior(
    prior: _Prior = "drifting",
    assignments: _Set = None,
    predictor: _Predictor = "lc_pfn",
    steps: _Steps = 4_000,
    curves: _Curves = 64,
    size: _Size = None,
    seed: Seed = 0,
    output: _Output = "lc_pfn.safetensors",
    held_out: _HeldOut = None,
    against: _Against = "curve_bank",
    test: _Test = 500,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Train a curve predictor on a prior, and say how good it is.

    What was interrupted goes on with the same command. The figures are mean log-likelihoods (nats)
    of the later steps of held-out curves, beside those of a predictor that is not trained.
    """
    from nas.abstract.learning_curve import CurvePredictor, CurvePrior, CurveTraining
    from nas.config import Named
    from nas.engine.builder import Builder

    builder, target = Builder(load_plugins(plugin)), Path(output)
    named = Named.model_validate({"name": prior, **parameters(assignments)})
    drawn: CurvePrior = builder.build("curve_prior", named, CurvePrior)
    trained = _trainable(builder, predictor)
    training = CurveTraining(steps, curves, _size(trained, predictor, size), seed)
    _check_folder(target)
    shown = named if held_out is None else Named(name=held_out)
    values = _held_out(builder, shown, test)
    beside: CurvePredictor = builder.build("curve_predictor", Named(name=against), CurvePredictor)
    seconds = _train(trained, drawn, training, target)
    facts = {
        "command": _command(named, predictor, training, output),
        "prior": json.dumps(named.model_dump()),
        "seed": str(seed),
        "seconds": f"{seconds:.0f}",
    }
    trained.save(target, facts)  # a failure among the figures loses nothing
    found = {name: _figures(p, values) for name, p in ((predictor, trained), (against, beside))}
    facts["held_out"] = shown.name
    trained.save(target, {**facts, "figures": json.dumps(found)})
    _tell(target, found, facts, as_json=as_json)


def _check_folder(target: Path) -> None:
    if not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}")


def _trainable(builder: Builder, name: str) -> TrainableCurvePredictor:
    from nas.abstract.learning_curve import CurvePredictor, TrainableCurvePredictor
    from nas.config import Named

    built: CurvePredictor = builder.build("curve_predictor", Named(name=name), CurvePredictor)
    if not isinstance(built, TrainableCurvePredictor):
        raise ConfigError(f"--predictor {name} is not trained: it works with the prior as it is")
    return built


def _size(trained: TrainableCurvePredictor, name: str, size: str | None) -> str:
    if size is None:
        return trained.sizes[0]
    if size not in trained.sizes:
        hint = did_you_mean(size, trained.sizes)
        raise ConfigError(f"--size {size}: {name} knows {listed(trained.sizes)}.{hint}")
    return size


def _train(
    trained: TrainableCurvePredictor, prior: CurvePrior, training: CurveTraining, target: Path
) -> float:
    """Return the seconds that it took."""
    interim, began = target.with_name(target.name + ".part"), time.monotonic()
    try:
        with _shown(training.updates) as told:
            trained.train(prior, training, told, interim)
    except KeyboardInterrupt:
        said = "Interrupted."
        if interim.exists():
            said += f" What was learnt is in {plain(str(interim))}; the same command goes on."
        stderr().print(said, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return time.monotonic() - began


@contextmanager
def _shown(updates: int) -> Iterator[Callable[[int, float], None]]:
    """Print a line now and then, with what is left at this pace."""
    console, began = stderr(), time.monotonic()
    first: int | None = None

    def tell(done: int, log_likelihood: float) -> None:
        nonlocal first, began
        text = f"{done:,}/{updates:,} updates, log-likelihood {log_likelihood:.3f}"
        if first is None:
            first, began = done, time.monotonic()
        else:
            pace = (time.monotonic() - began) / (done - first)
            text += f", {pace * (updates - done) / 60:.0f} min left"
        console.print(text, highlight=False, soft_wrap=True)

    yield tell


def _held_out(builder: Builder, prior: Named, curves: int) -> Floats:
    """Draw ``(curves, EPOCHS)`` curves that no training sees."""
    import numpy as np

    from nas.abstract.learning_curve import CurvePrior

    drawn: CurvePrior = builder.build("curve_prior", prior, CurvePrior)
    return drawn.sample(curves, EPOCHS, np.random.default_rng(_HELD_OUT)).values


def _figures(predictor: CurvePredictor, values: Floats) -> list[float]:
    """Return mean log-likelihoods after each of ``SEEN`` steps."""
    return [
        float(predictor.predict(values[:, :seen], EPOCHS).log_density(values[:, seen:]).mean())
        for seen in SEEN
    ]


def _command(named: Named, predictor: str, training: CurveTraining, output: str) -> str:
    """Return the command that makes the same model, whatever defaults become."""
    words = ["nas", "train-prior", "--prior", named.name]
    for key, value in named.parameters.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    words += ["--predictor", predictor, "--steps", str(training.updates)]
    words += ["--curves", str(training.curves), "--size", training.size]
    return shlex.join([*words, "--seed", str(training.seed), "--output", output])


def _tell(
    target: Path, found: Mapping[str, list[float]], facts: Mapping[str, str], *, as_json: bool
) -> None:
    if as_json:
        print_json({"output": str(target), **facts, "figures": found})
        return
    console = stdout()
    console.print(f"Wrote {plain(str(target))} after {float(facts['seconds']) / 60:.1f} min.")
    console.print(f"Log-likelihood (nats) on held-out curves of {plain(facts['held_out'])}:")
    names = [f"{100 * seen // EPOCHS} %" for seen in SEEN]
    rows = [
        {"predictor": name, **{k: f"{v:.3f}" for k, v in zip(names, figures, strict=True)}}
        for name, figures in found.items()
    ]
    columns = [Column("predictor"), *(Column(name, f"{name} seen", right=True) for name in names)]
    print_table(Listing(columns, rows))
