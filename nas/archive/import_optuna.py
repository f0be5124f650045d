"""Trials from an Optuna study: parameters are decisions, values objectives."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nas.architecture import Architecture, Value
from nas.archive.importing import Home, Imported, Source, add_study, goals_of, home_of, problems
from nas.archive.record import Record
from nas.errors import ArchiveError, ConfigError, SpaceError
from nas.goals import Goal, losses
from nas.suggest import did_you_mean, listed
from nas.trial import CurvePoint, Failure, Status, Trial

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from nas.plugins import Plugins

_SQLITE = "sqlite:///"
_MAGIC = b"SQLite format 3\0"
_STATES = {"COMPLETE": Status.COMPLETE, "PRUNED": Status.STOPPED, "FAIL": Status.FAILED}
"""The others have not ended."""


def import_optuna(
    archive: str | Path,
    storage: str | Path,
    optuna_study: str,
    *,
    objectives: Sequence[str] = (),
    space: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    like: str | None = None,
    study: str | None = None,
    mapping: Mapping[str, str] | None = None,
    ignore: Collection[str] = (),
    skip_others: bool = False,
    plugins: Plugins | None = None,
) -> Imported:
    """Import an Optuna study as a new study: all of its trials, or none.

    Trials that are running or waiting are left out. What was pruned is stopped; constraints that
    were broken make a trial infeasible; intermediate values are the learning curve of the first
    objective; user attributes that are numbers are metrics. Parameters of decisions that are not
    active do not matter.

    Args:
        archive: path of the archive; it is created if it is not there.
        storage: URL such as ``sqlite:///optuna.db``, or path of an SQLite or journal file.
        optuna_study: name of the study there.
        objectives: what its values are called, in order; by default its ``metric_names``.
        space: name of the space.
        parameters: of the space.
        like: name of a study of the archive, instead of ``space``: theirs is the same.
        study: what to call it; by default, as it is called there.
        mapping: decisions by parameter, where their names differ.
        ignore: parameters that decide nothing about the network.
        skip_others: leave out trials that are not in the space, instead of refusing all.
        plugins: those that offer the space; by default, the installed ones.

    Raises:
        ArchiveError: there is no such study, a trial is not in the space, or there is a study of
            that name.
        ComponentError: there is no such space, or not with these parameters.
        ConfigError: the options do not fit each other, or the study.
    """
    home = home_of(archive, space, parameters, like, plugins)
    found, source = _load(storage, optuna_study)
    goals = _goals(found, objectives, home)
    trials = found.get_trials(deepcopy=False)
    names = _Names(home, dict(mapping or {}), frozenset(ignore))
    names.check({name for trial in trials for name in trial.params})
    ended = [trial for trial in trials if trial.state.name in _STATES]
    records: list[Record] = []
    wrong: list[str] = []
    for trial in ended:
        try:
            records.append(_record(names, goals, trial))
        except (SpaceError, ValueError) as error:
            wrong.append(f"trial {trial.number}: {error}")
    if wrong and not skip_others:
        raise problems(f"study {optuna_study!r}", len(ended), "trials", wrong)
    made, front = add_study(archive, study or optuna_study, home, goals, source, records)
    counts = Counter(record.trial.status for record in records)
    return Imported(made, dict(counts), front, len(trials) - len(records), _unused(ended))


def _load(storage: str | Path, name: str) -> tuple[optuna.Study, Source]:
    try:
        import optuna
    except ImportError:
        raise ConfigError("Optuna is not installed: pip install 'plugnas[optuna]'") from None
    text = str(storage)
    about, opened = _opened(text)
    try:
        names = optuna.get_all_study_names(opened)
        if name not in names:
            hint = did_you_mean(name, names)
            raise ArchiveError(
                f"{about['storage']!r} has no study {name!r}.{hint} Studies: {listed(names)}."
            )
        found = optuna.load_study(study_name=name, storage=opened)
    except ArchiveError:
        raise
    except Exception as error:  # whatever the storage's driver raises
        raise ArchiveError(f"{about['storage']!r} cannot be read by Optuna: {error}") from error
    digest = f" (sha256 {about['sha256']})" if "sha256" in about else ""
    words = f"Optuna study {name!r} in {about['storage']}{digest}, Optuna {optuna.__version__}"
    return found, Source("optuna", words, {**about, "study": name}, "optuna", optuna.__version__)


def _opened(storage: str) -> tuple[dict[str, str], Any]:
    """Return what is said of a storage, and what Optuna opens it by. No file is created."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if "://" in storage and not storage.startswith(_SQLITE):
        return {"storage": _without_password(storage)}, storage
    path = Path(storage.removeprefix(_SQLITE))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"Optuna storage {storage!r} cannot be read: {error.strerror}") from None
    about = {"storage": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    if content.startswith(_MAGIC):
        _check_optunas(path)
        return about, f"{_SQLITE}{path}"
    return about, JournalStorage(JournalFileBackend(str(path)))


def _check_optunas(path: Path) -> None:
    """Raise unless an SQLite file is Optuna's, which would otherwise add its tables to it."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM sqlite_master WHERE name IN ('studies', 'trial_params')"
        if connection.execute(sql).fetchone() != (2,):
            raise ArchiveError(f"{str(path)!r} is no Optuna storage: an SQLite file of others")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _goals(found: optuna.Study, objectives: Sequence[str], home: Home) -> tuple[Goal, ...]:
    """Return the objectives, with the directions that they have there."""
    names = list(objectives) or list(found.metric_names or ())
    directions = [direction.name.lower() for direction in found.directions]
    if len(names) != len(directions):
        raise ConfigError(
            f"study {found.study_name!r} has {len(directions)} values for each trial "
            f"({', '.join(directions)}), and {len(names)} names: name each in order with "
            "--objective"
        )
    given = [
        name if ":" in name else f"{name}:{direction}"
        for name, direction in zip(names, directions, strict=True)
    ]
    goals = goals_of(given, home.plugins)
    for goal, direction in zip(goals, directions, strict=True):
        if goal.direction != direction:
            raise ConfigError(
                f"--objective {goal.metric}: study {found.study_name!r} was to {direction} it"
            )
    return goals


@dataclass(frozen=True)
class _Names:
    """Which parameter is which decision."""

    home: Home
    mapping: Mapping[str, str]
    ignored: frozenset[str]

    def check(self, params: Collection[str]) -> None:
        """Raise ``ConfigError`` for what is named and not there."""
        decisions = [d.name for d in self.home.space.tree.decisions]
        for decision in self.mapping.values():
            if decision not in decisions:
                hint = did_you_mean(decision, decisions)
                raise ConfigError(f"--map: the space has no decision {decision!r}.{hint}")
        for name in (*self.mapping, *self.ignored):
            if name not in params:
                hint = did_you_mean(name, params)
                raise ConfigError(
                    f"no trial has a parameter {name!r}.{hint} Parameters: {listed(params)}"
                )

    def architecture(self, params: Mapping[str, Any]) -> Architecture:
        """Return what parameters decide. Raises ``SpaceError``."""
        given = {self.mapping.get(k, k): v for k, v in params.items() if k not in self.ignored}
        decisions = [d.name for d in self.home.space.tree.decisions]
        for name in given:
            if name not in decisions:
                hint = did_you_mean(name, decisions)
                raise SpaceError(
                    f"parameter {name!r} is no decision of the space.{hint} Say which one it is "
                    f"with --map {name}=DECISION, or that it is none with --ignore {name}"
                )
        return self.home.decided(given, _value_of)


def _value_of(values: tuple[Value, ...], given: Any) -> Value | None:
    """Return the value that a parameter has; True is not 1."""
    same = (v for v in values if v == given and isinstance(v, bool) == isinstance(given, bool))
    return next(same, None)


def _record(names: _Names, goals: tuple[Goal, ...], trial: FrozenTrial) -> Record:
    space, status = names.home.space, _STATES[trial.state.name]
    architecture = names.architecture(trial.params)
    metrics = dict(_attributes(trial, goals))
    if status is Status.COMPLETE:
        values = dict(zip((goal.metric for goal in goals), trial.values, strict=True))
        bad = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
        if bad:
            raise ValueError(f"{bad[0]}, which is no finite number")
        metrics = {**values, **metrics}
    curve = tuple(_curve(goals[0].metric, trial))
    began = trial.datetime_start
    made = Trial(
        trial.number,
        architecture,
        status,
        losses(goals, metrics) if status is Status.COMPLETE else (),
        sum(max(0.0, value) for value in (trial.constraints or {}).values()),
        metrics,
        budget=curve[-1].step if curve else None,
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
    )
    if status is Status.FAILED:
        reason = str(trial.system_attrs.get("fail_reason", "failed, Optuna does not say why"))
        made = replace(made, failure=Failure("error", reason))
    return Record(
        made,
        space.canonical_id(architecture),
        space.format(architecture),
        curve,
        started=began.timestamp() if began else 0.0,
    )


def _attributes(trial: FrozenTrial, goals: Sequence[Goal]) -> Iterator[tuple[str, float]]:
    taken = {goal.metric for goal in goals}
    for name, value in trial.user_attrs.items():
        if _is_number(value) and name not in taken:
            yield name, float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _curve(metric: str, trial: FrozenTrial) -> Iterator[CurvePoint]:
    for step, value in sorted(trial.intermediate_values.items()):
        yield CurvePoint(int(step), {metric: float(value)})


def _unused(trials: Sequence[FrozenTrial]) -> tuple[str, ...]:
    """Return the user attributes that are no numbers anywhere."""
    attrs = {name for t in trials for name in t.user_attrs}
    numbers = {name for t in trials for name, value in t.user_attrs.items() if _is_number(value)}
    return tuple(sorted(attrs - numbers))
