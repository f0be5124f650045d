"""Trials of earlier studies on the same space, as a new study sees them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.abstract.objective import MeasuredObjective
from nas.archive import Archive
from nas.archive.record import ComponentRecord
from nas.archive.rows import to_json
from nas.archive.sources import Source, digest_of
from nas.config import Config, WarmStartConfig, differences
from nas.engine.assembly import Assembly
from nas.engine.trials import Protocols
from nas.errors import ArchiveError, CandidateError, StudyError
from nas.goals import losses, violation
from nas.study import Study
from nas.suggest import did_you_mean, listed
from nas.trial import Status, Trial

COMPARED = ("evaluator", "data", "seed")
"""What of two configs tells why their evaluations differ; the seed draws the split of the data."""


@dataclass(frozen=True)
class Found:
    """The trials of one earlier study that can be used, by number."""

    source: Source
    trials: Sequence[Trial]
    protocols: Protocols


class _UnfitError(Exception):
    """Why an earlier study cannot be used, in words."""


@dataclass(frozen=True)
class Reader:
    """Reads earlier studies as the new one needs them."""

    config: Config
    wanted: WarmStartConfig
    parts: Assembly
    own: Path

    def choose(self) -> list[Found]:
        """Return the studies that can be used."""
        found: list[Found] = []
        unfit: list[str] = []
        names: list[str] = []
        for path in self.wanted.archives or ("",):
            with _opened(path, self.own) as archive:
                for study in self._candidates(archive):
                    names.append(study.name)
                    if self.wanted.studies and study.name not in self.wanted.studies:
                        continue
                    try:
                        found.append(self._fitting(archive, path, study, found))
                    except _UnfitError as why:
                        unfit.append(f"study {study.name!r} in {str(archive.path)!r}: {why}")
        self._check_names(names)
        if not found or (unfit and self.wanted.studies):
            raise StudyError(f"warm_start: {self._nothing(unfit)}")
        return found

    def again(self, source: Source) -> Found:
        """Return what the study began with."""
        path = Path(source.archive) if source.archive else self.own
        try:
            with Archive(path) as archive:
                study = archive.study(source.study)
                found = self._usable(archive, study, source)
        except (ArchiveError, _UnfitError) as error:
            raise StudyError(f"{self._began(source, path)} {error}") from None
        if (found.source.trials, found.source.digest) != (source.trials, source.digest):
            raise StudyError(
                f"{self._began(source, path)} These are not the same any more: is it another "
                "archive of that name?"
            )
        return found

    def _began(self, source: Source, path: Path) -> str:
        return (
            f"study {self.config.study!r} began with {source.trials} trials of study "
            f"{source.study!r} in {str(path)!r}, and goes on with these alone."
        )

    def _candidates(self, archive: Archive) -> Iterator[Study]:
        own = archive.path.samefile(self.own)
        return (s for s in archive.studies() if not (own and s.name == self.config.study))

    def _check_names(self, known: Sequence[str]) -> None:
        for name in self.wanted.studies or ():
            if name not in known:
                hint = did_you_mean(name, known)
                raise StudyError(
                    f"warm_start.studies: there is no study {name!r}.{hint} "
                    f"Earlier studies: {listed(set(known))}"
                )

    def _nothing(self, unfit: Sequence[str]) -> str:
        if not unfit:
            where = listed(map(repr, self.wanted.archives or (str(self.own),)))
            return f"there is no earlier study in {where}"
        return f"not every study can be used: {'; '.join(unfit)}"

    def _fitting(self, archive: Archive, path: str, study: Study, others: Sequence[Found]) -> Found:
        """Return what can be used of a study. Raises ``_UnfitError``."""
        self._check_space(archive, study)
        same = study.evaluation == self.parts.evaluation
        if not same and not self.wanted.any_evaluation:
            raise _UnfitError(
                f"its trials were evaluated in another way ({self._how_else(study)}); "
                "any_evaluation = true takes them all the same"
            )
        label = "" if archive.path.samefile(self.own) else path
        found = self._usable(archive, study, Source(label, study.name, -1, 0, "", same))
        for other in others:
            for metric, protocol in found.protocols.items():
                if other.protocols.get(metric, protocol) != protocol:
                    raise _UnfitError(
                        f"{metric} was measured differently than in study {other.source.study!r}"
                    )
        return found

    def _check_space(self, archive: Archive, study: Study) -> None:
        theirs, ours = map(_space, (archive.components(study), self.parts.components))
        if theirs != ours:
            raise _UnfitError(f"it is in another space, {theirs}, not {ours}")
        units = {goal.metric: goal.unit for goal in study.goals}
        for goal in self.parts.goals:
            unit = units.get(goal.metric, goal.unit)
            if unit != goal.unit:
                raise _UnfitError(f"its {goal.metric} is in {unit!r}, not {goal.unit!r}")

    def _how_else(self, study: Study) -> str:
        theirs, ours = study.config, self.config.to_dict()
        changed = differences(
            {key: theirs.get(key) for key in COMPARED}, {key: ours.get(key) for key in COMPARED}
        )
        return "; ".join(changed) or "in versions, in the data, or in what is measured"

    def _usable(self, archive: Archive, study: Study, source: Source) -> Found:
        """Return the trials of a study that can be used, up to ``source.last`` unless that is -1.

        Raises:
            _UnfitError: there are none.
        """
        complete = archive.trials(study, status=Status.COMPLETE)
        if source.last >= 0:
            complete = [trial for trial in complete if trial.id <= source.last]
        if not complete:
            raise _UnfitError("it has no complete trial")
        read = [(trial, self._read(trial)) for trial in complete]
        trials = [here for _, here in read if isinstance(here, Trial)]
        if not trials:
            raise _UnfitError(
                f"none of its trials can be used; of trial {complete[0].id}, {read[0][1]}"
            )
        taken = replace(
            source,
            last=max(trial.id for trial in complete),
            trials=len(trials),
            digest=digest_of([trial for trial, here in read if isinstance(here, Trial)]),
        )
        compared = source.same and not self.wanted.any_evaluation
        protocols = self._protocols(archive, trials[0]) if compared else {}
        return Found(taken, trials, protocols)

    def _read(self, trial: Trial) -> Trial | str:
        """Return the trial with the losses that it has here, or why it cannot be used."""
        space, goals = self.parts.space, self.parts.goals
        if trial.architecture not in space:
            return f"{trial.architecture} is no member of the space"
        metrics = dict(trial.metrics)
        for metric, objective in self.parts.analytic.items():
            if metric not in metrics:
                try:
                    metrics[metric] = objective.of_network(space, trial.architecture)
                except CandidateError as error:
                    return f"{metric} cannot be estimated: {error}"
        missing = [g.metric for g in goals if not math.isfinite(metrics.get(g.metric, math.nan))]
        if missing:
            return f"{listed(missing)} is not known; known: {listed(trial.metrics)}"
        return replace(
            trial,
            losses=losses(goals, metrics),
            violation=violation(goals, metrics),
            metrics=metrics,
        )

    def _protocols(self, archive: Archive, trial: Trial) -> Protocols:
        measured = {o.metric for o in self.parts.objectives if isinstance(o, MeasuredObjective)}
        found = archive.measurements(trial.id)
        return {metric: m.protocol for metric, m in found.items() if metric in measured}


def _opened(path: str, own: Path) -> Archive:
    try:
        return Archive(path or own)
    except ArchiveError as error:
        raise ArchiveError(f"warm_start: {error}") from None


def _space(components: Sequence[ComponentRecord]) -> str:
    """Return what makes a space the same: its name and parameters."""
    space = next(component for component in components if component.role == "space")
    return f"{space.name} {to_json(space.parameters, sort_keys=True)}"
