"""Ensembles of small neural networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.seeds import derive
from nas_predictors.ensembles import unexplained
from nas_predictors.features import Rows, UnitRange
from nas_predictors.vectors import Floats, VectorPredictor

if TYPE_CHECKING:
    import torch

FOLDS = 5
"""Each member leaves one of so many parts of the samples out."""
LOSSES = ("mae", "mse")
BATCH = 256
"""Samples of one step at most: so a fit takes no longer the more there are."""


@dataclass(eq=False, kw_only=True)
class MLPEnsemble(VectorPredictor):
    """Fully connected networks that differ in initial weights and in what they learn from.

    As the neural predictor of BANANAS (White et al., AAAI 2021, arXiv:1910.11858), but wider, less
    deep, and with a fifth of the samples left out of what each member learns, another fifth for the
    next (cross-validation ensemble: Krogh & Vedelsby, NIPS 1994). The standard deviation joins what
    the members disagree by with the error on what they left out that disagreement does not explain.
    All members are trained at once (AdamW, cosine schedule).

    Args:
        members: networks, at least 2.
        layers: hidden layers, at least 1.
        width: units of a hidden layer, at least 1.
        steps: of training, at least 1.
        rate: learning rate at the start, above 0.
        decay: weight decay.
        loss: ``mae``, which outliers do not dominate, or ``mse``.
    """

    members: int = 10
    layers: int = 2
    width: int = 64
    steps: int = 150
    rate: float = 0.01
    decay: float = 0.1
    loss: str = "mae"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("members", 2), ("layers", 1), ("width", 1), ("steps", 1)):
            checks.whole(name, getattr(self, name), low)
        checks.number("rate", self.rate, positive=True)
        checks.number("decay", self.decay)
        checks.one_of("loss", self.loss, LOSSES)

    def _learn(self, rows: Rows, scores: Floats) -> None:
        import torch

        self._unit = UnitRange(rows)
        inputs = self._unit(rows)
        kept = self._kept(len(scores))
        with _alone():
            self._weights = self._initial(inputs.shape[1])
            self._train(
                torch.from_numpy(inputs.astype(np.float32)),
                torch.from_numpy(scores.astype(np.float32)),
                torch.from_numpy(kept.astype(np.float32)),
            )
        unseen = np.where(kept, np.nan, self._members(inputs))
        self._noise = unexplained(unseen, scores)

    def _infer(self, rows: Rows) -> tuple[Floats, Floats]:
        scores = self._members(self._unit(rows))
        return scores.mean(axis=0), np.sqrt(scores.var(axis=0) + self._noise)

    def _kept(self, samples: int) -> NDArray[np.bool_]:
        """Return ``(members, samples)``: whether a member learns from a sample."""
        draws = np.random.default_rng(self.seed)
        kept = np.ones((self.members, samples), dtype=bool)
        for member in range(self.members):
            if member % FOLDS == 0:
                order = draws.permutation(samples)
            kept[member, order[member % FOLDS :: FOLDS]] = False
        kept[~kept.any(axis=1)] = True
        return kept

    def _initial(self, inputs: int) -> list[torch.Tensor]:
        """Return ``(members, inputs, outputs)`` weights and ``(members, 1, outputs)`` biases."""
        import torch

        source = torch.Generator().manual_seed(derive(self.seed, "weights"))
        sizes = [inputs, *[self.width] * self.layers, 1]
        found = []
        for before, after in pairwise(sizes):
            gain = math.sqrt(2 / before)
            found.append(gain * torch.randn(self.members, before, after, generator=source))
            found.append(torch.zeros(self.members, 1, after))
        return [weight.requires_grad_() for weight in found]

    def _train(self, inputs: torch.Tensor, scores: torch.Tensor, kept: torch.Tensor) -> None:
        import torch

        source = torch.Generator().manual_seed(derive(self.seed, "batches"))
        share = kept / kept.sum(dim=1, keepdim=True)
        optimiser = torch.optim.AdamW(self._weights, lr=self.rate, weight_decay=self.decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        for _ in range(self.steps):
            batch = torch.randperm(len(scores), generator=source)[:BATCH]
            error = _forward(self._weights, inputs[batch]) - scores[batch]
            loss = error.abs() if self.loss == "mae" else error.square()
            optimiser.zero_grad()
            (loss * share[:, batch]).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

    def _members(self, inputs: Floats) -> Floats:
        """Return ``(members, samples)`` predicted scores."""
        import torch

        with _alone(), torch.no_grad():
            found = _forward(self._weights, torch.from_numpy(inputs.astype(np.float32)))
        return found.numpy().astype(np.float64)


def _forward(weights: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Return ``(members, samples)`` for ``(samples, features)``."""
    import torch

    members = len(weights[0])
    flow = inputs.expand(members, *inputs.shape)
    for layer in range(0, len(weights), 2):
        if layer:
            flow = torch.relu(flow)
        flow = torch.baddbmm(weights[layer + 1], flow, weights[layer])
    return flow.squeeze(2)


@contextmanager
def _alone() -> Iterator[None]:
    """Compute with one thread and gradients, whatever the caller does, and leave no trace."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums depend on the number of threads
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_num_threads(threads)
