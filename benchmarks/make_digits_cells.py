"""Make the table `digits-cells`: small NAS-Bench-201 cells, really trained, by our own evaluator.

    python benchmarks/make_digits_cells.py train raw.jsonl [--share 1/2] [--cells 1111]
    python benchmarks/make_digits_cells.py pack raw.jsonl ... [--out TABLE.csv.gz]
    python benchmarks/make_digits_cells.py check [--cells 5]
    python benchmarks/make_digits_cells.py facts

`train` may be stopped and started again: it goes on where it was. With `--share 1/2` and `2/2`, two
processes share the work, each with a file of its own; `pack` takes any number of files. `check`
trains some cells again and says how far they are from the table: not at all on the same kind of
CPU with the same torch. `facts` prints what docs/tables.md says of the table.

Every isomorphism class of cells without pooling is trained once for each seed, in the form that has
the fewest parameters; the table has a row for every cell of the class.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nas
from nas.seeds import derive
from nas_evaluators.tables import NAMED

NAME = "digits-cells"
TABLE = NAMED[NAME]
SEEDS = (0, 1)
SPLIT = 0
VALIDATION = 0.75
RECIPE = {"epochs": 5, "batch_size": 60, "lr": 1e-2, "gpus": 0}
POOL = "avg_pool_3x3"
DECIMALS = {"error": 5, "loss": 4, "train_loss": 4, "seconds": 4, "test_error": 5}
"""A validation error is a multiple of 1/1079, a test error of 1/359, a mean of two of half that."""
CURVES = ("error", "loss", "train_loss", "seconds")
LAST = ("error", "loss", "test_error")
"""What the table has of each seed by itself, after the last epoch."""
SIZES = ("params", "flops")
DRAWS = 10_000
"""Of a random search."""

Record = Mapping[str, Any]


def space() -> nas.Space:
    """Return the space that the networks are from."""
    parameters = {key: value for key, value in TABLE.space.items() if key != "name"}
    return nas.space(TABLE.space["name"], **parameters)


class Trainer:
    """Trains one cell after the other, always on the same samples."""

    def __init__(self) -> None:
        digits = nas.dataset("digits", validation=VALIDATION)
        self._space = space()
        self._data, self._test = digits.for_search(SPLIT), digits.test_split()
        self._evaluator = nas.evaluator("train", **RECIPE)

    def train(self, text: str, seed: int) -> Record:
        """Return the learning curve of one training, and the test error at its end.

        ``seconds`` are the process's CPU seconds since the start, validation included: on a
        machine that others use too, the wall clock would tell of them.
        """
        import torch

        curve: list[dict[str, float]] = []

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            curve.append({**metrics, "seconds": time.process_time() - began})

        began = time.process_time()
        architecture = self._space.parse(text)
        task = nas.Task(self._space, architecture, self._data, None, derive(seed, NAME, text))
        network = self._evaluator.evaluate(task, report).network
        assert network is not None
        with torch.no_grad():
            predicted = network(torch.tensor(self._test.inputs)).argmax(1).numpy()
        wrong = float((predicted != self._test.targets).mean())
        return {
            "arch": text,
            "seed": seed,
            "test_error": wrong,
            **{name: [point[name] for point in curve] for name in CURVES},
        }


def cells(where: nas.Space) -> Iterator[nas.Architecture]:
    """Yield the cells of the table, in the order of the space."""
    return (a for a in where.architectures() if POOL not in a.values())


def classes(where: nas.Space) -> list[str]:
    """Return the smallest cell of each isomorphism class, in a random order."""
    members: dict[str, list[str]] = {}
    for cell in cells(where):
        members.setdefault(where.canonical_id(cell), []).append(where.format(cell))
    chosen = [min(alike, key=weights) for alike in members.values()]
    random.Random(0).shuffle(chosen)
    return chosen


def weights(text: str) -> int:
    """Return what a cell's parameters grow with: the area of its kernels."""
    return 9 * text.count("nor_conv_3x3") + text.count("nor_conv_1x1")


def train(path: Path, share: str, count: int | None) -> None:
    """Append what is not there yet, a line a training."""
    part, parts = map(int, share.split("/"))
    todo = [(text, seed) for text in classes(space())[:count] for seed in SEEDS][part - 1 :: parts]
    path.touch()
    records = list(read([path]))
    done = {(record["arch"], record["seed"]) for record in records}
    # without the last line if a kill has cut it off
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    trainer = Trainer()
    trainer.train(*todo[0])  # the first one in a process is slow, which its seconds would tell
    with path.open("a", encoding="utf-8") as file:
        for text, seed in todo:
            if (text, seed) not in done:
                file.write(json.dumps(trainer.train(text, seed)) + "\n")
                file.flush()


def read(paths: Iterable[Path]) -> Iterator[Record]:
    """Yield the trainings of some files. A last line that a kill has cut off is left out."""
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def pack(paths: Sequence[Path], out: Path) -> None:
    """Write the table: a row for each cell whose class has been trained with all seeds."""
    trained: dict[str, dict[int, Record]] = {}
    for record in read(paths):
        trained.setdefault(record["arch"], {})[record["seed"]] = record
    where = space()
    full = {
        where.canonical_id(where.parse(text)): {"trained": text, **columns([of[s] for s in SEEDS])}
        for text, of in trained.items()
        if set(SEEDS) <= set(of)
    }
    rows: list[dict[str, object]] = []
    for cell in cells(where):
        found = full.get(where.canonical_id(cell))
        if found is not None:
            sizes = {name: int(nas.objective(name).estimate(where, cell)) for name in SIZES}
            rows.append({"arch": where.format(cell), **found, **sizes})
    rows.sort(key=lambda row: (row["trained"], row["arch"]))
    write(out, rows)
    print(f"{len(rows)} cells of {len(full)} classes, {out.stat().st_size} bytes: {out}")


def columns(records: Sequence[Record]) -> dict[str, str]:
    """Return means over the seeds after every epoch, and each seed's last values."""
    found: dict[str, str] = {}
    epochs = len(records[0]["error"])
    for name in CURVES:
        for epoch in range(epochs):
            mean = np.mean([record[name][epoch] for record in records])
            found[f"{name}@{epoch + 1}"] = spelt(name, mean)
    found[f"test_error@{epochs}"] = spelt(
        "test_error", np.mean([record["test_error"] for record in records])
    )
    for name in LAST:
        for record in records:
            last = record[name] if name == "test_error" else record[name][-1]
            found[f"{name}_seed{record['seed']}@{epochs}"] = spelt(name, last)
    return found


def spelt(name: str, value: float) -> str:
    """Return a number as the table has it."""
    return f"{value:.{DECIMALS[name]}f}"


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a compressed CSV that depends on nothing but the rows."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def table() -> list[dict[str, str]]:
    """Return the rows of the table that is packaged."""
    with gzip.open(TABLE.path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check(cells: int) -> float:
    """Train some cells again, spread over the table; return the largest difference of a metric."""
    rows = [row for row in table() if row["arch"] == row["trained"]]
    trainer, worst = Trainer(), 0.0
    for row in rows[:: max(1, len(rows) // cells)][:cells]:
        found = columns([trainer.train(row["trained"], seed) for seed in SEEDS])
        timeless = [name for name in found if not name.startswith("seconds")]
        apart = {name: abs(float(found[name]) - float(row[name])) for name in timeless}
        name = max(apart, key=lambda key: apart[key])
        worst = max(worst, apart[name])
        same = "all metrics the same" if not apart[name] else f"{name} differs by {apart[name]:g}"
        print(f"{row['trained']}: {same}", flush=True)
    return worst


def facts() -> None:
    """Print what is to be known of the table, a line a class of cells."""
    from scipy.stats import spearmanr

    rows = [row for row in table() if row["arch"] == row["trained"]]
    value = {name: np.array([float(row[name]) for row in rows]) for name in list(rows[0])[2:]}
    last = max(int(name.partition("@")[2]) for name in value if "@" in name)
    error, test = value[f"error@{last}"], value[f"test_error@{last}"]
    print(f"{len(table())} cells, {len(rows)} classes, {last} epochs")
    print("quantile of classes         0 %   10 %   25 %   50 %   75 %   90 %  100 %")
    for name in (f"error@{last}", f"test_error@{last}"):
        at = np.quantile(value[name], [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])
        print(f"{name:22}" + "".join(f"{q:7.3f}" for q in at))

    def rho(a: str, b: str) -> None:
        print(f"Spearman {a:22} {b:18} {spearmanr(value[a], value[b])[0]:+.3f}")

    for name in LAST:
        rho(f"{name}_seed0@{last}", f"{name}_seed1@{last}")
    for epoch in range(1, last):
        rho(f"error@{epoch}", f"error@{last}")
    for name in (f"test_error@{last}", f"loss@{last}", *SIZES, f"seconds@{last}"):
        rho(name, f"error@{last}")
    rho("flops", f"seconds@{last}")
    best = int(np.lexsort((value[f"loss@{last}"], error))[0])
    print(f"best by validation {error[best]:.5f}, test {test[best]:.5f}: {rows[best]['arch']}")
    print(f"best by test       {test.min():.5f}: {rows[int(test.argmin())]['arch']}")
    print(f"CPU seconds of all trainings: {len(SEEDS) * value[f'seconds@{last}'].sum():.0f}")
    rng = np.random.default_rng(0)
    for n in (1, 10, 20, 50, 100, 200):
        drawn = [rng.choice(len(rows), n, replace=False) for _ in range(DRAWS)]
        chosen = [draw[error[draw].argmin()] for draw in drawn]
        print(
            f"random search, best of {n:3} classes by validation: error {error[chosen].mean():.4f} "
            f"(sd {error[chosen].std():.4f}), test {test[chosen].mean():.4f}"
        )


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    training = actions.add_parser("train")
    training.add_argument("raw", type=Path)
    training.add_argument("--share", default="1/1")
    training.add_argument("--cells", type=int)
    packing = actions.add_parser("pack")
    packing.add_argument("raw", type=Path, nargs="+")
    packing.add_argument("--out", type=Path, default=TABLE.path)
    checking = actions.add_parser("check")
    checking.add_argument("--cells", type=int, default=5)
    actions.add_parser("facts")
    arguments = parser.parse_args()
    if arguments.action == "train":
        train(arguments.raw, arguments.share, arguments.cells)
    elif arguments.action == "pack":
        pack(arguments.raw, arguments.out)
    elif arguments.action == "check":
        raise SystemExit(bool(check(arguments.cells)))
    else:
        facts()


if __name__ == "__main__":
    main()
