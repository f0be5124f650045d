"""The next candidate: asked of the strategy, never evaluated before, within analytic bounds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nas.abstract.objective import AnalyticObjective
from nas.abstract.space import Space
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture, digest
from nas.engine.candidate import Candidate, Known
from nas.engine.scoring import Scorer, Verdict, best, trade_offs
from nas.errors import CandidateError, PluginError
from nas.goals import Goal, losses
from nas.goals import violation as total_violation
from nas.seeds import Rng, below, rng
from nas.trial import Failure, Trial

REPEATS = 50
"""Times a strategy may repeat itself before a mutation is taken instead."""
WALK = 300
"""Mutations in a row that may all be known before the space is listed."""
SCORED_AT_ONCE = 8
"""Architectures of a pool between two looks at how far it is."""
LISTABLE = 200_000
"""Largest space that is listed to find what is left of it."""


@dataclass(frozen=True)
class Choice:
    """How one of several candidates is chosen.

    Args:
        scorer: ranks them.
        candidates: how many there are.
        by: ``score`` takes the best-scored of them; ``front`` takes one, at random, of those that
            no other beats in score and in every analytic objective.
        random: share of proposals that are taken as the strategy makes them.
        pool: architectures that are drawn and scored before the first proposal; 0 for none.
        warmup: so many of them, the best, are the first candidates.
    """

    scorer: Scorer
    candidates: int
    by: Literal["score", "front"] = "score"
    random: float = 0.0
    pool: int = 0
    warmup: int = 0


class Proposer:
    """Turns a strategy's proposals into candidates that are worth a look.

    Two architectures are the same candidate if they are the same network (canonical id) and have
    the same analytic objectives: dead branches cost parameters without changing the function.

    Args:
        space: where architectures are from.
        strategy: started on this study.
        goals: the objectives in order.
        analytic: those that are known beforehand, by metric.
        seed: of the study.
        choice: among several candidates; None if every proposal is one.
        earlier: trials of earlier studies, in the order in which they are told.
    """

    def __init__(
        self,
        space: Space,
        strategy: Strategy,
        goals: Sequence[Goal],
        analytic: Mapping[str, AnalyticObjective],
        seed: int,
        choice: Choice | None = None,
        earlier: Sequence[Known] = (),
    ) -> None:
        self._space, self._strategy, self._goals = space, strategy, tuple(goals)
        self._analytic, self._seed = analytic, seed
        self._choice, self._earlier = choice, earlier
        self._warm: list[Candidate] | None = None
        self.watch: Callable[[int, int], None] = lambda scored, pool: None
        """Is told how many of the pool are scored."""
        # numbers, for they are a third the size of texts and there is one for every trial
        self._known: set[int] = set()
        self._telling = 0.0
        self.turned_away: Counter[str] = Counter()

    @property
    def scores(self) -> bool:
        """Whether a proposal can take its time."""
        return self._choice is not None

    def begin(self, problem: Problem) -> None:
        """Start the strategy, and tell it what is known from earlier studies."""
        self._strategy.start(problem)
        for known in self._earlier:
            self.tell(known.trial)
            if known.settled:
                self.know(self._settled(known.trial))

    def propose(self, number: int) -> Candidate | None:
        """Return the candidate for trial ``number``, or None if the space is exhausted."""
        began = time.perf_counter()
        chosen = self._warmed_up(number) or self._asked(number)
        if chosen is None:
            return None
        self.know(chosen)
        self._strategy.begun(number, chosen.proposal)
        choosing, self._telling = self._telling + time.perf_counter() - began, 0.0
        return replace(chosen, choosing=choosing)

    def tell(self, trial: Trial) -> None:
        """Let strategy and scorer learn from a trial, in the order in which they are to know."""
        began = time.perf_counter()
        self._strategy.tell(trial)
        if self._choice is not None:
            self._choice.scorer.tell(trial)
        self._telling += time.perf_counter() - began

    def know(self, candidate: Candidate) -> None:
        """Never propose this candidate again."""
        self._known.add(int(candidate.canonical_id, 16))
        if candidate.analytic:
            self._known.add(_with_objectives(candidate.canonical_id, candidate.analytic))

    def look_at(self, architecture: Architecture, parents: tuple[int, ...]) -> Candidate:
        """Return the candidate that an architecture is, without proposing it."""
        return self._look(Proposal(architecture, parents), self._space.canonical_id(architecture))

    def _settled(self, trial: Trial) -> Candidate:
        """Return the candidate that an earlier trial has answered."""
        proposal = Proposal(trial.architecture)
        known = {metric: trial.metrics[metric] for metric in self._analytic}
        return self._look(proposal, self._space.canonical_id(trial.architecture), known)

    def _asked(self, number: int) -> Candidate | None:
        """Return one of the strategy's proposals."""
        source = rng(self._seed, "proposal", number)
        drawn: dict[str, Candidate] = {}
        for _ in range(self._wanted(source)):
            candidate = self._draw(source, drawn)
            if candidate is None:
                break
            drawn[candidate.canonical_id] = candidate
        return self._choose(list(drawn.values()), source) if drawn else None

    def _wanted(self, source: Rng) -> int:
        choice = self._choice
        if choice is None or not choice.scorer.ready():
            return 1
        as_it_comes = choice.random and source.random() < choice.random
        return 1 if as_it_comes else choice.candidates

    def _choose(self, drawn: list[Candidate], source: Rng) -> Candidate:
        feasible = [c for c in drawn if c.violation == 0 and c.failure is None]
        for candidate in drawn:
            self.turned_away.update(candidate.broken)
        if not feasible:
            return min(drawn, key=lambda c: (c.failure is not None, c.violation))
        if self._choice is None or not self._choice.scorer.ready():
            return feasible[0]
        # a single one is scored too: the end of a search tells what the scores were worth
        verdicts = self._choice.scorer.score([c.proposal.architecture for c in feasible])
        chosen = feasible[self._winner(self._choice, feasible, verdicts, source)]
        return replace(chosen, scores=tuple(s for verdict in verdicts for s in verdict.scores))

    def _winner(
        self, choice: Choice, feasible: list[Candidate], verdicts: list[Verdict], source: Rng
    ) -> int:
        if choice.by == "score":
            return best(verdicts)
        known = [goal for goal in self._goals if goal.metric in self._analytic]
        options = trade_offs(verdicts, [losses(known, c.analytic) for c in feasible])
        return options[below(len(options), source)]

    def _warmed_up(self, number: int) -> Candidate | None:
        """Return one of the best of the pool, as long as there is one."""
        if self._choice is None or number >= self._choice.warmup:
            return None
        if self._warm is None:
            self._warm = self._best_of_pool(self._choice)
        return self._warm.pop(0) if self._warm else None

    def _best_of_pool(self, choice: Choice) -> list[Candidate]:
        """Draw and score many; return the best, of which the first holds all scores."""
        source = rng(self._seed, "warmup")
        pool: dict[str, Candidate] = {}
        for _ in range(choice.pool * REPEATS):
            if len(pool) == choice.pool:
                break
            candidate = self._new(Proposal(self._space.sample(source)), pool)
            if candidate and not candidate.violation and not candidate.failure:
                pool[candidate.canonical_id] = candidate
        candidates = list(pool.values())
        architectures = [c.proposal.architecture for c in candidates]
        for start in range(0, len(candidates), SCORED_AT_ONCE):
            self.watch(start, len(candidates))
            choice.scorer.score(architectures[start : start + SCORED_AT_ONCE])
        self.watch(len(candidates), len(candidates))
        verdicts = choice.scorer.score(architectures)  # known now; an aggregate ranks among all
        order = sorted(range(len(candidates)), key=lambda i: _descending(verdicts[i]))
        warm = [replace(candidates[i], scores=verdicts[i].scores) for i in order[: choice.warmup]]
        if warm:
            everything = (s for i in order for s in verdicts[i].scores)
            warm[0] = replace(warm[0], scores=tuple(everything))
        return warm

    def _look(
        self, proposal: Proposal, canonical_id: str, known: dict[str, float] | None = None
    ) -> Candidate:
        estimate = self._estimate(proposal.architecture) if known is None else known
        if isinstance(estimate, Failure):
            return Candidate(proposal, canonical_id, {}, failure=estimate)
        if not estimate:
            return Candidate(proposal, canonical_id, estimate)
        violation = total_violation(self._goals, estimate)
        broken = tuple(
            goal.bound()
            for goal in self._goals
            if goal.metric in estimate and goal.violation(estimate[goal.metric]) > 0
        )
        return Candidate(proposal, canonical_id, estimate, violation, broken)

    def _estimate(self, architecture: Architecture) -> dict[str, float] | Failure:
        try:
            return {
                metric: objective.of_network(self._space, architecture)
                for metric, objective in self._analytic.items()
            }
        except CandidateError as error:
            return Failure(error.kind, str(error))

    def _draw(self, source: Rng, drawn: Container[str]) -> Candidate | None:
        proposal = None
        for _ in range(REPEATS):
            proposal = _of_this_study(self._strategy.ask(source))
            if proposal.architecture not in self._space:
                raise PluginError(
                    f"strategy {type(self._strategy).__name__} proposed what is no member of the "
                    f"space: {proposal.architecture!r}"
                )
            candidate = self._new(proposal, drawn)
            if candidate is not None:
                return candidate
            self.turned_away["duplicate"] += 1
        assert proposal is not None
        return self._walk(proposal, source, drawn) or self._listed(proposal, drawn)

    def _walk(self, start: Proposal, source: Rng, drawn: Container[str]) -> Candidate | None:
        """Mutate what the strategy keeps proposing until it is something new."""
        architecture = start.architecture
        for _ in range(WALK):
            architecture = self._space.mutate(architecture, source)
            candidate = self._new(replace(start, architecture=architecture), drawn)
            if candidate is not None:
                return candidate
        return None

    def _listed(self, start: Proposal, drawn: Container[str]) -> Candidate | None:
        if self._space.size > LISTABLE:
            return None
        every = self._space.architectures()
        found = (self._new(replace(start, architecture=a, parents=()), drawn) for a in every)
        return next((candidate for candidate in found if candidate is not None), None)

    def _new(self, proposal: Proposal, drawn: Container[str]) -> Candidate | None:
        """Return the candidate that a proposal is; None if it is known."""
        canonical_id = self._space.canonical_id(proposal.architecture)
        if proposal.inherits is not None or proposal.repeat:  # other weights: another one
            return self._look(proposal, canonical_id)
        if canonical_id in drawn:
            return None
        if int(canonical_id, 16) not in self._known:
            return self._look(proposal, canonical_id)
        if not self._analytic:
            return None
        estimate = self._estimate(proposal.architecture)
        if isinstance(estimate, Failure) or _with_objectives(canonical_id, estimate) in self._known:
            return None
        return self._look(proposal, canonical_id, estimate)


def _of_this_study(proposal: Proposal) -> Proposal:
    """Return it without parents from earlier studies, which have negative numbers."""
    if all(parent >= 0 for parent in proposal.parents):
        return proposal
    return replace(proposal, parents=tuple(p for p in proposal.parents if p >= 0))


def _descending(verdict: Verdict) -> tuple[bool, float]:
    return verdict.value is None, -(verdict.value or 0.0)


def _with_objectives(canonical_id: str, analytic: Mapping[str, float]) -> int:
    """Return what stands for a network with these analytic objectives: no canonical id does."""
    return int(digest(f"{canonical_id} {list(analytic.values())}"), 16) | 1 << 80
