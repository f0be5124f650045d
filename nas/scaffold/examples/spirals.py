"""A data set: spirals in the plane."""

from __future__ import annotations

from dataclasses import dataclass

import nas
import numpy as np
from nas import checks


@dataclass(frozen=True, kw_only=True)
class Spirals(nas.Dataset):
    """Arms of a spiral in the plane, one a class: no straight line tells them apart.

    A table of two features, drawn at random but always the same for the same parameters. The test
    split has other samples, a quarter as many.

    Args:
        samples: for training and validation together, at least 10 a class.
        classes: number of arms, at least 2.
        noise: standard deviation of both features; the arms lie within a radius of 1.
        seed: of what is drawn; the study's own seed does not change it.
    """

    samples: int = 600
    classes: int = 3
    noise: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("classes", self.classes, 2)
        checks.whole("samples", self.samples, 10 * self.classes)
        checks.number("noise", self.noise)
        checks.whole("seed", self.seed, 0)

    def load(self) -> nas.Examples:
        """Draw the samples."""
        rng = np.random.default_rng(self.seed)
        train = self._drawn(self.samples, rng)
        return nas.Examples(train, self._drawn(self.samples // 4, rng), self.classes)

    def _drawn(self, count: int, rng: np.random.Generator) -> nas.Split:
        """Return so many points; the arms take turns."""
        targets = np.arange(count, dtype=np.int64) % self.classes
        radius = np.sqrt(rng.uniform(0.01, 1.0, count))
        angle = 2 * np.pi * (radius + targets / self.classes)
        points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        noisy = points + rng.normal(0, self.noise, points.shape)
        return nas.Split(noisy.astype(np.float32), targets)
