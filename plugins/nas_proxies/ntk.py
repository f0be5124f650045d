"""Proxies from the neural tangent kernel of the weights (TE-NAS, NASI)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas import NonFiniteError, NotApplicableError, SharingProxy, checks

if TYPE_CHECKING:
    import torch

_COLUMNS = 1 << 16


class TangentKernel(NamedTuple):
    """The samples' neural tangent kernel.

    Args:
        values: ``(samples, samples)`` products of the samples' gradients.
        rounding: how large rounding makes an eigenvalue that should be 0, against the largest.
    """

    values: NDArray[np.float64]
    rounding: float


class KernelProxy(SharingProxy):
    """Computes from the tangent kernel, of which several such proxies can share one."""

    needs_targets = False
    cost = 11.0  # a forward pass, and a backward pass for each of 16 samples

    @classmethod
    def share(
        cls, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> TangentKernel:
        """Return the kernel; targets are not looked at."""
        return tangent_kernel(network, inputs)


@dataclass(frozen=True)
class NTKCondition(KernelProxy):
    """Condition number of the neural tangent kernel, negated; higher is better.

    ``-lambda_max / lambda_min`` of ``K[i, j] = <g_i, g_j>``, ``g_i`` being the gradient of sample
    ``i``'s summed outputs by every parameter whose name contains "weight" (norms' and embeddings'
    too, biases not). Samples meet in batch norm, which takes the batch's statistics. Convolution
    and linear weights are drawn from N(0, 2 / fan-out) before: the authors' search script means to,
    but asks for "kaiming_normal" where its code knows "kaiming_norm", and so keeps the network's
    own. Unlike there, eigenvalues come from ``eigvalsh`` in float64, and a kernel that is singular
    is an error instead of 100000.

    It keeps ``batch`` gradients of all weights in memory. The authors average over 3 draws; this is
    one.

    Args:
        batch: samples that a search gives it; scores of different batches do not compare.

    Source: Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically
    Inspired Perspective" (TE-NAS), ICLR 2021, arXiv:2102.11535; github.com/VITA-Group/TENAS.
    """

    formula = "-lambda_max / lambda_min of the samples' neural tangent kernel"
    applies_to = "networks with weights, and two or more samples"

    batch: int = 16

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    def compute_from(self, shared: Any) -> float:
        """Return the score.

        Raises:
            NotApplicableError: there is one sample only.
            NonFiniteError: the kernel is singular.
        """
        kernel: TangentKernel = shared
        if len(kernel.values) < 2:
            raise NotApplicableError("the kernel of one sample always has condition number 1")
        eigenvalues = np.linalg.eigvalsh(kernel.values)
        smallest, largest = eigenvalues[0], eigenvalues[-1]
        if smallest <= largest * kernel.rounding:
            raise NonFiniteError(
                "the tangent kernel is singular, its condition number infinite: "
                "the samples' gradients are 0 or linearly dependent"
            )
        return -float(largest / smallest)


@dataclass(frozen=True)
class NTKTrace(KernelProxy):
    """Trace of the neural tangent kernel; higher is better.

    ``sum_i ||g_i||^2`` with the gradients ``g_i``, and the weights, of ``ntk_condition``. The
    kernel is positive semi-definite, so this is its trace norm, which NASI maximises. NASI
    estimates it from one gradient of a batch's loss; here it is computed, for each sample's summed
    outputs rather than each output of its own. KNAS (arXiv:2111.13293) takes the mean of all
    entries of the Gram matrix instead of the diagonal.

    Args:
        batch: samples that a search gives it; scores of different batches do not compare.

    Source: Shu et al., "NASI: Label- and Data-agnostic Neural Architecture Search at
    Initialization", ICLR 2022, arXiv:2109.00817, for the trace norm; the gradients are TE-NAS's.
    """

    formula = "sum over samples of the squared norm of the summed outputs' gradient"
    applies_to = "networks with weights"

    batch: int = 16

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)

    def compute_from(self, shared: Any) -> float:
        """Return the score."""
        kernel: TangentKernel = shared
        return float(np.trace(kernel.values))


def tangent_kernel(network: torch.nn.Module, inputs: torch.Tensor) -> TangentKernel:
    """Return the kernel of the network with weights drawn anew.

    Raises:
        NotApplicableError: there is no weight that is trained.
        NonFiniteError: a gradient is NaN or infinite.
    """
    import torch

    from nas_proxies.forward import outputs_of
    from nas_proxies.fresh import draw_kaiming
    from nas_proxies.passes import gradients_by

    draw_kaiming(network, "fan_out")
    named = network.named_parameters()
    weights = [tensor for name, tensor in named if "weight" in name and tensor.requires_grad]
    if not weights:
        raise NotApplicableError("the network has no weight that is trained")
    gradients = []
    for output in outputs_of(network, inputs):
        parts = gradients_by(output.sum(), weights)
        gradients.append(torch.cat([part.detach().flatten() for part in parts]))
    rows = torch.stack(gradients)
    kernel = torch.zeros((len(rows), len(rows)), dtype=torch.float64, device=rows.device)
    for columns in torch.split(rows, _COLUMNS, dim=1):  # not all in float64 at once
        part = columns.double()
        kernel += part @ part.T
    if not kernel.isfinite().all():
        raise NonFiniteError("the outputs' gradient by a weight is NaN or infinite")
    return TangentKernel(kernel.cpu().numpy(), _rounding(rows))


def _rounding(rows: torch.Tensor) -> float:
    import torch

    of_gradients = torch.finfo(rows.dtype).eps  # squared in the kernel
    samples = len(rows)
    return float(max(samples * np.finfo(float).eps, (samples * of_gradients) ** 2))
