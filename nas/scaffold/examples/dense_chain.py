"""A search space: dense layers in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import nas
from nas import checks

if TYPE_CHECKING:
    import torch


class DenseChain(nas.Space):
    """One or more dense layers in a row, each with its width and its activation.

    A layer's decisions are active only where the chain is long enough to have it. Samples of any
    shape are flattened first.

    Args:
        input_shape: one sample; a search takes it from the data set.
        classes: number of outputs; a search takes it from the data set.
        longest: hidden layers of the longest chain, at least 1.
    """

    def __init__(
        self, input_shape: Sequence[int] = (64,), classes: int = 10, longest: int = 3
    ) -> None:
        checks.whole("longest", longest, 1)
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.longest = longest

    @property
    def decisions(self) -> Sequence[nas.Integer | nas.Categorical]:
        """How many layers, then width and activation of each."""
        found: list[nas.Integer | nas.Categorical] = [nas.Integer("layers", 1, self.longest)]
        for i in range(1, self.longest + 1):
            there = {"layers": range(i, self.longest + 1)}
            found.append(nas.Integer(f"width_{i}", 8, 40, step=8, when=there))
            found.append(nas.Categorical(f"activation_{i}", ["relu", "tanh"], when=there))
        return found

    def build(self, architecture: nas.Architecture) -> torch.nn.Module:
        """Return an untrained network, ``(batch, *input_shape)`` to ``(batch, classes)``."""
        from math import prod

        from torch import nn

        width = prod(self.input_shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for i in range(1, int(architecture["layers"]) + 1):
            inputs, width = width, int(architecture[f"width_{i}"])
            activation = nn.ReLU() if architecture[f"activation_{i}"] == "relu" else nn.Tanh()
            layers += [nn.Linear(inputs, width), activation]
        return nn.Sequential(*layers, nn.Linear(width, self.classes))
