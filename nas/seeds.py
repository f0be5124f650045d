"""Independent seeds from one: a function of labels, never of time or order of arrival."""

from __future__ import annotations

import hashlib
import random
from typing import Protocol


class Rng(Protocol):
    """What spaces and strategies draw from: ``random.Random`` or ``numpy.random.Generator``."""

    def random(self) -> float:
        """Return the next draw, uniform in [0, 1)."""
        ...


def derive(seed: int, *labels: str | int) -> int:
    """Return a seed in [0, 2**31) that depends on ``seed`` and every label."""
    text = "/".join(map(str, (seed, *labels)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33


def rng(seed: int, *labels: str | int) -> random.Random:
    """Return a generator of its own for ``labels``."""
    return random.Random(derive(seed, *labels))


def below(n: int, source: Rng) -> int:
    """Return a uniform integer in [0, n)."""
    return int(source.random() * n)
