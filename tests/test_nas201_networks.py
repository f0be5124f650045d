"""NAS-Bench-201: its networks."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas_cells.network import AveragePool3x3, Cell

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
TABLE = Path(__file__).parents[2] / "shared/data/nb201_cifar10.csv.gz"

SPACE = nas.space("nas201", cells=1, channels=4, classes=3, input_shape=(1, 8, 8))
MEMBERS = list(SPACE.architectures())
members = st.sampled_from(MEMBERS)


def table() -> list[dict[str, str]]:
    if not TABLE.exists():
        pytest.skip("the NAS-Bench-201 table is not here")
    with gzip.open(TABLE, "rt", newline="") as file:
        return list(csv.DictReader(file))


def member(*operations: str) -> nas.Architecture:
    """The cell with these operations, in the order of the official text."""
    return SPACE.architecture(
        {f"edge_{i}_{j}": op for (i, j), op in zip(PAIRS, operations, strict=True)}
    )


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@settings(deadline=None, max_examples=30)
@given(members, st.integers(0, 99))
def test_networks_give_finite_outputs_and_gradients(a: nas.Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    network = SPACE.build(a)
    torch.manual_seed(seed)
    twin = SPACE.build(a)
    for (name, value), (other, same) in zip(
        network.state_dict().items(), twin.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(value, same)
    outputs = network(torch.randn(5, 1, 8, 8))
    assert outputs.shape == (5, 3)
    assert outputs.isfinite().all()
    outputs.square().sum().backward()
    live = {f"edges.edge_{i}_{j}." for i, j, on in SPACE.graph(a).edges(data="live") if on}
    for name, parameter in network.named_parameters():
        if ".edges." in name and not any(edge in name for edge in live):
            assert parameter.grad is None
        elif parameter.grad is not None:
            assert parameter.grad.isfinite().all()
    assert network.classifier.weight.grad is not None


@settings(deadline=None, max_examples=60)
@given(members, st.integers(0, 99))
def test_a_cell_computes_the_sums_of_the_paper(a: nas.Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    cell = Cell({(i, j): str(a[f"edge_{i}_{j}"]) for i, j in PAIRS}, 4).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def apply(operation: str, edge: str, x: torch.Tensor) -> torch.Tensor:
        if operation == "none":
            return x * 0
        if operation == "skip_connect":
            return x
        return pool(x) if operation == "avg_pool_3x3" else cell.edges[edge](x)

    nodes = [torch.randn(3, 4, 5, 6, dtype=torch.float64)]
    for target in (1, 2, 3):
        edges = [(source, f"edge_{source}_{target}") for source in range(target)]
        nodes.append(sum(apply(str(a[edge]), edge, nodes[source]) for source, edge in edges))
    torch.testing.assert_close(cell(nodes[0]), nodes[3])


def test_an_edge_of_none_builds_nothing() -> None:
    network = SPACE.build(member(*["none"] * 6))
    assert not any("edges." in name for name, _ in network.named_modules() if name)
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 3)


def test_networks_are_made_of_what_proxies_look_for() -> None:
    kinds = Counter(type(m) for m in SPACE.build(member(*["nor_conv_3x3"] * 6)).modules())
    assert kinds[nn.ReLU] == 3 * 6 + 2 * 2 + 1
    assert kinds[nn.Conv2d] == kinds[nn.BatchNorm2d] + 1 == 1 + 3 * 6 + 2 * 3
    assert kinds[nn.Linear] == 1


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (1, 7, 9), (2, 1, 1)])
def test_any_image_size_fits(shape: tuple[int, int, int]) -> None:
    space = nas.space("nas201", cells=1, channels=2, classes=4, input_shape=shape)
    a = member(
        "nor_conv_3x3", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "none", "avg_pool_3x3"
    )
    assert space.build(a).eval()(torch.randn(2, *shape)).shape == (2, 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (3, 4), (8, 8)])
def test_fast_pooling_is_average_pooling(size: tuple[int, int]) -> None:
    reference = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    fast = AveragePool3x3()
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(fast(x), reference(x))
    weights = torch.randn_like(x)
    gradients = [torch.autograd.grad((pool(x) * weights).sum(), x)[0] for pool in (fast, reference)]
    torch.testing.assert_close(*gradients)
    assert torch.autograd.gradcheck(fast, (x,))
    with torch.autocast("cpu"):
        assert fast(x.float()).dtype == torch.float32
    assert fast(x.to("meta")).shape == x.shape


@cache
def benchmark_parameters() -> dict[tuple[str, ...], int]:
    """Parameters of the benchmark's networks by the sorted operations of their cell.

    Where an operation stands does not matter, for all edges of a cell have the same width and
    stride: ``test_parameters_add_up_over_edges_wherever_they_stand`` checks it.
    """
    space = nas.space("nas201", cells=5, channels=16, classes=10)
    rng = random.Random(0)
    counts = {}
    for operations in itertools.combinations_with_replacement(sorted(OPS), 6):
        with torch.device("meta"):
            counts[operations] = parameters(space.build(member(*rng.sample(operations, 6))))
    return counts


def test_parameters_are_linear_in_the_convolutions() -> None:
    for operations, count in benchmark_parameters().items():
        n1, n3 = operations.count("nor_conv_1x1"), operations.count("nor_conv_3x3")
        assert count == 73_306 + 28_000 * n1 + 243_040 * n3


def test_parameters_of_all_members_are_those_of_the_benchmark() -> None:
    rows = table()
    assert len({row["arch_str"] for row in rows}) == 15625
    for row in rows:
        operations = tuple(sorted(map(str, SPACE.parse(row["arch_str"]).values())))
        assert benchmark_parameters()[operations] == round(float(row["params_m"]) * 1e6)


def test_parameters_add_up_over_edges_wherever_they_stand() -> None:
    with torch.device("meta"):
        empty = parameters(SPACE.build(member(*["none"] * 6)))
        alone = {
            (k, op): parameters(SPACE.build(member(*["none"] * k, op, *["none"] * (5 - k)))) - empty
            for k in range(6)
            for op in OPS
        }
        for a in MEMBERS[::150]:
            expected = empty + sum(alone[k, str(op)] for k, op in enumerate(a.values()))
            assert parameters(SPACE.build(a)) == expected
    assert len({(op, n) for (_, op), n in alone.items()}) == len(OPS)


def test_multiplications_are_those_of_the_benchmark_unless_a_part_is_dead() -> None:
    """Counted without executing anything. The table adds 10 for the classifier's biases."""
    space = nas.space("nas201")
    seen = set()
    for row in random.Random(5).sample(table(), 5):
        a = space.parse(row["arch_str"])
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            space.build(a).eval()(torch.empty(1, 3, 32, 32))
        live = all(on for _, _, op, on in _edges(space, a) if op != "none")
        multiplications = counter.get_total_flops() // 2 + 10
        seen.add(live)
        if live:
            assert multiplications == round(float(row["flops_m"]) * 1e6)
        else:
            assert multiplications <= round(float(row["flops_m"]) * 1e6)
    assert seen == {True, False}


def _edges(space: nas.Space, a: nas.Architecture) -> list[tuple[int, int, str, bool]]:
    return [(i, j, d["label"], d["live"]) for i, j, d in space.graph(a).edges(data=True)]
