"""In which order a strategy is told of trials, and so what it knows at each proposal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Protocol

from nas.trial import Status, Trial

TOGETHER = 256


class Order(Protocol):
    """Holds trials back until it is their turn to be told.

    Attributes:
        together: trials that end without a worker are archived together, at most so many.
    """

    together: int

    def ended(self, trial: Trial) -> None:
        """A trial of this session is in the archive."""
        ...

    def answered(self, trial: Trial) -> None:
        """A proposal was answered by a trial of an earlier session."""
        ...

    def due(self, number: int, running: int) -> list[Trial] | None:
        """Return what must be told before proposal ``number``; None if that must wait.

        Args:
            number: of the proposal.
            running: how many trials are in flight.
        """
        ...

    def next_end(self) -> list[Trial] | None:
        """Return what ends next, where nothing new is proposed; None if it is not known yet."""
        ...

    def settled(self, number: int) -> bool:
        """Tell whether proposal ``number`` is made with what this session has found out."""
        ...

    def rest(self) -> list[Trial]:
        """Return what has not been told when a study ends."""
        ...

    def told(self) -> int | None:
        """Return what is archived with a proposal, so that a later session knows it."""
        ...


class NumberOrder:
    """Proposal k is made knowing exactly the results of trials 0 to k - window.

    So the trials depend on nothing but config and seed, and a slow trial can make workers wait.
    """

    together = TOGETHER

    def __init__(self, window: int) -> None:
        self._window = window
        self._next = 0
        self._waiting: dict[int, Trial] = {}

    def ended(self, trial: Trial) -> None:
        """It waits for those of lower numbers."""
        self._waiting[trial.number] = trial

    answered = ended

    def due(self, number: int, running: int) -> list[Trial] | None:
        """Return trials up to ``number - window``, those that were returned before left out."""
        last = number - self._window
        if any(n not in self._waiting for n in range(self._next, last + 1)):
            return None
        trials = [self._waiting.pop(n) for n in range(self._next, last + 1)]
        self._next = max(self._next, last + 1)
        return trials

    def next_end(self) -> list[Trial] | None:
        """Return None: what has ended is told with a proposal."""
        return None

    def settled(self, number: int) -> bool:
        """Every proposal is made in the same way."""
        return True

    def rest(self) -> list[Trial]:
        """Return the last trials, by number."""
        return [self._waiting.pop(number) for number in sorted(self._waiting)]

    def told(self) -> int | None:
        """Nothing needs to be kept: it follows from the number."""
        return None


class CompletionOrder:
    """Trials are told as they end; ``window`` of them are in flight at most.

    No worker waits for a slow trial of another, and the trials depend on who was faster. With each
    trial the archive keeps how many had been told when it was proposed; so a later session makes
    the same proposals as the earlier ones did.

    Args:
        window: how many trials may be in flight.
        earlier: trials of earlier sessions, in the order in which they ended.
        told: how many had been told when a trial was proposed, by number.
    """

    together = TOGETHER

    def __init__(self, window: int, earlier: Iterable[Trial], told: Mapping[int, int]) -> None:
        self._window = window
        self._earlier = iter(earlier)
        self._known = told
        self._replayed = max(told, default=-1)
        self._told = 0
        self._ended: list[Trial] = []

    def ended(self, trial: Trial) -> None:
        """It is told before the next proposal."""
        self._ended.append(trial)

    def answered(self, trial: Trial) -> None:
        """It is told in the order in which it ended, not now."""

    def due(self, number: int, running: int) -> list[Trial] | None:
        """Return everything that has ended; of earlier sessions, what was known at ``number``."""
        if running >= self._window:
            return None
        if number > self._replayed:
            trials = self.rest()
        else:  # a number that is not known was in flight when a session was killed
            wanted = self._known.get(number, self._told) - self._told
            trials = list(islice(self._earlier, wanted))
        self._told += sum(trial.status is not Status.PAUSED for trial in trials)
        return trials

    def next_end(self) -> list[Trial] | None:
        """Return None: ``due`` has returned all that has ended."""
        return None

    def settled(self, number: int) -> bool:
        """Earlier sessions' proposals are made with what was known then."""
        return number > self._replayed

    def rest(self) -> list[Trial]:
        """Return all that is left, in the order in which it ended."""
        ended, self._ended = self._ended, []
        return [*self._earlier, *ended]

    def told(self) -> int | None:
        """Return how many trials have been told."""
        return self._told
