"""Small spaces and data for components to work on; they need no plugin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import nas
from nas.abstract.dataset import fingerprint
from nas.decisions import Decision

if TYPE_CHECKING:
    from torch import nn

CLASSES = 3


class Decided(nas.Space):
    """Decisions without networks."""

    input_shape, classes = (1,), 2
    decisions: Sequence[Decision] = ()

    def __init__(self, *decisions: Decision) -> None:
        self.decisions = decisions

    def build(self, architecture: nas.Architecture) -> Any:
        """Raise: there is nothing to build."""
        raise AssertionError("this space has no networks; nothing here builds them")


def grid(decisions: int, choices: int) -> Decided:
    """Return a space of so many decisions with so many choices each."""
    return Decided(*(nas.Categorical(f"d{i}", range(choices)) for i in range(decisions)))


DECIDED: dict[str, nas.Space] = {
    "flat": grid(6, 5),
    "one point": Decided(nas.Categorical("only", ["x"])),
    "no decision": Decided(),
    "conditional": Decided(
        nas.Integer("depth", 1, 3),
        nas.Categorical("fixed", ["x"]),
        nas.Integer("second", 8, 64, step=8, when={"depth": [2, 3]}),
        nas.Categorical("third", ["a", "b"], when={"depth": [3]}),
        nas.Categorical("inner", [0.1, 0.2, 0.3], when={"third": ["b"]}),
    ),
    "huge": grid(30, 5),
}
"""Spaces of every shape that a search may meet."""


class Dense(nas.Space):
    """One or two dense layers for tables of eight features."""

    input_shape, classes = (8,), CLASSES

    @property
    def decisions(self) -> Sequence[Decision]:
        """Widths, and whether there is a second layer."""
        return [
            nas.Integer("width_1", 4, 12, step=4),
            nas.Categorical("layers", [1, 2]),
            nas.Integer("width_2", 4, 12, step=4, when={"layers": [2]}),
        ]

    def build(self, architecture: nas.Architecture) -> nn.Module:
        """Return the layers in a row."""
        from torch import nn

        sizes = [8, int(architecture["width_1"])]
        if architecture["layers"] == 2:
            sizes.append(int(architecture["width_2"]))
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], CLASSES))


class Images(nas.Space):
    """One convolution with batch normalisation, for images of 8 x 8 pixels."""

    input_shape, classes = (1, 8, 8), CLASSES

    @property
    def decisions(self) -> Sequence[Decision]:
        """Its width and size."""
        return [nas.Integer("width", 2, 6, step=2), nas.Categorical("size", [1, 3])]

    def build(self, architecture: nas.Architecture) -> nn.Module:
        """Return convolution, normalisation, ReLU, pooling and a dense layer."""
        from torch import nn

        width, size = int(architecture["width"]), int(architecture["size"])
        return nn.Sequential(
            nn.Conv2d(1, width, size, padding=size // 2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * width, CLASSES),
        )


@cache
def samples(input_shape: tuple[int, ...], classes: int, count: int = 60) -> nas.SearchData:
    """Return data that can be learnt: a class is where the inputs are large.

    Args:
        input_shape: ``(channels, height, width)``, uint8 images; or ``(features,)``, a table.
        classes: in equal numbers.
        count: of samples; two thirds are for training.
    """
    rng = np.random.default_rng(0)
    targets = np.arange(count) % classes
    inputs = rng.normal(size=(count, *input_shape)).astype(np.float32)
    flat = inputs.reshape(count, -1)
    for one in range(classes):
        flat[targets == one, one::classes] += 2.0
    if len(input_shape) == 3:
        inputs = (inputs * 30 + 100).clip(0, 255).astype(np.uint8)
    first = 2 * count // 3
    train = nas.Split(inputs[:first], targets[:first])
    held_out = nas.Split(inputs[first:], targets[first:])
    return nas.SearchData(train, held_out, classes, fingerprint([train, held_out]))
