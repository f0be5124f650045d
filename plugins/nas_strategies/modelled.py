"""What strategies share that work in rounds with a predictor."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas import checks
from nas.abstract.predictor import Predictor
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.abstract.use import Use
from nas.architecture import Architecture
from nas.errors import StudyError
from nas.seeds import Rng
from nas.trial import Trial
from nas_strategies.selection import standings
from nas_strategies.started import started
from nas_strategies.surrogate import Surrogate

GROWTH = 10
"""A round is at least this part of the trials before it: so fits cost no more as trials grow."""


@dataclass(eq=False)
class Modelled(Strategy):
    """Fits a predictor to all trials, proposes a round of what it finds best, and fits again.

    The first proposals are uniform draws. A round ends when ``batch`` trials have been told since
    it began, or a tenth of those before it, whichever is more. Nothing is proposed twice as long
    as there is anything else.

    Args:
        predictor: name, or table with ``name`` and parameters.
        initial: uniform draws before the first fit, at least 1.
        batch: trials of a round, at least 1.
    """

    predictor: str | Mapping[str, Any] = "ridge"
    initial: int = 10
    batch: int = 10
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("initial", self.initial, 1)
        checks.whole("batch", self.batch, 1)
        Use.read("predictor", self.predictor)

    @property
    def uses(self) -> Sequence[Use]:
        """The predictor."""
        return [Use.read("predictor", self.predictor)]

    def start(self, problem: Problem) -> None:
        """Begin a study.

        Raises:
            StudyError: the strategy was built by hand and ``used`` was not set.
        """
        self._problem = problem
        self._surrogate = Surrogate(_predictor(self.used))
        self._trials: dict[Architecture, Trial] = {}
        self._asked: set[Architecture] = set()
        self._queue: deque[Proposal] = deque()
        self._told = self._fitted = 0
        self._dry = False

    def ask(self, rng: Rng) -> Proposal:
        """Propose the next of the round, or a uniform draw where there is nothing to go by."""
        space = started(self._problem).space
        if self._told < self.initial or space.size == 1:
            return self._proposed(self._first(rng))
        if self._fitted == 0 or self._told - self._fitted >= self._round():
            self._learn()
            self._fitted, self._dry = self._told, False
            self._queue.clear()
        found = self._next()
        if found is None and not self._dry:
            self._queue.extend(self._found(rng))
            found = self._next()
        if found is None:  # nothing is left that was not proposed; some of that was never told
            self._dry = True
            self._asked.clear()
            found = Proposal(space.sample(rng))
        return self._proposed(found)

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, whether it was proposed here or not."""
        self._trials[trial.architecture] = trial
        self._told += 1

    def _first(self, rng: Rng) -> Proposal:
        """Return a proposal made without the predictor."""
        return Proposal(started(self._problem).space.sample(rng))

    def _learn(self) -> None:
        """Fit the predictor to the trials."""
        self._surrogate.fit(started(self._problem).space, list(self._trials.values()))

    @abstractmethod
    def _found(self, rng: Rng) -> Iterable[Proposal]:
        """Return what to propose next, the best first; what was proposed already is left out."""

    def _fresh(self, architecture: Architecture) -> bool:
        """Tell whether it was neither told nor proposed."""
        return architecture not in self._asked and architecture not in self._trials

    def _best(self, count: int) -> list[Trial]:
        """Return so many of the best trials, the best first."""
        trials = list(self._trials.values())
        ranked = standings(trials)
        return [trials[i] for i in sorted(range(len(trials)), key=ranked.__getitem__)[:count]]

    def _round(self) -> int:
        return max(self.batch, self._fitted // GROWTH)

    def _next(self) -> Proposal | None:
        while self._queue:
            proposal = self._queue.popleft()
            if self._fresh(proposal.architecture):
                return proposal
        return None

    def _proposed(self, proposal: Proposal) -> Proposal:
        self._asked.add(proposal.architecture)
        return proposal


def _predictor(used: Sequence[Any]) -> Predictor:
    if used and isinstance(used[0], Predictor):
        return used[0]
    raise StudyError(
        f"expected a built predictor in the strategy's 'used', not {list(used)!r}: "
        "nas.strategy(name) and every search set it"
    )
