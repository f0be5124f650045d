"""How well a trained network does on samples: the code of validation, and of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch  # noqa: TID253  # imported inside Train's methods only
from numpy.typing import NDArray
from torch.nn import functional  # noqa: TID253

from nas import Split
from nas_evaluators.isolation import isolated
from nas_evaluators.reduction import at_resolution

if TYPE_CHECKING:
    from nas_evaluators.train import Train

_BATCH = 512

Pair = tuple[torch.Tensor, torch.Tensor]


def on_device(device: torch.device, split: Split) -> Pair:
    """Copy a split: arrays from Ray's object store are read-only, which torch cannot share."""
    return torch.tensor(split.inputs, device=device), torch.tensor(split.targets, device=device)


def precision(recipe: Train, device: torch.device) -> torch.dtype:
    """Return float32 on a CPU; on a GPU the half precision that it computes in."""
    if device.type != "cuda" or not recipe.amp:
        return torch.float32
    native = torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.bfloat16 if native else torch.float16


def autocast(device: torch.device, wanted: torch.dtype) -> AbstractContextManager[object]:
    """Return what lets torch compute in that precision."""
    if wanted is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, wanted)


def answers(model: torch.nn.Module, samples: Pair) -> Iterator[Pair]:
    """Yield ``(batch, classes)`` logits and ``(batch,)`` targets; the model is in eval mode.

    The caller is in ``torch.no_grad()`` and, if it wants to, in ``autocast``.
    """
    inputs, targets = (torch.split(part, _BATCH) for part in samples)
    for x, y in zip(inputs, targets, strict=True):
        yield model(x), y


def examined(
    recipe: Train, network: torch.nn.Module, samples: Split, device: torch.device
) -> dict[str, NDArray[np.float64]]:
    """Return ``error`` (0 or 1) and ``loss`` (nats) of each sample, ``(samples,)``."""
    samples = at_resolution(samples, recipe.resolution)
    wrong, losses = [], []
    with isolated(0, max(1, int(recipe.cpus)), device), torch.no_grad():
        model = network.eval().to(device)
        with autocast(device, precision(recipe, device)):
            for outputs, y in answers(model, on_device(device, samples)):
                losses.append(functional.cross_entropy(outputs, y, reduction="none"))
                wrong.append(outputs.argmax(1) != y)
        network.cpu()
    return {"error": _values(wrong), "loss": _values(losses)}


def _values(parts: list[torch.Tensor]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = torch.cat(parts).double().cpu().numpy()
    return values
