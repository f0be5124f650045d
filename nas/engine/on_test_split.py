"""What found networks are worth on the test split, which no search has seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.abstract.dataset import Dataset, Split, fingerprint
from nas.archive import Archive
from nas.archive.testbook import OnSplit, TestBook
from nas.config import Config
from nas.engine.archived import alone, archived_config
from nas.engine.assembly import assemble
from nas.errors import DatasetError, NonFiniteError, PluginError, StudyError
from nas.estimates import Estimate, OverSeeds, estimate
from nas.executors.evaluators import Evaluators
from nas.plugins import PluginFile
from nas.study import Study
from nas.trial import Trial

if TYPE_CHECKING:
    import torch

_SAME, _FLIPPED = 0.01, 2
"""What another device can change of a validation metric: its value relatively, so many samples."""


@dataclass(frozen=True)
class Tested:
    """What one network achieved on the test split.

    Args:
        trial: whose network it is.
        study: of the trial.
        metrics: by name, with their 95 % confidence intervals.
        validation: the same metrics on the validation part, computed now.
        changed: those of ``validation`` that are not what the trial's record says, beyond what
            rounding explains: then data or code have changed since.
        networks: trials of the archive that have been tested on this split by now.
    """

    trial: Trial
    study: Study
    metrics: Mapping[str, Estimate]
    validation: Mapping[str, float]
    changed: tuple[str, ...]
    networks: int


def evaluate_on_test(
    archive: str | Path,
    trial_ids: Sequence[int],
    *,
    plugins: Sequence[str | Path] = (),
    trust: bool = False,
) -> list[Tested]:
    """Return what archived networks achieve on the test split of their study's data.

    The test split is for the last word on a few networks. Whoever tests many and takes the best has
    chosen by it, and its metric is then as optimistic as that of validation; so the archive counts
    how many there were (table ``tests``). Nothing that searches reads it.

    Args:
        archive: path of the archive.
        trial_ids: of trials whose weights are kept.
        plugins: plugin files, as the studies were searched with.
        trust: call functions that the archived configs name (the data set ``factory``).

    Raises:
        ArchiveError: no such trial, it has no weights, or the archive cannot be written.
        DatasetError: the data set has no test split.
        StudyError: the evaluator does not tell metrics by sample, or the study has no data; or it
            needs a plugin file or ``trust``.
    """
    benches: dict[int, _Bench] = {}
    seen: list[tuple[Trial, Study, OnSplit, Mapping[str, float]]] = []
    with TestBook(archive) as book, Archive(archive) as opened:
        for id_ in dict.fromkeys(trial_ids):
            trial, study = opened.trial(id_), opened.study(opened.details(id_).study)
            if study.id not in benches:
                config = archived_config(opened, study, plugins, trust=trust)
                benches[study.id] = _Bench(config, trial, plugins)
            bench = benches[study.id]
            network = opened.load_model(id_, plugins=bench.parts.plugins)
            on_split = OnSplit(id_, bench.fingerprint, bench.on_test(trial, network))
            seen.append((trial, study, on_split, bench.on_validation(trial, network)))
        tested = book.add([on_split for _, _, on_split, _ in seen])
    return [
        Tested(
            trial,
            study,
            one.metrics,
            validation,
            benches[study.id].changed(trial, validation),
            tested[one.data],
        )
        for trial, study, one, validation in seen
    ]


def over_seeds_of(
    tested: Sequence[Tested],
) -> dict[tuple[str, tuple[int, ...]], dict[str, OverSeeds]]:
    """Return the metrics of those architectures that several trials of a study have trained.

    By name of the study and ids of these trials.
    """
    groups: dict[object, list[Tested]] = {}
    for one in tested:
        groups.setdefault((one.study.id, one.trial.architecture), []).append(one)
    return {
        (group[0].study.name, tuple(one.trial.id for one in group)): {
            name: OverSeeds.of([one.metrics[name].value for one in group])
            for name in group[0].metrics
        }
        for group in groups.values()
        if len(group) > 1
    }


class _Bench:
    """Where the networks of a study are tested.

    Args:
        config: of the study.
        trial: any of its trials.
        files: plugin files.

    Attributes:
        parts: what its evaluations are made of.
        fingerprint: of the test split.

    Raises:
        DatasetError: the data set has no test split.
        StudyError: the study has no data.
    """

    def __init__(self, config: Config, trial: Trial, files: Sequence[str | Path]) -> None:
        self._config = config
        known = [PluginFile.read(path) for path in files]
        self.parts = assemble(Config.parse(alone(config, trial)), known)
        if config.data is None or self.parts.data is None:
            raise StudyError(f"study {config.study!r} has no data, so no test split")
        self._validation = self.parts.data.validation
        dataset: Dataset = self.parts.plugins.build(
            "dataset", config.data.name, **config.data.parameters
        )
        try:
            self._test = dataset.test_split()
        except DatasetError as error:
            raise DatasetError(
                f"the data set {config.data.name!r} of study {config.study!r}: {error}"
            ) from None
        self.fingerprint = fingerprint([self._test])
        setup = self.parts.setup
        self._evaluators = Evaluators(self.parts.plugins, setup.evaluator, self.parts.space)

    def on_test(self, trial: Trial, network: torch.nn.Module) -> dict[str, Estimate]:
        """Return what a network achieves on the test split."""
        found = self._of_samples(trial, network, self._test)
        return {name: estimate(values) for name, values in found.items()}

    def on_validation(self, trial: Trial, network: torch.nn.Module) -> dict[str, float]:
        """Return what a network achieves on the validation part."""
        found = self._of_samples(trial, network, self._validation)
        return {name: float(values.mean()) for name, values in found.items()}

    def changed(self, trial: Trial, validation: Mapping[str, float]) -> tuple[str, ...]:
        """Return the metrics of the validation part that are no longer what they were."""
        flipped = _FLIPPED / len(self._validation)
        return tuple(
            name
            for name, now in validation.items()
            if name in trial.metrics
            and not math.isclose(now, trial.metrics[name], rel_tol=_SAME, abs_tol=flipped)
        )

    def _of_samples(
        self, trial: Trial, network: torch.nn.Module, samples: Split
    ) -> dict[str, NDArray[np.float64]]:
        evaluator = self._evaluators.of(self.parts.space.architecture(trial.architecture))
        name = self._config.evaluator.name
        found = {
            metric: np.asarray(values, dtype=np.float64)
            for metric, values in evaluator.examine(network, samples).items()
        }
        if not found:
            raise StudyError(
                f"the evaluator {name!r} of study {self._config.study!r} tells no metric sample by "
                "sample, so there is nothing to test: it lacks the method "
                "examine(network, samples), see docs/plugins.md"
            )
        for metric, values in found.items():
            if values.shape != (len(samples),):
                raise PluginError(
                    f"evaluator {name!r}: examine returned {metric} in the shape {values.shape}; "
                    f"expected one value for each sample, {(len(samples),)}"
                )
            if not np.isfinite(values).all():
                where = int(np.flatnonzero(~np.isfinite(values))[0])
                raise NonFiniteError(f"{metric} of sample {where} is {values[where]}")
        return found
