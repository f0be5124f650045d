"""SynFlow (Tanaka et al., NeurIPS 2020, arXiv:2006.05467) as a proxy (arXiv:2101.08134)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas import NotApplicableError, Proxy

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SynFlow(Proxy):
    """Synaptic saliency: ``sum |w * dR/dw|`` over convolution and linear weights, in float64.

    ``R`` is the sum of the outputs for one input of ones, with every parameter and buffer replaced
    by its absolute value and batch norm by the identity. It looks at no data, and grows fast with
    depth: from 0 to more than 1e40.
    """

    needs_data = False
    needs_targets = False
    formula = "sum over weights of |w * dR/dw|, R being the summed outputs for ones at weights |w|"
    applies_to = "networks with nn.Conv2d or nn.Linear whose inputs are no indices"
    batch = 1

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; of the inputs only the shape is looked at.

        Raises:
            NotApplicableError: inputs are indices, there is no weight to sum over, or the network
                does not return ``(samples, classes)``.
            NonFiniteError: the score is too large even for float64.
        """
        import torch

        from nas_proxies.forward import outputs_of
        from nas_proxies.passes import gradients_by
        from nas_proxies.per_sample import layer_weights

        if not inputs.is_floating_point():
            raise NotApplicableError("inputs are indices: there is no input of ones")
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        positive = {name: _positive(tensor) for name, tensor in tensors.items()}
        by_id = {id(tensor): positive[name] for name, tensor in tensors.items()}
        weights = [by_id[id(weight)] for weight in layer_weights(network)]
        if not weights:
            raise NotApplicableError("there is no nn.Conv2d or nn.Linear weight")
        ones = torch.ones((1, *inputs.shape[1:]), dtype=torch.float64, device=inputs.device)

        def network_of_positive(inputs: torch.Tensor) -> Any:
            return torch.func.functional_call(network, positive, (inputs,))

        with _without_batch_norm():
            outputs = outputs_of(network_of_positive, ones)
        gradients = gradients_by(outputs.sum(), weights)
        pairs = zip(weights, gradients, strict=True)
        return math.fsum((weight * g).detach().abs().sum().item() for weight, g in pairs)


def _positive(tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().clone()
    return tensor.detach().double().abs().requires_grad_(True)


def _without_batch_norm() -> Any:
    from torch.nn import functional as F  # noqa: N812
    from torch.overrides import TorchFunctionMode

    class Identity(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if func is F.batch_norm:
                return args[0] if args else kwargs["input"]
            return func(*args, **kwargs)

    return Identity()
