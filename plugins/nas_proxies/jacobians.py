"""The gradients of every sample's outputs by single elements of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

from nas import NotApplicableError
from nas_proxies.forward import pass_through
from nas_proxies.rules import QUERIES
from nas_proxies.sample_wise import AloneMode, TogetherMode
from nas_proxies.samples import tensors_in
from nas_proxies.slowness import warn_of_slowness
from nas_proxies.weight_gradients import WeightGradients


def output_jacobian(
    network: nn.Module, inputs: Tensor, parameters: Sequence[nn.Parameter], *, chunk: int
) -> tuple[Tensor, Tensor]:
    """Return ``(samples, classes)`` outputs and ``(samples, classes, parameters)`` gradients.

    Every sample is passed as if alone; the gradients are by the first element of each parameter, 0
    where an output does not depend on it. Of a function that uses a parameter, the derivative by
    that element is known going forward, and the outputs' gradient by what it returns going back:
    their product is wanted, so a backward pass a class is enough for all samples and parameters.
    Where that is not known to hold, samples are passed one by one.

    Changes buffers, flags of the parameters and the random state: call it where they are restored.

    Raises:
        NotApplicableError: the network's output is no ``(samples, classes)``.
    """
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    found = []
    for some in torch.split(inputs, chunk):
        part = _together(network, some, parameters)
        if isinstance(part, str):
            warn_of_slowness(part)
            found = [_alone(network, inputs[i : i + 1], parameters) for i in range(len(inputs))]
            break
        found.append(part)
    outputs, jacobians = zip(*found, strict=True)
    return torch.cat(outputs), torch.cat(jacobians)


class _Use(NamedTuple):
    """What one use of a parameter adds to the outputs' gradients.

    Args:
        parameter: its index.
        result: what the function returned.
        channels: indices in the result's second dimension; elsewhere the derivative is 0.
        derivative: of the result's channels by the parameter's first element.
    """

    parameter: int
    result: Tensor
    channels: Tensor
    derivative: Tensor


class _Uses(TogetherMode):
    """Notes every use of the parameters."""

    def __init__(self, network: nn.Module, parameters: Sequence[nn.Parameter]) -> None:
        super().__init__(network, WeightGradients((), lambda weight, gradients: None))
        self._indices = {id(parameter): i for i, parameter in enumerate(parameters)}
        self.uses: list[_Use] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        used = {id(t): t for t in tensors_in((args, kwargs)) if id(t) in self._indices}
        result = super().__torch_function__(func, types, args, kwargs)
        if func is F.multi_head_attention_forward:  # of whose steps each was noted
            return result
        if not used or func in QUERIES or self._objection:
            return result
        written = any(result is tensor for tensor in tensors_in((args, kwargs)))
        if written or not self.are_samples(result) or _takes_statistics(func, args, kwargs):
            self._object(func, "uses a parameter in an unusual way")
            return result
        if not result.requires_grad:
            result.requires_grad_(True)
        for key, parameter in used.items():
            derivative = _derivative(func, args, kwargs, parameter)
            channels = derivative.transpose(0, 1).flatten(1).any(1).nonzero().squeeze(1)
            part = derivative.index_select(1, channels)
            self.uses.append(_Use(self._indices[key], result, channels, part))
        # A copy: what is noted must stay, and the network may change what it gets.
        return super().__torch_function__(Tensor.clone, (), (result,))


def _takes_statistics(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether this is a batch norm that does not use running statistics."""
    training = args[5] if len(args) > 5 else kwargs.get("training", False)
    return func is F.batch_norm and bool(training)


def _derivative(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], parameter: Tensor
) -> Tensor:
    """Return the derivative of what the function returns by the parameter's first element."""

    def result(value: Tensor) -> Any:
        return func(*_replaced(args, parameter, value), **_replaced(kwargs, parameter, value))

    first = torch.zeros_like(parameter)
    first.view(-1)[0] = 1
    # Twice backward: the first use of torch's forward mode warns, and takes seconds to load.
    with torch.enable_grad():
        _, derivative = torch.autograd.functional.jvp(result, parameter.detach(), first)  # type: ignore[no-untyped-call]
    return cast(Tensor, derivative)


def _together(
    network: nn.Module, inputs: Tensor, parameters: Sequence[nn.Parameter]
) -> tuple[Tensor, Tensor] | str:
    """Return outputs and gradients; or why samples cannot be passed together."""
    mode = _Uses(network, parameters)
    outputs, why_not = mode.pass_on(inputs)
    if why_not:
        return why_not
    outputs = _checked(outputs, len(inputs))
    jacobian = outputs.new_zeros((*outputs.shape, len(parameters)), requires_grad=False)
    results = list({id(use.result): use.result for use in mode.uses}.values())
    if not outputs.requires_grad:
        return outputs, jacobian
    for k in range(outputs.shape[1]):
        found = torch.autograd.grad(
            outputs[:, k].sum(), results, retain_graph=True, allow_unused=True
        )
        gradients = {id(result): g for result, g in zip(results, found, strict=True)}
        for use in mode.uses:
            gradient = gradients[id(use.result)]
            if gradient is not None:
                product = gradient.index_select(1, use.channels) * use.derivative
                jacobian[:, k, use.parameter] += product.flatten(1).sum(1)
    return outputs.detach(), jacobian


def _alone(
    network: nn.Module, inputs: Tensor, parameters: Sequence[nn.Parameter]
) -> tuple[Tensor, Tensor]:
    """Return outputs and gradients of one sample."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    with AloneMode(network):
        outputs = _checked(pass_through(network, inputs), 1)
    jacobian = outputs.detach().new_zeros((*outputs.shape, len(parameters)))
    for k in range(outputs.shape[1] if outputs.requires_grad else 0):
        found = torch.autograd.grad(
            outputs[0, k], list(parameters), retain_graph=True, allow_unused=True
        )
        for i, gradient in enumerate(found):
            if gradient is not None:
                jacobian[0, k, i] = gradient.flatten()[0]
    return outputs.detach(), jacobian


def _checked(outputs: object, samples: int) -> Tensor:
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or len(outputs) != samples:
        raise NotApplicableError("the network does not return (samples, classes) outputs")
    return outputs


def _replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    """Return arguments with one tensor in place of another."""
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, old, new) for item in value)
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    return new if value is old else value
