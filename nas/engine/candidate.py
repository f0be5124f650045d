"""What may be evaluated, and what is known to have been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nas.abstract.strategy import Proposal
from nas.archive.record import Score
from nas.trial import Failure, Trial


@dataclass(frozen=True)
class Candidate:
    """One architecture to evaluate, or to turn away.

    Args:
        proposal: the architecture and its parents.
        canonical_id: of the architecture.
        analytic: values of the analytic objectives.
        violation: by how much they break their bounds; 0 is feasible.
        broken: the broken bounds in words.
        failure: if an analytic objective could not be estimated.
        scores: of all candidates that it was chosen from, whoever chose it.
        choosing: seconds that it took to choose it, see ``nas.archive.record.Record``.
    """

    proposal: Proposal
    canonical_id: str
    analytic: Mapping[str, float]
    violation: float = 0.0
    broken: tuple[str, ...] = ()
    failure: Failure | None = None
    scores: tuple[Score, ...] = ()
    choosing: float = 0.0


@dataclass(frozen=True)
class Known:
    """A trial of an earlier study, as a strategy is told of it.

    Args:
        trial: with a negative number, and the losses that it has in this study.
        settled: whether its architecture needs no evaluation any more.
    """

    trial: Trial
    settled: bool
