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
from nas_proxies.forward import outputs_of
from nas_proxies.losses import mean_loss
from nas_proxies.per_sample import layer_weights

_RELUS = {
    *(F.relu, F.relu6, F.leaky_relu, F.leaky_relu_, F.prelu),
    *(torch.relu, torch.relu_, torch.prelu, Tensor.relu, Tensor.relu_),
}
"""Functions that are linear on either side of 0, however a network calls them."""

_CLIPS = {F.hardtanh, F.hardtanh_}
"""With a lower end of 0 they are ReLUs: ``nn.ReLU6`` is called this way."""


@dataclass(eq=False)
class Recorded(TorchFunctionMode):
    """What a forward pass leaves behind for proxies.

    A ReLU of a tensor that has no row a sample, such as one of a parameter, is left out.

    Args:
        samples: how many go through.
        codes: of each ReLU that was called, ``(samples, units)``: whether its input was above 0.
        finite: whether all of these inputs were finite, a number for each ReLU.
        relus: what these ReLUs returned.
        layers: each call of an ``nn.Conv2d`` or ``nn.Linear``, with its output.
    """

    samples: int
    codes: list[Tensor] = field(default_factory=list)
    finite: list[Tensor] = field(default_factory=list)
    relus: list[Tensor] = field(default_factory=list)
    layers: list[tuple[nn.Module, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not _is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        values = (args[0] if args else kwargs["input"]).detach()
        if not values.dim() or len(values) != self.samples:
            return func(*args, **kwargs)
        self.codes.append((values > 0).reshape(self.samples, -1))  # before it is changed in place
        self.finite.append(values.isfinite().all())
        result = func(*args, **kwargs)
        self.relus.append(result)
        return result

    def add(self, layer: nn.Module, inputs: object, output: Tensor) -> None:
        """Note what a layer returned; a forward hook."""
        self.layers.append((layer, output))


def _is_relu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if func not in _CLIPS:
        return func in _RELUS
    low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
    return bool(low == 0)


class Passes:
    """What proxies compute from one batch, each of it when it is first asked for.

    Args:
        network: in train mode, so that batch norm takes the statistics of the batch.
        inputs: ``(samples, ...)``.
        targets: ``(samples,)`` class indices, or numbers (``nas_proxies.losses``).
    """

    def __init__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> None:
        self._network, self.targets = network, targets
        self._inputs = inputs.detach()
        if inputs.is_floating_point():
            self._inputs.requires_grad_(True)
        self._recorded = Recorded(len(inputs))

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self._inputs)

    @cached_property
    def outputs(self) -> Tensor:
        """``(samples, classes)`` outputs.

        Raises:
            NotApplicableError: the network returns something else, or a norm has a single value a
                channel.
        """
        wanted = [m for m in self._network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        self._recorded = Recorded(self.samples)
        hooks = [module.register_forward_hook(self._recorded.add) for module in wanted]
        try:
            with self._recorded:
                return outputs_of(self._network, self._inputs)
        finally:
            for hook in hooks:
                hook.remove()

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
        """Gradients of the mean loss by ``weights``; 0 where it does not depend on one."""
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
            NonFiniteError: the input of one of them is not finite.
        """
        total = self.outputs.sum()
        recorded = self._recorded
        if not recorded.relus:
            raise NotApplicableError("the network calls no ReLU")
        found = _found(total, recorded.relus)
        kept = [i for i, gradient in enumerate(found) if gradient is not None]
        if not all(recorded.finite[i] for i in kept):
            raise NonFiniteError("the values at a ReLU are NaN or infinite")
        return [recorded.codes[i] for i in kept]

    @cached_property
    def hessian_gradient(self) -> list[Tensor]:
        """The loss's Hessian by ``weights``, times ``gradients``."""
        gradients = gradients_by(self.loss, self.weights, again=True)
        agreement = sum((g.detach() * g).sum() for g in gradients)
        return gradients_by(agreement, self.weights)

    @cached_property
    def loss(self) -> Tensor:
        """The mean cross-entropy, or squared error (``nas_proxies.losses``).

        Raises:
            NotApplicableError: outputs and targets do not fit each other.
            NonFiniteError: it is NaN or infinite.
        """
        loss = mean_loss(self.outputs, self.targets)
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
