"""From a candidate and its outcome to the trial that is archived and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nas.abstract.space import Space
from nas.archive.earlier import Earlier
from nas.archive.record import Record
from nas.engine.candidate import Candidate
from nas.executors.hearing import PAUSED
from nas.executors.jobs import Finished, Job, Outcome
from nas.goals import Goal, losses, violation
from nas.seeds import derive
from nas.trial import CurvePoint, Failure, Ruling, Status, Trial

Protocols = Mapping[str, Mapping[str, object]]
"""How metrics were measured, by name."""


@dataclass(frozen=True)
class Started:
    """A candidate that is being evaluated, by what job.

    Args:
        candidate: what is evaluated.
        job: how.
        told: in order of completion, how many trials had been told when it was proposed.
    """

    candidate: Candidate
    job: Job
    told: int | None


def trial_seed(study_seed: int, number: int, repeat: int = 0) -> int:
    """Return the seed of a trial: a function of the study's seed and the trial's number.

    That of a repeated evaluation is one that no trial of a study with the same seed has.
    """
    labels = ("trial", number) if not repeat else ("repeat", number, repeat)
    return derive(study_seed, *labels)


def turned_away(candidate: Candidate, number: int, space: Space, told: int | None) -> Record:
    """Return the record of a candidate that is not evaluated: infeasible, or not estimable."""
    trial = Trial(
        number=number,
        architecture=candidate.proposal.architecture,
        status=Status.FAILED if candidate.failure else Status.INFEASIBLE,
        violation=candidate.violation,
        metrics=dict(candidate.analytic),
        parents=candidate.proposal.parents,
        stems_from=candidate.proposal.stems_from,
        failure=candidate.failure,
    )
    return _record(trial, candidate, space, told)


def reused(
    earlier: Earlier,
    candidate: Candidate,
    number: int,
    space: Space,
    goals: Sequence[Goal],
    budget: int | None,
    told: int | None,
) -> Record:
    """Return the record of a trial that an earlier evaluation answers."""
    # what follows from the architecture is its own: isomorphic networks may differ in it
    metrics = {**earlier.metrics, **candidate.analytic}
    trial = Trial(
        number=number,
        architecture=candidate.proposal.architecture,
        status=Status.COMPLETE,
        losses=losses(goals, metrics),
        violation=violation(goals, metrics),
        metrics=metrics,
        seed=earlier.seed,
        budget=budget,
        parents=candidate.proposal.parents,
        stems_from=candidate.proposal.stems_from,
    )
    plain = _record(trial, candidate, space, told)
    return replace(
        plain,
        curve=earlier.curve,
        measurements=earlier.measurements,
        weights=earlier.weights,
        reused=earlier.id,
    )


def cancelled(started: Started, space: Space) -> Record:
    """Return the record of a trial that the user stopped; it runs again later."""
    candidate, job = started.candidate, started.job
    trial = Trial(
        number=job.number,
        architecture=candidate.proposal.architecture,
        status=Status.CANCELLED,
        metrics=dict(candidate.analytic),
        seed=job.seed,
        budget=job.budget,
        parents=candidate.proposal.parents,
        stems_from=candidate.proposal.stems_from,
    )
    return _record(trial, candidate, space, started.told)


def evaluated(finished: Finished, started: Started, space: Space, goals: Sequence[Goal]) -> Record:
    """Return the record of a trial that ran to its end."""
    outcome, candidate, job = finished.outcome, started.candidate, started.job
    metrics = {**candidate.analytic, **outcome.metrics}
    cut_short = bool(outcome.ended)
    failure = outcome.failure or (None if cut_short else _unknown(outcome, goals))
    complete = failure is None and not cut_short
    trial = Trial(
        number=job.number,
        architecture=candidate.proposal.architecture,
        status=Status.COMPLETE if complete else Status.FAILED,
        losses=losses(goals, metrics) if complete else (),
        violation=violation(goals, metrics) if failure is None else 0.0,
        metrics=metrics,
        seed=job.seed,
        budget=job.budget,
        seconds=outcome.seconds,
        parents=candidate.proposal.parents,
        stems_from=candidate.proposal.stems_from,
        failure=failure,
    )
    return _record(trial, candidate, space, started.told, finished)


def ruled(record: Record, ended: str, rulings: tuple[Ruling, ...], before: float) -> Record:
    """Return the record of a trial that a scheduler has had a say in.

    Args:
        record: as if it had run to its end.
        ended: how a verdict has ended it, as ``Outcome.ended`` says; empty if none has.
        rulings: what was decided on it.
        before: seconds that its earlier runs took.
    """
    if before:
        seconds = before + record.trial.seconds
        record = replace(record, trial=replace(record.trial, seconds=seconds))
    if record.trial.failure is None and not ended:
        return replace(record, rulings=rulings)
    curve = record.curve
    spent = curve[-1].step if curve else 0
    if ended:
        spent = rulings[-1].step
        curve = tuple(point for point in curve if point.step <= spent)
        metrics = {**record.trial.metrics, **curve[-1].metrics}
        status = Status.PAUSED if ended == PAUSED else Status.STOPPED
        trial = replace(record.trial, status=status, losses=(), metrics=metrics, budget=spent)
    else:
        trial = replace(record.trial, budget=spent)
    return replace(record, trial=trial, curve=curve, rulings=rulings)


def again(started: Started, trial: Trial, curve: tuple[CurvePoint, ...], space: Space) -> Record:
    """Return the record of a trial that an earlier session has archived."""
    plain = _record(replace(trial, id=0), started.candidate, space, started.told)
    return replace(plain, curve=curve)


def _unknown(outcome: Outcome, goals: Sequence[Goal]) -> Failure | None:
    """Return why an objective has no value."""
    for goal in goals:
        if goal.metric in outcome.unknown:
            why = outcome.unknown[goal.metric]
            return replace(why, message=f"{goal.metric}: {why.message}")
    return None


def _record(
    trial: Trial,
    candidate: Candidate,
    space: Space,
    told: int | None,
    finished: Finished | None = None,
) -> Record:
    outcome = finished.outcome if finished else _NOTHING
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
        told=told,
        choosing=candidate.choosing,
    )


_NOTHING = Outcome(-1)
"""What there is of a trial that did not run."""


class ProtocolGuard:
    """Refuses a measured number whose protocol differs from the study's first one.

    Args:
        known: the protocols of the study so far, by metric, or of those that it begins from.
    """

    def __init__(self, known: Protocols) -> None:
        self._protocols = dict(known)

    def check(self, finished: Finished) -> Finished:
        """Return what finished, or a failure of kind ``protocol`` that names what differs."""
        outcome = finished.outcome
        for metric, measurement in outcome.measurements.items():
            protocol = measurement.protocol
            known = self._protocols.setdefault(metric, protocol)
            wrong = sorted(k for k in {*known, *protocol} if known.get(k) != protocol.get(k))
            if wrong:
                shown = ", ".join(f"{k}: {known.get(k)} -> {protocol.get(k)}" for k in wrong)
                message = (
                    f"{metric} was measured differently than before, in this study or those that "
                    f"it began from: {shown}"
                )
                failure = Failure("protocol", message)
                return Finished(replace(outcome, metrics={}, measurements={}, failure=failure))
        return finished
