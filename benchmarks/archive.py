"""What a large archive costs to ask and to add to, beside Optuna and plain SQL on the same trials.

    python benchmarks/archive.py [--sizes 1000 100000 1000000] [--folder DIR] [--hard]
                                 [--readers 8] [--search 20000] [--rounds 3]
                                 [--only ask rivals readers] [--cpu]

Trials have three objectives and a decision of six; they are written through the archive's own
writer in batches of 1,000 and kept in the folder for the next run. Objectives are uniform in a
cube, with a front of a hundred or so; with ``--hard`` they crowd along a sphere, with a front of
thousands.

* ask: ``nas front`` as a whole process (best of five, beside a Python that does nothing), the front
  from Python, other questions, and what it costs to add a trial, alone and in batches of 32.
* rivals: the front of the second size again: computed on demand, by SQL alone, by Optuna's
  ``best_trials`` (in memory; its SQLite storage takes hours to fill), and by the rule of
  optuna-dashboard's Pareto endpoint, written out here: every trial is compared with every other
  until one dominates it. What takes too long is measured on fewer trials and scaled by the square.
* readers: a search that trains nothing writes, alone, beside processes that ask for front, trials
  and state without a pause, beside as many that read another archive (they take the same processor
  time and cannot disturb); and the same with ten questions a second. Processor time of the search
  tells what others that share the processors cannot take from it.

With ``--cpu``, what is asked and added is told in processor time, that of child processes included:
for a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nas
from nas import Architecture, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study

NOOP = Path(__file__).with_name("noop.py")
GOALS = (Goal("error"), Goal("params", unit="parameters"), Goal("latency", unit="ms"))
SPACE = ComponentRecord("space", "benchmark:six", {}, "benchmark", "1")
OPERATIONS = ("none", "skip", "conv1", "conv3", "pool")
BATCH = 1_000
CLOCK: Callable[[], float] = time.perf_counter
QUADRATIC = 4_000
"""Trials on which quadratic rules are measured."""


def points(trials: int, *, hard: bool) -> NDArray[np.float64]:
    """Return ``(trials, 3)`` values of the objectives."""
    source = np.random.default_rng(0)
    if not hard:
        return source.random((trials, 3))
    directions = np.abs(source.normal(size=(trials, 3)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(1.2 - directions / (1 + source.exponential(size=(trials, 1))))


def record(number: int, values: Sequence[float]) -> Record:
    """Return what a search would hand to the archive."""
    metrics = {goal.metric: float(v) for goal, v in zip(GOALS, values, strict=True)}
    names = {f"edge_{i}": OPERATIONS[number // 5**i % 5] for i in range(6)}
    architecture = Architecture({**names, "n": number})
    trial = Trial(
        number,
        architecture,
        Status.COMPLETE,
        losses(GOALS, metrics),
        metrics=metrics,
        seed=number,
        budget=12,
        seconds=1.0,
    )
    return Record(trial, f"{number * 2654435761 % 2**64:020x}", f"|{number}|", worker="box pid 1")


def build(folder: Path, trials: int, *, hard: bool) -> Path:
    """Return an archive of so many trials, which is written unless it is there."""
    path = folder / f"{'hard' if hard else 'cube'}-{trials}.db"
    done = folder / f"{path.name}.done"
    if done.exists():
        return path
    began = time.perf_counter()
    with Writer.open(path, durable=False) as writer:
        study = writer.study(Study("s", "", GOALS, {}, 0, 1), [SPACE])
        values = points(trials, hard=hard)
        for start in range(0, trials, BATCH):
            some = values[start : start + BATCH].tolist()
            writer.record(study, [record(start + i, v) for i, v in enumerate(some)])
        writer.close_session(study, "finished", "built")
    done.touch()
    print(f"  built {path.name}: {trials / (time.perf_counter() - began):,.0f} trials/s")
    return path


def best(call: Callable[[], object], repeats: int = 5) -> float:
    """Return the seconds of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        began = CLOCK()
        call()
        times.append(CLOCK() - began)
    return min(times)


def processor() -> float:
    """Return the seconds of processor time of this process and of children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def process(*words: str) -> Callable[[], object]:
    """Return what runs a Python of its own."""
    return lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


def ask(path: Path) -> dict[str, float]:
    """Return the milliseconds of questions."""
    found = {
        "`nas front`, whole process": best(process("-m", "nas", "front", str(path))),
        "`nas front --json`": best(process("-m", "nas", "front", str(path), "--json")),
        "`nas trials --limit 20`": best(process("-m", "nas", "trials", str(path), "--limit", "20")),
        "opening the file": best(lambda: nas.Archive(path).close()),
    }
    with nas.Archive(path) as archive:
        found["`archive.front()`"] = best(archive.front)
        found["`archive.state()`"] = best(archive.state)
        ids = "SELECT trial FROM front WHERE study = 1"
        found["the front's ids, by SQL"] = best(lambda: list(archive.query(ids)[1]))
        shown = "SELECT id, error, params, latency FROM pareto_front"
        found["`pareto_front`, four columns by SQL"] = best(lambda: list(archive.query(shown)[1]))
        found["`archive.trials(where=...)`"] = best(
            lambda: archive.trials(where="error < 0.01", order_by="latency", limit=20), 2
        )
        two = ["error", "latency"]
        found["`archive.front(objectives=2 of 3)`"] = best(lambda: archive.front(objectives=two), 2)
        size = len(archive.front())
    milliseconds = {name: 1e3 * seconds for name, seconds in found.items()}
    return {**milliseconds, "(how many trials are on the front)": float(size)}


def add(path: Path, trials: int) -> dict[str, float]:
    """Return the microseconds that a further trial takes, on a copy of the archive."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        values = points(trials, hard="hard" in path.name)[:1_000]
        rest = (values + np.random.default_rng(1).random(values.shape) * 0.05).tolist()
        with Writer.open(copy, durable=False) as writer:
            study = writer.study(Study("s", "", GOALS, {}, 0, 1), [SPACE])
            writer.record(study, [record(trials, rest[-1])])  # reads the front
            alone = [
                best(lambda i=i: writer.record(study, [record(trials + 1 + i, rest[i])]), 1)
                for i in range(300)
            ]
            start, together = trials + 301, []
            for at in range(0, 640, 32):
                some = [record(start + at + i, rest[at + i]) for i in range(32)]
                together.append(best(lambda some=some: writer.record(study, some), 1) / 32)
    return {
        "a trial more, alone": 1e6 * statistics.median(alone),
        "a trial more, of 32": 1e6 * statistics.median(together),
    }


ANTI_JOIN = """SELECT count(*) FROM points AS a WHERE NOT EXISTS (SELECT 1 FROM points AS b
WHERE b.x <= a.x AND b.y <= a.y AND b.z <= a.z AND (b.x < a.x OR b.y < a.y OR b.z < a.z))"""


def anti_join(values: NDArray[np.float64]) -> int:
    """Return the size of the front, by SQL."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE points (x REAL, y REAL, z REAL)")
    connection.executemany("INSERT INTO points VALUES (?, ?, ?)", values.tolist())
    return int(connection.execute(ANTI_JOIN).fetchone()[0])


def dashboard(values: NDArray[np.float64]) -> int:
    """Return the size of the front by comparing every trial with every other."""
    rows = [tuple(row) for row in values.tolist()]

    def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    return sum(not any(dominates(other, row) for other in rows) for row in rows)


def rivals(path: Path, trials: int, *, hard: bool) -> dict[str, float]:
    """Return the milliseconds that others need for the same front."""
    values = points(trials, hard=hard)
    few = values[: min(QUADRATIC, trials)]
    scale = (trials / len(few)) ** 2
    with nas.Archive(path) as archive:
        size = len(archive.front())
        found = {
            "stored: `archive.front()`": best(archive.front),
            "computed on demand": best(lambda: archive.front(where="1"), 2),
        }
    for name, rule in (("SQL, NOT EXISTS", anti_join), ("every pair, in Python", dashboard)):
        found[f"{name} (from {len(few):,} trials, x {scale:,.0f})"] = (
            best(lambda rule=rule: rule(few), 1) * scale
        )
    if importlib.util.find_spec("optuna"):
        study, took = optuna_study(values)
        found["Optuna `best_trials`, in memory"] = best(lambda: study.best_trials, 2)
        assert len(study.best_trials) == size
        print(f"  Optuna took its {trials:,} trials at {trials / took:,.0f} a second")
    return {name: 1e3 * seconds for name, seconds in found.items()}


def optuna_study(values: NDArray[np.float64]) -> tuple[Any, float]:
    """Return a study of Optuna with these trials, and the seconds that it took to fill."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["minimize"] * 3)
    choices = optuna.distributions.CategoricalDistribution(OPERATIONS)
    names = {f"edge_{i}": choices for i in range(6)}
    began = time.perf_counter()
    for start in range(0, len(values), BATCH):
        study.add_trials(
            [
                optuna.trial.create_trial(
                    values=row,
                    params={
                        name: OPERATIONS[(start + n) // 5**i % 5] for i, name in enumerate(names)
                    },
                    distributions=names,
                )
                for n, row in enumerate(values[start : start + BATCH].tolist())
            ]
        )
    return study, time.perf_counter() - began


READER = """
import signal, sys, time, nas
path, pause = sys.argv[1], float(sys.argv[2])
asked = failed = 0
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append("stop"))
print("ready", flush=True)
while not told:
    try:
        with nas.Archive(path) as archive:
            archive.front(), archive.trials(limit=20), archive.state()
            list(archive.query("SELECT * FROM pareto_front")[1])
        asked += 1
    except nas.ArchiveError as error:
        if "has no study yet" not in str(error):
            failed += 1
            print(error, file=sys.stderr)
    time.sleep(pause)
print(asked, failed)
"""


def search(path: Path, trials: int) -> tuple[float, float]:
    """Run a search that trains nothing; return trials a second, and processor time of a trial."""
    config = {
        "study": "written",
        "objectives": ["first"],
        "window": 64,
        "space": {"name": "mlp", "max_depth": 8},
        "evaluator": "noop",
        "strategy": "random",
        "stop": {"trials": trials},
        "run": {"executor": "inline"},
    }
    began, worked = time.perf_counter(), time.process_time()
    nas.search(config, path, plugins=[NOOP])
    return trials / (time.perf_counter() - began), (time.process_time() - worked) / trials


def beside(
    trials: int, readers: int, pause: float, *, elsewhere: bool
) -> tuple[float, float, int, int]:
    """Return what a search beside readers tells, and how often these asked and failed."""
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "a.db", Path(folder) / "b.db"
        Writer.open(path).close()
        if elsewhere:
            search(other, trials)
        read = other if elsewhere else path
        started = [
            subprocess.Popen(
                [sys.executable, "-c", READER, str(read), str(pause)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(readers)
        ]
        for one in started:
            assert one.stdout is not None
            one.stdout.readline()
        rate, worked = search(path, trials)
        asked = failed = 0
        for one in started:
            one.terminate()
            said = one.communicate()[0].split()
            asked, failed = asked + int(said[0]), failed + int(said[1])
    return rate, worked, asked, failed


def hammer(trials: int, readers: int, repeats: int) -> None:
    """Print what readers do to a search: the best of some rounds, for others disturb it too."""
    ways = {
        "nobody": (0, 0.0, False),
        f"{readers} readers, ten times a second": (readers, 0.1, False),
        f"{readers} readers of another archive, ten times a second": (readers, 0.1, True),
        f"{readers} readers without a pause": (readers, 0.0, False),
        f"{readers} readers of another archive, without a pause": (readers, 0.0, True),
    }
    rounds: dict[str, list[tuple[float, float, int, int]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (many, pause, elsewhere) in ways.items():
            rounds[name].append(beside(trials, many, pause, elsewhere=elsewhere))
    print(f"\nbeside a search of {trials:,} trials, best of {repeats} rounds\n")
    print("| | trials/s | slower | processor µs a trial | asked | lock errors |")
    print("|---|---:|---:|---:|---:|---:|")
    alone = max(rate for rate, *_ in rounds["nobody"])
    for name, found in rounds.items():
        rate, worked = max(r for r, *_ in found), 1e6 * min(w for _, w, *_ in found)
        asked, failed = sum(a for *_, a, _ in found), sum(f for *_, f in found)
        shown = f"| {name} | {rate:,.0f} | {1 - rate / alone:.0%} | {worked:.0f} |"
        print(f"{shown} {asked:,} | {failed} |", flush=True)


def compare_sizes(sizes: Sequence[int], folder: Path, *, hard: bool) -> None:
    """Print what the same questions cost in small and large archives."""
    rows: dict[str, list[float]] = {}
    for size in sizes:
        path = build(folder, size, hard=hard)
        for name, value in {**ask(path), **add(path, size)}.items():
            rows.setdefault(name, []).append(value)
    baseline = 1e3 * best(process("-c", "pass"))
    clock = "processor time" if CLOCK is processor else "wall time"
    print(f"\n{clock}; a Python that does nothing: {baseline:.0f} ms")
    print("a trial more in µs, the rest in ms\n")
    head = " | ".join(f"{size:,}" for size in sizes)
    print(f"| | {head} | last / first |\n|---|{'---:|' * (len(sizes) + 1)}")
    for name, values in rows.items():
        shown = " | ".join(f"{value:,.4g}" for value in values)
        print(f"| {name} | {shown} | {values[-1] / values[0]:.2f} |", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nas-archives")
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--search", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--only", nargs="+", default=["ask", "rivals", "readers"])
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    if given.cpu:
        global CLOCK
        CLOCK = processor
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    if "ask" in given.only:
        compare_sizes(given.sizes, given.folder, hard=given.hard)
    if "rivals" in given.only:
        size = given.sizes[min(1, len(given.sizes) - 1)]
        path = build(given.folder, size, hard=given.hard)
        times = rivals(path, size, hard=given.hard)
        first = next(iter(times.values()))
        print(f"\n| front of {size:,} trials | ms | stored is |\n|---|---:|---:|")
        for name, value in times.items():
            print(f"| {name} | {value:,.4g} | {value / first:,.1f} x |")
    if "readers" in given.only:
        hammer(given.search, given.readers, given.rounds)
    print(f"\nload {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
