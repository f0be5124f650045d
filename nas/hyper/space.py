"""A search space of networks and of how they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.decisions import Decision
from nas.errors import SpaceError
from nas.hyper.ranges import PREFIX, Ranges, decisions, read_ranges

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nas.source import NetworkSource


class WithHyper(Space):
    """The product of a space and the values of an evaluator's parameters.

    Two architectures that differ in such a value are two candidates; they build the same network.

    Args:
        space: of the networks.
        ranges: of the parameters.

    Raises:
        SpaceError: a choice that cannot be archived, or a condition on a value that cannot be.
        ConfigError: a condition on a parameter that is not searched.
    """

    def __init__(self, space: Space, ranges: Ranges) -> None:
        self._space, self._own = space, decisions(ranges)
        self._names = frozenset(decision.name for decision in self._own)
        self.input_shape, self.classes = tuple(space.input_shape), space.classes
        self.tree  # noqa: B018 - complains now rather than in the middle of a search

    @classmethod
    def of(cls, space: Space, ranges: object) -> WithHyper:
        """Return the product, given ranges as JSON values. Raises ``ConfigError``."""
        return cls(space, read_ranges(ranges))

    @property
    def decisions(self) -> Sequence[Decision]:
        """Those of the networks, then ``hyper.NAME`` for each parameter."""
        return [*self._space.decisions, *self._own]

    @property
    def networks(self) -> Space:
        """The space of the networks."""
        return self._space

    def network_of(self, architecture: Architecture) -> Architecture:
        """Return the architecture without hyper-parameters."""
        member = self.architecture(architecture)
        return self._space.architecture({k: v for k, v in member.items() if k not in self._names})

    def build(self, architecture: Architecture) -> torch.nn.Module:
        """Return the untrained network."""
        return self._space.build(self.network_of(architecture))

    def graph(self, architecture: Architecture) -> nx.DiGraph[Any]:
        """Return the network's DAG, which hyper-parameters are no part of."""
        return self._space.graph(self.network_of(architecture))

    def source(self, architecture: Architecture) -> NetworkSource | None:
        """Return the network's source, if its space offers that."""
        return self._space.source(self.network_of(architecture))

    def canonical_form(self, architecture: Architecture) -> str:
        """Return the network's form and the values of the hyper-parameters."""
        form = self._space.canonical_form(self.network_of(architecture))
        return f"{form} {self.settings(architecture).to_json()}"

    def format(self, architecture: Architecture) -> str:
        """Return the network's text and the values, such as ``TEXT {"lr":0.01}``."""
        text = self._space.format(self.network_of(architecture))
        return f"{text} {self.settings(architecture).to_json()}"

    def parse(self, text: str) -> Architecture:
        """Read what ``format`` wrote. Raises ``SpaceError`` on anything else."""
        end = text.find(" {")
        while end >= 0:
            try:
                settings = Architecture.from_json(text[end + 1 :])
            except ValueError:
                end = text.find(" {", end + 1)  # the network's own text may have braces, too
                continue
            own = {PREFIX + name: value for name, value in settings.items()}
            return self.architecture({**self._space.parse(text[:end]), **own})
        raise SpaceError(
            f"{text[:160]!r} has no values of hyper-parameters; expected a text such as "
            f"{self._example!r}"
        )

    @cached_property
    def _example(self) -> str:
        return self.format(next(self.architectures()))

    def settings(self, architecture: Architecture) -> Architecture:
        """Return the parameters of the evaluator that an architecture sets, by their names."""
        member = self.architecture(architecture)
        return Architecture((k.removeprefix(PREFIX), member[k]) for k in member if k in self._names)
