"""What schedulers save on recorded learning curves, with one worker and with several.

    python benchmarks/schedulers.py --curves taskset_6tasks.npz [--workers 1 8] [--orderings 20] \\
        [--trials 20] [--only asha ...] [--tasks 6] [--order number|completion]

The file has an array ``TASK/valid_loss`` of ``(configurations, 1 + epochs)`` for each task; the
first value is that of the untrained network, NaN ends a trial, whatever the scheduler. The
configurations come in a random order. Virtual workers are equally fast; what a decision may know is
what the engine lets it know in that order. Everybody has the epochs of ``trials`` full trials for
each worker, as in the vertical model selection of arXiv:2310.20447.

Regret is the lowest loss that was seen so far less the lowest of all. Printed for each scheduler,
as ratios to no scheduling:

- speed-up: epochs until the final regret without is reached, without over with; the median over
  orderings for each task, then the median and the extremes over tasks; 0 if it never is reached;
- of budget: the same as the paper has it, all epochs over epochs until then;
- regret: what is left at the end, in the mean over orderings, over what is left without; the
  median and the worst over tasks;
- worse: the share of all runs that end with a larger regret than without;
- trials begun and complete, in the mean; processor time of a decision.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nas
from nas import Course, Level, Peers, Standing, Verdict

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("none", {}),
    "patience 5": ("plateau", {"patience": 5}),
    "patience 10": ("plateau", {"patience": 10}),
    "patience 20": ("plateau", {"patience": 20}),
    "median": ("median", {}),
    "median, bests": ("median", {"against": "best"}),
    "asha": ("asha", {}),
    "asha, factor 2": ("asha", {"factor": 2}),
    "asha, grace 3": ("asha", {"grace": 3}),
    "asha, promotion": ("asha", {"type": "promotion"}),
    "asha, 3 brackets": ("asha", {"brackets": 3}),
    "hyperband": ("hyperband", {}),
}
COLUMNS = (
    *("scheduler", "speed-up", "over tasks", "of budget", "regret", "at worst", "worse"),
    *("trials", "complete", "a decision"),
)
GOALS = (nas.Goal("valid_loss"),)


@dataclass
class Entrant:
    """A trial: where it is now, where its earlier runs ended, as ``(run, step)``, and the others.

    These are as they were when its latest run began.
    """

    number: int
    curve: np.ndarray
    run: int
    step: int = 0
    standing: Standing = Standing.RUNNING
    until: int | None = None
    ends: list[tuple[int, int]] = field(default_factory=list)
    known: dict[tuple[int, Standing], Course] = field(default_factory=dict)
    others: Sequence[Course] = ()

    def course(self, step: int, standing: Standing) -> Course:
        """Return what is known of it after a step."""
        key = step, standing
        if key not in self.known:
            losses = self.curve[:step, None]
            self.known[key] = Course(
                self.number, tuple(range(1, step + 1)), losses, np.zeros(step), standing
            )
        return self.known[key]


class Courses(Sequence[Course]):
    """Courses that are only made when somebody looks at them."""

    def __init__(self, entrants: Sequence[Entrant], before: int) -> None:
        self._entrants, self._before = entrants, before

    def __len__(self) -> int:
        return len(self._entrants)

    def __getitem__(self, index: Any) -> Any:
        entrant = self._entrants[index]
        if entrant.run < self._before:
            return entrant.course(entrant.step, entrant.standing)
        step = [step for run, step in entrant.ends if run < self._before][-1]
        return entrant.course(step, Standing.PAUSED)


class Seen(Peers):
    """Peers with the losses of each level kept in arrays.

    Args:
        cluster: what has happened.
        before: runs from this one on are unknown.
        own: the trial that is decided on, if any.
    """

    def __init__(self, cluster: Cluster, before: int, own: Entrant | None) -> None:
        entrants = cluster.entrants
        first = len(entrants) if own is None or not cluster.ordered else own.number
        # A promoted trial knows some with higher numbers as well.
        while first < len(entrants) and cluster.first_runs[first] < before:
            first += 1
        others = [e for e in entrants[:first] if e is not own]
        super().__init__((), 1, () if own is None else own.others)
        self._seen = Courses(others, before)
        self._cluster, self._before, self._own, self._first = cluster, before, own, first

    @property
    def courses(self) -> Sequence[Course]:
        """What is known of each."""
        return self._seen

    def at(self, level: int) -> Level:
        """Return what all that have reached a level had achieved there."""
        cluster = self._cluster
        steps = cluster.steps[: self._first]
        hidden = np.flatnonzero(cluster.runs[: self._first] >= self._before)
        if len(hidden):
            steps = steps.copy()
            for number in hidden:
                ends = cluster.entrants[number].ends
                steps[number] = max(step for run, step in ends if run < self._before)
        there = steps >= level
        if self._own is not None and self._own.number < self._first:
            there[self._own.number] = False
        numbers = np.flatnonzero(there)
        losses = cluster.losses[numbers, level - 1][:, None]
        return Level(numbers, losses, np.zeros(len(numbers)))


class Cluster:
    """Virtual workers that are equally fast.

    Args:
        losses: ``(configurations, epochs)`` in the order in which they are proposed.
        workers: how many.
        ordered: whether a decision knows only what began before.
    """

    def __init__(self, losses: np.ndarray, workers: int, ordered: bool) -> None:
        self.losses, self.workers, self.ordered = losses, workers, ordered
        count, self.budget = losses.shape
        self.entrants: list[Entrant] = []
        self.first_runs: list[int] = []
        self.steps = np.zeros(count, dtype=np.int64)
        self.runs = np.zeros(count, dtype=np.int64)
        self.began, self.decisions, self.seconds = 0, 0, 0.0

    def run(self, scheduler: nas.Scheduler, epochs: int) -> np.ndarray:
        """Return the lowest loss after each epoch that is spent, at most so many."""
        scheduler.start(nas.Contest(GOALS, self.budget))
        levels, seen = set(scheduler.levels()), []
        running: list[Entrant] = []
        while len(seen) < epochs:
            running += self._begin(scheduler, self.workers - len(running))
            if not running:
                break
            for entrant in running:  # in the order of their runs
                entrant.step += 1
                self.steps[entrant.number] = entrant.step
                seen.append(entrant.curve[entrant.step - 1])
                entrant.standing = self._judge(scheduler, entrant, levels)
                if entrant.standing is not Standing.RUNNING:
                    entrant.ends.append((entrant.run, entrant.step))
            running = [e for e in running if e.standing is Standing.RUNNING]
        return np.fmin.accumulate(seen[:epochs])

    def _begin(self, scheduler: nas.Scheduler, free: int) -> Iterator[Entrant]:
        for _ in range(free):
            promotion = None
            if scheduler.pauses:
                since = time.process_time()
                promotion = scheduler.promote(Seen(self, self.began, None))
                self._count(since)
            if promotion is not None:
                entrant = self.entrants[promotion.number]
                assert entrant.standing is Standing.PAUSED
                entrant.standing, entrant.until = Standing.RUNNING, promotion.until
                entrant.run = self.began
            elif len(self.entrants) < len(self.losses):
                number = len(self.entrants)
                entrant = Entrant(number, self.losses[number], self.began)
                self.entrants.append(entrant)
                self.first_runs.append(self.began)
            else:
                return
            self.runs[entrant.number] = self.began
            entrant.others = tuple(Seen(self, self.began, entrant).courses)
            self.began += 1
            yield entrant

    def _judge(self, scheduler: nas.Scheduler, entrant: Entrant, levels: set[int]) -> Standing:
        if not np.isfinite(entrant.curve[entrant.step - 1]):
            return Standing.FAILED
        if entrant.step == self.budget:
            return Standing.COMPLETE
        verdict = Verdict.CONTINUE
        if entrant.step in levels:
            since = time.process_time()
            peers = Seen(self, entrant.run if self.ordered else self.began, entrant)
            course = entrant.course(entrant.step, Standing.RUNNING)
            verdict = scheduler.judge(course, peers).verdict
            self._count(since)
        if verdict is Verdict.CONTINUE and entrant.step == entrant.until:
            return Standing.PAUSED
        ends = {Verdict.STOP: Standing.STOPPED, Verdict.PAUSE: Standing.PAUSED}
        return ends.get(verdict, Standing.RUNNING)

    def _count(self, since: float) -> None:
        self.decisions += 1
        self.seconds += time.process_time() - since


@dataclass(frozen=True)
class Run:
    """What came of one ordering: regret after each epoch, and counts."""

    regret: np.ndarray
    trials: int
    complete: int
    seconds: float

    def until(self, regret: float) -> float:
        """Return after how many epochs it has come down to a regret; infinite if it has not."""
        there = np.flatnonzero(self.regret <= regret)
        return float(there[0]) + 1 if len(there) else math.inf


def one(name: str, losses: np.ndarray, workers: int, epochs: int, ordered: bool) -> Run:
    """Simulate one scheduler on one ordering."""
    component, parameters = SCHEDULERS.get(name, (name, {}))
    cluster = Cluster(losses, workers, ordered)
    lowest = cluster.run(nas.scheduler(component, **parameters), epochs)
    seconds = cluster.seconds / max(1, cluster.decisions)
    complete = sum(e.standing is Standing.COMPLETE for e in cluster.entrants)
    return Run(lowest - np.nanmin(losses), len(cluster.entrants), complete, seconds)


def summary(runs: Sequence[Sequence[Run]], without: Sequence[Sequence[Run]]) -> list[str]:
    """Return a row of the table; both arguments have a list of orderings for each task."""
    speedups, of_budget, regrets, worse = [], [], [], []
    for ours, theirs in zip(runs, without, strict=True):
        pairs = [(run, base, base.regret[-1]) for run, base in zip(ours, theirs, strict=True)]
        speedups.append(statistics.median(b.until(r) / run.until(r) for run, b, r in pairs))
        of_budget.append(statistics.median(len(b.regret) / run.until(r) for run, b, r in pairs))
        worse += [float(run.regret[-1] > regret) for run, _, regret in pairs]
        left = statistics.mean(run.regret[-1] for run in theirs)
        regrets.append(statistics.mean(run.regret[-1] for run in ours) / left if left else 1.0)
    everything = [run for task in runs for run in task]
    return [
        f"{statistics.median(speedups):.2f}",
        f"{min(speedups):.2f} to {max(speedups):.2f}",
        f"{statistics.median(of_budget):.2f}",
        f"{statistics.median(regrets):.2f}",
        f"{max(regrets):.2f}",
        f"{100 * statistics.mean(worse):.0f} %",
        f"{statistics.mean(run.trials for run in everything):.0f}",
        f"{statistics.mean(run.complete for run in everything):.0f}",
        f"{1000 * statistics.mean(run.seconds for run in everything):.2f} ms",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--curves", required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--orderings", type=int, default=20)
    parser.add_argument(
        "--trials", type=int, default=20, help="full trials' worth, for each worker"
    )
    parser.add_argument("--tasks", type=int, default=0, help="only so many; 0 is all")
    parser.add_argument("--only", nargs="+", default=list(SCHEDULERS), metavar="SCHEDULER")
    parser.add_argument("--order", choices=["number", "completion"], default="number")
    options = parser.parse_args()
    with np.load(options.curves) as file:
        names = sorted(key for key in file if key.endswith("/valid_loss"))
        tasks = [file[key].astype(np.float64)[:, 1:] for key in names[: options.tasks or None]]
    for workers in options.workers:
        epochs = options.trials * workers * tasks[0].shape[1]
        print(
            f"\n{len(tasks)} tasks, {options.orderings} orderings, {workers} workers, "
            f"{epochs} epochs\n"
        )
        print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
        without: list[list[Run]] = []
        for name in dict.fromkeys(["none", *options.only]):
            runs = [
                [
                    one(name, losses[order], workers, epochs, options.order == "number")
                    for order in orders(len(losses), options.orderings)
                ]
                for losses in tasks
            ]
            without = without or runs
            print(f"| {name} | {' | '.join(summary(runs, without))} |", flush=True)


def orders(count: int, orderings: int) -> Iterator[np.ndarray]:
    """Return the same random orders each time."""
    return (np.random.default_rng(seed).permutation(count) for seed in range(orderings))


if __name__ == "__main__":
    main()
