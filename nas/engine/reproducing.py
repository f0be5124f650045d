"""A trial run again from its record: do the numbers agree?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.abstract.scheduler import Verdict
from nas.abstract.strategy import Proposal
from nas.archive import Archive
from nas.archive.record import ComponentRecord, Record
from nas.config import Config
from nas.engine.archived import alone, archived_config
from nas.engine.assembly import Assembly, assemble
from nas.engine.candidate import Candidate
from nas.engine.comparing import ComparedMetric, compare, curves_part
from nas.engine.courses import INHERIT
from nas.engine.trials import Started, evaluated, turned_away
from nas.errors import CandidateError, ConfigError, StudyError
from nas.executors.hearing import News
from nas.executors.jobs import Finished, Job
from nas.executors.worker import Worker
from nas.plugins import PluginFile
from nas.study import Study
from nas.trial import Failure, Status, Trial

_OTHERS = ("crashed", "lost", "protocol")
"""Kinds of failure that one process alone cannot have, or would not survive."""
_CUT_SHORT = (Status.STOPPED, Status.PAUSED)


@dataclass(frozen=True)
class Reproduced:
    """A trial and what came of running it again.

    Args:
        trial: as archived.
        study: of the trial.
        metrics: each metric then and now.
        failure: how it failed now; None if it did not.
        curve_from: first step at which the learning curves differ; None if they agree.
        same_curve: whether they agree bit for bit.
        worker: on which it ran now.
        worker_then: on which it ran then.
        changes: what else is not as it was, in words: versions, data.
    """

    trial: Trial
    study: Study
    metrics: tuple[ComparedMetric, ...]
    failure: Failure | None
    curve_from: int | None
    same_curve: bool
    worker: str
    worker_then: str
    changes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether it ended in the same way, with the same metrics and curve.

        What is measured, and wall time, is no part of this; of failures the kind counts.
        """
        kinds = [f.kind if f else None for f in (self.trial.failure, self.failure)]
        return (
            kinds[0] == kinds[1]
            and all(metric.agrees for metric in self.metrics)
            and self.curve_from is None
        )

    @property
    def exact(self) -> bool:
        """Whether it agrees bit for bit."""
        close = any(metric.verdict == "close" for metric in self.metrics)
        return self.agrees and self.same_curve and not close


def reproduce(
    archive: str | Path,
    trial_id: int,
    *,
    tolerance: float = 0.0,
    plugins: Sequence[str | Path] = (),
    trust: bool = False,
) -> Reproduced:
    """Run a trial again from its record, in this process, and compare; nothing is archived.

    Architecture, seed, budget, evaluator and data are those of the record. A trial that was stopped
    or paused runs up to the same step.

    Args:
        archive: path of the archive.
        trial_id: of the trial.
        tolerance: relative difference up to which numbers agree; 0 asks for the same bits.
        plugins: plugin files, as the study was searched with.
        trust: call functions that the archived config names (the data set ``factory``).

    Raises:
        ConfigError: the tolerance is no number of at least 0.
        StudyError: the trial cannot be run alone, or it needs a plugin file or ``trust``.
        NASError: as ``search``, for components and data that are not what they were.
    """
    if not 0 <= tolerance < math.inf:
        raise ConfigError(f"tolerance must be a number of at least 0, not {tolerance!r}")
    with Archive(archive) as opened:
        trial, details = opened.trial(trial_id), opened.details(trial_id)
        study = opened.study(details.study)
        config = archived_config(opened, study, plugins, trust=trust)
        _check(opened, trial, config)
        curve, measured = opened.curve(trial_id), opened.measurements(trial_id)
        components = opened.components(study)
    parts = assemble(
        Config.parse(alone(config, trial)), [PluginFile.read(path) for path in plugins]
    )
    again = _again(parts, trial, config)
    return Reproduced(
        trial,
        study,
        compare(trial.metrics, again.trial.metrics, measured, again.measurements, tolerance),
        again.trial.failure,
        curves_part(curve, again.curve, tolerance),
        curves_part(curve, again.curve, 0.0) is None,
        again.worker,
        details.worker,
        tuple(_changes(parts, study, components)),
    )


def _check(archive: Archive, trial: Trial, config: Config) -> None:
    """Raise ``StudyError`` if there is nothing that could be run again."""
    what = f"trial {trial.id}"
    if trial.status is Status.CANCELLED:
        raise StudyError(f"{what} was cancelled: there is no result to compare with")
    _, found = archive.query(f"SELECT reused FROM trials WHERE id = {int(trial.id)}")
    (reused,) = next(iter(found))
    if reused is not None:
        raise StudyError(
            f"{what} was not run: the result of trial {reused} answered it. Reproduce that one"
        )
    inherited = [ruling for ruling in archive.rulings(trial.id) if ruling.verdict == INHERIT]
    if inherited:
        raise StudyError(
            f"{what} began with the weights of another trial ({inherited[0].reason}), so it cannot "
            "be repeated alone; reproduce the whole search"
        )
    if trial.failure is None:
        return
    if config.simulated or trial.failure.kind in _OTHERS:
        raise StudyError(
            f"{what} failed in a way that this process cannot repeat alone "
            f"({trial.failure.kind}: {trial.failure.message})"
        )


def _again(parts: Assembly, trial: Trial, config: Config) -> Record:
    """Return what comes of the trial, as a search would archive it."""
    short = trial.status in _CUT_SHORT
    asks = (trial.budget,) if short and trial.budget is not None else None
    job = Job(trial.number, trial.architecture, parts.evaluator.budget, trial.seed, asks)
    space = parts.space
    analytic, failure = _analytic(parts, trial)
    canonical_id = space.canonical_id(trial.architecture)
    candidate = Candidate(Proposal(trial.architecture), canonical_id, analytic, failure=failure)
    if failure is not None or trial.status is Status.INFEASIBLE:
        return turned_away(candidate, trial.number, space, None)
    worker = Worker(parts.setup, parts.data, _whole(config.limits.memory))
    timed = config.limits.timeout if trial.failure is not None else None
    outcome, _ = worker.run(job, timed, _Stop() if asks else None)
    return evaluated(Finished(outcome), Started(candidate, job, None), space, parts.goals)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


class _Stop:
    """Ends an evaluation where it was ended then."""

    def tell(self, news: News) -> None:
        """Take no note."""

    def ask(self, news: News, step: int) -> str:
        """Say that it ends here."""
        return Verdict.STOP.value


def _analytic(parts: Assembly, trial: Trial) -> tuple[dict[str, float], Failure | None]:
    """Return the objectives that follow from the architecture, or why one has no value."""
    try:
        known = {
            metric: objective.of_network(parts.space, trial.architecture)
            for metric, objective in parts.analytic.items()
        }
    except CandidateError as error:
        return {}, Failure(error.kind, str(error))
    return known, None


def _changes(parts: Assembly, study: Study, components: Sequence[ComponentRecord]) -> Sequence[str]:
    """Return what is not as it was, in words."""
    then: dict[tuple[str, str], dict[str, None]] = {}
    for component in components:
        known = f"{component.distribution} {component.version}"
        then.setdefault((component.role, component.name), {})[known] = None
    changes = []
    for component in parts.components:
        versions = then.get((component.role, component.name))
        now = f"{component.distribution} {component.version}"
        if versions is not None and now not in versions:
            was = " or ".join(versions)
            changes.append(f"{component.role} {component.name} is of {now}, was of {was}")
    if not changes and parts.evaluation != study.evaluation:
        changes.append("the data are not the same, or how they are split")
    return changes
