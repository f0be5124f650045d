"""What a filter's or a command's proxies come down to: proxies, and aggregates of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.abstract.aggregate import Aggregate
from nas.abstract.proxy import Proxy
from nas.config import Named
from nas.errors import PluginError


@dataclass(frozen=True)
class Leaf:
    """A proxy, and what it is called among others."""

    name: str
    proxy: Proxy


@dataclass(frozen=True)
class Branch:
    """An aggregate and its parts."""

    name: str
    aggregate: Aggregate
    parts: tuple[Tree, ...]


Tree = Leaf | Branch


def grow(
    named: Named, build: Callable[[Named], Proxy | Aggregate], above: tuple[str, ...] = ()
) -> Tree:
    """Build a proxy, or an aggregate with its parts.

    Args:
        named: which one.
        build: builds the component of that name and these parameters.
        above: the aggregates that it is part of.

    Raises:
        PluginError: an aggregate is part of itself.
    """
    name, built = label(named), build(named)
    if isinstance(built, Proxy):
        return Leaf(name, built)
    if name in above:
        raise PluginError(f"the aggregate {name!r} is part of itself: {' > '.join(above)}")
    parts = [Named.model_validate(part) for part in built.proxies]
    grown = tuple(grow(part, build, (*above, name)) for part in parts)
    return Branch(name, built, grown)


def label(named: Named) -> str:
    """Return the name, with what was set of its parameters."""
    values = ", ".join(f"{key}={value!r}" for key, value in sorted(named.parameters.items()))
    return f"{named.name}({values})" if values else named.name


def proxies(trees: Sequence[Tree]) -> dict[str, Proxy]:
    """Return every proxy once, by what it is called."""
    return {leaf.name: leaf.proxy for tree in trees for leaf in _leaves(tree)}


def values(tree: Tree, scores: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """Return ``(architectures,)`` scores; of an aggregate, those relative to each other.

    Args:
        scores: of each proxy, for each architecture; NaN where it has none.
    """
    if isinstance(tree, Leaf):
        return np.asarray(scores[tree.name], dtype=np.float64)
    return tree.aggregate.combine([values(part, scores) for part in tree.parts])


def _leaves(tree: Tree) -> Iterator[Leaf]:
    if isinstance(tree, Leaf):
        yield tree
    else:
        for part in tree.parts:
            yield from _leaves(part)
