"""The network of ``lc_pfn``. Needs torch at module level: import it inside functions only."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch  # noqa: TID253  # a torch module; imported inside functions only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

_HEAD = 16
"""Width of an attention head."""


class Shape(NamedTuple):
    """How large a network is.

    Args:
        observed: numbers that describe an observed step.
        asked: numbers that describe a step to predict.
        bins: of the posterior.
        width: of a token.
        layers: that observed steps pass through.
        readers: layers in which the steps to predict read the observed ones.
    """

    observed: int
    asked: int
    bins: int
    width: int
    layers: int
    readers: int


class CurveTransformer(nn.Module):
    """From the observed steps of a curve to a binned posterior at every step asked for.

    Observed steps attend to themselves and the earlier ones; a step to predict attends to the
    observed ones, and to itself by its residual connection. There is no positional encoding: the
    step is among the numbers that describe a token.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.observe = nn.Linear(shape.observed, shape.width)
        self.ask = nn.Linear(shape.asked, shape.width)
        self.layers = nn.ModuleList(_Layer(shape.width) for _ in range(shape.layers))
        self.normal = nn.LayerNorm(shape.width)
        self.readers = nn.ModuleList(_Layer(shape.width) for _ in range(shape.readers))
        self.last = nn.LayerNorm(shape.width)
        self.answer = _small(nn.Linear(shape.width, shape.bins), 0.0)

    def forward(self, observed: Tensor, asked: Tensor, last: Tensor | None = None) -> Tensor:
        """Return ``(curves, asked, bins)`` log probabilities.

        Args:
            observed: ``(curves, steps, observed)``.
            asked: ``(curves, asked, numbers)``.
            last: ``(curves, asked)`` steps that each question may look at, from 1; all if None.
        """
        steps = observed.shape[1]
        tokens = self.observe(observed)
        for layer in self.layers:
            tokens = layer(tokens, None)
        tokens = self.normal(tokens)
        mask = None
        if last is not None:
            mask = (torch.arange(steps) < last[:, :, None])[:, None]
        answers = self.ask(asked)
        for reader in self.readers:
            answers = reader(answers, tokens, mask)
        return F.log_softmax(self.answer(self.last(answers)), dim=-1)


def _small(layer: nn.Linear, std: float) -> nn.Linear:
    """Return the layer with small weights, so that what it adds grows from little."""
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


class _Layer(nn.Module):
    """Attention and a perceptron, each on normalised inputs and added to them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.pair = nn.Linear(width, 2 * width)
        std = 0.2 / math.sqrt(width)
        self.merge = _small(nn.Linear(width, width), std)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), _small(nn.Linear(2 * width, width), std)
        )

    def forward(self, tokens: Tensor, read: Tensor | None, mask: Tensor | None = None) -> Tensor:
        """Attend to earlier tokens, or to those ``read``, where the mask lets it."""
        normal = self.first(tokens)
        keys, values = self.pair(normal if read is None else read).chunk(2, dim=-1)
        found = F.scaled_dot_product_attention(
            self._split(self.query(normal)),
            self._split(keys),
            self._split(values),
            attn_mask=mask,
            is_causal=read is None,
        )
        tokens = tokens + self.merge(found.transpose(1, 2).flatten(2))
        changed: Tensor = tokens + self.perceptron(self.second(tokens))
        return changed

    def _split(self, tokens: Tensor) -> Tensor:
        curves, count, width = tokens.shape
        return tokens.view(curves, count, self.heads, width // self.heads).transpose(1, 2)
