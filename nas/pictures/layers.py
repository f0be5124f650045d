"""Layers of a drawn DAG: which order within a layer crosses few lines, and which places are short.

Sources: K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical
system structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), for barycentres;
E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, "A technique for drawing directed graphs",
IEEE Transactions on Software Engineering 19 (1993), for transpositions and the linear program.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np

GAP = 18.0
"""Pixels between two neighbours in a layer."""
SWEEPS = 24
"""Times that the layers are ordered by their neighbours, down and up in turn."""
TRIES, TRIED = 12, 600
"""Beginnings that are tried at most, and vertices in all of them together."""
WIDEST = 60
"""Vertices in a layer beyond which neighbours are not exchanged one by one."""

Size = tuple[float, float]


@dataclass(eq=False)
class Vertex:
    """A box, or the place where a line passes a layer.

    Args:
        level: of its layer, from the top.
        size: width and height in pixels; a line that passes has none.
        key: the node, or the edge whose label the box holds; None where a line passes.
        is_label: whether it is an edge's.
        above: the vertices that a line comes from.
        below: those that one goes to.
        x: of its centre, in pixels.
        place: in its layer.
    """

    level: int
    size: Size = (0.0, 0.0)
    key: Hashable = None
    is_label: bool = False
    above: list[Vertex] = field(default_factory=list, repr=False)
    below: list[Vertex] = field(default_factory=list, repr=False)
    x: float = 0.0
    place: int = 0

    @property
    def half(self) -> float:
        """Half its width."""
        return self.size[0] / 2


Layer = list[Vertex]


def order(layers: Sequence[Layer]) -> None:
    """Order every layer in place so that few lines cross; the same layers give the same order."""
    rng = Random(0)
    tries = min(max(TRIED // sum(map(len, layers)), 1), TRIES)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for attempt in range(tries):
        if attempt:
            for layer in layers:
                _settle(layer, rng.sample(layer, len(layer)))
        for sweep in range(SWEEPS):
            if fewest == 0:
                break
            down = sweep % 2 == 0
            for layer in layers[1:] if down else layers[-2::-1]:
                _by_barycentre(layer, down=down)
            _transpose(layers)
            if (now := _crossings(layers)) < fewest:
                best, fewest = [list(layer) for layer in layers], now
    for layer, kept in zip(layers, best, strict=True):
        _settle(layer, kept)


def _settle(layer: Layer, vertices: Sequence[Vertex]) -> None:
    layer[:] = vertices
    for i, vertex in enumerate(layer):
        vertex.place = i


def _by_barycentre(layer: Layer, *, down: bool) -> None:
    centres = {}
    for vertex in layer:
        near = vertex.above if down else vertex.below
        mean = sum(v.place for v in near) / len(near) if near else vertex.place
        centres[vertex] = mean
    _settle(layer, sorted(layer, key=centres.__getitem__))


def _crossings(layers: Sequence[Layer]) -> int:
    """Return how many lines cross: inversions between each two layers."""
    crossed = 0
    for layer in layers:
        for i, vertex in enumerate(layer):
            vertex.place = i
    for layer in layers:
        ends: list[int] = []
        for vertex in layer:
            now = sorted(v.place for v in vertex.below)
            crossed += sum(len(ends) - bisect_right(ends, end) for end in now)
            for end in now:
                insort(ends, end)
    return crossed


def _transpose(layers: Sequence[Layer]) -> None:
    """Exchange neighbours in a layer as long as that crosses fewer lines."""
    better = True
    while better:
        better = False
        for layer in layers:
            if len(layer) > WIDEST:
                continue
            for i in range(len(layer) - 1):
                left, right = layer[i], layer[i + 1]
                if _crossed(left, right) > _crossed(right, left):
                    layer[i], layer[i + 1] = right, left
                    left.place, right.place = i + 1, i
                    better = True


def _crossed(left: Vertex, right: Vertex) -> int:
    """Return how many lines of two neighbours cross in this order."""
    return sum(
        a.place > b.place
        for first, second in ((left.above, right.above), (left.below, right.below))
        for a in first
        for b in second
    )


def put(layers: Sequence[Layer]) -> None:
    """Give every vertex its ``x``: in its layer's order, the lines as short as can be."""
    vertices = [vertex for layer in layers for vertex in layer]
    lines = [(v, w) for v in vertices for w in v.below]
    found = _shortest(vertices, layers, lines)
    for vertex, x in zip(vertices, found.tolist(), strict=True):
        vertex.x = x
    for _ in range(8):
        for layer in (*layers, *reversed(layers)):
            _centre(layer)


def _weight(v: Vertex, w: Vertex) -> float:
    """Return how straight a line shall be: the more so, the longer it is, or from node to node."""
    if not (v.key is None or w.key is None or v.is_label or w.is_label):
        return 3.0
    return (1.0, 2.0, 8.0)[(v.key is None) + (w.key is None)]


def _shortest(
    vertices: Sequence[Vertex], layers: Sequence[Layer], lines: Sequence[tuple[Vertex, Vertex]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Solve the linear program: the least weighted sum of ``|x_v - x_w|``, neighbours apart."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    index = {vertex: i for i, vertex in enumerate(vertices)}
    n = len(vertices)
    entries: list[tuple[int, int, float]] = []  # of A in A x <= b: row, column, value
    bounds: list[float] = []
    for k, (v, w) in enumerate(lines):
        for sign in (1.0, -1.0):
            row = len(bounds)
            entries += [(row, index[v], sign), (row, index[w], -sign), (row, n + k, -1.0)]
            bounds.append(0.0)
    for layer in layers:
        for left, right in pairwise(layer):
            row = len(bounds)
            entries += [(row, index[left], 1.0), (row, index[right], -1.0)]
            bounds.append(-_apart(left, right))
    if not bounds:
        return np.zeros(n)
    rows, columns, values = zip(*entries, strict=True)
    total = n + len(lines)
    matrix = coo_array((values, (rows, columns)), shape=(len(bounds), total)).tocsr()
    cost = np.concatenate([np.zeros(n), [_weight(v, w) for v, w in lines]])
    solved = linprog(cost, A_ub=matrix, b_ub=bounds, bounds=(0, None), method="highs")
    return np.asarray(solved.x[:n], dtype=np.float64)


def _apart(left: Vertex, right: Vertex) -> float:
    return left.half + right.half + GAP


def _centre(layer: Layer) -> None:
    """Move each vertex to the middle of where its lines are as short, as far as there is room."""
    for i, vertex in enumerate(layer):
        near = [(w.x, _weight(vertex, w)) for w in (*vertex.above, *vertex.below)]
        if not near:
            continue
        low, high = _medians(near)
        left = layer[i - 1].x + _apart(layer[i - 1], vertex) if i else -np.inf
        right = layer[i + 1].x - _apart(vertex, layer[i + 1]) if i + 1 < len(layer) else np.inf
        if left <= right:
            vertex.x = float(min(max((low + high) / 2, left), right))


def _medians(near: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the lowest and the highest weighted median of ``(value, weight)``."""
    half = sum(weight for _, weight in near) / 2
    below = 0.0
    ordered = sorted(near)
    for i, (value, weight) in enumerate(ordered):
        below += weight
        if below > half:
            return value, value
        if below == half:
            return value, ordered[i + 1][0]
    return ordered[-1][0], ordered[-1][0]
