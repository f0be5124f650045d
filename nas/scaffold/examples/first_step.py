"""A zero-cost proxy: what one step of training gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import nas
from nas import checks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FirstStep(nas.Proxy):
    """How far one step down the gradient lowers the loss of a batch, in nats.

    The step is equally long for every network, so it compares how much there is to gain nearby.
    An example: nothing is claimed for how well it ranks. `nas rank` says whether it beats the
    number of parameters.

    Args:
        batch: samples that a search gives it.
        length: of the step, Euclidean, in the space of all weights.
    """

    formula: ClassVar[str] = "L(w) - L(w - length g / |g|), with the loss L and its gradient g at w"
    applies_to: ClassVar[str] = "networks with weights to train"
    cost: ClassVar[float] = 4 / 3

    batch: int = 64
    length: float = 0.1

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)
        checks.number("length", self.length, positive=True)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the gain; NaN, which is no score, where the gradient is 0.

        The weights are changed here: `score`, which everyone calls, puts them back.
        """
        import torch
        from torch.nn.functional import cross_entropy

        weights = [weight for weight in network.parameters() if weight.requires_grad]
        if not weights:
            raise nas.NotApplicableError("the network has no weights to train")
        before = cross_entropy(network(inputs), targets)
        gradients = torch.autograd.grad(before, weights, materialize_grads=True)
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(self.length * gradient / norm)
            after = cross_entropy(network(inputs), targets)
        return float(before.detach() - after)
