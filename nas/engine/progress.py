"""What a running search tells whoever watches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from nas.incident import Incident
from nas.study import Study
from nas.trial import Trial


@dataclass(frozen=True)
class Plan:
    """What is about to run.

    Args:
        resumed: trials that the archive holds already; 0 for a new study.
        stop_trials: trials at which the study stops, or None.
        stop_seconds: seconds at which the session stops, or None.
        stop_budget: budget of all trials together at which the study stops, or None.
        executor: such as ``ray: 2 workers``.
        search_space: such as ``nas201, 15625 architectures``.
        simulated: whether time is virtual, and runs again from 0 when a study goes on.
    """

    resumed: int
    stop_trials: int | None
    stop_seconds: float | None
    executor: str
    search_space: str
    simulated: bool = False
    stop_budget: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Args:
        new: trials that have just been archived, in the order of finishing.
        workers: which machine and process each of ``new`` ran on; empty where none was needed.
        met: incidents since the last call.
        done: trials of the study that count towards its stop: complete and failed.
        failed: trials that failed, by kind.
        turned_away: candidates that were not evaluated, by reason: ``duplicate``, or a bound in
            words such as ``params at most 2e+05``.
        running: trials in flight.
        seconds: wall time of this session; virtual time of the whole study if ``simulated``.
        seconds_left: estimate, or None while there is nothing to estimate from.
        front: the feasible trials that no other dominates, by first objective.
        budget: what all trials together have spent, or None if the study does not stop by it.
        rate: trials a second over the last moments, or None while nothing has finished.
        idle: share of the workers' time in this session that no trial has used, in [0, 1], or
            None while nothing has finished.
        incidents: failures of the infrastructure in this session, by kind; what they met is
            run again.
        reused: trials that an earlier evaluation answered.
        stuck: why nothing can run, such as which resource no node has; empty if something can.
        doing: what the driver is busy with before the next trial; empty as a rule.
        simulated: whether all times are virtual.
    """

    new: Sequence[Trial]
    done: int
    failed: Mapping[str, int] = field(default_factory=dict)
    turned_away: Mapping[str, int] = field(default_factory=dict)
    running: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    front: Sequence[Trial] = ()
    budget: int | None = None
    rate: float | None = None
    idle: float | None = None
    incidents: Mapping[str, int] = field(default_factory=dict)
    reused: int = 0
    stuck: str = ""
    doing: str = ""
    simulated: bool = False
    workers: Sequence[str] = ()
    met: Sequence[Incident] = ()


@dataclass(frozen=True)
class Reason:
    """Why a session ended, in words."""

    text: str
    status: Literal["finished", "interrupted", "failed"] = "finished"


class Observer(Protocol):
    """Watches a search. It is called in the driver and must be quick."""

    def started(self, study: Study, plan: Plan) -> None:
        """A session begins; Ray is up."""
        ...

    def progress(self, progress: Progress) -> None:
        """Something changed, or a second has passed."""
        ...

    def finished(self, study: Study, reason: str) -> None:
        """The session has ended, even when it was interrupted."""
        ...


class Observers:
    """Several observers as one, told in their order."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def started(self, study: Study, plan: Plan) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.started(study, plan)

    def progress(self, progress: Progress) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.progress(progress)

    def finished(self, study: Study, reason: str) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.finished(study, reason)
