"""Leave a network, the random state and torch's flags as they were found."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)


@contextmanager
def untouched(network: torch.nn.Module) -> Iterator[None]:
    """Restore on leaving: values, gradients, flags, modes, hooks, attributes, random states.

    Parameters and buffers keep their identity: values are copied back in place only where they
    changed.
    """
    import torch

    with torch.random.fork_rng(devices=_devices(network)), _host_state(), torch.enable_grad():
        before = _Snapshot(network)
        try:
            yield
        finally:
            before.put_back()


class _Snapshot:
    """Everything a proxy could change in a network."""

    def __init__(self, network: torch.nn.Module) -> None:
        tensors = [*network.parameters(), *network.buffers()]
        self._tensors = [(t, t.data, t._version, t.detach().clone()) for t in tensors]
        self._flags = [(t, t.requires_grad, t.grad) for t in network.parameters()]
        self._grads = [(t, t.grad.clone()) for t in network.parameters() if t.grad is not None]
        self._modules = [
            (
                module,
                dict(module.__dict__),
                {name: dict(module.__dict__[name]) for name in (*_HOOKS, *_CONTAINERS)},
            )
            for module in network.modules()
        ]

    def put_back(self) -> None:
        import torch

        for module, attributes, containers in self._modules:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            for name, content in containers.items():
                module.__dict__[name].clear()
                module.__dict__[name].update(content)
        with torch.no_grad():
            for tensor, data, version, values in self._tensors:
                tensor.data = data
                if tensor._version != version or not _same(tensor, values):
                    tensor.copy_(values)
            for parameter, requires_grad, grad in self._flags:
                parameter.requires_grad_(requires_grad)
                parameter.grad = grad
            for parameter, values in self._grads:
                assert parameter.grad is not None
                parameter.grad.copy_(values)


_CONTAINERS = ("_parameters", "_buffers", "_modules")


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    import torch

    return bool(torch.equal(a, b))


def _devices(network: torch.nn.Module) -> list[int]:
    return sorted({p.device.index or 0 for p in network.parameters() if p.device.type == "cuda"})


@contextmanager
def _host_state() -> Iterator[None]:
    """Restore the generators of random and numpy, the default dtype and the cuDNN switches."""
    import torch

    python, legacy, dtype = random.getstate(), np.random.get_state(), torch.get_default_dtype()
    deterministic, benchmark = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_default_dtype(dtype)
        torch.backends.cudnn.deterministic = deterministic
        torch.backends.cudnn.benchmark = benchmark
