"""Fully connected networks for tabular data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nas import Architecture, Categorical, Integer, NetworkSource, Space, checks

if TYPE_CHECKING:
    import networkx as nx
    import torch

ACTIVATIONS = ("relu", "gelu", "silu", "tanh")
NORMALISATIONS = ("none", "batch", "layer")


@dataclass(frozen=True)
class MLP(Space):
    """Fully connected networks (multilayer perceptrons), one width for each hidden layer.

    A hidden layer is Linear, normalisation, activation, dropout; if the network is residual, its
    input is added to that, through a linear projection where the widths differ. A last Linear
    gives the outputs. Inputs of more than one dimension are flattened.

    No two architectures are the same network, so each is its own canonical form: a depth or width
    changes the shapes of weights, and activation, normalisation, residual and dropout change what
    every hidden layer computes in training. There is at least one.

    Args:
        input_shape: of one sample.
        classes: outputs of a network.
        max_depth: the most hidden layers; the least is 1.
        widths: that a hidden layer can have.
        dropouts: probabilities of dropping a unit, each in [0, 1).
    """

    input_shape: tuple[int, ...] = (64,)
    classes: int = 10
    max_depth: int = 4
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5)

    def __post_init__(self) -> None:
        for name in ("input_shape", "widths", "dropouts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("input_shape", "widths"):
            values = getattr(self, name)
            if not values or not all(map(_is_count, values)):
                raise ValueError(f"{name} must be one or more integers from 1, not {values}")
        for name in ("classes", "max_depth"):
            checks.whole(name, getattr(self, name), 1)
        if not self.dropouts or not all(0 <= p < 1 for p in self.dropouts):
            raise ValueError(f"dropouts must be probabilities in [0, 1), not {self.dropouts}")
        for name in ("widths", "dropouts"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name} must all be different: {getattr(self, name)}")

    @property
    def decisions(self) -> Sequence[Categorical | Integer]:
        """``depth``, ``width_1`` to ``width_<depth>``, then what all hidden layers share."""
        return [
            Integer("depth", 1, self.max_depth),
            *(
                Categorical(_width(i), self.widths, when={"depth": range(i, self.max_depth + 1)})
                for i in range(1, self.max_depth + 1)
            ),
            Categorical("activation", ACTIVATIONS),
            Categorical("normalisation", NORMALISATIONS),
            Categorical("residual", (False, True)),
            Categorical("dropout", self.dropouts),
        ]

    def graph(self, architecture: Architecture) -> nx.DiGraph[Any]:
        """Return the layers as a chain; nodes and edges carry ``label``.

        A residual network has an ``add`` node after each hidden layer and, on the edge that leads
        around the layer, the label ``identity`` or ``projection``.
        """
        import networkx as nx

        member = self.architecture(architecture)
        widths = self._widths(member)
        shared = [member["activation"]]
        if member["normalisation"] != "none":
            shared.insert(0, f"{member['normalisation']} norm")
        if member["dropout"]:
            shared.append(f"dropout {member['dropout']}")
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_node(0, label=f"input {widths[0]}")
        before = 0
        for inputs, outputs in pairwise(widths):
            label = ", ".join(map(str, [f"linear {outputs}", *shared]))
            layer = _append(graph, label, before)
            if member["residual"]:
                around = "identity" if inputs == outputs else "projection"
                layer = _append(graph, "add", layer)
                graph.add_edge(before, layer, label=around)
            before = layer
        _append(graph, f"output {self.classes}", before)
        return graph

    def build(self, architecture: Architecture) -> torch.nn.Module:
        """Return the untrained network: ``(batch, *input_shape)`` to ``(batch, classes)``."""
        from nas_mlp.network import build

        member = self.architecture(architecture)
        return build(
            self._widths(member),
            self.classes,
            activation=str(member["activation"]),
            normalisation=str(member["normalisation"]),
            residual=bool(member["residual"]),
            dropout=float(member["dropout"]),
        )

    def source(self, architecture: Architecture) -> NetworkSource:
        """Return the network as Python that needs only torch."""
        from nas_mlp.source import source

        member = self.architecture(architecture)
        return source(
            self._widths(member),
            self.classes,
            flat=len(self.input_shape) == 1,
            activation=str(member["activation"]),
            normalisation=str(member["normalisation"]),
            residual=bool(member["residual"]),
            dropout=float(member["dropout"]),
        )

    def _widths(self, member: Architecture) -> list[int]:
        """Return the features of a flattened sample and the width of each hidden layer."""
        hidden = [int(member[_width(i)]) for i in range(1, int(member["depth"]) + 1)]
        return [math.prod(self.input_shape), *hidden]


def _width(layer: int) -> str:
    return f"width_{layer}"


def _append(graph: nx.DiGraph[Any], label: str, before: int) -> int:
    node = len(graph)
    graph.add_node(node, label=label)
    graph.add_edge(before, node, label="")
    return node


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1
