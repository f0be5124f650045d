"""What stopping by prediction saves on recorded curves, and whether it ever ends worse.

    python benchmarks/early_stopping.py --curves taskset_6tasks.npz [--column valid_loss] \\
        [--orderings 20] [--trials 20] [--only curve "patience 5" ...] [--maximize] [--skip 1]

Vertical model selection, as in arXiv:2310.20447: the configurations of a task are trained in random
order, one after the other, until the epochs of 20 complete ones are spent; everybody meets the same
orders. The file has an array of ``(configurations, epochs)`` for each task, named ``TASK`` or
``TASK/COLUMN``. A value that is not finite ends its trial, for everybody. ``--skip`` leaves out the
first values, such as that of the untrained network.

Regret is the best value of all less the best seen so far. For each task, and each way to stop:

- speed-up: all epochs over those after which the mean regret over the orders has come down to the
  final one without stopping; 0 if it never does;
- regret: the final one, in the mean over the orders, over that without stopping;
- worse: in how many orders the final regret is larger than without stopping.

The last two columns have the median of the speed-ups and the largest ratio of regrets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nas
from nas import Course, Peers, Standing, Verdict

PATIENCE = (1, 2, 3, 5, 10, 20)
PLAIN = {"price": 0.0, "leaders": 0.0, "trust": 1e9}
"""What a plain posterior rule is: no price, no leaders, nothing learned from other trials."""
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("none", {}),
    **{f"patience {k}": ("plateau", {"patience": k}) for k in PATIENCE},
    "median": ("median", {}),
    "asha": ("asha", {}),
    "curve, plain posterior": ("curve", PLAIN),
    "curve, leaders = 1": ("curve", {"leaders": 1.0}),
    "curve": ("curve", {}),
}


@dataclass(frozen=True)
class Run:
    """One order of one task: regret after each epoch, and what it took."""

    regret: np.ndarray
    trials: int
    complete: int
    decisions: int
    seconds: float


def run(
    losses: np.ndarray, goal: nas.Goal, scheduler: nas.Scheduler, order: np.ndarray, epochs: int
) -> Run:
    """Train one configuration after the other.

    Args:
        losses: ``(configurations, epochs)``, lower is better.
        goal: what they are losses of.
        scheduler: decides.
        order: of the configurations.
        epochs: to spend.
    """
    budget = losses.shape[1]
    scheduler.start(nas.Contest((goal,), budget))
    levels = set(scheduler.levels())
    seen: list[float] = []
    ended: list[Course] = []
    decisions, seconds = 0, 0.0
    for number, curve in enumerate(losses[order]):
        standing = Standing.RUNNING
        for step in range(1, budget + 1):
            seen.append(curve[step - 1])
            if not np.isfinite(curve[step - 1]):
                standing = Standing.FAILED
            elif step == budget:
                standing = Standing.COMPLETE
            elif step in levels:
                began = time.process_time()
                course = course_of(number, curve, step, Standing.RUNNING)
                verdict = scheduler.judge(course, Peers(ended, 1)).verdict
                seconds += time.process_time() - began
                decisions += 1
                standing = Standing.STOPPED if verdict is Verdict.STOP else standing
            if standing is not Standing.RUNNING or len(seen) == epochs:
                break
        ended.append(course_of(number, curve, step, standing))
        if len(seen) == epochs:
            break
    lowest = np.fmin.accumulate(np.where(np.isfinite(seen), seen, np.nan))
    lowest = np.append(lowest, np.full(epochs - len(lowest), lowest[-1]))  # nothing is left to try
    complete = sum(course.standing is Standing.COMPLETE for course in ended)
    best = np.min(losses[np.isfinite(losses)])
    return Run(lowest - best, len(ended), complete, decisions, seconds)


def course_of(number: int, curve: np.ndarray, step: int, standing: Standing) -> Course:
    """Return what is known of a trial after a step."""
    return Course(number, tuple(range(1, step + 1)), curve[:step, None], np.zeros(step), standing)


def orders(count: int, orderings: int) -> list[np.ndarray]:
    """Return the orders in which everybody meets the configurations."""
    return [np.random.default_rng([seed, count]).permutation(count) for seed in range(orderings)]


def speedup(runs: Sequence[Run], without: Sequence[Run]) -> float:
    """Return all epochs over those until the mean regret is the final one without stopping."""
    ours = np.nanmean([run.regret for run in runs], axis=0)
    theirs = float(np.mean([run.regret[-1] for run in without]))
    there = np.flatnonzero(ours <= theirs * (1 + 1e-12))
    return len(ours) / float(there[0] + 1) if len(there) else 0.0


def ratio(runs: Sequence[Run], without: Sequence[Run]) -> float:
    """Return the mean final regret over that without stopping."""
    theirs = float(np.mean([run.regret[-1] for run in without]))
    return float(np.mean([run.regret[-1] for run in runs])) / theirs if theirs else 1.0


def read(path: str, column: str, skip: int, maximize: bool) -> dict[str, np.ndarray]:
    """Return the losses of each task, ``(configurations, epochs)``."""
    with np.load(path) as file:
        names = [key for key in file if key.endswith(f"/{column}")] or list(file)
        tasks = {name.split("/")[0]: file[name].astype(np.float64)[:, skip:] for name in names}
    return {name: -losses if maximize else losses for name, losses in tasks.items()}


def table(
    names: Sequence[str], rows: dict[str, list[list[Run]]], cell: Callable[..., str], last: str
) -> None:
    """Print a row for each way to stop and a column for each task."""
    print(f"| | {' | '.join(names)} | {last} |\n|---|{'---:|' * (len(names) + 1)}")
    for name, runs in rows.items():
        print(f"| {name} |", " | ".join(cell(runs)), "|")
    print()


def report(names: Sequence[str], rows: dict[str, list[list[Run]]]) -> None:
    """Print all tables."""
    without = rows["none"]

    def speedups(runs: list[list[Run]]) -> list[str]:
        found = [speedup(*pair) for pair in zip(runs, without, strict=True)]
        return [f"{x:.2f}" for x in (*found, np.median(found))]

    def regrets(runs: list[list[Run]]) -> list[str]:
        found = [ratio(*pair) for pair in zip(runs, without, strict=True)]
        return [f"{x:.2f}" for x in (*found, max(found))]

    def worse(runs: list[list[Run]]) -> list[str]:
        counts = [
            sum(a.regret[-1] > b.regret[-1] for a, b in zip(ours, theirs, strict=True))
            for ours, theirs in zip(runs, without, strict=True)
        ]
        return [str(x) for x in (*counts, sum(counts))]

    def trials(runs: list[list[Run]]) -> list[str]:
        counts = [
            f"{np.mean([x.trials for x in task]):.0f} ({np.mean([x.complete for x in task]):.1f})"
            for task in runs
        ]
        every = [x for task in runs for x in task]
        decision = sum(x.seconds for x in every) / max(1, sum(x.decisions for x in every))
        return [*counts, f"{1000 * decision:.2f}"]

    print("\nSpeed-up to the final regret without stopping\n")
    table(names, rows, speedups, "median")
    print("Final regret over that without stopping\n")
    table(names, rows, regrets, "largest")
    print("Orders that end with a larger regret than without stopping\n")
    table(names, rows, worse, "sum")
    print("Trials begun (complete); processor milliseconds of a decision\n")
    table(names, rows, trials, "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--curves", required=True)
    parser.add_argument("--column", default="valid_loss")
    parser.add_argument("--maximize", action="store_true")
    parser.add_argument("--skip", type=int, default=1, help="first values to leave out")
    parser.add_argument("--tasks", nargs="+", default=[], help="those with this in their name")
    parser.add_argument("--orderings", type=int, default=20)
    parser.add_argument("--trials", type=int, default=20, help="complete ones' worth of epochs")
    parser.add_argument("--only", nargs="+", default=list(SCHEDULERS), choices=list(SCHEDULERS))
    options = parser.parse_args()
    tasks = read(options.curves, options.column, options.skip, options.maximize)
    tasks = {
        name: losses
        for name, losses in tasks.items()
        if not options.tasks or any(part in name for part in options.tasks)
    }
    goal = nas.Goal(options.column, "maximize" if options.maximize else "minimize")
    rows: dict[str, list[list[Run]]] = {}
    for name in dict.fromkeys(["none", *options.only]):
        component, parameters = SCHEDULERS[name]
        scheduler = nas.scheduler(component, **parameters)
        rows[name] = [
            [
                run(losses, goal, scheduler, order, options.trials * losses.shape[1])
                for order in orders(len(losses), options.orderings)
            ]
            for losses in tasks.values()
        ]
        print(f"{name} has run", flush=True)
    report(list(tasks), rows)


if __name__ == "__main__":
    main()
