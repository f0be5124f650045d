"""Fully connected networks written out in Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nas import NetworkSource

_ACTIVATIONS = {
    "relu": "torch.relu",
    "gelu": "nn.functional.gelu",
    "silu": "nn.functional.silu",
    "tanh": "torch.tanh",
}
_NORMALISATIONS = {"batch": "BatchNorm1d", "layer": "LayerNorm"}


def source(
    widths: Sequence[int],
    classes: int,
    *,
    flat: bool,
    activation: str,
    normalisation: str,
    residual: bool,
    dropout: float,
) -> NetworkSource:
    """Return the source of what ``network.build`` builds; the arguments are the same.

    Args:
        widths: features of a flattened sample, then the width of each hidden layer.
        classes: number of outputs.
        flat: whether a sample has one dimension anyway.
        activation: a key of ``_ACTIVATIONS``.
        normalisation: a key of ``_NORMALISATIONS``, or ``none``.
        residual: whether each hidden layer's input is added to its output.
        dropout: probability of dropping a unit.
    """
    layers, steps, names = [], [], {}
    if not flat:
        steps.append(f"x = x.flatten(1)  # (batch, {widths[0]})")
    for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        bias = ", bias=False" if normalisation == "batch" else ""
        steps.append(f"# Hidden layer {i}: (batch, {inputs}) to (batch, {outputs})")
        layers.append(f"self.linear_{i} = nn.Linear({inputs}, {outputs}{bias})")
        layer = f"{i}.layer" if residual else f"{i}"
        names[f"{layer}.0"] = f"linear_{i}"
        value = f"self.linear_{i}(x)"
        if normalisation != "none":
            layers.append(f"self.norm_{i} = nn.{_NORMALISATIONS[normalisation]}({outputs})")
            names[f"{layer}.1"] = f"norm_{i}"
            value = f"self.norm_{i}({value})"
        value = f"{_ACTIVATIONS[activation]}({value})"
        value = f"self.dropout({value})" if dropout else value
        if residual and inputs == outputs:
            value += " + x"
        elif residual:
            layers.append(f"self.shortcut_{i} = nn.Linear({inputs}, {outputs}, bias=False)")
            names[f"{i}.shortcut"] = f"shortcut_{i}"
            value += f" + self.shortcut_{i}(x)"
        steps.append(f"x = {value}")
    layers.append(f"self.output = nn.Linear({widths[-1]}, {classes})")
    names[f"{len(widths)}"] = "output"
    if dropout:
        layers.append(f"self.dropout = nn.Dropout({dropout!r})  # in training only")
    steps.append(f"return self.output(x)  # (batch, {classes})")
    return NetworkSource(_class(layers, steps, len(widths) - 1, widths[0]), names)


def _class(layers: Sequence[str], steps: Sequence[str], depth: int, features: int) -> str:
    indent = "\n        "
    return f'''\
class Network(nn.Module):
    """A multilayer perceptron with {depth} hidden layer{"s" if depth > 1 else ""}."""

    def __init__(self):
        super().__init__()
        {indent.join(layers)}

    def forward(self, x):
        {indent.join(steps)}
'''
