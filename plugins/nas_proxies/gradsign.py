"""GradSign (Zhang & Jia, ICLR 2022, arXiv:2110.08616)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nas import NonFiniteError, NotApplicableError, Proxy, checks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class GradSign(Proxy):
    """Sum over weights of the absolute sum over samples of gradient signs (Algorithm 1).

    ``score = sum_k |sum_i sign(d loss(x_i, y_i) / d theta_k)|``, an integer from 0 to samples times
    weights, where ``sign(0) = 0``. As in the authors' code, ``k`` runs over the weights of all
    ``nn.Conv2d`` and ``nn.Linear`` layers (no biases; a weight that two layers hold counts for
    each), or, as in the paper's text, over all parameters (``parameters``). As in both, the loss is
    cross-entropy at initialisation, and every sample is passed alone in train mode, so that batch
    norm takes its statistics over the space of one sample. Unlike there, a NaN
    gradient is an error, and the loss of floating-point targets is the squared error, summed over
    outputs. The score grows with the number of weights and of samples: compare only scores of equal
    batch, data and number of classes.

    A network that is random in train mode (dropout) draws from torch's generator sample after
    sample, as in the authors' code; that, and a network that mixes the samples of a batch, takes
    the time of the plain loop. All others take about the time of one training step.

    Args:
        batch: samples that a search gives it; the paper uses 128, its tables 64 and 128.
        chunk: samples that are passed together. Memory grows with it; the score stays the same, up
            to gradients so near to 0 that rounding decides their sign.
        parameters: ``"layers"`` is what the authors' code counts, and what the numbers they
            published come from; ``"all"`` is what the paper says: biases, norms and embeddings too,
            and a parameter that two layers hold counts once.

    Raises (from ``score``):
        NotApplicableError: there is no such parameter, batch norm would see one value a channel, or
            the outputs do not fit the targets.
        NonFiniteError: a loss or gradient is NaN or infinite.
    """

    formula = "sum over weights of |sum over samples of sign(d loss / d weight)|"
    applies_to = "networks with nn.Conv2d or nn.Linear that take samples one by one"

    batch: int = 64
    chunk: int = 32
    parameters: Literal["layers", "all"] = "layers"

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)
        checks.whole("chunk", self.chunk, 1)
        checks.one_of("parameters", self.parameters, ("layers", "all"))

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score."""
        import torch

        from nas_proxies.losses import sample_losses
        from nas_proxies.per_sample import visit_gradients

        weights = self._counted(network)
        votes = {weight: torch.zeros_like(weight, dtype=torch.float32) for weight in weights}
        checksum = torch.zeros((), dtype=torch.float64, device=inputs.device)

        def vote(weight: torch.nn.Parameter, gradients: torch.Tensor) -> None:
            wide = torch.promote_types(gradients.dtype, torch.float32)
            checksum.add_(gradients.sum(dtype=wide))  # torch's sign of NaN is 0
            votes[weight] += gradients.sign_().sum(0, dtype=torch.float32)

        visit_gradients(
            network,
            inputs,
            targets,
            losses=sample_losses,
            chunk=self.chunk,
            visit=vote,
            parameters=weights,
        )
        if not math.isfinite(checksum.item()):
            raise NonFiniteError("a gradient is NaN or infinite")
        # Integers up to samples times weights: float32 would lose units.
        return sum(votes[weight].abs().sum(dtype=torch.float64).item() for weight in weights)

    def _counted(self, network: torch.nn.Module) -> list[torch.nn.Parameter]:
        from nas_proxies.per_sample import layer_weights

        if self.parameters == "layers":
            weights = layer_weights(network)
            kind = "nn.Conv2d or nn.Linear weight"
        else:
            weights = [p for p in network.parameters() if p.is_floating_point() and p.numel()]
            kind = "parameter"
        if not weights:
            raise NotApplicableError(f"there is no {kind} to count signs of")
        return weights
