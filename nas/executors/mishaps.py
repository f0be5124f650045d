"""What goes wrong on virtual workers: drawn for each trial, whatever happens to the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nas.config import SimulationConfig
from nas.seeds import rng

HOUR = 3600.0

End = Literal["done", "failure", "timeout", "lost"]


@dataclass(frozen=True)
class Fate:
    """How one run of a trial ends.

    Args:
        end: ``done``, ``failure`` (injected), ``timeout``, or ``lost`` with its worker.
        after: virtual seconds from its start.
    """

    end: End
    after: float


class Mishaps:
    """Decides how runs end. Nothing depends on the order in which it is asked.

    Args:
        simulation: how often what goes wrong.
        timeout: virtual seconds that a trial may take, or None.
    """

    def __init__(self, simulation: SimulationConfig, timeout: float | None) -> None:
        self._simulation, self._timeout = simulation, timeout

    def fate(self, number: int, attempt: int, seconds: float) -> Fate:
        """Return what becomes of a trial.

        Whether it fails is the trial's; its speed and the loss of its worker are the attempt's.

        Args:
            number: of the trial.
            attempt: how often it has been lost before.
            seconds: that its training takes where nothing goes wrong.
        """
        length = self.length(number, attempt, seconds)
        fates = [Fate("done", length)]
        if (part := self._failure(number)) is not None:
            fates.append(Fate("failure", part * length))
        if self._timeout is not None and length > self._timeout:
            fates.append(Fate("timeout", self._timeout))
        if self._simulation.lost:
            fates.append(Fate("lost", self._loss(number, attempt)))
        return min(fates, key=lambda fate: fate.after)

    def length(self, number: int, attempt: int, seconds: float) -> float:
        """Return the virtual seconds that a trial takes if it is not cut short."""
        return seconds * self._slowness(number, attempt)

    def _slowness(self, number: int, attempt: int) -> float:
        share = self._simulation.stragglers
        if not share or self._draw("straggler", number, attempt) >= share:
            return 1.0
        return self._simulation.slowdown

    def _failure(self, number: int) -> float | None:
        """Return the part of its training after which a trial fails, in [0, 1)."""
        share = self._simulation.failures
        if not share or self._draw("failure", number) >= share:
            return None
        return self._draw("failure after", number)

    def _loss(self, number: int, attempt: int) -> float:
        """Return the seconds of work until a worker is lost, exponentially distributed."""
        return -math.log(1 - self._draw("loss", number, attempt)) * HOUR / self._simulation.lost

    def _draw(self, *labels: str | int) -> float:
        return rng(self._simulation.seed, "simulation", *labels).random()
