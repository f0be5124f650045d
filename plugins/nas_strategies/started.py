"""What every strategy asks itself first: was it started?"""

from __future__ import annotations

from nas.abstract.strategy import Problem
from nas.errors import StudyError


def started(problem: Problem | None) -> Problem:
    """Return the problem of a strategy that was started, or raise ``StudyError``."""
    if problem is None:
        raise StudyError("a strategy must be started with start(problem) before ask and tell")
    return problem
