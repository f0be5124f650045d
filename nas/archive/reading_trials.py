"""Asking for trials: those somebody means, the best of them, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from nas.archive import rows
from nas.archive.budgets import curves_of, front_at
from nas.archive.comparing import Compared, Volume, compared, in_own_units, trials_on_front
from nas.archive.filters import Filter
from nas.archive.frames import columns_of_trials, to_arrow, to_pandas
from nas.archive.objectives import common_goals, goals_of, offered_goals
from nas.archive.progress import History, Progress, progress_of
from nas.archive.reading import Reading
from nas.errors import ArchiveError
from nas.goals import Goal
from nas.study import Study
from nas.suggest import listed
from nas.trial import CurvePoint, Status, Trial

if TYPE_CHECKING:
    from nas.plugins import Plugins

Studies = Study | str | None | Sequence[Study | str]
"""One study or several; None is the one that was last written to."""
Objectives = Sequence[str | Goal] | None
"""Metrics, ``metric:min`` or ``metric:max``, or goals; None for those of the studies."""


class ReadingTrials(Reading):
    """A reader of trials. All of an archive's studies are ``archive.studies()``.

    Wherever there is a ``where``, it is an SQL expression over the columns of ``trials_wide``, such
    as ``error < 0.05 AND params < 1e5``. It can read the archive and do nothing else; it is stopped
    after half a minute.
    """

    def trials(
        self,
        study: Studies = None,
        *,
        status: Status | str | None = None,
        where: str | None = None,
        order_by: str | None = None,
        limit: int | None = None,
    ) -> list[Trial]:
        """Return trials of one or several studies.

        Args:
            study: which ones.
            status: of that one only.
            where: for which it is true only.
            order_by: SQL terms such as ``latency DESC, error``, what has no value last; by default
                by study and number.
            limit: the first so many of these.

        Raises:
            ArchiveError: an expression is none, or names what is no column, with the nearest.
        """
        if status is not None and status not in list(Status):
            raise ArchiveError(f"no status {status!r}; a trial is one of: {listed(Status)}")
        wanted = None if status is None else Status(status)
        meant = Filter(where, order_by, limit)
        with self._studies(study) as (connection, found):
            if not meant and len(found) == 1:
                return list(rows.trials_of(connection, found[0], status=wanted, limit=limit))
            ids = meant.ids(self.path, found, wanted)
            trials = rows.trials_by_id(connection, {one.id: one.goals for one in found}, ids)
        by_id = {trial.id: trial for trial in trials}
        return [by_id[id_] for id_ in ids if id_ in by_id]

    def trials_by_id(
        self, ids: Sequence[int], *, goals: Sequence[Goal] | None = None
    ) -> list[Trial]:
        """Return the trials of these ids, in their order, of any studies; each must be there.

        Args:
            ids: of trials.
            goals: what their ``losses`` are in; by default the objectives of their studies.
        """
        with self._reading() as connection:
            studies = [rows.study_of(row, str(self.path)) for row in connection.execute(rows.STUDY)]
            known = {one.id: one.goals if goals is None else tuple(goals) for one in studies}
            found = {trial.id: trial for trial in rows.trials_by_id(connection, known, ids)}
        if missing := [id_ for id_ in ids if id_ not in found]:
            raise ArchiveError(f"no trial {missing[0]} in {str(self.path)!r}")
        return [found[id_] for id_ in ids]

    def front(
        self,
        study: Studies = None,
        *,
        objectives: Objectives = None,
        where: str | None = None,
        budget: int | None = None,
        plugins: Plugins | None = None,
    ) -> list[Trial]:
        """Return the trials that no other one dominates, by first objective.

        That of one study and its own objectives is stored; any other is computed from what is
        archived, see ``compared``.

        Args:
            study: which one, or several in one space.
            objectives: what to compare by. With these, ``losses`` of the trials are in them.
            where: compare those trials only for which it is true.
            budget: compare all trials of one study that have come as far, whatever became of them,
                by what they had achieved there: such a trial's ``metrics``, ``losses``,
                ``violation`` and ``budget`` are those. None compares the complete ones.
            plugins: those whose objectives may be meant.

        Raises:
            ArchiveError: the studies cannot be compared, nobody knows such an objective, or no
                trial has a value of some objective at that budget.
            ComponentError: no plugin offers an objective of the study.
        """
        if budget is not None:
            return self._front_at(study, objectives, where, budget, plugins)
        with self._studies(study) as (connection, found):
            if objectives is None and where is None and len(found) == 1:
                return rows.front_of(connection, found[0])
            points = self._compared(connection, found, objectives, where, plugins)
            return trials_on_front(connection, points)

    def compared(
        self,
        study: Studies = None,
        *,
        objectives: Objectives = None,
        where: str | None = None,
        plugins: Plugins | None = None,
    ) -> Compared:
        """Return the trials that can be compared by some objectives, with front, knee and volume.

        Args:
            study: which one, or several in one space.
            objectives: what to compare by. A direction is that of these studies, or else of
                another study, or else of an objective that plugins offer.
            where: those only for which it is true.
            plugins: those whose objectives may be meant.

        Raises:
            ArchiveError: the studies are in different spaces, have other objectives and none are
                named, were measured in different ways, or nobody knows such an objective.
        """
        with self._studies(study) as (connection, found):
            return self._compared(connection, found, objectives, where, plugins)

    def hypervolume(
        self,
        study: Studies = None,
        *,
        objectives: Objectives = None,
        where: str | None = None,
        reference: Mapping[str, float] | None = None,
        plugins: Plugins | None = None,
    ) -> Volume:
        """Return the hypervolume that a front dominates, raw and as a share.

        Args:
            study, objectives, where, plugins: as of ``front``.
            reference: a value of each objective, in its own unit, up to which the volume is taken;
                by default a tenth of the front's extent beyond its worst values.

        Raises:
            ArchiveError: as ``front``; or the front is empty and there is no reference.
        """
        points = self.compared(study, objectives=objectives, where=where, plugins=plugins)
        return points.volume(reference)

    def hypervolume_history(
        self,
        study: Study | str | None = None,
        *,
        objectives: Objectives = None,
        reference: Mapping[str, float] | None = None,
        plugins: Plugins | None = None,
    ) -> History:
        """Return the hypervolume of a study after each of its evaluated trials.

        Args and errors are those of ``hypervolume``; the default reference is that of the last
        front.
        """
        with self._study(study) as (connection, found):
            points = self._compared(connection, [found], objectives, None, plugins)
            done = progress_of(connection, found, points.goals)
        limits = points.reference(reference)
        named = in_own_units(points.goals, limits)
        return History(done.numbers, done.seconds, done.worth(limits), named)

    def progress(
        self,
        study: Study | str | None = None,
        *,
        objectives: Objectives = None,
        plugins: Plugins | None = None,
    ) -> Progress:
        """Return what a study's evaluated trials achieved and cost, in columns, by number."""
        with self._study(study) as (connection, found):
            goals = self._goals(connection, [found], objectives, plugins)
            return progress_of(connection, found, goals)

    def curves(self, study: Studies = None) -> dict[int, tuple[CurvePoint, ...]]:
        """Return the learning curves of the trials of studies, by id, of those that have one."""
        with self._studies(study) as (connection, found):
            all_curves = [curves_of(connection, one) for one in found]
        return {id_: curve for curves in all_curves for id_, curve in curves.items()}

    def to_pandas(
        self, study: Studies = None, *, where: str | None = None, order_by: str | None = None
    ) -> Any:
        """Return trials as a ``pandas.DataFrame``: a row a trial, flat columns.

        They are those of the view ``trials_wide``, with a column a metric, and ``decision_NAME``
        for each decision.

        Raises:
            ArchiveError: as ``trials``; or pandas is not installed (extra ``pandas``).
        """
        return to_pandas(self._columns(study, where, order_by))

    def to_arrow(
        self, study: Studies = None, *, where: str | None = None, order_by: str | None = None
    ) -> Any:
        """Return trials as a ``pyarrow.Table``, with the columns of ``to_pandas``.

        Raises:
            ArchiveError: as ``trials``; or pyarrow is not installed (extra ``parquet``).
        """
        return to_arrow(self._columns(study, where, order_by))

    def _columns(
        self, study: Studies, where: str | None, order_by: str | None
    ) -> dict[str, list[Any]]:
        with self._studies(study) as (_, found):
            ids = Filter(where, order_by).ids(self.path, found)
        return columns_of_trials(self.path, ids)

    def _compared(
        self,
        connection: Connection,
        studies: Sequence[Study],
        objectives: Objectives,
        where: str | None,
        plugins: Plugins | None,
    ) -> Compared:
        goals = self._goals(connection, studies, objectives, plugins)
        only = None if where is None else Filter(where).ids(self.path, studies, Status.COMPLETE)
        return compared(connection, studies, goals, only)

    def _goals(
        self,
        connection: Connection,
        studies: Sequence[Study],
        objectives: Objectives,
        plugins: Plugins | None,
    ) -> tuple[Goal, ...]:
        if objectives is None:
            return common_goals(studies)
        others = [rows.study_of(row, str(self.path)) for row in connection.execute(rows.STUDY)]
        names = [name for (name,) in connection.execute("SELECT name FROM metric_names")]
        return goals_of(objectives, studies, others, names, lambda: offered_goals(plugins))

    def _front_at(
        self,
        study: Studies,
        objectives: Objectives,
        where: str | None,
        budget: int,
        plugins: Plugins | None,
    ) -> list[Trial]:
        from nas.archive.models import unchanging

        with self._studies(study) as (connection, found):
            if objectives is not None or where is not None or len(found) > 1:
                raise ArchiveError(
                    "a front at a budget is of one study, its own objectives and all trials that "
                    "came as far: leave out the budget, or objectives, where and other studies"
                )
            parts = rows.components_of(connection, found[0])
            return front_at(connection, found[0], budget, lambda: unchanging(parts, plugins))

    @contextmanager
    def _studies(self, studies: Studies) -> Iterator[tuple[Connection, list[Study]]]:
        """Hold one state of the file, with the studies that are meant, each once."""
        wanted: list[Study | str | None]
        wanted = [studies] if isinstance(studies, Study | str | None) else list(studies)
        if not wanted:
            raise ArchiveError("no study is named; all of an archive are archive.studies()")
        with self._reading() as connection:
            names = dict.fromkeys(one.name if isinstance(one, Study) else one for one in wanted)
            yield connection, [rows.find_study(connection, n, str(self.path)) for n in names]
