"""Whether stopping trials slows a search down: the same search with schedulers, at equal wall time.

    python benchmarks/equal_time.py [--config examples/digits.toml] [--seconds 40] [--seeds 10] \\
        [--only none asha ...] [--set evaluator.schedule=cosine ...]

Searches run one after the other, seed by seed, so that whatever else the machine does meets all of
them alike. Each is a whole ``nas search`` of that many seconds, from the first proposal on.
Printed, in the mean over seeds: the lowest first objective of a complete trial; the hypervolume of
the front as a share of that of all fronts of all searches together, up to the worst that any front
has; the gain over ``none`` of the same seed with a 95 % interval (paired, t distribution); in how
many seeds it was worse; trials begun and complete.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import nas
from nas.pareto import hypervolume

SCHEDULERS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "patience 2": {"name": "plateau", "patience": 2},
    "median": {"name": "median"},
    "asha": {"name": "asha"},
    "moasha": {"name": "moasha"},
    "moasha, factor 3": {"name": "moasha", "factor": 3},
    "moasha, grace 3": {"name": "moasha", "grace": 3},
    "moasha, promotion": {"name": "moasha", "type": "promotion"},
    "hyperband": {"name": "hyperband"},
    "curve": {"name": "curve"},
}


@dataclass(frozen=True)
class Run:
    """What a search has found: the losses on its front, and how many trials it had."""

    front: np.ndarray
    begun: int
    complete: int


def search(options: argparse.Namespace, scheduler: dict[str, Any] | None, seed: int) -> Run:
    """Search for the given seconds."""
    config = nas.Config.load(options.config, options.set).model_dump(exclude_unset=True)
    config.pop("scheduler", None)
    if scheduler:
        config["scheduler"] = scheduler
    config |= {"seed": seed, "stop": {"seconds": options.seconds}}
    with tempfile.TemporaryDirectory() as folder:
        result = nas.search(config, Path(folder) / "a.db")
        trials, front = result.trials, result.front
    statuses = [trial.status for trial in trials]
    return Run(
        np.array([trial.losses for trial in front]),
        sum(status is not nas.Status.INFEASIBLE for status in statuses),
        statuses.count(nas.Status.COMPLETE),
    )


def shares(runs: Sequence[Run]) -> np.ndarray:
    """Return each front's hypervolume as a share of that of all together."""
    every = np.concatenate([run.front for run in runs])
    worst = every.max(axis=0) * (1 + 1e-9)
    whole = hypervolume(every, worst)
    return np.array([hypervolume(run.front, worst) / whole for run in runs])


def line(name: str, values: np.ndarray, base: np.ndarray, larger: bool) -> str:
    """Return the mean, the gain over the baseline, and in how many seeds it was worse."""
    gain = values - base if larger else base - values
    if name == "none":
        return f"{values.mean():.4f}"
    half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    worse = int((gain < 0).sum())
    return f"{values.mean():.4f} (gain {gain.mean():.4f} ± {half:.4f}, worse in {worse})"


def report(found: dict[str, list[Run]]) -> None:
    """Print the table."""
    if any(not len(run.front) for runs in found.values() for run in runs):
        raise SystemExit("a search has no complete trial: give all of them more --seconds")
    volumes = shares([run for runs in found.values() for run in runs]).reshape(len(found), -1)
    lowest = np.array([[run.front[:, 0].min() for run in runs] for runs in found.values()])
    print("\n| scheduler | lowest first objective | hypervolume | trials | complete |")
    print("|---|---:|---:|---:|---:|")
    for i, (name, runs) in enumerate(found.items()):
        cells = line(name, lowest[i], lowest[0], False), line(name, volumes[i], volumes[0], True)
        begun = np.mean([run.begun for run in runs])
        complete = np.mean([run.complete for run in runs])
        print(f"| {name} | {' | '.join(cells)} | {begun:.1f} | {complete:.1f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", default="examples/digits.toml")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", nargs="+", default=list(SCHEDULERS), choices=list(SCHEDULERS))
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    found: dict[str, list[Run]] = {name: [] for name in dict.fromkeys(["none", *options.only])}
    for seed in range(options.seeds):
        for name, runs in found.items():
            runs.append(search(options, SCHEDULERS[name], seed))
            said = f"{runs[-1].begun} trials, {runs[-1].complete} complete"
            print(f"seed {seed}, {name}: {said}", flush=True)
    report(found)


if __name__ == "__main__":
    main()
