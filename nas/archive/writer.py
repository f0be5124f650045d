"""Writing an archive: one process, one transaction for what one wake-up of a search brought."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nas.archive import insert, sessions
from nas.archive.artifacts import WEIGHTS
from nas.archive.fidelities import Stage, insert_stages
from nas.archive.fronts import StudyFront
from nas.archive.history import History
from nas.archive.lease import BlockedStudy, Lease
from nas.archive.opening import errors_of, open_for_writing
from nas.archive.record import ComponentRecord, Record
from nas.archive.sources import Source, insert_sources
from nas.archive.studies import StudyStatus, create_study, go_on, set_status, space_of
from nas.archive.transactions import Transactions
from nas.closing import Closing
from nas.errors import ArchiveError
from nas.incident import Incident
from nas.study import Study
from nas.trial import Status, Trial


@dataclass(frozen=True)
class Recorded:
    """What has been committed.

    Args:
        trials: with their ids, in the order of the records.
        front_changed: whether a trial has entered or left the front.
        front: numbers of the trials on the front, in order.
    """

    trials: tuple[Trial, ...]
    front_changed: bool
    front: tuple[int, ...]


class Writer(History, Closing):
    """The one that writes to an archive; ``Writer.open`` makes it, ``close`` ends it.

    A second writer on another study of the same file works; they take turns. One on the same study
    is refused by ``study``, which holds a lease on it until the session or the process ends.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._fronts: dict[int, StudyFront] = {}
        self._leases: dict[int, Lease] = {}
        self._sessions: dict[int, int] = {}
        self._data_version = -1
        self._transactions = Transactions(path, connection)

    @classmethod
    def open(cls, path: str | Path, *, durable: bool = True) -> Writer:
        """Open an archive, or create it; its folder must be there.

        Files of weights that a killed search has left over are removed. What ``durable`` means
        says ``open_for_writing``.

        Raises:
            ArchiveError: the file is no archive, of a newer version, or cannot be written. It is
                left as it is.
        """
        writer = cls(Path(path), open_for_writing(Path(path), durable=durable))
        try:
            writer._remove_unused(writer._artifacts.files())
        except BaseException:
            writer.close()
            raise
        return writer

    def close(self) -> None:
        """Close the file and let others have the studies; more than once is fine."""
        self._connection.close()
        while self._leases:
            self._leases.popitem()[1].release()

    def study(
        self,
        study: Study,
        components: Sequence[ComponentRecord],
        sources: Sequence[Source] = (),
        stages: Sequence[Stage] = (),
    ) -> Study:
        """Begin a session: create the study, or go on with the one of that name.

        Args:
            study: what to create; of one that exists, config and evaluation are brought up to date.
            components: what is used now, one of them of role ``space``. Versions that an existing
                study has not been run with before are added to it.
            sources: from where it begins, if it is new.
            stages: what the steps of its learning curves mean, if they are no epochs.

        Returns:
            The study as it is archived, with its id.

        Raises:
            ArchiveError: the existing study is in another space, another driver runs it, or
                something is not plain JSON.
        """
        with self._transaction():
            space = insert.insert_space(self._connection, components)
            existing = self.existing(study.name)
            if existing is None:
                id_ = create_study(self._connection, study, space)
                insert_sources(self._connection, id_, sources)
                insert_stages(self._connection, id_, stages)
            elif self._space(existing) != space:
                raise ArchiveError(
                    f"study {study.name!r} is in another space; give the new one another name"
                )
            archived = self.existing(study.name)
            assert archived is not None
            self._take_lease(archived)
            go_on(self._connection, archived, study)
            insert.insert_components(self._connection, archived.id, components)
            set_status(self._connection, archived, "running", "")
            self._sessions[archived.id] = sessions.begin(self._connection, archived)
            archived = self.existing(study.name)
            assert archived is not None
        return archived

    def record(self, study: Study, records: Sequence[Record]) -> Recorded:
        """Write trials in one transaction; when this returns they are on disk.

        The front is brought up to date, weights of trials that entered it are fetched and stored,
        and those of trials that left it are removed, unless the study keeps all weights. A
        cancelled trial is replaced; no other is ever overwritten.

        Args:
            study: as ``Writer.study`` returned it.
            records: at most one a trial number.

        Raises:
            ArchiveError: nothing has been written then. What ``Record.weights`` raises is passed
                on, and nothing has been written either.
        """
        with self._transaction():
            space, front = self._space(study), self._front(study)
            ids = insert.make_room(self._connection, study, records)
            trials = tuple(map(_with_id, records, ids))
            _check(study, trials)
            insert.insert_records(self._connection, study, space, records, trials)
            front.add(trials)
            dropped = self._save(front, study, dict(zip(ids, records, strict=True)))
            now = (time.time(), study.id)
            self._connection.execute("UPDATE studies SET updated = ? WHERE id = ?", now)
        recorded = Recorded(trials, front.changed, front.numbers())
        front.saved()
        if dropped:
            self._remove_unused(map(self._artifacts.path, dropped))
        return recorded

    def front(self, study: Study) -> list[Trial]:
        """Return the trials on a study's front, by first objective."""
        with errors_of(self._path):
            self._forget_what_others_changed()
            return self._front(study).trials()

    def spent(self, study: Study) -> float:
        """Return the seconds of all earlier sessions; a killed one ran to its last heartbeat."""
        with errors_of(self._path):
            return sessions.spent(self._connection, study, self._session(study))

    def heartbeat(self, study: Study, state: Mapping[str, Any]) -> None:
        """Note that the session is alive, and what runs where."""
        with self._transaction():
            sessions.beat(self._connection, self._session(study), state)

    def incidents(self, study: Study, incidents: Sequence[Incident]) -> None:
        """Keep what went wrong with the machines."""
        with self._transaction():
            sessions.add_incidents(self._connection, self._session(study), incidents)

    def close_session(self, study: Study, status: StudyStatus, reason: str) -> None:
        """Note how a session ended, and why, in words; another driver may go on with the study."""
        with self._transaction():
            set_status(self._connection, study, status, reason)
            sessions.end(self._connection, self._session(study), status, reason)
        self._leases.pop(study.id).release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit, or leave the file as it was; what is in memory is then read again."""
        try:
            with self._transactions.begin():
                self._forget_what_others_changed()
                yield
        except BaseException:
            self._fronts.clear()
            raise

    def _forget_what_others_changed(self) -> None:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._fronts.clear()
            self._data_version = version

    def _front(self, study: Study) -> StudyFront:
        if study.id not in self._fronts:
            self._fronts[study.id] = StudyFront.load(self._connection, study)
        return self._fronts[study.id]

    def _space(self, study: Study) -> int:
        space = space_of(self._connection, study)
        if space is None:
            raise ArchiveError(f"study {study.name!r} is not in {str(self._path)!r}")
        return space

    def _session(self, study: Study) -> int:
        if study.id not in self._sessions:
            raise ArchiveError(f"study {study.name!r} has no session: begin one with Writer.study")
        return self._sessions[study.id]

    def _take_lease(self, study: Study) -> None:
        if study.id in self._leases:
            return
        try:
            self._leases[study.id] = Lease(self._path, study.id)
        except BlockedStudy:
            holder = sessions.latest(self._connection, study)
            who = f": {holder.holder()}" if holder else ""
            raise ArchiveError(
                f"study {study.name!r} in {str(self._path)!r} is being run by another driver{who}. "
                "Wait for it or stop it; a study of another name can run beside it"
            ) from None

    def _save(self, front: StudyFront, study: Study, records: Mapping[int, Record]) -> set[str]:
        """Write how the front has changed; returns the hashes of weights that lost their row."""
        many = self._connection.executemany
        many(
            "INSERT INTO front (trial, study) VALUES (?, ?)", [(t, study.id) for t in front.entered]
        )
        all_kept = study.config.get("weights") == "all"
        weights = [
            self._artifacts.add(trial, content)
            for trial in (records if all_kept else front.entered)
            if (fetch := records[trial].weights) is not None and (content := fetch()) is not None
        ]
        insert.insert_artifacts(self._connection, weights)
        dropped: set[str] = set()
        for trial in front.left:
            self._connection.execute("DELETE FROM front WHERE trial = ?", (trial,))
            if all_kept:
                continue
            which = "FROM artifacts WHERE trial = ? AND kind = ?"
            found = self._connection.execute(f"SELECT sha256 {which}", (trial, WEIGHTS))
            dropped.update(sha256 for (sha256,) in found.fetchall())
            self._connection.execute(f"DELETE {which}", (trial, WEIGHTS))
        return dropped

    def _remove_unused(self, files: Iterator[Path]) -> None:
        with self._transaction():  # no other writer may begin to use one of them meanwhile
            self._artifacts.remove_unused(self._connection, files)


def _with_id(record: Record, id_: int) -> Trial:
    """Return the trial as it is archived: with its id, and what was measured among its metrics."""
    trial = record.trial
    if record.measurements:
        measured = {name: m.value for name, m in record.measurements.items()}
        trial = replace(trial, metrics={**measured, **trial.metrics})
    return trial.archived_as(id_)


def _check(study: Study, trials: Sequence[Trial]) -> None:
    """Losses are not stored but follow from the metrics, so these must be complete."""
    for trial in trials:
        missing = [g.metric for g in study.goals if g.metric not in trial.metrics]
        if trial.status is Status.COMPLETE and missing:
            raise ArchiveError(
                f"study {study.name!r}: trial {trial.number} is complete without {missing}"
            )
