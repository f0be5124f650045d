"""Trials from elsewhere as a study of an archive: all of them, or none.

An imported study is like any other to readers: it has a front, can be ranked and compared, and can
warm-start a search. Its component of role ``import`` says where it is from. It cannot go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nas.architecture import Architecture, Value, digest
from nas.archive import insert
from nas.archive.fronts import StudyFront
from nas.archive.objectives import DIRECTIONS, offered_goals
from nas.archive.opening import open_for_writing
from nas.archive.reader import Archive
from nas.archive.record import ComponentRecord, Record
from nas.archive.rows import find_study
from nas.archive.studies import create_study, set_status
from nas.archive.transactions import Transactions
from nas.components import HYPER
from nas.errors import ArchiveError, ConfigError, SpaceError
from nas.goals import Goal
from nas.plugins import OURS
from nas.study import Study
from nas.suggest import did_you_mean, listed
from nas.trial import Status

if TYPE_CHECKING:
    from nas.abstract.space import Space
    from nas.plugins import Plugins

ROLE = "import"
"""Of the component that says where a study is from."""
SHOWN = 5
"""Bad rows that an error names one by one."""

Given = TypeVar("Given")


@dataclass(frozen=True)
class Imported:
    """What has been imported.

    Args:
        study: as it is archived.
        trials: how many there are of each status.
        front: how many are on its front.
        skipped: how many were left out: they had not ended, or were not in the space.
        unused: what else there was and has not been taken: columns, attributes.
    """

    study: Study
    trials: Mapping[Status, int]
    front: int
    skipped: int
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Home:
    """The space that trials are imported into, and where that is noted.

    Args:
        space: the space.
        component: its provenance.
        plugins: those that offer it.
    """

    space: Space
    component: ComponentRecord
    plugins: Plugins

    def decided(
        self,
        given: Mapping[str, Given],
        value_of: Callable[[tuple[Value, ...], Given], Value | None],
    ) -> Architecture:
        """Return the member whose active decisions are as given; inactive ones may be anything.

        Args:
            given: a value for each decision that is active.
            value_of: returns which of a decision's values somebody means, or None.

        Raises:
            SpaceError: a decision is missing, or is set to nothing that it could be.
        """
        tree, point = self.space.tree, dict[str, int]()
        values: dict[str, Value] = {}
        for i, decision in enumerate(tree.decisions):
            if not tree.active(i, point):
                continue
            if decision.name not in given:
                raise SpaceError(f"decision {decision.name!r} is missing")
            value = value_of(decision.values, given[decision.name])
            if value is None:
                known = list(map(str, decision.values))
                hint = did_you_mean(str(given[decision.name]), known)
                raise SpaceError(
                    f"decision {decision.name!r} cannot be {given[decision.name]!r}.{hint} "
                    f"It is one of {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
                )
            values[decision.name], point[decision.name] = value, decision.values.index(value)
        return self.space.architecture(values)


def home_of(
    archive: str | Path,
    space: str | None,
    parameters: Mapping[str, Any] | None,
    like: str | None,
    plugins: Plugins | None,
) -> Home:
    """Return the space by name and parameters, or that of a study of the archive.

    Raises:
        ArchiveError: there is no such study.
        ComponentError: there is no such space, or not with these parameters.
        ConfigError: neither or both are given.
    """
    from nas.plugins import Plugins

    known = plugins or Plugins()
    if (space is None) == (like is None):
        raise ConfigError("say which space: --space NAME, or --like STUDY of the same archive")
    if like is not None:
        if parameters:
            raise ConfigError("--like takes a study's space as it is; leave out --set")
        with Archive(archive) as opened:
            component = next(c for c in opened.components(like) if c.role == "space")
    else:
        assert space is not None
        found = known.registry("space").find(space)
        given = dict(parameters or {})
        component = ComponentRecord(
            "space", found.full_name, given, found.distribution, found.version
        )
    built: Space = known.build("space", component.name, **component.parameters)
    return Home(built, component, known)


def goals_of(objectives: Sequence[str], plugins: Plugins) -> tuple[Goal, ...]:
    """Return the objectives of texts ``NAME``, ``NAME:min`` or ``NAME:max``, as plugins know them.

    Raises:
        ConfigError: there is none, one is named twice, or nobody knows which way it is better.
    """
    offered = offered_goals(plugins)
    goals: list[Goal] = []
    for text in objectives:
        name, _, ending = text.partition(":")
        known = offered.get(name)
        if ending and ending not in DIRECTIONS:
            hint = did_you_mean(ending, DIRECTIONS)
            raise ConfigError(f"--objective {text!r}: write {name}:min or {name}:max.{hint}")
        if not ending and known is None:
            raise ConfigError(
                f"--objective {text!r}: no plugin offers it, so nobody knows which way it is "
                f"better: write {name}:min or {name}:max"
            )
        direction = DIRECTIONS[ending] if ending or known is None else known.direction
        goals.append(Goal(name, direction, known.unit if known else ""))
    names = [goal.metric for goal in goals]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ConfigError(f"name each objective once, and at least one: not {listed(names)}")
    return tuple(goals)


@dataclass(frozen=True)
class Source:
    """Where trials are from.

    Args:
        kind: ``csv`` or ``optuna``.
        words: what they are from, such as ``runs.csv (sha256 9f86d081884c)``.
        about: plain JSON values that tell it again.
        distribution, version: what has read them; by default, this one.
    """

    kind: str
    words: str
    about: Mapping[str, Any]
    distribution: str = OURS
    version: str = ""


def problems(source: str, total: int, what: str, found: Sequence[str]) -> ArchiveError:
    """Return the error that names the first of those that cannot be imported."""
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ArchiveError(
        f"{source}: {len(found)} of {total} {what} cannot be imported, so none was: "
        f"{'; '.join(found[:SHOWN])}{more}"
    )


def add_study(
    archive: str | Path,
    name: str,
    home: Home,
    goals: tuple[Goal, ...],
    source: Source,
    records: Sequence[Record],
) -> tuple[Study, int]:
    """Write a study that has ended, in one transaction.

    Returns:
        The study, and how many of its trials are on the front.

    Raises:
        ArchiveError: there is a study of that name; nothing has been written then.
    """
    path = Path(archive)
    study = _study(name, str(archive), home, goals, source, len(records))
    by = source.version or version(source.distribution)
    said = ComponentRecord(ROLE, source.kind, source.about, source.distribution, by)
    components = [home.component, said]
    connection = open_for_writing(path)
    try:
        with Transactions(path, connection).begin():
            if connection.execute("SELECT 1 FROM studies WHERE name = ?", (name,)).fetchone():
                raise ArchiveError(
                    f"{str(archive)!r} has a study {name!r} already; give this one another name"
                )
            space = insert.insert_space(connection, components)
            id_ = create_study(connection, study, space)
            insert.insert_components(connection, id_, components)
            archived = find_study(connection, name, str(archive))
            trials = [
                record.trial.archived_as(row)
                for row, record in zip(
                    insert.make_room(connection, archived, records), records, strict=True
                )
            ]
            insert.insert_records(connection, archived, space, records, trials)
            front = StudyFront([])
            front.add(trials)
            connection.executemany(
                "INSERT INTO front (trial, study) VALUES (?, ?)", [(t, id_) for t in front.entered]
            )
            set_status(connection, archived, "finished", f"imported from {source.words}")
    finally:
        connection.close()
    return archived, len(front.entered)


def _study(
    name: str, archive: str, home: Home, goals: tuple[Goal, ...], source: Source, trials: int
) -> Study:
    """Return the study; its config has the form of one that was searched."""
    from nas.config import Config

    parameters = dict(home.component.parameters)
    hyper = parameters.pop(HYPER, {})
    config = Config.parse(
        {
            "study": name,
            "objectives": [goal.metric for goal in goals],
            "space": {"name": home.component.name, **parameters},
            "hyper": hyper,
            "evaluator": {"name": "imported", "source": source.words},
            "strategy": "imported",
            "stop": {"trials": max(1, trials)},
        },
        source="the import",
    )
    return Study(
        name, archive, goals, config.to_dict(), 0, 1, digest(f"imported from {source.words}")
    )


def imported_from(components: Sequence[ComponentRecord]) -> ComponentRecord | None:
    """Return where a study was imported from; None if it was searched."""
    return next((c for c in components if c.role == ROLE), None)
