"""How well every proxy ranks trained networks of NAS-Bench-201, beside what is published.

    python benchmarks/proxy_ranking.py --table nb201_cifar10.csv.gz --images cifar10.npz \\
        --published zc_published.csv.gz [--n 725] [--archive proxies.db] [--proxy naswot ...]

Scores networks of 16 channels and 5 cells a stage on real CIFAR-10 images through ``nas score``; a
run that was stopped goes on. Then prints Spearman's correlation with the test accuracy (mean over
seeds) for each proxy and aggregate, with bootstrap intervals, and the rank agreement with published
scores of the same networks. The table has columns ``index``, ``arch_str``, ``cifar10_test``; the
published one ``index``, ``source`` and a column a proxy.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nas
from nas.config import Named
from nas.engine.builder import Builder
from nas.engine.proxy_tree import proxies, values
from nas.plugins import Plugins
from nas.ranking import rankings, spearman

PUBLISHED = {"naswot": "nwot"}
"""Proxies that the published table calls otherwise."""
CHEAP = (
    *("gradsign", "grad_norm", "snip", "plain", "grasp", "fisher", "zico", "synflow", "jacov"),
    *("naswot", "epe_nas", "l2_norm", "swap", "meco", "zen", "linear_regions"),
    *("az_expressivity", "az_progressivity", "az_trainability"),
)
DEAR = ("ntk_condition", "ntk_trace", "vkdnw")
AGGREGATES = ("te_nas", "az_nas", "vkdnw_agg")


def table(path: str) -> list[dict[str, str]]:
    """Read a CSV file, compressed or not."""
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)  # noqa: SIM115
    with opened as file:
        return list(csv.DictReader(file))


def score(names: Sequence[str], listed: Path, options: argparse.Namespace) -> None:
    """Score what is not scored yet."""
    words = [sys.executable, "-m", "nas", "score", str(listed), "--space", "nas201"]
    words += ["--set", "cells=5", "--set", "channels=16", "--data", options.images]
    words += ["--archive", options.archive, "--executor", "ray", "--top", "1"]
    words += ["--repeats", str(options.repeats)]
    for name in names:
        words += ["--proxy", name]
    subprocess.run(words, check=True)


def known(archive: str, space: nas.Space) -> dict[str, dict[str, float]]:
    """Return by proxy, for each architecture's string form, its score."""
    sql = """SELECT proxy, text, value FROM proxy_scores
        JOIN scorings ON scorings.id = scoring JOIN architectures a ON a.id = architecture"""
    found: dict[str, dict[str, float]] = {}
    with nas.Archive(archive) as opened:
        for proxy, text, value in opened.query(sql)[1]:
            value = math.nan if value is None else value
            found.setdefault(proxy.partition(":")[2], {})[text] = value
    return found


def aggregates(columns: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """Return what every aggregate makes of the scores, if all its parts are there."""
    builder = Builder(Plugins())
    found: dict[str, Sequence[float]] = {}
    for name in AGGREGATES:
        tree = builder.tree(Named(name=name))
        if all(part in columns for part in proxies([tree])):
            found[name] = values(tree, columns).tolist()
    return found


def report(rows: list[dict[str, str]], options: argparse.Namespace) -> None:
    """Print both tables."""
    space = nas.space("nas201", cells=5, channels=16, input_shape=(3, 32, 32), classes=10)
    scores = known(options.archive, space)
    rows = [row for row in rows if all(row["arch_str"] in of for of in scores.values())]
    texts = [row["arch_str"] for row in rows]
    accuracy = [float(row["cifar10_test"]) for row in rows]
    columns: dict[str, Sequence[float]] = {k: [of[t] for t in texts] for k, of in scores.items()}
    architectures = [space.parse(text) for text in texts]
    for name in ("params", "flops"):
        objective = nas.objective(name)
        assert isinstance(objective, nas.AnalyticObjective)
        columns[name] = [objective.estimate(space, a) for a in architectures]
    columns |= aggregates(columns)
    published = {
        row["index"]: row for row in table(options.published) if row["source"] == options.source
    }
    theirs = [published.get(row["index"], {}) for row in rows]
    print(f"{len(rows)} networks, {options.repeats} initialisation(s)")
    print(f"{'proxy':18} {'Spearman':>8}  {'95 % interval':15} {'published':>9} {'agreement':>9}")
    for found in rankings(columns, accuracy, columns["params"]):
        column = PUBLISHED.get(found.name, found.name)
        other = [float(row.get(column) or "nan") for row in theirs]
        both = [i for i, value in enumerate(other) if math.isfinite(value)]
        line = f"{found.name:18} {found.spearman or 0:+8.3f}  "
        line += f"{found.low or 0:+.3f} .. {found.high or 0:+.3f}"
        if len(both) > 5:
            of_theirs = spearman([other[i] for i in both], [accuracy[i] for i in both])
            agreement = spearman([other[i] for i in both], [columns[found.name][i] for i in both])
            line += f" {of_theirs or 0:+9.3f} {agreement or 0:+9.3f}"
        print(line)


def main() -> None:
    """Score, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("table", "images", "published"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--source", default="A", help="of the published scores")
    parser.add_argument("--n", type=int, default=725)
    parser.add_argument("--archive", default="proxies.db")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--proxy", action="append", help="instead of all; repeatable")
    parser.add_argument("--report", action="store_true", help="score nothing")
    options = parser.parse_args()
    indices = {r["index"] for r in table(options.published) if r["source"] == options.source}
    rows = [row for row in table(options.table) if row["index"] in indices]
    random.Random(0).shuffle(rows)
    rows = rows[: options.n]
    listed = Path(options.archive).with_suffix(".txt")
    listed.write_text("".join(f"{row['arch_str']}\n" for row in rows))
    if not options.report:
        for names in [options.proxy] if options.proxy else [CHEAP, DEAR]:
            score(names, listed, options)
    report(rows, options)


if __name__ == "__main__":
    main()
