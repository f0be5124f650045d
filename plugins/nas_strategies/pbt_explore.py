"""The explore step of population based training, on decisions with finitely many values."""

from __future__ import annotations

import math

import numpy as np

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.decisions import Categorical, Decision, Grid, Integer
from nas.errors import ConfigError
from nas.seeds import Rng, below

LESS, MORE = 0.8, 1.2
"""What a number is multiplied by (Jaderberg et al. 2017)."""


class Explorer:
    """Changes the hyper-parameters of an architecture and leaves its network as it is.

    Each of them is drawn anew with probability ``resample``. Otherwise a number is multiplied by
    0.8 or 1.2 and goes to the nearest value that the space has, at least to the next one; at the
    end of a range it turns back. What has no order stays as it is, unless nothing else changes.

    Args:
        space: whose decisions are those of the network and of its hyper-parameters.
        resample: probability.

    Raises:
        ConfigError: the space has no hyper-parameters.
    """

    def __init__(self, space: Space, resample: float) -> None:
        networks = {decision.name for decision in space.networks.decisions}
        self._space, self._resample = space, resample
        self._own = [d for d in space.tree.decisions if d.name not in networks]
        if not self._own:
            raise ConfigError(
                "pbt changes hyper-parameters while networks are trained, but none are searched: "
                "add them to the config, such as hyper = { lr = { low = 1e-4, high = 1e-1, "
                "log = true } }"
            )

    def explore(self, architecture: Architecture, rng: Rng) -> Architecture:
        """Return the same network with other hyper-parameters."""
        point = self._space.tree.read(architecture)
        active = [d for d in self._own if d.name in point and len(d.values) > 1]
        changed = {d.name: self._moved(d, point[d.name], rng) for d in active}
        if active and all(point[name] == index for name, index in changed.items()):
            decision = active[below(len(active), rng)]
            changed[decision.name] = _another(decision, point[decision.name], rng)
        found = self._space.tree.complete({**point, **changed}, rng)
        values = {d.name: d.values for d in self._space.tree.decisions}
        return self._space.architecture({name: values[name][i] for name, i in found.items()})

    def _moved(self, decision: Decision, index: int, rng: Rng) -> int:
        if rng.random() < self._resample:
            return below(len(decision.values), rng)
        if isinstance(decision, Categorical):
            return index
        return multiplied(decision, index, rng.random() < 0.5)


def multiplied(decision: Integer | Grid, index: int, more: bool) -> int:
    """Return the position of the value nearest to a multiple of another one, never the same one.

    Args:
        decision: with two values at least, in increasing order.
        index: position of the value.
        more: whether it is multiplied by ``MORE``, or by ``LESS``; 0 itself moves up or down.
    """
    values = np.array(decision.values, dtype=np.float64)
    value = float(values[index])
    up = more == (value >= 0)
    if index == (len(values) - 1 if up else 0):
        more, up = not more, not up
    wanted = value * (MORE if more else LESS)
    if isinstance(decision, Grid) and decision.log:
        values, wanted = np.log(values), math.log(wanted)
    nearest = int(np.abs(values - wanted).argmin())
    return max(nearest, index + 1) if up else min(nearest, index - 1)


def _another(decision: Decision, index: int, rng: Rng) -> int:
    count = len(decision.values)
    return (index + 1 + below(count - 1, rng)) % count
