"""What earlier sessions of a study have found out, read as it is needed."""

from __future__ import annotations

from collections.abc import Iterable

from nas.trial import Trial


class Replay:
    """Answers proposals that an earlier session has had evaluated; holds a chunk of them at a time.

    Args:
        trials: by increasing number, without cancelled ones.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = iter(trials)
        self._head = next(self._trials, None)

    def take(self, number: int) -> Trial | None:
        """Return the trial of that number, or None; numbers are asked for in increasing order."""
        while self._head is not None and self._head.number < number:
            self._head = next(self._trials, None)
        return self._head if self._head is not None and self._head.number == number else None
