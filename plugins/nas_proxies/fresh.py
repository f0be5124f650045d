"""Weights and inputs drawn anew, as the authors of several proxies draw them before they score.

Numbers are drawn on the CPU, so that they are the same on every device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253

from nas import NotApplicableError

_LAYERS = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
_BATCH_NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
_NORMS = _BATCH_NORMS | nn.GroupNorm | nn.LayerNorm


def draw_normal(network: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers from N(0, 1); reset what normalises.

    Their biases become 0. Batch, group and layer norm: weight 1, bias 0, and no running statistics
    yet. Other layers stay as they are.

    Raises:
        NotApplicableError: a weight is computed from others (weight norm).
    """
    _draw(network, lambda weight: nn.init.normal_(weight))


def draw_kaiming(
    network: nn.Module,
    fan: Literal["fan_in", "fan_out"],
    generator: torch.Generator | None = None,
) -> None:
    """Draw them from N(0, 2 / fan) (Kaiming normal) instead; biases and norms likewise.

    Args:
        network: whose weights.
        fan: inputs of a unit, or units that an input goes to.
        generator: torch's own if None.

    Raises:
        NotApplicableError: a weight is computed from others (weight norm).
    """

    def draw(weight: Tensor) -> Tensor:
        return nn.init.kaiming_normal_(weight, mode=fan, nonlinearity="relu", generator=generator)

    _draw(network, draw)


def normal_like(inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return inputs of the same shape, dtype and device, drawn from N(0, 1).

    Raises:
        NotApplicableError: inputs are indices.
    """
    require_numbers(inputs)
    drawn = torch.randn(inputs.shape, dtype=inputs.dtype, generator=generator)
    return drawn.to(inputs.device)


def require_numbers(inputs: Tensor) -> None:
    """Raise ``NotApplicableError`` if inputs are indices, of which none can be drawn."""
    if not inputs.is_floating_point():
        raise NotApplicableError(
            "inputs are indices: none can be drawn from N(0, 1); floating-point inputs would work"
        )


@torch.no_grad()
def _draw(network: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    for name, module in network.named_modules():
        if not isinstance(module, _LAYERS | _NORMS):
            continue
        weight, bias = (module._parameters.get(key) for key in ("weight", "bias"))
        if isinstance(module, _BATCH_NORMS):
            module.reset_running_stats()
        if isinstance(module, _LAYERS):
            if weight is None:
                raise NotApplicableError(
                    f"the weight of {name!r} is computed from others: it cannot be drawn anew; "
                    "layers without weight norm or other parametrizations would work"
                )
            weight.copy_(draw(torch.empty(weight.shape, dtype=weight.dtype)))
        elif weight is not None:
            nn.init.ones_(weight)
        if bias is not None:
            nn.init.zeros_(bias)
