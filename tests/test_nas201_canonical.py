"""Which NAS-Bench-201 cells are the same network, and why the benchmark counts otherwise."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nas
from nas_cells.canonical import canonical_cell

PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
NONE, SKIP, C1, C3, POOL = "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"
TABLE = Path(__file__).parents[2] / "shared/data/nb201_cifar10.csv.gz"
PRIME = 2**61 - 1

SPACE = nas.space("nas201", cells=1, channels=4, classes=3, input_shape=(1, 8, 8))
Ops = tuple[str, ...]
CELLS: list[Ops] = list(itertools.product((NONE, SKIP, C1, C3, POOL), repeat=6))
Partition = Mapping[Ops, Hashable]


def member(operations: Sequence[str]) -> nas.Architecture:
    return SPACE.architecture(
        {f"edge_{i}_{j}": op for (i, j), op in zip(PAIRS, operations, strict=True)}
    )


@cache
def ours() -> Partition:
    return {cell: SPACE.canonical_id(member(cell)) for cell in CELLS}


def classes(partition: Partition) -> int:
    return len(set(partition.values()))


def refines(fine: Partition, coarse: Partition) -> bool:
    """Whether every class of ``fine`` lies in one class of ``coarse``."""
    inside: dict[Hashable, Hashable] = {}
    return all(inside.setdefault(fine[cell], coarse[cell]) == coarse[cell] for cell in CELLS)


def official(cell: Ops) -> str:
    """The benchmark's rule: nested text with sorted inputs, zero written as ``#``."""
    nodes = ["0"]
    for target in (1, 2, 3):
        inputs = []
        for (source, end), operation in zip(PAIRS, cell, strict=True):
            if end == target:
                if operation == NONE or nodes[source] == "#":
                    inputs.append("#")
                elif operation == SKIP:
                    inputs.append(nodes[source])
                else:
                    inputs.append(f"({nodes[source]})@{operation}")
        nodes.append("+".join(sorted(inputs)))
    return nodes[3]


class Algebra:
    """A naive model of cells: what they compute, with every nonlinear map a random function.

    A value is a pair: what varies over the image, and what is constant. Two cells compute the same
    for all weights if, over every way of handing out weights to live layers, they give the same
    values; a layer is live if other weights in it change the output.
    """

    def __init__(self, *, constants: bool, weights: bool, linear: bool) -> None:
        self.constants, self.weights, self.linear = constants, weights, linear
        rng = random.Random(0)
        self._random: defaultdict[Hashable, int] = defaultdict(lambda: rng.randrange(1, PRIME))

    def output(self, cell: Ops, weights: Sequence[int]) -> tuple[int, int]:
        nodes = [(self._random["input"], 0), (0, 0), (0, 0), (0, 0)]
        for (source, target), operation, weight in zip(PAIRS, cell, weights, strict=True):
            varying, constant = self._apply(operation, weight, nodes[source])
            before = nodes[target]
            nodes[target] = ((before[0] + varying) % PRIME, (before[1] + constant) % PRIME)
        return nodes[3]

    def _apply(self, operation: str, weight: int, value: tuple[int, int]) -> tuple[int, int]:
        if operation == NONE:
            return 0, 0
        if operation == SKIP:
            return value
        if value == (0, 0):
            adds = operation != POOL and self.constants
            return 0, self._random["shift", weight] if adds else 0
        if operation == POOL and self.linear:
            return value[0] * self._random[POOL] % PRIME, value[1]
        return self._random[operation, weight if operation != POOL else 0, value], 0

    def meaning(self, cell: Ops) -> Hashable:
        same = [0] * 6
        output = self.output(cell, same)
        if not self.weights:
            return output
        live = [
            k
            for k in range(6)
            if cell[k] in (C1, C3) and self.output(cell, [*same[:k], 1, *same[k + 1 :]]) != output
        ]
        outputs = []
        for order in itertools.permutations(range(1, len(live) + 1)):
            weights = dict(zip(live, order, strict=True))
            outputs.append(self.output(cell, [weights.get(k, 0) for k in range(6)]))
        return tuple(sorted(outputs))


@cache
def computed(*, constants: bool, weights: bool, linear: bool) -> Partition:
    algebra = Algebra(constants=constants, weights=weights, linear=linear)
    return {cell: algebra.meaning(cell) for cell in CELLS}


def test_ids_are_shared_exactly_by_cells_that_compute_the_same() -> None:
    naive = computed(constants=True, weights=True, linear=True)
    canonical = ours()
    assert classes(canonical) == 5234
    assert refines(canonical, naive)
    assert refines(naive, canonical)


def test_why_there_are_5234_classes_and_not_6466() -> None:
    """Four differences, each of which only merges or only splits.

    * The benchmark's text is not an expression: zeros stay in sums (``#+0`` is not ``0``), and a
      sum passed on by a skip is not sorted again (``a+c+b`` is not ``a+b+c``). Read as sums, with
      zero as zero, 6,466 classes become 4,930.
    * A convolution of a zero node is zero there. But its batch norm's shift is trained: it adds a
      constant. Telling the two apart: 5,155.
    * One convolution used twice reads there like two convolutions. But two have weights of their
      own: 5,485.
    * Average pooling is linear, so pooling a sum is summing what is pooled: 5,234.
    """
    theirs = {cell: official(cell) for cell in CELLS}
    sums = computed(constants=False, weights=False, linear=False)
    constants = computed(constants=True, weights=False, linear=False)
    weights = computed(constants=True, weights=True, linear=False)
    linear = computed(constants=True, weights=True, linear=True)
    steps = [theirs, sums, constants, weights, linear]
    assert [classes(step) for step in steps] == [6466, 4930, 5155, 5485, 5234]
    assert refines(theirs, sums)
    assert refines(constants, sums)
    assert refines(weights, constants)
    assert refines(weights, linear)


def test_the_table_names_classes_by_that_rule() -> None:
    if not TABLE.exists():
        pytest.skip("the NAS-Bench-201 table is not here")
    with gzip.open(TABLE, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15625
    for row in rows:
        cell = tuple(str(op) for op in SPACE.parse(row["arch_str"]).values())
        assert official(cell) == row["unique_str"]


SAME = {
    "nodes 1 and 2 exchanged": ((C1, C3, NONE, SKIP, POOL, C1), (C3, C1, NONE, SKIP, C1, POOL)),
    "a dead branch": ((C3, C1, C3, SKIP, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)),
    "a skip chain": ((SKIP, NONE, SKIP, NONE, NONE, C3), (NONE, NONE, NONE, C3, NONE, NONE)),
    "sums in another order": ((C1, C3, SKIP, NONE, NONE, SKIP), (C3, NONE, NONE, C1, SKIP, NONE)),
    "pooling of zero": ((NONE, NONE, NONE, C3, POOL, SKIP), (NONE, NONE, NONE, C3, NONE, NONE)),
    "pooling of a sum": ((C1, SKIP, SKIP, NONE, NONE, POOL), (C1, NONE, NONE, POOL, POOL, NONE)),
    "the kernel of a constant": (
        (NONE, NONE, NONE, C1, C1, NONE),
        (NONE, NONE, NONE, C1, C3, NONE),
    ),
}

DIFFERENT = {
    "x and 2 x": ((NONE, NONE, NONE, SKIP, NONE, NONE), (SKIP, NONE, NONE, SKIP, SKIP, NONE)),
    "f + g and 2 f": ((C3, C3, NONE, NONE, SKIP, SKIP), (C3, NONE, SKIP, NONE, SKIP, SKIP)),
    "a constant and zero": (
        (NONE, NONE, NONE, SKIP, C3, NONE),
        (NONE, NONE, NONE, SKIP, NONE, NONE),
    ),
    "kernels": ((NONE, NONE, NONE, C1, NONE, NONE), (NONE, NONE, NONE, C3, NONE, NONE)),
    "nodes with an edge between": ((C1, C3, C1, NONE, SKIP, C1), (C3, C1, C1, NONE, C1, SKIP)),
}


@pytest.mark.parametrize(("a", "b"), SAME.values(), ids=SAME)
def test_the_same_network_has_one_id_and_trains_alike(a: Ops, b: Ops) -> None:
    assert SPACE.canonical_id(member(a)) == SPACE.canonical_id(member(b))
    assert_trained_alike(a, b)


@pytest.mark.parametrize(("a", "b"), DIFFERENT.values(), ids=DIFFERENT)
def test_other_networks_have_other_ids(a: Ops, b: Ops) -> None:
    assert SPACE.canonical_id(member(a)) != SPACE.canonical_id(member(b))


@pytest.mark.parametrize("name", ["f + g and 2 f", "a constant and zero"])
def test_the_benchmark_merges_some_of_those(name: str) -> None:
    a, b = DIFFERENT[name]
    if name == "a constant and zero":  # the same text up to zeros, which it keeps in sums
        assert set(official(a).split("+")) == set(official(b).split("+"))
    else:
        assert official(a) == official(b)


def test_members_of_one_class_train_alike() -> None:
    by_id: defaultdict[Hashable, list[Ops]] = defaultdict(list)
    for cell, class_ in ours().items():
        by_id[class_].append(cell)
    rng = random.Random(0)
    shared = [cells for cells in by_id.values() if len(cells) > 1]
    for cells in rng.sample(shared, 12):
        assert_trained_alike(*rng.sample(cells, 2))


def assert_trained_alike(a: Ops, b: Ops) -> None:
    """Give both networks the same weights, layer by layer, and train each for a few steps."""
    torch.manual_seed(0)
    first = SPACE.build(member(a)).double()
    for parameter in first.parameters():
        nn.init.normal_(parameter)
    second = SPACE.build(member(b)).double()
    copy_weights(first, second, a, b)
    inputs, targets = torch.randn(6, 1, 8, 8, dtype=torch.float64), torch.arange(6) % 3
    for _ in range(3):
        losses = []
        for network in (first, second):
            network.train()
            network.zero_grad()
            loss = nn.functional.cross_entropy(network(inputs), targets)
            loss.backward()
            with torch.no_grad():
                for parameter in network.parameters():
                    if parameter.grad is not None:
                        parameter -= 0.05 * parameter.grad
            losses.append(loss)
        torch.testing.assert_close(*losses, rtol=1e-6, atol=1e-6)
        outputs = [network.eval()(inputs) for network in (first, second)]
        torch.testing.assert_close(*outputs, rtol=1e-6, atol=1e-6)


def copy_weights(first: nn.Module, second: nn.Module, a: Ops, b: Ops) -> None:
    edges = {
        f".edges.edge_{j[0]}_{j[1]}.": f".edges.edge_{i[0]}_{i[1]}."
        for i, j in zip(canonical_cell(a).edges, canonical_cell(b).edges, strict=True)
    }
    given: dict[str, Any] = first.state_dict()
    with torch.no_grad():
        for name, value in second.state_dict().items():
            source = name
            for new, old in edges.items():
                if new in name:
                    source = name.replace(new, old)
            if ".edges." in name and source == name and not any(e in name for e in edges):
                continue  # a dead layer: whatever its weights are
            if given[source].shape == value.shape:  # a constant can come from either kernel
                value.copy_(given[source])
