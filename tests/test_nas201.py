"""NAS-Bench-201: the space, its texts and its graphs."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))

SPACE = nas.space("nas201", cells=1, channels=4, classes=3, input_shape=(1, 8, 8))
MEMBERS = list(SPACE.architectures())
members = st.sampled_from(MEMBERS)


def member(*operations: str) -> nas.Architecture:
    """The cell with these operations, in the order of the official text."""
    return SPACE.architecture(
        {f"edge_{i}_{j}": op for (i, j), op in zip(PAIRS, operations, strict=True)}
    )


def test_the_space_is_six_edges_of_five_operations() -> None:
    assert SPACE.size == len(MEMBERS) == len(set(MEMBERS)) == 15625
    assert [d.name for d in SPACE.decisions] == [f"edge_{i}_{j}" for i, j in PAIRS]
    assert all(tuple(d.values) == OPS for d in SPACE.decisions)
    assert SPACE.one_hot(MEMBERS[0]).shape == (30,)


def test_a_smaller_space_has_some_of_the_operations() -> None:
    chosen = ["none", "nor_conv_3x3", "skip_connect"]
    small = nas.space("nas201", operations=chosen)
    assert small.size == 3**6
    assert all(list(d.values) == chosen for d in small.decisions)
    assert all(nas.space("nas201").architecture(a) == a for a in small.architectures())
    with pytest.raises(nas.SpaceError, match="cannot be 'avg_pool_3x3'"):
        small.parse(SPACE.format(member(*["avg_pool_3x3"] * 6)))


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        (["none", "skip"], "Did you mean 'skip_connect'"),
        ([], "at least one"),
        (["none", "none"], "each once"),
        ("none", "must be a list"),
    ],
)
def test_operations_that_are_none(operations: Any, message: str) -> None:
    with pytest.raises(nas.ComponentError, match=message):
        nas.space("nas201", operations=operations)


def test_encodings_and_texts_tell_all_members_apart_and_back() -> None:
    codes = [tuple(SPACE.encode(a).tolist()) for a in MEMBERS]
    assert codes == list(itertools.product(range(5), repeat=6))
    texts = [SPACE.format(a) for a in MEMBERS]
    assert len(set(texts)) == 15625
    for a, code, text in zip(MEMBERS, codes, texts, strict=True):
        assert SPACE.decode(code) == SPACE.parse(text) == a
    for a in MEMBERS[::50]:
        assert nas.Architecture.from_json(a.to_json()) == a


def test_the_text_is_the_official_one() -> None:
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
    a = SPACE.parse(text)
    assert dict(a) == {
        "edge_0_1": "avg_pool_3x3",
        "edge_0_2": "nor_conv_1x1",
        "edge_1_2": "skip_connect",
        "edge_0_3": "nor_conv_3x3",
        "edge_1_3": "none",
        "edge_2_3": "skip_connect",
    }
    assert SPACE.format(a) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has 1 nodes joined by '+', not 3"),
        ("|none~0|+|none~0|none~1|", "it has 2 nodes"),
        (
            "none~0+|none~0|none~1|+|none~0|none~1|none~2|",
            "node 1 is 'none~0', which does not stand",
        ),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 1 inputs, not 2"),
        (
            "|none~0|+|none~1|none~0|+|none~0|none~1|none~2|",
            "input 0 of node 2 is 'none~1', not 'op",
        ),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~3|", "input 2 of node 3 is 'none~3'"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "input 0 of node 1 is 'none'"),
        ("|nor_conv_3X3~0|+|none~0|none~1|+|none~0|none~1|none~2|", "Did you mean 'nor_conv_3x3'?"),
        ("|zero~0|+|none~0|none~1|+|none~0|none~1|none~2|", "'zero' in node 1 is no operation"),
        (" |none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "node 1 is ' |none~0|'"),
    ],
)
def test_a_wrong_text_is_told_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(nas.SpaceError) as caught:
        SPACE.parse(text)
    assert message in str(caught.value)
    assert "An example: " in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cells": 0}, "cells must be a whole number of at least 1, not 0"),
        ({"channels": 8.0}, "channels must be a whole number of at least 1, not 8.0"),
        ({"input_shape": [64]}, r"input_shape must be \(channels, height, width\)"),
        ({"input_shape": (3, 0, 8)}, "not (3, 0, 8)".replace("(", r"\(").replace(")", r"\)")),
        ({"chanels": 8}, "Did you mean 'channels'"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ComponentError, match=message):
        nas.space("nas201", **wrong)


def test_the_graph_keeps_all_edges_and_marks_the_live_ones() -> None:
    a = member("none", "nor_conv_3x3", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "none")
    graph = SPACE.graph(a)
    assert [label for _, label in graph.nodes(data="label")] == [
        "input",
        "node 1",
        "node 2",
        "output",
    ]
    assert {(i, j): label for i, j, label in graph.edges(data="label")} == {
        (i, j): a[f"edge_{i}_{j}"] for i, j in PAIRS
    }
    # Node 1 is zero, and yet the convolution of it adds a constant to the output.
    assert {(i, j) for i, j, live in graph.edges(data="live") if live} == {(0, 3), (1, 3)}


@settings(deadline=None)
@given(members)
def test_every_graph_is_a_dag_whose_live_edges_reach_the_output(a: nas.Architecture) -> None:
    graph = SPACE.graph(a)
    assert nx.is_directed_acyclic_graph(graph)
    live = graph.edge_subgraph([(i, j) for i, j, on in graph.edges(data="live") if on]).copy()
    live.add_node(3)
    assert all(nx.has_path(live, node, 3) for node in live)
    assert all(label != "none" for *_, label in live.edges(data="label"))
