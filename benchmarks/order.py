"""What it costs to tell a strategy of trials by number: idle workers, by order and window.

    python benchmarks/order.py [--trials 200] [--workers 4]

Trial times are log-normal (sigma 1), as where networks differ much in size. ``order = "number"``
gives the same trials whatever the workers do, and a slow trial can make them wait; ``completion``
never waits, and the trials depend on who was faster. The least that any order needs is the
work divided by the workers. Each runs on a local Ray of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nas

UNEVEN = Path(__file__).with_name("uneven.py")


def measure(order: str, window: int, arguments: argparse.Namespace) -> tuple[float, float]:
    """Return the seconds from first start to last end, and the least that they could be."""
    config = {
        "study": "order",
        "objectives": ["loss"],
        "order": order,
        "window": window,
        "space": "nas201",
        "evaluator": {"name": "uneven", "median": arguments.median},
        "strategy": "regularized_evolution",
        "stop": {"trials": arguments.trials},
        "run": {"executor": "ray", "workers": arguments.workers},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        trials = nas.search(config, path, plugins=[UNEVEN]).trials
        with nas.Archive(path) as archive:
            sql = "SELECT min(started), max(started + seconds) FROM trials"
            ((began, ended),) = archive.query(sql)[1]
    return ended - began, sum(trial.seconds for trial in trials) / arguments.workers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--median", type=float, default=0.2)
    arguments = parser.parse_args()
    print(f"{'order':<12}{'window':>7}{'seconds':>9}{'least':>7}{'ratio':>7}{'idle':>7}")
    workers = arguments.workers
    for order, window in [
        *(("number", factor * workers) for factor in (1, 2, 4, 8)),
        ("completion", workers),
        ("completion", 2 * workers),
    ]:
        seconds, least = measure(order, window, arguments)
        idle = 1 - least / seconds
        print(
            f"{order:<12}{window:>7}{seconds:>9.1f}{least:>7.1f}{seconds / least:>7.2f}{idle:>7.0%}"
        )


if __name__ == "__main__":
    main()
