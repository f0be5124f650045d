"""Checks of a component's parameters, for its ``__post_init__``.

Each raises ``ValueError`` naming the parameter, its value and what would work; whoever builds the
component turns that into a ``ComponentError``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from nas.suggest import did_you_mean, listed


def whole(name: str, value: object, low: int) -> None:
    """Refuse what is no integer of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, not {value!r}")


def number(name: str, value: object, *, below: float = math.inf, positive: bool = False) -> None:
    """Refuse what is no number from 0 to less than ``below``; 0 itself too if ``positive``."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not 0 <= value < below or (positive and value == 0):  # type: ignore[operator]
        least = "above 0" if positive else "of at least 0"
        most = f" and below {below:g}" if below < math.inf else ""
        raise ValueError(f"{name} must be a finite number {least}{most}, not {value!r}")


def probability(name: str, value: object) -> None:
    """Refuse what is no number from 0 to 1."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not 0 <= value <= 1:  # type: ignore[operator]
        raise ValueError(f"{name} must be a probability from 0 to 1, not {value!r}")


def flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")


def one_of(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is none of the known names."""
    known = list(known)
    if value not in known:
        hint = did_you_mean(str(value), known)
        raise ValueError(f"{name} must be one of {listed(known)}, not {value!r}.{hint}")
