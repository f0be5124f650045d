"""Everything that decides how a training goes on, as tensors and plain values, and back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # noqa: TID253  # imported inside Train.evaluate only

from nas import Snapshot

_MODEL, _OPTIMIZER, _GENERATOR = "model.", "optimizer.", "generator."


def take(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    generators: Mapping[str, torch.Generator],
    values: Mapping[str, Any],
) -> Snapshot:
    """Return the state of a training between two epochs.

    Args:
        model: weights and buffers.
        optimizer: moments and step counts.
        generators: of the training; the global ones of torch, NumPy and Python are added.
        values: what else there is, plain JSON.
    """
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{_OPTIMIZER}{index}.{name}"] = value
    tensors |= {f"{_GENERATOR}{k}": g.get_state() for k, g in generators.items()}
    tensors["torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    _, keys, position, has_gauss, gauss = np.random.get_state()
    tensors["numpy"] = torch.from_numpy(np.asarray(keys, dtype=np.int64))
    version, python, second = random.getstate()
    known = {
        **values,
        "numpy": [int(position), int(has_gauss), float(gauss)],
        "python": [version, list(python), second],
    }
    return Snapshot(tensors, known)


def restore(
    snapshot: Snapshot,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    generators: Mapping[str, torch.Generator],
) -> None:
    """Put a training into the state that ``take`` has seen."""
    tensors, values = snapshot.tensors, snapshot.values
    model.load_state_dict(_under(tensors, _MODEL))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in _under(tensors, _OPTIMIZER).items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    for name, generator in generators.items():
        generator.set_state(tensors[f"{_GENERATOR}{name}"])
    torch.set_rng_state(tensors["torch"])
    if torch.cuda.is_available() and "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"])
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, *values["numpy"]))
    version, python, second = values["python"]
    random.setstate((version, tuple(python), second))


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
