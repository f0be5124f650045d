"""Checks that the strategies share."""

from __future__ import annotations

from nas.abstract.strategy import Problem
from nas.errors import StudyError


def at_least(low: int, **parameters: int) -> None:
    """Raise ``ValueError`` unless every parameter is a whole number of at least ``low``."""
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"{name} must be a whole number of at least {low}, not {value!r}")


def probability(**parameters: float) -> None:
    """Raise ``ValueError`` unless every parameter is a number from 0 to 1."""
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"{name} must be a probability between 0 and 1, not {value!r}")


def started(problem: Problem | None) -> Problem:
    """Return the problem of a strategy that was started, or raise ``StudyError``."""
    if problem is None:
        raise StudyError("a strategy must be started with start(problem) before ask and tell")
    return problem
