"""An architecture's graph as an SVG image."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from nas.pictures.graph_layout import Edge, Layout, lay_out
from nas.pictures.layers import Size, Vertex
from nas.text import one_line

if TYPE_CHECKING:
    import networkx as nx

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LETTER, LINE = 7.25, 16.0
"""Pixels: width of a letter of 12 pixels in these fonts, and height of a line."""
PAD_X, PAD_Y, MARGIN = 9.0, 5.0, 12.0
"""Pixels around the text in a box, and around the whole."""
LONGEST, MOST = 28, 4
"""Letters on a line of a label, and lines; what is longer is in the box's title."""
ARROW = 7.0

# Each is legible on its box and the lines stand out on white and on black: 4.5 and 3 to 1 at least.
INK, LINES, DEAD = "#1b1f24", "#767676", "#8a8a8a"
NODE_FILL, OPERATION_FILL, DEAD_FILL, DEAD_INK = "#ffffff", "#dcecf7", "#efefef", "#636363"
DASHES = "4 3"


def architecture_svg(graph: nx.DiGraph[Any], *, title: str = "") -> str:
    """Draw an architecture's graph as a whole SVG document, legible on light and on dark.

    Nodes are white boxes, operations on edges blue ones; what the output does not depend on is grey
    and dashed. It has no script, no style and no link, and every text in it is escaped.

    Args:
        graph: the DAG, as ``Space.graph`` returns it: nodes and edges carry ``label``, and edges
            ``live`` if not all are.
        title: of the image, for those who hear or hover it.

    Raises:
        SpaceError: the graph has a cycle, or no node.
    """
    labels = {node: _lines(graph.nodes[node].get("label", node)) for node in graph}
    chips = {
        (u, v): _lines(attributes["label"])
        for u, v, attributes in graph.edges(data=True)
        if str(attributes.get("label", "")).strip()
    }
    layout = lay_out(
        graph,
        {node: _size(lines) for node, lines in labels.items()},
        {edge: _size(lines) for edge, lines in chips.items()},
    )
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    return "".join(
        (
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'width="{_px(width)}" height="{_px(height)}" '
            f'viewBox="{_px(-MARGIN)} {_px(-MARGIN)} {_px(width)} {_px(height)}">',
            f"<title>{_text(title or 'Architecture')}</title>",
            f"<desc>{_text(_described(graph))}</desc>",
            f'<g font-family="{FONT}" font-size="12" text-anchor="middle">',
            *_drawn_edges(graph, layout),
            *_drawn_boxes(graph, layout, labels, chips),
            "</g></svg>\n",
        )
    )


def _drawn_edges(graph: nx.DiGraph[Any], layout: Layout) -> Iterator[str]:
    edges = sorted(layout.edges.items(), key=lambda item: _live_edge(graph, item[0]))
    for edge, chain in edges:
        live = _live_edge(graph, edge)
        look = f'stroke="{LINES}"' if live else f'stroke="{DEAD}" stroke-dasharray="{DASHES}"'
        for run in _runs(chain):
            yield f'<path d="{_path(run, layout.bands)}" fill="none" stroke-width="1.5" {look}/>'
        end, top = chain[-1], _box_top(chain[-1], layout)
        x, wing = end.x + _aim(chain[-2], end), ARROW / 2
        yield (
            f'<path d="M{_px(x)} {_px(top)}l{_px(-wing)} {_px(-ARROW)}h{_px(ARROW)}z" '
            f'fill="{LINES if live else DEAD}"/>'
        )


def _runs(chain: Sequence[Vertex]) -> Iterator[Sequence[Vertex]]:
    """Cut the line of an edge at the box of its label."""
    start = 0
    for i in range(1, len(chain)):
        if chain[i].key is not None:
            yield chain[start : i + 1]
            start = i


def _path(run: Sequence[Vertex], bands: Sequence[tuple[float, float]]) -> str:
    first, last = run[0], run[-1]
    middle = sum(bands[first.level]) / 2
    parts = [f"M{_px(first.x + _aim(run[1], first))} {_px(middle + first.size[1] / 2)}"]
    parts.append(f"V{_px(bands[first.level][1])}")
    for upper, lower in pairwise(run):
        start = upper.x + (_aim(run[1], first) if upper is first else 0.0)
        end = lower.x + (_aim(run[-2], last) if lower is last else 0.0)
        y, next_y = bands[upper.level][1], bands[lower.level][0]
        next_y -= ARROW if lower is last and not last.is_label else 0.0
        bend = (y + next_y) / 2
        if start == end:
            parts.append(f"V{_px(next_y)}")
        else:
            parts.append(
                f"C{_px(start)} {_px(bend)} {_px(end)} {_px(bend)} {_px(end)} {_px(next_y)}"
            )
        if lower is not last:
            parts.append(f"V{_px(bands[lower.level][1])}")
    parts.append(f"V{_px(sum(bands[last.level]) / 2 - last.size[1] / 2)}")
    return "".join(parts)


def _aim(other: Vertex, box: Vertex) -> float:
    """Return how far from the middle of a box a line to another vertex meets it."""
    room = max(box.half - PAD_X, 0.0)
    return min(max((other.x - box.x) / 4, -room), room) if box.half else 0.0


def _box_top(vertex: Vertex, layout: Layout) -> float:
    return sum(layout.bands[vertex.level]) / 2 - vertex.size[1] / 2


def _drawn_boxes(
    graph: nx.DiGraph[Any],
    layout: Layout,
    labels: Mapping[Hashable, Sequence[str]],
    chips: Mapping[Edge, Sequence[str]],
) -> Iterator[str]:
    for node, vertex in layout.nodes.items():
        label = one_line(graph.nodes[node].get("label", node))
        yield _box(vertex, layout, labels[node], label, NODE_FILL, _live_node(graph, node))
    for edge, chain in layout.edges.items():
        for vertex in chain[1:-1]:
            if vertex.key == edge:
                label = one_line(graph.edges[edge]["label"])
                live = _live_edge(graph, edge)
                yield _box(vertex, layout, chips[edge], label, OPERATION_FILL, live)


def _box(
    vertex: Vertex, layout: Layout, lines: Sequence[str], label: str, fill: str, live: bool
) -> str:
    width, height = vertex.size
    top = _box_top(vertex, layout)
    radius = 9 if fill == OPERATION_FILL else 3
    look = (
        f'fill="{fill}" stroke="{LINES}"'
        if live
        else (f'fill="{DEAD_FILL}" stroke="{DEAD}" stroke-dasharray="{DASHES}"')
    )
    x, first = _px(vertex.x), top + PAD_Y + 0.75 * LINE
    shown = "".join(
        f'<tspan x="{x}" y="{_px(first + LINE * i)}">{_text(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    return (
        f"<g><title>{_text(label if live else f'{label} (no effect)')}</title>"
        f'<rect x="{_px(vertex.x - width / 2)}" y="{_px(top)}" width="{_px(width)}" '
        f'height="{_px(height)}" rx="{radius}" {look}/>'
        f'<text fill="{INK if live else DEAD_INK}">{shown}</text></g>'
    )


def _live_edge(graph: nx.DiGraph[Any], edge: Edge) -> bool:
    return bool(graph.edges[edge].get("live", True))


def _live_node(graph: nx.DiGraph[Any], node: Hashable) -> bool:
    edges = [*graph.in_edges(node), *graph.out_edges(node)]
    return not edges or any(_live_edge(graph, edge) for edge in edges)


def _described(graph: nx.DiGraph[Any]) -> str:
    """Say the graph in words: its edges, one by one."""
    said = []
    for u, v, attributes in graph.edges(data=True):
        ends = [one_line(graph.nodes[node].get("label", node)) for node in (u, v)]
        operation = one_line(attributes.get("label", ""))
        dead = "" if _live_edge(graph, (u, v)) else ", no effect"
        said.append(f"{ends[0]} to {ends[1]}{f': {operation}' if operation else ''}{dead}")
    return "; ".join(said)


def _lines(label: object) -> list[str]:
    """Break a label into lines, between words if it can be; dots stand for what is too much."""
    lines = [""]
    for word in one_line(label).split(" "):
        for piece in _pieces(word):
            room = LONGEST - _letters(lines[-1]) - bool(lines[-1])
            if _letters(piece) <= room:
                lines[-1] = f"{lines[-1]} {piece}" if lines[-1] else piece
            else:
                lines.append(piece)
    return lines if len(lines) <= MOST else [*lines[: MOST - 1], f"{lines[MOST - 1][:-1]}…"]


def _pieces(word: str) -> Iterator[str]:
    piece = ""
    for letter in word:
        if _letters(piece + letter) > LONGEST:
            yield piece
            piece = ""
        piece += letter
    yield piece


def _letters(text: str) -> int:
    """Return how many columns a text takes: wide East Asian letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _size(lines: Sequence[str]) -> Size:
    return LETTER * max(map(_letters, lines)) + 2 * PAD_X, LINE * len(lines) + 2 * PAD_Y


def _text(text: str) -> str:
    return escape(one_line(text), {'"': "&quot;", "'": "&#39;"})


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
