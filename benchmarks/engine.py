"""What a trial costs beside its training: our loop, raw Ray and other engines, in one run.

    python benchmarks/engine.py [--trials 50000] [--alone 10000] [--workers 2] [--repeats 1]

The evaluator does nothing. Ours is the whole loop: strategy ``random`` on the space ``mlp``, a
durable archive (synchronous = FULL), a local Ray; once with jobs that travel together, once with
each alone. The rate is from the first result in the archive to the last; the seconds until the
first one (workers start, import, build) and after the last one (Ray ends) are given apart. Raw Ray
is the least that anything on it can cost: two actors, calls that return what they were sent,
nothing kept. Ray Tune and Optuna take part if they are installed; each draws from a space of as
many decisions and does nothing. Every one runs in a process of its own; the best of the repeats
counts. The last table is ours again, over its own length: rate and memory by trial number.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOOP = Path(__file__).with_name("noop.py")
WINDOW = 1024
DECISIONS = 12
"""Of ``mlp`` with 8 hidden layers at most."""


class Clock:
    """Watches a search: when the first trial was there, how memory and trials grew."""

    def __init__(self) -> None:
        self.began = self.first = self.last = time.perf_counter()
        self.at_first = 0
        self.steps: list[tuple[int, float, float]] = []

    def started(self, study: Any, plan: Any) -> None:
        """Ray is up."""
        self.began = time.perf_counter()

    def progress(self, progress: Any) -> None:
        """Some trials more."""
        now = time.perf_counter()
        if progress.done and not self.at_first:
            self.first, self.at_first = now, progress.done
        if progress.new:
            self.last = now
        if not self.steps or progress.done >= self.steps[-1][0] + 1_000:
            self.steps.append((progress.done, now, memory()))

    def finished(self, study: Any, reason: str) -> None:
        """That was it."""
        self.end = time.perf_counter()


def memory() -> float:
    """Return the resident memory of this process in MB; NaN where /proc does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def ours(trials: int, workers: int, together: bool, executor: str = "ray") -> dict[str, Any]:
    """Run a search."""
    import nas
    from nas.executors import batches

    if not together:
        batches.MOST_JOBS = 1
    config = {
        "study": "overhead",
        "objectives": ["first"],
        "window": WINDOW,
        "space": {"name": "mlp", "max_depth": 8},
        "evaluator": "noop",
        "strategy": "random",
        "stop": {"trials": trials},
        "run": {"executor": executor, **({"workers": workers} if executor == "ray" else {})},
    }
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        nas.search(config, Path(folder) / "a.db", plugins=[NOOP], observer=clock)
    return {
        "rate": (trials - clock.at_first) / (clock.last - clock.first),
        "start": clock.first - clock.began,
        "stop": clock.end - clock.last,
        "steps": clock.steps,
    }


def raw_ray(trials: int, workers: int, together: bool) -> dict[str, Any]:
    """Send calls to actors that return what they were sent."""
    from nas.executors import ray_settings

    ray_settings.apply()
    import ray

    @ray.remote(max_restarts=0, max_task_retries=0)
    class Echo:
        def run(self, jobs: list[str]) -> list[str]:
            return jobs

    ray.init(address="local", include_dashboard=False, num_cpus=workers, log_to_driver=False)
    actors = [Echo.options(enable_task_events=False).remote() for _ in range(workers)]
    ray.get([actor.run.remote([]) for actor in actors])
    jobs = ["x" * 200] * (128 if together else 1)
    began, sent, done, refs = time.perf_counter(), 0, 0, []
    while done < trials:
        while len(refs) < 16 * workers and sent < trials:
            refs.append(actors[(sent // len(jobs)) % workers].run.remote(jobs))
            sent += len(jobs)
        ready, _ = ray.wait(refs)
        ready, refs = ray.wait(refs, num_returns=len(refs), timeout=0)
        done += sum(map(len, ray.get(ready)))
    return {"rate": done / (time.perf_counter() - began)}


def ray_tune(trials: int, workers: int) -> dict[str, Any]:
    """Let Ray Tune draw and call a function that does nothing, its actors reused."""
    from nas.executors import ray_settings

    ray_settings.apply()
    import os

    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # its files cost it more than a trial
    import ray
    from ray import tune

    class Nothing(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None: ...

        def step(self) -> dict[str, Any]:
            return {"loss": 0.5, "done": True}

        def save_checkpoint(self, folder: str) -> None: ...

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

    ray.init(address="local", include_dashboard=False, num_cpus=workers, log_to_driver=False)
    space = {f"d{i}": tune.choice(range(5)) for i in range(DECISIONS)}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            Nothing,
            param_space=space,
            tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        began = time.perf_counter()
        tuner.fit()
        return {"rate": trials / (time.perf_counter() - began)}


def optuna(trials: int, durable: bool) -> dict[str, Any]:
    """Let Optuna draw, in memory or into SQLite; without workers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def nothing(trial: Any) -> float:
        for i in range(DECISIONS):
            trial.suggest_int(f"d{i}", 0, 4)
        return 0.5

    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/o.db" if durable else None
        study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
        began = time.perf_counter()
        study.optimize(nothing, n_trials=trials)
        return {"rate": trials / (time.perf_counter() - began)}


def contestants(arguments: argparse.Namespace) -> dict[str, tuple[str, list[Any]]]:
    """Return what runs: a title, a function's name and its arguments."""
    workers = arguments.workers
    found: dict[str, tuple[str, list[Any]]] = {
        "ours, together": ("ours", [arguments.trials, workers, True]),
        "ours, each job alone": ("ours", [arguments.alone, workers, False]),
        "ours, inline, no Ray": ("ours", [arguments.trials, workers, True, "inline"]),
        "raw Ray, 128 a call": ("raw_ray", [arguments.trials, workers, True]),
        "raw Ray, one a call": ("raw_ray", [arguments.alone, workers, False]),
    }
    if importlib.util.find_spec("pyarrow"):
        found["Ray Tune, actors reused"] = ("ray_tune", [1_000, workers])
    if importlib.util.find_spec("optuna"):
        found["Optuna, in memory"] = ("optuna", [2_000, False])
        found["Optuna, SQLite"] = ("optuna", [500, True])
    return found


def measure(function: str, arguments: list[Any]) -> dict[str, Any]:
    """Run one of them in a process of its own."""
    command = [sys.executable, __file__, "--only", json.dumps([function, arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{function}: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def by_length(steps: list[list[float]]) -> None:
    """Print rate and memory over the length of a search."""
    print("\nours, together, by trial number")
    print(f"{'trials':>10} {'trials/s since':>15} {'memory, MB':>11}")
    marks = (1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 200_000)
    before = steps[0]
    for mark in marks:
        reached = next((step for step in steps if step[0] >= mark), None)
        if reached is None or reached[0] == before[0]:
            continue
        rate = (reached[0] - before[0]) / (reached[1] - before[1])
        print(f"{int(reached[0]):>10,} {rate:>15,.0f} {reached[2]:>11,.0f}")
        before = reached


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=50_000)
    parser.add_argument("--alone", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        name, values = json.loads(arguments.only)
        function: Callable[..., dict[str, Any]] = globals()[name]
        print(json.dumps(function(*values)))
        return
    found = {
        title: max(
            (measure(function, values) for _ in range(arguments.repeats)),
            key=lambda result: float(result["rate"]),
        )
        for title, (function, values) in contestants(arguments).items()
    }
    together, alone = found["ours, together"]["rate"], found["ours, each job alone"]["rate"]
    print(f"{'':<26} {'trials/s':>10} {'first after':>12} {'end after':>10} {'ours is':>24}")
    for title, result in found.items():
        start, stop = (f"{result[k]:.2f} s" if k in result else "" for k in ("start", "stop"))
        ratio = f"{together / result['rate']:,.2f} x, alone {alone / result['rate']:,.2f} x"
        print(f"{title:<26} {result['rate']:>10,.0f} {start:>12} {stop:>10} {ratio:>24}")
    by_length(found["ours, together"]["steps"])


if __name__ == "__main__":
    main()
