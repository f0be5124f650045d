"""The drawing of an architecture: nothing overlaps, nothing is lost, nothing runs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas.errors import SpaceError
from nas.pictures.graph_layout import Layout, lay_out
from nas.pictures.graph_svg import architecture_svg
from nas.pictures.layers import Vertex

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> nx.DiGraph[Any]:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    size = draw(st.integers(1, most))
    graph.add_nodes_from((i, {"label": f"node {i}"}) for i in range(size))
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    if not pairs:
        return graph
    for i, j in draw(st.lists(st.sampled_from(pairs), max_size=2 * size)):
        label = draw(st.sampled_from(["", "skip", "nor_conv_3x3"]))
        graph.add_edge(i, j, label=label, live=draw(st.booleans()))
    return graph


def laid_out(graph: nx.DiGraph[Any]) -> Layout:
    chips = {(u, v): (60.0, 26.0) for u, v, a in graph.edges(data=True) if a["label"]}
    return lay_out(graph, dict.fromkeys(graph, (80.0, 26.0)), chips)


def vertices(layout: Layout) -> list[Vertex]:
    passed = [v for chain in layout.edges.values() for v in chain]
    return list(dict.fromkeys([*layout.nodes.values(), *passed]))


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_boxes_and_lines_keep_apart(graph: nx.DiGraph[Any]) -> None:
    layout = laid_out(graph)
    found = vertices(layout)
    for level in {v.level for v in found}:
        layer = sorted((v for v in found if v.level == level), key=lambda v: v.x)
        for left, right in pairwise(layer):
            assert right.x - right.half - (left.x + left.half) > 17.9
    assert min(v.x - v.half for v in found) == pytest.approx(0)
    assert max(v.x + v.half for v in found) == pytest.approx(layout.width)
    for (top, bottom), (next_top, _) in pairwise(layout.bands):
        assert top < bottom < next_top


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_line_goes_down_from_its_source_to_its_target(graph: nx.DiGraph[Any]) -> None:
    layout = laid_out(graph)
    assert set(layout.edges) == set(graph.edges)
    for (u, v), chain in layout.edges.items():
        assert chain[0] is layout.nodes[u]
        assert chain[-1] is layout.nodes[v]
        levels = [vertex.level for vertex in chain]
        assert levels == list(range(levels[0], levels[-1] + 1))
        named = [vertex for vertex in chain[1:-1] if vertex.key is not None]
        assert [vertex.key for vertex in named] == ([(u, v)] if graph.edges[u, v]["label"] else [])


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_every_label_is_drawn_and_dead_parts_are_dashed(graph: nx.DiGraph[Any]) -> None:
    svg = architecture_svg(graph)
    operations = [a["label"] for *_, a in graph.edges(data=True) if a["label"]]
    labels = [a["label"] for _, a in graph.nodes(data=True)]
    assert sorted(texts(svg)) == sorted([*labels, *operations])
    dead = sum(1 for *_, a in graph.edges(data=True) if a["label"] and not a["live"])
    chips = [r for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("rx") == "9"]
    assert sum(r.get("stroke-dasharray") is not None for r in chips) == dead


def test_a_cell_is_drawn_without_crossings() -> None:
    space = nas.space("nas201", input_shape=(1, 8, 8), classes=10)
    for seed in range(5):
        layout = laid_out(space.graph(space.sample(np.random.default_rng(seed))))
        chains = list(layout.edges.values())
        lines = [(v, w) for chain in chains for v, w in pairwise(chain)]
        crossed = [
            (a, b)
            for a in lines
            for b in lines
            if a[0].level == b[0].level and a[0].x < b[0].x and a[1].x > b[1].x
        ]
        assert crossed == []


def test_the_same_graph_gives_the_same_text() -> None:
    space = nas.space("nas201", input_shape=(1, 8, 8), classes=10)
    architecture = space.sample(np.random.default_rng(3))
    first, second = (architecture_svg(space.graph(architecture), title="a") for _ in range(2))
    assert first == second


HOSTILE = [
    "<script>alert(1)</script>",
    '"/><image href="x" onerror="alert(1)"/>',
    "]]><x>&amp;",
    "\x00\x1b[31m\u202eabc",
    "a" * 5000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_node("a", label=name)
    graph.add_node("b", label=name)
    graph.add_edge("a", "b", label=name, live=False)
    root = ET.fromstring(architecture_svg(graph, title=name))
    allowed = {"svg", "title", "desc", "g", "path", "rect", "text", "tspan"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    assert not [key for e in root.iter() for key in e.attrib if key.startswith("on")]
    assert float(root.get("width") or "inf") < 400


def test_what_cannot_be_drawn_is_an_error() -> None:
    with pytest.raises(SpaceError, match="no node"):
        architecture_svg(nx.DiGraph())
    cycle: nx.DiGraph[Any] = nx.DiGraph([(0, 1), (1, 0)])
    with pytest.raises(SpaceError, match="cycle"):
        architecture_svg(cycle)


def test_fifty_nodes_are_fine() -> None:
    graph: nx.DiGraph[Any] = nx.gnp_random_graph(50, 0.1, seed=1, directed=True)
    graph.remove_edges_from([(u, v) for u, v in graph.edges if u >= v])
    nx.set_edge_attributes(graph, "", "label")
    nx.set_node_attributes(graph, {n: f"n{n}" for n in graph}, "label")
    assert len(texts(architecture_svg(graph))) == 50
