"""What follows from a network's shapes alone: built and run on torch's meta device, for nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import GetSetDescriptorType
from typing import TYPE_CHECKING, Any

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.errors import CandidateError, NASError
from nas.restore import require_shapes, untouched

if TYPE_CHECKING:
    import torch
    from torch.overrides import TorchFunctionMode

_META = (
    "there, tensors have shapes but no values: a network must make all of its tensors with torch "
    "functions and never read what is in them"
)

_UNCOUNTED = (
    "batch_norm layer_norm group_norm relu relu_ relu6 leaky_relu gelu silu elu hardswish "
    "hardsigmoid hardtanh sigmoid tanh dropout dropout2d"
)


def build_on_meta(space: Space, architecture: Architecture) -> torch.nn.Module:
    """Build a network without memory for its weights; draws no random numbers.

    Raises:
        CandidateError: the space's ``build`` reads values, or mixes in tensors that have them.
    """
    import torch

    try:
        with torch.device("meta"):
            return space.build(architecture)
    except NASError:
        raise
    except Exception as error:  # a space is a plugin: its code can raise anything
        raise _failure(f"{type(space).__name__}.build", error) from error


def parameter_count(network: torch.nn.Module) -> int:
    """Return the number of parameters, trainable or not; one that layers share counts once.

    Raises:
        NotApplicableError: a lazy layer has no shape yet.
    """
    require_shapes(network)
    return sum(parameter.numel() for parameter in network.parameters())


def flop_count(
    network: torch.nn.Module, input_shape: tuple[int, ...], dtype: torch.dtype | None = None
) -> int:
    """Return the floating-point operations of one sample's forward pass in eval mode.

    The figure is that of ``torch.utils.flop_counter``: a multiply-add is 2 operations;
    convolutions, matrix products and attention count; normalisation, activation, pooling and
    additions do not. Nothing is computed, and the network is left as it was.

    Args:
        network: on any device; its code must run on the meta device.
        input_shape: one sample, ``(channels, height, width)`` or ``(features,)``.
        dtype: of the sample; by default torch's default dtype.

    Raises:
        CandidateError: the forward pass reads values, or mixes in tensors that have them.
        NotApplicableError: a lazy layer has no shape yet.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    sample = torch.empty((1, *input_shape), dtype=dtype, device="meta")
    counter = FlopCounterMode(display=False)
    with untouched(network), torch.no_grad(), _unfused():
        network.eval()
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        shapes = {name: tensor.to("meta") for name, tensor in tensors.items()}
        try:
            with counter, _skipping()():
                torch.func.functional_call(network, shapes, (sample,))
        except Exception as error:  # a network is a plugin's: its code can raise anything
            raise _failure("the forward pass", error, network) from error
    return int(counter.get_total_flops())


def torch_functions(names: str) -> frozenset[Callable[..., Any]]:
    """Return what a ``TorchFunctionMode`` sees when one of these names is used.

    Args:
        names: separated by spaces, of functions of torch or ``torch.nn.functional``, and methods
            or attributes of ``torch.Tensor``; a name can be several of these.
    """
    import torch

    places = (torch, torch.nn.functional, torch.Tensor)
    found: list[Any] = [
        getattr(p, name) for name in names.split() for p in places if hasattr(p, name)
    ]
    return frozenset(f.__get__ if isinstance(f, GetSetDescriptorType) else f for f in found)


@contextmanager
def _unfused() -> Iterator[None]:
    """Keep multi-head attention from becoming one operation, which torch's counter takes for 0."""
    import torch

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@cache
def _skipping() -> type[TorchFunctionMode]:
    """Return a mode in which functions that keep the shape and count for nothing do nothing.

    On the meta device each of them is decomposed in Python: 4/5 of the time went there.
    """
    from torch.overrides import TorchFunctionMode

    uncounted = torch_functions(_UNCOUNTED)

    class Skipping(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Any,
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:
            if args and func in uncounted:
                return args[0]
            return func(*args, **(kwargs or {}))

    return Skipping


def _failure(what: str, error: Exception, network: torch.nn.Module | None = None) -> CandidateError:
    """Return an error that names the innermost module whose code raised."""
    import torch

    names = {id(m): name for name, m in network.named_modules()} if network is not None else {}
    where = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_locals.get("self")
        if isinstance(module, torch.nn.Module):
            name = names.get(id(module))
            where = (
                f" in {name!r} ({type(module).__name__})"
                if name
                else f" in {type(module).__name__}"
            )
    return CandidateError(
        f"{what} failed on torch's meta device{where}: {type(error).__name__}: {error} ({_META})"
    )
