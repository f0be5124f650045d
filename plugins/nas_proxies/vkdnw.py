"""VKDNW (Tybl & Neumann, CVPR 2025, arXiv:2502.04975)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import NonFiniteError, NotApplicableError, Proxy, checks

if TYPE_CHECKING:
    import torch

_SMOOTHING = 0.05
_SMALL = 1e-10


@dataclass(frozen=True)
class VKDNW(Proxy):
    """How alike the eigenvalues of the Fisher information are; higher is better.

    With ``q`` the nine deciles of the eigenvalues of ``F``, divided by their sum (plus 1e-10):
    ``N - sum q log(q + 1e-10)``. ``N`` is the number of parameter tensors; with it networks of
    different size are ranked (the paper's ``VKDNW_single``, and the V of its ``VKDNW_agg``),
    without it this is the paper's ``VKDNW``.

    ``F = mean_n (L_n J_n)^T (L_n J_n)``. ``J_n`` are the gradients of sample ``n``'s outputs by
    the first element of each of the first ``tensors`` parameter tensors. ``L_n L_n^T = diag(p) -
    p p^T`` (Cholesky), where ``p = 0.95 softmax + 0.05 / classes``. As in the authors' code, ``L``
    is not transposed, as the Fisher information would have it; it is in eval mode, every sample
    alone, with Kaiming normal weights, inputs from N(0, 1), and batch norm that has no statistics
    yet, which leaves its input as it is.

    A network that mixes samples, or uses parameters in an unusual way, takes the time of a
    backward pass for each sample and class; others take that for each class of the batch.

    Args:
        batch: samples that a search gives it.
        tensors: of how many parameter tensors, from the first on, an element is looked at.
        size: whether the number of parameter tensors is added.
        chunk: samples that are passed together. Memory grows with it; the score stays the same.
    """

    batch: int = 64
    tensors: int = 128
    size: bool = True
    chunk: int = 16

    needs_data = False
    needs_targets = False
    formula = "number of parameter tensors + entropy of the Fisher eigenvalues' deciles"
    applies_to = "classifiers of at least two classes, and no inputs that are indices"
    cost = 6.0

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)
        checks.whole("tensors", self.tensors, 2)
        checks.whole("chunk", self.chunk, 1)
        checks.flag("size", self.size)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; of the inputs only shape, type and device are looked at.

        Raises:
            NotApplicableError: the network's outputs are no ``(samples, classes)`` with at least
                two classes, depend on no parameter, or inputs are indices.
            NonFiniteError: an output or a gradient is NaN or infinite.
        """
        from nas_proxies.fresh import draw_kaiming, normal_like
        from nas_proxies.jacobians import output_jacobian

        draw_kaiming(network, "fan_in")
        drawn = normal_like(inputs)
        network.eval()
        all_parameters = [p for p in network.parameters() if p.is_floating_point() and p.numel()]
        parameters = all_parameters[: self.tensors]
        if len(parameters) < 2:
            raise NotApplicableError("there are fewer than two parameter tensors")
        outputs, jacobian = output_jacobian(network, drawn, parameters, chunk=self.chunk)
        information = _information(outputs.double(), jacobian.double())
        return self.size * len(all_parameters) + _entropy(information)


def _information(outputs: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
    """Return ``(parameters, parameters)``.

    Args:
        outputs: ``(samples, classes)``.
        jacobian: ``(samples, classes, parameters)``.
    """
    classes = outputs.shape[1]
    if classes < 2:
        raise NotApplicableError("the network has one output: there are no classes to tell apart")
    shares = outputs.softmax(1) * (1 - _SMOOTHING) + _SMOOTHING / classes
    weighted = (_cholesky(shares) @ jacobian).flatten(0, 1)
    return weighted.T @ weighted / len(outputs)


def _cholesky(shares: torch.Tensor) -> torch.Tensor:
    """Return the lower triangular ``L`` with ``L L^T = diag(p) - p p^T`` (Tanabe & Sagae, 1992).

    Args:
        shares: ``(samples, classes)``, each above 0, with a sum of 1.
    """
    import torch

    rest = shares.flip(1).cumsum(1).flip(1)  # from each class on
    after = torch.cat([rest[:, 1:], torch.ones_like(rest[:, :1])], dim=1)
    below = -(shares.unsqueeze(2) / after.unsqueeze(1)).tril(-1)
    scale = (shares * after / rest).sqrt()
    scale[:, -1] = 0  # the last share follows from the others
    unit = below + torch.eye(shares.shape[1], dtype=shares.dtype, device=shares.device)
    return unit * scale.unsqueeze(1)


def _entropy(information: torch.Tensor) -> float:
    import torch

    if not information.isfinite().all():
        raise NonFiniteError("the Fisher information is not finite")
    if not information.any():
        raise NotApplicableError("the outputs depend on no parameter that is looked at")
    values = torch.linalg.eigvalsh(information).clamp(min=0)  # rounding may go below
    tenths = torch.arange(1, 10, dtype=values.dtype, device=values.device) / 10
    deciles = values.quantile(tenths)
    parts = (deciles / (deciles.sum() + _SMALL)).tolist()
    return -math.fsum(part * math.log(part + _SMALL) for part in parts)
