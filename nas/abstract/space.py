"""Search spaces: the decisions and how to build a network; the rest follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Value, digest
from nas.decisions import Decision, DecisionTree
from nas.errors import SpaceError
from nas.seeds import Rng, below

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nas.parametrization import Parametrization
    from nas.source import NetworkSource


class Space(ABC):
    """A set of architectures: how to draw one, change one, encode one, build one.

    An author writes ``decisions`` and ``build``. Whoever knows more about the space overrides
    ``canonical_form``, ``format``, ``parse``, ``graph`` or ``source``. A builder that takes
    ``input_shape`` or ``classes`` is given those of the data set, unless the config sets them.

    Attributes:
        input_shape: one sample without the batch, ``(channels, height, width)`` or ``(features,)``.
        classes: number of outputs of a built network; its output is ``(batch, classes)``.
    """

    input_shape: tuple[int, ...]
    classes: int

    @property
    @abstractmethod
    def decisions(self) -> Sequence[Decision]:
        """The decisions, parents before those that depend on them."""

    @abstractmethod
    def build(self, architecture: Architecture) -> torch.nn.Module:
        """Return an untrained network: ``(batch, *input_shape)`` to ``(batch, classes)``.

        Initial weights come from torch's global generator, on torch's default device.
        """

    def canonical_form(self, architecture: Architecture) -> str:
        """Return a text that two architectures share only if they are the same network."""
        # Equal architectures can differ in order or spelling (1 for True) until they are read.
        return self.architecture(architecture).to_json()

    def format(self, architecture: Architecture) -> str:
        """Return the space's own string form."""
        return architecture.to_json()

    def parse(self, text: str) -> Architecture:
        """Read what ``format`` wrote. Raises ``SpaceError`` on anything else."""
        try:
            values = Architecture.from_json(text)
        except ValueError as error:
            raise SpaceError(f"not an architecture of this space: {error}") from None
        return self.architecture(values)

    def graph(self, architecture: Architecture) -> nx.DiGraph[Any]:
        """Return the labelled DAG; nodes and edges carry ``label``. By default, a chain."""
        import networkx as nx

        labels = ["input", *(f"{k}={v}" for k, v in architecture.items()), "output"]
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_nodes_from((i, {"label": label}) for i, label in enumerate(labels))
        graph.add_edges_from(((i, i + 1) for i in range(len(labels) - 1)), label="")
        return graph

    def source(self, architecture: Architecture) -> NetworkSource | None:
        """Return the network as Python that needs only torch, for the exporter ``python``.

        Layers written out in plain code, for people to read and go on from. By default None: the
        space does not offer that.
        """
        return None

    @property
    def networks(self) -> Space:
        """The space of the networks alone; another one if some decisions are about training."""
        return self

    def network_of(self, architecture: Architecture) -> Architecture:
        """Return the member of ``networks`` that an architecture trains."""
        return architecture

    @final
    @cached_property
    def tree(self) -> DecisionTree:
        """The checked decisions."""
        return DecisionTree(self.decisions)

    @final
    @property
    def size(self) -> int:
        """The exact number of architectures (isomorphic ones counted each)."""
        return self.tree.size

    @final
    def canonical_id(self, architecture: Architecture) -> str:
        """Return 20 hexadecimal digits that the same networks share."""
        return digest(self.canonical_form(architecture))

    @final
    def architecture(self, decisions: Mapping[str, Value]) -> Architecture:
        """Return the member with exactly these active decisions, or raise ``SpaceError``."""
        if isinstance(decisions, Architecture) and decisions.was_read_by(self.tree):
            return decisions
        return self._at(self.tree.read(decisions))

    @final
    def __contains__(self, architecture: object) -> bool:
        if not isinstance(architecture, Architecture):
            return False
        try:
            return self.architecture(architecture) == architecture
        except SpaceError:
            return False

    @final
    def architectures(self) -> Iterator[Architecture]:
        """Yield every member once, in lexicographic order, without keeping any."""
        return map(self._at, self.tree.points())

    @final
    def sample(self, rng: Rng) -> Architecture:
        """Draw one: each active decision uniformly, parents first."""
        return self._at(self.tree.complete({}, rng))

    @final
    def mutate(self, architecture: Architecture, rng: Rng) -> Architecture:
        """Change one active decision to another value, both uniformly.

        Decisions that this activates are drawn. Returns the architecture itself only if no
        decision has a second value.
        """
        point = self.tree.read(architecture)
        free = [d for d in self.tree.decisions if d.name in point and len(d.values) > 1]
        if not free:
            return architecture
        decision = free[below(len(free), rng)]
        shift = 1 + below(len(decision.values) - 1, rng)
        index = (point[decision.name] + shift) % len(decision.values)
        return self._at(self.tree.complete({**point, decision.name: index}, rng))

    @final
    def crossover(self, a: Architecture, b: Architecture, rng: Rng) -> Architecture:
        """Take each decision from either parent with equal chance (uniform crossover).

        A decision active in the child and in one parent only comes from that parent.
        """
        first, second = self.tree.read(a), self.tree.read(b)
        child: dict[str, int] = {}
        for decision in self.tree.decisions:
            chosen, other = (first, second) if rng.random() < 0.5 else (second, first)
            index = chosen.get(decision.name, other.get(decision.name))
            if index is not None:
                child[decision.name] = index
        return self._at(self.tree.complete(child, rng))

    @final
    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return all that differ in one decision: any other category, or one step in order.

        Decisions that such a change activates take their first value.
        """
        point = self.tree.read(architecture)
        return [
            self._at(self.tree.complete({**point, decision.name: index}))
            for decision in self.tree.decisions
            if decision.name in point
            for index in decision.adjacent(point[decision.name])
        ]

    @final
    def encode(self, architecture: Architecture) -> NDArray[np.int64]:
        """Return ``(decisions,)`` integers: each value's position, -1 where inactive."""
        point = self.tree.read(architecture)
        return np.array([point.get(d.name, -1) for d in self.tree.decisions], dtype=np.int64)

    @final
    def decode(self, encoding: Sequence[int] | NDArray[Any]) -> Architecture:
        """Return the member at these positions; entries of inactive decisions are ignored."""
        decisions = self.tree.decisions
        if len(encoding) != len(decisions):
            raise SpaceError(f"expected {len(decisions)} positions, not {len(encoding)}")
        if not all(float(index).is_integer() for index in encoding):
            raise SpaceError(f"positions are integers, not {list(encoding)}")
        point = self.tree.complete(
            {d.name: int(index) for d, index in zip(decisions, encoding, strict=True)}
        )
        for decision in decisions:
            if not 0 <= point.get(decision.name, 0) < len(decision.values):
                raise SpaceError(
                    f"decision {decision.name!r} has no position {point[decision.name]}"
                )
        return self._at(point)

    @final
    def one_hot(self, architecture: Architecture) -> NDArray[np.float32]:
        """Return ``(sum of choices,)`` zeros and ones; all zeros for an inactive decision."""
        offsets = self.tree.offsets
        row = np.zeros(offsets[-1], dtype=np.float32)
        for offset, index in zip(offsets, self.encode(architecture).tolist(), strict=False):
            if index >= 0:
                row[offset + index] = 1.0
        return row

    @final
    def parametrization(self) -> Parametrization:
        """Return the space for nevergrad; see ``nas.parametrization.Parametrization``."""
        from nas.parametrization import Parametrization

        return Parametrization(self)

    def _at(self, point: Mapping[str, int]) -> Architecture:
        values = self._values
        return Architecture(
            [(name, values[name][index]) for name, index in point.items()], self.tree
        )

    @cached_property
    def _values(self) -> dict[str, tuple[Value, ...]]:
        return {decision.name: decision.values for decision in self.tree.decisions}
