"""How many trials begin where: the brackets of Hyperband."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FUZZ = 1e-9
"""So that 81 / 3 / 3 / 3 / 3 counts as 1, whatever floating point makes of it."""


@dataclass(frozen=True)
class Bracket:
    """One run of successive halving.

    Args:
        rungs: steps at which it halves, increasing; the last is the full budget.
        sizes: how many trials come to each rung.
    """

    rungs: tuple[int, ...]
    sizes: tuple[int, ...]


def brackets(budget: int, factor: float, grace: int) -> tuple[Bracket, ...]:
    """Return Hyperband's brackets, the one with most trials and the earliest rung first.

    Source: algorithm 1 of L. Li et al., JMLR 18(185), 2018. (Implementations that round before
    they take the power have fewer trials in the middle brackets.)

    Args:
        budget: of a complete trial.
        factor: by which rungs are apart and trials get fewer, at least 2.
        grace: the first rung is not below it.
    """
    top = math.floor(math.log(budget / grace, factor) + FUZZ)
    found = []
    for halvings in range(top, -1, -1):
        first = beginners(halvings, top, factor)
        found.append(
            Bracket(
                tuple(round(budget / factor ** (halvings - i)) for i in range(halvings + 1)),
                tuple(kept(first, factor**i) for i in range(halvings + 1)),
            )
        )
    return tuple(found)


def beginners(halvings: int, most: int, factor: float) -> int:
    """Return how many trials begin a bracket with so many halvings, of ``most`` in any bracket.

    So every bracket spends about as much.
    """
    return math.ceil((most + 1) / (halvings + 1) * factor**halvings - FUZZ)


def above(name: str, value: object, least: float, *, itself: bool = False) -> None:
    """Refuse a factor that is no finite number above ``least``, or ``least`` itself if it may be.

    Raises:
        ValueError: naming the parameter, its value and what would work.
    """
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not least <= value < math.inf or (value == least and not itself):  # type: ignore[operator]
        how = f"of at least {least:g}" if itself else f"above {least:g}"
        raise ValueError(f"{name} must be a finite number {how}, not {value!r}")


def kept(trials: int, factor: float) -> int:
    """Return how many of the trials go on: one in ``factor``, rounded down."""
    return math.floor(trials / factor + FUZZ)


def interleaved(counts: Sequence[int]) -> tuple[int, ...]:
    """Return each position as often as its count says, as evenly mixed as can be.

    >>> interleaved([3, 1])
    (0, 0, 0, 1)
    """
    turns = [
        ((turn + 1) / count, place) for place, count in enumerate(counts) for turn in range(count)
    ]
    return tuple(place for _, place in sorted(turns))
