"""Candidates for an acquisition function: from everywhere, and from around what is good."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.seeds import Rng, below

Floats = NDArray[np.float64]
Gain = Callable[[Sequence[Architecture]], Floats]
"""From architectures to ``(architectures,)``, higher is better."""

CENTRES = 5
"""Candidates whose neighbours are looked at together."""
CLIMBS = 4
"""Times that neighbours of the best candidates become candidates themselves."""


class Neighbourhood:
    """Looks for the largest value of a function that is cheap, but not free.

    Args:
        space: where candidates are from.
        draws: how many of them are uniform draws; a space of no more is taken whole.
    """

    def __init__(self, space: Space, draws: int) -> None:
        self._space, self._draws = space, draws
        self._whole = list(space.architectures()) if space.size <= draws else None

    def search(self, gain: Gain, best: Sequence[Architecture], rng: Rng) -> list[Architecture]:
        """Return candidates, the largest gain first.

        Args:
            gain: what is looked for.
            best: around which candidates are taken, too.
            rng: all randomness comes from it.
        """
        if self._whole is not None:
            return _descending(dict(zip(self._whole, gain(self._whole).tolist(), strict=True)))
        first = dict.fromkeys(self._space.sample(rng) for _ in range(self._draws))
        new = [*first, *self._neighbours(best, first, rng)]
        gains: dict[Architecture, float] = {}
        for _ in range(1 + CLIMBS):
            gains.update(zip(new, gain(new).tolist(), strict=True))
            new = self._neighbours(_descending(gains)[:CENTRES], gains, rng)
            if not new:
                break
        return _descending(gains)

    def _neighbours(
        self, centres: Sequence[Architecture], known: Container[Architecture], rng: Rng
    ) -> list[Architecture]:
        """Return neighbours that are not known, at random no more than there are draws."""
        around = dict.fromkeys(a for centre in centres for a in self._space.neighbours(centre))
        found = [architecture for architecture in around if architecture not in known]
        for i in range(min(self._draws, len(found))):
            j = i + below(len(found) - i, rng)
            found[i], found[j] = found[j], found[i]
        return found[: self._draws]


def _descending(gains: dict[Architecture, float]) -> list[Architecture]:
    return sorted(gains, key=gains.__getitem__, reverse=True)
