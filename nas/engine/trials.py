"""From a candidate and its outcome to the trial that is archived and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nas.abstract.space import Space
from nas.archive.record import Record
from nas.engine.proposer import Candidate
from nas.executors.jobs import Finished, Outcome
from nas.goals import Goal, losses, violation
from nas.seeds import derive
from nas.trial import Failure, Status, Trial


def trial_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial: a function of the study's seed and the trial's number."""
    return derive(study_seed, "trial", number)


def turned_away(candidate: Candidate, number: int, space: Space) -> Record:
    """Return the record of a candidate that is not evaluated: infeasible, or not estimable."""
    trial = Trial(
        number=number,
        architecture=candidate.proposal.architecture,
        status=Status.FAILED if candidate.failure else Status.INFEASIBLE,
        violation=candidate.violation,
        metrics=dict(candidate.analytic),
        parents=candidate.proposal.parents,
        failure=candidate.failure,
    )
    return _record(trial, candidate, space)


def cancelled(
    candidate: Candidate, number: int, space: Space, study_seed: int, budget: int | None
) -> Record:
    """Return the record of a trial that the user stopped; it runs again later."""
    trial = Trial(
        number=number,
        architecture=candidate.proposal.architecture,
        status=Status.CANCELLED,
        metrics=dict(candidate.analytic),
        seed=trial_seed(study_seed, number),
        budget=budget,
        parents=candidate.proposal.parents,
    )
    return _record(trial, candidate, space)


def evaluated(
    finished: Finished,
    candidate: Candidate,
    space: Space,
    goals: Sequence[Goal],
    study_seed: int,
    budget: int | None,
) -> Record:
    """Return the record of a trial that ran to its end."""
    outcome = finished.outcome
    metrics = {**candidate.analytic, **outcome.metrics}
    complete = outcome.failure is None
    trial = Trial(
        number=outcome.number,
        architecture=candidate.proposal.architecture,
        status=Status.COMPLETE if complete else Status.FAILED,
        losses=losses(goals, metrics) if complete else (),
        violation=violation(goals, metrics) if complete else 0.0,
        metrics=metrics,
        seed=trial_seed(study_seed, outcome.number),
        budget=budget,
        seconds=outcome.seconds,
        parents=candidate.proposal.parents,
        failure=outcome.failure,
    )
    return _record(trial, candidate, space, finished)


def _record(
    trial: Trial, candidate: Candidate, space: Space, finished: Finished | None = None
) -> Record:
    outcome = finished.outcome if finished else Outcome(trial.number)
    return Record(
        trial=trial,
        canonical_id=candidate.canonical_id,
        text=space.format(trial.architecture),
        curve=outcome.curve,
        measurements=outcome.measurements,
        scores=candidate.scores,
        started=outcome.started,
        worker=outcome.worker,
        weights=finished.weights if finished else None,
    )


class ProtocolGuard:
    """Refuses a measured number whose protocol differs from the study's first one."""

    def __init__(self) -> None:
        self._protocols: dict[str, Mapping[str, object]] = {}

    def expect(self, metric: str, protocol: Mapping[str, object]) -> None:
        """Fix the protocol of a metric."""
        self._protocols.setdefault(metric, protocol)

    def check(self, outcome: Outcome) -> Outcome:
        """Return the outcome, or a failure of kind ``protocol`` that names what differs."""
        for metric, measurement in outcome.measurements.items():
            protocol = measurement.protocol
            known = self._protocols.setdefault(metric, protocol)
            wrong = sorted(k for k in {*known, *protocol} if known.get(k) != protocol.get(k))
            if wrong:
                shown = ", ".join(f"{k}: {known.get(k)} -> {protocol.get(k)}" for k in wrong)
                message = f"{metric} was measured differently than before in this study: {shown}"
                return Outcome(
                    outcome.number,
                    curve=outcome.curve,
                    failure=Failure("protocol", message),
                    started=outcome.started,
                    seconds=outcome.seconds,
                    worker=outcome.worker,
                )
        return outcome
