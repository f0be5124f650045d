"""The loss of proxies that have one: cross-entropy of classes, squared error of numbers.

Which of them is read from the targets: class indices are whole numbers, what a regression is to
return are floating-point numbers.
"""

from __future__ import annotations

from torch import Tensor  # noqa: TID253  imported by proxies' compute only
from torch.nn import functional as F  # noqa: N812, TID253

from nas import NotApplicableError


def sample_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return ``(samples,)``: each sample's cross-entropy, or squared error summed over outputs.

    Args:
        outputs: ``(samples, classes)``, or ``(samples, k)`` numbers.
        targets: ``(samples,)`` class indices; or ``(samples, k)`` numbers, ``(samples,)`` if
            ``k`` is 1.

    Raises:
        NotApplicableError: they do not fit each other.
    """
    if targets.is_floating_point():
        wanted = _numbers(outputs, targets)
        return F.mse_loss(outputs, wanted, reduction="none").sum(1)
    return F.cross_entropy(outputs, _classes(outputs, targets), reduction="none")


def mean_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, or the mean squared error over samples and outputs.

    Raises:
        NotApplicableError: outputs and targets do not fit each other.
    """
    if targets.is_floating_point():
        return F.mse_loss(outputs, _numbers(outputs, targets))
    return F.cross_entropy(outputs, _classes(outputs, targets))


def _numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    wanted = targets.unsqueeze(1) if targets.dim() == 1 else targets
    if wanted.shape != outputs.shape:
        raise NotApplicableError(
            f"outputs of shape {tuple(outputs.shape)} and floating-point targets of shape "
            f"{tuple(targets.shape)} have no squared error: as many numbers would work; class "
            "indices are whole numbers"
        )
    return wanted.to(outputs.dtype)


def _classes(outputs: Tensor, targets: Tensor) -> Tensor:
    samples, classes = outputs.shape
    if targets.shape != (samples,):
        raise NotApplicableError(
            f"targets of shape {tuple(targets.shape)} are no class indices of {samples} samples: "
            "one whole number a sample would work"
        )
    if samples and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise NotApplicableError(
            f"targets from {int(targets.min())} to {int(targets.max())} are no indices of the "
            f"network's {classes} outputs"
        )
    return targets.long()
