"""What a search reads back of its own studies, to go on with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nas.architecture import Architecture
from nas.archive.artifacts import Artifacts
from nas.archive.earlier import Earlier, find_earlier
from nas.archive.opening import content_of, errors_of
from nas.archive.record import Score
from nas.archive.rows import (
    STUDY,
    counts_of,
    curve_of,
    protocols_of,
    rulings_of,
    study_of,
    told_of,
    trials_by_end,
    trials_of,
)
from nas.archive.scores import scores_of
from nas.archive.sessions import incidents_by_trial
from nas.archive.sources import Source, sources_of
from nas.study import Study
from nas.trial import CurvePoint, Ruling, Status, Trial


class History:
    """The reading half of a ``Writer``, over the same connection."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._artifacts = Artifacts(path)

    def existing(self, name: str) -> Study | None:
        """Return the study of that name as it was archived, or None."""
        with errors_of(self._path), content_of(self._path):
            row = self._connection.execute(f"{STUDY} WHERE name = ?", (name,)).fetchone()
            return study_of(row, str(self._path)) if row else None

    def finished(self, study: Study) -> Iterator[Trial]:
        """Yield all trials by number, without cancelled ones: what a resumed search replays.

        They are read by the chunk, so trials that are recorded meanwhile can be among them.
        """
        with errors_of(self._path), content_of(self._path):
            for trial in trials_of(self._connection, study):
                if trial.status is not Status.CANCELLED:
                    yield trial

    def ended(self, study: Study) -> tuple[Iterator[Trial], dict[int, int]]:
        """Return what a search in order of completion replays.

        Returns:
            The trials that there are now in the order in which they ended, without cancelled
            ones; and how many had been told when a trial was proposed, by number.
        """
        with errors_of(self._path), content_of(self._path):
            trials = trials_by_end(self._connection, study)
            return trials, told_of(self._connection, study)

    def past(self, trial: Trial) -> tuple[tuple[CurvePoint, ...], tuple[Ruling, ...]] | None:
        """Return a trial's curve and what a scheduler has decided on it; None if it never ran."""
        with errors_of(self._path), content_of(self._path):
            sql = "SELECT started FROM trials WHERE id = ?"
            (started,) = self._connection.execute(sql, (trial.id,)).fetchone()
            if not started:
                return None
            return curve_of(self._connection, trial.id), rulings_of(self._connection, trial.id)

    def count(self, study: Study) -> int:
        """Return how many trials there are, without cancelled ones."""
        with errors_of(self._path), content_of(self._path):
            counts = counts_of(self._connection, study)
        return sum(counts.values()) - counts[Status.CANCELLED]

    def incidents_by_trial(self, study: Study) -> dict[int | None, int]:
        """Return how many incidents have met a trial in all sessions, by its number."""
        with errors_of(self._path):
            return incidents_by_trial(self._connection, study)

    def evaluated_before(
        self,
        study: Study,
        canonical_id: str,
        architecture: Architecture | None,
        budget: int | None,
    ) -> Earlier | None:
        """Return an evaluation of the same network in the same way; see ``find_earlier``."""
        with errors_of(self._path), content_of(self._path):
            return find_earlier(
                self._connection, self._artifacts, study, canonical_id, architecture, budget
            )

    def sources(self, study: Study) -> tuple[Source, ...]:
        """Return the earlier studies that a study began from."""
        with errors_of(self._path), content_of(self._path):
            return sources_of(self._connection, study)

    def scores(self, study: Study) -> Iterator[Score]:
        """Yield every score of a study by trial number, those of cancelled trials too."""
        with errors_of(self._path), content_of(self._path):
            for _, score in scores_of(self._connection, study):
                yield score

    def protocols(self, study: Study) -> dict[str, dict[str, Any]]:
        """Return the protocol of each measured metric, as the study's first trial has it."""
        with errors_of(self._path), content_of(self._path):
            return protocols_of(self._connection, study)
