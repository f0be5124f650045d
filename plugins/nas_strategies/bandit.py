"""Which of several arms pays best at present."""

from __future__ import annotations

from scipy.special import betaincinv

from nas.seeds import Rng, below

DISCOUNT = 0.95
"""What a reward counts for after each later one: the last twenty decide."""
PRIOR = 1.0
"""Rewards that the prior of an arm is worth."""


class Bandit:
    """Discounted Thompson sampling: V. Raj, S. Kalyani, 2017, arXiv:1707.09727.

    A reward r from 0 to 1 counts as r successes and 1 - r failures, and the past of every arm fades
    with each reward, for what pays at first need not pay later. Unlike the paper's, the prior of an
    arm has the mean of all rewards: where these are rare, an arm without a past would be thought
    far better than any other.

    Args:
        arms: how many there are.
    """

    def __init__(self, arms: int) -> None:
        self._won, self._lost = [0.0] * arms, [0.0] * arms

    def choose(self, rng: Rng) -> int:
        """Return the arm with the largest draw from its posterior."""
        mean = (sum(self._won) + 1) / (sum(self._won) + sum(self._lost) + 2)
        draws = [
            float(betaincinv(PRIOR * mean + won, PRIOR * (1 - mean) + lost, rng.random()))
            for won, lost in zip(self._won, self._lost, strict=True)
        ]
        best = [arm for arm, draw in enumerate(draws) if draw == max(draws)]
        return best[below(len(best), rng)]

    def reward(self, arm: int, reward: float) -> None:
        """Learn from a reward from 0 to 1."""
        self._won = [DISCOUNT * won for won in self._won]
        self._lost = [DISCOUNT * lost for lost in self._lost]
        self._won[arm] += reward
        self._lost[arm] += 1 - reward
