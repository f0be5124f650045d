"""A found architecture, trained at full length and with several seeds: a study of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.archive import Archive
from nas.config import Config
from nas.engine.archived import alone, archived_config
from nas.engine.progress import Observer
from nas.engine.search import Result, search
from nas.errors import ConfigError, StudyError
from nas.estimates import OverSeeds
from nas.executors.evaluators import build_evaluator
from nas.plugins import PluginFile, Plugins
from nas.suggest import listed
from nas.trial import Status, Trial

MAY_CHANGE = ("evaluator", "limits", "run", "stop")
"""Tables of the search's config of which a training may have other values."""
WINDOW = 64
"""None of the trainings waits for another; so many can run at once."""
_SNAPSHOTS = "checkpoint_every"
"""Parameter of evaluators that keep snapshots of a training."""


@dataclass(frozen=True)
class Retrained:
    """How the trainings of a found architecture ended; everything else is in the archive.

    Args:
        result: of the study that holds them.
        original: the trial that they stem from.
        trials: those that are complete, by number.
    """

    result: Result
    original: Trial
    trials: tuple[Trial, ...]

    @property
    def over_seeds(self) -> dict[str, OverSeeds]:
        """Each metric of the complete trials."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.metrics)
        known = {
            name: [t.metrics[name] for t in self.trials if name in t.metrics] for name in names
        }
        return {name: OverSeeds.of(values) for name, values in known.items()}


def train_again(
    archive: str | Path,
    trial_id: int,
    *,
    epochs: int | None = None,
    seeds: int = 1,
    study: str | None = None,
    overrides: Iterable[str] = (),
    address: str | None = None,
    plugins: Sequence[str | Path] = (),
    observer: Observer | None = None,
    log: str | Path | None = None,
    trust: bool = False,
) -> Retrained:
    """Train the architecture of a trial from scratch, with the evaluator and data of its study.

    It is a search of its own in the same archive, with one architecture: it runs on the same
    executors, goes on when it is called again, and keeps the weights of each training. Its trials
    stem from the given one (lineage). They are trained and validated on the same parts of the data
    as the search's, so what they say of each other is a fair comparison; the test split is for
    ``evaluate_on_test``.

    Args:
        archive: path of the archive.
        trial_id: of the trial.
        epochs: the evaluator's parameter of that name; by default as it was.
        seeds: how many trainings. When it is called again, those that are there count.
        study: name of the new study; by default ``STUDY-train-ID``.
        overrides: such as ``evaluator.lr=0.01``; of ``evaluator``, ``limits``, ``run`` and ``stop``
            only. A time-out of the search is not taken over.
        address: of a Ray cluster, instead of the config's.
        plugins: plugin files, as the study was searched with.
        observer: is told how it gets on.
        log: file to which every event is appended, one JSON object a line.
        trust: call functions that the archived config names (the data set ``factory``).

    Raises:
        ConfigError: an override of what may not change, or that the evaluator does not know.
        StudyError: there is nothing to train, or it needs a plugin file or ``trust``; or the
            archive has a study of that name with another config.
        NASError: as ``search``.
    """
    if seeds < 1:
        raise ConfigError(f"seeds must be at least 1, not {seeds!r}")
    assignments = list(overrides)
    _check(assignments)
    if epochs is not None:
        assignments.insert(0, f"evaluator.epochs={epochs}")
    with Archive(archive) as opened:
        original = opened.trial(trial_id)
        found = opened.study(opened.details(trial_id).study)
        config = archived_config(opened, found, plugins, trust=trust)
        loaded = Plugins([PluginFile.read(path) for path in plugins])
        if original.status is Status.INFEASIBLE:
            raise StudyError(
                f"trial {trial_id} breaks a bound of study {found.name!r}, so it was not evaluated "
                "and would not be again"
            )
        _check_evaluated(opened, config, loaded)
    name = study if study is not None else f"{found.name}-train-{trial_id}"
    wanted = _changed(config, original, name, seeds, assignments, loaded)
    result = search(wanted, archive, address=address, plugins=plugins, observer=observer, log=log)
    done = tuple(trial for trial in result.trials if trial.status is Status.COMPLETE)
    return Retrained(result, original, done)


def _check(assignments: Iterable[str]) -> None:
    for assignment in assignments:
        table, dot, key = assignment.partition("=")[0].partition(".")
        names = (table.strip(), key.strip())
        if names[0] not in MAY_CHANGE or not dot or names == ("evaluator", "name"):
            raise ConfigError(
                f"--set {assignment!r}: an architecture is trained as it was searched; only "
                f"parameters of {listed(MAY_CHANGE)} may change, such as evaluator.lr=0.01"
            )


def _check_evaluated(archive: Archive, config: Config, plugins: Plugins) -> None:
    """Raise ``StudyError`` where nothing is trained."""
    if config.simulated:
        raise StudyError(f"study {config.study!r} is simulated: there is nothing to train")
    evaluator = build_evaluator(plugins, config.evaluator.name, config.evaluator.parameters)
    if evaluator.known(archive.space(config.study, plugins=plugins)) is not None:
        raise StudyError(
            f"study {config.study!r} looks its results up ({config.evaluator.name}): there is "
            "nothing to train"
        )


def _changed(
    config: Config,
    original: Trial,
    name: str,
    seeds: int,
    assignments: Sequence[str],
    plugins: Plugins,
) -> Config:
    """Return the config of the new study."""
    known = plugins.registry("evaluator").signature(config.evaluator.name).parameters
    plain = alone(
        config, original, study=name, weights="all", window=WINDOW, stop={"trials": seeds}
    )
    evaluator = plain["evaluator"]
    if _SNAPSHOTS in known and evaluator.get(_SNAPSHOTS) is None:
        plain["evaluator"] = {**evaluator, _SNAPSHOTS: 1}
    return Config.parse(plain, source=f"the training of trial {original.id}").changed(assignments)
