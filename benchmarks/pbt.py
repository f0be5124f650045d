"""Population based training against random search at equal epochs, on real training.

    python benchmarks/pbt.py [--space mlp|nas201] [--seeds 5] [--epochs 12] [--population 8]

Networks of a space are trained on scikit-learn's digits with a learning rate of 1e-4 to 1 and a
weight decay of 1e-6 to 1 (adamw), all searched together. Everybody has the epochs of ``population``
complete trials; random search trains each of its trials to the end. Printed: the lowest validation
error of a complete trial, in points, mean over seeds with a 95 % interval (t distribution), the
difference to random search with the same learning rate schedule (paired, the same interval), and
seconds of processor time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import nas

SPACES: dict[str, dict[str, Any]] = {
    "mlp": {"name": "mlp"},
    "nas201": {"name": "nas201", "cells": 1, "channels": 4},
}
HYPER = {
    "lr": {"low": 1e-4, "high": 1.0, "log": True},
    "weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
}


def error(
    strategy: dict[str, Any], schedule: str, options: argparse.Namespace, seed: int
) -> tuple[float, float]:
    """Return the lowest error, in points, and processor seconds."""
    values = {
        "study": "pbt",
        "seed": seed,
        "objectives": ["error"],
        "window": options.population,
        "space": SPACES[options.space],
        "data": {"name": "digits", "validation": 0.5},
        "evaluator": {"name": "train", "epochs": options.epochs, "schedule": schedule},
        "hyper": HYPER,
        "strategy": strategy,
        "stop": {"budget": options.population * options.epochs},
        "run": {"executor": "inline", "durable": False},
    }
    since = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trials = nas.search(values, Path(folder) / "nas.db").trials
    seconds = time.process_time() - since
    return 100 * min(trial.losses[0] for trial in trials if trial.losses), seconds


def interval(values: Sequence[float]) -> str:
    """Return mean and half the width of its 95 % interval."""
    half = float(stats.sem(values)) * float(stats.t.ppf(0.975, len(values) - 1))
    return f"{np.mean(values):.2f} ± {half:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", choices=list(SPACES), default="mlp")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--population", type=int, default=8)
    parser.add_argument("--intervals", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--schedules", nargs="+", default=["constant", "one_cycle"])
    options = parser.parse_args()
    methods: dict[str, dict[str, Any]] = {"random": {"name": "random"}}
    for every in options.intervals:
        parameters = {"population": options.population, "interval": every}
        methods[f"pbt, interval {every}"] = {"name": "pbt", **parameters}
    print("| method | schedule | error | less random | seconds |\n|---|---|---:|---:|---:|")
    for schedule in options.schedules:
        base: list[float] = []
        for name, strategy in methods.items():
            found = [error(strategy, schedule, options, seed) for seed in range(options.seeds)]
            errors = [lowest for lowest, _ in found]
            base = base or errors
            gap = interval([b - a for a, b in zip(errors, base, strict=True)])
            seconds = np.mean([seconds for _, seconds in found])
            less = "" if name == "random" else gap
            print(
                f"| {name} | {schedule} | {interval(errors)} | {less} | {seconds:.1f} |", flush=True
            )


if __name__ == "__main__":
    main()
