"""Candidates for a predictor to choose from: a whole space if it is small, else a large sample."""

from __future__ import annotations

from collections.abc import Sequence

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.seeds import Rng, below

LISTABLE = 20_000
"""Largest space that is listed."""


class Pool:
    """Lists a small space once; of a large one draws afresh each time.

    Args:
        space: where candidates come from.
        size: how many of a large space.
    """

    def __init__(self, space: Space, size: int) -> None:
        self._space, self._size = space, size
        self._listed = list(space.architectures()) if space.size <= LISTABLE else None

    def draw(self, best: Sequence[Architecture], rng: Rng) -> list[Architecture]:
        """Return distinct candidates: all, or uniform draws and mutations of the best, half each.

        Args:
            best: what to mutate, at least one.
            rng: all randomness comes from it.
        """
        if self._listed is not None:
            return self._listed
        drawn = dict.fromkeys(self._space.sample(rng) for _ in range(self._size - self._size // 2))
        for _ in range(self._size // 2):
            drawn[self._space.mutate(best[below(len(best), rng)], rng)] = None
        return list(drawn)
