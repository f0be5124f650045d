"""What the strategy hears of trials, and how much budget they have spent by then."""

from __future__ import annotations

from collections.abc import Iterable

from nas.engine.proposer import Proposer
from nas.engine.referee import Referee
from nas.engine.same_failure import SameFailure
from nas.trial import Status, Trial


class Telling:
    """Tells the strategy, in the order in which it is to know.

    Args:
        proposer: has the strategy.
        referee: knows what a stopped trial would have been; None without a scheduler.
        partial: whether the strategy is told paused trials too, and curves.
        limit: of the budget of all trials together, or None.
    """

    def __init__(
        self, proposer: Proposer, referee: Referee | None, partial: bool, limit: int | None
    ) -> None:
        self._proposer, self._referee = proposer, referee
        self._partial, self._limit = partial, limit
        self._told = 0
        self._same_failure = SameFailure()

    def tell(self, trials: Iterable[Trial]) -> None:
        """Pass trials on; of paused ones the strategy hears only if it pauses them itself.

        Raises:
            StudyError: all trials have failed in the same way.
        """
        for trial in trials:
            self._told += trial.budget or 0
            self._same_failure.tell(trial)
            if trial.status is Status.PAUSED and not self._partial:
                continue
            if self._referee and self._partial:
                trial = self._referee.as_told(trial)
            if self._referee and trial.status is Status.STOPPED:
                trial = self._referee.as_complete(trial)
            self._proposer.tell(trial)

    def check_end(self) -> None:
        """Raise ``StudyError`` if all trials have failed in the same way."""
        self._same_failure.check_end()

    @property
    def used(self) -> int | None:
        """The budget that trials have used, as far as that is known now; None without a limit."""
        if self._limit is None:
            return None
        return self._referee.spent if self._referee else self._told

    @property
    def spent(self) -> bool:
        """Whether trials have used up the study's budget, as far as that is known now."""
        used = self.used
        return self._limit is not None and used is not None and used >= self._limit
