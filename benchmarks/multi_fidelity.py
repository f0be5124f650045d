"""Schedulers where a short training is a budget of its own, on a table of two of them.

    python benchmarks/multi_fidelity.py --results nb201_cifar10_multifidelity.csv.gz \\
        [--columns e12_test_acc e200_test_acc] [--at 12 200] [--trials 5 10 20] [--orders 20] \\
        [--only "asha" ...]

The file has a row for each network, with its accuracy in per cent after each of the budgets. Whole
searches go through ``nas.search`` and the evaluator ``tabular``; networks come at random, the same
for everybody, and each search has the epochs of so many complete trials. A search ends after the
training that spends the last of them, so one that stops trials has those of one trial less. A short
training whose learning rate was annealed is no first part of a long one: ``spent`` has both of a
network that goes on, though the search was charged for the long one alone.

Printed, in the mean over orders: how far the best complete trial is from the best of the table, in
points of accuracy; what it is better than without a scheduler, with a 95 % interval (paired, t
distribution); trials begun and complete; what was spent, in full trials. First of all, the rank
correlations of the budgets.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import nas

ROWS = Path(__file__).with_name("rows.py")
METHODS: Mapping[str, Mapping[str, Any] | None] = {
    "none": None,
    "asha": {"name": "asha", "factor": 4},
    "asha, promotion": {"name": "asha", "factor": 4, "type": "promotion"},
    "hyperband": {"name": "hyperband", "factor": 4},
    "median": {"name": "median"},
    "curve": {"name": "curve"},
}


def table(options: argparse.Namespace, path: Path) -> np.ndarray:
    """Write what ``tabular`` reads; return ``(networks, budgets)`` errors in per cent."""
    with gzip.open(options.results, "rt") as file:
        rows = list(csv.DictReader(file))
    errors = np.array([[100 - float(row[name]) for name in options.columns] for row in rows])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["architecture", *(f"error@{at}" for at in options.at)])
        for number, values in enumerate(errors.tolist()):
            writer.writerow([json.dumps({"row": number}), *values])
    return errors


def search(
    path: Path, count: int, method: str, trials: int, order: int, at: Sequence[int]
) -> tuple[float, int, int]:
    """Return the lowest error of a complete trial, trials begun and complete."""
    scheduler = METHODS[method]
    values: dict[str, Any] = {
        "study": "two budgets",
        "seed": order,
        "objectives": ["error"],
        "window": 1,
        "space": {"name": "rows", "count": count},
        "strategy": "random",
        "evaluator": {"name": "tabular", "path": str(path)},
        "stop": {"budget": at[-1] * (trials - 1 if scheduler else trials)},
        "run": {"executor": "inline", "durable": False},
    }
    if scheduler:
        values["scheduler"] = {**scheduler, "grace": at[0]} if "asha" in method else {**scheduler}
    with tempfile.TemporaryDirectory() as folder:
        found = nas.search(values, Path(folder) / "nas.db", plugins=[ROWS]).trials
    complete = [trial.losses[0] for trial in found if trial.losses]
    if not complete:
        raise SystemExit(f"{method} has no complete trial: give all of them more --trials")
    return min(complete), len(found), len(complete)


def gain(values: np.ndarray, base: np.ndarray) -> str:
    """Return how much lower, with a 95 % interval."""
    less = base - values
    half = stats.t.ppf(0.975, len(less) - 1) * less.std(ddof=1) / np.sqrt(len(less))
    return f"{less.mean():.2f} ± {half:.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", required=True)
    parser.add_argument("--columns", nargs="+", default=["e12_test_acc", "e200_test_acc"])
    parser.add_argument("--at", type=int, nargs="+", default=[12, 200])
    parser.add_argument("--trials", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        errors = table(options, path)
        for at, column in zip(options.at[:-1], errors.T[:-1], strict=True):
            whole = stats.spearmanr(column, errors[:, -1])[0]
            top = errors[:, -1] <= np.quantile(errors[:, -1], 0.1)
            best = stats.spearmanr(column[top], errors[top, -1])[0]
            words = f"{whole:.2f}, {best:.2f} among the best tenth"
            print(f"rank correlation of {at} with {options.at[-1]}: {words}\n")
        print("| full trials | scheduler | regret | less than none | trials | complete | spent |")
        print("|---:|---|---:|---:|---:|---:|---:|")
        for trials in options.trials:
            base = None
            for method in dict.fromkeys(["none", *options.only]):
                found = np.array(
                    [
                        search(path, len(errors), method, trials, n, options.at)
                        for n in range(options.orders)
                    ]
                )
                regret = found[:, 0] - errors[:, -1].min()
                base = regret if base is None else base
                less = "" if method == "none" else gain(regret, base)
                begun, complete = found[:, 1:].mean(axis=0)
                short = begun * options.at[0] / options.at[-1] if method != "none" else 0.0
                cells = trials, method, f"{regret.mean():.2f}", less, f"{begun:.0f}"
                print(
                    f"| {' | '.join(map(str, cells))} | {complete:.1f} | {short + complete:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
