"""Search with a filter by proxy against the same search without, on NAS-Bench-201's table.

    python benchmarks/assisted.py --table nb201_cifar10.csv.gz --archive cells.db [--seeds 100]

Each trial is a look into the table, so a search takes a moment; strategies, proposals and filters
are those of every search. A network's scores come from an archive that ``nas score`` has filled
(``nas score cells.txt --space nas201 --set cells=5 --set channels=16 --data cifar10.npz --archive
cells.db --proxy gradsign --proxy naswot``); isomorphic cells share one score. Trials are chosen by
validation accuracy and judged by test accuracy. Differences to the plain search of the same seed
are given with a 95 % bootstrap interval over seeds: above 0, the filter is worth its scores.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import nas
from nas.archive.record import Score
from nas.engine.proposer import Choice, Proposer
from nas.engine.scoring import Verdict

MARKS = (25, 50, 100, 200)
STRATEGIES = {"random": {}, "regularized_evolution": {"population": 30, "sample": 10}}
GOALS = (nas.Goal("error"),)

Row = Mapping[str, str]


class Table:
    """What is known of every cell.

    Args:
        path: of the CSV file: ``arch_str``, ``cifar10_valid``, ``cifar10_test``, ``params_m``,
            ``flops_m``.
        archive: with scores.
    """

    def __init__(self, path: str, archive: str) -> None:
        self.space = nas.space("nas201", cells=5, channels=16)
        opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)  # noqa: SIM115
        with opened as file:
            rows = {self.space.parse(row["arch_str"]): row for row in csv.DictReader(file)}
        self.valid = {a: float(row["cifar10_valid"]) for a, row in rows.items()}
        self.test = {a: float(row["cifar10_test"]) for a, row in rows.items()}
        self.scores = {
            "params": {a: float(row["params_m"]) for a, row in rows.items()},
            "flops": {a: float(row["flops_m"]) for a, row in rows.items()},
        }
        by_class = self._archived(archive)
        ids = {a: self.space.canonical_id(a) for a in rows}
        for proxy, of_class in by_class.items():
            if all(canonical_id in of_class for canonical_id in ids.values()):
                self.scores[proxy] = {a: of_class[ids[a]] for a in rows}
        ranked = [name for name in self.scores if name not in ("params", "flops")]
        if len(ranked) > 1:
            cells = list(rows)
            columns = [[self.scores[name][a] for a in cells] for name in ranked]
            together = nas.Aggregate(ranked).combine(columns)
            self.scores[f"log_rank({', '.join(ranked)})"] = dict(
                zip(cells, together.tolist(), strict=True)
            )

    def _archived(self, archive: str) -> dict[str, dict[str, float]]:
        sql = """SELECT proxy, canonical_id, coalesce(value, -1e300) FROM proxy_scores
            JOIN scorings ON scorings.id = scoring JOIN architectures a ON a.id = architecture"""
        found: dict[str, dict[str, float]] = {}
        with nas.Archive(archive) as opened:
            for proxy, canonical_id, value in opened.query(sql)[1]:
                found.setdefault(proxy.partition(":")[2], {})[canonical_id] = value
        return found


class LookUp:
    """A scorer that looks scores up."""

    def __init__(self, scores: Mapping[nas.Architecture, float]) -> None:
        self._scores = scores

    def ready(self) -> bool:
        """It knows all from the beginning."""
        return True

    def tell(self, trial: nas.Trial) -> None:
        """It learns nothing."""

    def score(self, candidates: Sequence[nas.Architecture]) -> list[Verdict]:
        """Look each candidate up."""
        values = [self._scores[a] for a in candidates]
        return [
            Verdict(value, (Score("table", a, "", value),))
            for a, value in zip(candidates, values, strict=True)
        ]


def search(table: Table, strategy: str, seed: int, choice: Choice | None) -> list[float]:
    """Return the test accuracy of what was chosen by validation, at each mark."""
    built = nas.strategy(strategy, **STRATEGIES[strategy])
    built.start(nas.Problem(table.space, GOALS, seed))
    proposer = Proposer(table.space, built, GOALS, {}, seed, choice)
    best, chosen, found = -1.0, 0.0, []
    for number in range(max(MARKS)):
        candidate = proposer.propose(number)
        assert candidate is not None
        architecture = candidate.proposal.architecture
        if table.valid[architecture] > best:
            best, chosen = table.valid[architecture], table.test[architecture]
        error = 1 - table.valid[architecture] / 100
        built.tell(
            nas.Trial(
                number,
                architecture,
                nas.Status.COMPLETE,
                (error,),
                metrics={"error": error},
                parents=candidate.proposal.parents,
            )
        )
        if number + 1 in MARKS:
            found.append(chosen)
    return found


def compare(table: Table, strategy: str, options: argparse.Namespace) -> None:
    """Print one strategy with each filter."""

    def over_seeds(choice: Callable[[], Choice | None]) -> NDArray[np.float64]:
        return np.array([search(table, strategy, s, choice()) for s in range(options.seeds)])

    plain = over_seeds(lambda: None)
    print(f"\n{strategy}, mean test accuracy after {MARKS} trials, {options.seeds} seeds")
    print(f"{'plain':45} " + "  ".join(f"{value:22.2f}" for value in plain.mean(0)))
    for name, scores in table.scores.items():
        for share in options.random:
            choice = Choice(LookUp(scores), options.candidates, random=share)
            found = over_seeds(lambda choice=choice: choice)
            cells = [_cell(found[:, i], plain[:, i]) for i in range(len(MARKS))]
            print(f"{f'{name}, {share:.0%} random':45} " + "  ".join(cells))


def _cell(found: NDArray[np.float64], plain: NDArray[np.float64]) -> str:
    difference, source = found - plain, np.random.default_rng(0)
    means = [source.choice(difference, len(difference)).mean() for _ in range(2_000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{found.mean():.2f} ({low:+.2f} .. {high:+.2f})"


def main() -> None:
    """Compare, for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--random", type=float, nargs="+", default=[0.0, 0.1])
    options = parser.parse_args()
    table = Table(options.table, options.archive)
    for strategy in STRATEGIES:
        compare(table, strategy, options)


if __name__ == "__main__":
    main()
