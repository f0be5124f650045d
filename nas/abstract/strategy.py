"""Strategies: ask for architectures, be told trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.abstract.dataset import SearchData
from nas.abstract.scheduler import Promotion
from nas.abstract.space import Space
from nas.abstract.use import Use
from nas.architecture import Architecture
from nas.goals import Goal
from nas.seeds import Rng
from nas.trial import Trial


@dataclass(frozen=True)
class Problem:
    """What a strategy works on.

    Args:
        space: where proposals come from.
        goals: the objectives in order; the trials' ``losses`` have the same order.
        seed: for whatever a strategy must seed once; draws come from ``ask``'s ``rng``.
        data: what the search trains on, for proxies; None if it has none.
        budget: of a complete trial, in the evaluator's unit (epochs); None if it knows none.
    """

    space: Space
    goals: tuple[Goal, ...]
    seed: int
    data: SearchData | None = None
    budget: int | None = None


@dataclass(frozen=True)
class Proposal:
    """An architecture to evaluate.

    Args:
        architecture: a member of the space.
        parents: numbers of the trials that it was made from.
        stems_from: trials of other studies of the archive that it was made from, each by the name
            of its study and its number there.
        repeat: above 0, it is evaluated although its architecture was before, with a seed that
            depends on this number.
        until: step at which the trial pauses, of a strategy that ``pauses``; None for its full
            budget.
        inherits: number of a paused trial whose state (weights, optimizer) it begins with, and
            whose curve is the beginning of its own; the trial's network must be the same.
        replaces: number of a paused trial that ends with this proposal.
        reason: why that one ends, in words; it is archived.
    """

    architecture: Architecture
    parents: tuple[int, ...] = ()
    stems_from: tuple[tuple[str, int], ...] = ()
    repeat: int = 0
    until: int | None = None
    inherits: int | None = None
    replaces: int | None = None
    reason: str = ""


class Strategy(ABC):
    """Proposes what to evaluate next (search strategy).

    ``start`` comes first, once. The engine asks as often as it likes, evaluates some of the
    proposals (a filter may drop the others; it evaluates one architecture twice only as a
    ``repeat``), and tells finished trials in the order of their numbers: failed and infeasible ones
    too, and now and then one that was never proposed. Trials of earlier studies come before the
    first ``ask`` and have negative numbers; as parents of a proposal they are left out. A strategy
    reads no clock and no global state: the same calls give the same proposals, which is how a study
    resumes.

    One that ``pauses`` trials is told paused ones too, each time, and all trials with their curves;
    it is asked which of them goes on before it is asked for a new one. A trial that another one
    ``replaces`` is told as stopped ones are.

    Attributes:
        used: the components of ``uses``, built, in that order: a ``Predictor``, ``Proxy``,
            ``AnalyticObjective`` or another ``Strategy``. Who builds a strategy sets it.
    """

    used: Sequence[Any] = ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with; a config names them among the strategy's parameters."""
        return ()

    @property
    def pauses(self) -> bool:
        """Whether it proposes trials that pause, or goes on with paused ones."""
        return False

    @abstractmethod
    def start(self, problem: Problem) -> None:
        """Begin a study; forget any earlier one. Raises ``ConfigError`` on one it cannot do."""

    @abstractmethod
    def ask(self, rng: Rng) -> Proposal:
        """Propose a member of the space. All randomness comes from ``rng``."""

    def resume(self, rng: Rng, begins: bool) -> Promotion | None:
        """Return the paused trial that goes on now; None if a new one should begin.

        It must follow from what was told and begun. What is returned goes on; after None the engine
        may ask again.

        Args:
            rng: all randomness comes from it.
            begins: whether a new one can begin; if not, a worker stays idle on None.
        """
        return None

    def begun(self, number: int, proposal: Proposal) -> None:  # noqa: B027 - most need not know
        """Take note that a proposal is trial ``number`` from now on; the others are dropped.

        Where everything that is proposed was evaluated before, the engine changes the architecture.
        """

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a trial; ``trial.losses`` are lower-is-better, empty unless complete.

        A trial that a scheduler has stopped is told as complete, with the losses expected at its
        full budget. A paused one has those at its last step, NaN where an objective has no value.
        """
