"""Encodings of the labelled DAG ``space.graph``.

Where operations stand does not matter: on nodes, on edges or on both. An edge whose attribute
``live`` is false carries nothing to the output, so no path takes it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.decisions import Decision, Grid
from nas_predictors.encoding import Encoding, Rows

if TYPE_CHECKING:
    import networkx as nx

Key = tuple[str | int, ...]
Bag = Sequence[tuple[Key, float]]
"""What an architecture has, and how much of it; what is not in it is 0."""

MOST = 5_000
"""Columns: the things that most of the architectures have which are learnt from."""
PATHS = 100
"""Paths of one architecture that count: the shortest."""
STEPS = 20
"""Labels of a path that count: the first."""
PIVOTS = 100
"""Nodes that betweenness and closeness are computed for in a larger graph."""


class BagEncoding(Encoding):
    """A column for each thing that occurs in what is learnt from; what is new later is ignored.

    Decisions about training, which the graph does not show, are things too.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self._columns: dict[Key, int] = {}
        shown = {decision.name for decision in space.networks.tree.decisions}
        self._settings = [d for d in space.tree.decisions if d.name not in shown]

    def describe(self, architecture: Architecture) -> Bag:
        """Return what it has."""
        member = self.space.architecture(architecture)
        active = (d for d in self._settings if d.name in member)
        settings = (thing for d in active for thing in _things(d, d.values.index(member[d.name])))
        return [*self.bag(self.space.graph(member)).items(), *settings]

    @abstractmethod
    def bag(self, graph: nx.DiGraph[Any]) -> Mapping[Key, float]:
        """Return what a graph has."""

    def learn(self, descriptions: Sequence[Sequence[Any]]) -> None:
        """Take what is most frequent."""
        seen = Counter(key for bag in descriptions for key, _ in bag)
        chosen = sorted(seen, key=lambda key: (-seen[key], len(key), repr(key)))[:MOST]
        self._columns = {key: column for column, key in enumerate(chosen)}

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, things)``."""
        rows = np.zeros((len(descriptions), len(self._columns)), dtype=np.float32)
        for row, bag in zip(rows, descriptions, strict=True):
            for key, amount in bag:
                column = self._columns.get(key)
                if column is not None:
                    row[column] = amount
        return rows


class Adjacency(BagEncoding):
    """The adjacency matrix in topological order, with the labels of nodes and edges one-hot.

    An entry of the matrix has a column for each label that its edge can have. So where operations
    stand on the edges of a fixed DAG, as in NAS-Bench-201, this is the one-hot encoding of each
    edge's operation, as in C. White et al., NeurIPS 2020 (arXiv:2007.04965). A smaller graph is
    padded with zeros at the end; positions beyond the largest that was learnt from are ignored.
    """

    def bag(self, graph: nx.DiGraph[Any]) -> Mapping[Key, float]:
        """Return the entries that are not 0."""
        order = _ordered(graph)
        place = {node: i for i, node in enumerate(order)}
        nodes: list[Key] = [("node", i, label(graph.nodes[n])) for n, i in place.items()]
        edges: list[Key] = [
            ("edge", place[a], place[b], label(data)) for a, b, data in graph.edges(data=True)
        ]
        return dict.fromkeys([*nodes, *edges], 1.0)


class Path(BagEncoding):
    """Which paths of labels lead from an input to an output (C. White et al., AAAI 2021).

    A path is the labels of its nodes and edges in order, empty ones left out. The paper has a
    column for every path that could be, truncated to the shortest; here those that occur have one,
    see ``MOST``, and of one architecture the 100 shortest paths count, of a path the first 20
    labels, so that large graphs are as quick as small ones.
    """

    def bag(self, graph: nx.DiGraph[Any]) -> Mapping[Key, float]:
        """Return the paths, from nodes that nothing leads to to nodes that lead to nothing."""
        reached: dict[Any, list[Key]] = {}
        for node in _ordered(graph):
            here = _step(graph.nodes[node])
            arriving = (
                before + _step(data) + here
                for source, _, data in graph.in_edges(node, data=True)
                if is_live(data)
                for before in reached[source]
            )
            # the shortest paths to a node go on from the shortest ones to those before it
            reached[node] = _shortest(arriving) if graph.in_degree(node) else [here]
        ends = (node for node in graph if not graph.out_degree(node))
        return dict.fromkeys(_shortest(path for end in ends for path in reached[end]), 1.0)


class GraphFeatures(BagEncoding):
    """What graphs are compared by: size, depth, density, degrees, centralities, and label counts.

    Of the live part: nodes, edges, length of the longest path, density, mean and variance of
    degree, betweenness and closeness. Of all: how often each label occurs, and how often on edges
    that are not live.
    """

    def bag(self, graph: nx.DiGraph[Any]) -> Mapping[Key, float]:
        """Return the features by name."""
        edges = [data for _, _, data in graph.edges(data=True)]
        counts: Counter[Key] = Counter()
        counts.update(("label", label(data)) for _, data in graph.nodes(data=True))
        counts.update(("label", label(data)) for data in edges)
        counts.update(("dead", label(data)) for data in edges if not is_live(data))
        structure: dict[Key, float] = {(k,): v for k, v in _structure(_live(graph)).items()}
        return {**structure, **{key: float(count) for key, count in counts.items()}}


def _things(decision: Decision, position: int) -> Iterator[tuple[Key, float]]:
    """Yield a category; or of a grid each value up to this one, so that near ones share most.

    The ends of a grid are as far apart as two categories.
    """
    if not isinstance(decision, Grid):
        yield (0, f"{decision.name}={decision.values[position]!r}"), 1.0
        return
    amount = math.sqrt(2 / (len(decision.values) - 1))
    for value in decision.values[1 : position + 1]:
        yield (0, f"{decision.name}>={value!r}"), amount


def _live(graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
    """Return the live edges and the nodes that they join."""
    import networkx as nx

    edges = [(a, b) for a, b, data in graph.edges(data=True) if is_live(data)]
    joined = {node for edge in edges for node in edge}
    live: nx.DiGraph[Any] = nx.DiGraph()
    live.add_nodes_from(node for node in graph if node in joined)
    live.add_edges_from(edges)
    return live


def _structure(graph: nx.DiGraph[Any]) -> dict[str, float]:
    """Return the features of a DAG; all but its size are 0 without edges."""
    import networkx as nx

    nodes = _ordered(graph)
    found = {"nodes": float(len(nodes)), "edges": float(graph.number_of_edges())}
    if not nodes:
        return found
    pivots = nodes[:: -(-len(nodes) // PIVOTS)]
    sampled = len(nodes) > PIVOTS
    between = nx.betweenness_centrality(graph, k=PIVOTS if sampled else None, seed=0)
    found["depth"] = float(nx.dag_longest_path_length(graph, weight=None))
    found["density"] = float(nx.density(graph))
    measured = {
        "degree": [degree for _, degree in graph.degree()],
        "betweenness": list(between.values()),
        "closeness": [nx.closeness_centrality(graph, node) for node in pivots],
    }
    for name, values in measured.items():
        found[f"{name} mean"] = float(np.mean(values))
        found[f"{name} variance"] = float(np.var(values))
    return found


def _ordered(graph: nx.DiGraph[Any]) -> list[Any]:
    """Return the nodes in topological order, earlier ones of the graph first where both can be."""
    import networkx as nx

    place = {node: i for i, node in enumerate(graph)}
    return list(nx.lexicographical_topological_sort(graph, key=place.__getitem__))


def is_live(data: Mapping[str, Any]) -> bool:
    """Tell whether what an edge carries reaches the output."""
    return bool(data.get("live", True))


def label(data: Mapping[str, Any]) -> str:
    """Return the label of a node or an edge; empty if it has none."""
    return str(data.get("label", ""))


def _step(data: Mapping[str, Any]) -> Key:
    text = label(data)
    return (text,) if text else ()


def _shortest(paths: Iterable[Key]) -> list[Key]:
    """Return the different ones in a fixed order, not too many and not too long."""
    cut = {path[:STEPS] for path in paths}
    return sorted(cut, key=lambda path: (len(path), path))[:PATHS]
