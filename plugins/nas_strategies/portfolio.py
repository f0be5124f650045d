"""Several strategies share a budget by what their proposals bring."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nas import checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.abstract.use import Use
from nas.architecture import Architecture
from nas.errors import StudyError
from nas.seeds import Rng, derive
from nas.trial import Trial
from nas_strategies.bandit import Bandit
from nas_strategies.improvement import Improvement
from nas_strategies.started import started

REMEMBERED = 10_000
"""Proposals that may wait for their trial; older ones are forgotten, for a filter drops most."""
COMPARED = 100
"""Gains of the latest trials that a gain is ranked among."""
TRIES = 10
"""Asks for each of an arm's first trials, at most: it may have nothing new to propose."""
NOBODY = -1


@dataclass(eq=False)
class Portfolio(Strategy):
    """Asks the strategy whose proposals have gained the most of late; all are told every trial.

    The gain of a trial is the hypervolume that it adds to the front of the feasible trials; with
    one objective, by how much it improves on the best. Its reward is the share of the latest gains
    that it exceeds, so that no scale of losses matters; a trial that adds nothing, fails or is
    infeasible brings 0. A bandit (``Bandit``) chooses by the rewards, after each strategy had
    ``initial`` trials. Strategies that share results, chosen by a bandit on improvements of the
    best: OpenTuner (Ansel et al., PACT 2014).

    A reward is for the strategy that proposed the architecture, and for nobody where that is not
    certain: nobody proposed it, or two did.

    Args:
        strategies: names, or tables with ``name`` and parameters; at least one.
        initial: trials that each strategy has first, at least 1.
    """

    strategies: Sequence[str | Mapping[str, Any]]
    initial: int = 5
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("initial", self.initial, 1)
        given = self.strategies
        if isinstance(given, str | Mapping) or not isinstance(given, Sequence) or not given:
            raise ValueError(
                'strategies must be a list of at least one strategy, such as ["local_search", '
                f'{{name = "nsga2", population = 20}}], not {given!r}'
            )
        self._uses = tuple(Use.read("strategy", one) for one in given)

    @property
    def uses(self) -> Sequence[Use]:
        """The strategies."""
        return self._uses

    def start(self, problem: Problem) -> None:
        """Begin a study: start every strategy on it, with a seed of its own.

        Raises:
            ConfigError: one of the strategies cannot do it.
            StudyError: the strategy was built by hand and ``used`` was not set.
        """
        self._problem = problem
        self._arms = _arms(self.used, len(self._uses))
        for i, arm in enumerate(self._arms):
            arm.start(replace(problem, seed=derive(problem.seed, "arm", i)))
        self._bandit = Bandit(len(self._arms))
        self._improvement = Improvement()
        self._latest: deque[float] = deque(maxlen=COMPARED)
        self._proposed: dict[Architecture, int] = {}
        self._asked = [0] * len(self._arms)
        self._credited = [0] * len(self._arms)

    def ask(self, rng: Rng) -> Proposal:
        """Propose what the chosen strategy proposes."""
        started(self._problem)
        chosen = self._choose(rng)
        self._asked[chosen] += 1
        proposal = self._arms[chosen].ask(rng)
        self._remember(proposal.architecture, chosen)
        return proposal

    def tell(self, trial: Trial) -> None:
        """Credit whoever proposed it, and tell all."""
        reward = self._reward(self._improvement.add(trial))
        proposer = self._proposed.pop(trial.architecture, NOBODY)
        if proposer != NOBODY:
            self._credited[proposer] += 1
            self._bandit.reward(proposer, reward)
        for arm in self._arms:
            arm.tell(trial)

    def _choose(self, rng: Rng) -> int:
        new = [i for i in range(len(self._arms)) if self._is_new(i)]
        return min(new, key=self._asked.__getitem__) if new else self._bandit.choose(rng)

    def _is_new(self, arm: int) -> bool:
        return self._credited[arm] < self.initial and self._asked[arm] < TRIES * self.initial

    def _remember(self, architecture: Architecture, arm: int) -> None:
        known = self._proposed.get(architecture, arm)
        self._proposed[architecture] = arm if known == arm else NOBODY
        if len(self._proposed) > REMEMBERED:
            del self._proposed[next(iter(self._proposed))]

    def _reward(self, gain: float) -> float:
        """Return the share of the latest gains that are smaller; 0 for no gain."""
        smaller = bisect_left(sorted(self._latest), gain)
        others = len(self._latest)
        self._latest.append(gain)
        if gain == 0.0:
            return 0.0
        return smaller / others if others else 1.0


def _arms(used: Sequence[Any], wanted: int) -> list[Strategy]:
    arms = [arm for arm in used if isinstance(arm, Strategy)]
    if len(arms) < wanted:
        raise StudyError(
            f"expected {wanted} built strategies in the strategy's 'used', not {list(used)!r}: "
            "nas.strategy(name) and every search set it"
        )
    return arms
