"""How many workers are worth it: the same search on virtual clusters of several sizes.

    python benchmarks/cluster.py TABLE --architecture arch_str --seconds TIME --metric valid \
        --maximize --judge test

Every row is a search of as many trials, simulated with stragglers, failures and lost workers:
virtual hours until it ends, how many times faster than one worker that nothing happens to, the
share of the workers' time that was idle, and the ``--judge`` of the trial that is best by
``--metric``; all of them means over seeds. The window is the number of workers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import nas

FAULTS = {"stragglers": 0.05, "slowdown": 4, "failures": 0.01, "lost": 0.01, "repair": 600}


class Watching:
    """Keeps a session's last figures."""

    def started(self, *about: object) -> None:
        """Nothing to keep."""

    def progress(self, progress: Any) -> None:
        """Keep the figures."""
        self.last = progress

    def finished(self, *about: object) -> None:
        """Nothing to keep."""


def measure(
    order: str, workers: int, seed: int, arguments: argparse.Namespace
) -> tuple[float, float, float, float]:
    """Return virtual hours, hours of one worker, idle share, and what was found."""
    direction = "maximize" if arguments.maximize else "minimize"
    evaluator = {"path": arguments.table, "seconds": arguments.seconds}
    config = {
        "study": "cluster",
        "seed": seed,
        "objectives": [{"name": "reported", "metric": arguments.metric, "direction": direction}],
        "order": order,
        "window": workers,
        "space": arguments.space,
        "evaluator": {"name": "tabular", "architecture": arguments.architecture, **evaluator},
        "strategy": arguments.strategy,
        "stop": {"trials": arguments.trials},
        "run": {
            "executor": "simulated",
            "workers": workers,
            "simulation": {**FAULTS, "seed": seed},
        },
    }
    watching = Watching()
    with tempfile.TemporaryDirectory() as folder:
        trials = nas.search(config, Path(folder) / "a.db", observer=watching).trials
    complete = [t for t in trials if t.status is nas.Status.COMPLETE]
    best = min(complete, key=lambda t: t.losses[0]).metrics[arguments.judge or arguments.metric]
    work = sum(t.metrics.get("train_seconds", t.seconds) for t in trials)
    return watching.last.seconds / 3600, work / 3600, watching.last.idle, best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--space", default="nas201")
    parser.add_argument("--architecture")
    parser.add_argument("--seconds", required=True)
    parser.add_argument("--metric", required=True)
    parser.add_argument("--maximize", action="store_true")
    parser.add_argument("--judge")
    parser.add_argument("--strategy", default="regularized_evolution")
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 30, 100, 300])
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    print(f"{'order':<12}{'workers':>8}{'hours':>9}{'faster':>8}{'idle':>7}{'found':>9}{'sd':>7}")
    for order in ("completion", "number"):
        for workers in arguments.workers:
            runs = [measure(order, workers, seed, arguments) for seed in range(arguments.seeds)]
            hours, work, idle, found = zip(*runs, strict=True)
            faster = statistics.mean(w / h for w, h in zip(work, hours, strict=True))
            spread = statistics.stdev(found) if len(found) > 1 else 0.0
            print(
                f"{order:<12}{workers:>8}{statistics.mean(hours):>9.1f}{faster:>8.1f}"
                f"{statistics.mean(idle):>7.0%}{statistics.mean(found):>9.3f}{spread:>7.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
