"""Strategies: ask for architectures, be told trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.abstract.dataset import SearchData
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
    """

    space: Space
    goals: tuple[Goal, ...]
    seed: int
    data: SearchData | None = None


@dataclass(frozen=True)
class Proposal:
    """An architecture to evaluate, and the numbers of the trials it was made from."""

    architecture: Architecture
    parents: tuple[int, ...] = ()


class Strategy(ABC):
    """Proposes what to evaluate next (search strategy).

    ``start`` comes first, once. The engine asks as often as it likes, evaluates some of the
    proposals (a filter may drop the others; it never evaluates one architecture twice), and tells
    finished trials in the order of their numbers: failed and infeasible ones too, and now and then
    one that was never proposed. Trials of earlier studies come before the first ``ask`` and have
    negative numbers; as parents of a proposal they are left out. A strategy reads no clock and no
    global state: the same calls give the same proposals, which is how a study resumes.

    Attributes:
        used: the components of ``uses``, built, in that order: a ``Predictor``, ``Proxy``,
            ``AnalyticObjective`` or another ``Strategy``. Who builds a strategy sets it.
    """

    used: Sequence[Any] = ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with; a config names them among the strategy's parameters."""
        return ()

    @abstractmethod
    def start(self, problem: Problem) -> None:
        """Begin a study; forget any earlier one. Raises ``ConfigError`` on one it cannot do."""

    @abstractmethod
    def ask(self, rng: Rng) -> Proposal:
        """Propose a member of the space. All randomness comes from ``rng``."""

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a trial; ``trial.losses`` are lower-is-better, empty unless complete."""
