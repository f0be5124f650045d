"""One text for all NAS-Bench-201 cells that are the same network.

Two cells are the same network if a one-to-one map between their live weighted layers makes them
compute the same for every input and all weights, in training and in evaluation (up to the
rounding of float arithmetic). Then they also have the same gradients, so training them gives the
same distribution of results. Only that is merged, by rules that hold exactly:

* ``none`` is zero; a skip is its source; what the output does not depend on is left out.
* A node is a sum: its order does not matter, but ``x + x`` is ``2 x``, which is not ``x``.
* Average pooling is linear: ``pool(a + b) = pool(a) + pool(b)``, and it keeps a constant map.
* ReLU-Conv-BN of zero is the shift of its batch norm: a trainable constant per channel, whatever
  the kernel. It is not zero.
* Two convolutions of the same thing have weights of their own, so ``f(x) + g(x)`` is never
  ``2 f(x)``.

So every node is a sum of terms ``count * pool^k(base)``, where a base is the cell's input or one
weighted layer, and each layer has such a sum as its source. What remains is to number the layers
independently of the edges they stand on: layers that look alike are tried in every order and the
smallest text wins, which is exact and needs at most 24 tries.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from nas_cells.cell import CONVOLUTIONS, EDGES, OUTPUT, POOL, SKIP, Edge

_INPUT = -1
_BIAS = "bias"

Term = tuple[int, int]
"""The cell's input or a layer's number, and how often it is pooled."""

Sum = Mapping[Term, int]
"""How often each term is added."""


@dataclass(frozen=True)
class Layer:
    """One ReLU-Conv-BN.

    Args:
        edge: where it stands.
        kind: its operation, or ``bias`` if its source is zero.
        source: what it is applied to.
    """

    edge: Edge
    kind: str
    source: Sum


@dataclass(frozen=True)
class CanonicalCell:
    """What all cells that are the same network share.

    Args:
        form: the text that they share.
        edges: where each layer of the text stands in the cell it was made from. Layers at the same
            position correspond to each other in all cells of one form.
    """

    form: str
    edges: tuple[Edge, ...]


@cache  # of at most 5**6 cells
def canonical_cell(operations: tuple[str, ...]) -> CanonicalCell:
    """Return the canonical form of the cell with these operations on ``EDGES``."""
    layers, output = _sums(operations)
    alike: defaultdict[str, list[int]] = defaultdict(list)
    looks = {_INPUT: "x"}
    for number in _live(layers, output):
        layer = layers[number]
        looks[number] = f"{layer.kind}({_spell(layer.source, looks)})"
        alike[looks[number]].append(number)
    # The text of what a layer is applied to is shorter than its own: sources come first.
    groups = [alike[look] for look in sorted(alike, key=lambda look: (len(look), look))]
    form, order = min((_write(layers, output, order), order) for order in _orders(groups))
    return CanonicalCell(form, tuple(layers[number].edge for number in order))


def _sums(operations: tuple[str, ...]) -> tuple[list[Layer], Sum]:
    """Return the weighted layers, sources before what they feed, and the cell's output."""
    layers: list[Layer] = []
    nodes: list[Counter[Term]] = [Counter({(_INPUT, 0): 1}), *(Counter() for _ in range(OUTPUT))]
    for (source, target), operation in zip(EDGES, operations, strict=True):
        value = nodes[source]
        if operation == SKIP:
            nodes[target].update(value)
        elif operation == POOL:
            nodes[target].update(_pooled(value, layers))
        elif operation in CONVOLUTIONS:
            layers.append(Layer((source, target), operation if value else _BIAS, value))
            nodes[target][len(layers) - 1, 0] += 1
    return layers, nodes[OUTPUT]


def _pooled(value: Sum, layers: Sequence[Layer]) -> dict[Term, int]:
    return {
        (base, pools if base != _INPUT and layers[base].kind == _BIAS else pools + 1): count
        for (base, pools), count in value.items()
    }


def _live(layers: Sequence[Layer], output: Sum) -> list[int]:
    live = {base for base, _ in output}
    for number in reversed(range(len(layers))):
        if number in live:
            live.update(base for base, _ in layers[number].source)
    return sorted(live - {_INPUT})


def _orders(groups: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Yield every order of the layers that keeps the groups one after the other."""
    for parts in itertools.product(*map(itertools.permutations, groups)):
        yield tuple(itertools.chain.from_iterable(parts))


def _write(layers: Sequence[Layer], output: Sum, order: Sequence[int]) -> str:
    names = {_INPUT: "x"} | dict(zip(order, "abcdef", strict=False))
    lines = [f"{names[i]}={layers[i].kind}({_spell(layers[i].source, names)})" for i in order]
    return "; ".join([*lines, f"out={_spell(output, names)}"])


def _spell(value: Sum, names: Mapping[int, str]) -> str:
    terms = (
        (f"{count}*" if count > 1 else "") + "pool(" * pools + names[base] + ")" * pools
        for (base, pools), count in value.items()
    )
    return " + ".join(sorted(terms)) or "0"
