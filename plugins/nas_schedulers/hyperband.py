"""Hyperband: L. Li et al., Journal of Machine Learning Research 18(185), 2018."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from nas import checks
from nas.abstract.scheduler import (
    Contest,
    Course,
    Decision,
    Level,
    Peers,
    Promotion,
    Scheduler,
    Standing,
    Verdict,
)
from nas.errors import ConfigError
from nas_schedulers.brackets import Bracket, above, brackets
from nas_schedulers.criterion import ByOneObjective, Criterion
from nas_schedulers.ranking import ByLoss, Ranking, entry_at, entry_of, going_on, ordinal
from nas_schedulers.started import started


class _Plan(NamedTuple):
    """What follows from parameters and contest."""

    ranking: Ranking
    table: tuple[Bracket, ...]
    starts: tuple[int, ...]
    """Trials before each bracket; the last is how many a round of all brackets has."""
    budget: int
    objectives: int


class _Block(NamedTuple):
    """One bracket's run: which trials take part.

    Args:
        bracket: its shape.
        name: for people.
        first: how many trials began before it.
    """

    bracket: Bracket
    name: str
    first: int

    def members(self, courses: Sequence[Course]) -> Sequence[Course]:
        """Return its trials among all that have begun, in order."""
        return courses[self.first : self.first + self.bracket.sizes[0]]


class _Heat(NamedTuple):
    """One rung of a block.

    Args:
        reached: those that were to come to the rung and have.
        closed: whether no other can.
        winners: who goes on, the best first; empty until it is closed.
    """

    reached: Level
    closed: bool
    winners: list[int]


@dataclass(eq=False)
class Hyperband(ByOneObjective, Scheduler):
    """Synchronous successive halving, in brackets that trade trials for budget.

    Trials fill brackets in the order in which they begin: with 81 units of budget and a factor of
    3, the first 81 form one whose rungs are at 1, 3, 9 and 27, the next 34 one from 3 on, then 15
    from 9 on, 8 from 27 on, 5 with the full budget, and from the start. On each rung trials pause
    until all of the bracket are there; then the best go on, one in ``factor``. Free workers do
    not wait meanwhile, they begin the next bracket. A trial that has failed is no longer waited
    for, and a trial that has certainly lost is stopped at once.

    A study should have at least as many trials as the first bracket, or no rung is ever full.

    Feasible trials go before infeasible ones, less violation before more.

    Args:
        factor: one in so many goes on, at least 2; eta in the paper.
        grace: no rung is below it, in units of budget.
        objective: the metric to go by; None is the study's first objective.
    """

    factor: float = 3
    grace: int = 1
    objective: str | None = None
    _plan: _Plan | None = field(default=None, init=False, repr=False)
    _lost: set[tuple[int, int]] = field(default_factory=set, init=False, repr=False)
    """Number and step of trials that will wait for ever: a memory, so as not to look again."""

    def __post_init__(self) -> None:
        above("factor", self.factor, 2, itself=True)
        checks.whole("grace", self.grace, 1)

    @property
    def pauses(self) -> bool:
        """It pauses trials on every rung."""
        return True

    def start(self, contest: Contest) -> None:
        """Lay the brackets. Raises ``ConfigError`` if the budget has no room for a rung."""
        ranking = ByLoss(Criterion.of(contest, self.objective))
        if contest.budget < self.factor * self.grace:
            raise ConfigError(
                f"hyperband needs a budget of at least factor times grace, which is "
                f"{self.factor * self.grace:g}, not {contest.budget}"
            )
        table = brackets(contest.budget, self.factor, self.grace)
        starts = (0, *accumulate(bracket.sizes[0] for bracket in table))
        self._plan = _Plan(ranking, table, starts, contest.budget, len(contest.goals))
        self._lost = set()

    def levels(self) -> Sequence[int]:
        """Return the rungs of the first bracket, which are those of all."""
        return started(self._plan).table[0].rungs[:-1]

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Let a trial wait on a rung of its bracket, or stop if it has lost for certain."""
        plan = started(self._plan)
        courses = sorted((*peers.courses, course), key=_number)
        block = self._block(bisect_left(courses, course.number, key=_number))
        place = self._rung(course, block.bracket)
        if place is None:
            return Decision(Verdict.CONTINUE, f"{block.name} has no rung at step {course.step}")
        heats = self._heats(block.bracket, block.members(courses))
        # A report may have passed several rungs: the first that it has not won counts.
        won = [course.number in heat.winners for heat in heats[: place + 1]]
        place = won.index(False) if False in won else len(won) - 1
        heat, seats = heats[place], block.bracket.sizes[place + 1]
        entry = entry_at(course, block.bracket.rungs[place])
        where = f"{block.name}, rung {block.bracket.rungs[place]}: {plan.ranking.words(entry)}"
        ranked = plan.ranking.best(heat.reached, len(heat.reached.numbers))
        if course.number not in ranked:
            return Decision(Verdict.STOP, where)
        position = ranked.index(course.number)
        verdict = Verdict.CONTINUE if won[place] else Verdict.PAUSE
        if position >= seats:
            verdict = Verdict.STOP
        return Decision(
            verdict,
            f"{where} is {ordinal(position + 1)} of {len(heat.reached.numbers)} so far, "
            f"{going_on(seats, block.bracket.sizes[place])}",
        )

    def promote(self, peers: Peers) -> Promotion | None:
        """Return the best of those that wait on a rung that is full, the oldest bracket first."""
        courses = sorted(peers.courses, key=_number)
        end = 0
        for place, course in enumerate(courses):
            if place < end or course.standing is not Standing.PAUSED:
                continue
            if (course.number, course.step) in self._lost:
                continue
            block = self._block(place)
            end = block.first + block.bracket.sizes[0]
            promotion = self._promotion(block, courses)
            if promotion is not None:
                return promotion
        return None

    def _promotion(self, block: _Block, courses: Sequence[Course]) -> Promotion | None:
        """Return the next of a block to go on; take note of who has lost there."""
        ranking = started(self._plan).ranking
        members = block.members(courses)
        waiting = {
            course.number: (self._rung(course, block.bracket), course.step)
            for course in members
            if course.standing is Standing.PAUSED
        }
        for place, heat in enumerate(self._heats(block.bracket, members)):
            if not heat.closed:
                break
            losers = (waiting.keys() & heat.reached.numbers.tolist()) - set(heat.winners)
            self._lost.update((number, waiting[number][1]) for number in losers)
            for rank, number in enumerate(heat.winners, 1):
                if number in waiting and waiting[number][0] == place:
                    return Promotion(
                        number,
                        f"{block.name}, rung {block.bracket.rungs[place]}: "
                        f"{ranking.words(entry_of(heat.reached, number))} is {ordinal(rank)} of "
                        f"{len(heat.reached.numbers)}, {going_on(len(heat.winners))}",
                    )
        return None

    def _heats(self, bracket: Bracket, members: Sequence[Course]) -> list[_Heat]:
        """Return what is known of each rung, up to the first that still waits for somebody."""
        plan = started(self._plan)
        heats: list[_Heat] = []
        missing = bracket.sizes[0] - len(members)
        for rung, seats in zip(bracket.rungs[:-1], bracket.sizes[1:], strict=True):
            reached = Peers(members, plan.objectives).at(rung)
            missing += sum(_may_come(course, rung) for course in members)
            winners = [] if missing else plan.ranking.best(reached, seats)
            heats.append(_Heat(reached, not missing, winners))
            if missing:
                break
            members = [course for course in members if course.number in winners]
        return heats

    def _block(self, place: int) -> _Block:
        """Return the block of the trial before which so many have begun."""
        plan = started(self._plan)
        rounds, within = divmod(place, plan.starts[-1])
        index = bisect_right(plan.starts, within) - 1
        first = rounds * plan.starts[-1] + plan.starts[index]
        return _Block(plan.table[index], f"bracket {index + 1} of round {rounds + 1}", first)

    def _rung(self, course: Course, bracket: Bracket) -> int | None:
        """Return the position of the rung that a trial stands on; None off the rungs."""
        if course.step >= started(self._plan).budget:
            return None
        position = bisect_right(bracket.rungs, course.step) - 1
        return position if position >= 0 else None


def _may_come(course: Course, rung: int) -> bool:
    """Tell whether a trial has not come to a rung yet, but may."""
    on_its_way = course.standing in (Standing.RUNNING, Standing.PAUSED)
    return on_its_way and course.step < rung


def _number(course: Course) -> int:
    return course.number
