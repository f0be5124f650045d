"""What schedulers save on real training: searches among networks that were all trained to the end.

    nas search CONFIG --archive curves.db       # random search, no scheduler, a few hundred trials
    python benchmarks/real_curves.py curves.db [--trials 20 40] [--seeds 5] [--only asha ...]

Each search draws from the complete trials of the archive's last study, in random order by seed, and
stops by their real learning curves; what it stops was really trained, under the same learning rate
schedule, so it is what a search would have seen. Everybody has the epochs of so many full trials
and four virtual workers. Printed, in the mean over seeds: the lowest final error among the trials
that it completed (regret: above the lowest there is), in how many seeds that is worse than without
a scheduler, and the hypervolume of error and parameters as a share of that of all trials, at all
epochs and, for the last columns, at half of them.

What early epochs say is printed first: the rank correlation of the error after each with the last.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import nas
from nas.pareto import hypervolume

PLUGIN = Path(__file__).with_name("rows.py")
SCHEDULERS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "patience 2": {"name": "plateau", "patience": 2},
    "patience 3": {"name": "plateau", "patience": 3},
    "patience 5": {"name": "plateau", "patience": 5},
    "median": {"name": "median"},
    "asha": {"name": "asha"},
    "asha, grace 3": {"name": "asha", "grace": 3},
    "asha, promotion": {"name": "asha", "type": "promotion"},
    "hyperband": {"name": "hyperband"},
    "curve": {"name": "curve"},
    "moasha": {"name": "moasha"},
    "moasha, grace 3": {"name": "moasha", "grace": 3},
    "moasha, promotion": {"name": "moasha", "type": "promotion"},
    "moasha, promotion, grace 3": {"name": "moasha", "type": "promotion", "grace": 3},
    "moasha, factor 3": {"name": "moasha", "factor": 3},
}


def curves_of(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(trials, epochs)`` errors and ``(trials,)`` parameters."""
    with nas.Archive(path) as archive:
        trials = list(archive.trials(status=nas.Status.COMPLETE))
        known = archive.curves()
    curves = [known[trial.id] for trial in trials]
    errors = np.array([[point.metrics["error"] for point in curve] for curve in curves])
    return errors, np.array([trial.metrics["params"] for trial in trials])


def write_table(path: Path, errors: np.ndarray, params: np.ndarray) -> None:
    """Write what ``tabular`` reads."""
    epochs = range(1, errors.shape[1] + 1)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        names = [f"{metric}@{epoch}" for metric in ("error", "params") for epoch in epochs]
        table.writerow(["row", "train_time", *names])
        for row, curve in enumerate(errors):
            text = json.dumps({"row": row}, separators=(",", ":"))
            table.writerow([text, 60.0 * len(curve), *curve, *[params[row]] * len(curve)])


def search(
    table: Path, rows: int, budget: int, seed: int, scheduler: dict[str, Any] | None
) -> list[nas.Trial]:
    """Return the complete trials of one search."""
    config = {
        "study": "rows",
        "seed": seed,
        "objectives": [{"name": "reported", "metric": metric} for metric in ("error", "params")],
        "window": 8,  # 4 virtual workers, as many as real ones
        "space": {"name": "rows", "count": rows},
        "evaluator": {"name": "tabular", "path": str(table), "seconds": "train_time"},
        "strategy": "random",
        "stop": {"budget": budget},
        "run": {"executor": "simulated", "workers": 4},
        **({"scheduler": scheduler} if scheduler else {}),
    }
    archive = table.with_name(f"{seed}-{budget}.db")
    archive.unlink(missing_ok=True)
    result = nas.search(config, archive, plugins=[PLUGIN])
    return within(result, budget)


def within(result: nas.Result, budget: int) -> list[nas.Trial]:
    """Return those complete trials that were over when the budget was spent, in order of ending."""
    spent, found = 0, []
    with nas.Archive(result.archive) as archive:
        trials = sorted(archive.trials(), key=lambda trial: trial.id)
    for trial in trials:
        spent += trial.budget or 0
        if trial.status is nas.Status.COMPLETE and spent <= budget:
            found.append(trial)
    return found


def measured(
    trials: Sequence[nas.Trial], errors: np.ndarray, params: np.ndarray
) -> tuple[float, float]:
    """Return the lowest error, and the share of the hypervolume of everything there is."""
    points = [(t.metrics["error"], t.metrics["params"]) for t in trials]
    everything = list(zip(errors[:, -1].tolist(), params.tolist(), strict=True))
    reference = tuple(np.max(everything, axis=0) * 1.05)
    whole = hypervolume(everything, reference)
    best = min((error for error, _ in points), default=float(errors[:, -1].max()))
    return best, hypervolume(points, reference) / whole if points else 0.0


def say_what_early_epochs_say(errors: np.ndarray) -> None:
    """Print the rank correlation of each epoch with the last."""
    last = errors[:, -1]
    found = [f"{e + 1}: {spearmanr(errors[:, e], last)[0]:.2f}" for e in range(errors.shape[1])]
    print(
        f"{len(errors)} networks, error {last.min():.4f} to {last.max():.4f}, median "
        f"{np.median(last):.4f}; rank correlation of an epoch's error with the last"
    )
    print("  " + "  ".join(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive")
    parser.add_argument("--trials", type=int, nargs="+", default=[20, 40])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=SCHEDULERS, default=list(SCHEDULERS))
    options = parser.parse_args()
    errors, params = curves_of(options.archive)
    say_what_early_epochs_say(errors)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        write_table(table, errors, params)
        for trials in options.trials:
            compare(table, errors, params, trials, options)


def compare(
    table: Path, errors: np.ndarray, params: np.ndarray, trials: int, options: argparse.Namespace
) -> None:
    """Print the table for so many full trials' epochs."""
    budget = trials * errors.shape[1]
    print(f"\n{budget} epochs, those of {trials} full trials; {options.seeds} seeds")
    print(f"{'':27} {'complete':>8} {'regret':>8} {'worse':>6} {'volume':>7} {'at half':>8}")
    without: list[tuple[float, float]] = []
    for name in dict.fromkeys(["none", *options.only]):
        full, half, complete = [], [], []
        for seed in range(options.seeds):
            found = search(table, len(errors), budget, seed, SCHEDULERS[name])
            complete.append(len(found))
            full.append(measured(found, errors, params))
            early = search(table, len(errors), budget // 2, seed, SCHEDULERS[name])
            half.append(measured(early, errors, params))
        without = without or full
        worse = sum(mine[0] > theirs[0] for mine, theirs in zip(full, without, strict=True))
        regret = np.mean([best for best, _ in full]) - errors[:, -1].min()
        volume = np.mean([share for _, share in full])
        at_half = np.mean([share for _, share in half])
        print(
            f"{name:27} {np.mean(complete):8.1f} {regret:8.4f} {worse:3d}/{options.seeds} "
            f"{volume:7.3f} {at_half:8.3f}"
        )


if __name__ == "__main__":
    main()
