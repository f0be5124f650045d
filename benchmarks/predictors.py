"""How well every predictor ranks networks that it has not seen, with every encoding.

    python benchmarks/predictors.py --table nb201_cifar10.csv.gz [--metric cifar10_valid] \\
        [--samples 50 100 200] [--seeds 10] [--predictor gbdt ...] [--encoding counts ...] \\
        [--target log]

Learns from so many random networks of NAS-Bench-201 and predicts 1,000 others. The table has
columns ``arch_str``, ``unique_str`` (networks that share one are isomorphic) and the metric. Each
isomorphism class is drawn once, in one of its spellings, so none is in both parts. Prints the mean
over seeds of Spearman's and Kendall's rank correlation, of the share of values that lie within 1.96
standard deviations (0.95 would be right), and of the seconds that learning took, as Markdown.
"""

from __future__ import annotations

import argparse
import copy
import csv
import gzip
import random
import time
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import kendalltau, spearmanr

import nas
from nas_predictors.encodings import ENCODINGS

PREDICTORS = ("gbdt", "gp", "gp_wl", "mlp_ensemble", "random_forest", "ridge")
OWN = ("gp_wl",)
"""Those whose encoding is no choice."""
TESTED = 1_000
NORMAL = 1.96


class Table:
    """Networks by isomorphism class.

    Args:
        path: of the CSV file, compressed or not.
        metric: a column.
    """

    def __init__(self, path: str, metric: str) -> None:
        opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)  # noqa: SIM115
        with opened as file:
            rows = list(csv.DictReader(file))
        self.space, self._metric = nas.space("nas201"), metric
        self._classes: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            self._classes.setdefault(row["unique_str"], []).append(row)

    def draw(self, seed: int, count: int) -> tuple[list[nas.Architecture], np.ndarray]:
        """Return so many architectures of different classes, and their metric."""
        draws = random.Random(seed)
        rows = [draws.choice(c) for c in draws.sample(list(self._classes.values()), count)]
        values = np.array([float(row[self._metric]) for row in rows])
        return [self.space.parse(row["arch_str"]) for row in rows], values


def trial(
    pristine: nas.Predictor, table: Table, seed: int, samples: int
) -> tuple[float, float, float, float]:
    """Return Spearman, Kendall, coverage and seconds of one split."""
    architectures, values = table.draw(seed, samples + TESTED)
    predictor = copy.deepcopy(pristine)  # copies share what they know of encodings
    began = time.perf_counter()
    predictor.fit(table.space, architectures[:samples], values[:samples].tolist())
    seconds = time.perf_counter() - began
    mean, std = predictor.predict(architectures[samples:])
    truth = values[samples:]
    inside = np.mean(np.abs(mean - truth) <= NORMAL * std)
    spearman, kendall = spearmanr(mean, truth).statistic, kendalltau(mean, truth).statistic
    return float(spearman), float(kendall), float(inside), seconds


def combinations(
    predictors: Sequence[str], encodings: Sequence[str], target: Mapping[str, str]
) -> list[tuple[str, str, nas.Predictor]]:
    """Return name, encoding and what is built of them."""
    found = []
    for name in predictors:
        if name in OWN:
            found.append((name, "its own", nas.predictor(name, **target)))
        else:
            found += [(name, e, nas.predictor(name, encoding=e, **target)) for e in encodings]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", required=True)
    parser.add_argument("--metric", default="cifar10_valid")
    parser.add_argument("--samples", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--predictor", nargs="+", default=PREDICTORS)
    parser.add_argument("--encoding", nargs="+", default=tuple(ENCODINGS))
    parser.add_argument("--target", help="by default, each predictor's own")
    options = parser.parse_args()
    target = {"target": options.target} if options.target else {}
    table = Table(options.table, options.metric)
    heads = [f"{what} {n}" for n in options.samples for what in ("rho", "tau")]
    last = options.samples[-1]
    print("| predictor | encoding |", " | ".join(heads), f"| covered {last} | seconds {last} |")
    print("|---|---|" + "---:|" * (len(heads) + 2))
    for name, encoding, pristine in combinations(options.predictor, options.encoding, target):
        found = [
            np.mean([trial(pristine, table, s, n) for s in range(options.seeds)], axis=0)
            for n in options.samples
        ]
        cells = [f"{value:.3f}" for mean in found for value in mean[:2]]
        cells += [f"{found[-1][2]:.2f}", f"{found[-1][3]:.2f}"]
        print(f"| `{name}` | `{encoding}` |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
