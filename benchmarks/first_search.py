"""Does the README's search beat random search at equal trials? Several seeds, printed as a table.

    python benchmarks/first_search.py [--seeds 10] [--trials 60] [--only digits.toml ...]

Each row is the search of examples/digits.toml with another way to choose candidates: as it is, by
the best score alone, with the parameter count as the proxy, without filter, and random search. All
train the same number of networks for the same number of epochs. Reported: the lowest validation
error, the test error of that network (never seen by the search), the hypervolume of the front of
error and parameters up to 5 % and 100,000 (in percent of that rectangle), and the wall time,
scoring included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import nas
from nas.config import Config
from nas.pareto import hypervolume

EXAMPLE = Path(__file__).parents[1] / "examples" / "digits.toml"

WAYS: dict[str, dict[str, Any]] = {
    "digits.toml": {},
    "filter by score": {"filter": {"proxy": "gradsign", "candidates": 10}},
    "filter: params": {"filter": {"proxy": "params", "candidates": 10}},
    "without filter": {"filter": None},
    "random": {"strategy": {"name": "random"}, "filter": None},
}


def main() -> None:
    """Run all ways with all seeds and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=list(WAYS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {
            way: [
                measure(way, seed, arguments.trials, Path(folder))
                for seed in range(arguments.seeds)
            ]
            for way in dict.fromkeys([*arguments.only, "random"])
        }
    print_table(found)


def measure(way: str, seed: int, trials: int, folder: Path) -> dict[str, float]:
    """Run one search and return what came of it."""
    values = {**Config.load(EXAMPLE).to_dict(), **WAYS[way]}
    values |= {"study": f"{way} {seed}", "seed": seed, "stop": {"trials": trials}}
    began = time.perf_counter()
    result = nas.search({k: v for k, v in values.items() if v is not None}, folder / "a.db")
    seconds = time.perf_counter() - began
    best = min(result.front, key=lambda t: t.metrics["error"])
    points = [(t.metrics["error"] / 0.05, t.metrics["params"] / 1e5) for t in result.front]
    return {
        "error": 100 * best.metrics["error"],
        "test": 100 * test_error(folder / "a.db", best.id),
        "hv": 100 * hypervolume(points, (1.0, 1.0)),
        "seconds": seconds,
    }


def test_error(path: Path, trial_id: int) -> float:
    """Return the error of an archived network on the test split."""
    import torch

    split = nas.dataset("digits").test_split()
    with nas.Archive(path) as archive, torch.no_grad():
        outputs = archive.load_model(trial_id)(torch.from_numpy(split.inputs.copy()))
    return float((outputs.argmax(1).numpy() != split.targets).mean())


def print_table(found: dict[str, list[dict[str, float]]]) -> None:
    """Print means, standard deviations and the paired difference to random search."""
    print(f"{'':20} {'val. error %':>15} {'test error %':>15} {'hypervolume':>17} {'s':>6}")
    for way, runs in found.items():
        cells = [spread([r[key] for r in runs], digits) for key, digits in COLUMNS.items()]
        seconds = statistics.mean(r["seconds"] for r in runs)
        print(f"{way:20} {cells[0]:>15} {cells[1]:>15} {cells[2]:>17} {seconds:6.0f}")
    print(
        "\nPaired difference to random search: mean [95 % interval over seeds], in percent points"
    )
    for way, runs in found.items():
        if way != "random":
            gaps = {key: paired(runs, found["random"], key) for key in COLUMNS}
            print(
                f"{way:20} validation error {gaps['error']}, test error {gaps['test']}, "
                f"hypervolume {gaps['hv']}"
            )


def paired(runs: list[dict[str, float]], others: list[dict[str, float]], key: str) -> str:
    """Return the mean difference, seed by seed, with its interval."""
    return interval([a[key] - b[key] for a, b in zip(runs, others, strict=True)])


COLUMNS = {"error": 2, "test": 2, "hv": 1}


def spread(values: list[float], digits: int) -> str:
    """Return mean and standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def interval(values: list[float]) -> str:
    """Return the mean and its 95 % interval (Student's t)."""
    from scipy.stats import t

    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:+.2f}"
    half = t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"


if __name__ == "__main__":
    main()
