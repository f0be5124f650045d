"""The NAS-Bench-201 cell: its operations, its edges, its official text, its live part.

A cell has 4 nodes. Node 0 is its input, node 3 its output. Every node receives the sum of one
operation on each earlier node (Dong & Yang, ICLR 2020, arXiv:2001.00326, section 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from nas.errors import SpaceError
from nas.suggest import did_you_mean, listed

Edge = tuple[int, int]
"""From an earlier node to a later one."""

NONE = "none"
SKIP = "skip_connect"
CONV_1X1 = "nor_conv_1x1"
CONV_3X3 = "nor_conv_3x3"
POOL = "avg_pool_3x3"

OPERATIONS = (NONE, SKIP, CONV_1X1, CONV_3X3, POOL)
CONVOLUTIONS = (CONV_1X1, CONV_3X3)

OUTPUT = 3
EDGES: tuple[Edge, ...] = tuple((i, j) for j in range(1, OUTPUT + 1) for i in range(j))
"""All edges, in the order of the official text."""

_EXAMPLE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"

Operations = Mapping[Edge, str]
"""The operation on each of ``EDGES``."""


def edge_name(edge: Edge) -> str:
    """Return the name of an edge's decision and module, such as ``edge_0_1``."""
    return f"edge_{edge[0]}_{edge[1]}"


def write(operations: Operations) -> str:
    """Return the official text, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
    nodes = (
        "".join(f"|{operations[source, target]}~{source}" for source in range(target)) + "|"
        for target in range(1, OUTPUT + 1)
    )
    return "+".join(nodes)


def read(text: str) -> dict[Edge, str]:
    """Read the official text, in the official order only.

    Raises:
        SpaceError: naming the first thing that is wrong and what was expected there.
    """
    nodes = text.split("+")
    if len(nodes) != OUTPUT:
        raise _wrong(text, f"it has {len(nodes)} nodes joined by '+', not {OUTPUT}")
    return {
        (source, target): _operation(text, item, source, target)
        for target, node in enumerate(nodes, start=1)
        for source, item in enumerate(_items(text, node, target))
    }


def _items(text: str, node: str, target: int) -> list[str]:
    if len(node) < 2 or not (node.startswith("|") and node.endswith("|")):
        raise _wrong(text, f"node {target} is {node!r}, which does not stand between '|' and '|'")
    items = node[1:-1].split("|")
    if len(items) != target:
        raise _wrong(text, f"node {target} has {len(items)} inputs, not {target}")
    return items


def _operation(text: str, item: str, source: int, target: int) -> str:
    operation, _, origin = item.rpartition("~")
    if origin != str(source):
        raise _wrong(text, f"input {source} of node {target} is {item!r}, not 'operation~{source}'")
    if operation not in OPERATIONS:
        raise _wrong(
            text,
            f"{operation!r} in node {target} is no operation."
            f"{did_you_mean(operation, OPERATIONS)} There are: {listed(OPERATIONS)}",
        )
    return operation


def _wrong(text: str, why: str) -> SpaceError:
    return SpaceError(f"no NAS-Bench-201 cell: {text[:160]!r}: {why}. An example: {_EXAMPLE!r}")


def live_edges(operations: Operations) -> tuple[Edge, ...]:
    """Return the edges that the cell's output depends on, in the order of ``EDGES``.

    An edge is dead if it is ``none``, if no path leads from it to the output, or if it passes on
    (by skip or pooling) a node that is always zero. A convolution of a zero node is live: its
    batch norm adds a trainable constant.
    """
    given = tuple(edge for edge in EDGES if operations[edge] != NONE)
    nonzero = {0}
    feeding = []
    for source, target in given:
        if source in nonzero or operations[source, target] in CONVOLUTIONS:
            nonzero.add(target)
            feeding.append((source, target))
    needed = {OUTPUT}
    for source, target in reversed(feeding):
        if target in needed:
            needed.add(source)
    return tuple(edge for edge in feeding if edge[1] in needed)
