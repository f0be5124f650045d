"""Graphs drawn with text: a reader of the drawing gets the graph back."""

from __future__ import annotations

import random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import SpaceError
from nas.cli.drawing import NODE, Row, draw

ARROWS = {"►": "├╰", "◄": "┤╯"}


@st.composite
def graphs(draw: st.DrawFn) -> nx.DiGraph:
    """A labelled DAG; nodes are added in an order of their own."""
    n = draw(st.integers(1, 9))
    pairs = [(i, j) for j in range(n) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph = nx.DiGraph()
    for i in draw(st.permutations(range(n))):
        graph.add_node(i, label=f"node {i}")
    graph.add_edges_from((i, j, {"label": f"{i} to {j}"}) for i, j in edges)
    return graph


def read(rows: list[Row]) -> set[tuple[str, str, str]]:
    """Follow the rails with the eye: (source, label, target) of every edge."""
    on_rail: dict[int, str] = {}
    found, waiting = set(), []
    for row in rows:
        if row.is_node:
            column = row.rails.index(NODE)
            for source, label, target_column in waiting:
                if target_column is None:  # a straight edge: from whoever had this rail before
                    source = on_rail[column]
                else:
                    assert target_column == column
                found.add((source, label, row.label))
            waiting = []
            on_rail[column] = row.label
        else:
            arrow = next((c for c in row.rails if c in ARROWS), None)
            if arrow is None:
                waiting.append(("", row.label, None))
                continue
            (start,) = (i for i, c in enumerate(row.rails) if c in ARROWS[arrow])
            target = row.rails.index(arrow)
            between = row.rails[min(start, target) + 1 : max(start, target)]
            assert set(between) <= {"─", "┼"}
            waiting.append((on_rail[start], row.label, target))
            if row.rails[start] in "╰╯":
                del on_rail[start]
    return found


@given(graphs())
def test_the_drawing_is_the_graph(graph: nx.DiGraph) -> None:
    rows = draw(graph)
    labels = nx.get_node_attributes(graph, "label")
    assert sorted(row.label for row in rows if row.is_node) == sorted(labels.values())
    assert sum(not row.is_node for row in rows) == graph.number_of_edges()
    expected = {(labels[i], data["label"], labels[j]) for i, j, data in graph.edges(data=True)}
    assert read(rows) == expected


@given(graphs())
def test_rails_run_without_gaps(graph: nx.DiGraph) -> None:
    """Every vertical stroke touches a stroke or a node above it."""
    above = ""
    for row in draw(graph):
        for i, c in enumerate(row.rails):
            if c in "│├┤╰╯┼":
                assert above[i : i + 1] in set(f"│├┤┼►◄{NODE}"), (above, row.rails)
        above = row.rails


def test_a_cell() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from((i, {"label": f"n{i}"}) for i in range(4))
    for i, j in ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)):
        graph.add_edge(i, j, label=f"e{i}{j}", live=j == 3)
    rows = draw(graph)
    width = max(len(row.rails) for row in rows)
    assert [f"{row.rails:<{width}} {row.label}" for row in rows] == [
        "●       n0",
        "├─►     e01",
        "│ ●     n1",
        "├─┼─►   e02",
        "│ ├─►   e12",
        "│ │ ●   n2",
        "╰─┼─┼─► e03",
        "  ╰─┼─► e13",
        "    ╰─► e23",
        "      ● n3",
    ]
    assert [row.label for row in rows if not row.live] == ["e01", "e02", "e12"]


def test_a_node_without_live_edges_is_not_live() -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", live=False)
    graph.add_edge("a", "c")
    live = {row.label: row.live for row in draw(graph) if row.is_node}
    assert live == {"a": True, "b": False, "c": True}


def test_a_chain_stays_in_its_column() -> None:
    rows = draw(nx.path_graph(50, create_using=nx.DiGraph))
    assert {len(row.rails) for row in rows} == {1}


def test_columns_are_used_again() -> None:
    """A long row of residual blocks is no wider than one."""
    graph = nx.path_graph(60, create_using=nx.DiGraph)
    graph.add_edges_from((i, i + 2) for i in range(0, 58, 2))
    assert max(len(row.rails) for row in draw(graph)) <= 7


def test_a_cycle_is_refused() -> None:
    graph = nx.cycle_graph(3, create_using=nx.DiGraph)
    with pytest.raises(SpaceError, match="cycle"):
        draw(graph)


def test_the_order_of_insertion_decides_among_equals() -> None:
    names = [f"n{i}" for i in range(6)]
    random.Random(1).shuffle(names)
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    assert [row.label for row in draw(graph)] == names
