"""How well learning curves are predicted: on curves of the prior, and on real ones.

    python benchmarks/curves.py [--held-out 500] [--chains 40] [--seed 0] \\
        [--taskset taskset_6tasks.npz] [--nats nats_curves_6archs.csv.gz] [--each 200] \\
        [--predictor curve_bank ...]

Prior curves have 100 steps and come from ``domhan3`` with a seed of their own. The figures are mean
log-likelihoods (nats) of the later observations after 10, 20, 40 and 80 % of a curve, the share of
them within 90 % intervals, and milliseconds for a curve of a batch. ``the truth`` knows curve and
noise, so nothing can be better on these curves; what is wanted is for the average curve, of which
the truth has 2.581. Markov chains are slow: they see the first ``--chains`` curves, on which the
others are shown again.

On real curves every predictor sees 10, 20, 40 and 80 % of each. Losses are scaled by ``CurveScale``
from the first values of their task, accuracies from their bounds; a curve with a value that is not
finite is left out. Mean log-likelihood, absolute error of the median (in thousandths of the scale)
and the share within 90 % intervals, each over all later steps and the four cuts.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

import nas
from nas.abstract.curve_scale import CurveScale

PREDICTORS = ("curve_bank", "lc_pfn", "least_squares", "power_law", "last_value")
PLAIN = ("least_squares", "power_law", "last_value")
SHARES = (0.1, 0.2, 0.4, 0.8)
EPOCHS = 100
WANTED = (1.52, 1.94, 2.24, 2.49)
AVERAGE_TRUTH = 4.0 - 0.5 * np.log(2 * np.pi * np.e)
"""Expected log density of normal noise whose log deviation is N(-4, 1)."""
METRICS = {"acc": ("maximize", 100.0), "loss": ("minimize", None)}


@dataclass(frozen=True)
class Figures:
    """What came of one predictor on one set of curves, one number for each cut.

    Args:
        likelihood: mean log-likelihood.
        error: mean absolute error of the median.
        inside: share within 90 % intervals.
        milliseconds: for a curve.
        spread: standard error of the log-likelihood over curves.
    """

    likelihood: np.ndarray
    error: np.ndarray
    inside: np.ndarray
    milliseconds: np.ndarray
    spread: np.ndarray


def measure(predictor: nas.CurvePredictor, curves: np.ndarray) -> Figures:
    """Predict the rest of curves after each share of their steps."""
    epochs = curves.shape[1]
    predictor.predict(curves[:1, :1], epochs)  # what is prepared once, such as a bank
    rows = []
    for share in SHARES:
        known = max(1, round(share * epochs))
        later = curves[:, known:]
        began = time.perf_counter()
        found = predictor.predict(curves[:, :known], epochs)
        seconds = time.perf_counter() - began
        likelihood = found.log_density(later).mean(axis=1)
        low, middle, high = np.moveaxis(found.quantiles((0.05, 0.5, 0.95)), 2, 0)
        rows.append(
            (
                likelihood.mean(),
                np.abs(later - middle).mean(),
                ((later >= low) & (later <= high)).mean(),
                1e3 * seconds / len(curves),
                likelihood.std() / np.sqrt(len(curves)),
            )
        )
    return Figures(*np.array(rows).T)


def truth(drawn: nas.CurveSamples) -> np.ndarray:
    """Return the mean log density of later observations, given their curve and noise."""
    z = (drawn.values - drawn.means) / drawn.noise[:, None]
    logs = -0.5 * z**2 - np.log(drawn.noise)[:, None] - 0.5 * np.log(2 * np.pi)
    return np.array([logs[:, round(share * EPOCHS) :].mean() for share in SHARES])


def texts(values: Iterable[float], form: str) -> str:
    return " | ".join(format(value, form) for value in values)


def on_prior(names: Sequence[str], count: int, chains: int, seed: int) -> None:
    drawn = nas.curve_prior("domhan3").sample(count, EPOCHS, np.random.default_rng(seed))
    print(f"### {count} held-out curves of the prior, {torch.get_num_threads()} threads\n")
    print("| | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | 90 % hold | ms a curve |")
    print("|---|" + "---:|" * (len(SHARES) + 2))
    exact = truth(drawn)
    print(f"| the truth | {texts(exact, '.3f')} | | |")
    unlucky = AVERAGE_TRUTH - exact
    print(f"| wanted of the average curve | {texts(WANTED, '.2f')} | | |")
    built = {name: nas.curve_predictor(name) for name in names}
    for name, predictor in built.items():
        found = measure(predictor, drawn.values)
        line(name, found)
        print(f"| {name}, of the average curve | {texts(found.likelihood + unlucky, '.3f')} | | |")
    if chains:
        print(f"\nThe first {chains} of them, with Markov chains as in the paper:\n")
        print("| | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | 90 % hold | ms |")
        print("|---|" + "---:|" * (len(SHARES) + 2))
        slow = measure(nas.curve_predictor("mcmc"), drawn.values[:chains])
        line("mcmc", slow)
        for name, predictor in built.items():
            line(name, measure(predictor, drawn.values[:chains]))
            fast = measure(predictor, drawn.values)  # a batch that is worth its while
            ratio = slow.milliseconds / fast.milliseconds
            print(f"| {name} is faster by | {texts(ratio, ',.0f')} | | |")
    print()


def line(name: str, found: Figures) -> None:
    cells = [
        f"{value:.3f} ± {error:.3f}"
        for value, error in zip(found.likelihood, found.spread, strict=True)
    ]
    print(
        f"| {name} | {' | '.join(cells)} | {found.inside.mean():.1%} "
        f"| {texts([found.milliseconds.mean()], '.2f')} |",
        flush=True,
    )


def taskset(path: str, each: int, seed: int) -> dict[str, np.ndarray]:
    """Return validation losses of optimiser settings, by task."""
    file, found = np.load(path), {}
    for name in file:
        task, _, metric = name.partition("/")
        if metric != "valid_loss":
            continue
        losses = file[name]
        losses = losses[np.isfinite(losses).all(axis=1)]
        chosen = np.random.default_rng(seed).permutation(len(losses))[:each]
        scale = scale_of(losses[:, :1], "loss")
        found[f"taskset {task.removeprefix('imdb_')}"] = scale.normalise(losses[chosen])
    return found


def nats(path: str) -> dict[str, np.ndarray]:
    """Return the curves of each length and metric, over architectures, data sets and seeds."""
    runs: dict[tuple[str, ...], list[dict[str, str]]] = {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            key = tuple(row[k] for k in ("space", "index", "hp_epochs", "dataset", "seed"))
            runs.setdefault(key, []).append(row)
    raw: dict[tuple[str, str, str], list[list[float]]] = {}
    for (_, _, epochs, data, _), rows in runs.items():
        if int(epochs) < 12:
            continue
        rows.sort(key=lambda row: int(row["epoch"]))
        for metric in ("train", "x_valid", "x_test", "ori_test"):
            for kind in METRICS:
                values = [row[f"{metric}_{kind}"] for row in rows]
                if all(values):
                    part = "train" if metric == "train" else "eval"
                    raw.setdefault((epochs, f"{part} {kind}", data), []).append(
                        [float(value) for value in values]
                    )
    found: dict[str, list[np.ndarray]] = {}
    for (epochs, metric, _), curves in raw.items():
        values = np.array(curves)
        scale = scale_of(values[:, :1], metric.split()[1])
        found.setdefault(f"nats {epochs} epochs, {metric}", []).append(scale.normalise(values))
    return {name: np.concatenate(parts) for name, parts in sorted(found.items())}


def scale_of(first: np.ndarray, kind: str) -> CurveScale:
    direction, high = METRICS[kind]
    return CurveScale.seen(first, direction, low=0.0, high=high)


def on_real(names: Sequence[str], sets: Mapping[str, np.ndarray]) -> None:
    built = {name: nas.curve_predictor(name) for name in names}
    results = {
        task: {name: measure(predictor, curves) for name, predictor in built.items()}
        for task, curves in sets.items()
    }
    for title, form, value in (
        ("Mean log-likelihood", ".2f", lambda f: f.likelihood.mean()),
        ("Absolute error of the median, in thousandths", ".1f", lambda f: 1e3 * f.error.mean()),
        ("Within 90 % intervals", ".1%", lambda f: f.inside.mean()),
    ):
        print(f"### {title}\n\n| curves | how many | {' | '.join(names)} |")
        print("|---|---:|" + "---:|" * len(names))
        for task, found in results.items():
            cells = texts([value(found[name]) for name in names], form)
            print(f"| {task} | {len(sets[task])} | {cells} |")
        print(flush=True)
    for name in [name for name in names if name not in PLAIN]:
        others = [plain for plain in PLAIN if plain in names]
        ahead = sum(
            all(f[name].likelihood.mean() > f[p].likelihood.mean() for p in others)
            for f in results.values()
        )
        print(f"{name} has the higher log-likelihood than all of {', '.join(others)} on ", end="")
        print(f"{ahead} of {len(results)} sets")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--chains", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--taskset")
    parser.add_argument("--nats")
    parser.add_argument("--each", type=int, default=200)
    parser.add_argument("--predictor", nargs="+", default=PREDICTORS)
    wanted = parser.parse_args()
    if wanted.held_out:
        on_prior(wanted.predictor, wanted.held_out, wanted.chains, 2**31 + wanted.seed)
    sets = taskset(wanted.taskset, wanted.each, wanted.seed) if wanted.taskset else {}
    sets |= nats(wanted.nats) if wanted.nats else {}
    if sets:
        on_real(wanted.predictor, sets)


if __name__ == "__main__":
    main()
