"""What a policy gradient adapts: how architectures are drawn, decision by decision."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.seeds import Rng

Floats = NDArray[np.float64]


class Controller(ABC):
    """A distribution over a space's architectures, given as positions (``space.encode``)."""

    @abstractmethod
    def sample(self, rng: Rng) -> list[int]:
        """Draw the position of each decision's value, -1 where it is inactive."""

    @abstractmethod
    def learn(self, positions: list[int], advantage: float) -> None:
        """Make these positions likelier by the advantage, less likely if it is below 0.

        One step of Adam on ``advantage * log p(positions)`` plus the entropy bonus of the decisions
        that are active. With no advantage there is the bonus alone.
        """


class Table(Controller):
    """An independent softmax for each decision, given that it is active.

    Args:
        space: whose decisions are drawn.
        rate: step size of Adam.
        entropy: weight of the entropy bonus.
    """

    def __init__(self, space: Space, rate: float, entropy: float) -> None:
        self._tree = space.tree
        self._rate, self._entropy = rate, entropy
        self._logits = np.zeros(self._tree.offsets[-1])
        self._first, self._second = np.zeros_like(self._logits), np.zeros_like(self._logits)
        self._steps = 0

    def sample(self, rng: Rng) -> list[int]:
        """Draw the position of each decision's value, -1 where it is inactive."""
        point: dict[str, int] = {}
        for i, decision in enumerate(self._tree.decisions):
            if self._tree.active(i, point):
                point[decision.name] = drawn(self.probabilities(i), rng)
        return [point.get(decision.name, -1) for decision in self._tree.decisions]

    def probabilities(self, decision: int) -> Floats:
        """Return ``(values,)`` of decision number ``decision``, given that it is active."""
        logits = self._logits[self._columns(decision)]
        weights = np.exp(logits - logits.max())
        shares: Floats = weights / weights.sum()
        return shares

    def learn(self, positions: list[int], advantage: float) -> None:
        """Take one step; see ``Controller``."""
        gradient = np.zeros_like(self._logits)
        for decision, position in enumerate(positions):
            if position >= 0:
                p = self.probabilities(decision)
                log_p = np.log(np.maximum(p, 1e-300))
                slope = -advantage * p - self._entropy * p * (log_p - p @ log_p)
                slope[position] += advantage
                gradient[self._columns(decision)] = slope
        self._climb(gradient)

    def _columns(self, decision: int) -> slice:
        return slice(*self._tree.offsets[decision : decision + 2])

    def _climb(self, gradient: Floats) -> None:
        """Take a step of Adam (Kingma & Ba, ICLR 2015) uphill."""
        self._steps += 1
        self._first += 0.1 * (gradient - self._first)
        self._second += 0.001 * (gradient**2 - self._second)
        first = self._first / (1 - 0.9**self._steps)
        second = self._second / (1 - 0.999**self._steps)
        self._logits += self._rate * first / (np.sqrt(second) + 1e-8)


def drawn(probabilities: Floats, rng: Rng) -> int:
    """Return a position drawn with these probabilities."""
    position = int(np.searchsorted(np.cumsum(probabilities), rng.random(), side="right"))
    return min(position, len(probabilities) - 1)  # the sum may fall short of 1 by rounding
