"""Weisfeiler-Lehman features of the labelled DAG."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.architecture import digest
from nas_predictors.graph_encodings import BagEncoding, Key, is_live, label

if TYPE_CHECKING:
    import networkx as nx

ITERATIONS = 3
"""Steps from a vertex that its neighbourhood is looked at."""


class WeisfeilerLehman(BagEncoding):
    """How often each rooted neighbourhood occurs (Shervashidze et al., JMLR 12, 2011).

    A step replaces every label by itself and those of the vertices that lead to it; what is
    counted are the labels after 0 to 3 steps. Where every edge carries an operation, edges are the
    vertices, as B. Ru et al. (NAS-BOWL, ICLR 2021, arXiv:2006.07556) do for NAS-Bench-201; parts
    that are not live are left out. So isomorphic networks have equal features.
    """

    def bag(self, graph: nx.DiGraph[Any]) -> Mapping[Key, float]:
        """Return counts by step and label."""
        vertices = _vertices(graph)
        labels: dict[Any, str] = dict(vertices.nodes(data="label"))
        counts: Counter[Key] = Counter((0, text) for text in labels.values())
        for step in range(1, 1 + ITERATIONS):
            labels = {v: _seen_from(labels, v, vertices.predecessors(v)) for v in vertices}
            counts.update((step, text) for text in labels.values())
        return {key: float(count) for key, count in counts.items()} or {(0, ""): 1.0}

    def learn(self, descriptions: Sequence[Sequence[Any]]) -> None:
        """Take what is most frequent, the labels after fewer steps first."""
        super().learn(descriptions)
        self._columns = {key: column for column, key in enumerate(sorted(self._columns))}

    def groups(self, columns: int) -> Sequence[int]:
        """One for each number of steps."""
        found = Counter(key[0] for key in self._columns)
        return [found[step] for step in sorted(found)]


def _seen_from(labels: Mapping[Any, str], vertex: Any, sources: Iterable[Any]) -> str:
    # networkx has hashes for this too, but they change from version to version
    around = sorted(labels[source] for source in sources)
    return digest(json.dumps([labels[vertex], around]))


def _vertices(graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
    """Return the graph with labels on vertices only."""
    import networkx as nx

    live = [(a, b, label(data)) for a, b, data in graph.edges(data=True) if is_live(data)]
    found: nx.DiGraph[Any] = nx.DiGraph()
    if live and all(text for _, _, text in live):
        found.add_nodes_from(((a, b), {"label": text}) for a, b, text in live)
        found.add_edges_from(((a, b), (c, d)) for a, b, _ in live for c, d, _ in live if b == c)
        return found
    joined = {end for a, b, _ in live for end in (a, b)} or set(graph)
    found.add_nodes_from((n, {"label": label(graph.nodes[n])}) for n in graph if n in joined)
    for a, b, text in live:
        if text:
            found.add_node((a, b), label=text)
        found.add_edges_from([(a, (a, b)), ((a, b), b)] if text else [(a, b)])
    return found
