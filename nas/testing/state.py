"""What can be seen of a process and a network, to tell whether anything was changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from nas.restore import RandomState
from nas.testing.law import require

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def generators_untouched() -> Iterator[None]:
    """Require that nothing inside draws from, or seeds, a global random generator."""
    import torch

    kept = RandomState([])
    random.random(), np.random.random(), torch.rand(1)  # so that the same seed again is seen too
    before = generators()
    try:
        yield
        after = generators()
    finally:
        kept.put_back()
    moved = [name for name, state in after.items() if state != before[name]]
    require(not moved, f"it changed the state of the global generator of {' and '.join(moved)}")


def generators() -> dict[str, object]:
    """Return where the global generators stand, by module."""
    import torch

    numpy = np.random.get_state()
    return {
        "random": random.getstate(),
        "numpy": [np.asarray(part).tolist() for part in numpy],
        "torch": torch.get_rng_state().tolist(),
    }


def state_of(network: nn.Module) -> list[object]:
    """Return what can be seen of a network, the random states and torch's flags."""
    import torch

    seen: list[object] = [*generators().values()]
    seen += [torch.get_default_dtype(), torch.get_num_threads()]
    seen += [torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()]
    seen += [torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")]
    seen += [torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic]
    for name, module in network.named_modules():
        seen += [name, id(module), type(module), module.training]
        for key, value in module.__dict__.items():
            seen += [key, id(value)]
            seen += [(k, id(v)) for k, v in value.items()] if isinstance(value, dict) else []
            seen += value if isinstance(value, list) else []
    for tensor in (*network.parameters(), *network.buffers()):
        grad = None if tensor.grad is None else (id(tensor.grad), tensor.grad.tolist())
        seen += [tensor.dtype, tensor.data_ptr(), repr(tensor.tolist()), tensor.requires_grad, grad]
        seen += [tensor.is_leaf, list(tensor._backward_hooks or ())]
    return seen
