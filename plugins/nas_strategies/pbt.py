"""Population based training: M. Jaderberg et al., arXiv:1711.09846."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas import checks
from nas.abstract.scheduler import Promotion, Standing
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.errors import ConfigError
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.pbt_explore import Explorer
from nas_strategies.pbt_population import Member, Population, Turn
from nas_strategies.started import started

TRIES = 20
"""Explorations that may all have been begun already."""


@dataclass(eq=False)
class PopulationBasedTraining(Strategy):
    """Trains a population; the worst copy the best, and change hyper-parameters as they train.

    Members begin as uniform draws and pause every ``interval``. One that is among the worst
    ``quantile`` then ends (truncation selection, section 4.1 of the paper): a new trial with the
    same network as one of the best begins with that one's weights and optimizer and with
    hyper-parameters that are close to its own (``Explorer``). The others go on. So hyper-parameters
    follow a schedule that no single trial could have, and a complete trial's learning curve is that
    of its whole lineage.

    A member compares with what the others had achieved at the same step, without waiting for those
    that have not come there (asynchronous); with a window of the population's size, or a part of
    it, all have. With a larger window a second population is trained beside the first, and after a
    population is complete another one begins. With several objectives members rank by fronts, then
    by crowding distance; infeasible ones come last.

    Needs hyper-parameters in the space (``hyper`` in the config). Trials of earlier studies are
    ignored.

    Args:
        population: number of members, at least 2.
        interval: units of budget between two pauses, below a trial's full budget.
        quantile: share of the members that are replaced, and that are copied, up to 0.5.
        resample: probability of drawing a hyper-parameter anew rather than changing it a little.
    """

    population: int = 8
    interval: int = 1
    quantile: float = 0.2
    resample: float = 0.25
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("population", self.population, 2)
        checks.whole("interval", self.interval, 1)
        checks.number("quantile", self.quantile, positive=True)
        if self.quantile > 0.5:
            raise ValueError(f"quantile must be at most 0.5, not {self.quantile!r}")
        checks.probability("resample", self.resample)

    @property
    def pauses(self) -> bool:
        """Members pause."""
        return True

    def start(self, problem: Problem) -> None:
        """Begin a study without members.

        Raises:
            ConfigError: no hyper-parameter is searched, or no trial would ever pause.
        """
        if problem.budget is None or problem.budget <= self.interval:
            raise ConfigError(
                f"interval must be below the budget of a trial, which is {problem.budget}, not "
                f"{self.interval}"
            )
        self._problem = problem
        self._explorer = Explorer(problem.space, self.resample)
        self._populations: list[Population] = []
        self._members: dict[int, Member] = {}
        self._left: set[int] = set()
        self._copies: set[tuple[int, int, Architecture]] = set()

    def resume(self, rng: Rng, begins: bool) -> Promotion | None:
        """Let the next member go on, unless another trial takes its place."""
        turn = self._turn(begins)
        if turn is None or turn.donors or turn.member.trial is None:
            return None
        turn.member.standing = Standing.RUNNING
        return Promotion(turn.member.trial, turn.words, turn.member.step + self.interval)

    def ask(self, rng: Rng) -> Proposal:
        """Propose a new member: one that copies another and explores, or a uniform draw."""
        space, turn = started(self._problem).space, self._turn(begins=True)
        if turn is None or not turn.donors:
            return Proposal(space.sample(rng), until=self.interval)
        donor = turn.donors[below(len(turn.donors), rng)]
        assert donor.trial is not None
        return Proposal(
            self._explored(donor, rng),
            parents=(donor.trial,),
            until=donor.step + self.interval,
            inherits=donor.trial,
            replaces=turn.member.trial,
            reason=f"{turn.words}, and loses to trial {donor.trial}",
        )

    def begun(self, number: int, proposal: Proposal) -> None:
        """Give a trial its place."""
        since = 0
        if proposal.inherits is not None:
            since = self._members[proposal.inherits].step
            self._copies.add((proposal.inherits, since, proposal.architecture))
        if proposal.replaces is None:
            member = self._vacancy()
        else:
            member = self._members.pop(proposal.replaces)
            self._left.add(proposal.replaces)
        member.begin(number, since)
        self._members[number] = member

    def tell(self, trial: Trial) -> None:
        """Learn how far a member has come; adopt a trial that was not proposed here."""
        if trial.number < 0 or trial.number in self._left:
            return
        if trial.number not in self._members:
            self.begun(trial.number, Proposal(trial.architecture))
        self._members[trial.number].told(trial, started(self._problem).goals)
        self._populations = [p for p in self._populations if not p.over]

    def _explored(self, donor: Member, rng: Rng) -> Architecture:
        """Explore from a member; what copied it before would be trained to the same result."""
        found = donor.results[-1].architecture
        for _ in range(TRIES):
            found = self._explorer.explore(donor.results[-1].architecture, rng)
            if (donor.trial, donor.step, found) not in self._copies:
                break
        return found

    def _turn(self, begins: bool) -> Turn | None:
        """Return what is next in the first population where anything is."""
        turns = (population.turn(begins) for population in self._populations)
        return next((turn for turn in turns if turn is not None), None)

    def _vacancy(self) -> Member:
        """Return a place without a trial, in a new population if all have theirs."""
        found = (population.vacancy for population in self._populations)
        vacancy = next((member for member in found if member is not None), None)
        if vacancy is None:
            goals = started(self._problem).goals
            new = Population(self.population, self.interval, self.quantile, goals)
            self._populations.append(new)
            vacancy = new.members[0]
        return vacancy
