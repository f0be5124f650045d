"""Reading an archive, beside a running search or long after it; see ``Archive``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nas.archive import rows
from nas.archive.budgets import budgets_of, full_budget_of
from nas.archive.details import Ancestor, StudyState, TrialDetails
from nas.archive.fidelities import stages_of
from nas.archive.networks import ReadingNetworks
from nas.archive.reading_trials import ReadingTrials
from nas.archive.record import ComponentRecord, Score
from nas.archive.savings import Savings, savings_of
from nas.archive.scores import own_scores_of, scores_of
from nas.archive.sessions import Session, sessions_of
from nas.archive.traces import Trace, trace_of
from nas.study import Study
from nas.trial import CurvePoint, Measurement, Ruling, Status, Trial

if TYPE_CHECKING:
    from pathlib import Path

    from nas.abstract.exporter import Exporter
    from nas.exporting import Exported
    from nas.plugins import Plugins


class Archive(ReadingTrials, ReadingNetworks):
    """An archive, read-only. It can be read while a search writes to it, and by several threads.

    A study is given by name or as ``Study``; None is the one that was last written to.

    >>> with Archive("digits.db") as archive:       # doctest: +SKIP
    ...     best = archive.front()[0]
    ...     network = archive.load_model(best.id)

    Args:
        path: of the SQLite file.

    Raises:
        ArchiveError: here, it is no archive, or not of this version; from any method, there is no
            such study or trial, or the file is damaged.
    """

    def studies(self) -> list[Study]:
        """Return all studies, in the order they were created."""
        with self._reading() as connection:
            found = connection.execute(f"{rows.STUDY} ORDER BY id").fetchall()
            return [rows.study_of(row, str(self.path)) for row in found]

    def study(self, name: str | None = None) -> Study:
        """Return the study of that name, or the one that was last written to."""
        with self._reading() as connection:
            return rows.find_study(connection, name, str(self.path))

    def state(self, study: Study | str | None = None) -> StudyState:
        """Return how far a study is."""
        with self._study(study) as (connection, found):
            sql = "SELECT status, reason, created, updated FROM studies WHERE id = ?"
            status, reason, *times = connection.execute(sql, (found.id,)).fetchone()
            counts, stages = rows.counts_of(connection, found), stages_of(connection, found)
            front = len(rows.front_ids(connection, found))
        return StudyState(status, reason, times[0], times[1], counts, front, stages)

    def sessions(self, study: Study | str | None = None) -> list[Session]:
        """Return who has run a study when, the latest last."""
        with self._study(study) as (connection, found):
            return sessions_of(connection, found)

    def counts(self, study: Study | str | None = None) -> dict[Status, int]:
        """Return how many trials there are of each status, for every status."""
        with self._study(study) as (connection, found):
            return rows.counts_of(connection, found)

    def failures(self, study: Study | str | None = None) -> dict[str, int]:
        """Return how many trials failed, by kind of failure, the most frequent first."""
        with self._study(study) as (connection, found):
            sql = """SELECT failure_kind, count(*) FROM trials WHERE study = ? AND status = 'failed'
                GROUP BY failure_kind ORDER BY count(*) DESC, failure_kind"""
            return dict(connection.execute(sql, (found.id,)).fetchall())

    def turned_away(self, study: Study | str | None = None) -> dict[str, int]:
        """Return how many infeasible trials broke each bound, by the bound in words."""
        with self._study(study) as (connection, found):
            return rows.turned_away_of(connection, found)

    def budget(self, study: Study | str | None = None) -> int | None:
        """Return the budget of a complete trial; None before there is one, or without budgets."""
        with self._study(study) as (connection, found):
            return full_budget_of(connection, found)

    def budgets(self, study: Study | str | None = None) -> dict[int, int]:
        """Return how many trials have reported at which budget, the full one too."""
        with self._study(study) as (connection, found):
            return budgets_of(connection, found)

    def savings(self, study: Study | str | None = None, *, full: int | None = None) -> Savings:
        """Return what stopping trials has saved, and what became of those that were audited.

        Args:
            study: which one.
            full: budget of a complete trial, where there is none yet to tell.
        """
        with self._study(study) as (connection, found):
            return savings_of(connection, found, full)

    def trial(self, trial_id: int) -> Trial:
        """Return the trial of that id."""
        with self._trial(trial_id) as (connection, study):
            return rows.trials_by_id(connection, {study.id: study.goals}, [trial_id])[0]

    def details(self, trial_id: int) -> TrialDetails:
        """Return what there is to know of a trial beside the trial."""
        with self._trial(trial_id) as (connection, study):
            sql = """SELECT canonical_id, text, started, worker,
                    EXISTS (SELECT 1 FROM front WHERE front.trial = trials.id)
                FROM trials JOIN architectures ON architectures.id = architecture
                WHERE trials.id = ?"""
            canonical_id, text, started, worker, on_front = connection.execute(
                sql, (trial_id,)
            ).fetchone()
            kept = rows.artifacts_of(connection, trial_id)
        return TrialDetails(study.name, canonical_id, text, started, worker, bool(on_front), kept)

    def canonical_id(self, trial_id: int) -> str:
        """Return the canonical id of a trial's architecture."""
        return self.details(trial_id).canonical_id

    def curve(self, trial_id: int) -> tuple[CurvePoint, ...]:
        """Return a trial's learning curve, by increasing step."""
        with self._trial(trial_id) as (connection, _):
            return rows.curve_of(connection, trial_id)

    def rulings(self, trial_id: int) -> tuple[Ruling, ...]:
        """Return what a scheduler has decided on a trial, in order."""
        with self._trial(trial_id) as (connection, _):
            return rows.rulings_of(connection, trial_id)

    def measurements(self, trial_id: int) -> dict[str, Measurement]:
        """Return a trial's measured metrics, with spread and the whole protocol."""
        with self._trial(trial_id) as (connection, _):
            return rows.measurements_of(connection, trial_id)

    def scores(self, study: Study | str | None = None) -> dict[int, tuple[Score, ...]]:
        """Return what a filter thought of the candidates of each proposal, by trial number."""
        with self._study(study) as (connection, found):
            scores: dict[int, list[Score]] = {}
            for number, score in scores_of(connection, found):
                scores.setdefault(number, []).append(score)
        return {number: tuple(of_proposal) for number, of_proposal in scores.items()}

    def own_scores(self, study: Study | str | None = None) -> dict[str, dict[int, float]]:
        """Return what was thought of the complete trials' networks before they were trained.

        By scorer (``proxy:NAME``, ``predictor:NAME``, or ``bulk:PLUGIN:NAME`` where ``nas score``
        scored them), for each trial's id; higher is better.
        """
        with self._study(study) as (connection, found):
            scores: dict[str, dict[int, float]] = {}
            for scorer, trial, value in own_scores_of(connection, found):
                scores.setdefault(scorer, {})[trial] = value
        return scores

    def trace(self, study: Study | str, metrics: Sequence[str]) -> Trace:
        """Return what became of each trial, in columns, with these metrics."""
        with self._study(study) as (connection, found):
            return trace_of(connection, found, metrics)

    def components(self, study: Study | str | None = None) -> tuple[ComponentRecord, ...]:
        """Return the provenance of everything a study uses."""
        with self._study(study) as (connection, found):
            return rows.components_of(connection, found)

    def lineage(self, trial_id: int) -> list[Ancestor]:
        """Return every trial that a trial stems from, once, the nearest first."""
        with self._trial(trial_id) as (connection, study):
            depths = rows.ancestors_of(connection, trial_id)
            found = rows.trials_by_id(connection, {study.id: study.goals}, depths)
        ancestors = [Ancestor(depths[trial.id], trial) for trial in found]
        return sorted(ancestors, key=lambda ancestor: (ancestor.depth, ancestor.trial.number))

    def export(
        self,
        trial_id: int,
        to: str | Exporter,
        path: str | Path,
        *,
        untrained: bool = False,
        force: bool = False,
        plugins: Plugins | None = None,
        **parameters: Any,
    ) -> Exported:
        """Write a trial's network in a form that runs without nas, such as ``onnx``.

        What is written is loaded again and compared with the archived network before it is put in
        its place; see ``nas.exporting.export``.

        Args:
            trial_id: of the trial.
            to: name of the exporter, or one that is built.
            path: where to; its suffix is the exporter's.
            untrained: with the weights that training began with.
            force: replace what is there.
            plugins: those that offer the exporter and the space; by default, the installed ones.
            parameters: of the exporter, if it is named.

        Raises:
            ExportError: it cannot be written, or is not the same network.
            ArchiveError: there is no such trial, or it has no weights.
            ComponentError: no plugin offers the exporter or the space.
        """
        from nas.archive.exports import build_exporter, found_network
        from nas.exporting import export

        exporter = build_exporter(to, parameters, plugins) if isinstance(to, str) else to
        found = found_network(
            self,
            trial_id,
            untrained=untrained,
            needs_weights=exporter.needs_weights,
            plugins=plugins,
        )
        return export(exporter, found, path, force=force)
