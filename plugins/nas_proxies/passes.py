"""One batch through a network: forward once, and back as often as proxies need, each way once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253
from torch.overrides import TorchFunctionMode  # noqa: TID253

from nas import NonFiniteError, NotApplicableError
from nas_proxies.per_sample import layer_weights

_RELUS = {
    *(F.relu, F.relu6, F.leaky_relu, F.prelu),
    *(torch.relu, torch.relu_, torch.prelu, Tensor.relu, Tensor.relu_),
}
"""Functions that are linear on either side of 0, however a network calls them."""


@dataclass(eq=False)
class Recorded(TorchFunctionMode):
    """What a forward pass leaves behind for proxies.

    Args:
        codes: of each ReLU that was called, ``(samples, units)``: whether its input was above 0.
        relus: what these ReLUs returned.
        layers: each call of an ``nn.Conv2d`` or ``nn.Linear``, with its output.
    """

    codes: list[Tensor] = field(default_factory=list)
    relus: list[Tensor] = field(default_factory=list)
    layers: list[tuple[nn.Module, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func not in _RELUS:
            return func(*args, **(kwargs or {}))
        values = args[0] if args else (kwargs or {})["input"]
        self.codes.append((values.detach() > 0).flatten(1))  # before it is changed in place
        result = func(*args, **(kwargs or {}))
        self.relus.append(result)
        return result

    def add(self, layer: nn.Module, inputs: object, output: Tensor) -> None:
        """Note what a layer returned; a forward hook."""
        self.layers.append((layer, output))


class Passes:
    """What proxies compute from one batch, each of it when it is first asked for.

    Args:
        network: in train mode, so that batch norm takes the statistics of the batch.
        inputs: ``(samples, ...)``.
        targets: ``(samples,)`` class indices.
    """

    def __init__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> None:
        self._network, self.targets = network, targets
        self._inputs = inputs.detach()
        if inputs.is_floating_point():
            self._inputs.requires_grad_(True)
        self._recorded = Recorded()

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self._inputs)

    @cached_property
    def outputs(self) -> Tensor:
        """``(samples, classes)`` outputs.

        Raises:
            NotApplicableError: the network returns something else.
        """
        wanted = [m for m in self._network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        hooks = [module.register_forward_hook(self._recorded.add) for module in wanted]
        with self._recorded:
            outputs = self._network(self._inputs)
        for hook in hooks:
            hook.remove()
        if not isinstance(outputs, Tensor) or outputs.dim() != 2:
            raise NotApplicableError("the network does not return (samples, classes) outputs")
        return outputs

    @cached_property
    def weights(self) -> list[Tensor]:
        """The weights of all ``nn.Conv2d`` and ``nn.Linear`` layers.

        Raises:
            NotApplicableError: there is none.
        """
        weights: list[Tensor] = list(layer_weights(self._network))
        if not weights:
            raise NotApplicableError("there is no nn.Conv2d or nn.Linear weight")
        return weights

    @cached_property
    def gradients(self) -> list[Tensor]:
        """Gradients of the mean cross-entropy by ``weights``; 0 where the loss depends on none."""
        return self._loss_gradients[: len(self.weights)]

    @cached_property
    def layer_outputs(self) -> list[tuple[nn.Module, Tensor, Tensor]]:
        """Each call of a layer: the layer, its output, and the loss's gradient by that."""
        gradients = self._loss_gradients[len(self.weights) :]
        return [
            (layer, output, gradient)
            for (layer, output), gradient in zip(self._recorded.layers, gradients, strict=True)
        ]

    @cached_property
    def jacobian(self) -> Tensor:
        """``(samples, input size)``: gradients of each sample's summed outputs by its input.

        Samples meet in batch norm: a row is the gradient of the whole batch's sum.

        Raises:
            NotApplicableError: inputs are indices, which have no gradient.
        """
        if not self._inputs.requires_grad:
            raise NotApplicableError("inputs are indices: outputs have no gradient by them")
        return gradients_by(self.outputs.sum(), [self._inputs])[0].flatten(1)

    @cached_property
    def codes(self) -> list[Tensor]:
        """``(samples, units)`` of each ReLU that the outputs depend on: input above 0.

        Raises:
            NotApplicableError: there is no ReLU.
        """
        total = self.outputs.sum()
        relus = self._recorded.relus
        if not relus:
            raise NotApplicableError("the network calls no ReLU")
        found = _found(total, relus)
        return [c for c, g in zip(self._recorded.codes, found, strict=True) if g is not None]

    @cached_property
    def hessian_gradient(self) -> list[Tensor]:
        """The loss's Hessian by ``weights``, times ``gradients``."""
        gradients = gradients_by(self.loss, self.weights, again=True)
        agreement = sum((g.detach() * g).sum() for g in gradients)
        return gradients_by(agreement, self.weights)

    @cached_property
    def loss(self) -> Tensor:
        """The mean cross-entropy.

        Raises:
            NonFiniteError: it is NaN or infinite.
        """
        loss = F.cross_entropy(self.outputs, self.targets)
        if not loss.isfinite():
            raise NonFiniteError("the loss is NaN or infinite")
        return loss

    @cached_property
    def _loss_gradients(self) -> list[Tensor]:
        loss = self.loss
        wanted = [*self.weights, *(output for _, output in self._recorded.layers)]
        return gradients_by(loss, wanted)


def gradients_by(total: Any, wanted: Sequence[Tensor], *, again: bool = False) -> list[Tensor]:
    """Return the gradients of a scalar; 0 where it does not depend on a tensor.

    Args:
        total: the scalar.
        wanted: by what. The way there is kept for other gradients.
        again: whether the gradients themselves have gradients.
    """
    found = _found(total, wanted, again=again)
    pairs = zip(wanted, found, strict=True)
    return [torch.zeros_like(tensor) if g is None else g for tensor, g in pairs]


def _found(total: Any, wanted: Sequence[Tensor], *, again: bool = False) -> list[Tensor | None]:
    """Return the gradients of a scalar; None where nothing leads from a tensor to it."""
    followed = [tensor for tensor in wanted if tensor.requires_grad]
    if not followed or not isinstance(total, Tensor) or not total.requires_grad:
        return [None] * len(wanted)
    gradients = torch.autograd.grad(
        total, followed, retain_graph=True, create_graph=again, allow_unused=True
    )
    found = {id(tensor): g for tensor, g in zip(followed, gradients, strict=True)}
    return [found.get(id(tensor)) for tensor in wanted]
