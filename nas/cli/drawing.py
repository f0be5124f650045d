"""A directed acyclic graph drawn with text, top to bottom.

Every node has a rail that runs down for as long as edges leave it; every edge is a row that goes
from its source's rail to the column of its target::

    ●     input
    ├─►   nor_conv_3x3
    │ ●   node 1
    ╰─┼─► skip_connect
      ╰─► nor_conv_1x1
        ● output
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import SpaceError

if TYPE_CHECKING:
    import networkx as nx

NODE = "●"


@dataclass(frozen=True)
class Row:
    """One line of a drawing.

    Args:
        rails: the lines to the left, two characters a column.
        label: of the node or edge on this line.
        is_node: whether it is a node's line.
        live: whether the output depends on it.
    """

    rails: str
    label: str
    is_node: bool
    live: bool


def draw(graph: nx.DiGraph[Any]) -> list[Row]:
    """Draw a graph whose nodes and edges carry ``label``, and edges ``live`` if not all are.

    Raises:
        SpaceError: the graph has a cycle.
    """
    import networkx as nx

    position = {node: i for i, node in enumerate(graph)}
    try:
        order = list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))
    except nx.NetworkXUnfeasible:
        raise SpaceError("the architecture's graph has a cycle: it cannot be drawn") from None
    drawing = _Drawing(graph)
    for node in order:
        drawing.add(node)
    return drawing.rows


class _Drawing:
    def __init__(self, graph: nx.DiGraph[Any]) -> None:
        self.rows: list[Row] = []
        self._graph = graph
        self._rails: list[Hashable | None] = []
        self._leaving = {node: graph.out_degree(node) for node in graph}

    def add(self, node: Hashable) -> None:
        """Draw the edges into a node, then the node. Its predecessors are drawn already."""
        sources = sorted(self._graph.predecessors(node), key=self._rails.index)
        if len(sources) == 1 and self._leaving[sources[0]] == 1:
            column = self._rails.index(sources[0])
            self._edge_row(self._bars(), sources[0], node)
        else:
            column = self._free_column()
            for source in sources:
                self._leaving[source] -= 1
                self._edge_row(self._crossing(source, column), source, node)
        cells = self._bars()
        cells[2 * column] = NODE
        label = str(self._graph.nodes[node].get("label", node))
        edges = [*self._graph.in_edges(node, data=True), *self._graph.out_edges(node, data=True)]
        live = not edges or any(_live(attributes) for *_, attributes in edges)
        self.rows.append(Row("".join(cells).rstrip(), label, True, live))
        self._rails[column] = node if self._leaving[node] else None

    def _free_column(self) -> int:
        if None not in self._rails:
            self._rails.append(None)
        return self._rails.index(None)

    def _bars(self) -> list[str]:
        return [c for rail in self._rails for c in (" " if rail is None else "│", " ")]

    def _crossing(self, source: Hashable, column: int) -> list[str]:
        """Lead from the source's rail to the target's column; a rail that is done ends here."""
        start = self._rails.index(source)
        right, ends = start < column, not self._leaving[source]
        cells = self._bars()
        for i in range(2 * min(start, column) + 1, 2 * max(start, column)):
            cells[i] = "┼" if cells[i] == "│" else "─"
        cells[2 * start] = ("╰" if ends else "├") if right else ("╯" if ends else "┤")
        cells[2 * column] = "►" if right else "◄"
        if ends:
            self._rails[start] = None
        return cells

    def _edge_row(self, cells: list[str], source: Hashable, node: Hashable) -> None:
        attributes = self._graph.edges[source, node]
        label = str(attributes.get("label", ""))
        self.rows.append(Row("".join(cells).rstrip(), label, False, _live(attributes)))


def _live(attributes: Mapping[str, Any]) -> bool:
    return bool(attributes.get("live", True))
