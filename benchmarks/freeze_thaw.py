"""Freeze-thaw against random search with and without schedulers, at equal epochs.

    python benchmarks/freeze_thaw.py --curves taskset_6tasks.npz [--orders 3] [--trials 20] \\
        [--tasks 6] [--only "freeze_thaw" ...]

Whole searches, one trial at a time, over the recorded curves of each task (``TASK/valid_loss``, of
which the first value is that of the untrained network); without ``--curves``, over 400 curves made
up here. Everybody has the epochs of 20 complete trials and meets the settings in the same order.

Regret is the lowest value seen so far less the lowest of all. Printed, relative to random search
without a scheduler:

- speed-up: epochs until its final regret is reached, its own over the method's; the median over
  orders, then over tasks, and the worst task; 0 if it never is reached;
- regret: the final one, in the mean over orders; the median over tasks, and the worst;
- of complete trials: the same for the best complete trial, which is what a search returns;
- trials begun, trials complete; seconds of a search.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import nas

FILE = Path(__file__).with_name("recorded.py")
BASE = "random"
METHODS: Mapping[str, Mapping[str, Any]] = {
    BASE: {"strategy": "random"},
    "random, patience 5": {"strategy": "random", "scheduler": {"name": "plateau", "patience": 5}},
    "random, asha": {"strategy": "random", "scheduler": "asha"},
    "random, asha promotion": {
        "strategy": "random",
        "scheduler": {"name": "asha", "type": "promotion"},
    },
    "random, curve": {"strategy": "random", "scheduler": "curve"},
    "freeze_thaw": {"strategy": {"name": "freeze_thaw", "low": 0.0}},
    "freeze_thaw, finish = 0": {"strategy": {"name": "freeze_thaw", "low": 0.0, "finish": 0.0}},
}
COLUMNS = (
    *("method", "speed-up", "worst", "regret", "worst", "of complete trials", "worst"),
    *("trials", "complete", "seconds"),
)


@dataclass(frozen=True)
class Run:
    """One search: regret after each epoch, that of the best complete trial, and counts."""

    regret: np.ndarray
    final: float
    trials: int
    complete: int
    seconds: float

    def until(self, regret: float) -> float:
        """Return after how many epochs it has come down to a regret; infinite if it has not."""
        there = np.flatnonzero(self.regret <= regret)
        return float(there[0]) + 1 if len(there) else math.inf


def search(method: str, path: str, key: str, curves: np.ndarray, order: int, trials: int) -> Run:
    """Run one method on one task."""
    epochs = trials * (curves.shape[1] - 1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        values = {
            "study": "recorded",
            "seed": order,
            "objectives": ["value"],
            "window": 1,
            "space": {"name": "settings", "count": len(curves)},
            "evaluator": {"name": "recorded", "path": path, "key": key, "log": str(log)},
            "stop": {"budget": epochs},
            "run": {"executor": "inline", "durable": False},
            **METHODS[method],
        }
        since = time.process_time()
        result = nas.search(values, Path(folder) / "nas.db", plugins=[FILE])
        seconds = time.process_time() - since
        seen = np.array([float(line) for line in log.read_text().splitlines()][:epochs])
        found = result.trials
    lowest = float(np.nanmin(curves[:, 1:]))
    complete = [trial.losses[0] for trial in found if trial.losses]
    return Run(
        np.fmin.accumulate(seen) - lowest,
        min(complete, default=math.inf) - lowest,
        len(found),
        len(complete),
        seconds,
    )


def row(method: str, runs: Sequence[Sequence[Run]], base: Sequence[Sequence[Run]]) -> list[str]:
    """Return a row of the table; both arguments have a list of orders for each task."""
    speedups, regrets, finals = [], [], []
    for mine, theirs in zip(runs, base, strict=True):
        pairs = list(zip(mine, theirs, strict=True))
        speedups.append(
            statistics.median(b.until(b.regret[-1]) / a.until(b.regret[-1]) for a, b in pairs)
        )
        regrets.append(_ratio([a.regret[-1] for a, _ in pairs], [b.regret[-1] for _, b in pairs]))
        finals.append(_ratio([a.final for a, _ in pairs], [b.final for _, b in pairs]))
    every = [run for task in runs for run in task]
    return [
        method,
        f"{statistics.median(speedups):.2f}",
        f"{min(speedups):.2f}",
        *(f"{f(values):.2f}" for values in (regrets, finals) for f in (statistics.median, max)),
        f"{statistics.mean(run.trials for run in every):.0f}",
        f"{statistics.mean(run.complete for run in every):.1f}",
        f"{statistics.mean(run.seconds for run in every):.1f}",
    ]


def _ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    return float(np.mean(mine)) / float(np.mean(theirs))


def made_up(path: Path) -> None:
    """Write 400 curves that fall at different paces to different ends, with noise."""
    rng = np.random.default_rng(0)
    steps = np.arange(28)
    end, pace = rng.uniform(0.05, 0.6, 400), rng.uniform(0.05, 0.8, 400)
    curves = end[:, None] + (1 - end[:, None]) * np.exp(-steps * pace[:, None] / 2)
    np.savez(path, **{"made up/valid_loss": curves + rng.normal(0, 0.005, curves.shape)})


def tasks(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names of arrays and what is in them."""
    with np.load(path) as file:
        for key in sorted(key for key in file if key.endswith("/valid_loss")):
            yield key, file[key].astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--curves")
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--trials", type=int, default=20, help="complete trials' worth of epochs")
    parser.add_argument("--tasks", type=int, default=0, help="only so many; 0 is all")
    parser.add_argument("--only", nargs="+", default=list(METHODS), metavar="METHOD")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(options.curves or Path(folder) / "curves.npz")
        if not options.curves:
            made_up(path)
        chosen = list(tasks(path))[: options.tasks or None]
        print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
        base: list[list[Run]] = []
        for method in dict.fromkeys([BASE, *options.only]):
            runs = [
                [
                    search(method, str(path), key, curves, order, options.trials)
                    for order in range(options.orders)
                ]
                for key, curves in chosen
            ]
            base = base or runs
            print(f"| {' | '.join(row(method, runs, base))} |", flush=True)


if __name__ == "__main__":
    main()
