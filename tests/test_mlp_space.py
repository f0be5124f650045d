"""Fully connected networks: the space and what it builds."""

from __future__ import annotations

import random
from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nas

SPACE = nas.space("mlp", input_shape=(13,), classes=3, max_depth=3, widths=(4, 8, 6))
MEMBERS = set(SPACE.architectures())


@st.composite
def architectures(draw: st.DrawFn) -> nas.Architecture:
    return SPACE.sample(random.Random(draw(st.integers(0, 2**32))))


def chosen(*widths: int, **shared: Any) -> nas.Architecture:
    """A plain network of ReLUs, unless said otherwise."""
    plain = {"activation": "relu", "normalisation": "none", "residual": False, "dropout": 0.0}
    hidden = {f"width_{i}": width for i, width in enumerate(widths, start=1)}
    return SPACE.architecture({"depth": len(widths), **hidden, **plain, **shared})


def test_only_the_widths_of_existing_layers_are_decided() -> None:
    assert SPACE.size == len(MEMBERS) == (3 + 3**2 + 3**3) * 4 * 3 * 2 * 4
    assert len({SPACE.canonical_id(a) for a in MEMBERS}) == SPACE.size
    with pytest.raises(nas.SpaceError, match="'width_2' is not active here"):
        SPACE.architecture({**chosen(4), "width_2": 8})
    with pytest.raises(nas.SpaceError, match="'width_2' is missing"):
        SPACE.architecture({**chosen(4), "depth": 2})
    assert SPACE.encode(chosen(8, 4)).tolist() == [1, 1, 0, -1, 0, 0, 0, 0]


def naive_parameters(a: nas.Architecture) -> int:
    total, inputs = 0, 13
    for i in range(1, int(a["depth"]) + 1):
        width = int(a[f"width_{i}"])
        total += inputs * width  # weights
        total += 0 if a["normalisation"] == "batch" else width  # biases
        total += 0 if a["normalisation"] == "none" else 2 * width  # scale and shift
        total += inputs * width if a["residual"] and inputs != width else 0  # projection
        inputs = width
    return total + (inputs + 1) * 3


@settings(deadline=None)
@given(architectures())
def test_parameters_follow_from_the_decisions(a: nas.Architecture) -> None:
    network = SPACE.build(a)
    assert sum(p.numel() for p in network.parameters()) == naive_parameters(a)
    norms = {"none": (), "batch": (nn.BatchNorm1d,), "layer": (nn.LayerNorm,)}
    acts = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}
    for kinds, expected in (
        (norms[str(a["normalisation"])], a["depth"] if a["normalisation"] != "none" else 0),
        ((acts[str(a["activation"])],), a["depth"]),
        ((nn.Dropout,), a["depth"] if a["dropout"] else 0),
    ):
        assert sum(isinstance(m, kinds) for m in network.modules()) == expected
    assert all(m.p == a["dropout"] for m in network.modules() if isinstance(m, nn.Dropout))


@settings(deadline=None, max_examples=40)
@given(architectures(), st.integers(0, 99))
def test_layers_compute_what_the_decisions_say(a: nas.Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    network = SPACE.build(a).eval()
    x = torch.randn(4, 13)
    weights = dict(network.named_parameters())
    act = {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "gelu": nn.functional.gelu,
        "silu": nn.functional.silu,
    }
    h = x
    for i in range(1, int(a["depth"]) + 1):
        at = f"{i}.layer" if a["residual"] else f"{i}"
        z = h @ weights[f"{at}.0.weight"].T + weights.get(f"{at}.0.bias", 0)
        if a["normalisation"] == "batch":
            z = z / (1 + 1e-5) ** 0.5  # running statistics at their start
        if a["normalisation"] == "layer":
            z = (z - z.mean(1, keepdim=True)) / (
                z.var(1, unbiased=False, keepdim=True) + 1e-5
            ).sqrt()
        z = act[str(a["activation"])](z)
        if a["residual"]:
            z = z + (h if h.shape == z.shape else h @ weights[f"{i}.shortcut.weight"].T)
        h = z
    last = int(a["depth"]) + 1
    expected = h @ weights[f"{last}.weight"].T + weights[f"{last}.bias"]
    torch.testing.assert_close(network(x), expected)


def test_images_are_flattened() -> None:
    space = nas.space("mlp", input_shape=(1, 8, 8))
    a = space.sample(random.Random(0))
    assert space.build(a).eval()(torch.rand(2, 1, 8, 8)).shape == (2, 10)


def test_the_graph_is_a_chain_with_edges_around_residual_layers() -> None:
    graph = SPACE.graph(chosen(8, 8, normalisation="batch", residual=True, dropout=0.1))
    assert nx.is_directed_acyclic_graph(graph)
    layer = "linear 8, batch norm, relu, dropout 0.1"
    assert [label for _, label in graph.nodes(data="label")] == [
        "input 13", layer, "add", layer, "add", "output 3",
    ]  # fmt: skip
    assert {(i, j): label for i, j, label in graph.edges(data="label") if label} == {
        (0, 2): "projection",
        (2, 4): "identity",
    }
    chain = SPACE.graph(chosen(4, 6))
    assert list(chain.edges) == [(0, 1), (1, 2), (2, 3)]
    assert chain.nodes[2]["label"] == "linear 6, relu"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": []}, "widths must be one or more integers from 1"),
        ({"widths": [8, 8]}, "widths must all be different"),
        ({"widths": [0.5]}, "widths must be one or more integers from 1"),
        ({"max_depth": 0}, "max_depth must be a whole number of at least 1, not 0"),
        ({"input_shape": ()}, "input_shape must be one or more integers"),
        ({"dropouts": (1.0,)}, r"dropouts must be probabilities in \[0, 1\)"),
        ({"depth": 3}, "Did you mean 'max_depth'"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ComponentError, match=message):
        nas.space("mlp", **wrong)
