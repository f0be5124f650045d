"""The parts of AZ-NAS (Lee & Ham, CVPR 2024, arXiv:2403.19232); its complexity is ``flops``.

AZ-NAS ranks a pool of networks by each part, and sums ``log(rank / size of the pool)``.
All look at blocks (``nas_proxies.blocks``) with Kaiming normal weights and inputs from N(0, 1).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from nas import NonFiniteError, NotApplicableError, SharingProxy, checks

if TYPE_CHECKING:
    import torch

    from nas_proxies.blocks import BlockPasses, Gradient

_APPLIES_TO = "networks of at least two blocks in a chain, and no inputs that are indices"


@dataclass(frozen=True)
class BlockProxy(SharingProxy):
    """Needs nothing but what ``BlockPasses`` computes.

    Args:
        batch: samples that a search gives it.
    """

    needs_data = False
    needs_targets = False
    applies_to = _APPLIES_TO

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    @classmethod
    def share(
        cls, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> BlockPasses:
        """Return the passes, none of which has run yet; of the inputs the shape is looked at."""
        from nas_proxies.blocks import BlockPasses

        return BlockPasses(network, inputs)

    @abstractmethod
    def compute_from(self, shared: BlockPasses) -> float:
        """Return the score; higher is better."""


@dataclass(frozen=True)
class AzExpressivity(BlockProxy):
    """How evenly the features of blocks spread over their space; higher is better.

    ``sum_blocks H``, where ``H = -sum p log(p + 1e-8)`` and ``p`` are the eigenvalues of the
    features' covariance over samples and positions, divided by their sum.
    """

    formula = "sum over blocks of the entropy of the features' normalised PCA eigenvalues"
    cost = 0.5

    def compute_from(self, shared: BlockPasses) -> float:
        """Return the score.

        Raises:
            NonFiniteError: the features of a block are constant.
        """
        return math.fsum(_entropies(shared))


@dataclass(frozen=True)
class AzProgressivity(BlockProxy):
    """How much the features' entropy grows from block to block, at least; higher is better.

    ``min_i (H_i - H_(i-1))`` with the entropies of ``az_expressivity``.
    """

    formula = "least increase of the features' entropy (az_expressivity) from a block to the next"
    cost = 0.5

    def compute_from(self, shared: BlockPasses) -> float:
        """Return the score.

        Raises:
            NonFiniteError: the features of a block are constant.
        """
        entropies = _entropies(shared)
        return min(b - a for a, b in pairwise(entropies))


@dataclass(frozen=True)
class AzTrainability(BlockProxy):
    """How close to 1 blocks leave the size of gradients; at most about 0, which is best.

    ``mean_blocks (2 - s - 1 / (s + 1e-6))``, over all blocks but the first. ``s`` is the largest
    singular value of ``mean g_in g_out^T`` over samples and positions, ``g_out`` being random
    signs and ``g_in`` what comes back through the block. If the block has ``k`` positions for
    each one behind it, their ``g_in`` are stacked.
    """

    formula = "mean over blocks of 2 - s - 1/s; s: spectral norm of the block's mean Jacobian"
    applies_to = f"{_APPLIES_TO}; no block enlarges its input or cuts its borders off"
    cost = 1.3

    def compute_from(self, shared: BlockPasses) -> float:
        """Return the score.

        Raises:
            NonFiniteError: a block passes on its input as it is: the score is minus infinity.
            NotApplicableError: a block does not depend on the one before, or has positions that
                are no parts of that one's.
        """
        scores = [_trainability(gradient) for gradient in shared.gradients]
        return math.fsum(scores) / len(scores)


def _entropies(passes: BlockPasses) -> list[float]:
    import torch

    entropies = []
    for i, feature in enumerate(passes.features):
        rows = _positions_last(feature.detach()).flatten(1).double()
        rows = rows - rows.mean(1, keepdim=True)
        values = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0)  # rounding may go below
        total = values.sum()
        if not total > 0 or not total.isfinite():
            raise NonFiniteError(f"the features of block {i} are constant or not finite")
        shares = values / total
        entropies.append(-(shares * (shares + 1e-8).log()).sum().item())
    return entropies


def _trainability(gradient: Gradient) -> float:
    import torch

    if gradient.inputs.shape == gradient.outputs.shape and torch.equal(*gradient):
        raise NonFiniteError("a block passes on its input as it is: the score is minus infinity")
    outputs = _positions_last(gradient.outputs)
    inputs = _stacked(_positions_last(gradient.inputs), outputs.shape[2:])
    columns = outputs.flatten(1).double()
    mean = inputs.flatten(1).double() @ columns.T / columns.shape[1]
    if not mean.isfinite().all():
        raise NonFiniteError("what comes back through a block is not finite")
    norm = float(torch.linalg.matrix_norm(mean, 2))
    return 2 - norm - 1 / (norm + 1e-6)


def _positions_last(feature: torch.Tensor) -> torch.Tensor:
    """Return ``(features, samples, positions...)``."""
    return feature.movedim(1 if feature.dim() > 3 else -1, 0)


def _stacked(inputs: torch.Tensor, wanted: torch.Size) -> torch.Tensor:
    """Return as many positions as wanted: those that lie together become features of one.

    Args:
        inputs: ``(features, samples, positions...)``; filled up with zeros at the ends.
        wanted: numbers of positions.
    """
    from torch.nn import functional as F  # noqa: N812

    for axis, count in enumerate(wanted, start=2):
        length = inputs.shape[axis]
        together = -(-length // count)
        if -(-length // together) != count:
            raise NotApplicableError(
                f"a block turns {length} positions in a row into {count}: as many, a half, a "
                "third and so on would work"
            )
        rows = inputs.movedim(axis, -1)
        rows = F.pad(rows, (0, count * together - length))
        rows = rows.reshape(*rows.shape[:-1], count, together)
        inputs = rows.movedim(-1, 0).flatten(0, 1).movedim(-1, axis)
    return inputs
