"""Which tensors of a forward pass have a row for each sample, and which are the network's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from torch import Tensor, nn  # noqa: TID253  imported by proxies' compute only
from torch.autograd.function import BackwardCFunction  # noqa: TID253
from torch.overrides import TorchFunctionMode  # noqa: TID253

from nas_proxies.weight_gradients import WeightGradients

SAMPLES, EXCHANGED, CONSTANT = "samples", "exchanged", "constant"
"""Samples are the first dimension; the second one; the tensor does not depend on them."""

_ORIGIN = "_nas_origin"


class SampleMode(TorchFunctionMode):
    """Knows where the tensors of a forward pass come from.

    Args:
        network: its own tensors, and what is computed from them alone, are constants.
        gradients: computes with the parameters whose per-sample gradients are wanted.
    """

    def __init__(self, network: nn.Module, gradients: WeightGradients) -> None:
        super().__init__()
        self.gradients = gradients
        self.samples = 0
        self._own = {id(tensor) for module in network.modules() for tensor in held(module)}

    def are_samples(self, value: object) -> bool:
        """Tell whether the rows of this tensor are the samples."""
        if not isinstance(value, Tensor) or origin(value) != SAMPLES:
            return False
        made_by = value.grad_fn  # what other people's own functions do in backward is not seen
        ours = getattr(made_by, "gradients", None) is self.gradients
        return ours or not isinstance(made_by, BackwardCFunction)

    def is_constant(self, value: object) -> bool:
        """Tell whether no sample has a part in this tensor."""
        return origin(value) == CONSTANT or id(value) in self._own

    def are_plain(self, *parameters: Tensor | None) -> bool:
        """Tell whether each of them, if any, is wanted or a constant."""
        for parameter in parameters:
            known = parameter is None or self.gradients.wants(parameter)
            if not known and not self.is_constant(parameter):
                return False
        return True

    def mark_samples(self, result: Tensor) -> Tensor:
        """Mark a result as one whose rows are the samples."""
        mark(result, SAMPLES)
        return result

    def constant(self, result: Any) -> Any:
        """Mark a result as one that no sample has a part in."""
        # The network's own tensors need no mark, and would keep it.
        mark([t for t in tensors_in((result,)) if id(t) not in self._own], CONSTANT)
        return result

    def copies(self, parameter: Any) -> Tensor:
        """Return ``(samples, *parameter.shape)``: for each sample its own copy of a parameter."""
        if self.gradients.wants(parameter):
            copies = self.gradients.copies(parameter, self.samples)
        else:
            copies = parameter.expand(self.samples, *parameter.shape)
        return self.mark_samples(copies)


def tensors_in(values: Collection[Any]) -> Iterator[Tensor]:
    """Yield the tensors among the values, and in tuples, lists and dictionaries of theirs."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value)
        elif isinstance(value, dict):
            yield from tensors_in(value.values())


def held(module: nn.Module) -> Iterator[Tensor]:
    """Yield the module's own parameters, buffers, and tensors that are plain attributes."""
    for values in (module._parameters, module._buffers, module.__dict__):
        yield from (tensor for tensor in values.values() if isinstance(tensor, Tensor))


def mark(result: Any, place: str) -> Any:
    """Note of all tensors in a result where the samples are in them."""
    for tensor in tensors_in((result,)):
        setattr(tensor, _ORIGIN, place)
    return result


def origin(value: object) -> str | None:
    """Return what was noted of a tensor."""
    return getattr(value, _ORIGIN, None)
