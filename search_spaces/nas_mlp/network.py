"""Fully connected networks in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn  # noqa: TID253  imported by MLP.build only

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
_NORMALISATIONS: Mapping[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}


class Residual(nn.Module):
    """A layer and its input added: ``(batch, inputs)`` to ``(batch, outputs)``."""

    def __init__(self, layer: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = layer
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Linear(inputs, outputs, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum."""
        return cast(Tensor, self.layer(inputs) + self.shortcut(inputs))


def build(
    widths: Sequence[int],
    classes: int,
    *,
    activation: str,
    normalisation: str,
    residual: bool,
    dropout: float,
) -> nn.Sequential:
    """Return ``(batch, ...)`` to ``(batch, classes)``.

    Args:
        widths: features of a flattened sample, then the width of each hidden layer.
        classes: number of outputs.
        activation: a key of ``_ACTIVATIONS``.
        normalisation: a key of ``_NORMALISATIONS``, or ``none``.
        residual: whether each hidden layer's input is added to its output.
        dropout: probability of dropping a unit; 0 leaves the module out.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        # Batch norm takes the mean away, and a bias with it.
        parts: list[nn.Module] = [nn.Linear(inputs, outputs, bias=normalisation != "batch")]
        if normalisation != "none":
            parts.append(_NORMALISATIONS[normalisation](outputs))
        parts.append(_ACTIVATIONS[activation]())
        if dropout:
            parts.append(nn.Dropout(dropout))
        layer = nn.Sequential(*parts)
        layers.append(Residual(layer, inputs, outputs) if residual else layer)
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))
