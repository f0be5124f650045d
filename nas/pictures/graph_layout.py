"""Where the boxes and lines of a drawn DAG lie: layered, from top to bottom."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nas.errors import SpaceError
from nas.pictures.layers import Size, Vertex, order, put

if TYPE_CHECKING:
    import networkx as nx

GAP = 26.0
"""Pixels between two layers."""

Edge = tuple[Hashable, Hashable]
Chains = dict[Edge, list[Vertex]]


@dataclass(frozen=True)
class Layout:
    """A graph laid out.

    Args:
        width: of everything, in pixels.
        nodes: the box of each node.
        edges: what each edge passes, from its source's box to its target's.
        bands: top and bottom of each level, in pixels; between two bands there is no box.
    """

    width: float
    nodes: Mapping[Hashable, Vertex]
    edges: Mapping[Edge, Sequence[Vertex]]
    bands: Sequence[tuple[float, float]]

    @property
    def height(self) -> float:
        """Height of everything, in pixels."""
        return self.bands[-1][1]


def lay_out(
    graph: nx.DiGraph[Any], sizes: Mapping[Hashable, Size], chips: Mapping[Edge, Size]
) -> Layout:
    """Lay a DAG out from top to bottom.

    Args:
        graph: the DAG.
        sizes: of each node's box, in pixels.
        chips: of the box of each label on an edge; an edge without a label has none.

    Raises:
        SpaceError: the graph has a cycle, or no node.
    """
    nodes = _boxes(graph, sizes)
    edges = _chains(graph, nodes, chips)
    layers = _layers(nodes, edges)
    order(layers)
    put(layers)
    vertices = [vertex for layer in layers for vertex in layer]
    left = min(v.x - v.half for v in vertices)
    for vertex in vertices:
        vertex.x -= left
    return Layout(max(v.x + v.half for v in vertices), nodes, edges, _bands(layers))


def _boxes(graph: nx.DiGraph[Any], sizes: Mapping[Hashable, Size]) -> dict[Hashable, Vertex]:
    """Return the box of each node, at twice the length of the longest path to it."""
    import networkx as nx

    if not graph:
        raise SpaceError("the architecture's graph has no node: there is nothing to draw")
    try:
        generations = [set(layer) for layer in nx.topological_generations(graph)]
    except nx.NetworkXUnfeasible:
        raise SpaceError("the architecture's graph has a cycle: it cannot be drawn") from None
    level = {node: 2 * i for i, layer in enumerate(generations) for node in layer}
    return {node: Vertex(level[node], sizes[node], node) for node in graph}


def _chains(
    graph: nx.DiGraph[Any], nodes: Mapping[Hashable, Vertex], chips: Mapping[Edge, Size]
) -> Chains:
    """Cut every edge where it passes a level; its label goes to the level with the fewest."""
    crowd: dict[int, float] = {}
    chains: Chains = {}
    for edge in sorted(graph.edges, key=lambda e: nodes[e[1]].level - nodes[e[0]].level):
        start, end = nodes[edge[0]], nodes[edge[1]]
        between = [Vertex(level) for level in range(start.level + 1, end.level)]
        if edge in chips:
            chip = min(between[::2], key=lambda v: crowd.get(v.level, 0.0))
            chip.size, chip.key, chip.is_label = chips[edge], edge, True
            crowd[chip.level] = crowd.get(chip.level, 0.0) + chip.size[0]
        chains[edge] = [start, *between, end]
    used = {v.level for chain in chains.values() for v in chain if v.key is not None}
    for chain in chains.values():
        chain[:] = [v for v in chain if v.level in used]
        for upper, lower in pairwise(chain):
            upper.below.append(lower)
            lower.above.append(upper)
    return chains


def _layers(nodes: Mapping[Hashable, Vertex], chains: Chains) -> list[list[Vertex]]:
    """Gather the vertices by level, and number the levels from 0."""
    found = dict.fromkeys([*nodes.values(), *(v for chain in chains.values() for v in chain)])
    levels = sorted({v.level for v in found})
    layers: list[list[Vertex]] = [[] for _ in levels]
    rank = {level: i for i, level in enumerate(levels)}
    for vertex in found:
        vertex.level = rank[vertex.level]
        layers[vertex.level].append(vertex)
    return layers


def _bands(layers: Sequence[Sequence[Vertex]]) -> list[tuple[float, float]]:
    bands: list[tuple[float, float]] = []
    top = 0.0
    for layer in layers:
        bottom = top + max(v.size[1] for v in layer)
        bands.append((top, bottom))
        top = bottom + GAP
    return bands
