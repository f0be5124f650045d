"""Leave a network, the random state and torch's flags as they were found."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.errors import NotApplicableError

if TYPE_CHECKING:
    import torch


_CONTAINERS = (dict, list, set)


@contextmanager
def untouched(network: torch.nn.Module) -> Iterator[None]:
    """Restore on leaving: values, gradients, flags, modes, hooks, attributes, random states.

    Inside, gradients are recorded, whatever the caller's grad mode. Parameters and buffers keep
    their identity: values are copied back in place, only where they changed. What an attribute of
    a module's own points at is restored one level deep: the content of lists, dicts and sets, the
    values of tensors.

    Raises:
        NotApplicableError: a parameter has no shape yet, so it has no value to come back to.
    """
    import torch

    require_shapes(network)
    modules = list(network.modules())
    tensors = _tensors(modules)
    random_state = RandomState(tensors)
    with _host_state(), torch.inference_mode(False), torch.enable_grad():
        module_states = [_ModuleState(module) for module in modules]
        tensor_states = [_TensorState(tensor) for tensor in tensors]
        try:
            yield
        finally:
            for module_state in module_states:
                module_state.put_back()
            with torch.no_grad():
                for tensor_state in tensor_states:
                    tensor_state.put_back()
            random_state.put_back()


class RandomState:
    """Where random, numpy and torch's generators (CPU and the tensors' GPUs) stand now."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        import torch

        gpus = {tensor.device for tensor in tensors if tensor.is_cuda}
        self._gpus = {gpu: torch.cuda.get_rng_state(gpu) for gpu in gpus}
        self._cpu = torch.get_rng_state()
        self._python = random.getstate()
        self._numpy: Any = np.random.get_state()

    def put_back(self) -> None:
        """Let every generator go on from where it stood."""
        import torch

        for gpu, state in self._gpus.items():
            torch.cuda.set_rng_state(state, gpu)
        torch.set_rng_state(self._cpu)
        random.setstate(self._python)
        np.random.set_state(self._numpy)

    def moved(self) -> bool:
        """Tell whether anything was drawn since."""
        import torch

        numpy: Any = np.random.get_state()
        return not (
            torch.equal(self._cpu, torch.get_rng_state())
            and all(torch.equal(s, torch.cuda.get_rng_state(g)) for g, s in self._gpus.items())
            and self._python == random.getstate()
            and np.array_equal(self._numpy[1], numpy[1])
            and self._numpy[2:] == numpy[2:]
        )


class _ModuleState:
    """A module's class (parametrizations change it), attributes, and what its containers hold."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module
        self._class = type(module)
        self._attributes = dict(module.__dict__)
        # Parameters, buffers, submodules and hooks all live in such containers.
        self._contents = [
            (value, value.copy() if value else ())
            for value in module.__dict__.values()
            if isinstance(value, _CONTAINERS)
        ]

    def put_back(self) -> None:
        object.__setattr__(self._module, "__class__", self._class)
        self._module.__dict__.clear()
        self._module.__dict__.update(self._attributes)
        for container, content in self._contents:
            if not container and not content:
                continue
            container.clear()
            if isinstance(container, list):
                container.extend(content)
            else:
                container.update(content)


class _TensorState:
    """A tensor's storage, values, gradient, flag and hooks."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._data = tensor.data
        self._values = tensor.detach().clone()
        self._leaf = tensor.grad_fn is None
        self._requires_grad = tensor.requires_grad
        grad = tensor.grad if self._leaf else None
        self._grad = None if grad is None else _TensorState(grad)
        self._hooks = [dict(hooks or {}) for hooks in _hooks(tensor)]

    def put_back(self) -> torch.Tensor:
        import torch

        tensor = self._tensor
        if self._leaf and tensor.grad_fn is not None:
            tensor.detach_()
        tensor.data = self._data
        if not tensor.is_meta and not torch.equal(tensor, self._values):
            tensor.copy_(self._values)
        if tensor.requires_grad != self._requires_grad:
            tensor.requires_grad_(self._requires_grad)
        if self._leaf:
            tensor.grad = None if self._grad is None else self._grad.put_back()
        for hooks, content in zip(_hooks(tensor), self._hooks, strict=True):
            if hooks is not None:  # emptied in place: torch keeps calling what is in this dict
                hooks.clear()
                hooks.update(content)
        return tensor


def _tensors(modules: Iterable[torch.nn.Module]) -> list[torch.Tensor]:
    """Return parameters, buffers, and tensors that are plain attributes, each once."""
    import torch

    found: dict[int, torch.Tensor] = {}
    for module in modules:
        for holder in (module.__dict__, module._parameters, module._buffers):
            found.update((id(t), t) for t in holder.values() if isinstance(t, torch.Tensor))
    return list(found.values())


def _hooks(tensor: torch.Tensor) -> list[dict[int, Any] | None]:
    return [tensor._backward_hooks, tensor._post_accumulate_grad_hooks]


def require_shapes(network: torch.nn.Module) -> None:
    """Raise ``NotApplicableError`` if a lazy layer has not seen its first input yet."""
    import torch

    for name, module in network.named_modules():
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if torch.nn.parameter.is_lazy(tensor):
                raise NotApplicableError(
                    f"layer {name!r} ({type(module).__name__}) has no shape yet: "
                    "pass one sample through the network first"
                )


@contextmanager
def _host_state() -> Iterator[None]:
    """Restore torch's number of threads, default dtype and cuDNN switches."""
    import torch

    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    deterministic, benchmark = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.backends.cudnn.deterministic = deterministic
        torch.backends.cudnn.benchmark = benchmark
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
