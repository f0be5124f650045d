"""From which earlier studies a study began: noted once, so that it goes on from the same."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas.study import Study
from nas.trial import Trial


@dataclass(frozen=True)
class Source:
    """An earlier study whose complete trials are told to another one's strategy.

    Args:
        archive: path, as the config has it; empty for the archive of the new study.
        study: its name there.
        last: id of the last trial that is taken; those that came later are not.
        trials: how many of them could be used.
        digest: of these.
        same: whether they were evaluated in the same way as in the new study.
    """

    archive: str
    study: str
    last: int
    trials: int
    digest: str
    same: bool


def insert_sources(connection: sqlite3.Connection, study: int, sources: Sequence[Source]) -> None:
    """Note from where a study begins."""
    connection.executemany(
        """INSERT INTO warm_starts (study, position, archive, source, last, trials, digest, same)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (study, i, s.archive, s.study, s.last, s.trials, s.digest, s.same)
            for i, s in enumerate(sources)
        ],
    )


def sources_of(connection: sqlite3.Connection, study: Study) -> tuple[Source, ...]:
    """Return from where a study began."""
    rows = connection.execute(
        """SELECT archive, source, last, trials, digest, same FROM warm_starts
            WHERE study = ? ORDER BY position""",
        (study.id,),
    )
    return tuple(
        Source(archive, name, last, trials, digest, bool(same))
        for archive, name, last, trials, digest, same in rows
    )


def digest_of(trials: Iterable[Trial]) -> str:
    """Return 20 hexadecimal digits for what trials say, by number."""
    told = [[t.id, t.architecture.to_json(), sorted(t.metrics.items())] for t in trials]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=10).hexdigest()
