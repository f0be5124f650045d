"""What every scheduler asks itself first: was it started?"""

from __future__ import annotations

from typing import TypeVar

from nas.errors import StudyError

State = TypeVar("State")


def started(state: State | None) -> State:
    """Return what ``start`` has prepared, or raise ``StudyError``."""
    if state is None:
        raise StudyError("a scheduler must be started with start(contest) before it decides")
    return state
