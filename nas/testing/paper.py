"""A study on paper: what the engine asks of any strategy and tells it, with nothing trained.

Three trials run at a time and are told late, in the order in which they began. Each proposal is
asked for twice, and one of the two begins. What a strategy asks for that cannot be done (to go on
with a trial that does not wait, say) is noted in ``problems`` and left undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import nas
from nas.seeds import Rng
from nas.seeds import rng as stream

BUDGET = 6
IN_FLIGHT = 3


@dataclass(frozen=True)
class Fate:
    """What will become of a trial.

    Args:
        losses: towards which those of its steps fall, one for each objective.
        slope: how far they are from there after the first step.
        violation: of its bounds; 0 is feasible.
        fails_at: the step in which it fails, or None.
        turned_away: whether it is infeasible beforehand.
    """

    losses: tuple[float, ...]
    slope: float = 0.0
    violation: float = 0.0
    fails_at: int | None = None
    turned_away: bool = False

    def after(self, step: int) -> tuple[float, ...]:
        """Return the losses after a step."""
        return tuple(loss + self.slope / step for loss in self.losses)


Judge = Callable[[int, int, int], Fate]
"""From seed, number of the trial and number of objectives to its fate."""


def mixed(seed: int, number: int, objectives: int) -> Fate:
    """Every kind of trial: most complete, some fail, break a bound or are turned away."""
    draws = stream(seed, "fate", number)
    losses = tuple(draws.random() - 0.5 for _ in range(objectives))
    return Fate(
        losses,
        slope=0.5,
        violation=0.3 if number % 6 == 2 or number % 5 == 0 else 0.0,
        fails_at=3 if number % 7 == 1 else None,
        turned_away=number % 5 == 0,
    )


def failing(seed: int, number: int, objectives: int) -> Fate:
    """Every trial fails before its first step is done."""
    return Fate((0.0,) * objectives, fails_at=1)


def tied(seed: int, number: int, objectives: int) -> Fate:
    """Every trial has the same losses."""
    return Fate((1.0,) * objectives)


@dataclass
class Written:
    """A trial of the study.

    Args:
        number: of the trial.
        architecture: what it evaluates.
        fate: what becomes of it.
        until: step at which its run ends.
        steps: losses after each step that is done.
        status: None while it runs.
    """

    number: int
    architecture: nas.Architecture
    fate: Fate
    until: int
    steps: list[tuple[float, ...]] = field(default_factory=list)
    status: nas.Status | None = None

    @property
    def waits(self) -> bool:
        """Whether it is paused."""
        return self.status is nas.Status.PAUSED

    def run(self) -> None:
        """Do the steps of its run."""
        fate, done = self.fate, len(self.steps)
        if fate.turned_away:
            self.status = nas.Status.INFEASIBLE
            return
        fails = fate.fails_at and done < fate.fails_at <= self.until
        last = fate.fails_at - 1 if fate.fails_at and fails else self.until
        self.steps += [fate.after(step) for step in range(done + 1, last + 1)]
        if fails:
            self.status = nas.Status.FAILED
        else:
            self.status = nas.Status.COMPLETE if self.until == BUDGET else nas.Status.PAUSED

    def told(self, curve: bool) -> nas.Trial:
        """Return it as a strategy is told of it."""
        fate, status = self.fate, self.status or nas.Status.COMPLETE
        failed = status is nas.Status.FAILED
        ended = failed or status is nas.Status.INFEASIBLE
        return nas.Trial(
            self.number,
            self.architecture,
            status,
            () if ended else self.steps[-1],
            0.0 if failed else fate.violation,
            failure=nas.Failure("error", "on purpose") if failed else None,
            budget=len(self.steps),
            curve=tuple(_points(self.steps)) if curve else (),
        )


def _points(steps: list[tuple[float, ...]]) -> list[nas.CurvePoint]:
    return [
        nas.CurvePoint(step, {f"metric {i}": loss for i, loss in enumerate(losses)})
        for step, losses in enumerate(steps, 1)
    ]


Said = tuple[int, nas.Proposal | nas.Promotion]
"""What a strategy answered, and how many trials had begun by then."""


@dataclass
class PaperStudy:
    """A study of a strategy that has been started.

    Args:
        strategy: under test.
        space: of its proposals.
        objectives: how many; their metrics are called ``metric 0``, ``metric 1``, ...
        seed: of the study.
        judge: decides what becomes of trials.
    """

    strategy: nas.Strategy
    space: nas.Space
    objectives: int = 1
    seed: int = 0
    judge: Judge = mixed
    said: list[Said] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    trials: list[Written] = field(default_factory=list)
    _running: list[Written] = field(default_factory=list)
    _turns: int = 0

    def run(self, trials: int) -> PaperStudy:
        """Begin so many trials, then go on with those that wait as long as it is asked for."""
        while self._turn(begins=len(self.trials) < trials):
            pass
        return self

    @property
    def proposals(self) -> list[tuple[int, nas.Proposal]]:
        """What was proposed, and how many trials had begun by then."""
        return [(n, what) for n, what in self.said if isinstance(what, nas.Proposal)]

    @property
    def promotions(self) -> list[nas.Promotion]:
        """What was to go on."""
        return [what for _, what in self.said if isinstance(what, nas.Promotion)]

    def _turn(self, begins: bool) -> bool:
        if len(self._running) == IN_FLIGHT:
            self._end(self._running.pop(0))
        draws = stream(self.seed, "turn", self._turns)
        self._turns += 1
        promotion = self.strategy.resume(draws, begins) if self.strategy.pauses else None
        if promotion is not None:
            self.said.append((len(self.trials), promotion))
            if self._go_on(promotion):
                return True
        if begins:
            self._begin(draws)
            return True
        if self._running:
            self._end(self._running.pop(0))
            return True
        return False

    def _end(self, trial: Written) -> None:
        trial.run()
        self.strategy.tell(trial.told(self.strategy.pauses))

    def _go_on(self, promotion: nas.Promotion) -> bool:
        trial = self._waiting(promotion.number, "is to go on")
        if trial is None or not self._lies_ahead(promotion.until, trial):
            return False
        trial.until, trial.status = promotion.until or BUDGET, None
        self._running.append(trial)
        return True

    def _begin(self, draws: Rng) -> None:
        number = len(self.trials)
        asked = [self.strategy.ask(draws), self.strategy.ask(draws)]
        self.said += [(number, proposal) for proposal in asked]
        proposal = asked[number % 2]
        if number % 4 == 3 and proposal.inherits is None:  # as where it was evaluated before
            proposal = replace(proposal, architecture=self.space.sample(draws))
        fate = self.judge(self.seed, number, self.objectives)
        trial = Written(number, proposal.architecture, fate, BUDGET)
        if proposal.inherits is not None:
            self._inherit(trial, proposal.inherits)
        if self._lies_ahead(proposal.until, trial):
            trial.until = proposal.until or BUDGET
        self.strategy.begun(number, proposal)
        self.trials.append(trial)
        self._running.append(trial)
        if proposal.replaces is not None:
            self._retire(proposal.replaces)

    def _inherit(self, trial: Written, number: int) -> None:
        donor = self._waiting(number, "is to be copied")
        if donor is None:
            return
        one, other = (
            self.space.network_of(a) if a in self.space else None
            for a in (trial.architecture, donor.architecture)
        )
        if one != other:
            self.problems.append(f"trial {number} is to be copied by one of another network")
            return
        trial.steps = list(donor.steps)
        trial.fate = replace(trial.fate, turned_away=False)

    def _retire(self, number: int) -> None:
        trial = self._waiting(number, "is to be replaced")
        if trial is not None:
            trial.status = None
            self.strategy.tell(trial.told(curve=True))
            trial.status = nas.Status.STOPPED

    def _waiting(self, number: int, what: str) -> Written | None:
        known = 0 <= number < len(self.trials)
        if known and self.trials[number].waits:
            return self.trials[number]
        status = (self.trials[number].status or "running") if known else "none of the study"
        self.problems.append(f"trial {number} {what}, but is {status}")
        return None

    def _lies_ahead(self, until: int | None, trial: Written) -> bool:
        done = len(trial.steps)
        if until is None or done < until <= BUDGET:
            return True
        self.problems.append(f"trial {trial.number} is to run until {until}, from {done} on")
        return False
