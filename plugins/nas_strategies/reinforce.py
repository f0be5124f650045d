"""Policy gradients: B. Zoph, Q. V. Le, ICLR 2017, arXiv:1611.01578."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from nas import checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.seeds import Rng, derive
from nas.trial import Trial
from nas_strategies.controllers import Controller, Table
from nas_strategies.lstm_controller import LSTM
from nas_strategies.selection import standings
from nas_strategies.started import started

RATES = {"table": 0.1, "lstm": 0.01}
"""Step sizes of the controllers."""


@dataclass(eq=False)
class Reinforce(Strategy):
    """Draws architectures from a policy, makes those likelier that turn out better than usual.

    The reward of a trial is the share of the last ``window`` trials that it beats, ties counting
    half: any scale of losses will do, and infeasible and failed trials have their place at the end
    (``standings``: with several objectives the non-domination rank counts, then the crowding
    distance). From it the moving average of rewards is taken (baseline).

    A reward is credited to the architecture that was evaluated, and only if the policy drew it: of
    what somebody else proposed the gradient would be another distribution's, so that such a trial
    brings the entropy bonus alone, and takes its place among those that rewards compare with. An
    architecture that is drawn again after it was told is rewarded again, at once: the policy drew
    it, and its value is known. It is not changed by what was drawn and never told.

    Args:
        controller: ``table``, an independent softmax for each decision, or ``lstm``, a recurrent
            network that sees the decisions before.
        rate: step size of Adam; None is 0.1 for the table and 0.01 for the network.
        momentum: of the moving average, from 0 to less than 1.
        entropy: weight of the entropy bonus, which keeps the policy from drawing the same for ever.
        window: trials that a reward compares with, at least 2.
    """

    controller: str = "table"
    rate: float | None = None
    momentum: float = 0.9
    entropy: float = 0.02
    window: int = 100
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.one_of("controller", self.controller, RATES)
        if self.rate is not None:
            checks.number("rate", self.rate, positive=True)
        checks.number("momentum", self.momentum, below=1.0)
        checks.number("entropy", self.entropy)
        checks.whole("window", self.window, 2)

    def start(self, problem: Problem) -> None:
        """Begin a study with a policy that draws uniformly, or nearly so."""
        self._problem = problem
        self._policy = self._made(problem)
        self._known: dict[Architecture, Trial] = {}
        self._drawn: set[Architecture] = set()
        self._recent: deque[Trial] = deque(maxlen=self.window)
        self._rewards: dict[Architecture, float] = {}
        self._average, self._weight = 0.0, 0.0

    def ask(self, rng: Rng) -> Proposal:
        """Propose a draw from the policy."""
        space = started(self._problem).space
        architecture = space.decode([max(i, 0) for i in self._policy.sample(rng)])
        known = self._known.get(architecture)
        if known is None:
            self._drawn.add(architecture)
        else:
            self._learn(known)
        return Proposal(architecture)

    def tell(self, trial: Trial) -> None:
        """Learn from a trial that the policy drew; compare the next ones with it in any case."""
        self._known[trial.architecture] = trial
        self._recent.append(trial)
        self._rewards.clear()
        if trial.architecture in self._drawn:
            self._drawn.discard(trial.architecture)
            self._learn(trial)
        else:
            self._policy.learn(self._positions(trial), 0.0)

    def _learn(self, trial: Trial) -> None:
        reward = self._reward(trial)
        baseline = self._average / self._weight if self._weight else reward
        self._average += (1 - self.momentum) * (reward - self._average)
        self._weight += (1 - self.momentum) * (1 - self._weight)
        self._policy.learn(self._positions(trial), reward - baseline)

    def _reward(self, trial: Trial) -> float:
        """Return the share of the recent trials that it beats, from 0 to 1."""
        found = self._rewards.get(trial.architecture)
        if found is None:
            others = [other for other in self._recent if other is not trial]
            own, *ranked = standings([trial, *others])
            points = sum((own < other) + (own <= other) for other in ranked)
            found = points / (2 * len(others)) if others else 0.5
            self._rewards[trial.architecture] = found
        return found

    def _positions(self, trial: Trial) -> list[int]:
        return list(map(int, started(self._problem).space.encode(trial.architecture)))

    def _made(self, problem: Problem) -> Controller:
        rate = RATES[self.controller] if self.rate is None else self.rate
        if self.controller == "table":
            return Table(problem.space, rate, self.entropy)
        return LSTM(problem.space, rate, self.entropy, derive(problem.seed, "controller"))
